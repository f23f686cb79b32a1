"""Recovery's lane beside the foreground, measured in virtual time."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from support.toy import Target, ToyAdapter
from support.virtual import sources, virtual

from seawall.core.errors import CircuitOpen, IntegrationError, RateLimited, ReplyTimeout, Throttled
from seawall.core.settings import SystemSettings
from seawall.core.system import System
from seawall.simulators.virtual_time import run

_LATENCY = 0.05


def system(**settings: Any) -> System:
    given = sources()
    return System("toy", ToyAdapter(Target(given.clock)), SystemSettings.model_validate(settings), given)


def now() -> float:
    return asyncio.get_running_loop().time()


async def answer(number: int, timeout: float) -> str:
    await asyncio.sleep(_LATENCY)
    return "ok"


async def probe_all(one: System, probes: int, done: list[float]) -> None:
    """What recovery does after an outage: everything at once, as many at a time as it may."""

    async def look() -> None:
        while await one.attempt(answer, 1, now() + 30.0, recovery=True) != "ok":
            await asyncio.sleep(1.0)
        done.append(now())

    await asyncio.gather(*(look() for _ in range(probes)))


async def foreground(one: System, rate: float, seconds: float, seed: int = 3) -> list[float]:
    """Latencies of calls that arrive at random."""
    draw, latencies, calls = random.Random(seed), [], []

    async def call() -> None:
        began = now()
        assert await one.attempt(answer, 1, now() + 30.0) == "ok"
        latencies.append(now() - began)

    until = now() + seconds
    while now() < until:
        calls.append(asyncio.ensure_future(call()))
        await asyncio.sleep(draw.expovariate(rate))
    await asyncio.gather(*calls)
    return latencies


def p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]


@pytest.mark.case(40)
@pytest.mark.parametrize(("rate", "burst", "offered"), [(100.0, 10, 30.0), (100.0, 10, 60.0), (20.0, 10, 10.0)])
def test_ten_thousand_probes_leave_the_foreground_its_latency(rate: float, burst: int, offered: float) -> None:
    settings = {
        "limits": {"rate": rate, "burst": burst, "waiting": 20_000, "concurrency": 8},
        "recovery": {"concurrency": 20},
    }

    async def alone() -> float:
        return p99(await foreground(system(**settings), offered, 100.0))

    async def beside_recovery() -> tuple[float, int]:
        one, done = system(**settings), list[float]()
        recovery = asyncio.ensure_future(probe_all(one, 10_000, done))
        latencies = await foreground(one, offered, 100.0)
        recovery.cancel()
        await asyncio.gather(recovery, return_exceptions=True)
        return p99(latencies), len(done)

    before, (after, probed) = run(alone()), run(beside_recovery())
    assert after <= 1.1 * before
    assert probed >= 0.85 * (rate - offered) * 100.0


@pytest.mark.case(40)
@pytest.mark.parametrize("burst", [1, 10])
def test_recovery_alone_uses_what_the_rate_limit_allows_and_no_more(burst: int) -> None:
    @virtual
    async def scenario() -> None:
        one = system(limits={"rate": 100.0, "burst": burst, "waiting": 20_000}, recovery={"concurrency": 20})
        done: list[float] = []
        await probe_all(one, 5000, done)
        assert 0.9 * 100.0 <= 5000 / now() <= 100.0 * 1.01

    scenario()


@pytest.mark.case(40)
@virtual
async def test_foreground_that_uses_the_whole_rate_leaves_recovery_one_turn_in_twenty() -> None:
    limits = {"rate": 100.0, "burst": 10, "waiting": 20_000, "concurrency": 10_000}
    one = system(limits=limits, recovery={"concurrency": 20})
    done: list[float] = []
    recovery = asyncio.ensure_future(probe_all(one, 1000, done))
    await asyncio.sleep(1.0)
    done.clear()
    results = await asyncio.gather(*(one.attempt(answer, 1, now() + 60.0) for _ in range(3000)))
    assert results.count("ok") == 3000
    assert 3000 / 20 - 5 <= len(done) <= 3000 / 19 + 5
    assert now() - 1.0 <= 30.0 * 1.06
    recovery.cancel()
    await asyncio.gather(recovery, return_exceptions=True)


@virtual
async def test_recovery_is_told_when_no_turn_comes_by_its_deadline() -> None:
    one = system(limits={"rate": 0.1, "burst": 1})
    assert await one.attempt(answer, 1, now() + 5.0) == "ok"
    result = await one.attempt(answer, 1, now() + 5.0, recovery=True)
    assert isinstance(result, RateLimited)
    assert now() == pytest.approx(5.05)


@pytest.mark.case(40)
@virtual
async def test_recovery_takes_no_places_of_the_foreground_and_no_more_than_its_own() -> None:
    one = system(limits={"concurrency": 2}, recovery={"concurrency": 3})
    running = most = 0

    async def counted(number: int, timeout: float) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1.0)
        running -= 1
        return "ok"

    looks = [asyncio.ensure_future(one.attempt(counted, 1, now() + 60.0, recovery=True)) for _ in range(9)]
    await asyncio.sleep(0.5)
    assert one.bulkhead.running == 0
    began = now()
    assert await one.attempt(answer, 1, now() + 60.0) == "ok"
    assert now() - began == pytest.approx(_LATENCY)
    assert await asyncio.gather(*looks) == ["ok"] * 9
    assert most == 3


@pytest.mark.case(38)
@virtual
async def test_recovery_heeds_a_retry_after_like_everybody() -> None:
    one = system()
    one.heed(Throttled("too much", retry_after=10.0))
    assert await one.attempt(answer, 1, now() + 60.0, recovery=True) == "ok"
    assert now() >= 10.0


async def lost(number: int, timeout: float) -> str:
    raise ReplyTimeout("no answer")


async def hang(number: int, timeout: float) -> str:
    await asyncio.Event().wait()
    return "never"


@pytest.mark.case(38)
@virtual
async def test_recovery_that_was_held_back_has_the_first_probe_of_the_half_open_breaker() -> None:
    one = system(breaker={"failures": 1, "reset_after": 30.0}, recovery={"interval": 1.0})
    await one.attempt(lost, 1, now() + 5.0)
    held_back = await one.attempt(answer, 1, now() + 5.0, recovery=True)
    assert isinstance(held_back, CircuitOpen)
    assert held_back.retry_after == pytest.approx(30.0)
    await asyncio.sleep(30.5)
    foreground_call = await one.attempt(answer, 1, now() + 5.0)
    assert isinstance(foreground_call, CircuitOpen)
    assert foreground_call.retry_after == pytest.approx(1.5)
    assert await one.attempt(answer, 1, now() + 5.0, recovery=True) == "ok"
    assert one.breaker.state == "closed"


@pytest.mark.case(38)
@virtual
async def test_recovery_that_does_not_come_or_hangs_keeps_the_foreground_waiting_for_a_moment_only() -> None:
    settings = {"breaker": {"failures": 1, "reset_after": 30.0, "probe_lease": 20.0}, "recovery": {"interval": 1.0}}
    absent = system(**settings)
    await absent.attempt(lost, 1, now() + 5.0)
    await absent.attempt(answer, 1, now() + 5.0, recovery=True)
    await asyncio.sleep(32.0)
    assert await absent.attempt(answer, 1, now() + 5.0) == "ok"
    hanging = system(**settings, attempt_timeout=15.0)
    await hanging.attempt(lost, 1, now() + 5.0)
    await hanging.attempt(hang, 1, now() + 5.0, recovery=True)
    await asyncio.sleep(30.0)
    look = asyncio.ensure_future(hanging.attempt(hang, 1, now() + 600.0, recovery=True))
    await asyncio.sleep(1.0)
    assert isinstance(await hanging.attempt(answer, 1, now() + 5.0), CircuitOpen)
    result: str | IntegrationError = await look
    assert isinstance(result, ReplyTimeout)
    await asyncio.sleep(30.0)
    assert await hanging.attempt(answer, 1, now() + 5.0) == "ok"


@pytest.mark.case(38)
@virtual
async def test_nobody_passes_an_open_breaker_before_its_time() -> None:
    one = system(breaker={"failures": 1, "reset_after": 30.0})
    await one.attempt(lost, 1, now() + 5.0)
    await asyncio.sleep(29.0)
    for recovery in (False, True):
        assert isinstance(await one.attempt(answer, 1, now() + 5.0, recovery=recovery), CircuitOpen)
