"""Rates counted in memory: those of reads, which leave no trace in the ledger, and those of a dry run."""

from __future__ import annotations

from collections import deque

from .rule import Rate


class Windows:
    """A window that slides for each rule and principal; of this process alone.

    Args:
        most: Windows kept before those that are over are looked for and forgotten.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._least = most
        self._most = most
        self._used: dict[tuple[str, str], tuple[float, deque[float]]] = {}

    def __len__(self) -> int:
        return len(self._used)

    def use(self, rule: str, principal: str, rate: Rate, now: float) -> float | None:
        """Use a rule once more; None if that is within its rate, else when it is free again.

        Args:
            rule: The rule's name.
            principal: Who uses it.
            rate: Its rate.
            now: Seconds since the epoch.
        """
        _, used = self._used.setdefault((rule, principal), (rate.per, deque()))
        while used and used[0] <= now - rate.per:
            used.popleft()
        if len(used) >= rate.calls:
            return used[len(used) - rate.calls] + rate.per
        used.append(now)
        if len(self._used) > self._most:
            self._forget(now)
        return None

    def _forget(self, now: float) -> None:
        """Forget the windows in which nothing counts any more; the next look comes when there are twice as many."""
        over = [key for key, (per, used) in self._used.items() if used[-1] <= now - per]
        for key in over:
            del self._used[key]
        self._most = max(self._least, 2 * len(self._used))
