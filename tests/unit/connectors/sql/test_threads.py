"""Threads for blocking drivers: bounded, left at the deadline, and stopped before COMMIT."""

from __future__ import annotations

import asyncio
import threading

import pytest

from seawall.connectors.sql.threads import Abandoned, Flight, Stage, Threads, TimeIsUp


async def test_work_answers_in_another_thread_and_raises_what_it_raised() -> None:
    threads = Threads(2, "t")
    name = await threads.run(Flight(), lambda: threading.current_thread().name, 1.0, 1.0)
    assert name == "t-1"

    def fails() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError):
        await threads.run(Flight(), fails, 1.0, 1.0)
    assert await threads.run(Flight(), lambda: threading.current_thread().name, 1.0, 1.0) == "t-1", "it is used again"
    threads.close()


async def test_no_more_threads_than_allowed_and_who_waits_too_long_was_never_begun() -> None:
    threads, go_on = Threads(1, "t"), threading.Event()
    first = asyncio.create_task(threads.run(Flight(), go_on.wait, 5.0, 1.0))
    await asyncio.sleep(0.01)
    begun = []
    with pytest.raises(TimeIsUp) as caught:
        await threads.run(Flight(), lambda: begun.append(1), 1.0, 0.05)
    go_on.set()
    assert (caught.value.stage, await first, begun) == (Stage.WAITING, True, [])
    threads.close()


async def test_who_left_is_not_overtaken_by_a_commit_and_the_connection_is_cut() -> None:
    threads, go_on, told = Threads(1, "t"), threading.Event(), []
    flight: Flight[None] = Flight()

    def work() -> None:
        flight.reach(Stage.OPEN)
        flight.may_be_cut(go_on.set)
        go_on.wait()
        try:
            flight.reach(Stage.COMMITTING)
        except Abandoned:
            told.append("may not commit")

    with pytest.raises(TimeIsUp) as caught:
        await threads.run(flight, work, 0.05, 1.0)
    assert caught.value.stage is Stage.OPEN
    assert await threads.run(Flight(), lambda: told, 1.0, 1.0) == ["may not commit"]
    threads.close()


async def test_an_ending_that_is_known_is_told_although_cleaning_up_hangs() -> None:
    threads, go_on = Threads(1, "t"), threading.Event()
    flight: Flight[str] = Flight()

    def work() -> str:
        flight.may_be_cut(go_on.set)
        flight.end("done")
        go_on.wait()
        raise OSError("while cleaning up")

    assert await threads.run(flight, work, 0.05, 1.0) == "done"
    assert go_on.is_set()
    threads.close()


async def test_closing_cuts_what_still_runs() -> None:
    threads, go_on = Threads(1, "t"), threading.Event()
    flight: Flight[bool] = Flight()

    def work() -> bool:
        flight.may_be_cut(go_on.set)
        return go_on.wait(5.0)

    task = asyncio.create_task(threads.run(flight, work, 5.0, 1.0))
    await asyncio.sleep(0.05)
    threads.close()
    assert await task is True


async def test_inline_work_is_done_in_the_calling_thread() -> None:
    threads = Threads(1, "t", inline=True)
    assert await threads.run(Flight(), threading.current_thread, 1.0, 1.0) is threading.current_thread()
