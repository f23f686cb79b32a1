"""Retry-After: what arrived while a call waited holds for it too. None is sent inside one (G5)."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from support.toy import Target, ToyAdapter
from support.virtual import sources, virtual

from seawall.core.errors import (
    BusinessRule,
    CircuitOpen,
    GatewayError,
    IntegrationError,
    LedgerUnavailable,
    RateLimited,
    Throttled,
)
from seawall.core.settings import SystemSettings
from seawall.core.system import System


def system(**settings: Any) -> System:
    given = sources()
    return System("toy", ToyAdapter(Target(given.clock)), SystemSettings.model_validate(settings), given)


def now() -> float:
    return asyncio.get_running_loop().time()


class Wire:
    """Takes a second to answer, by the script, and remembers when it was called."""

    def __init__(self, *script: IntegrationError, slow: float = 1.0) -> None:
        self.script = list(script)
        self.slow = slow
        self.called_at: list[float] = []

    async def __call__(self, number: int, timeout: float) -> str:
        self.called_at.append(now())
        await asyncio.sleep(self.slow)
        if self.script:
            raise self.script.pop(0)
        return "ok"


def throttled(seconds: float) -> Throttled:
    return Throttled("too much", retry_after=seconds)


@virtual
async def test_call_queued_at_the_bulkhead_is_not_sent_inside_a_retry_after_that_came_meanwhile() -> None:
    one, wire = system(limits={"concurrency": 1}), Wire(throttled(5.0))
    results = await asyncio.gather(*(one.attempt(wire, 1, now() + 60.0) for _ in range(2)))
    assert results[1] == "ok"
    assert wire.called_at[0] == 0.0
    assert wire.called_at[1] >= 6.0


@virtual
async def test_call_asleep_in_the_rate_limiter_is_not_sent_inside_a_retry_after_that_came_meanwhile() -> None:
    one, wire = system(limits={"rate": 0.5, "burst": 1}), Wire(throttled(10.0))
    results = await asyncio.gather(*(one.attempt(wire, 1, now() + 60.0) for _ in range(3)))
    assert results[1:] == ["ok", "ok"]
    assert min(wire.called_at[1:]) >= 11.0


@virtual
async def test_calls_that_wake_when_the_quiet_is_over_heed_the_next_one_that_the_first_of_them_meets() -> None:
    one, wire = system(limits={"concurrency": 100}), Wire(throttled(10.0), throttled(10.0), slow=0.001)
    await one.attempt(wire, 1, now() + 60.0)
    results = await asyncio.gather(*(one.attempt(wire, 1, now() + 60.0) for _ in range(50)))
    assert results.count("ok") == 49
    first, second, *others = wire.called_at
    assert 10.001 <= second <= 11.1
    inside = [at for at in others if second + 0.001 < at < second + 10.001]
    assert not inside


@virtual
async def test_calls_that_wait_for_quiet_take_no_places() -> None:
    one, wire = system(limits={"concurrency": 1}), Wire(throttled(5.0))
    waiting = [asyncio.ensure_future(one.attempt(wire, 1, now() + 60.0)) for _ in range(3)]
    await asyncio.sleep(3.0)
    assert (one.bulkhead.running, one.bulkhead.waiting) == (0, 0)
    await asyncio.gather(*waiting)
    assert len(wire.called_at) == 3


@virtual
async def test_call_that_finds_the_target_quiet_when_its_place_comes_uses_up_no_turn() -> None:
    one, wire = system(limits={"concurrency": 1, "rate": 0.01, "burst": 2}), Wire(throttled(5.0))
    await asyncio.gather(*(one.attempt(wire, 1, now() + 60.0) for _ in range(2)))
    assert wire.called_at[1] == pytest.approx(6.0, abs=0.6)


@virtual
async def test_call_whose_deadline_lies_inside_the_quiet_is_told_at_once_even_if_it_was_queued() -> None:
    one, wire = system(limits={"concurrency": 1}), Wire(throttled(50.0))
    _, queued = await asyncio.gather(*(one.attempt(wire, 1, now() + 30.0) for _ in range(2)))
    assert isinstance(queued, RateLimited)
    assert queued.retry_after == pytest.approx(50.0)
    assert now() == pytest.approx(1.0)
    assert wire.called_at == [0.0]
    assert one.bulkhead.running == 0


@virtual
async def test_cancelled_waiters_leave_nothing_behind() -> None:
    one = system(limits={"concurrency": 2, "rate": 1.0, "burst": 1})
    calls = [asyncio.ensure_future(one.attempt(Wire(throttled(5.0)), 1, now() + 60.0)) for _ in range(6)]
    await asyncio.sleep(0.5)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert (one.bulkhead.running, one.bulkhead.waiting) == (0, 0)


@pytest.mark.parametrize(
    "error",
    [
        GatewayError("down for maintenance", retry_after=10.0, outage=False),
        BusinessRule("come back later", retry_after=10.0),
        Throttled("too much", retry_after=10.0),
    ],
)
def test_whatever_the_target_answers_with_a_retry_after_is_heeded(error: IntegrationError) -> None:
    @virtual
    async def scenario() -> None:
        one, wire = system(), Wire(error)
        await one.attempt(wire, 1, now() + 60.0)
        assert await one.attempt(wire, 1, now() + 60.0) == "ok"
        assert wire.called_at[1] >= 11.0

    scenario()


@pytest.mark.parametrize(
    "error",
    [
        CircuitOpen("ours", retry_after=10.0),
        RateLimited("ours", retry_after=10.0),
        LedgerUnavailable("ours", retry_after=10.0),
    ],
)
def test_what_never_came_from_the_target_quiets_nobody(error: IntegrationError) -> None:
    @virtual
    async def scenario() -> None:
        one, wire = system(), Wire(error)
        await one.attempt(wire, 1, now() + 60.0)
        one.heed(error)
        assert await one.attempt(wire, 1, now() + 60.0) == "ok"
        assert wire.called_at == [0.0, 1.0]

    scenario()


@virtual
async def test_item_of_a_batch_is_heeded_when_it_is_told() -> None:
    one, wire = system(), Wire()
    one.heed(throttled(10.0))
    await one.attempt(wire, 1, now() + 60.0)
    assert wire.called_at[0] >= 10.0


@pytest.mark.parametrize(("asked", "waits"), [(math.nan, 0.0), (-5.0, 0.0), (math.inf, 20.0), (1e9, 20.0), (0.0, 0.0)])
def test_retry_after_that_makes_no_sense_is_cut(asked: float, waits: float) -> None:
    @virtual
    async def scenario() -> None:
        one, wire = system(retry={"longest_retry_after": 20.0}), Wire()
        one.heed(throttled(asked))
        await one.attempt(wire, 1, now() + 60.0)
        assert wire.called_at[0] == pytest.approx(waits, rel=0.11)

    scenario()


@virtual
async def test_shorter_retry_after_does_not_end_a_longer_one() -> None:
    one, wire = system(), Wire()
    one.heed(throttled(10.0))
    one.heed(throttled(1.0))
    await one.attempt(wire, 1, now() + 60.0)
    assert wire.called_at[0] >= 10.0
