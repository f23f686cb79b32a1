"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing else can run.

An hour of waiting takes no time, and the order of events follows from the timers alone. While work that was given to
`asyncio.to_thread` or an executor goes on, the clock stands still; but which of several threads ends first is up to
the machine, so what must be repeatable keeps its work in the loop's own thread (the ledger and the drivers can).
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_FOREIGN = 5.0  # real seconds that a thread nobody told the loop of may take to wake it up
_THREADS = 30.0  # real seconds that work in an executor may take while nothing else can run
_NAMED = 3  # tasks that are named when a simulation is stuck


class SimulationStuckError(RuntimeError):
    """Nothing is left that could ever happen, but the simulation is not over."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, starting at 0.

    Args:
        patience: Real seconds that work in a thread may take while everything else waits.
    """

    def __init__(self, *, patience: float = _THREADS) -> None:
        self.elapsed = 0.0
        self._threads: ThreadPoolExecutor | None = None
        self._virtual = _Selector(self, patience)
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.elapsed

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Let a callback run soon; from any thread."""
        handle = super().call_soon_threadsafe(callback, *args, context=context)
        self._virtual.woken = True
        return handle

    def run_in_executor(  # type: ignore[override]  # typeshed says Future, asyncio makes one
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Work in another thread, for which the clock stands still until it has ended."""
        if executor is None:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(thread_name_prefix="asyncio")
                self.set_default_executor(self._threads)
            executor = self._threads
        work = executor.submit(func, *args)
        self._virtual.working += 1
        result = asyncio.wrap_future(work, loop=self)
        work.add_done_callback(self._work_ended)  # after the result was handed over, so that no time goes by between
        return result

    async def shutdown_default_executor(self, *given: Any) -> None:
        """End the threads of `asyncio.to_thread`; their last work is waited for in real time."""
        self._virtual.working += 1
        try:
            await super().shutdown_default_executor(*given)
        finally:
            self._virtual.working -= 1

    def _work_ended(self, _: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self.call_soon_threadsafe(self._virtual.one_ended)


class _Selector(selectors.DefaultSelector):
    """Asks the system only where something can have come from it: a system call for each step takes the most time."""

    def __init__(self, loop: VirtualLoop, patience: float) -> None:
        super().__init__()
        self.woken = False
        self.working = 0
        self._loop = loop
        self._patience = patience
        self._files = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self._files += 1
        return super().register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self._files -= 1
        return key

    def one_ended(self) -> None:
        self.working -= 1

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.woken or self._files > 1:  # one is the loop's own, by which threads wake it up
            self.woken = False
            ready = super().select(0)
            if ready:
                return ready
        if timeout == 0:
            return []
        if self.working:
            return self._really(self._patience, "work in a thread does not end, and nothing else can run")
        if timeout is None:
            words = "no timer is left and nothing can run: something waits for ever"
            return self._really(_FOREIGN if self._files > 1 or _others() else 0.0, words)
        self._loop.elapsed += timeout
        return []

    def _really(self, seconds: float, otherwise: str) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(seconds)
        if not ready:
            raise SimulationStuckError(f"{otherwise}{_waiting(self._loop)}")
        return ready


def _others() -> bool:
    """Whether there are threads that may still wake up the loop; those of an executor were waited for."""
    return any(
        thread is not threading.current_thread() and not thread.name.startswith("asyncio")
        for thread in threading.enumerate()
    )


def _waiting(loop: VirtualLoop) -> str:
    """Which tasks wait, and where."""
    places = sorted(
        f"{task.get_name()} at {Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
        for task in asyncio.all_tasks(loop)
        for frame in task.get_stack(limit=1)
    )
    more = "" if len(places) <= _NAMED else f" and {len(places) - _NAMED} more"
    return f" ({', '.join(places[:_NAMED])}{more})" if places else ""


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
    found: list[T] = []

    async def keep() -> None:
        # As a task's result, what comes out would be shown in full by `repr`, for which the runner's handler of
        # signals asks, and a long history takes longer to show than to make.
        found.append(await main)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(keep())
    return found[0]
