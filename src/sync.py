"""A small synchronous face for scripts: the same object, on an event loop of its own in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel

from .calls import GRACE, Left, left_while
from .core.outcome import Outcome
from .wall import Seawall

T = TypeVar("T")

_NOT_OPEN = "this SyncSeawall is not open: use it inside `with`"
_LEFT = "this SyncSeawall was left: make a new one and use it inside its `with`"


class SyncSeawall:
    """`Seawall` for code that does not await. Safe to call from several threads.

    Leaving waits for the calls of other threads as `Seawall` does; those that are cut short raise `RuntimeError`.

    Args:
        source: The configuration file, or the same as a mapping.
        options: Keyword arguments of `Seawall`.

    Raises:
        ConfigError: With the one thing to mend.
    """

    def __init__(self, source: str | Path | Mapping[str, Any], **options: Any) -> None:
        self._wall = Seawall.from_config(source, **options)
        # Who calls hands over to the loop under it, so that nothing is handed over once the end has begun.
        self._lock = threading.Lock()
        self._refusal: str | None = _NOT_OPEN
        self._thread: _Loop | None = None

    def __enter__(self) -> Self:
        with self._lock:
            if self._thread is not None:
                raise RuntimeError("a SyncSeawall is opened once: make a new one for another `with`")
            thread = self._thread = _Loop()
        try:
            thread.hand_over(self._wall.__aenter__()).result()
        except BaseException:
            try:
                thread.hand_over(_cancel_others()).result()
                thread.hand_over(self._wall.__aexit__(None, None, None)).result()  # if it was opened all the same
            finally:
                thread.stop()
                self._thread = None
            raise
        self._refusal = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            thread, self._refusal = self._thread, _LEFT
        if thread is None:
            return
        closing = thread.hand_over(self._wall.__aexit__(kind, error, trace))
        try:
            closing.result()
        finally:
            try:
                # Cuts the closing itself short, too, if our waiting for it was interrupted.
                thread.hand_over(_cancel_others()).result()
            finally:
                thread.stop()

    def call(
        self,
        target: str,
        request: BaseModel | Mapping[str, Any],
        *,
        principal: str | None = None,
        deadline: float | None = None,
    ) -> Outcome[Any]:
        """See `Seawall.call`.

        Raises:
            RuntimeError: This SyncSeawall is not open, or was left while the call was under way.
        """
        return self._run(target, lambda: self._wall.call(target, request, principal=principal, deadline=deadline))

    def settle(self, timeout: float) -> int:
        """See `Seawall.settle`.

        Raises:
            RuntimeError: This SyncSeawall is not open, or was left meanwhile.
        """
        return self._run("settle", lambda: self._wall.settle(timeout))

    def _run(self, name: str, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        with self._lock:
            if self._refusal is not None or self._thread is None:
                raise RuntimeError(self._refusal or _NOT_OPEN)
            if self._thread.is_current():
                raise RuntimeError("a SyncSeawall cannot be called from its own event loop: it would wait for itself")
            future = self._thread.hand_over(begin())
        try:
            return future.result()
        except (CancelledError, Left):
            raise RuntimeError(left_while("SyncSeawall", name)) from None


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._waited_for: set[Future[Any]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="seawall", daemon=True)
        self._thread.start()

    def is_current(self) -> bool:
        """Whether this is the loop's own thread."""
        return threading.current_thread() is self._thread

    def hand_over(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run it in the loop."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        self._waited_for.add(future)
        future.add_done_callback(self._waited_for.discard)
        return future

    def stop(self) -> None:
        """End the loop and its thread, and everybody's waiting for what did not end by itself."""
        with suppress(TimeoutError):
            self.hand_over(self._loop.shutdown_asyncgens()).result(GRACE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for future in list(self._waited_for):
            future.cancel()
        self._loop.close()


async def _cancel_others() -> None:
    """Cancel everything else in this loop, and wait for it for a while."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=GRACE)
