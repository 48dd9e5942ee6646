"""One go at a run folder: take the lock, find what is missing, grow it, write it down.

Resuming is the normal path: a session walks the plan, asks the ledger which rows have ended and
grows the others. Rows are fed as they are needed, so that neither seeds nor rows pile up.
"""

import asyncio
import contextlib
import inspect
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from evolkit.caller import Caller, Limits, Meter, StoppedError
from evolkit.clients.base import Client, Price
from evolkit.clock import Clock
from evolkit.errors import BudgetError, DataError, StorageError
from evolkit.filters.sets import filter_set
from evolkit.folder import held, make_folder
from evolkit.grow import Grower, Row, Work
from evolkit.limits import Breaker, Budget, RateLimit, Slots
from evolkit.options import CALLS_AWAY, CALLS_IN_FLIGHT, RunOptions, checked
from evolkit.plan import EvolvedRow, Plan
from evolkit.records import Record
from evolkit.store.completions import CompletionStore
from evolkit.store.entries import EndedRow, Known, Move
from evolkit.store.ledger import LEDGER_FILE, Ledger
from evolkit.store.writer import Writer

STORE_FILE = "completions.sqlite"
ROWS_PER_LOOK = 100
"""Planned rows asked for at once; with their conversations a few hundred ids."""


@dataclass(slots=True)
class Progress:
    """A look at a session at work. `ended` counts rows by (kind, ending), earlier ones too."""

    planned_evolved: int
    planned_conversations: int
    meter: Meter
    limits: Limits
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    orphans: int = 0
    started_at: float = 0.0
    is_fed: bool = False

    def add(self, rows: Iterable[Known]) -> None:
        """Counts rows of an earlier plan that this one keeps."""
        for each in rows:
            self.ended[each.kind, each.ending] += 1
            self.orphans += 0 if each.ending == "record" else each.children


class _Missing(NamedTuple):
    """A chunk of the plan against the ledger: rows to grow, rows that move to a new place."""

    works: list[Work]
    moves: list[Move]
    moved: list[Known]


