"""Waiting for many futures, each with a limit of its own, behind one timer for all of them."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK_EVERY = 0.02  # seconds; by so much a limit may be overstepped


class Patience:
    """`asyncio.timeout` for futures that nearly always come in time, at a fraction of its cost. For one event loop."""

    def __init__(self) -> None:
        self._until: dict[asyncio.Future[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, future: asyncio.Future[T], seconds: float | None) -> T:
        """The future's result. What is behind the future goes on after the limit.

        Args:
            future: Waited for by this caller only.
            seconds: The limit; None for none.

        Raises:
            TimeoutError: The limit passed.
        """
        if seconds is None or future.done():
            return await future
        loop = future.get_loop()
        self._until[future] = loop.time() + seconds
        if self._timer is None:
            self._timer = loop.call_later(min(_LOOK_EVERY, seconds), self._look)
        try:
            return await future
        finally:
            del self._until[future]

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for future, until in self._until.items():
            if until <= now and not future.done():
                future.set_exception(TimeoutError("it did not come in time"))
        if self._until:
            self._timer = loop.call_later(_LOOK_EVERY, self._look)
