"""The circuit breaker: pybreaker's state machine behind "admit before, record after".

Nobody calls *through* pybreaker. Its own call path holds a lock across the call, counts no coroutines, replaces
the error of the call that trips it, lets every half-open caller in, and reads the wall clock (measured:
reference/libraries, section 2). Here a call asks for a `Permit`, runs outside, and settles the permit in one
synchronous step; only then does pybreaker hear of it. Time is the injected clock's.

For one event loop: nothing here awaits, so nothing needs a lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, TypeAlias

import pybreaker

from .clock import Clock
from .settings import BreakerSettings

State: TypeAlias = Literal["closed", "open", "half_open"]
Listener: TypeAlias = Callable[[State, State, str], None]

_log = logging.getLogger("seawall.breaker")
_NAMES: dict[str, State] = {
    pybreaker.STATE_CLOSED: "closed",
    pybreaker.STATE_OPEN: "open",
    pybreaker.STATE_HALF_OPEN: "half_open",
}


class _ChargedError(Exception):
    """What pybreaker is shown for a failed call."""


def _fine() -> None:
    """What pybreaker is shown for a call that went well."""


def _failed() -> None:
    raise _ChargedError


class Permit:
    """Leave to make one call. Settle it once: `succeed`, `fail`, or `release` for what says nothing (cancelled).

    Args:
        breaker: Who gave it.
        generation: The breaker's generation at that time; results of an earlier one do not count.
        expires_at: For a half-open probe: when its place is given to another.
    """

    __slots__ = ("_breaker", "_generation", "_settled", "expires_at")

    def __init__(self, breaker: Breaker, generation: int, expires_at: float | None = None) -> None:
        self._breaker = breaker
        self._generation = generation
        self._settled = False
        self.expires_at = expires_at

    def succeed(self) -> None:
        """The system answered."""
        if not self._settled:
            self._settled = True
            self._breaker._settle(self, self._generation, failed=False)  # noqa: SLF001 -- two halves of one thing

    def fail(self) -> None:
        """A transport fault or a declared outage code."""
        if not self._settled:
            self._settled = True
            self._breaker._settle(self, self._generation, failed=True)  # noqa: SLF001 -- see above

    def release(self) -> None:
        """The call says nothing about the system's health."""
        if not self._settled:
            self._settled = True
            self._breaker._release(self)  # noqa: SLF001 -- see above


class Breaker:
    """Holds calls back from a system that fails.

    Recovery has a lane. It passes an open breaker no earlier than others, and at most `probes` calls are let through a
    half-open one in all. But recovery asks with reads, and a read that fails does less harm than a write. So once
    recovery was held back, one of the places is kept for it when the time comes, until it had one, and not longer
    than `keep`: should it have nothing to ask any more, or hang, the others go on.

    Args:
        settings: See `BreakerSettings`.
        clock: Only its monotonic time is read.
        name: For log lines.
        keep: Seconds for which a half-open place is kept for recovery; never longer than `reset_after`.
    """

    def __init__(self, settings: BreakerSettings, clock: Clock, *, name: str = "", keep: float = 2.0) -> None:
        self.listeners: list[Listener] = []
        self._settings = settings
        self._clock = clock
        self._name = name
        self._keep = min(keep, settings.reset_after)
        self._machine = pybreaker.CircuitBreaker(
            fail_max=settings.failures,
            reset_timeout=0,  # pybreaker would read the wall clock; the time is kept here
            success_threshold=settings.successes,
            throw_new_error_on_trip=False,
            name=name or None,
        )
        self._state: State = "closed"
        self._generation = 0
        self._failures = 0
        self._due_at = 0.0  # when it may become half-open
        self._probes: set[Permit] = set()
        self._wanted = False  # recovery was held back and has had no place since

    @property
    def state(self) -> State:
        """The state; `half_open` from the first probe that is let in, not from the moment it might be."""
        return self._state

    def admit(self) -> Permit | None:
        """Ask to make a call; None when it is held back."""
        return Permit(self, self._generation) if self._state == "closed" else self._half_open_place(recovery=False)

    def admit_probe(self) -> Permit | None:
        """Ask to make one of recovery's calls; None when it is held back, and then a place is kept for it."""
        if self._state == "closed":
            return Permit(self, self._generation)
        permit = self._half_open_place(recovery=True)
        self._wanted = permit is None
        return permit

    def retry_after(self, *, recovery: bool = False) -> float:
        """Seconds until it is worth asking again; 0 when it is now.

        Args:
            recovery: True for recovery's calls.
        """
        if self._state == "closed":
            return 0.0
        now = self._clock.monotonic()
        if now < self._due_at and (recovery or not self._wanted):
            return self._due_at - now
        changes = [self._due_at, self._due_at + self._keep, *(probe.expires_at or now for probe in self._probes)]
        times = [now, *sorted(at for at in changes if at > now)]
        return next(at for at in times if self._has_room(at, recovery=recovery)) - now

    def _half_open_place(self, *, recovery: bool) -> Permit | None:
        now = self._clock.monotonic()
        if not self._has_room(now, recovery=recovery):
            return None
        if self._state == "open":
            self._moved(self._machine.half_open, "the reset time has passed")
        self._probes = {probe for probe in self._probes if probe.expires_at is None or probe.expires_at > now}
        probe = Permit(self, self._generation, now + self._settings.probe_lease)
        self._probes.add(probe)
        return probe

    def _has_room(self, at: float, *, recovery: bool) -> bool:
        if at < self._due_at:
            return False
        taken = sum(1 for probe in self._probes if probe.expires_at is None or probe.expires_at > at)
        kept = 1 if self._wanted and not recovery and at < self._due_at + self._keep else 0
        return taken + kept < self._settings.probes

    def trip(self, reason: str) -> None:
        """Open it by hand."""
        self._moved(self._machine.open, reason)

    def reset(self, reason: str) -> None:
        """Close it by hand."""
        self._moved(self._machine.close, reason)

    def _settle(self, permit: Permit, generation: int, *, failed: bool) -> None:
        self._probes.discard(permit)
        if generation != self._generation:
            return  # began under another state: it does not decide this one
        if permit.expires_at is not None and permit.expires_at <= self._clock.monotonic():
            return  # its place was given to another probe
        if not failed and self._state == "closed" and self._failures == 0:
            return  # pybreaker would set a zero to zero
        before = self._machine.current_state
        if failed:
            self._failures += 1
            with suppress(_ChargedError):
                self._machine.call(_failed)
        else:
            self._failures = 0
            self._machine.call(_fine)
        if self._machine.current_state != before:
            self._changed("a probe failed" if failed and self._state == "half_open" else "calls settled")

    def _release(self, permit: Permit) -> None:
        self._probes.discard(permit)

    def _moved(self, move: Callable[[], object], reason: str) -> None:
        move()
        self._changed(reason)

    def _changed(self, reason: str) -> None:
        old, self._state = self._state, _NAMES[self._machine.current_state]
        self._generation += 1
        self._failures = 0
        self._probes.clear()
        if self._state == "open":
            self._due_at = self._clock.monotonic() + self._settings.reset_after
        elif self._state == "closed":
            self._wanted = False
        if old != self._state:
            _log.info("breaker of %s: %s → %s (%s)", self._name or "a system", old, self._state, reason)
            for listener in self.listeners:
                try:
                    listener(old, self._state, reason)
                except Exception:  # noqa: BLE001 -- a listener must not disturb the call
                    _log.exception("a listener of the breaker failed")
