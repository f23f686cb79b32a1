"""How fast recovery of one system may go: how much at a time, how soon again, and what is paid for."""

from __future__ import annotations

import math
from collections.abc import Callable

from .breaker import State
from .clock import Sources
from .errors import CircuitOpen, IntegrationError, Paused
from .system import System


class Pace:
    """The pace of one system's recovery.

    Args:
        system: The system.
        sources: Clock and randomness.
        wake: Called when the breaker closes.
    """

    def __init__(self, system: System, sources: Sources, wake: Callable[[], None]) -> None:
        self._system = system
        self._settings = system.settings.recovery
        self._clock = sources.clock
        self._random = sources.random
        self._wake = wake
        self._unanswered = 0  # looks in a row to which the system gave no answer
        self._not_before = 0.0  # monotonic
        self._handful = self._settings.concurrency
        self._claimed_at = 0.0  # monotonic
        self._unpaid_since: float | None = None  # monotonic
        system.breaker.listeners.append(self._breaker_changed)

    def places(self) -> int:
        """How many looks may be under way: one, while it is not known whether the system answers."""
        return 1 if self._unanswered or self._system.breaker.state != "closed" else self._settings.concurrency

    def handful(self) -> int:
        """How many operations to take up now: about what gets done within a tenth of an interval.

        Others find the rest; and taking many up at once would make the calls of this process wait.
        """
        now, settings = self._clock.monotonic(), self._settings
        quick = now - self._claimed_at < settings.interval / 10
        larger, smaller = self._handful * 2, max(settings.concurrency, self._handful // 2)
        self._handful = min(settings.batch, larger if quick else smaller)
        self._claimed_at = now
        return 1 if self.places() == 1 else self._handful

    def held_back(self) -> float:
        """Seconds until the system may be asked again; 0 for now, without end while a person lets nobody ask it."""
        if self._system.paused_now(writes=False) is not None:
            return math.inf
        own = max(0.0, self._not_before - self._clock.monotonic())
        return max(own, self._system.breaker.retry_after(recovery=True))

    def announce(self) -> None:
        """There is something to look at: an open breaker keeps a place for recovery when its time comes."""
        breaker = self._system.breaker
        if breaker.retry_after(recovery=True) > 0:
            breaker.admit_probe()  # refused, and remembered

    def heed(self, trouble: IntegrationError | None, *, answered: bool) -> None:
        """Go slowly while the system does not answer.

        Args:
            trouble: Why the system did not answer a look, if it did not.
            answered: Whether it did.
        """
        if trouble is None:
            if answered:
                self._unanswered = 0
            return
        if isinstance(trouble, CircuitOpen | Paused):
            return  # the breaker, or a person, says when it may be asked again
        self._unanswered += 1
        first = max(self._settings.first_probe, 0.1)
        bound = min(self._settings.longest_wait, first * 2 ** min(self._unanswered, 20))
        pause = max(self._random.uniform(bound / 2, bound), trouble.retry_after or 0.0)
        self._not_before = max(self._not_before, self._clock.monotonic() + pause)

    def pay(self) -> bool:
        """Pay for a repetition from the retry budget; False when it cannot be paid for.

        A process without calls of its own earns nothing. So that it comes to an end all the same, one repetition
        passes for every `longest_wait` in which none could be paid for.
        """
        now = self._clock.monotonic()
        if self._system.budget.withdraw():
            self._unpaid_since = None
            return True
        if self._unpaid_since is None:
            self._unpaid_since = now
        if now - self._unpaid_since < self._settings.longest_wait:
            return False
        self._unpaid_since = now
        return True

    def _breaker_changed(self, _old: State, new: State, _reason: str) -> None:
        if new == "closed":
            self._unanswered, self._not_before = 0, 0.0
            self._wake()
