"""A rate limit that all processes keep together: turns are leased from Redis, several at a time."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import NamedTuple

from ..clock import Clock
from ..limits import RECOVERYS_SHARE, RateLimit, no_turn
from .link import Gone, Link, Reply
from .scripts import SPARE, TURNS, Call

_LONGEST_STOCK = 0.1  # seconds for which a turn that was leased ahead may be kept
_LATENESS = 0.02  # seconds by which recovery may be late for a turn that it was told of


class _Waiter(NamedTuple):
    """A caller that waits to hear when its turn is: a time, or None where Redis does not say.

    Args:
        until: The latest time that is of use to it.
        told: Where it hears.
    """

    until: float
    told: asyncio.Future[float | None]


class SharedRateLimit(RateLimit):
    """Calls per second over all processes.

    Callers that come together share one request to Redis, and a process that calls often takes a few turns ahead. A
    turn that was leased ahead may be used a little after its time; the burst that Redis grants is smaller by as much,
    so that in any time T all processes together begin at most `rate` * T + `burst` calls.

    While Redis is gone, each process keeps to an equal share of the rate. So it does where Redis is slower than the
    patience; but then what it took is counted against what Redis grants it next.

    Args:
        rate: Calls per second.
        burst: Calls that may start at once after a pause.
        clock: Its monotonic time.
        link: The link to Redis.
        key: Where the turns are counted.
    """

    def __init__(self, rate: float, burst: int, clock: Clock, *, link: Link, key: str) -> None:
        super().__init__(rate, burst, clock)
        self._rate = rate
        self._burst = burst
        self._link = link
        self._key = key
        self._every = self._interval
        self._usable = min(self._slack / 2, _LONGEST_STOCK)
        self._shared_slack = self._slack - self._usable
        self._shared_spare_slack = min(self._spare_slack, self._shared_slack / 2)
        self._stock: deque[float] = deque()
        self._queue: deque[_Waiter] = deque()
        self._leasing: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._owes = 0  # turns taken out of the own share although Redis was there
        self._called = 0  # since then:
        self._counted_from = clock.monotonic()
        self._scarce = False

    def share_among(self, processes: int) -> None:
        """Say what this process keeps to by itself while Redis does not answer.

        Args:
            processes: How many call the system.
        """
        self._interval = processes / self._rate
        self._slack = max(0.0, self._burst / processes - 1) * self._interval
        self._spare_slack = min(self._shared_spare_slack, self._slack / 2)

    async def turn(self, at_most: float) -> None:
        """As for `RateLimit`."""
        now = self._clock.monotonic()
        until = now + at_most
        if self._link.available:
            self._called += 1
            at = self._from_stock(now)
            if at is None:
                at = await self._leased(now, until)
                now = self._clock.monotonic()
            if at == math.inf:
                raise no_turn(at_most)
            if at is not None:
                self._next_even = max(self._next_even, at + self._slack)  # no burst of its own on top of this
                if at > now:
                    await self._clock.sleep(at - now)
                return
        await super().turn(max(0.0, until - now))
        self._owes += self._link.available

    def _from_stock(self, now: float) -> float | None:
        while self._stock:
            at = self._stock.popleft()
            if at + self._usable >= now:
                return at
        return None

    async def _leased(self, now: float, until: float) -> float | None:
        patience = self._link.settings.patience
        if self._leasing is not None and now - self._asked_at > patience:
            return None  # a request is out already, and keeps its callers waiting
        waiter = _Waiter(until, asyncio.get_running_loop().create_future())
        self._queue.append(waiter)
        if self._leasing is None:
            self._asked_at = now
            self._leasing = self._link.keep(asyncio.ensure_future(self._lease()))
        try:
            async with asyncio.timeout(patience):
                return await waiter.told
        except TimeoutError:
            return None

    async def _lease(self) -> None:
        """Ask for turns until nobody waits to hear of one."""
        try:
            while self._queue:
                now = self._clock.monotonic()
                callers, ahead = len(self._queue), self._ahead(now)
                self._asked_at = now
                most = max(0.0, max(waiter.until for waiter in self._queue) - now)
                keeps = self._in_line > 0 and self._until_kept <= callers
                wanted = self._owes + callers + keeps + ahead
                self._hand_out(await self._link.run(self._request(wanted, most)), callers, keeps=keeps)
        except Gone:
            self._owes = 0
        finally:
            self._leasing = None
            while self._queue:
                _tell(self._queue.popleft(), None)

    def _ahead(self, now: float) -> int:
        """Turns that this process will use while they may be used, if it goes on calling as it did."""
        span, called = max(now - self._counted_from, self._usable), self._called
        self._counted_from, self._called = now, 0
        if self._scarce or not self._usable:
            return 0  # what it does not use, others wait for
        return math.floor(min(called / span, self._rate) * self._usable)

    def _request(self, wanted: int, most: float) -> Call:
        return Call(TURNS, (self._key,), (_us(self._every), _us(self._shared_slack), wanted, _us(most)))

    def _hand_out(self, reply: Reply, callers: int, *, keeps: bool) -> None:
        granted, wait = reply
        now = self._clock.monotonic()
        turns = deque(now + max(0.0, wait / 1e6 + place * self._every) for place in range(granted))
        self._scarce = wait > 0
        self._until_kept -= granted
        while turns and self._owes:
            turns.popleft()
            self._owes -= 1
        if keeps and wait > 0 and turns:  # the foreground leaves nothing over
            self._kept.append(turns.popleft())
            self._until_kept = RECOVERYS_SHARE
        for _ in range(callers):
            if not self._queue:
                break
            waiter = self._queue.popleft()
            if waiter.told.done():
                continue  # it lost patience
            if turns and turns[0] <= waiter.until:
                _tell(waiter, turns.popleft())
            else:
                _tell(waiter, math.inf)
        self._stock.extend(turns)

    async def _first_in_line(self) -> None:
        told_of = 0
        while self._link.available:
            now = self._clock.monotonic()
            if self._take_kept(now):
                return
            args = (_us(self._every), _us(self._shared_spare_slack), told_of, _us(_LATENESS))
            reply = await self._link.ask(Call(SPARE, (self._key,), args), late=lambda _: None)
            if reply is None:
                break
            granted, wait, told_of = reply
            if granted:
                return
            await self._clock.sleep(min(wait / 1e6, self._until_next_kept(now)))
        await super()._first_in_line()
        self._owes += self._link.available


def _tell(waiter: _Waiter, at: float | None) -> None:
    if not waiter.told.done():
        waiter.told.set_result(at)


def _us(seconds: float) -> float:
    return round(seconds * 1e6, 2)
