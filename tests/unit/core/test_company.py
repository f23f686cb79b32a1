from __future__ import annotations

import asyncio

from support.virtual import virtual

from seawall.core.company import Company


@virtual
async def test_one_who_is_alone_waits_for_those_at_work_and_lets_nobody_begin() -> None:
    company, events = Company(), []

    async def work(name: str, seconds: float) -> None:
        async with company.among():
            events.append(f"{name} begins")
            await asyncio.sleep(seconds)
            events.append(f"{name} ends")

    async def alone(name: str) -> None:
        async with company.alone():
            events.append(f"{name} begins alone")
            await asyncio.sleep(1)
            events.append(f"{name} ends alone")

    async with asyncio.TaskGroup() as group:
        group.create_task(work("a", 5))
        group.create_task(work("b", 3))
        await asyncio.sleep(1)
        group.create_task(alone("c"))
        await asyncio.sleep(1)
        assert company.wanted
        group.create_task(alone("d"))
        group.create_task(work("e", 1))
    assert events == [
        "a begins", "b begins", "b ends", "a ends",
        "c begins alone", "c ends alone", "d begins alone", "d ends alone", "e begins", "e ends",
    ]  # fmt: skip
    assert not company.wanted


@virtual
async def test_one_who_is_cancelled_while_waiting_to_be_alone_lets_the_others_go_on() -> None:
    company = Company()

    async def alone() -> None:
        async with company.alone():
            raise AssertionError("never alone")

    async with company.among():
        waiting = asyncio.ensure_future(alone())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(1), company.among():
            assert not company.wanted
