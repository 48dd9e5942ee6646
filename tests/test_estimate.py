import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

import evolkit as ek
from evolkit.clients.base import Price
from evolkit.errors import RunError
from evolkit.estimate import Estimate, estimate
from evolkit.records import Completion, Message
from evolkit.testing import FakeClient
from evolkit.tokens import count_tokens

LINES = {
    "eng_Latn": "Describe how a lighthouse works and who looks after it today. ",
    "tha_Thai": "อธิบายว่าประภาคารทำงานอย่างไรและใครเป็นผู้ดูแลในปัจจุบัน ",
    "urd_Arab": "بتائیں کہ روشنی کا مینار کیسے کام کرتا ہے اور آج اس کی دیکھ بھال کون کرتا ہے۔ ",
}
PRICE = Price(1e-6, 4e-6)


def seeds(each: int, tasks: tuple[str, ...] = ("general", "flan_cot")) -> list[dict[str, str]]:
    """So many seeds of every task and language, a few short and some very long."""
    chance = random.Random(7)
    return [
        {
            "instruction": f"{number}. " + line * chance.choice((1, 1, 2, 3, 12)),
            "language": tag,
            "task": task,
        }
        for tag, line in LINES.items()
        for task in tasks
        for number in range(each)
    ]


def a_model(messages: list[Message]) -> Completion:
    """Answers of very different lengths that grow with the prompt; one draft in 12 can't be read.

    What is said depends on what is asked alone, so that a run can be made again.
    """
    asked = messages[-1]["content"]
    number = zlib.crc32(asked.encode())
    sent = sum(count_tokens(each["content"], encoding="o200k_base") for each in messages)
    body = f"{number} " + "wordier and wordier " * (number % 17)
    text = body if "material-" not in asked else json.dumps({"instruction": body})
    if "follow_up_user_prompt" in asked:
        text = json.dumps({"follow_up_user_prompt": body})
    if number % 12 == 0:
        text = ""
    got = 5 + count_tokens(text, encoding="o200k_base") + sent // 5
    return Completion(text, "m", prompt_tokens=sent + 11, completion_tokens=got)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Estimate, ek.Run]]:
    """A pilot, the full run, and what was estimated of it from the pilot."""
    folder = tmp_path_factory.mktemp("runs")
    rows = seeds(30)
    small = ek.Recipe(evols=2, max_turns=2, filters="none", seeds_per_task=10)
    whole = ek.Recipe(evols=2, max_turns=2, filters="none")
    ek.run(rows, small, client=FakeClient(a_model, model="m"), out=folder / "pilot")
    found = estimate(ek.plan(rows, whole, model="m"), price=PRICE, like=folder / "pilot")
    run = ek.run(rows, whole, client=FakeClient(a_model, model="m"), out=folder / "full")
    return {"full": (found, run)}


Measure = Callable[[Estimate], float]


@pytest.mark.parametrize(
    ("of_estimate", "of_run"),
    [
        (lambda found: found.calls, lambda spend: spend.calls),
        (lambda found: found.prompt_tokens.middle, lambda spend: spend.prompt_tokens),
        (lambda found: found.completion_tokens.middle, lambda spend: spend.completion_tokens),
        (
            lambda found: found.usd.middle,
            lambda spend: PRICE.cost_usd(spend.prompt_tokens, spend.completion_tokens),
        ),
    ],
    ids=["calls", "prompt tokens", "completion tokens", "usd"],
)
def test_after_a_pilot_the_estimate_is_within_15_percent_of_what_the_run_used(
    used: dict[str, tuple[Estimate, ek.Run]], of_estimate: Measure, of_run: Callable[..., float]
) -> None:
    """The bound that the estimate promises; the pilot saw a third of the seeds."""
    found, run = used["full"]
    happened = sum(of_run(each) for each in run.status().spend)
    assert of_estimate(found) == pytest.approx(happened, rel=0.15)


def test_each_step_is_within_15_percent_too(used: dict[str, tuple[Estimate, ek.Run]]) -> None:
    """Errors of the steps must not only cancel out."""
    found, run = used["full"]
    for spend in run.status().spend:
        cell = found.by_step()[spend.step]  # type: ignore[index]  # a step, kept as text
        assert cell.calls == pytest.approx(spend.calls, rel=0.15)
        assert cell.prompt_tokens == pytest.approx(spend.prompt_tokens, rel=0.15)
        assert cell.completion_tokens == pytest.approx(spend.completion_tokens, rel=0.15)


def test_what_the_run_used_lies_between_low_and_high(
    used: dict[str, tuple[Estimate, ek.Run]],
) -> None:
    """An interval that is missed is worse than none."""
    found, run = used["full"]
    spend = run.status().spend
    assert found.prompt_tokens.low <= sum(each.prompt_tokens for each in spend)
    assert found.prompt_tokens.high >= sum(each.prompt_tokens for each in spend)
    assert found.completion_tokens.low <= sum(each.completion_tokens for each in spend)
    assert found.completion_tokens.high >= sum(each.completion_tokens for each in spend)


