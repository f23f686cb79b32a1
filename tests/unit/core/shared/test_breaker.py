"""The shared breaker against a real Redis. Each process here has a connection and a state of its own."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from support.redis_server import RedisServer
from support.sharing import Hanging, Process, answers, is_down, processes, until

from seawall.core.errors import CircuitOpen, ConnectFailed, GatewayError, ReplyTimeout

QUICK = {"failures": 3, "reset_after": 0.3, "probe_lease": 11.0}


async def fail(process: Process, times: int = 1) -> None:
    for _ in range(times):
        assert isinstance(await process.call(is_down), GatewayError)


async def open_all(made: list[Process]) -> None:
    """Everybody calls and fails, until it is open for all."""
    while any(process.state == "closed" for process in made):
        await asyncio.gather(*(process.call(is_down) for process in made))
        await asyncio.sleep(0.01)
    await until(lambda: all(process.breaker.governed for process in made))


def states(made: list[Process]) -> list[str]:
    return [process.state for process in made]


async def test_failures_of_most_processes_together_open_it_for_all_of_them(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 3, breaker=QUICK | {"reset_after": 30.0}) as made:
        for process in made:
            assert await process.call(answers) == "ok"
        await asyncio.sleep(0.05)  # until each has said that it calls the system
        await fail(made[0], 2)
        assert states(made) == ["closed"] * 3
        await fail(made[1], 1)
        took = await until(lambda: states(made) == ["open"] * 3)
        assert took < 1.0
        result = await made[2].call(answers)
        assert isinstance(result, CircuitOpen)
        assert result.retry_after == pytest.approx(30.0, abs=2.0)


@pytest.mark.case(37)
async def test_one_process_whose_own_network_is_broken_opens_for_itself_alone(redis: RedisServer, prefix: str) -> None:
    async def unreachable(number: int, timeout: float) -> str:
        raise ConnectFailed("no route to host")

    async with processes(redis.url, prefix, 4, breaker=QUICK) as made:
        broken, *well = made
        await asyncio.gather(*(process.call(answers) for process in made))
        await asyncio.sleep(0.05)
        for _ in range(15):
            results = await asyncio.gather(
                *(process.call(answers) for process in well), *(broken.call(unreachable) for _ in range(10))
            )
            assert results[:3] == ["ok"] * 3
            await asyncio.sleep(0.1)
        assert broken.state != "closed"
        assert [process.state for process in well] == ["closed"] * 3


@pytest.mark.case(37)
async def test_burst_of_failures_of_one_process_among_many_does_not_reach_the_others(
    redis: RedisServer, prefix: str
) -> None:
    async with processes(redis.url, prefix, 3, breaker=QUICK) as made:
        for process in made:
            await process.call(answers)
        await asyncio.sleep(0.05)
        await asyncio.gather(*(made[0].call(is_down) for _ in range(50)))
        await asyncio.sleep(0.2)
        assert states(made) == ["open", "closed", "closed"]


async def test_process_that_calls_alone_decides_alone(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 3, breaker=QUICK) as made:
        await fail(made[0], 3)
        await until(lambda: states(made) == ["open"] * 3)


async def test_success_of_any_process_ends_the_row_of_failures(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 2, breaker=QUICK) as made:
        one, two = made
        for _ in range(4):
            await fail(one)
            await until(lambda: two.known.failures)
            await fail(two)
            assert await one.call(answers) == "ok"
            assert await two.call(answers) == "ok"
            await asyncio.sleep(0.02)
        assert states(made) == ["closed"] * 2


@pytest.mark.case(35)
@pytest.mark.parametrize("probes", [1, 3])
async def test_half_open_lets_no_more_than_its_probes_through_over_all_processes(
    redis: RedisServer, prefix: str, probes: int
) -> None:
    async with processes(redis.url, prefix, 8, breaker=QUICK | {"probes": probes}) as made:
        await open_all(made)
        wire = Hanging()
        await asyncio.sleep(0.3)
        until_ = asyncio.get_running_loop().time() + 1.0
        calls: set[asyncio.Task[object]] = set()
        while asyncio.get_running_loop().time() < until_:
            calls |= {asyncio.ensure_future(process.call(wire)) for process in made for _ in range(50)}
            await asyncio.sleep(0.05)
        assert wire.arrived == probes
        assert set(states(made)) == {"half_open"}
        wire.let_go()
        results = await asyncio.gather(*calls)
        assert results.count("ok") == probes
        await until(lambda: states(made) == ["closed"] * 8)
        assert await asyncio.gather(*(process.call(answers) for process in made)) == ["ok"] * 8


@pytest.mark.case(35)
async def test_probe_that_hangs_gives_its_place_to_another_process_and_its_late_result_does_not_decide(
    redis: RedisServer, prefix: str
) -> None:
    settings: dict[str, Any] = {"breaker": QUICK | {"probe_lease": 0.6}, "attempt_timeout": 0.5}
    async with processes(redis.url, prefix, 2, **settings) as made:
        await open_all(made)
        await asyncio.sleep(0.3)
        hanging, second = Hanging(), Hanging()
        one = made[0].breaker
        permit = None
        while permit is None:  # the one whose failure opened it may have to let the other go first
            permit = await one.ask(recovery=False)
            await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        calls = []
        while not second.arrived:
            assert asyncio.get_running_loop().time() - began < 5.0
            calls.append(asyncio.ensure_future(made[1].call(second)))
            await asyncio.sleep(0.02)
        assert 0.4 <= asyncio.get_running_loop().time() - began <= 1.5
        permit.fail()
        await asyncio.sleep(0.1)
        assert states(made) == ["half_open"] * 2
        second.let_go()
        await asyncio.gather(*calls)
        await until(lambda: states(made) == ["closed"] * 2)
        assert hanging.arrived == 0


@pytest.mark.case(35)
async def test_probe_that_hangs_takes_no_place_in_the_next_half_open_period(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 1, breaker=QUICK | {"probes": 2}) as made:
        await open_all(made)
        await asyncio.sleep(0.31)
        hanging, next_time = Hanging(), Hanging()
        hung = asyncio.ensure_future(made[0].call(hanging))
        await until(lambda: hanging.arrived)
        assert isinstance(await made[0].call(is_down), GatewayError)
        await until(lambda: made[0].state == "open")
        await asyncio.sleep(0.31)
        probes = [asyncio.ensure_future(made[0].call(next_time)) for _ in range(5)]
        await until(lambda: next_time.arrived == 2)
        hanging.let_go(GatewayError("late"))
        await hung
        await asyncio.sleep(0.05)
        assert made[0].state == "half_open"
        next_time.let_go()
        await asyncio.gather(*probes)
        await until(lambda: made[0].state == "closed")


@pytest.mark.case(37)
async def test_process_that_holds_back_by_itself_counts_among_those_that_fail(
    redis: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seawall.core.shared.LATELY", 0.6)
    settings: dict[str, Any] = {"breaker": QUICK | {"reset_after": 30.0}, "sharing": {"interval": 0.1}}
    async with processes(redis.url, prefix, 2, **settings) as made:
        first, second = made
        await asyncio.gather(*(process.call(answers) for process in made))
        await asyncio.sleep(0.05)
        await fail(first, 3)
        for _ in range(15):
            assert isinstance(await first.call(answers), CircuitOpen)
            assert await second.call(answers) == "ok"
            await asyncio.sleep(0.1)
        assert [process.known.state for process in made] == ["closed"] * 2
        await fail(second, 3)
        await until(lambda: [process.known.state for process in made] == ["open"] * 2)


@pytest.mark.case(36)
@pytest.mark.parametrize("failure", [None, GatewayError("late")])
async def test_calls_that_began_while_closed_do_not_decide_half_open_in_any_process(
    redis: RedisServer, prefix: str, failure: Exception | None
) -> None:
    async with processes(redis.url, prefix, 2, breaker=QUICK) as made:
        early, probe = Hanging(), Hanging()
        began = [asyncio.ensure_future(process.call(early)) for process in made for _ in range(5)]
        await until(lambda: early.arrived == 10)
        await open_all(made)
        await asyncio.sleep(0.3)
        probing = []
        while not probe.arrived:
            probing += [asyncio.ensure_future(process.call(probe)) for process in made]
            await asyncio.sleep(0.02)
        early.let_go(failure)
        await asyncio.gather(*began)
        await asyncio.sleep(0.1)
        assert states(made) == ["half_open"] * 2
        probe.let_go()
        await asyncio.gather(*probing)
        await until(lambda: states(made) == ["closed"] * 2)


@pytest.mark.case(37)
async def test_process_whose_probe_failed_lets_others_probe_first_next_time(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 2, breaker=QUICK) as made:
        broken, well = made
        await open_all(made)
        await asyncio.sleep(0.31)
        while not isinstance(await broken.call(is_down), GatewayError):
            await asyncio.sleep(0.02)
        await until(lambda: states(made) == ["open"] * 2)
        assert isinstance(await well.call(answers), CircuitOpen)  # it calls the system, and is held back
        await asyncio.sleep(0.35)
        assert isinstance(await broken.call(is_down), CircuitOpen)
        assert await well.call(answers) == "ok"


async def test_failed_probe_opens_it_again_for_all(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 3, breaker=QUICK) as made:
        await open_all(made)
        generation = made[0].known.generation
        await asyncio.sleep(0.31)
        while not isinstance(await made[1].call(is_down), GatewayError):
            await asyncio.sleep(0.02)
        await until(lambda: all(p.known.generation > generation for p in made))
        await until(lambda: states(made) == ["open"] * 3)
        assert all(process.system.breaker.retry_after() > 0.1 for process in made)


async def test_as_many_successes_as_asked_close_it_whoever_has_them(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 2, breaker=QUICK | {"successes": 2}) as made:
        await open_all(made)
        await asyncio.sleep(1.31)
        assert await made[0].call(answers) == "ok"
        await asyncio.sleep(0.05)
        assert states(made) == ["half_open"] * 2
        assert await made[1].call(answers) == "ok"
        await until(lambda: states(made) == ["closed"] * 2)


async def test_probe_that_is_cancelled_gives_its_place_back(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 2, breaker=QUICK) as made:
        await open_all(made)
        await asyncio.sleep(1.31)
        wire = Hanging()
        probe = asyncio.ensure_future(made[0].call(wire))
        await until(lambda: wire.arrived)
        assert isinstance(await made[1].call(answers), CircuitOpen)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        await asyncio.sleep(0.3)
        assert await made[1].call(answers) == "ok"


@pytest.mark.case(38)
async def test_place_is_kept_for_recovery_of_whichever_process_was_held_back(redis: RedisServer, prefix: str) -> None:
    settings: dict[str, Any] = {"breaker": QUICK | {"reset_after": 1.0}, "recovery": {"interval": 0.4}}
    async with processes(redis.url, prefix, 2, **settings) as made:
        await open_all(made)
        assert isinstance(await made[0].call(answers, recovery=True), CircuitOpen)
        await asyncio.sleep(1.05)
        assert isinstance(await made[1].call(answers), CircuitOpen)
        assert await made[0].call(answers, recovery=True) == "ok"
        await until(lambda: states(made) == ["closed"] * 2)


@pytest.mark.case(38)
async def test_place_kept_for_recovery_goes_to_others_when_it_does_not_come(redis: RedisServer, prefix: str) -> None:
    settings: dict[str, Any] = {"breaker": QUICK, "recovery": {"interval": 0.2}}
    async with processes(redis.url, prefix, 2, **settings) as made:
        await open_all(made)
        assert isinstance(await made[0].call(answers, recovery=True), CircuitOpen)
        await asyncio.sleep(0.65)
        assert await made[1].call(answers) == "ok"


async def test_person_trips_and_resets_it_for_all_processes(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 3, breaker=QUICK) as made:
        made[0].system.breaker.trip("maintenance")
        await until(lambda: states(made) == ["open"] * 3)
        made[1].system.breaker.reset("over")
        await until(lambda: states(made) == ["closed"] * 3)
        assert await made[2].call(answers) == "ok"


async def test_process_that_comes_later_is_held_back_too(redis: RedisServer, prefix: str) -> None:
    settings: dict[str, Any] = {"breaker": QUICK | {"reset_after": 30.0}}
    async with processes(redis.url, prefix, 1, **settings) as first, processes(redis.url, prefix, 0):
        await open_all(first)
        async with processes(redis.url, prefix, 1, **settings) as later:
            assert isinstance(await later[0].call(answers), CircuitOpen)


async def test_systems_and_prefixes_do_not_mix(redis: RedisServer, prefix: str) -> None:
    async with (
        processes(redis.url, prefix, 1, breaker=QUICK) as made,
        processes(redis.url, prefix + "2", 1, breaker=QUICK) as others,
    ):
        await open_all(made)
        await asyncio.sleep(0.1)
        assert await others[0].call(answers) == "ok"


async def test_keys_do_not_stay_for_ever(redis: RedisServer, prefix: str) -> None:
    from redis.asyncio import Redis

    limits = {"rate": 100.0, "burst": 2}
    async with (
        processes(redis.url, prefix, 2, breaker=QUICK, limits=limits) as made,
        Redis.from_url(redis.url) as client,
    ):
        await made[0].call(answers)
        await open_all(made)
        await asyncio.sleep(0.31)
        hanging = asyncio.ensure_future(made[0].call(Hanging(), deadline=1.0))
        await asyncio.sleep(1.2)
        await hanging
        keys = [key async for key in client.scan_iter(f"{prefix}:*")]
        assert len(keys) >= 3
        assert all([0 < await client.pttl(key) <= 86_400_000 for key in keys])


async def test_states_agree_whatever_happens(redis: RedisServer, prefix: str) -> None:
    draw = random.Random(5)
    settings: dict[str, Any] = {
        "breaker": {"failures": 2, "reset_after": 0.05, "probes": 2, "probe_lease": 0.3},
        "attempt_timeout": 0.2,
    }

    async def erratic(number: int, timeout: float) -> str:
        await asyncio.sleep(draw.choice([0.0, 0.01, 0.05]))
        if draw.random() < 0.4:
            raise draw.choice([GatewayError("down"), ReplyTimeout("silent")])
        return "ok"

    async with processes(redis.url, prefix, 4, **settings) as made:

        async def worker(process: Process) -> None:
            for _ in range(60):
                call = asyncio.ensure_future(process.call(erratic))
                if draw.random() < 0.1:
                    await asyncio.sleep(0)
                    call.cancel()
                await asyncio.gather(call, return_exceptions=True)
                await asyncio.sleep(draw.choice([0.0, 0.02]))

        await asyncio.gather(*(worker(process) for process in made for _ in range(5)))
        assert all((p.system.bulkhead.running, p.system.bulkhead.waiting) == (0, 0) for p in made)
        await asyncio.sleep(1.2)  # longer than leases, and a look of everybody
        for _ in range(20):
            await asyncio.gather(*(process.call(answers) for process in made))
            await asyncio.sleep(0.1)
            if states(made) == ["closed"] * 4:
                break
        assert states(made) == ["closed"] * 4
