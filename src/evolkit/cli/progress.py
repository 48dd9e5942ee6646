"""A run as it is seen in a terminal: live where there is one, plain lines where there is none."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from evolkit.records import RowKind
from evolkit.run import Run, Status
from evolkit.session import Progress

LINE_EVERY_S = 10.0
"""How often a line is written where there is no terminal."""
KINDS: tuple[tuple[RowKind, str], ...] = (("evolved", "evolved"), ("multi_turn", "conversations"))


class Watcher:
    """Shows a run's progress on stderr; nothing with `quiet`. A context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._started = self._last_line = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Takes a look at the run; called about twice a second."""
        now = time.monotonic()
        if self._console.is_terminal:
            self._live.update(progress_table(progress, now - self._started), refresh=True)
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            self._console.print(
                progress_line(progress, now - self._started), highlight=False, soft_wrap=True
            )

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


def progress_table(progress: Progress, elapsed_s: float) -> Table:
    """Rows per step, then calls, tokens, money and time."""
    table = Table("", "done", "planned", "records", "rejects", "failures", box=None)
    for kind, title in KINDS:
        planned, done = _planned(progress, kind), _done(progress, kind)
        ended = [f"{progress.ended[kind, each]:,}" for each in ("record", "reject", "failure")]
        table.add_row(title, f"{done:,}", f"{planned:,}", *ended)
    table.caption = escape(_pace(progress, elapsed_s))
    table.caption_justify = "left"
    return table


def progress_line(progress: Progress, elapsed_s: float) -> str:
    """The same on one line."""
    rows = "  ".join(
        f"{title} {_done(progress, kind):,}/{_planned(progress, kind):,}" for kind, title in KINDS
    )
    return f"{rows}  {_pace(progress, elapsed_s)}"


def show_end(run: Run, status: Status) -> None:
    """The funnel of a run that has ended, and what it used."""
    console = Console(highlight=False)
    console.print(funnel(status))
    spent = status.spend
    usd = sum(each.usd for each in spent)
    unpriced = sum(each.unpriced for each in spent)
    money = f"{usd:.4f} USD" + (f" and {unpriced:,} calls of unknown price" if unpriced else "")
    tokens = sum(each.tokens for each in spent)
    console.print(f"\n{sum(each.calls for each in spent):,} calls, {tokens:,} tokens, {money}")
    if status.stopped:
        console.print(escape(status.stopped))
    console.print(f"run folder: {escape(str(run.path))} ({status.state})", soft_wrap=True)


def funnel(status: Status) -> Table:
    """Planned rows, and how they ended with every reason; the sums agree."""
    table = Table("", "evolved", "conversations", box=None, pad_edge=False)
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


def _pace(progress: Progress, elapsed_s: float) -> str:
    meter, limits = progress.meter, progress.limits
    rate = meter.calls / elapsed_s if elapsed_s else 0.0
    parts = [
        f"{meter.calls:,} calls ({rate:,.1f}/s, {limits.slots.in_flight} in flight)",
        f"{meter.prompt_tokens + meter.completion_tokens:,} tokens",
    ]
    budget = limits.budget
    if budget.usd is not None:
        parts.append(f"{budget.spent_usd:.4f} of {budget.usd:.4f} USD")
    elif meter.usd:
        parts.append(f"{meter.usd:.4f} USD")
    if meter.retries:
        parts.append(f"{meter.retries:,} retries")
    if limits.breaker.is_open:
        parts.append(f"paused, every call fails: {limits.breaker.last_error}")
    done = sum(_done(progress, kind) for kind, _ in KINDS)
    planned = progress.planned_evolved + progress.planned_conversations
    if done and elapsed_s > LINE_EVERY_S:
        parts.append(f"about {_duration(elapsed_s * (planned - done) / done)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
