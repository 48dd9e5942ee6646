"""What a run will use, before a cent is spent: calls, tokens, money and time, with a range.

Prompts are rendered for a seeded sample of the plan's rows and their tokens counted; how long
the answers will be is assumed, or learnt from a pilot run. Calls nobody.
"""

import functools
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from evolkit.clients.base import FREE, Price
from evolkit.clients.prices import prices
from evolkit.lengths import ANSWER, FOLLOW_UP, GROWTH, REPLY, Sampled, Tokens, assumed, sample
from evolkit.pilot import KIND_OF, Group, Pilot, Use
from evolkit.plan import Plan
from evolkit.records import STEPS, Step
from evolkit.token_costs import encoding_of, token_cost

LEDGER_FILE = "ledger.sqlite"
LOW, HIGH = 0.5, 3.0
"""Answers may be half as long as assumed, or three times: models have grown wordier since."""
SMALLEST = 0.02
"""No interval is narrower: how providers count tokens differs by as much."""


class Range(NamedTuple):
    """From low to high with the likeliest between."""

    low: float
    middle: float
    high: float

    def plus(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.middle + other.middle, self.high + other.high)


class Cell(NamedTuple):
    """The likeliest use of one step in one language."""

    calls: float
    prompt_tokens: float
    completion_tokens: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan's run will use.

    `cells` by step and language; `by_evol` counts evolved instructions; `token_costs` are tokens
    for one of English, by language. `is_measured` tells whether a pilot run stands behind it:
    then the ranges are 95 % intervals from how much the pilot's seeds differ, else what the
    assumptions allow. A `price` of None is unknown.
    """

    model: str
    cells: dict[tuple[Step, str], Cell]
    by_evol: dict[str, int]
    token_costs: dict[str, float]
    prompt_tokens: Range
    completion_tokens: Range
    price: Price | None
    is_measured: bool
    assumptions: tuple[str, ...]

    @property
    def calls(self) -> float:
        return sum(cell.calls for cell in self.cells.values())

    @property
    def tokens(self) -> Range:
        return self.prompt_tokens.plus(self.completion_tokens)

    @property
    def usd(self) -> Range | None:
        """None where the price is unknown."""
        if self.price is None:
            return None
        pairs = zip(self.prompt_tokens, self.completion_tokens, strict=True)
        price = self.price
        return Range(*(price.prompt * sent + price.completion * got for sent, got in pairs))

    def minutes(
        self,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> Range | None:
        """Time at these rates, the slower one deciding; None where no rate is given."""
        by_calls = self.calls / requests_per_minute if requests_per_minute else 0.0
        by_tokens = [each / tokens_per_minute if tokens_per_minute else 0.0 for each in self.tokens]
        found = Range(*(max(by_calls, each) for each in by_tokens))
        return found if requests_per_minute or tokens_per_minute else None

    def by_step(self) -> dict[Step, Cell]:
        """What each step uses in all languages."""
        return {
            step: _sum(cell for (of, _), cell in self.cells.items() if of == step) for step in STEPS
        }

    def by_language(self) -> dict[str, Cell]:
        """What each language uses in all steps."""
        tags = sorted({tag for _, tag in self.cells})
        return {
            tag: _sum(cell for (_, of), cell in self.cells.items() if of == tag) for tag in tags
        }

    def summary(
        self,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> str:
        """All of it as text for people."""
        minutes = self.minutes(
            requests_per_minute=requests_per_minute, tokens_per_minute=tokens_per_minute
        )
        basis = "95 % interval, after a pilot run" if self.is_measured else "what is assumed"
        lines = [
            f"calls          {_count(self.calls)}",
            f"prompt tokens  {_range(self.prompt_tokens)}",
            f"answer tokens  {_range(self.completion_tokens)}",
            f"USD            {self._usd_text()}",
            f"time           {_time_text(minutes)}",
            f"low to high:   {basis}",
            *(f"  - {each}" for each in self.assumptions),
            "",
            f"{'step':<12}{'calls':>11}{'prompt tokens':>16}{'answer tokens':>16}",
            *(_row(step, cell) for step, cell in self.by_step().items()),
            "",
            f"{'language':<12}{'calls':>11}{'prompt tokens':>16}{'answer tokens':>16}"
            "  tokens for one of English",
            *(
                f"{_row(tag, cell)}  {self.token_costs[tag]:.1f}"
                for tag, cell in self.by_language().items()
            ),
            "",
            f"{'evol':<48}{'instructions':>13}",
            *(f"{evol:<48}{rows:>13,}" for evol, rows in sorted(self.by_evol.items())),
        ]
        return "\n".join(lines)

    def _usd_text(self) -> str:
        if self.usd is None or self.price is None:
            return f"price of {self.model!r} unknown; give USD per million tokens"
        prompt, completion = (1e6 * each for each in self.price)
        low, middle, high = self.usd
        rates = f"at {prompt:g} and {completion:g} a million tokens"
        return f"{low:,.2f} - {high:,.2f}, likely {middle:,.2f} ({rates})"


def estimate(plan: Plan, *, price: Price | None = None, like: str | Path | None = None) -> Estimate:
    """What a run of this plan will use, every row of it new; takes a few seconds at any size.

    `price` None: what is known of the plan's model. `like` is the folder of a pilot run, best of
    some dozens of seeds of each task and language: answers are then as long, and drafts rejected
    as often, as they were there.

    Raises RunError when `like` is no run folder or has nothing in common with the plan.
    """
    pilot = None if like is None else Pilot(Path(like) / LEDGER_FILE)
    sampled = sample(plan)
    likely, low, high = (_assumed(plan, sampled, stretch) for stretch in (1.0, LOW, HIGH))
    if pilot is None:
        cells = _by_cell(likely)
        totals = [_total(each) for each in (low, likely, high)]
        ranges = [Range(*(each[side] for each in totals)) for side in (0, 1)]
    else:
        cells, ranges = _measured(plan, pilot, likely)
    encoding = encoding_of(plan.model)
    return Estimate(
        model=plan.model,
        cells=cells,
        by_evol=plan.counts.by_evol,
        token_costs={tag: token_cost(tag, encoding).ratio for tag in plan.counts.by_language},
        prompt_tokens=ranges[0],
        completion_tokens=ranges[1],
        price=price or _known_price(plan.model),
        is_measured=pilot is not None,
        assumptions=(*_told(plan, len(sampled)), *(_told_of(pilot, plan) if pilot else _ASSUMED)),
    )


Uses = dict[tuple[Step, str, str], Use]
"""By step, task and language."""

_ASSUMED = (
    f"in a language of mean cost an evolved instruction has {GROWTH:.0f} tokens more than its "
    f"seed, an answer {ANSWER:.0f} and a reply {REPLY:.0f} (the M2Lingual paper's Table 2), a "
    f"follow-up {FOLLOW_UP:.0f}; at the low end half of each, at the high end three times",
    "no draft is rejected; the answers of a pilot run tell better",
)


def _assumed(plan: Plan, sampled: list[Sampled], stretch: float) -> Uses:
    means = assumed(plan, sampled, stretch)
    return {
        (step, task, tag): Use(calls, Tokens().plus(means[step, task, tag], calls))
        for (task, tag), steps in plan.counts.by_group.items()
        for step, calls in steps.items()
        if calls
    }


def _measured(
    plan: Plan, pilot: Pilot, likely: Uses
) -> tuple[dict[tuple[Step, str], Cell], list[Range]]:
    """What the pilot's rows tell of the plan's, split between the steps as it paid for them."""
    rows: dict[Group, int] = {}
    per_row: dict[Group, Use] = {}
    for (step, task, tag), use in likely.items():
        group = (KIND_OF[step], task, tag)
        steps = plan.counts.by_group[task, tag]
        count = steps["evolve"]
        if group[0] == "multi_turn":
            count = steps["follow_up"] // plan.recipe.max_turns
        rows[group] = count
        before = per_row.get(group, Use(0.0, Tokens()))
        per_row[group] = Use(
            before.calls + use.calls / count, before.tokens.plus(use.tokens, 1 / count)
        )
    uses = pilot.use(plan, rows, per_row)
    parts: Uses = {}
    for step, task, tag in likely:
        whole = uses[KIND_OF[step], task, tag]
        share = pilot.share(step, tag) or Use(0.5, Tokens(0.5, 0.5))
        tokens = Tokens(
            whole.tokens.prompt * share.tokens.prompt,
            whole.tokens.completion * share.tokens.completion,
        )
        parts[step, task, tag] = Use(whole.calls * share.calls, tokens)
    return _by_cell(parts), [_interval(list(uses.values()), side) for side in (0, 1)]


def _interval(uses: list[Use], side: int) -> Range:
    """Chance adds up in squares, what is guessed adds up as it is."""
    middle = sum(use.tokens[side] for use in uses)
    chance = math.sqrt(sum(use.error[side] ** 2 for use in uses))
    half = max(SMALLEST * middle, chance + sum(use.doubt[side] for use in uses))
    return Range(max(0.0, middle - half), middle, middle + half)


def _by_cell(uses: Uses) -> dict[tuple[Step, str], Cell]:
    cells: dict[tuple[Step, str], list[Cell]] = defaultdict(list)
    for (step, _, tag), use in uses.items():
        cells[step, tag].append(Cell(use.calls, *use.tokens))
    return {key: _sum(each) for key, each in cells.items()}


def _total(uses: Uses) -> Tokens:
    return functools.reduce(Tokens.plus, (use.tokens for use in uses.values()), Tokens())


def _sum(cells: Iterable[Cell]) -> Cell:
    columns = list(zip(*cells, strict=True))
    return Cell(*(sum(column) for column in columns)) if columns else Cell(0.0, 0.0, 0.0)


def _known_price(model: str) -> Price | None:
    return FREE if model.partition(":")[0] == "local" else prices(model)


def _told(plan: Plan, sampled: int) -> list[str]:
    encoding = encoding_of(plan.model)
    told = [f"prompts of {sampled:,} rows counted with {encoding}; no call is made twice"]
    tags = plan.counts.by_language
    if missing := sorted(tag for tag in tags if not token_cost(tag, encoding).is_measured):
        told.append(f"tokens of {', '.join(missing)} cost what those of their script do")
    return told


def _told_of(pilot: Pilot, plan: Plan) -> list[str]:
    told = [f"answers and rejects are as in the pilot run's {pilot.rows:,} rows"]
    if guessed := pilot.guessed:
        names = ", ".join(sorted(guessed)[:5]) + (" and others" if len(guessed) > 5 else "")
        told.append(f"too few rows in the pilot for {names}: assumed lengths, brought to its level")
    if pilot.model != plan.model:
        told.append(f"the pilot's model was {pilot.model!r}, this is {plan.model!r}")
    if plan.recipe.max_turns != pilot.max_turns:
        told.append(
            f"the pilot's conversations had {pilot.max_turns} turns more, not "
            f"{plan.recipe.max_turns}; the rest in proportion"
        )
    return told


def _count(value: float) -> str:
    return f"{round(value):,}"


def _range(found: Range) -> str:
    return f"{_count(found.low)} - {_count(found.high)}, likely {_count(found.middle)}"


def _row(name: str, cell: Cell) -> str:
    calls, sent, got = map(_count, cell)
    return f"{name:<12}{calls:>11}{sent:>16}{got:>16}"


def _time_text(minutes: Range | None) -> str:
    if minutes is None:
        return "give the requests or tokens a minute that the endpoint allows"
    unit, size = ("hours", 60) if minutes.middle >= 120 else ("minutes", 1)
    low, middle, high = (each / size for each in minutes)
    return f"{low:,.1f} - {high:,.1f} {unit}, likely {middle:,.1f}, at the given rate"
