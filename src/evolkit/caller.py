"""One call, made to count once: looked up, bounded, paid for, tried again, and on disk.

`Caller.call` is the only way a run reaches a model. What it returns is synced to disk before
the caller sees it, so that nothing can depend on a completion that a crash could take away.
"""

import asyncio
import dataclasses
import logging
import random
from dataclasses import dataclass, field

from evolkit.clients.base import Client, Price, Request
from evolkit.clock import Clock
from evolkit.errors import CallError, OutageError
from evolkit.fingerprint import fingerprint
from evolkit.limits import Breaker, Budget, Cost, RateLimit, Slots, backoff_s
from evolkit.records import Completion, Step
from evolkit.store.completions import CompletionStore
from evolkit.store.ledger import Intent, Ledger, Payment
from evolkit.store.writer import Writer

TOKENS_PER_MESSAGE = 16
"""What a chat template may add to a message; the largest of the common ones adds about 10."""
BILLED_UNKNOWN = frozenset({"timeout", "connection", "bad_response", "empty", "length"})
"""Causes after which the provider may still send a bill; a budget books their worst case."""
FATAL_CAUSES = frozenset({"auth", "not_found"})
"""Causes that no other row will escape, when no call has succeeded yet."""

logger = logging.getLogger("evolkit.caller")


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one run; each is explained in `evolkit.limits`."""

    slots: Slots
    requests: RateLimit
    tokens: RateLimit
    budget: Budget
    breaker: Breaker
    price: Price | None = None
    max_attempts: int = 5
    timeout_s: float = 120.0
    max_outage_s: float = 600.0


@dataclass(slots=True)
class Meter:
    """What this process has done so far, for those who watch."""

    calls: int = 0
    reused: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0
    errors: dict[str, int] = field(default_factory=dict)


class Caller:
    """Calls a client within limits, through a store."""

    def __init__(
        self,
        client: Client,
        store: CompletionStore,
        writer: Writer,
        limits: Limits,
        *,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self.meter = Meter()
        self._client = client
        self._store = store
        self._writer = writer
        self._limits = limits
        self._clock = clock
        self._chance = chance
        self._in_flight: dict[str, asyncio.Future[Completion]] = {}
        self._intents = 0
        self._overshoot = 1.0

    def key(self, request: Request, draw: str = "") -> str:
        """What a completion is kept under: the model, what is asked, and the name of the draw."""
        return fingerprint(self._client.model, request.key(), draw)

    def take_over(self, ledger: Ledger) -> None:
        """Books what earlier sessions paid, and at worst what they had in flight when they died.

        A call in flight whose completion did reach the store is booked as it was.
        """
        budget = self._limits.budget
        for spend in ledger.spend():
            budget.book(Cost(spend.usd, spend.tokens))
        for intent in ledger.open_intents():
            self._intents = max(self._intents, intent.number)
            completion = self._store.get(intent.key)
            if completion is None:
                budget.book(Cost(intent.usd, intent.tokens))
                continue
            payment = _payment(intent.key, intent.step, intent.language, completion)
            budget.book(Cost(payment.cost_usd or 0.0, payment.tokens))
            self._writer.settle(intent.number, payment)

    async def call(
        self, request: Request, *, step: Step, language: str, draw: str = ""
    ) -> Completion:
        """The completion for a request, from the store or the model; on disk when it returns.

        Raises CallError when all attempts failed or the answer was cut off, BudgetError when the
        budget is reached, OutageError when the endpoint fails everything, StorageError when the
        disk does.
        """
        key = self.key(request, draw)
        completion = self._store.get(key)
        if completion is not None:
            self.meter.reused += 1
        elif key in self._in_flight:
            self.meter.reused += 1
            completion = await asyncio.shield(self._in_flight[key])
        else:
            completion = await self._make(key, request, step, language)
        if completion.finish_reason == "length":
            raise CallError(
                "length",
                f"the answer was cut off at max_tokens={request.sampling.max_tokens}; raise it",
            )
        return completion

    async def _make(self, key: str, request: Request, step: Step, language: str) -> Completion:
        """Makes the call once, however many rows ask for it meanwhile."""
        promise = asyncio.get_running_loop().create_future()
        self._in_flight[key] = promise
        try:
            completion = await self._attempts(key, request, step, language)
            promise.set_result(completion)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                promise.cancel()
            else:
                promise.set_exception(error)
                promise.exception()  # marked as seen: perhaps nobody else waits for it
            raise
        finally:
            del self._in_flight[key]
        return completion

    async def _attempts(self, key: str, request: Request, step: Step, language: str) -> Completion:
        attempt = 1
        while True:
            try:
                return await self._attempt(key, request, step, language)
            except CallError as error:
                self.meter.errors[error.cause] = self.meter.errors.get(error.cause, 0) + 1
                error.attempts = attempt
                self._check_outage(error)
                is_outage = self._limits.breaker.is_open
                if not error.is_passing or (attempt >= self._limits.max_attempts and not is_outage):
                    raise
                wait_s = backoff_s(attempt, error.retry_after_s, self._chance)
                logger.info("attempt %d: %s; again in %.1f s", attempt, error, wait_s)
            self.meter.retries += 1
            await self._clock.sleep(wait_s)
            # An attempt that met an outage says nothing about this call.
            attempt += not is_outage

    async def _attempt(self, key: str, request: Request, step: Step, language: str) -> Completion:
        limits = self._limits
        worst = self._worst_case(request)
        epoch = await limits.slots.acquire()
        cause = None
        try:
            is_probe = await limits.breaker.pass_through()
            error: CallError | None = None
            try:
                completion = await self._paid(key, request, worst, step, language)
            except CallError as failed:
                error, cause = failed, failed.cause
                raise
            finally:
                limits.breaker.report(str(error) if error else None, is_probe=is_probe)
        finally:
            limits.slots.release(epoch, cause)
        await self._writer.completion(*completion)
        return completion[1]

    async def _paid(
        self, key: str, request: Request, worst: Cost, step: Step, language: str
    ) -> tuple[str, Completion, Payment, int | None]:
        """Sends a request under a reservation and settles it; the slot is free again after."""
        limits = self._limits
        await limits.requests.take(1)
        await limits.tokens.take(worst.tokens)
        intent = await self._reserve(key, step, language, worst)
        used = worst
        try:
            completion = self._priced(await self._send(request))
            used = self._used(completion, worst, request)
        except CallError as error:
            if error.cause not in BILLED_UNKNOWN:
                used = Cost(0.0, 0)
                if intent is not None:
                    self._writer.settle(intent)
            raise
        finally:
            if limits.budget.is_set:
                limits.budget.settle(worst, used)
        self._count(completion)
        return key, completion, _payment(key, step, language, completion), intent

    async def _send(self, request: Request) -> Completion:
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                completion = await self._client.complete(request)
        except TimeoutError as error:
            raise CallError("timeout", f"no answer within {self._limits.timeout_s:g} s") from error
        return dataclasses.replace(completion, text=_storable(completion.text))

    async def _reserve(self, key: str, step: Step, language: str, worst: Cost) -> int | None:
        """Reserves the worst case and notes on disk that the call is about to be sent."""
        budget = self._limits.budget
        if not budget.is_set:
            return None
        await budget.reserve(worst)
        self._intents += 1
        number = self._intents
        try:
            await self._writer.intent(Intent(number, key, step, language, worst.usd, worst.tokens))
        except BaseException:
            budget.settle(worst, Cost(0.0, 0))
            raise
        return number

    def _worst_case(self, request: Request) -> Cost:
        """No tokeniser makes more tokens than there are bytes; an answer ends at max_tokens.

        A server that was seen to go beyond max_tokens is expected to do so again.
        """
        sent = sum(
            len(each["content"].encode("utf-8", "surrogatepass")) + TOKENS_PER_MESSAGE
            for each in request.messages
        ) + (len(str(request.schema)) if request.schema else 0)
        answered = int(request.sampling.max_tokens * self._overshoot)
        price = self._limits.price
        return Cost(price.cost_usd(sent, answered) if price else 0.0, sent + answered)

    def _priced(self, completion: Completion) -> Completion:
        price = self._limits.price
        if price is None:
            return completion
        cost = price.cost_usd(completion.prompt_tokens, completion.completion_tokens)
        return dataclasses.replace(completion, cost_usd=cost)

    def _used(self, completion: Completion, worst: Cost, request: Request) -> Cost:
        """What the provider reports; the worst case where it reports nothing."""
        tokens = completion.prompt_tokens + completion.completion_tokens
        if not tokens:
            return worst
        ratio = completion.completion_tokens / request.sampling.max_tokens
        self._overshoot = max(self._overshoot, ratio)
        return Cost(completion.cost_usd or 0.0, tokens)

    def _count(self, completion: Completion) -> None:
        meter = self.meter
        meter.calls += 1
        meter.prompt_tokens += completion.prompt_tokens
        meter.completion_tokens += completion.completion_tokens
        meter.usd += completion.cost_usd or 0.0
        meter.unpriced += completion.cost_usd is None

    def _check_outage(self, error: CallError) -> None:
        """Raises OutageError when going on would only burn through rows."""
        if error.cause in FATAL_CAUSES and not self.meter.calls:
            raise OutageError(f"the first call failed: {error}") from error
        outage_s = self._limits.breaker.open_for_s
        if outage_s > self._limits.max_outage_s:
            raise OutageError(
                f"every call has failed for {outage_s:.0f} s, the last with: {error}; "
                "run the same command again to go on"
            ) from error


def _payment(key: str, step: Step, language: str, completion: Completion) -> Payment:
    return Payment(
        key,
        step,
        language,
        completion.prompt_tokens,
        completion.completion_tokens,
        completion.cost_usd,
    )


def _storable(text: str) -> str:
    """The text with lone surrogates, which no file can hold, replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
