"""A simulated process in one event loop: all its tasks can be stopped at once (a crash) or held still (a pause).

A task that is started inside a process belongs to it. What a target does for a request does not: it goes on when the
process dies. Callbacks of timers still run while a process is paused; whatever they wake up waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

from ..origin import ACTION, CALL, WORKER


class Process:
    """The tasks of one simulated process.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self.paused = False
        self._waiting: list[asyncio.Future[None]] = []

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """A task of its own was started."""
        self._tasks[task] = None
        task.add_done_callback(lambda ended: self._tasks.pop(ended, None))

    def kill(self) -> None:
        """End everything that it does, as SIGKILL would: nothing is tidied up."""
        self.alive = False
        self.resume()
        for task in list(self._tasks):
            task.cancel()

    def pause(self) -> None:
        """Let nothing of it run until `resume`, as SIGSTOP would."""
        self.paused = True

    def resume(self) -> None:
        """Let it run again."""
        self.paused = False
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def until_resumed(self) -> asyncio.Future[None]:
        """What one step of its tasks waits for while it is paused; a task's own, so that it can be cancelled alone."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def run(self, work: Coroutine[Any, Any, Any], *, name: str | None = None, action: str = "") -> asyncio.Task[Any]:
        """Start a task inside it, from outside; `action` is what a client calls by it."""
        context = Context()
        context.run(WORKER.set, self)
        context.run(ACTION.set, action)
        task = asyncio.get_running_loop().create_task(work, name=name, context=context)
        context.run(CALL.set, task)  # it has not begun yet
        return task


class _Gate(Coroutine[Any, Any, Any]):
    """A coroutine whose steps wait while its process is paused."""

    def __init__(self, inner: Coroutine[Any, Any, Any], process: Process) -> None:
        self._inner = inner
        self._steps = _steps(inner, process)
        next(self._steps)

    def send(self, value: Any) -> Any:
        return self._steps.send(value)

    def throw(self, *error: Any) -> Any:
        return self._steps.throw(*error)

    def close(self) -> None:
        self._steps.close()
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._steps


def _steps(inner: Coroutine[Any, Any, Any], process: Process) -> Generator[Any, Any, Any]:
    error: BaseException | None = None
    value: Any = None
    yielded: Any = None
    while True:
        try:
            value, error = (yield yielded), None
        except BaseException as raised:  # noqa: BLE001 -- handed to the coroutine, as the loop meant it
            error = raised
        while process.paused:
            try:
                yield from process.until_resumed()
            except BaseException as raised:  # noqa: BLE001 -- a cancellation meets it when it runs again
                error = raised
        try:
            yielded = inner.send(value) if error is None else inner.throw(error)
        except StopIteration as ended:
            return ended.value


def tell_processes_apart(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Let each task that is started from now on belong to the process that starts it.

    Returns:
        What undoes it.
    """
    before = loop.get_task_factory()

    def make(
        loop: asyncio.AbstractEventLoop, work: Any, *, context: Context | None = None, **how: Any
    ) -> asyncio.Task[Any]:
        process = WORKER.get() if context is None else context.get(WORKER)
        if not isinstance(process, Process):
            return asyncio.Task(work, loop=loop, context=context, **how)
        task: asyncio.Task[Any] = asyncio.Task(_Gate(work, process), loop=loop, context=context, **how)
        process.adopt(task)
        if not process.alive:
            task.cancel()
        return task

    loop.set_task_factory(make)
    return lambda: loop.set_task_factory(before)
