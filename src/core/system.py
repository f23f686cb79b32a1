"""One system as it is called: its adapter, and everything that limits and protects calls to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from .action import Action
from .adapter import Adapter
from .breaker import Permit
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
    Paused,
    RateLimited,
    ReplyTimeout,
)
from .events import HeldBack, Retried, try_of
from .gate import Gate, too_late
from .observing import Guarded, watched
from .redaction import Secrets, clean
from .retry import Backoff, RetryBudget, pause_before_retry
from .settings import SystemSettings

if TYPE_CHECKING:
    from .in_force import InForce
    from .shared import Shared

T = TypeVar("T")

_log = logging.getLogger("seawall.system")

Send: TypeAlias = Callable[[int, float], Awaitable[T]]
"""Does one attempt: given its number and its time in seconds."""

AttemptEnd: TypeAlias = Callable[[int, IntegrationError | None], None]
"""Told how an attempt that reached the wire ended."""

# The adapter's own timeouts say more (was it connecting, was it sent?) than ours, so they get to fire first.
_ADAPTERS_SHARE = 0.96

# A call that waited here until its deadline was near has no time for an answer, and its end says nothing of the target.
_FAIR_SHARE = 0.1


class System:
    """A target as configured.

    Args:
        name: Its name in the configuration.
        adapter: The connector's adapter for it.
        settings: See `SystemSettings`.
        sources: Clock, randomness and ids.
        secrets: Removed from every error that passes.
        shared: What it knows together with other processes, if it does.
    """

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        settings: SystemSettings,
        sources: Sources,
        secrets: Secrets | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.name = name
        self.adapter = adapter
        self.settings = settings
        self.secrets = secrets or Secrets()
        self.gate = Gate(name, settings, sources, shared)
        self.breaker = self.gate.breaker
        self.bulkhead = self.gate.bulkhead
        self.rate = self.gate.rate
        self.budget = RetryBudget(settings.retry.budget_ratio, settings.retry.budget_reserve)
        self.backoff = Backoff(settings.retry, sources.random)
        self.elapsed = Elapsed(sources.clock)
        self.in_force: InForce | None = None
        """What people have stopped; known from when the ledger is open."""
        self.observer: Guarded | None = None
        self._clock = sources.clock

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
            result = await self.attempt(send, number, deadline_at, writes=not reads, ended=ended)
            if isinstance(result, Paused) and number > 1:
                self.budget.refund()
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
        held_back = isinstance(error, BulkheadFull | CircuitOpen | DeadlineBeforeSend | Paused | RateLimited)
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
        if self.observer is not None:
            self.observer.happened(Retried(self.name, number, error, pause))
        return pause

    async def attempt(
        self,
        send: Send[T],
        number: int,
        deadline_at: float,
        *,
        writes: bool = True,
        ended: AttemptEnd | None = None,
        recovery: bool = False,
        probe: bool = False,
    ) -> T | IntegrationError:
        """One attempt: through the gate, in its time, classified. Returns errors, never raises them.

        What a person has paused is turned away at once, and again after all that was waited for.

        Args:
            send: The attempt.
            number: Its number.
            deadline_at: Monotonic time by which this returns.
            writes: False when it changes nothing: a read, or a probe.
            ended: Told how it ended, if it reached the wire.
            recovery: True for recovery's own calls, which have a lane of their own.
            probe: True when it only looks whether an operation happened.
        """
        if (paused := await self.paused(writes=writes)) is not None:
            return paused
        permit = await self.gate.enter(deadline_at, recovery=recovery)
        if not isinstance(permit, Permit):
            if self.observer is not None:
                self.observer.happened(HeldBack(self.name, permit, recovery))
            return permit
        try:
            if (paused := await self._paused_meanwhile(permit, writes=writes)) is not None:
                return paused
            limit = min(self.settings.attempt_timeout, deadline_at - self._clock.monotonic())
            if limit <= 0:
                permit.release()
                return too_late()
            wire = self._on_the_wire(send, number, limit, permit, ended)
            if self.observer is None:
                return await wire
            return await watched(self.observer, try_of(self.name, number, probe, recovery), wire, self._clock)
        finally:
            self.gate.leave(recovery=recovery)

    async def paused(self, *, writes: bool) -> Paused | None:
        """Why a person lets nothing be sent now; None when nobody keeps it back.

        Args:
            writes: Whether what is to be sent may change something.
        """
        if self.in_force is None:
            return None
        if self.in_force.stale:
            await self.in_force.catch_up()
        return self.in_force.refusal(self.name, writes=writes)

    def paused_now(self, *, writes: bool) -> Paused | None:
        """The same, as far as this process knows: nothing is waited for between the answer and the wire.

        Args:
            writes: Whether what is to be sent may change something.
        """
        return None if self.in_force is None else self.in_force.refusal(self.name, writes=writes)

    async def _paused_meanwhile(self, permit: Permit, *, writes: bool) -> Paused | None:
        try:
            paused = await self.paused(writes=writes)
        except BaseException:
            permit.release()
            raise
        if paused is not None:
            permit.release()
        return paused

    def heed(self, error: IntegrationError) -> None:
        """Leave the target alone for as long as it asked to be, in an answer of its own.

        Args:
            error: How a call, or an item of a batch, ended. What never left this process asks for nothing: a time
                to come back that we made up ourselves is no wish of the target.
        """
        if not isinstance(error, NotSent):
            self.gate.quiet.ask(error.retry_after)

    async def _on_the_wire(
        self, send: Send[T], number: int, limit: float, permit: Permit, ended: AttemptEnd | None
    ) -> T | IntegrationError:
        try:
            async with asyncio.timeout(limit) as time:
                result = await send(number, limit * _ADAPTERS_SHARE)
        except IntegrationError as raised:
            error = raised
        except TimeoutError:
            error = ReplyTimeout(f"no answer within {limit:.1f} s", code="timeout")
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                permit.release()
                raise
            error = self._unmapped(cancelled)  # nobody cancelled us: something inside the connector was
        except Exception as unmapped:  # noqa: BLE001 -- an error nobody mapped may have come after the first byte
            error = self._unmapped(unmapped)
        except BaseException:
            permit.release()
            raise
        else:
            permit.succeed()
            if time.expired():
                self._overran(limit)
            if ended is not None:
                ended(number, None)
            return result
        if time.expired() and not isinstance(error, ReplyTimeout):
            self._overran(limit)
        self._settle(permit, error, limit)
        self.heed(error)
        self.scrub(error)
        if ended is not None:
            ended(number, error)
        return error

    def scrub(self, error: IntegrationError) -> None:
        """Take secrets, and what no ledger could store, out of an error."""
        error.message = clean(self.secrets.scrub(error.message))
        error.code = error.code and clean(self.secrets.scrub(error.code))
        error.args = (error.message,)
        error.evidence = self.secrets.scrub_all(error.evidence)

    def _unmapped(self, unmapped: BaseException) -> Ambiguous:
        try:
            shown = repr(unmapped)
        except Exception:  # noqa: BLE001 -- it is somebody else's code, and already known to fail
            shown = type(unmapped).__name__
        return Ambiguous(
            f"the connector failed in a way it does not declare ({type(unmapped).__name__})",
            code="unmapped",
            outage=False,
            transient=False,
            evidence={"exception": self.secrets.scrub(shown)[:500]},
        )

    def _overran(self, limit: float) -> None:
        _log.warning(
            "an attempt at %s ignored that its %.1f s were over; a connector must end when it is cancelled",
            self.name,
            limit,
        )

    def _settle(self, permit: Permit, error: IntegrationError, limit: float) -> None:
        hurried = isinstance(error, ReplyTimeout) and limit < _FAIR_SHARE * self.settings.attempt_timeout
        if error.outage and not hurried:
            permit.fail()
        elif isinstance(error, NotSent) or hurried:
            permit.release()
        else:
            permit.succeed()
