"""A client that asks by provider batches: cheaper, hours later, and never twice.

Calls gather until none has come for a moment; then they travel as one file. What is away is on
disk before the batch is created, so that after a crash the same calls attach to it.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import orjson

from evolkit.clients.base import Client, Price, Request
from evolkit.clients.batch_wires import (
    ENDPOINT,
    BatchState,
    batch_price,
    completion_of,
    read_line,
    wire_of,
)
from evolkit.clients.faults import http_fault
from evolkit.errors import CallError, EvolkitError, OutageError
from evolkit.records import Completion
from evolkit.store.batches import Away, BatchJournal

MOST_REQUESTS = 50_000
MOST_BYTES = 64 * 2**20
"""OpenAI takes 50,000 requests and 200 MB a file; a file stands in memory while it is sent."""
MAX_ROUNDS = 3
"""Batches in which a request may expire or meet a server's fault before its row fails."""
OVER = frozenset({"completed", "failed", "expired", "cancelled"})
TOO_MUCH_AWAY = "token_limit_exceeded"
"""The code of a batch refused because the account has too many tokens waiting."""

T = TypeVar("T")
logger = logging.getLogger("evolkit.batch")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait, in seconds.

    Calls gather until none has come for `gather_s`; looks at a batch come `first_s` after it was
    made and then ever later, up to `last_s` apart; trouble may last `max_outage_s`.
    """

    gather_s: float = 2.0
    first_s: float = 5.0
    last_s: float = 60.0
    max_outage_s: float = 1800.0

    def pauses(self) -> Iterator[float]:
        pause_s = self.first_s
        while True:
            yield pause_s
            pause_s = min(self.last_s, 1.5 * pause_s)


@dataclass(slots=True)
class _Waiting:
    """A call that waits for its answer's body."""

    request: Request
    body: "asyncio.Future[bytes]"
    rounds: int = 0
    callers: int = 0


