"""What stands between a call and the wire: a Retry-After, the bulkhead, the rate limit, the breaker; in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .breaker import Breaker, Permit
from .clock import Sources
from .errors import BulkheadFull, CircuitOpen, DeadlineBeforeSend, NotSent, RateLimited
from .limits import Bulkhead, Quiet, RateLimit
from .settings import SystemSettings

if TYPE_CHECKING:
    from .shared import Shared

_SHORTEST_WAIT = 0.001  # seconds; so that a wait ends after its end, whatever the clock's rounding


class Gate:
    """Lets calls of one system through, one by one, when nothing stands in their way.

    Recovery has places of its own, the turns that the foreground does not need, and the first of the half-open
    breaker's probes; a Retry-After holds for it as for everybody.

    Args:
        name: The system's name.
        settings: The system's settings.
        sources: Clock, and randomness for the jitter.
        shared: What it knows together with other processes, if it does.
    """

    breaker: Breaker
    quiet: Quiet
    rate: RateLimit | None

    def __init__(self, name: str, settings: SystemSettings, sources: Sources, shared: Shared | None = None) -> None:
        limits, recovery = settings.limits, settings.recovery
        self._share = shared.of(name, settings) if shared is not None else None
        if self._share is not None:
            self.breaker, self.quiet, self.rate = self._share.breaker, self._share.quiet, self._share.rate
        else:
            self.breaker = Breaker(settings.breaker, sources.clock, name=name, keep=2 * recovery.interval)
            self.quiet = Quiet(sources.clock, settings.retry.longest_retry_after)
            self.rate = RateLimit(limits.rate, limits.burst, sources.clock) if limits.rate else None
        self.bulkhead = Bulkhead(limits.concurrency, limits.waiting)
        self.recovery_bulkhead = Bulkhead(recovery.concurrency, limits.waiting)
        self._name = name
        self._clock = sources.clock
        self._random = sources.random

    def pauses(self) -> float:
        """Seconds for which no call is let through, as far as is known now; 0 when one may be."""
        return max(self.quiet.left(), self.breaker.retry_after())

    async def enter(self, deadline_at: float, *, recovery: bool) -> Permit | NotSent:
        """Wait until the call may be sent; the caller then has a place, and gives it back with `leave`.

        Nothing is taken for granted that was seen before a wait: a Retry-After may have come meanwhile, and then the
        call waits for its end outside of the bulkhead, and comes back for another turn.

        Args:
            deadline_at: Monotonic time by which this returns.
            recovery: True for recovery's own calls.

        Returns:
            The breaker's permit, or why it was not sent; then it has no place.
        """
        places = self.recovery_bulkhead if recovery else self.bulkhead
        while True:
            left = deadline_at - self._clock.monotonic()
            if left <= 0:
                return too_late()
            if (quiet := self.quiet.left()) > 0:
                if quiet >= left:
                    return self._left_alone(quiet)
                # Spread over a moment, so that those who waited do not all arrive at once.
                late = self._random.uniform(0.0, min(0.1 * quiet, left - quiet))
                await self._clock.sleep(max(quiet + late, _SHORTEST_WAIT))
                continue
            if not places.try_enter():
                try:
                    await places.enter(left)
                except BulkheadFull as error:
                    return error
            admitted: Permit | NotSent | None = None
            try:
                admitted = await self._inside(deadline_at, recovery=recovery)
            finally:
                if not isinstance(admitted, Permit):
                    places.leave()
            if admitted is not None:
                return admitted

    def leave(self, *, recovery: bool) -> None:
        """Give the place back.

        Args:
            recovery: As it was entered.
        """
        (self.recovery_bulkhead if recovery else self.bulkhead).leave()

    async def _inside(self, deadline_at: float, *, recovery: bool) -> Permit | NotSent | None:
        """With a place: wait for a turn and ask the breaker; None when the target wants quiet by now."""
        if self.rate is not None:
            if self.quiet.left() > 0:
                return None
            if self.breaker.retry_after(recovery=recovery) > 0:
                return self._held_back(recovery=recovery)  # before it uses up a turn that another could have
            left = deadline_at - self._clock.monotonic()
            if left <= 0:
                return too_late()
            try:
                await (self.rate.spare(left) if recovery else self.rate.turn(left))
            except RateLimited as error:
                return error
        if self.quiet.left() > 0:
            return None
        permit = self.breaker.admit_probe() if recovery else self.breaker.admit()
        if permit is None and self._share is not None:
            permit = await self._share.breaker.ask(recovery=recovery)
            if permit is not None and self.quiet.left() > 0:
                permit.release()
                return None
        return permit or self._held_back(recovery=recovery)

    def _held_back(self, *, recovery: bool) -> CircuitOpen:
        return CircuitOpen(
            f"calls to {self._name} pause because it failed repeatedly; nothing was sent",
            code="circuit_open",
            retry_after=self.breaker.retry_after(recovery=recovery),
        )

    def _left_alone(self, seconds: float) -> RateLimited:
        return RateLimited(
            f"{self._name} asked to be left alone for another {seconds:.1f} s; nothing was sent",
            code="retry_after",
            retry_after=seconds,
        )


def too_late() -> DeadlineBeforeSend:
    """The error of a call whose time was over before it could be sent."""
    return DeadlineBeforeSend("no time was left to send it", code="deadline")
