"""When to try again: tenacity supplies the waits and the stop; the deadline and the budget are ours."""

from __future__ import annotations

import math
import random as random_module

import tenacity

from .settings import RetrySettings


class Backoff:
    """Exponential backoff with full jitter.

    Args:
        settings: See `RetrySettings`.
        random: Draws the jitter.
    """

    def __init__(self, settings: RetrySettings, random: random_module.Random) -> None:
        # tenacity's own jitter draws from the global random; its bound is taken and the draw is ours.
        self._bound = tenacity.wait_exponential(multiplier=settings.first_wait, max=settings.longest_wait)
        self._stop = tenacity.stop_after_attempt(settings.attempts)
        self._random = random
        self._calls = tenacity.Retrying()

    def wait(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt`: anything between 0 and a bound that doubles."""
        return self._random.uniform(0.0, self._bound(self._state(attempt)))

    def exhausted(self, attempt: int) -> bool:
        """Whether attempt number `attempt` was the last one."""
        return self._stop(self._state(attempt))

    def _state(self, attempt: int) -> tenacity.RetryCallState:
        state = tenacity.RetryCallState(self._calls, fn=None, args=(), kwargs={})
        state.attempt_number = attempt
        return state


def pause_before_retry(retry_after: float | None, backoff: float, longest: float) -> float:
    """The longer of what the target asked for and our own backoff: never early, never above `longest`.

    Args:
        retry_after: Seconds the target asked for, or None.
        backoff: Seconds by our own backoff.
        longest: What a target may ask for at most.
    """
    if retry_after is None or math.isnan(retry_after) or retry_after < 0:
        return backoff
    return max(min(retry_after, longest), backoff)


class RetryBudget:
    """Retries in proportion to first attempts, so that an outage does not multiply the load.

    A retry is paid for when it is decided, before it sleeps: sleeping retries count.

    Args:
        ratio: Retries earned by each first attempt.
        reserve: Retries at hand before any traffic; also the most that can be saved up.
    """

    def __init__(self, ratio: float, reserve: float) -> None:
        self._ratio = ratio
        self._reserve = reserve
        self._balance = reserve

    @property
    def balance(self) -> float:
        """Retries that could be paid for now."""
        return self._balance

    def deposit(self) -> None:
        """A first attempt is made."""
        balance = self._balance + self._ratio
        self._balance = min(self._reserve, balance)

    def withdraw(self) -> bool:
        """Pay for one retry; False if it cannot be paid for."""
        if self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True

    def refund(self) -> None:
        """A retry that was paid for was not made, or was acknowledged: the target is well."""
        self._balance = min(self._reserve, self._balance + 1.0)
