"""A clock that tests move."""

from __future__ import annotations

import asyncio


class FakeClock:
    """Time stands still until it is told to move; a sleep moves it at once.

    Args:
        start: Seconds since the epoch.
    """

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._elapsed = 0.0
        self._start = start
        self.wall = 0.0  # seconds by which the wall clock was set wrong
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self._elapsed

    def now(self) -> float:
        return self._start + self._elapsed + self.wall

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self._elapsed += max(0.0, seconds)
