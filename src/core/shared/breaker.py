"""The breaker of a system, as all processes know it together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from ..breaker import Breaker, Permit, State
from ..clock import Sources
from ..settings import BreakerSettings
from .link import Link, Reply
from .scripts import ADMIT, FAILED, MOVE, PULL, SETTLE, WANTED, WENT_WELL, Call, Script

LATELY = 10.0  # seconds for which a process that called a system counts as one of those that call it

_RECHECK = 0.25  # seconds after which a process that got no place asks again, if it hears nothing before
_ASIDE = 1.0  # seconds for which the process whose probe failed lets the others go first


class Told(NamedTuple):
    """What an answer says of the state that all share.

    Args:
        granted: Whether a half-open place was given.
        wait: Seconds after which asking again may help, where none was.
        state: The state.
        generation: Changes, and only grows, with every change of the state; 0 where Redis remembers none.
        due_in: Seconds until an open breaker may become half-open.
        failures: Failures in a row, over all processes.
        processes: Processes that called the system lately.
        quiet: Seconds for which the target wants to be left alone.
    """

    granted: bool
    wait: float
    state: State
    generation: int
    due_in: float
    failures: int
    processes: int
    quiet: float

    @staticmethod
    def read(reply: Reply) -> Told:
        """Read an answer of a breaker script."""
        granted, wait, state, generation, due_in, failures, processes, quiet = reply
        return Told(granted == 1, wait / 1e3, state, generation, due_in / 1e3, failures, max(1, processes), quiet / 1e3)


class SharedPermit(Permit):
    """Leave to make one of the probes that all processes may make together.

    Args:
        breaker: Who gave it.
        generation: The local generation at that time.
        expires_at: When its place is given to another.
        token: The name of its place.
    """

    __slots__ = ("token",)

    def __init__(self, breaker: Breaker, generation: int, expires_at: float, token: str) -> None:
        super().__init__(breaker, generation, expires_at)
        self.token = token


class SharedBreaker(Breaker):
    """A breaker that opens and closes for all processes together, and lets `probes` through over all of them.

    While the shared state is closed, nothing here waits for Redis: a call is let through by what this process knows,
    and failures are reported afterwards. The shared breaker opens after `failures` failures in a row, if more than
    half of the processes that called the system lately saw some of them. So one process whose own network is broken
    opens its own breaker and nobody else's.

    While the shared state is open or half-open, it governs: the own breaker takes it over, and only Redis gives
    places. When Redis is gone, the own breaker goes on from there by itself.

    Args:
        settings: See `BreakerSettings`.
        sources: Clock and ids.
        name: The system's name.
        keep: As for `Breaker`.
        link: The link to Redis.
        call: Makes a call of a breaker script for this system.
        heard: Takes in the answer of one, for the whole system.
    """

    def __init__(
        self,
        settings: BreakerSettings,
        sources: Sources,
        *,
        name: str,
        keep: float,
        link: Link,
        call: Callable[..., Call],
        heard: Callable[[Reply], None],
    ) -> None:
        super().__init__(settings, sources.clock, name=name, keep=keep)
        self._link = link
        self._call = call
        self._heard = heard
        self._new_id = sources.new_id
        self._known: Told | None = None
        self._adopted = False  # the state was taken over, and not reached by this process
        self._called = False  # since that was told last
        self._called_told_at = -math.inf
        self._asking = [0, 0]  # for the foreground, for recovery
        self._refused_until = [0.0, 0.0]
        self._wants_since = -1  # the generation in which recovery said that it waits

    @property
    def governed(self) -> bool:
        """Whether the shared state decides now, and not this process's own."""
        return self._link.available and self._known is not None and self._known.state != "closed"

    def admit(self) -> Permit | None:
        """As for `Breaker`; None while the shared state governs, then `ask`."""
        if not self._called:
            self._begins_to_call()
        return None if self.governed else super().admit()

    def admit_probe(self) -> Permit | None:
        """As for `Breaker`; None while the shared state governs, then `ask`."""
        if not self._called:
            self._begins_to_call()
        return None if self.governed else super().admit_probe()

    async def ask(self, *, recovery: bool) -> Permit | None:
        """Ask for a half-open place while the shared state governs. Waits for Redis no longer than its patience.

        Args:
            recovery: True for recovery's calls.
        """
        if not self.governed:
            return None
        # Where as many ask as there are places, one more would be refused.
        if self.retry_after(recovery=recovery) > 0 or self._asking[recovery] >= self._settings.probes:
            if recovery:
                self._wants()
            return None
        token = self._new_id("probe")
        settings = self._settings
        lease, aside = _ms(settings.probe_lease), _ms(min(_ASIDE, settings.reset_after))
        call = self._call(ADMIT, token, lease, settings.probes, _ms(self._keep), int(recovery), aside)
        self._asking[recovery] += 1
        try:
            reply = await self._link.ask(call, late=lambda reply: self._came_late(token, reply))
        finally:
            self._asking[recovery] -= 1
        if reply is None and self._link.available:
            self._refused_until[recovery] = self._clock.monotonic() + _RECHECK  # it has enough to answer
            return None
        if reply is None:
            return super().admit_probe() if recovery else super().admit()
        told = Told.read(reply)
        self._heard(reply)
        if told.granted:
            expires_at = self._clock.monotonic() + settings.probe_lease
            return SharedPermit(self, self._generation, expires_at, token)
        if told.state == "closed":
            return super().admit()
        self._refused_until[recovery] = self._clock.monotonic() + min(told.wait, _RECHECK)
        return None

    def retry_after(self, *, recovery: bool = False) -> float:
        """As for `Breaker`."""
        if not self.governed:
            return super().retry_after(recovery=recovery)
        return max(0.0, max(self._due_at, self._refused_until[recovery]) - self._clock.monotonic())

    def trip(self, reason: str) -> None:
        """As for `Breaker`, for all processes."""
        super().trip(reason)
        self._tell(MOVE, "open")

    def reset(self, reason: str) -> None:
        """As for `Breaker`, for all processes."""
        super().reset(reason)
        self._tell(MOVE, "closed")

    def news(self) -> tuple[int, int, int]:
        """What a look at the shared state brings along: see `PULL`."""
        called, self._called = self._called, False
        if called:
            self._called_told_at = self._clock.monotonic()
        restore = _ms(max(0.0, self._due_at - self._clock.monotonic())) if self._adopted else -1
        return int(called), int(self._state != "closed"), restore

    def learn(self, told: Told) -> None:
        """Take in what is true for all."""
        known = self._known
        if known is not None and 0 < told.generation < known.generation:
            return  # overtaken on its way
        self._known = told
        if known is None:
            changed = told.state != "closed"
        else:
            # A Redis that has forgotten all says nothing about the target.
            changed = told.generation != known.generation and told.generation > 0
        if changed:
            self._adopt(told)

    def forget(self) -> None:
        """Redis was gone: what it says next is taken as new."""
        self._known = None

    def _adopt(self, told: Told) -> None:
        machine = self._machine
        moves = {"closed": machine.close, "open": machine.open, "half_open": machine.half_open}
        self._refused_until = [0.0, 0.0]
        self._moved(moves[told.state], "all processes together")
        self._adopted = told.state != "closed"
        self._due_at = self._clock.monotonic() + told.due_in

    def _changed(self, reason: str) -> None:
        self._adopted = False
        super()._changed(reason)

    def _settle(self, permit: Permit, generation: int, *, failed: bool) -> None:
        if isinstance(permit, SharedPermit):
            self._conclude(
                permit,
                "failed" if failed else "went well",
                lambda: super(SharedBreaker, self)._settle(permit, generation, failed=failed),
            )
            return
        current = generation == self._generation
        super()._settle(permit, generation, failed=failed)
        known = self._known
        if not current or known is None or known.state != "closed":
            return
        if failed:
            self._tell(FAILED, known.generation, self._settings.failures)
        elif known.failures:
            self._known = known._replace(failures=0)
            self._tell(WENT_WELL, known.generation)

    def _release(self, permit: Permit) -> None:
        super()._release(permit)
        if isinstance(permit, SharedPermit):
            self._conclude(permit, "released", lambda: None)

    def _conclude(self, permit: SharedPermit, how: str, lost: Callable[[], None]) -> None:
        self._tell(SETTLE, permit.token, how, self._settings.successes, lost=lost)

    def _came_late(self, token: str, reply: Reply) -> None:
        if Told.read(reply).granted:
            self._tell(SETTLE, token, "released", self._settings.successes)

    def _begins_to_call(self) -> None:
        self._called = True
        if self._clock.monotonic() > self._called_told_at + LATELY / 2:
            self._tell(PULL, *self.news())  # who decides on an outage, with whom, must be known before it happens

    def _wants(self) -> None:
        known = self._known
        if known is not None and self._wants_since != known.generation:
            self._wants_since = known.generation
            self._tell(WANTED)

    def _tell(self, script: Script, *args: str | int, lost: Callable[[], None] = lambda: None) -> None:
        self._link.tell(self._call(script, *args), heard=self._heard, lost=lost)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1e3))
