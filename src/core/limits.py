"""What keeps one caller from using a system up: places at a time (bulkhead), calls per second, and quiet."""

from __future__ import annotations

import asyncio
import math
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

    The foreground takes turns in advance, and waits for them. Recovery has none in advance: it takes one that is due
    and that nobody has taken, so that a call of the foreground comes at most one turn later for it, however many
    of recovery's calls wait. Where the foreground leaves nothing, one turn in twenty is kept for a recovery that
    waits, or what is in doubt would stay so for as long as the load lasts.

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
        self._line = asyncio.Lock()  # recovery's calls wait in it, the first of them at the clock
        self._in_line = 0
        self._spare_slack = min(self._slack / 2, _LATENESS)
        self._kept: deque[float] = deque()  # when turns are due that were kept for recovery
        self._until_kept = RECOVERYS_SHARE

    async def turn(self, at_most: float) -> None:
        """Wait for the next turn.

        Args:
            at_most: Seconds the caller is ready to wait.

        Raises:
            RateLimited: The turn is further away than that; nothing is reserved.
        """
        wait = self.reserve(at_most)
        if wait > 0:
            await self._clock.sleep(wait)

    async def spare(self, at_most: float) -> None:
        """Wait for a turn that the foreground does not need.

        Args:
            at_most: Seconds the caller is ready to wait.

        Raises:
            RateLimited: None came within that.
        """
        self._in_line += 1
        try:
            async with asyncio.timeout(at_most), self._line:
                await self._first_in_line()
        except TimeoutError:
            raise no_turn(at_most) from None
        finally:
            self._in_line -= 1

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
        keeps = wait > 0 and self._in_line > 0 and self._until_kept <= 1
        if keeps:
            wait += self._interval
        if wait > at_most:
            raise no_turn(at_most, wait)
        if keeps:
            self._kept.append(turn - self._slack)
            turn += self._interval
        self._until_kept = RECOVERYS_SHARE if keeps else self._until_kept - 1
        self._next_even = turn + self._interval
        return wait

    async def _first_in_line(self) -> None:
        """Wait until a turn is due that nobody took, or that was kept."""
        now = self._clock.monotonic()
        due = max(now, self._next_even - self._spare_slack)
        while True:
            if self._take_kept(now):
                return
            if self._next_even - self._spare_slack <= due <= now + _EXACT:
                # It counts from when it was due: what a timer is late must not be lost again with each turn.
                self._next_even = max(self._next_even, due) + self._interval
                return
            due = max(now, self._next_even - self._spare_slack)
            await self._clock.sleep(max(_EXACT, min(due - now, self._until_next_kept(now))))
            now = self._clock.monotonic()

    def _take_kept(self, now: float) -> bool:
        while self._kept and self._kept[0] < now - max(self._slack, _LATENESS):
            self._kept.popleft()  # nobody was there for it, and it is past
        if self._until_next_kept(now) > _EXACT:
            return False
        self._kept.popleft()
        return True

    def _until_next_kept(self, now: float) -> float:
        return self._kept[0] - now if self._kept else math.inf


class Quiet:
    """What a target asked for in its last Retry-After: that nobody calls until then.

    Args:
        clock: Its monotonic time.
        longest: Seconds; more is cut to it.
    """

    def __init__(self, clock: Clock, longest: float) -> None:
        self._clock = clock
        self._longest = longest
        self._until = -math.inf

    def left(self) -> float:
        """Seconds of it that are left; 0 for none."""
        if self._until == -math.inf:
            return 0.0
        left = self._until - self._clock.monotonic()
        if left > 0:
            return left
        self._until = -math.inf
        return 0.0

    def ask(self, seconds: float | None) -> None:
        """The target asked for so many seconds; nonsense is no request, and less than is left changes nothing."""
        if seconds is not None and seconds > 0:  # not a number is not above 0
            self._until = max(self._until, self._clock.monotonic() + min(seconds, self._longest))


RECOVERYS_SHARE = 20  # one turn in so many is kept for a recovery that waits, however much the foreground asks for

_LATENESS = 0.005  # seconds by which a timer may be late without recovery losing a turn, where a burst allows it
_EXACT = 1e-6  # seconds; what a clock and a sum of floats may differ by


def no_turn(at_most: float, wait: float | None = None) -> RateLimited:
    """The error of a caller for whom no turn comes in time.

    Args:
        at_most: Seconds it was ready to wait.
        wait: Seconds it would have had to wait, where that is known.
    """
    return RateLimited(
        f"our own rate limit leaves no turn within {at_most:.1f} s; nothing was sent",
        code="rate_limited",
        retry_after=None if wait is None else wait - at_most,
    )