class Session:
    """One process's work on one run folder."""

    def __init__(self, plan: Plan, client: Client, folder: Path, options: RunOptions) -> None:
        self._plan = plan
        self._client = client
        self._folder = folder
        self._options = checked(options)
        self._clock = options.get("clock") or Clock()
        self._stopped: Exception | None = None
        self._caller: Caller | None = None

    async def run(self) -> None:
        """Ends every row of the plan, or raises what keeps it from that.

        A budget that is reached is no error: the ledger notes it and the rest is left.
        """
        limits = self._limits()
        make_folder(self._folder)
        with contextlib.ExitStack() as stack:
            stack.enter_context(held(self._folder))
            ledger = stack.enter_context(contextlib.closing(Ledger(self._folder / LEDGER_FILE)))
            store = stack.enter_context(contextlib.closing(CompletionStore(self._store_path())))
            async with AsyncExitStack() as parts:
                self._begin(ledger)
                await parts.enter_async_context(self._client)
                writer = await parts.enter_async_context(Writer(store, ledger))
                await self._grow(ledger, store, writer, limits)
            self._finish(ledger)

    def _begin(self, ledger: Ledger) -> None:
        """Writes down what this run is, and starts a new generation when the plan changed."""
        plan = self._plan
        signature = f"{plan.signature} filters={filter_set(plan.recipe.filters).signature}"
        counts = plan.counts
        planned = json.dumps(
            {
                "seeds": counts.seeds,
                "evolved": counts.evolved,
                "conversations": counts.conversations,
                "calls": counts.calls.total(),
            }
        )
        name = f"{signature} {plan.seeds_digest} {planned}"
        if ledger.meta("plan") != name:
            seeds = plan.planned_seeds()
            ledger.begin_plan(
                name, ((each.ordinal, each.seed.model_dump_json().encode()) for each in seeds)
            )
        ledger.set_meta(
            signature=signature,
            planned=planned,
            model=plan.model,
            recipe=plan.recipe.model_dump_json(),
            state="running",
            stopped="",
        )

    async def _grow(
        self, ledger: Ledger, store: CompletionStore, writer: Writer, limits: Limits
    ) -> None:
        chance = random.Random()
        caller = Caller(self._client, store, writer, limits, clock=self._clock, chance=chance)
        caller.take_over(ledger)
        self._caller = caller
        progress = self._progress(ledger, caller, limits)
        generation = ledger.generation

        async def put(row: Row, position: int, children: int) -> None:
            await writer.row(EndedRow(row, position, generation, children))
            ending = "record" if isinstance(row, Record) else type(row).__name__.lower()
            progress.ended[row.kind, ending] += 1
            progress.orphans += 0 if isinstance(row, Record) else children
            await self._tell(row)

        grower = Grower(self._plan, caller, filter_set(self._plan.recipe.filters), put)
        watching = asyncio.create_task(self._watch(progress))
        try:
            async with asyncio.TaskGroup() as group:
                try:
                    await self._feed(group, grower, ledger, writer, progress)
                except Exception as error:  # noqa: BLE001 - calls in flight come home first
                    self._stop(error)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self._show(progress)

    async def _feed(
        self,
        group: asyncio.TaskGroup,
        grower: Grower,
        ledger: Ledger,
        writer: Writer,
        progress: Progress,
    ) -> None:
        """Starts what is missing as places get free, twice as many as calls can be in flight."""
        places = asyncio.Semaphore(2 * progress.limits.slots.ceiling + 2)
        generation = ledger.generation
        for missing in self._missing(ledger, generation):
            if missing.moves:
                await writer.moves(missing.moves)
                progress.add(missing.moved)
            for work in missing.works:
                await places.acquire()
                if self._stopped is not None:
                    return
                group.create_task(self._one(grower, work, places))
            await asyncio.sleep(0)
        progress.is_fed = True
        await writer.drop_older(generation)

    async def _one(self, grower: Grower, work: Work, places: asyncio.Semaphore) -> None:
        """Grows one row; an error that stops the run lets the calls in flight come home."""
        try:
            if self._stopped is None:
                await grower.grow(work)
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - raised when all are home
            self._stop(error)
        finally:
            places.release()

    def _stop(self, error: Exception) -> None:
        """Ends the session: what waits is given up, what is under way comes home."""
        if self._stopped is None:
            self._stopped = error
        if self._caller is not None:
            self._caller.stop()

    async def _tell(self, row: Row) -> None:
        on_row = self._options.get("on_row")
        if on_row is not None and inspect.isawaitable(waiting := on_row(row)):
            await waiting

    def _missing(self, ledger: Ledger, generation: int) -> Iterator[_Missing]:
        """The plan in chunks, each against what the ledger knows."""
        position = 0
        rows = self._plan.rows()
        while chunk := list(islice(rows, ROWS_PER_LOOK)):
            found = _Missing([], [], [])
            known = ledger.known([row_id for row in chunk for row_id in _ids(row)])
            for row in chunk:
                places = {row_id: position + n for n, row_id in enumerate(_ids(row))}
                position += len(places)
                ended = {row_id: known[row_id] for row_id in places if row_id in known}
                for row_id, each in ended.items():
                    children = len(row.conversations) if row_id == row.id else 0
                    move = Move(row_id, places[row_id], generation, children)
                    if move[1:] != each[2:]:
                        found.moves.append(move)
                    if each.generation != generation:
                        found.moved.append(each._replace(children=children))
                work = _work(row, places, ended, ledger)
                if work is not None:
                    found.works.append(work)
            yield found
        counts = self._plan.counts
        if position != counts.evolved + counts.conversations:
            raise DataError("the seeds changed while the run read them; start it again")

    def _progress(self, ledger: Ledger, caller: Caller, limits: Limits) -> Progress:
        counts = self._plan.counts
        progress = Progress(
            counts.evolved,
            counts.conversations,
            caller.meter,
            limits,
            started_at=self._clock.now(),
        )
        for each in ledger.tallies():
            progress.ended[each.kind, each.ending] += each.rows
            progress.orphans += each.orphans
        return progress

    async def _watch(self, progress: Progress) -> None:
        try:
            while True:
                self._show(progress)
                await self._clock.sleep(0.5)
        except Exception as error:  # noqa: BLE001 - the watcher is the user's; told at the end
            self._stop(error)

    def _show(self, progress: Progress) -> None:
        watch = self._options.get("watch")
        if watch is not None:
            watch(progress)

    def _finish(self, ledger: Ledger) -> None:
        stopped = self._stopped
        if stopped is None:
            ledger.set_meta(state="finished")
            return
        state = "budget" if isinstance(stopped, BudgetError) else "stopped"
        # A disk that is full can't take this either, and the first error is the one to tell.
        with contextlib.suppress(StorageError):
            ledger.set_meta(state=state, stopped=str(stopped))
        if not isinstance(stopped, BudgetError):
            raise stopped

    def _limits(self) -> Limits:
        options = self._options
        clock = self._clock
        per_million = options.get("price_per_million")
        price = (
            Price(per_million[0] / 1e6, per_million[1] / 1e6)
            if per_million
            else self._client.price()
        )
        budget_usd = options.get("budget_usd")
        if budget_usd is not None and price is None:
            raise BudgetError(
                f"the price of {self._client.model!r} is unknown, so a budget in USD can't be "
                "kept; give price_per_million or a budget in tokens"
            )
        most = self._client.max_concurrency
        default = CALLS_AWAY if self._client.is_batch else CALLS_IN_FLIGHT
        ceiling = options.get("concurrency", default)
        slots = Slots(min(ceiling, most or ceiling))
        if self._client.is_batch:
            # No slow start: every batch may take a day.
            slots.limit = float(slots.ceiling)
        return Limits(
            slots=slots,
            requests=RateLimit(options.get("requests_per_minute"), clock),
            tokens=RateLimit(options.get("tokens_per_minute"), clock),
            budget=Budget(
                budget_usd,
                options.get("budget_tokens"),
                is_first_alone=not self._client.is_batch,
            ),
            breaker=Breaker(clock),
            price=price,
            max_attempts=options.get("max_attempts", 5),
            timeout_s=options.get("timeout_s", 120.0),
            max_outage_s=options.get("max_outage_s", 600.0),
        )

    def _store_path(self) -> Path:
        given = self._options.get("store")
        if given is None:
            return self._folder / STORE_FILE
        make_folder(Path(given).parent)
        return Path(given)


def _ids(row: EvolvedRow) -> list[str]:
    """The row's id and those of its conversations, in the plan's order."""
    return [row.id, *(each.id for each in row.conversations)]


def _work(
    row: EvolvedRow, places: dict[str, int], ended: dict[str, Known], ledger: Ledger
) -> Work | None:
    """What is missing of a row, None when nothing is."""
    missing = tuple((places[each.id], each) for each in row.conversations if each.id not in ended)
    if row.id not in ended:
        return Work(row, places[row.id], missing)
    if not missing or ended[row.id].ending != "record":
        return None
    return Work(row, places[row.id], missing, ledger.record(row.id))
