"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing else can run.

An hour of waiting takes no time, and the order of events follows from the timers alone. Work in other threads
is not waited for: keep it out of a simulation (the ledger can work inline).
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_STUCK = 5.0  # real seconds without anything to do before a simulation is called stuck


class SimulationStuckError(RuntimeError):
    """Nothing is left that could ever happen, but the simulation is not over."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, starting at 0."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.elapsed


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = super().select(_STUCK)
            if not ready:
                raise SimulationStuckError("no timer is left and nothing can run: something waits for ever")
            return ready
        self._loop.elapsed += timeout
        return []


class LoopClock:
    """The running loop's time, real or virtual, as a clock.

    Args:
        epoch: What `now` says when the loop's time is 0, in seconds since the epoch.
    """

    def __init__(self, epoch: float = 1_800_000_000.0) -> None:
        self.epoch = epoch

    def monotonic(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    def now(self) -> float:
        """The loop's time, as seconds since the epoch."""
        return self.epoch + asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait in the loop's time."""
        await asyncio.sleep(max(0.0, seconds))


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time.

    Raises:
        SimulationStuckError: It can never end.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
