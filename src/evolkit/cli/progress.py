"""A run as it is seen in a terminal: live where there is one, plain lines where there is none."""

import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from evolkit.records import STEPS, RowKind, Step
from evolkit.run import BATCHES_FILE, Run, Status
from evolkit.session import Progress
from evolkit.store.batches import Sent, batches_away
from evolkit.store.entries import Spend

LINE_EVERY_S = 10.0
"""How often a line is written where there is no terminal."""
WINDOW_S = 30.0
"""Rates are those of the last so many seconds: what was fast an hour ago helps nobody."""
KINDS: tuple[tuple[RowKind, str], ...] = (("evolved", "evolved"), ("multi_turn", "conversations"))


class Watcher:
    """Shows a run's progress on stderr; nothing with `quiet`. A context manager.

    `folder` is the run's, to tell of batches that are away; `turns` the user turns that a
    conversation adds, to tell how much of the work is left.
    """

    def __init__(self, *, quiet: bool = False, folder: Path | None = None, turns: int = 1) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._batches = None if folder is None else folder / BATCHES_FILE
        self._weights: dict[RowKind, int] = {"evolved": 1, "multi_turn": max(1, turns)}
        self._pace = Pace()
        self._last_line = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Takes a look at the run; called about twice a second."""
        now = time.monotonic()
        done, planned = (
            sum(weight * rows(progress, kind) for kind, weight in self._weights.items())
            for rows in (_done, _planned)
        )
        self._pace.look(now, progress.meter.calls, done)
        if self._console.is_terminal:
            told = tell(progress, self._pace, planned - done, self._away())
            self._live.update(progress_table(progress, told), refresh=True)
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            told = tell(progress, self._pace, planned - done, self._away())
            self._console.print(progress_line(progress, told), highlight=False, soft_wrap=True)

    def _away(self) -> list[Sent]:
        return [] if self._batches is None else batches_away(self._batches)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()


class Pace:
    """How fast a run goes, by looks at it over the last half minute."""

    class Look(NamedTuple):
        at_s: float
        calls: int
        done: int

    def __init__(self) -> None:
        self._looks: deque[Pace.Look] = deque()

    def look(self, at_s: float, calls: int, done: int) -> None:
        """Notes calls made and work done so far; `at_s` never falls."""
        self._looks.append(Pace.Look(at_s, calls, done))
        while len(self._looks) > 2 and self._looks[1].at_s <= at_s - WINDOW_S:
            self._looks.popleft()

    def calls_per_s(self) -> float:
        """Calls a second; 0.0 before the second look."""
        seconds = self._looks[-1].at_s - self._looks[0].at_s if self._looks else 0.0
        return (self._looks[-1].calls - self._looks[0].calls) / seconds if seconds else 0.0

    def left_s(self, left: int) -> float | None:
        """Seconds for work of this amount; None while too little is known, or nothing moves."""
        if not self._looks:
            return None
        seconds = self._looks[-1].at_s - self._looks[0].at_s
        done = self._looks[-1].done - self._looks[0].done
        return left * seconds / done if done > 0 and seconds >= LINE_EVERY_S else None


def progress_table(progress: Progress, told: list[str]) -> RenderableType:
    """Rows per kind, then each of the lines."""
    table = _numbers("", "done", "planned", "records", "rejects", "failures", "no parent")
    for kind, title in KINDS:
        ended = [f"{progress.ended[kind, each]:,}" for each in ("record", "reject", "failure")]
        orphans = f"{progress.orphans:,}" if kind == "multi_turn" else ""
        done, planned = _done(progress, kind), _planned(progress, kind)
        table.add_row(title, f"{done:,}", f"{planned:,}", *ended, orphans)
    return Group(table, *(escape(line) for line in told))


def progress_line(progress: Progress, told: list[str]) -> str:
    """The same on one line."""
    rows = []
    for kind, title in KINDS:
        lost = [
            f"{progress.ended[kind, ending]:,} {ending}s"
            for ending in ("reject", "failure")
            if progress.ended[kind, ending]
        ]
        ended = f" ({', '.join(lost)})" if lost else ""
        rows.append(f"{title} {_done(progress, kind):,}/{_planned(progress, kind):,}{ended}")
    return "; ".join([*rows, *told])


def tell(progress: Progress, pace: Pace, left: int, away: list[Sent]) -> list[str]:
    """Calls, tokens and money, batches, an outage, time: a line each, as far as there is any."""
    meter, limits = progress.meter, progress.limits
    calls = f"{meter.calls:,} calls, {pace.calls_per_s():,.1f}/s, {limits.slots.in_flight:,} "
    told = [calls + ("waiting" if away else "in flight")]
    if meter.reused:
        told[0] += f", {meter.reused:,} from the store"
    if meter.retries:
        told[0] += f", {meter.retries:,} retr{'y' if meter.retries == 1 else 'ies'}"
    told.append(_used(progress))
    if away:
        told.append(_away(away))
    breaker = limits.breaker
    if breaker.is_open:
        told.append(
            f"paused, every call has failed for {_duration(breaker.open_for_s)}, the last with: "
            f"{breaker.last_error}; trying one at a time"
        )
    left_s = pace.left_s(left)
    if left_s is not None and not away and not breaker.is_open:
        told.append(f"about {_duration(left_s)} left")
    return told


def show_end(run: Run, status: Status) -> None:
    """The funnel of a run, what it used, and what is still away."""
    console = Console(highlight=False)
    console.print(funnel(status))
    console.print()
    console.print(spending(status))
    if lost := sum(each.lost for each in status.spend):
        booked = sum(each.booked_tokens for each in status.spend)
        console.print(
            f"{lost:,} more calls brought no answer, but perhaps a bill; "
            f"with these at worst a budget counts {booked:,} tokens"
        )
    if away := batches_away(run.path / BATCHES_FILE):
        console.print(escape(_away(away)), soft_wrap=True)
    if status.stopped:
        console.print(escape(status.stopped), soft_wrap=True)
    console.print(f"run folder: {escape(str(run.path))} ({status.state})", soft_wrap=True)


def spending(status: Status) -> Table:
    """Calls, tokens and USD by step and in all."""
    table = _numbers("", "calls", "prompt tokens", "answer tokens", "USD")
    spent = sorted(status.spend, key=lambda each: STEPS.index(cast(Step, each.step)))
    for each in spent:
        table.add_row(*_spent(each.step, [each]))
    table.add_row(*_spent("all", spent))
    return table


def _spent(name: str, spent: list[Spend]) -> list[str]:
    calls, unpriced = sum(each.calls for each in spent), sum(each.unpriced for each in spent)
    usd = f"{sum(each.usd for each in spent):,.4f}"
    if unpriced:
        usd = "unknown" if unpriced == calls else f"{usd} and {unpriced:,} calls of unknown price"
    sent = sum(each.prompt_tokens for each in spent)
    got = sum(each.completion_tokens for each in spent)
    return [name, f"{calls:,}", f"{sent:,}", f"{got:,}", usd]


def funnel(status: Status) -> Table:
    """Planned rows, and how they ended with every reason; the sums agree."""
    table = _numbers("", "evolved", "conversations")
    planned = status.planned
    table.add_row("planned", f"{planned['evolved']:,}", f"{planned['conversations']:,}")
    table.add_row("records", *(f"{status.count(kind, 'record'):,}" for kind, _ in KINDS))
    for ending in ("reject", "failure"):
        table.add_row(f"{ending}s", *(f"{status.count(kind, ending):,}" for kind, _ in KINDS))
        reasons = sorted({each.reason for each in status.tallies if each.ending == ending})
        for reason in reasons:
            table.add_row(
                f"  {reason}",
                *(f"{_reason(status, kind, ending, reason):,}" for kind, _ in KINDS),
                style="dim",
            )
    table.add_row("without a parent", "", f"{status.orphans:,}")
    table.add_row("left", *(f"{status.left(kind):,}" for kind, _ in KINDS))
    return table


def _reason(status: Status, kind: str, ending: str, reason: str) -> int:
    wanted = (kind, ending, reason)
    return sum(
        each.rows for each in status.tallies if (each.kind, each.ending, each.reason) == wanted
    )


def _planned(progress: Progress, kind: str) -> int:
    return progress.planned_evolved if kind == "evolved" else progress.planned_conversations


def _done(progress: Progress, kind: str) -> int:
    done = sum(count for (of, _), count in progress.ended.items() if of == kind)
    return done + (progress.orphans if kind == "multi_turn" else 0)


def _used(progress: Progress) -> str:
    """Tokens and USD of this session; of all sessions where a budget bounds them."""
    meter, budget = progress.meter, progress.limits.budget
    tokens = f"{meter.prompt_tokens + meter.completion_tokens:,} tokens"
    if budget.tokens is not None:
        tokens = f"{budget.spent_tokens:,} of {budget.tokens:,} tokens"
    usd = f"{meter.usd:,.4f} USD"
    if budget.usd is not None:
        usd = f"{budget.spent_usd:,.4f} of {budget.usd:,.4f} USD"
    elif meter.unpriced:
        usd = f"{usd} and {meter.unpriced:,} calls of unknown price" if meter.usd else "no price"
    return f"{tokens}, {usd}"


def _away(away: list[Sent]) -> str:
    names = ", ".join(each.batch or "one being made" for each in away[:3])
    more = f" and {len(away) - 3:,} more" if len(away) > 3 else ""
    count = f"{len(away):,} batch{'es' if len(away) > 1 else ''} away"
    return f"{count} with {sum(each.requests for each in away):,} calls: {names}{more}"


def _numbers(first: str, *columns: str) -> Table:
    """A table of numbers under names."""
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
