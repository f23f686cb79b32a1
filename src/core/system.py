"""One system as it is called: its adapter, and everything that limits and protects calls to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from .action import Action
from .adapter import Adapter
from .breaker import Breaker, Permit
from .clock import Sources
from .elapsed import Elapsed
from .errors import (
    Ambiguous,
    BudgetExhausted,
    BulkheadFull,
    CircuitOpen,
    DeadlineBeforeSend,
    IntegrationError,
    NotSent,
    RateLimited,
    ReplyTimeout,
    Throttled,
)
from .limits import Bulkhead, RateLimit
from .redaction import Secrets, clean
from .retry import Backoff, RetryBudget, pause_before_retry
from .settings import SystemSettings

T = TypeVar("T")

Send: TypeAlias = Callable[[int, float], Awaitable[T]]
"""Does one attempt: given its number and its time in seconds."""

AttemptEnd: TypeAlias = Callable[[int, IntegrationError | None], None]
"""Told how an attempt that reached the wire ended."""

# The adapter's own timeouts say more (was it connecting, was it sent?) than ours, so they get to fire first.
_ADAPTERS_SHARE = 0.96


class System:
    """A target as configured.

    Args:
        name: Its name in the configuration.
        adapter: The connector's adapter for it.
        settings: See `SystemSettings`.
        sources: Clock, randomness and ids.
        secrets: Removed from every error that passes.
    """

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        settings: SystemSettings,
        sources: Sources,
        secrets: Secrets | None = None,
    ) -> None:
        self.name = name
        self.adapter = adapter
        self.settings = settings
        self.secrets = secrets or Secrets()
        self.breaker = Breaker(settings.breaker, sources.clock, name=name)
        self.bulkhead = Bulkhead(settings.limits.concurrency, settings.limits.waiting)
        self.rate = (
            RateLimit(settings.limits.rate, settings.limits.burst, sources.clock) if settings.limits.rate else None
        )
        self.budget = RetryBudget(settings.retry.budget_ratio, settings.retry.budget_reserve)
        self.backoff = Backoff(settings.retry, sources.random)
        self.elapsed = Elapsed(sources.clock)
        self._clock = sources.clock
        self._random = sources.random
        self._quiet_until = 0.0

    def horizon(self, action: Action) -> float | None:
        """The late-commit horizon in force for `action`, in seconds; None where nobody knows it."""
        return action.horizon if self.settings.horizon is None else self.settings.horizon

    async def call(
        self, send: Send[T], deadline_at: float, *, ended: AttemptEnd | None = None, reads: bool = False
    ) -> T | IntegrationError:
        """Attempt it, and again while nothing happened and it may help. Never raises an `IntegrationError`.

        Args:
            send: One attempt.
            deadline_at: Monotonic time by which this returns.
            ended: Told of each attempt that reached the wire.
            reads: True when it changes nothing, so that even an ambiguous attempt may be repeated.
        """
        self.budget.deposit()
        number = 1
        while True:
            result = await self.attempt(send, number, deadline_at, ended=ended)
            if not isinstance(result, IntegrationError):
                return result
            if reads and result.effect == "maybe":
                result.without_effect("a read changes nothing")
            pause = self.pause(result, number, deadline_at)
            if isinstance(pause, IntegrationError):
                return pause
            await self._clock.sleep(pause)
            number += 1

    def pause(self, error: IntegrationError, number: int, deadline_at: float) -> float | IntegrationError:
        """How long to wait before the next attempt, or the error to give up with.

        Args:
            error: How attempt `number` ended.
            number: 1 for the first attempt.
            deadline_at: Monotonic time after which nothing may be sent.
        """
        held_back = isinstance(error, BulkheadFull | CircuitOpen | DeadlineBeforeSend | RateLimited)
        if error.effect != "none" or not error.transient or held_back or self.backoff.exhausted(number):
            return error
        retry = self.settings.retry
        pause = pause_before_retry(error.retry_after, self.backoff.wait(number), retry.longest_retry_after)
        if self._clock.monotonic() + pause >= deadline_at:
            error.retry_after = max(pause, error.retry_after or 0.0)
            return error
        if not self.budget.withdraw():
            return BudgetExhausted(
                f"a retry was due, but the retry budget of {self.name} is spent; last: {error.message}",
                code=error.code,
                retry_after=pause,
                evidence={"last_error": error.to_record()},
            )
        return pause

    async def attempt(
        self,
        send: Send[T],
        number: int,
        deadline_at: float,
        *,
        ended: AttemptEnd | None = None,
        recovery: bool = False,
    ) -> T | IntegrationError:
        """One attempt: bulkhead, rate limit, breaker, timeout, classification. Returns errors, never raises them.

        Args:
            send: The attempt.
            number: Its number.
            deadline_at: Monotonic time by which this returns.
            ended: Told how it ended, if it reached the wire.
            recovery: True for recovery's own calls, which have a lane of their own.
        """
        left = deadline_at - self._clock.monotonic()
        if left <= 0:
            return DeadlineBeforeSend("no time was left to send it", code="deadline")
        if self._quiet_until and (refusal := await self._keep_quiet(left)):
            return refusal
        if not self.bulkhead.try_enter():
            try:
                await self.bulkhead.enter(left)
            except BulkheadFull as error:
                return error
        try:
            if self.rate is not None:
                if self.breaker.retry_after() > 0:
                    return self._held_back()  # before it uses up a turn that another could have
                try:
                    wait = self.rate.reserve(deadline_at - self._clock.monotonic())
                except RateLimited as error:
                    return error
                if wait > 0:
                    await self._clock.sleep(wait)
            permit = self.breaker.admit_probe() if recovery else self.breaker.admit()
            if permit is None:
                return self._held_back()
            limit = min(self.settings.attempt_timeout, deadline_at - self._clock.monotonic())
            if limit <= 0:
                permit.release()
                return DeadlineBeforeSend("no time was left to send it", code="deadline")
            return await self._on_the_wire(send, number, limit, permit, ended)
        finally:
            self.bulkhead.leave()

    async def _on_the_wire(
        self, send: Send[T], number: int, limit: float, permit: Permit, ended: AttemptEnd | None
    ) -> T | IntegrationError:
        try:
            async with asyncio.timeout(limit):
                result = await send(number, limit * _ADAPTERS_SHARE)
        except IntegrationError as raised:
            error = raised
        except TimeoutError:
            error = ReplyTimeout(f"no answer within {limit:.1f} s", code="timeout")
        except asyncio.CancelledError:
            permit.release()
            raise
        except Exception as unmapped:  # noqa: BLE001 -- an error nobody mapped may have come after the first byte
            error = Ambiguous(
                f"the connector failed in a way it does not declare ({type(unmapped).__name__})",
                code="unmapped",
                outage=False,
                transient=False,
                evidence={"exception": self.secrets.scrub(repr(unmapped))[:500]},
            )
        else:
            permit.succeed()
            if ended is not None:
                ended(number, None)
            return result
        self._settle(permit, error)
        self._heed(error)
        self.scrub(error)
        if ended is not None:
            ended(number, error)
        return error

    def scrub(self, error: IntegrationError) -> None:
        """Take secrets, and what no ledger could store, out of an error."""
        error.message = clean(self.secrets.scrub(error.message))
        error.args = (error.message,)
        error.evidence = self.secrets.scrub_all(error.evidence)

    def _held_back(self) -> CircuitOpen:
        return CircuitOpen(
            f"calls to {self.name} pause because it failed repeatedly; nothing was sent",
            code="circuit_open",
            retry_after=self.breaker.retry_after(),
        )

    async def _keep_quiet(self, left: float) -> RateLimited | None:
        """Wait out what the target asked for in its last Retry-After; no call is sent inside it."""
        wait = self._quiet_until - self._clock.monotonic()
        if wait <= 0:
            self._quiet_until = 0.0
            return None
        if wait >= left:
            return RateLimited(
                f"{self.name} asked to be left alone for another {wait:.1f} s; nothing was sent",
                code="retry_after",
                retry_after=wait,
            )
        # Spread over a moment, so that those who waited do not all arrive at once.
        await self._clock.sleep(wait + self._random.uniform(0.0, min(0.1 * wait, left - wait)))
        return None

    def _heed(self, error: IntegrationError) -> None:
        if isinstance(error, Throttled) and error.retry_after:
            quiet = min(error.retry_after, self.settings.retry.longest_retry_after)
            self._quiet_until = max(self._quiet_until, self._clock.monotonic() + quiet)

    @staticmethod
    def _settle(permit: Permit, error: IntegrationError) -> None:
        if error.outage:
            permit.fail()
        elif isinstance(error, NotSent):
            permit.release()
        else:
            permit.succeed()
