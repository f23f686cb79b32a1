"""Waiting until an operation may have changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

from ..clock import Clock

_REMEMBERED = 1024


class Changes:
    """Who waits for which operation. What changed a moment before somebody waits for it is not missed either.

    Args:
        clock: To wait by.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()

    def tell(self, operation_ids: Iterable[str]) -> None:
        """These changed."""
        for operation_id in operation_ids:
            waiting = self._waiting.get(operation_id)
            if waiting:
                _wake(waiting)
                continue
            self._recent[operation_id] = None
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)

    def tell_all(self) -> None:
        """Any may have changed."""
        for waiting in self._waiting.values():
            _wake(waiting)

    async def wait(self, operation_id: str, timeout: float) -> None:
        """Until the operation may have changed, and at most `timeout` seconds."""
        if operation_id in self._recent:
            del self._recent[operation_id]
            return
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(operation_id, set()).add(told)
        sleeping = asyncio.ensure_future(self._clock.sleep(timeout))
        try:
            await asyncio.wait((told, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            told.cancel()
            self._waiting[operation_id].discard(told)
            if not self._waiting[operation_id]:
                del self._waiting[operation_id]


def _wake(waiting: Iterable[asyncio.Future[None]]) -> None:
    for told in waiting:
        if not told.done():
            told.set_result(None)