def test_a_language_the_pilot_lacked_is_guessed_and_named(tmp_path: Path) -> None:
    """The pilot's level is carried over, and the interval widens by what is only guessed."""
    recipe = ek.Recipe(evols=2, max_turns=1, filters="none")
    rows = seeds(10, tasks=("general",))
    english = [row for row in rows if row["language"] == "eng_Latn"]
    ek.run(english, recipe, client=FakeClient(a_model, model="m"), out=tmp_path / "pilot")
    found = estimate(ek.plan(rows, recipe, model="m"), like=tmp_path / "pilot")
    assert any("general in tha_Thai" in each for each in found.assumptions)
    assert found.completion_tokens.high > 1.15 * found.completion_tokens.middle


def test_without_a_pilot_the_assumptions_are_told() -> None:
    """Figures from a paper's means are no measurement and must not look like one."""
    found = estimate(ek.plan(seeds(3), ek.Recipe(evols=2), model="openai/gpt-4o"))
    assert not found.is_measured
    assert any("Table 2" in each for each in found.assumptions)
    assert found.completion_tokens.low < found.completion_tokens.middle
    assert found.completion_tokens.middle < found.completion_tokens.high
    assert found.usd is not None
    assert found.usd.middle > 0


def test_calls_and_evols_are_those_of_the_plan() -> None:
    """Nothing may be lost where the parts are summed up: 18 seeds, 2 evols, 2 x 2 + 4 calls."""
    found = estimate(ek.plan(seeds(3), ek.Recipe(evols=2, max_turns=2), model="m"))
    assert found.calls == 18 * 2 * (2 + 4)
    assert sum(found.by_evol.values()) == 18 * 2
    assert found.by_step()["reply"].calls == 18 * 2 * 2


def test_prompt_tokens_are_those_of_the_rendered_prompts() -> None:
    """With every seed alike the sample's mean is exact: the first prompt can be counted by hand."""
    row = {"instruction": "Name three rivers.", "language": "eng_Latn", "task": "general"}
    plan = ek.plan([row], ek.Recipe(evols=("deepen",), max_turns=0), model="openai/gpt-4o")
    (planned,) = plan.rows()
    prompt = ek.render(planned.evol, planned.seed, draws=planned.draws)
    texts = [each["content"] for each in prompt.messages]
    by_hand = sum(count_tokens(text, encoding="o200k_base") + 4 for text in texts) + 3
    assert estimate(plan).by_step()["evolve"].prompt_tokens == by_hand


def test_the_same_content_costs_more_in_thai_than_in_english() -> None:
    """Languages pay for their tokeniser: 4.39 tokens for one of English by cl100k."""
    found = estimate(ek.plan(seeds(3), ek.Recipe(evols=1), model="openai/gpt-4"))
    assert found.token_costs == {"eng_Latn": 1.0, "tha_Thai": 4.39, "urd_Arab": 4.43}
    cells = found.by_language()
    assert cells["tha_Thai"].completion_tokens > 2 * cells["eng_Latn"].completion_tokens


def test_an_unknown_price_is_said_to_be_unknown() -> None:
    """Never zero: a budget would be planned on it."""
    found = estimate(ek.plan(seeds(1), ek.Recipe(evols=1), model="nobody/knows-it"))
    assert found.usd is None
    assert "price of 'nobody/knows-it' unknown" in found.summary()


def test_the_slower_of_two_rates_decides_the_time() -> None:
    """216 calls at 2 a minute take 108 minutes, however many tokens are allowed."""
    found = estimate(ek.plan(seeds(3), ek.Recipe(evols=2, max_turns=2), model="m"))
    minutes = found.minutes(requests_per_minute=2, tokens_per_minute=1e9)
    assert minutes is not None
    assert minutes.middle == 108
    assert found.minutes() is None


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    """A misspelt folder must not fall back on assumptions."""
    with pytest.raises(RunError, match="no run folder"):
        estimate(ek.plan(seeds(1), ek.Recipe(evols=1)), like=tmp_path)


def test_a_pilot_of_other_languages_is_refused(tmp_path: Path) -> None:
    """It tells nothing of this plan."""
    rows = seeds(2, tasks=("general",))
    recipe = ek.Recipe(evols=1, max_turns=0, filters="none")
    english = [row for row in rows if row["language"] == "eng_Latn"]
    others = [row for row in rows if row["language"] != "eng_Latn"]
    ek.run(english, recipe, client=FakeClient(a_model, model="m"), out=tmp_path / "pilot")
    with pytest.raises(RunError, match="in common"):
        estimate(ek.plan(others, recipe), like=tmp_path / "pilot")


def test_a_plan_without_rows_uses_nothing() -> None:
    """A recipe without evols has none; that is no error of the estimate."""
    found = estimate(ek.plan(seeds(1), ek.Recipe(evols=0)))
    assert found.calls == 0
    assert found.tokens.high == 0
