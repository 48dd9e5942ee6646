"""One go at a run folder: take the lock, find what is missing, grow it, write it down.

Resuming is the normal path: a session walks the plan, asks the ledger which rows have ended and
grows the others. Rows are fed as they are needed, so that neither seeds nor rows pile up.
"""

import asyncio
import json
import os
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypedDict

from evolkit.caller import Caller, Limits, Meter
from evolkit.clients.base import Client, Price
from evolkit.clock import Clock
from evolkit.errors import BudgetError, EvolkitError, RunLocked, StorageError
from evolkit.filters.sets import filter_set
from evolkit.grow import Grower, Row, Work
from evolkit.limits import Breaker, Budget, RateLimit, Slots
from evolkit.plan import EvolvedRow, Plan
from evolkit.records import Record
from evolkit.store.completions import CompletionStore
from evolkit.store.ledger import EndedRow, Ending, Ledger
from evolkit.store.writer import Writer

LEDGER_FILE = "ledger.sqlite"
STORE_FILE = "completions.sqlite"
LOCK_FILE = "lock"
ROWS_PER_LOOK = 100
"""Planned rows asked for at once; with their conversations a few hundred ids."""


class RunOptions(TypedDict, total=False):
    """How a run calls its model, all optional.

    `store`: file of completions shared with other runs (default: one in the run folder).
    `concurrency`: most calls in flight (64, and no more than the client wants). `max_attempts`
    (5) and `timeout_s` (120) of one call. `budget_usd`, `budget_tokens`: what the run may
    spend, all its sessions together. `price_per_million`: USD for a million prompt tokens and
    a million completion tokens, where the client's own price is unknown or wrong.
    `requests_per_minute`, `tokens_per_minute`: rates never exceeded. `max_outage_s` (600): how
    long an endpoint may fail everything before the session ends. `on_row` gets every row as it
    ends, `watch` a `Progress` about twice a second. `clock` is for tests.
    """

    store: str | Path | None
    concurrency: int
    max_attempts: int
    timeout_s: float
    budget_usd: float | None
    budget_tokens: int | None
    price_per_million: tuple[float, float] | None
    requests_per_minute: float | None
    tokens_per_minute: float | None
    max_outage_s: float
    on_row: Callable[[Row], None] | None
    watch: Callable[["Progress"], None] | None
    clock: Clock


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


