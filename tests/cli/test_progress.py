"""What a terminal shows of a run, held against numbers worked out by hand."""

import io
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from evolkit.caller import Limits, Meter
from evolkit.cli.progress import Pace, progress_line, progress_table, tell
from evolkit.clock import Clock
from evolkit.limits import Breaker, Budget, Cost, RateLimit, Slots
from evolkit.session import Progress
from evolkit.store.batches import BatchJournal, Sent, batches_away


def a_pace(*looks: tuple[float, int, int]) -> Pace:
    pace = Pace()
    for look in looks:
        pace.look(*look)
    return pace


def progress(*, budget: Budget | None = None, meter: Meter | None = None) -> Progress:
    """A run of 10 evolved instructions and 10 conversations, of which 5 and 3 are over."""
    clock = Clock()
    limits = Limits(
        slots=Slots(8),
        requests=RateLimit(None, clock),
        tokens=RateLimit(None, clock),
        budget=budget or Budget(),
        breaker=Breaker(clock, threshold=1),
    )
    ended = {
        ("evolved", "record"): 2,
        ("evolved", "reject"): 2,
        ("evolved", "failure"): 1,
        ("multi_turn", "failure"): 1,
    }
    return Progress(10, 10, meter or Meter(), limits, ended=Counter(ended), orphans=2)


def as_text(shown: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_time_left_counts_from_where_this_session_began() -> None:
    """A run that goes on finds most rows ended, and did not end them in no time."""
    pace = a_pace((0.0, 0, 900), (20.0, 40, 910))
    assert pace.left_s(90) == 180.0  # 10 rows in 20 s


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    """After a pause of an hour, the rate of before and the hour itself mean nothing."""
    pace = a_pace((0.0, 0, 0), (3600.0, 100, 50), (3615.0, 130, 60), (3630.0, 160, 70))
    assert pace.calls_per_s() == 2.0
    assert pace.left_s(30) == 45.0


@pytest.mark.parametrize(
    "looks", [(), ((0.0, 0, 0),), ((0.0, 0, 0), (2.0, 9, 9)), ((0.0, 0, 5), (20.0, 9, 5))]
)
def test_no_time_is_told_before_it_can_be_known(looks: tuple[tuple[float, int, int], ...]) -> None:
    """A guess from two seconds, or from rows that don't end, frightens or deceives."""
    assert a_pace(*looks).left_s(100) is None


def test_rows_add_up_in_the_table() -> None:
    """Whoever adds records, rejects, failures and those without a parent gets what is done."""
    shown = as_text(progress_table(progress(), []))
    evolved, conversations = (line.split() for line in shown.splitlines()[1:3])
    assert evolved == ["evolved", "5", "10", "2", "2", "1"]
    assert conversations == ["conversations", "3", "10", "0", "0", "1", "2"]


def test_a_line_tells_the_same_without_a_terminal() -> None:
    """Logs are read after the fact; what was lost must stand there too."""
    assert progress_line(progress(), ["7 calls"]) == (
        "evolved 5/10 (2 rejects, 1 failures); conversations 3/10 (1 failures); 7 calls"
    )


def test_money_stands_against_the_budget_with_what_earlier_sessions_spent() -> None:
    """The budget is the run's, not the session's."""
    budget = Budget(usd=2.0, tokens=5000)
    budget.book(Cost(0.5, 1500))
    told = tell(progress(budget=budget, meter=Meter(calls=1, usd=0.1)), Pace(), 0, [])
    assert told[1] == "1,500 of 5,000 tokens, 0.5000 of 2.0000 USD"


def test_an_unknown_price_is_told_and_never_zero() -> None:
    """Nobody should take an unpriced run for a free one."""
    told = tell(progress(meter=Meter(calls=2, prompt_tokens=7, unpriced=2)), Pace(), 0, [])
    assert told[1] == "7 tokens, no price"


def test_a_paused_run_says_why_and_names_no_time() -> None:
    """A run that stands still for minutes looks dead unless it says so."""
    now = progress()
    now.limits.breaker.report("status 503 [busy]", is_probe=False)
    told = tell(now, a_pace((0.0, 0, 0), (20.0, 40, 10)), 30, [])
    assert "the last with: status 503 [busy]; trying one at a time" in told[-1]
    assert "status 503 [busy]" in as_text(progress_table(now, told))


def test_batches_that_are_away_are_told_with_their_calls() -> None:
    """They may be away for a day; their names are what a provider's page lists."""
    told = tell(progress(), Pace(), 30, [Sent("batch_7", 60), Sent(None, 5)])
    assert told[0].endswith("waiting")
    assert told[-1] == "2 batches away with 65 calls: batch_7, one being made"


def test_who_looks_finds_what_is_away(tmp_path: Path) -> None:
    """`evolkit status` reads the journal while the run writes it."""
    path = tmp_path / "batches.sqlite"
    assert batches_away(path) == []
    assert not path.exists()
    journal = BatchJournal(path)
    first = journal.uploaded("file-1", ["aa", "bb"])
    journal.created(first, "batch_1")
    journal.uploaded("file-2", ["cc"])
    assert batches_away(path) == [Sent("batch_1", 2), Sent(None, 1)]
    journal.settled(first, [("aa", b"{}")])
    assert batches_away(path) == [Sent(None, 1)]
    journal.close()
