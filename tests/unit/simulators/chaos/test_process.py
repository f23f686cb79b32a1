"""Simulated processes: what is killed does nothing more, what is paused waits, and what others do goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seawall.simulators.chaos.process import Process, tell_processes_apart
from seawall.simulators.origin import outside
from seawall.simulators.virtual_time import run


def in_processes(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        undo = tell_processes_apart(asyncio.get_running_loop())
        try:
            await test()
        finally:
            undo()

    run(main())


async def ticks(into: list[float], count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(1)
        into.append(asyncio.get_running_loop().time())


def test_killed_process_ends_with_the_tasks_that_its_tasks_started() -> None:
    seen: list[float] = []

    async def parent() -> None:
        asyncio.get_running_loop().create_task(ticks(seen, 100))
        await asyncio.sleep(100)

    async def test() -> None:
        process = Process("p")
        task = process.run(parent())
        await asyncio.sleep(3.5)
        process.kill()
        await asyncio.sleep(20)
        assert task.cancelled()
        assert seen == [1, 2, 3]
        assert not process.alive

    in_processes(test)


def test_what_a_target_does_for_a_request_goes_on_when_the_process_dies() -> None:
    seen: list[float] = []

    async def asks() -> None:
        asyncio.get_running_loop().create_task(ticks(seen, 3), context=outside())
        await asyncio.sleep(100)

    async def test() -> None:
        process = Process("p")
        process.run(asks())
        await asyncio.sleep(1.5)
        process.kill()
        await asyncio.sleep(20)
        assert seen == [1, 2, 3]

    in_processes(test)


def test_two_processes_die_alone() -> None:
    seen: dict[str, list[float]] = {"a": [], "b": []}

    async def test() -> None:
        first, second = Process("a"), Process("b")
        first.run(ticks(seen["a"], 3))
        second.run(ticks(seen["b"], 3))
        await asyncio.sleep(1.5)
        first.kill()
        await asyncio.sleep(10)
        assert seen == {"a": [1], "b": [1, 2, 3]}

    in_processes(test)


def test_task_that_a_dead_process_starts_while_it_ends_never_runs() -> None:
    seen: list[str] = []

    async def late() -> None:
        seen.append("ran")

    async def stubborn() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            asyncio.get_running_loop().create_task(late())

    async def test() -> None:
        process = Process("p")
        process.run(stubborn())
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(10)
        assert seen == []

    in_processes(test)


def test_paused_process_does_nothing_until_it_is_resumed_and_then_goes_on() -> None:
    seen: list[float] = []

    async def test() -> None:
        process = Process("p")
        task = process.run(ticks(seen, 3))
        await asyncio.sleep(1.5)
        process.pause()
        await asyncio.sleep(10)
        assert seen == [1]
        process.resume()
        await task
        assert seen == [1, 11.5, 12.5]

    in_processes(test)


def test_timeout_that_runs_out_during_a_pause_meets_the_task_when_it_runs_again() -> None:
    async def waits() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.sleep(100)
        return asyncio.get_running_loop().time()

    async def test() -> None:
        process = Process("p")
        task = process.run(waits())
        await asyncio.sleep(1)
        process.pause()
        await asyncio.sleep(10)
        assert not task.done()
        process.resume()
        assert await task == 11

    in_processes(test)


def test_pausing_twice_is_pausing_once_and_resuming_what_runs_does_nothing() -> None:
    seen: list[float] = []

    async def test() -> None:
        process = Process("p")
        process.resume()
        task = process.run(ticks(seen, 2))
        await asyncio.sleep(0.5)
        process.pause()
        process.pause()
        await asyncio.sleep(3)
        process.resume()
        await task
        assert len(seen) == 2

    in_processes(test)


def test_result_and_exception_of_a_task_come_through() -> None:
    async def answers() -> int:
        await asyncio.sleep(1)
        return 7

    async def fails() -> Any:
        await asyncio.sleep(1)
        raise LookupError("no")

    async def test() -> None:
        process = Process("p")
        assert await process.run(answers()) == 7
        with pytest.raises(LookupError, match="no"):
            await process.run(fails())

    in_processes(test)