class Session:
    """One process's work on one run folder."""

    def __init__(self, plan: Plan, client: Client, folder: Path, options: RunOptions) -> None:
        self._plan = plan
        self._client = client
        self._folder = folder
        self._options = options
        self._clock = options.get("clock") or Clock()
        self._stopped: EvolkitError | None = None

    async def run(self) -> None:
        """Ends every row of the plan, or raises what keeps it from that.

        A budget that is reached is no error: the ledger notes it and the rest is left.
        """
        make_folder(self._folder)
        with held(self._folder):
            ledger = Ledger(self._folder / LEDGER_FILE)
            store = CompletionStore(self._store_path())
            try:
                async with AsyncExitStack() as stack:
                    limits = self._limits()
                    self._begin(ledger)
                    await stack.enter_async_context(self._client)
                    writer = await stack.enter_async_context(Writer(store, ledger))
                    await self._grow(ledger, store, writer, limits)
                self._finish(ledger)
            finally:
                store.close()
                ledger.close()

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
        seeds = f"{signature} {plan.seeds_digest} {planned}"
        if ledger.meta("plan") != seeds:
            ledger.replace_seeds(
                (each.ordinal, each.seed.model_dump_json().encode())
                for each in plan.planned_seeds()
            )
            ledger.set_meta("generation", str(ledger.generation + 1))
            ledger.set_meta("plan", seeds)
        ledger.set_meta("signature", signature)
        ledger.set_meta("planned", planned)
        ledger.set_meta("model", plan.model)
        ledger.set_meta("recipe", plan.recipe.model_dump_json())
        ledger.set_meta("state", "running")
        ledger.set_meta("stopped", "")

    async def _grow(
        self, ledger: Ledger, store: CompletionStore, writer: Writer, limits: Limits
    ) -> None:
        chance = random.Random()
        caller = Caller(self._client, store, writer, limits, clock=self._clock, chance=chance)
        caller.take_over(ledger)
        progress = self._progress(ledger, caller, limits)
        generation = ledger.generation
        on_row = self._options.get("on_row")

        def put(row: Row, position: int, children: int) -> None:
            writer.row(EndedRow(row, position, generation, children))
            ending = "record" if isinstance(row, Record) else type(row).__name__.lower()
            progress.ended[row.kind, ending] += 1
            progress.orphans += 0 if isinstance(row, Record) else children
            if on_row is not None:
                on_row(row)

        grower = Grower(self._plan, caller, filter_set(self._plan.recipe.filters), put)
        places = asyncio.Semaphore(2 * limits.slots.ceiling + 2)
        watching = asyncio.create_task(self._watch(progress))
        try:
            async with asyncio.TaskGroup() as group:
                for works, moves in self._missing(ledger, generation):
                    if moves:
                        writer.moves(moves)
                    for work in works:
                        await places.acquire()
                        if self._stopped is not None:
                            break
                        group.create_task(self._one(grower, work, places))
                    if self._stopped is not None:
                        break
                    await asyncio.sleep(0)
                else:
                    progress.is_fed = True
                    writer.drop_older(generation)
        finally:
            watching.cancel()
            self._show(progress)

    async def _one(self, grower: Grower, work: Work, places: asyncio.Semaphore) -> None:
        """Grows one row; an error that stops the run lets the calls in flight come home."""
        try:
            if self._stopped is None:
                await grower.grow(work)
        except* EvolkitError as group:
            if self._stopped is None:
                self._stopped = _first(group)
        finally:
            places.release()

    def _missing(
        self, ledger: Ledger, generation: int
    ) -> Iterator[tuple[list[Work], list[tuple[str, int, int]]]]:
        """Rows still to grow, and rows that ended under an earlier plan and move; in chunks."""
        position = 0
        rows = self._plan.rows()
        while chunk := list(islice(rows, ROWS_PER_LOOK)):
            ids = [id_ for row in chunk for id_ in (row.id, *(c.id for c in row.conversations))]
            known: dict[str, tuple[Ending, int, int]] = {}
            for start in range(0, len(ids), 500):
                known |= ledger.known(ids[start : start + 500])
            works, moves = [], []
            for row in chunk:
                places = {
                    row_id: position + n
                    for n, row_id in enumerate([row.id, *(c.id for c in row.conversations)])
                }
                position += len(places)
                moves += [
                    (row_id, place, generation)
                    for row_id, place in places.items()
                    if row_id in known and known[row_id][1:] != (place, generation)
                ]
                work = _work(row, places, {i: known[i][0] for i in places if i in known}, ledger)
                if work is not None:
                    works.append(work)
            yield works, moves

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
        while True:
            self._show(progress)
            await self._clock.sleep(0.5)

    def _show(self, progress: Progress) -> None:
        watch = self._options.get("watch")
        if watch is not None:
            watch(progress)

    def _finish(self, ledger: Ledger) -> None:
        stopped = self._stopped
        if stopped is None:
            ledger.set_meta("state", "finished")
            return
        if not isinstance(stopped, StorageError):
            ledger.set_meta("state", "budget" if isinstance(stopped, BudgetError) else "stopped")
            ledger.set_meta("stopped", str(stopped))
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
        ceiling = options.get("concurrency", 64)
        return Limits(
            slots=Slots(min(ceiling, self._client.max_concurrency or ceiling)),
            requests=RateLimit(options.get("requests_per_minute"), clock),
            tokens=RateLimit(options.get("tokens_per_minute"), clock),
            budget=Budget(budget_usd, options.get("budget_tokens")),
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


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds a run folder for this process. Raises RunLocked, saying who has it.

    The operating system lets go of it when the process dies, however it dies.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK_FILE, timeout=0)
    owner = folder / "owner.json"
    try:
        lock.acquire()
    except Timeout:
        try:
            holder = json.loads(owner.read_text())
            who = f"process {holder['pid']} on {holder['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another process"
        raise RunLocked(
            f"run folder {str(folder)!r} is in use by {who}; wait for it or stop it"
        ) from None
    try:
        owner.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def make_folder(folder: Path) -> None:
    """Makes a folder with its parents. Raises StorageError where the disk refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror or error}") from error


def _work(
    row: EvolvedRow, places: dict[str, int], ended: dict[str, str], ledger: Ledger
) -> Work | None:
    """What is missing of a row, None when nothing is."""
    missing = tuple((places[each.id], each) for each in row.conversations if each.id not in ended)
    if row.id not in ended:
        return Work(row, places[row.id], missing)
    if not missing or ended[row.id] != "record":
        return None
    return Work(row, places[row.id], missing, ledger.record(row.id))


def _first(group: BaseExceptionGroup[EvolkitError]) -> EvolkitError:
    """The first error of a group; the others are its echoes."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, EvolkitError)
    return error
