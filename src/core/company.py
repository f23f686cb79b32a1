"""Many who work side by side, or one who works alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Company:
    """Lets many work at a time, until somebody asks to be alone: then nobody begins, and that one goes last.

    For one event loop.
    """

    def __init__(self) -> None:
        self._working = 0
        self._asking = 0
        self._alone = False
        self._changed = asyncio.Event()

    @property
    def wanted(self) -> bool:
        """Whether somebody is alone or asks to be; whoever works beside others should come to an end."""
        return self._asking > 0

    @asynccontextmanager
    async def among(self) -> AsyncIterator[None]:
        """Work beside others."""
        await self._until(lambda: not self._asking)
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1
            self._changed.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Work when nobody else does."""
        self._asking += 1
        try:
            await self._until(lambda: not (self._working or self._alone))
            self._alone = True
            try:
                yield
            finally:
                self._alone = False
        finally:
            self._asking -= 1
            self._changed.set()

    async def _until(self, free: Callable[[], bool]) -> None:
        while not free():
            self._changed.clear()
            await self._changed.wait()
