"""Virtual time for tests that are not asynchronous themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..faults import Plan
from ..virtual_time import LoopClock, VirtualLoop
from .subjects import load_subject

T = TypeVar("T")


class _Clock(LoopClock):
    """The time of one loop, also while it does not run."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def monotonic(self) -> float:
        """The loop's time."""
        return self._loop.time()

    def now(self) -> float:
        """The loop's time, as seconds since the epoch."""
        return self.epoch + self._loop.time()


class VirtualClock:
    """Virtual time for a test that is not asynchronous itself."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self._made: list[Any] = []
        self.clock: LoopClock = _Clock(self._runner.get_loop())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; an hour of waiting takes no time."""
        return self._runner.run(work)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now()

    def advance(self, seconds: float) -> None:
        """Let time pass, and all that is due in it happen."""
        self.run(asyncio.sleep(seconds))

    def make(self, subject: str, plan: Plan | None = None) -> Any:
        """The simulator of one of our subjects, on this clock; closed with it.

        Args:
            subject: The subject's name.
            plan: Its faults; None for none.
        """

        async def made() -> Any:
            return load_subject(subject).target(plan or Plan(), self.clock)

        target = self.run(made())
        self._made.append(target)
        return target

    def close(self) -> None:
        """Close what was made, and the loop."""
        for target in self._made:
            target.close()
        self._runner.close()