class BatchClient(Client):
    """The model of another client, asked by batches; what is away is kept in the file `journal`.

    Raises ConfigError for a client whose provider has none. Stops with OutageError when a whole
    batch is refused or was cancelled at the provider, or can't be reached for half an hour.
    """

    is_batch = True

    def __init__(
        self,
        client: Client,
        journal: Path,
        *,
        pace: Pace | None = None,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.model = client.model
        self.max_concurrency = most_requests
        self._client = client
        self._wire = wire_of(client)
        self._path = journal
        self._pace = pace or Pace()
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._journal: BatchJournal | None = None

    def price(self) -> Price | None:
        return batch_price(self._client)

    async def start(self) -> None:
        if self._journal is not None:
            return
        await self._client.start()
        journal = self._journal = BatchJournal(self._path)
        self._waiting: dict[str, _Waiting] = {}
        self._queued: dict[str, bytes] = {}
        self._queued_bytes = 0
        self._last_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken: list[str] = []
        self._broken: EvolkitError | None = None
        batches = journal.away()
        self._away = {key for batch in batches for key in journal.asked_in(batch.number)}
        for batch in batches:
            self._spawn(self._resume(batch))

    async def close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        journal.close()
        await self._client.close()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self._journal is not None:
            # Nothing went wrong: whoever took these answers has stored them.
            self._journal.forget(self._taken)
        await super().__aexit__(kind, error, trace)

    async def complete(self, request: Request) -> Completion:
        if self._journal is None:
            await self.start()
        assert self._journal is not None
        key = request.key()
        body = self._journal.answer(key)
        if body is None:
            body = await self._asked(key, request)
        try:
            completion = completion_of(body, self._client, self.price())
        except CallError:
            # Asked again, it must be asked anew.
            self._journal.forget([key])
            raise
        self._taken.append(key)
        return completion

    async def _asked(self, key: str, request: Request) -> bytes:
        if self._broken is not None:
            raise self._broken
        waiting = self._waiting.get(key)
        if waiting is None:
            future = asyncio.get_running_loop().create_future()
            waiting = self._waiting[key] = _Waiting(request, future)
            if key not in self._away:
                self._queue(key, waiting)
        waiting.callers += 1
        try:
            return await asyncio.shield(waiting.body)
        finally:
            waiting.callers -= 1
            if not waiting.callers:
                if self._waiting.get(key) is waiting:
                    del self._waiting[key]
                # What is on its way stays there: its answer is paid for.
                self._queued_bytes -= len(self._queued.pop(key, b""))

    # -- gathering --

    def _queue(self, key: str, waiting: _Waiting) -> None:
        """Adds a call to the next batch. A request that no JSON can hold fails here."""
        line = {
            "custom_id": key,
            "method": "POST",
            "url": ENDPOINT,
            "body": self._wire.body(waiting.request),
        }
        try:
            written = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        except (TypeError, orjson.JSONEncodeError) as error:
            _fail(waiting, CallError("bad_request", f"the request is no JSON: {error}"))
            return
        loop = asyncio.get_running_loop()
        self._queued[key] = written
        self._queued_bytes += len(written)
        self._last_at = loop.time()
        if len(self._queued) >= self._most_requests or self._queued_bytes >= self._most_bytes:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(self._pace.gather_s, self._look_at_queue)

    def _look_at_queue(self) -> None:
        """Sends what has gathered, if nothing new has come for a moment."""
        self._timer = None
        if not self._queued:
            return
        loop = asyncio.get_running_loop()
        left_s = self._last_at + self._pace.gather_s - loop.time()
        if left_s > 0.001:
            self._timer = loop.call_later(left_s, self._look_at_queue)
        else:
            self._flush()

    def _flush(self) -> None:
        while self._queued:
            chunk: dict[str, bytes] = {}
            size = 0
            for key in list(self._queued):
                if chunk and (
                    len(chunk) >= self._most_requests
                    or size + len(self._queued[key]) > self._most_bytes
                ):
                    break
                chunk[key] = self._queued.pop(key)
                size += len(chunk[key])
            self._queued_bytes -= size
            self._away |= chunk.keys()
            self._spawn(self._send(chunk))

    # -- on the way --

    async def _send(self, chunk: dict[str, bytes]) -> None:
        assert self._journal is not None
        keys, lines = list(chunk), b"".join(chunk.values())
        chunk.clear()
        file = await self._steadily(functools.partial(self._wire.upload, lines))
        lines = b""  # it may be large, and the batch is away for hours
        number = self._journal.uploaded(file, keys)
        await self._resume(Away(number, file, None), is_new=True)

    async def _resume(self, away: Away, *, is_new: bool = False) -> None:
        """Finds or makes the batch of an uploaded file, waits for it and hands out its answers."""
        assert self._journal is not None
        if away.batch is not None:
            state = await self._steadily(functools.partial(self._wire.look, away.batch))
        else:
            state = await self._created(away.file, is_new=is_new)
            self._journal.created(away.number, state.id)
            logger.info("batch %s made of %s", state.id, away.file)
        for pause_s in self._pace.pauses():
            if state.status in OVER:
                break
            await asyncio.sleep(pause_s)
            state = await self._steadily(functools.partial(self._wire.look, state.id))
        await self._settle(away.number, state)

    async def _created(self, file: str, *, is_new: bool) -> BatchState:
        """The batch of a file, made now unless an earlier attempt was heard after all."""
        is_first = is_new

        async def find_or_make() -> BatchState:
            nonlocal is_first
            if not is_first:
                for state in await self._wire.recent():
                    if state.input_file == file:
                        return state
            is_first = False
            return await self._wire.create(file)

        return await self._steadily(find_or_make)

    async def _steadily(self, call: Callable[[], Awaitable[T]]) -> T:
        """What a call returns, tried again while its errors may pass."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        for pause_s in self._pace.pauses():
            try:
                return await call()
            except CallError as error:
                lasts_s = loop.time() - since
                if not error.is_passing or lasts_s > self._pace.max_outage_s:
                    raise OutageError(
                        f"batches of {self.model!r}: {error}; run the same command again to go on"
                    ) from error
                logger.warning("batches of %r: %s; again in %.0f s", self.model, error, pause_s)
                await asyncio.sleep(max(pause_s, error.retry_after_s or 0.0))
        raise AssertionError  # pauses have no end

    # -- coming home --

    async def _settle(self, number: int, state: BatchState) -> None:
        """Keeps the answers of a batch that is over, and tells everybody what became of theirs."""
        assert self._journal is not None
        outcomes: dict[str, tuple[int, bytes]] = {}
        for file in (state.output_file, state.error_file):
            if file is not None:
                content = await self._steadily(functools.partial(self._wire.download, file))
                outcomes |= dict(_lines(content))
        keys = self._journal.asked_in(number)
        good = [(key, outcomes[key][1]) for key in keys if outcomes.get(key, (0, b""))[0] == 200]
        self._journal.settled(number, good)
        self._away.difference_update(keys)
        logger.info("batch %s %s: %d of %d answered", state.id, state.status, len(good), len(keys))
        refused = self._refused(state)
        for key in keys:
            waiting = self._waiting.get(key)
            if waiting is None or waiting.body.done():
                continue
            status, body = outcomes.get(key, (0, b""))
            if status == 200:
                waiting.body.set_result(body)
            elif refused is not None:
                _fail(waiting, refused)
            else:
                self._tell_fault(key, waiting, status, body, state)

    def _refused(self, state: BatchState) -> EvolkitError | None:
        """What stops the run: no row is at fault when a whole batch is refused or cancelled."""
        again = "run the same command again to ask for what is missing"
        if state.status == "cancelled":
            return OutageError(f"batch {state.id} was cancelled at the provider; {again}")
        if state.status == "failed":
            if TOO_MUCH_AWAY in state.faults and self._most_requests > 1:
                self._most_requests = max(1, self._most_requests // 2)
                return None
            why = ", ".join(state.faults) or "for no reason it gives"
            return OutageError(f"the provider refused batch {state.id}: {why}; {again}")
        return None

    def _tell_fault(
        self, key: str, waiting: _Waiting, status: int, body: bytes, state: BatchState
    ) -> None:
        """Asks again for what may pass, and fails the call for what won't."""
        if status:
            fault = http_fault(status, {}, body, model=self.model)
        else:
            code = body.decode("utf-8", "replace") or state.status
            fault = CallError("timeout", f"{self.model!r} left a request unanswered: {code}")
        is_habit = fault.cause == "bad_request" and self._wire.habit(status, body)
        # A refusal for too much at once says nothing of the request.
        waiting.rounds += state.status != "failed" and not is_habit
        if (fault.is_passing and waiting.rounds < MAX_ROUNDS) or is_habit:
            self._queue(key, waiting)
        else:
            _fail(waiting, fault)

    # -- tasks --

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What stops one batch stops all that wait: going on would only send more the same way."""
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._broken = (
            error if isinstance(error, EvolkitError) else OutageError(f"batches failed: {error!r}")
        )
        for waiting in self._waiting.values():
            _fail(waiting, self._broken)


def _fail(waiting: _Waiting, error: EvolkitError) -> None:
    if not waiting.body.done():
        waiting.body.set_exception(error)
        waiting.body.exception()  # marked as seen: perhaps nobody waits any more


def _lines(content: bytes) -> Iterator[tuple[str, tuple[int, bytes]]]:
    """Key to status and body for every line that can be read."""
    for line in content.splitlines():
        try:
            found = orjson.loads(line)
            yield str(found["custom_id"]), read_line(found)
        except (orjson.JSONDecodeError, TypeError, KeyError):
            if line.strip():
                logger.warning("a line of a result file can't be read")
