"""Blocking drivers in threads: bounded, let go of at the deadline, and stopped before they commit.

A thread that hangs in a driver cannot be ended. Whoever waits for it leaves at its time, the connection is cut, and
the thread, should it come back, finds that it may not commit any more. It keeps its place until then.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Stage(IntEnum):
    """How far a piece of work is."""

    WAITING = 0  # no thread yet
    CONNECTING = 1  # no connection yet, or nothing but questions about it
    OPEN = 2  # the transaction is open, and COMMIT was not sent
    COMMITTING = 3  # COMMIT may have been sent
    ENDED = 4  # it is known how it ended


class Abandoned(Exception):
    """Nobody waits any more: the work must not go on."""


class Flight(Generic[T]):
    """One piece of work, as whoever waits and the thread that does it share it."""

    def __init__(self) -> None:
        self.evidence: dict[str, Any] = {}
        """What the thread learnt on its way, for whoever must say what became of it."""
        self._lock = threading.Lock()
        self._stage = Stage.WAITING
        self._abandoned = False
        self._cut: Callable[[], None] | None = None
        self._ending: T | BaseException | None = None

    def reach(self, stage: Stage) -> None:
        """Go on to the next stage, in the thread.

        Raises:
            Abandoned: Nobody waits any more.
        """
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._stage = stage

    def may_be_cut(self, cut: Callable[[], None] | None) -> None:
        """Say how the connection in use is cut, so that a driver that waits on it gives up; None when it is let go."""
        with self._lock:
            self._cut = cut
            if self._abandoned and cut is not None:
                raise Abandoned

    def end(self, ending: T | BaseException) -> None:
        """Say how it ended, before anything is cleaned up; the first word counts."""
        with self._lock:
            if self._stage is not Stage.ENDED:
                self._stage, self._ending = Stage.ENDED, ending

    def abandon(self) -> Stage:
        """Stop waiting: from now on it does not reach another stage.

        Returns:
            The stage at which it is; `ENDED` if `ending` tells how it ended.
        """
        with self._lock:
            stage, cut = self._stage, self._cut
            self._abandoned = stage is not Stage.ENDED
            if cut is not None:
                cut()  # even if it ended: then it hangs in letting go of its connection
            return stage

    def ending(self) -> T:
        """How it ended; raises if that was by an exception."""
        assert self._stage is Stage.ENDED
        if isinstance(self._ending, BaseException):
            raise self._ending
        return self._ending  # type: ignore[return-value]  # `end` was given a T


class TimeIsUp(Exception):
    """The time was up before the work ended.

    Args:
        stage: How far it was.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.name)
        self.stage = stage


class Threads:
    """At most `size` threads that do blocking work; they end with the process.

    Args:
        size: How many.
        name: Begins their names.
        inline: Do the work in the calling thread instead (simulated time).
    """

    def __init__(self, size: int, name: str, *, inline: bool = False) -> None:
        self._size = size
        self._name = name
        self._inline = inline
        self._free = asyncio.Semaphore(size)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._flights: set[Flight[Any]] = set()
        self._started = 0
        self._idle = 0

    async def run(self, flight: Flight[T], work: Callable[[], T], timeout: float, patience: float) -> T:
        """Do the work, and wait for it.

        Args:
            flight: Tells how far it is.
            work: What to do; it says by `flight.end` how it ended, or at the latest by returning.
            timeout: Seconds in all.
            patience: Seconds of these that may pass before a thread is free.

        Raises:
            TimeIsUp: It did not end in time.
        """
        if self._inline:
            return _ended(flight, work)
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        try:
            async with asyncio.timeout(min(timeout, patience)):
                await self._free.acquire()
        except TimeoutError:
            raise TimeIsUp(flight.abandon()) from None
        done = asyncio.Event()
        self._flights.add(flight)

        def job() -> None:
            try:
                _ended(flight, work)
            except BaseException:  # noqa: BLE001, S110 -- whoever waits reads it from the flight
                pass
            finally:
                _call_back(loop, self._over, flight, done)

        self._submit(job)
        try:
            async with asyncio.timeout_at(until):
                await done.wait()
        except TimeoutError:
            stage = flight.abandon()
            if stage is not Stage.ENDED:
                raise TimeIsUp(stage) from None
        except asyncio.CancelledError:
            flight.abandon()
            raise
        return flight.ending()

    def close(self) -> None:
        """Cut what still runs, and let the threads end when they have nothing left to do."""
        for flight in self._flights:
            flight.abandon()
        for _ in range(self._started):
            self._jobs.put(None)

    def _submit(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        if self._idle:
            self._idle -= 1
            return
        self._started += 1
        threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()

    def _over(self, flight: Flight[Any], done: asyncio.Event) -> None:
        self._flights.discard(flight)
        self._idle += 1
        self._free.release()
        done.set()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _ended(flight: Flight[T], work: Callable[[], T]) -> T:
    try:
        result = work()
    except BaseException as error:
        flight.end(error)
        raise
    flight.end(result)
    return result


def _call_back(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        return  # the loop is closed, and nobody waits
