"""A small synchronous face for scripts: the same object, on an event loop of its own in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel

from .core.outcome import Outcome
from .wall import Seawall

T = TypeVar("T")


class SyncSeawall:
    """`Seawall` for code that does not await. Safe to call from several threads.

    Args:
        source: The configuration file, or the same as a mapping.
        options: Keyword arguments of `Seawall`.

    Raises:
        ConfigError: With the one thing to mend.
    """

    def __init__(self, source: str | Path | Mapping[str, Any], **options: Any) -> None:
        self._wall = Seawall.from_config(source, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="seawall", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._run(self._wall.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._wall.__aexit__(kind, error, trace))
        finally:
            self._stop()

    def call(
        self,
        target: str,
        request: BaseModel | Mapping[str, Any],
        *,
        principal: str | None = None,
        deadline: float | None = None,
    ) -> Outcome[Any]:
        """See `Seawall.call`."""
        return self._run(self._wall.call(target, request, principal=principal, deadline=deadline))

    def settle(self, timeout: float) -> int:
        """See `Seawall.settle`."""
        return self._run(self._wall.settle(timeout))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
