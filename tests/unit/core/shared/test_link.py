"""Redis comes, goes, hangs and forgets; calls go on."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from redis.asyncio import Redis
from support.own_process import free_port
from support.redis_server import RedisServer, redis_server
from support.sharing import Hanging, Process, answers, is_down, processes, until

from seawall import ConfigError, Seawall
from seawall.core.errors import CircuitOpen, GatewayError, Throttled

QUICK = {"failures": 2, "reset_after": 0.5, "probe_lease": 11.0}


async def open_all(made: list[Process]) -> None:
    while any(process.state == "closed" for process in made):
        await asyncio.gather(*(process.call(is_down) for process in made))
        await asyncio.sleep(0.01)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "seawall.shared"]


async def test_redis_that_is_not_there_is_said_once_and_calls_go_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    url = f"redis://:hunter2-canary@127.0.0.1:{free_port()}/0"
    async with processes(url, "p", 1, breaker=QUICK, limits={"rate": 1000.0}, sharing={"interval": 0.1}) as made:
        assert not made[0].shared.available
        for _ in range(20):
            assert await made[0].call(answers) == "ok"
            await asyncio.sleep(0.03)
        await open_all(made)
        assert isinstance(await made[0].call(answers), CircuitOpen)
    (line,) = said(caplog)
    assert "cannot be reached" in line
    assert "canary" not in caplog.text


async def test_redis_that_goes_and_comes_back_is_said_each_time_and_used_again(
    caplog: pytest.LogCaptureFixture, prefix: str
) -> None:
    caplog.set_level(logging.INFO)
    with redis_server() as server:
        async with processes(server.url, prefix, 2, breaker=QUICK, sharing={"interval": 0.2}) as made:
            assert all(process.shared.available for process in made)
            server.kill()
            await until(lambda: not any(process.shared.available for process in made))
            await asyncio.sleep(0.6)
            assert await made[0].call(answers) == "ok"
            server.start()
            await until(lambda: all(process.shared.available for process in made))
            await asyncio.gather(*(process.call(answers) for process in made))
            await asyncio.sleep(0.5)  # until they listen again
            await asyncio.gather(*(process.call(is_down) for process in made))
            assert await until(lambda: [process.state for process in made] == ["open"] * 2) < 1.0
    assert [("cannot" in line, "through Redis" in line) for line in said(caplog)] == [
        *[(False, True)] * 2,
        *[(True, False)] * 2,
        *[(False, True)] * 2,
    ]


@pytest.mark.case(35)
async def test_open_breaker_goes_on_in_each_process_when_redis_is_gone(prefix: str) -> None:
    with redis_server() as server:
        async with processes(server.url, prefix, 2, breaker=QUICK, sharing={"interval": 0.2}) as made:
            await open_all(made)
            await until(lambda: all(process.breaker.governed for process in made))
            server.kill()
            await until(lambda: not any(process.shared.available for process in made))
            assert [process.state for process in made] == ["open"] * 2
            await asyncio.sleep(0.5)
            assert await made[0].call(answers) == "ok"
            assert [process.state for process in made] == ["closed", "open"]
            assert await made[1].call(answers) == "ok"
            assert made[1].state == "closed"


@pytest.mark.case(35)
async def test_probe_that_is_out_when_redis_goes_decides_for_its_own_process(prefix: str) -> None:
    with redis_server() as server:
        async with processes(server.url, prefix, 2, breaker=QUICK, sharing={"interval": 0.2}) as made:
            await open_all(made)
            await asyncio.sleep(0.6)
            wire = Hanging()
            calls = []
            while not wire.arrived:
                calls.append(asyncio.ensure_future(made[0].call(wire)))
                await asyncio.sleep(0.02)
            server.kill()
            await until(lambda: not made[0].shared.available)
            wire.let_go()
            await asyncio.gather(*calls)
            await until(lambda: made[0].state == "closed")


async def test_redis_that_forgot_is_told_again_what_its_processes_still_hold(prefix: str) -> None:
    settings: dict[str, Any] = {"breaker": QUICK | {"reset_after": 30.0}, "sharing": {"interval": 0.2}}
    with redis_server() as server:
        async with processes(server.url, prefix, 2, **settings) as made:
            await open_all(made)
            await until(lambda: all(process.breaker.governed for process in made))
            server.kill()
            await until(lambda: not any(process.shared.available for process in made))
            server.start()
            await until(lambda: all(process.breaker.governed for process in made))
            async with processes(server.url, prefix, 1, **settings) as later:
                result = await later[0].call(answers)
                assert isinstance(result, CircuitOpen)
                assert 20.0 < (result.retry_after or 0.0) <= 30.0


async def test_keys_that_are_lost_while_connected_are_restored_too(prefix: str) -> None:
    settings: dict[str, Any] = {"breaker": QUICK | {"reset_after": 30.0}, "sharing": {"interval": 0.2}}
    with redis_server() as server:
        async with processes(server.url, prefix, 1, **settings) as made, Redis.from_url(server.url) as client:
            await open_all(made)
            await until(lambda: made[0].breaker.governed)
            await client.flushall()
            await asyncio.sleep(0.6)
            assert isinstance(await made[0].call(answers), CircuitOpen)
            assert await client.keys("*breaker")


async def test_nobody_waits_for_redis_while_the_breaker_is_closed(prefix: str) -> None:
    with redis_server() as server:
        async with processes(server.url, prefix, 1, breaker=QUICK) as made:
            await made[0].call(answers)
            server.pause()
            loop = asyncio.get_running_loop()
            began = loop.time()
            for _ in range(1000):
                await made[0].call(answers)
            assert loop.time() - began < 0.5
            assert isinstance(await made[0].call(is_down), GatewayError)
            assert loop.time() - began < 0.5
            server.resume()


@pytest.mark.case(35)
async def test_place_that_was_given_too_late_is_given_back(prefix: str) -> None:
    settings: dict[str, Any] = {"breaker": QUICK, "sharing": {"patience": 0.05, "interval": 0.9}}
    with redis_server() as server:
        async with processes(server.url, prefix, 1, **settings) as made:
            await open_all(made)
            await until(lambda: made[0].breaker.governed)
            await asyncio.sleep(0.55)
            server.pause()
            loop = asyncio.get_running_loop()
            began = loop.time()
            result = await made[0].call(answers)
            assert isinstance(result, CircuitOpen)
            assert loop.time() - began < 0.3
            server.resume()
            await asyncio.sleep(0.3)
            assert await made[0].call(answers) == "ok"


async def test_caller_that_is_cancelled_while_it_asks_loses_no_place(prefix: str) -> None:
    settings: dict[str, Any] = {"breaker": QUICK, "sharing": {"patience": 0.5, "interval": 0.9}}
    with redis_server() as server:
        async with processes(server.url, prefix, 1, **settings) as made:
            await open_all(made)
            await until(lambda: made[0].breaker.governed)
            await asyncio.sleep(0.55)
            server.pause()
            call = asyncio.ensure_future(made[0].call(answers))
            await asyncio.sleep(0.05)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert call.cancelled()
            server.resume()
            await asyncio.sleep(0.2)
            assert await made[0].call(answers) == "ok"
            assert made[0].system.bulkhead.running == 0


async def test_retry_after_told_to_one_process_holds_for_all(redis: RedisServer, prefix: str) -> None:
    async def throttled(number: int, timeout: float) -> str:
        raise Throttled("too much", retry_after=1.0)

    async with processes(redis.url, prefix, 3) as made:
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        await made[0].call(throttled)
        await until(lambda: all(process.system.gate.quiet.left() > 0 for process in made), within=0.5)
        assert loop.time() - told_at < 0.5
        assert await made[2].call(answers) == "ok"
        assert loop.time() - told_at >= 1.0
        async with processes(redis.url, prefix, 1) as later:
            assert later[0].system.gate.quiet.left() == 0.0


async def test_retry_after_holds_for_a_process_that_comes_later(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 1) as made:
        made[0].system.heed(Throttled("too much", retry_after=30.0))
        await asyncio.sleep(0.1)
        async with processes(redis.url, prefix, 1) as later:
            assert later[0].system.gate.quiet.left() == pytest.approx(30.0, abs=1.0)


async def test_what_was_told_last_arrives_although_the_process_closes(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 1) as made:
        made[0].system.heed(Throttled("too much", retry_after=30.0))
    async with processes(redis.url, prefix, 1) as later:
        assert later[0].system.gate.quiet.left() > 20.0


async def test_redis_that_refuses_us_is_as_good_as_gone(
    caplog: pytest.LogCaptureFixture, redis: RedisServer, prefix: str
) -> None:
    url = redis.url.replace("redis://", "redis://nobody:wrong-canary@")
    async with processes(url, prefix, 1) as made:
        assert not made[0].shared.available
        assert await made[0].call(answers) == "ok"
    (line,) = said(caplog)
    assert "127.0.0.1" in line
    assert "invalid username-password" in line
    assert "canary" not in caplog.text


async def test_answer_that_was_overtaken_changes_nothing(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 1, breaker=QUICK) as made:
        breaker = made[0].breaker
        before = made[0].known
        breaker.trip("for the test")
        await until(lambda: made[0].known.generation > 0)
        known = made[0].known
        breaker.learn(known._replace(generation=known.generation - 1, state="closed"))
        assert made[0].known is known
        assert made[0].state == "open"
        assert before.generation == 0


def test_configuration_names_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"shared\.redis"):
        Seawall.from_config({"shared": {"redis": "http://127.0.0.1"}})
    with pytest.raises(ConfigError, match=r"shared\.redis"):
        Seawall.from_config({"shared": {"redis": "redis://127.0.0.1:port"}})
    monkeypatch.setattr("seawall.core.shared.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"shared\.redis: .*missing"):
        Seawall.from_config({"shared": {"redis": "redis://127.0.0.1"}})


@pytest.mark.parametrize("set_back", [3600.0])
async def test_clock_of_redis_that_is_set_back_holds_nobody_back_for_as_long(
    redis: RedisServer, prefix: str, set_back: float
) -> None:
    """What Redis had written down before its clock was set back by an hour lies an hour ahead of it."""
    ahead, now = set_back * 1e3, time.time() * 1e3
    base = f"{prefix}:{{crm}}"
    async with Redis.from_url(redis.url) as client:
        await client.hset(
            f"{base}:breaker", mapping={"state": "open", "generation": "1", "due": f"{now + ahead + 500.0:.0f}"}
        )
        await client.set(f"{base}:quiet", f"{now + ahead + 300.0:.0f}:{now + ahead:.0f}", px=3_600_000)
        await client.set(f"{base}:turns", f"{(now + ahead) * 1e3:.0f}:{(now + ahead) * 1e3:.0f}", px=3_600_000)
    async with processes(redis.url, prefix, 1, breaker=QUICK, limits={"rate": 100.0, "burst": 1}) as made:
        began = asyncio.get_running_loop().time()
        while await made[0].call(answers) != "ok":
            assert asyncio.get_running_loop().time() - began < 5.0
            await asyncio.sleep(0.02)
