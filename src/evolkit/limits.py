"""What keeps a run within bounds: calls in flight, calls and tokens a minute, money, outages.

Each is a small object that knows nothing of the others; all wait on a `Clock`.
"""

import asyncio
import random
from collections import deque
from dataclasses import dataclass

from evolkit.clock import Clock
from evolkit.errors import BudgetError, Cause

SLOW_START = 32
"""Calls in flight at the start; doubles each round trip until the ceiling or the first refusal."""
DECREASE = 0.7
OVERLOAD_CAUSES: frozenset[Cause] = frozenset({"rate_limit", "timeout", "server", "connection"})


class Slots:
    """Calls in flight, adapted to what the endpoint bears.

    Additive increase, multiplicative decrease, as TCP does it: after a slow start each round
    trip without a refusal allows one more, and a round trip with one allows 0.7 as many. Never
    below 1 nor above the ceiling.
    """

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.limit = float(min(ceiling, SLOW_START))
        self.in_flight = 0
        self._is_starting = True
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._epoch = 0

    async def acquire(self) -> int:
        """Waits for a slot; returns the epoch to give back with it."""
        while self.in_flight >= int(self.limit):
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._wake()
                raise
        self.in_flight += 1
        return self._epoch

    def release(self, epoch: int, cause: Cause | None) -> None:
        """Gives a slot back with how its call ended; None for well."""
        self.in_flight -= 1
        if cause is None:
            self.limit = min(
                self.ceiling, self.limit + (1.0 if self._is_starting else 1.0 / self.limit)
            )
        elif cause in OVERLOAD_CAUSES and epoch == self._epoch:
            # Calls sent before the last decrease tell nothing new: one decrease a round trip.
            self._epoch += 1
            self._is_starting = False
            self.limit = max(1.0, self.limit * DECREASE)
        self._wake()

    def _wake(self) -> None:
        free = int(self.limit) - self.in_flight
        while self._waiting and free > 0:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1


class RateLimit:
    """So many units a minute, evenly: a bucket that holds two seconds' worth."""

    BURST_S = 2.0

    def __init__(self, per_minute: float | None, clock: Clock) -> None:
        self._per_s = None if per_minute is None else per_minute / 60.0
        self._clock = clock
        self._free_at = clock.now()

    async def take(self, units: float) -> None:
        """Waits until this many units may be used."""
        if self._per_s is None:
            return
        now = self._clock.now()
        self._free_at = max(self._free_at, now - self.BURST_S) + units / self._per_s
        if self._free_at > now:
            await self._clock.sleep(self._free_at - now)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call may take at worst or took; `usd` is 0.0 where no budget in USD is set."""

    usd: float
    tokens: int


class Budget:
    """Money and tokens that a run may use; reserved at worst before a call, settled after.

    What is spent plus what is reserved never exceeds the budget, so no answer, however long,
    can carry a run over it.
    """

    def __init__(self, usd: float | None = None, tokens: int | None = None) -> None:
        self.usd = usd
        self.tokens = tokens
        self.spent_usd = 0.0
        self.spent_tokens = 0
        self._reserved_usd = 0.0
        self._reserved_tokens = 0
        self._returned = asyncio.Event()

    @property
    def is_set(self) -> bool:
        return self.usd is not None or self.tokens is not None

    async def reserve(self, cost: Cost) -> None:
        """Waits until the worst case fits; raises BudgetError once it can't fit any more."""
        while not self._fits(cost):
            if not self._reserved_tokens:
                raise BudgetError(self._reached())
            self._returned.clear()
            await self._returned.wait()
        self._reserved_usd += cost.usd
        self._reserved_tokens += cost.tokens

    def settle(self, reserved: Cost, used: Cost) -> None:
        """Gives a reservation back and books what was used."""
        self._reserved_usd -= reserved.usd
        self._reserved_tokens -= reserved.tokens
        self.book(used)
        self._returned.set()

    def book(self, used: Cost) -> None:
        """Books what was used without a reservation, as by an earlier process."""
        self.spent_usd += used.usd
        self.spent_tokens += used.tokens

    def _fits(self, cost: Cost) -> bool:
        usd = self.spent_usd + self._reserved_usd + cost.usd
        tokens = self.spent_tokens + self._reserved_tokens + cost.tokens
        return (self.usd is None or usd <= self.usd) and (
            self.tokens is None or tokens <= self.tokens
        )

    def _reached(self) -> str:
        parts = []
        if self.usd is not None:
            parts.append(f"{self.spent_usd:.4f} of {self.usd:.4f} USD")
        if self.tokens is not None:
            parts.append(f"{self.spent_tokens:,} of {self.tokens:,} tokens")
        return f"budget reached: {' and '.join(parts)} used, and the next call may need more"


class Breaker:
    """Stops calling an endpoint that fails everything, and probes until it answers again.

    Opens after `threshold` failures in a row with no success between; then one call at a time
    goes through, after pauses that double from `first_pause_s` to `last_pause_s`.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        threshold: int = 20,
        first_pause_s: float = 2.0,
        last_pause_s: float = 60.0,
    ) -> None:
        self._clock = clock
        self._threshold = threshold
        self._first_pause_s = first_pause_s
        self._last_pause_s = last_pause_s
        self._pause_s = first_pause_s
        self._failures = 0
        self._opened_at: float | None = None
        self._probe = asyncio.Lock()
        self._closed = asyncio.Event()
        self._closed.set()
        self.last_error = ""

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set()

    @property
    def open_for_s(self) -> float:
        """Seconds since it opened; 0.0 while closed."""
        return 0.0 if self._opened_at is None else self._clock.now() - self._opened_at

    async def pass_through(self) -> bool:
        """Returns at once while closed; else waits for a turn to probe. True for a probe."""
        if not self.is_open:
            return False
        await self._probe.acquire()
        if self._closed.is_set():
            self._probe.release()
            return False
        try:
            await self._clock.sleep(self._pause_s)
        except asyncio.CancelledError:
            self._probe.release()
            raise
        self._pause_s = min(self._last_pause_s, self._pause_s * 2)
        return True

    def report(self, error: str | None, *, is_probe: bool) -> None:
        """How a call went; None for well."""
        if is_probe:
            self._probe.release()
        if error is None:
            self._failures = 0
            self._pause_s = self._first_pause_s
            self._opened_at = None
            self._closed.set()
            return
        self.last_error = error
        self._failures += 1
        if self._failures >= self._threshold and not self.is_open:
            self._closed.clear()
            self._opened_at = self._clock.now()


def backoff_s(attempt: int, retry_after_s: float | None, chance: random.Random) -> float:
    """Seconds to wait before attempt `attempt + 1` (attempts count from 1).

    Full jitter over 0.5 s doubling to 60 s; never less than the server asked for, which is
    itself jittered upwards by up to a tenth so that waiting calls don't return as one.
    """
    jittered = chance.uniform(0.0, min(60.0, 0.5 * 2**attempt))
    if retry_after_s is None:
        return jittered
    return max(retry_after_s * chance.uniform(1.0, 1.1), jittered)
