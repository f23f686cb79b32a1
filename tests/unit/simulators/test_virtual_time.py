"""The event loop in virtual time."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from seawall.simulators.virtual_time import LoopClock, SimulationStuckError, VirtualLoop, run


def now() -> float:
    return asyncio.get_running_loop().time()


def test_loop_sleepers_wake_in_order_of_their_time() -> None:
    woke: list[tuple[float, str]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woke.append((now(), name))

    async def main() -> None:
        await asyncio.gather(sleeper("late", 7200.0), sleeper("first", 1.5), sleeper("second", 1.5))

    run(main())
    assert woke == [(1.5, "first"), (1.5, "second"), (7200.0, "late")]


def test_loop_timeout_cancels_at_its_virtual_time() -> None:
    async def main() -> float:
        with suppress(TimeoutError):
            async with asyncio.timeout(100.0):
                await asyncio.sleep(1000.0)
        return now()

    assert run(main()) == 100.0


def test_loop_wait_longer_than_a_day_arrives_exactly() -> None:
    async def main() -> float:
        await asyncio.sleep(10 * 86_400.0 + 0.125)
        return now()

    assert run(main()) == 10 * 86_400.0 + 0.125


def test_to_thread_time_does_not_leap_while_it_works() -> None:
    began, go_on = threading.Event(), threading.Event()
    at: list[float] = []

    def work() -> str:
        began.set()
        go_on.wait(10)
        return "done"

    async def main() -> tuple[str, float]:
        async def timer() -> None:
            await asyncio.sleep(1.0)
            at.append(now())

        waiting = asyncio.create_task(timer())
        working = asyncio.create_task(asyncio.to_thread(work))
        while not began.is_set():
            await asyncio.sleep(0)
        threading.Timer(0.05, go_on.set).start()  # the loop has nothing to do but the timer, and must not jump to it
        result = await working
        ended = now()
        await waiting
        return result, ended

    assert run(main()) == ("done", 0.0)
    assert at == [1.0]


def test_to_thread_many_in_turn_take_no_virtual_time() -> None:
    async def main() -> tuple[int, float]:
        async def timer() -> None:
            await asyncio.sleep(5.0)

        waiting = asyncio.create_task(timer())
        total = 0
        for number in range(200):
            total += await asyncio.to_thread(lambda one=number: one)  # type: ignore[misc]
        ended = now()
        waiting.cancel()
        return total, ended

    assert run(main()) == (sum(range(200)), 0.0)


def test_to_thread_cancelled_wait_still_holds_the_clock() -> None:
    go_on, over = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(10)
        over.set()

    async def main() -> bool:
        waiting = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        waiting.cancel()
        threading.Timer(0.05, go_on.set).start()
        await asyncio.sleep(1.0)  # comes when the thread has ended, though nobody waits for its result
        return over.is_set()

    assert run(main()) is True


def test_run_in_executor_own_executor_and_error_are_passed_on() -> None:
    def fail() -> None:
        raise ValueError("no")

    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            await asyncio.get_running_loop().run_in_executor(executor, fail)

    with pytest.raises(ValueError, match="no"):
        run(main())


def test_to_thread_that_never_ends_is_called_stuck() -> None:
    release = threading.Event()

    async def main() -> None:
        await asyncio.to_thread(release.wait, 10)

    with _Closing(patience=0.05) as loop:
        with pytest.raises(SimulationStuckError, match="work in a thread"):
            loop.run_until_complete(main())
        release.set()


class _Closing:
    """A loop whose pending tasks are cancelled at the end."""

    def __init__(self, *, patience: float) -> None:
        self.loop = VirtualLoop(patience=patience)

    def __enter__(self) -> VirtualLoop:
        return self.loop

    def __exit__(self, *_: object) -> None:
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


def test_call_soon_threadsafe_from_a_thread_of_ones_own_wakes_the_loop() -> None:
    async def main() -> str:
        loop, told = asyncio.get_running_loop(), asyncio.Future[str]()
        threading.Timer(0.05, lambda: loop.call_soon_threadsafe(told.set_result, "woken")).start()
        return await told

    assert run(main()) == "woken"


def test_call_soon_threadsafe_from_within_runs_before_time_goes_on() -> None:
    seen: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(lambda: seen.append(loop.time()))
        await asyncio.sleep(1.0)

    run(main())
    assert seen == [0.0]


def test_loop_many_wake_ups_between_polls_are_not_lost() -> None:
    """More than the loop's own pipe holds, which is only emptied when the system is asked."""

    async def main() -> int:
        loop, count = asyncio.get_running_loop(), 0

        def add() -> None:
            nonlocal count
            count += 1

        def shout() -> None:
            for _ in range(5000):
                loop.call_soon_threadsafe(add)

        await asyncio.gather(*(asyncio.to_thread(shout) for _ in range(4)))
        await asyncio.sleep(1.0)
        return count

    assert run(main()) == 20_000


def test_loop_sockets_are_served_before_time_goes_on() -> None:
    async def main() -> tuple[bytes, float]:
        here, there = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=here)
        other_reader, other_writer = await asyncio.open_connection(sock=there)
        async with asyncio.timeout(60.0):
            writer.write(b"ping\n")
            line = await other_reader.readline()
            other_writer.write(line)
            echoed = await reader.readline()
        found = now()
        for one in (writer, other_writer):
            one.close()
            await one.wait_closed()
        return echoed, found

    assert run(main()) == (b"ping\n", 0.0)


def test_loop_nothing_can_run_says_who_waits_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []
    select = selectors.DefaultSelector.select

    def seen(self: selectors.DefaultSelector, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        asked.append(timeout)
        return select(self, timeout)

    async def for_ever() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.create_task(for_ever(), name="client c1")

    monkeypatch.setattr(selectors.DefaultSelector, "select", seen)
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.current_thread()])
    with pytest.raises(SimulationStuckError, match=r"waits for ever \(.*client c1 at test_virtual_time.py"):
        run(main())
    assert set(asked) == {0}


def test_loop_same_work_twice_same_order() -> None:
    def once() -> list[tuple[float, int]]:
        seen: list[tuple[float, int]] = []

        async def one(number: int) -> None:
            for turn in range(5):
                await asyncio.sleep((number * 7 + turn * 3) % 11 / 8)
                seen.append((now(), number))

        async def main() -> None:
            await asyncio.gather(*(one(number) for number in range(20)))

        run(main())
        return seen

    assert once() == once()


def test_clock_says_the_loops_time() -> None:
    async def main() -> tuple[float, float, float]:
        clock = LoopClock(epoch=1000.0)
        await clock.sleep(2.5)
        await clock.sleep(-1.0)
        return clock.monotonic(), clock.now(), now()

    assert run(main()) == (2.5, 1002.5, 2.5)


def test_run_large_result_is_not_shown_by_anybody() -> None:
    shown: list[str] = []

    class Large:
        def __repr__(self) -> str:
            shown.append("in full")
            return "Large()"

    async def main() -> Large:
        return Large()

    assert isinstance(run(main()), Large)
    assert shown == []
