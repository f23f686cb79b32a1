"""Rates counted in memory: those of reads, which leave no trace in the ledger, and those of a dry run."""

from __future__ import annotations

from collections import deque

from .rule import Rate


class Windows:
    """A window that slides for each rule and principal; of this process alone.

    Args:
        most: Windows kept; beyond that the ones longest unused are forgotten first, when they are empty.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._used: dict[tuple[str, str], deque[float]] = {}

    def use(self, rule: str, principal: str, rate: Rate, now: float) -> float | None:
        """Use a rule once more; None if that is within its rate, else when it is free again.

        Args:
            rule: The rule's name.
            principal: Who uses it.
            rate: Its rate.
            now: Seconds since the epoch.
        """
        used = self._used.setdefault((rule, principal), deque())
        while used and used[0] <= now - rate.per:
            used.popleft()
        if len(used) >= rate.calls:
            return used[len(used) - rate.calls] + rate.per
        used.append(now)
        if len(self._used) > self._most:
            self._forget(now)
        return None

    def _forget(self, now: float) -> None:
        from .rule import LONGEST_RATE

        gone = [key for key, used in self._used.items() if not used or used[-1] <= now - LONGEST_RATE]
        for key in gone:
            del self._used[key]
