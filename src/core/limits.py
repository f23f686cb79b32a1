"""What keeps one caller from using a system up: places at a time (bulkhead) and calls per second (rate limit)."""

from __future__ import annotations

import asyncio
from collections import deque

from .clock import Clock
from .errors import BulkheadFull, RateLimited


class Bulkhead:
    """A bounded number of places, and a bounded queue for them. For one event loop.

    Args:
        concurrency: Places.
        waiting: Callers that may wait for one.
    """

    def __init__(self, concurrency: int, waiting: int) -> None:
        self._free = concurrency
        self._concurrency = concurrency
        self._longest_queue = waiting
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def running(self) -> int:
        """Places taken."""
        return self._concurrency - self._free

    @property
    def waiting(self) -> int:
        """Callers in the queue."""
        return sum(1 for place in self._queue if not place.done())

    def try_enter(self) -> bool:
        """Take a place if one is free and nobody waits."""
        if self._free > 0 and not self._queue:
            self._free -= 1
            return True
        return False

    async def enter(self, timeout: float) -> None:
        """Take a place, in turn.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            BulkheadFull: At once if the queue is full, else after `timeout`.
        """
        if self.try_enter():
            return
        if len(self._queue) >= self._longest_queue:
            raise BulkheadFull(
                f"{self.running} calls run and {self.waiting} wait already; nothing was sent", code="bulkhead_full"
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            async with asyncio.timeout(timeout):
                await place
        except BaseException as stopped:
            if place.done() and not place.cancelled():
                self.leave()  # the place was handed over in the same moment: pass it on
            elif place in self._queue:  # not if `leave` met it, cancelled, before this ran
                self._queue.remove(place)
            if isinstance(stopped, TimeoutError):
                raise BulkheadFull(
                    f"no place became free within {timeout:.1f} s; nothing was sent", code="bulkhead_full"
                ) from None
            raise

    def leave(self) -> None:
        """Give a place back, to whoever has waited longest."""
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1


class RateLimit:
    """Calls per second, spread evenly after a burst (the generic cell rate algorithm). For one event loop.

    Args:
        rate: Calls per second.
        burst: Calls that may start at once after a pause.
        clock: Its monotonic time.
    """

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._interval = 1.0 / rate
        self._slack = (burst - 1) / rate
        self._clock = clock
        self._next_even = clock.monotonic()

    def reserve(self, at_most: float) -> float:
        """Reserve the next turn.

        Args:
            at_most: Seconds the caller is ready to wait.

        Returns:
            Seconds to wait before starting; 0 for at once.

        Raises:
            RateLimited: The turn is further away than that; nothing is reserved.
        """
        now = self._clock.monotonic()
        turn = max(self._next_even, now)
        wait = max(0.0, turn - self._slack - now)
        if wait > at_most:
            raise RateLimited(
                f"our own rate limit leaves no turn within {at_most:.1f} s; nothing was sent",
                code="rate_limited",
                retry_after=wait - at_most,
            )
        self._next_even = turn + self._interval
        return wait
