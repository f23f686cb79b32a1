from __future__ import annotations

import asyncio
import random

import pytest
from support.clock import FakeClock
from support.virtual import virtual

from seawall.core.errors import BulkheadFull, RateLimited
from seawall.core.limits import Bulkhead, RateLimit
from seawall.simulators.virtual_time import LoopClock


@virtual
async def test_places_are_given_in_turn() -> None:
    bulkhead = Bulkhead(1, 10)
    order: list[int] = []

    async def call(number: int) -> None:
        await bulkhead.enter(60.0)
        order.append(number)
        await asyncio.sleep(1)
        bulkhead.leave()

    await asyncio.gather(*(call(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


@virtual
async def test_full_queue_turns_away_at_once_and_a_long_wait_by_its_time() -> None:
    bulkhead = Bulkhead(1, 1)
    assert bulkhead.try_enter()
    waiting = asyncio.ensure_future(bulkhead.enter(5.0))
    await asyncio.sleep(0)
    with pytest.raises(BulkheadFull, match="wait already"):
        await bulkhead.enter(5.0)
    with pytest.raises(BulkheadFull, match="no place became free"):
        await waiting
    assert asyncio.get_running_loop().time() == pytest.approx(5.0)
    assert bulkhead.waiting == 0


@pytest.mark.case(39)
@virtual
async def test_place_handed_to_a_caller_that_is_cancelled_in_that_moment_is_not_lost() -> None:
    bulkhead = Bulkhead(1, 10)
    assert bulkhead.try_enter()
    first = asyncio.ensure_future(bulkhead.enter(60.0))
    second = asyncio.ensure_future(bulkhead.enter(60.0))
    await asyncio.sleep(0)
    bulkhead.leave()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await second
    bulkhead.leave()
    assert bulkhead.running == 0
    assert bulkhead.try_enter()


@pytest.mark.case(39)
@virtual
async def test_place_freed_right_after_a_waiting_caller_is_cancelled_goes_to_the_next() -> None:
    bulkhead = Bulkhead(1, 10)
    assert bulkhead.try_enter()
    first = asyncio.ensure_future(bulkhead.enter(60.0))
    second = asyncio.ensure_future(bulkhead.enter(60.0))
    await asyncio.sleep(0)
    first.cancel()
    bulkhead.leave()
    (stopped,) = await asyncio.gather(first, return_exceptions=True)
    assert isinstance(stopped, asyncio.CancelledError)
    await second
    bulkhead.leave()
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


@pytest.mark.case(39)
@virtual
async def test_place_freed_in_the_moment_a_wait_runs_out_is_not_lost() -> None:
    bulkhead = Bulkhead(1, 10)
    assert bulkhead.try_enter()
    waiting = asyncio.ensure_future(bulkhead.enter(5.0))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_at(5.0, bulkhead.leave)
    with pytest.raises(BulkheadFull, match="no place became free"):
        await waiting
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)
    assert bulkhead.try_enter()


@pytest.mark.case(39)
@virtual
async def test_places_neither_leak_nor_multiply_under_random_cancellations_and_timeouts() -> None:
    draw = random.Random(7)
    bulkhead = Bulkhead(3, 20)
    inside = most = 0

    async def call() -> None:
        nonlocal inside, most
        await bulkhead.enter(draw.choice([0.0, 1.0, 2.0, 30.0]))
        inside += 1
        most = max(most, inside)
        try:
            await asyncio.sleep(draw.choice([0.0, 1.0, 2.0]))
        finally:
            inside -= 1
            bulkhead.leave()

    calls = [asyncio.ensure_future(call()) for _ in range(20)]
    for _ in range(200):
        await asyncio.sleep(draw.choice([0.0, 0.0, 1.0]))
        draw.choice(calls).cancel()
        calls.append(asyncio.ensure_future(call()))
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end) for end in ends} == {type(None), asyncio.CancelledError, BulkheadFull}
    assert most == 3
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


def test_nobody_overtakes_those_who_wait() -> None:
    async def scenario() -> None:
        bulkhead = Bulkhead(1, 10)
        assert bulkhead.try_enter()
        waiting = asyncio.ensure_future(bulkhead.enter(60.0))
        await asyncio.sleep(0)
        bulkhead.leave()
        assert not bulkhead.try_enter()
        await waiting

    asyncio.run(scenario())


@pytest.mark.case(40)
@pytest.mark.parametrize("burst", [1, 2, 5, 40])
@pytest.mark.parametrize("seed", range(6))
def test_no_mixture_of_foreground_and_recovery_exceeds_the_rate_in_any_stretch_of_time(burst: int, seed: int) -> None:
    @virtual
    async def scenario() -> None:
        loop, draw = asyncio.get_running_loop(), random.Random(seed)
        rate = RateLimit(10.0, burst, LoopClock())
        started: dict[str, list[float]] = {"foreground": [], "recovery": []}

        async def caller(lane: str, patience: float) -> None:
            try:
                await (rate.turn(patience) if lane == "foreground" else rate.spare(patience))
            except RateLimited:
                return
            started[lane].append(loop.time())

        calls = []
        for _ in range(60):
            lane = draw.choice(["foreground", "foreground", "recovery"])
            calls += [
                asyncio.ensure_future(caller(lane, draw.choice([0.1, 2.0, 30.0])))
                for _ in range(draw.choice([1, 3, 30]))
            ]
            await asyncio.sleep(draw.choice([0.0, 0.05, 0.3, 3.0]))
            if draw.random() < 0.3:
                draw.choice(calls).cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        times = sorted(started["foreground"] + started["recovery"])
        for first, began in enumerate(times):
            for last in range(first, len(times)):
                assert last - first + 1 <= 10.0 * (times[last] - began) + burst + 1e-3
        assert min(map(len, started.values())) > 20

    scenario()


def test_rate_allows_the_burst_and_then_one_call_each_interval() -> None:
    clock = FakeClock()
    rate = RateLimit(10.0, 3, clock)
    waits = [rate.reserve(60.0) for _ in range(6)]
    assert waits == pytest.approx([0.0, 0.0, 0.0, 0.1, 0.2, 0.3])


def test_rate_reserves_nothing_for_a_caller_that_cannot_wait() -> None:
    clock = FakeClock()
    rate = RateLimit(1.0, 1, clock)
    assert rate.reserve(0.0) == 0.0
    for _ in range(5):
        with pytest.raises(RateLimited) as limited:
            rate.reserve(0.5)
        assert limited.value.retry_after == pytest.approx(0.5)
    assert rate.reserve(1.0) == pytest.approx(1.0)


def test_rate_saves_up_no_more_than_the_burst() -> None:
    clock = FakeClock()
    rate = RateLimit(10.0, 2, clock)
    clock.advance(3600.0)
    assert [rate.reserve(60.0) for _ in range(3)] == pytest.approx([0.0, 0.0, 0.1])
