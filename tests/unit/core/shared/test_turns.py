"""The shared rate limit against a real Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from support.redis_server import RedisServer, redis_server
from support.sharing import Process, answers, processes, until

from seawall.core.errors import RateLimited
from seawall.core.shared import SharedRateLimit


class Counting:
    """A wire that remembers when it was called."""

    def __init__(self) -> None:
        self.called_at: list[float] = []

    async def __call__(self, number: int, timeout: float) -> str:
        self.called_at.append(asyncio.get_running_loop().time())
        return "ok"

    def most_in(self, seconds: float) -> int:
        """The most calls in any stretch of that length."""
        times = sorted(self.called_at)
        return max(sum(1 for at in times[first:] if at <= times[first] + seconds) for first in range(len(times)))


async def crowd(made: list[Process], wire: Counting, callers: int, seconds: float, pause: float = 0.0) -> None:
    """So many callers in each process call again and again."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def caller(process: Process) -> None:
        while (left := end - loop.time()) > 0:
            await process.call(wire, deadline=left)
            await asyncio.sleep(pause)

    await asyncio.gather(*(caller(process) for process in made for _ in range(callers)))


PATIENT = {"patience": 1.0}  # a loaded machine is not a slow Redis


async def scripts_run(url: str) -> int:
    async with Redis.from_url(url, decode_responses=True) as client:
        told: dict[str, Any] = await client.info("commandstats")
        return sum(told.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))


@pytest.mark.parametrize("burst", [1, 10])
async def test_processes_together_keep_to_the_rate_and_use_it(redis: RedisServer, prefix: str, burst: int) -> None:
    wire = Counting()
    async with processes(redis.url, prefix, 4, sharing=PATIENT, limits={"rate": 200.0, "burst": burst}) as made:
        await crowd(made, wire, 20, 2.0)
    assert len(wire.called_at) <= 2.0 * 200 + burst
    late = 0.1  # seconds by which a loaded machine may wake a caller
    assert wire.most_in(1.0) <= 200 * (1.0 + late) + burst
    assert len(wire.called_at) >= 0.85 * 2.0 * 200


async def test_calls_that_come_together_share_one_request(prefix: str) -> None:
    with redis_server() as server:
        async with processes(server.url, prefix, 1, limits={"rate": 1000.0, "burst": 500, "concurrency": 500}) as made:
            before = await scripts_run(server.url)
            await asyncio.gather(*(made[0].call(answers) for _ in range(400)))
            assert await scripts_run(server.url) - before <= 6


async def test_process_that_calls_often_takes_turns_ahead_and_wastes_few(prefix: str) -> None:
    with redis_server() as server:
        wire = Counting()
        async with processes(server.url, prefix, 1, limits={"rate": 400.0, "burst": 40}) as made:
            before = await scripts_run(server.url)
            await crowd(made, wire, 1, 1.0, pause=0.004)
            requests = await scripts_run(server.url) - before
            assert requests <= len(wire.called_at) / 3
            rest = Counting()  # what is left of the rate is there for others
            async with processes(server.url, prefix, 1, limits={"rate": 400.0, "burst": 40}) as others:
                await asyncio.gather(crowd(made, wire, 1, 1.0, pause=0.01), crowd(others, rest, 20, 1.0))
            assert len(rest.called_at) >= 0.6 * 300


async def test_caller_for_whom_no_turn_comes_in_time_is_told_at_once(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 2, sharing=PATIENT, limits={"rate": 0.2, "burst": 1}) as made:
        assert await made[0].call(answers) == "ok"
        began = asyncio.get_running_loop().time()
        result = await made[1].call(answers, deadline=2.0)
        assert isinstance(result, RateLimited)
        assert asyncio.get_running_loop().time() - began < 0.5


async def test_impatient_caller_does_not_spoil_it_for_the_patient_one(redis: RedisServer, prefix: str) -> None:
    async with processes(redis.url, prefix, 1, sharing=PATIENT, limits={"rate": 4.0, "burst": 1}) as made:
        assert await made[0].call(answers) == "ok"
        results = await asyncio.gather(
            made[0].call(answers, deadline=0.1),
            made[0].call(answers, deadline=3.0),
            made[0].call(answers, deadline=3.0),
        )
        assert isinstance(results[0], RateLimited)
        assert list(results[1:]) == ["ok", "ok"]


async def test_processes_keep_to_their_share_when_redis_is_gone(prefix: str) -> None:
    with redis_server() as server:
        wire = Counting()
        async with processes(server.url, prefix, 4, limits={"rate": 100.0, "burst": 4}) as made:
            await asyncio.gather(*(process.call(answers) for process in made))
            await asyncio.sleep(1.2)  # until each knows of the others
            server.kill()
            await until(lambda: not any(process.shared.available for process in made))
            await crowd(made, wire, 5, 1.0)
        assert 0.8 * 100 <= len(wire.called_at) <= 1.1 * 100 + 4


async def test_redis_that_does_not_answer_makes_nobody_wait_long(prefix: str) -> None:
    with redis_server() as server:
        async with processes(server.url, prefix, 1, limits={"rate": 1000.0, "burst": 100}) as made:
            await made[0].call(answers)
            server.pause()
            slowest, early = 0.0, 0
            loop = asyncio.get_running_loop()
            paused = loop.time()
            while loop.time() < paused + 2.5:
                began = loop.time()
                assert await made[0].call(answers) == "ok"
                slowest = max(slowest, loop.time() - began)
                early += loop.time() < paused + 0.8  # before it counts as gone
                await asyncio.sleep(0.001)
            server.resume()
            assert slowest < 0.1
            assert early > 100  # one waited, and not each of them
            await until(lambda: made[0].shared.available)
            assert await made[0].call(answers) == "ok"


async def test_what_is_taken_while_redis_is_slow_is_paid_back(prefix: str) -> None:
    with redis_server() as server:
        wire = Counting()
        async with processes(server.url, prefix, 2, limits={"rate": 200.0, "burst": 4, "concurrency": 100}) as made:
            calls = asyncio.ensure_future(crowd(made, wire, 20, 3.0))
            await asyncio.sleep(0.5)
            for _ in range(3):
                server.pause()
                before = len(wire.called_at)
                await asyncio.sleep(0.3)
                assert len(wire.called_at) > before + 20
                server.resume()
                await asyncio.sleep(0.3)
            await calls
            assert all(process.shared.available for process in made)
        owed = sum(process.system.rate._owes for process in made if isinstance(process.system.rate, SharedRateLimit))
        assert len(wire.called_at) <= 3.0 * 200 + 4 + owed
        assert owed <= 10


@pytest.mark.case(40)
async def test_recovery_of_several_processes_uses_the_rate_and_no_more(redis: RedisServer, prefix: str) -> None:
    wire = Counting()
    async with processes(redis.url, prefix, 3, sharing=PATIENT, limits={"rate": 100.0, "burst": 10}) as made:
        end = asyncio.get_running_loop().time() + 2.0

        async def recovery(process: Process) -> None:
            while (left := end - asyncio.get_running_loop().time()) > 0:
                await process.call(wire, deadline=left, recovery=True)

        await asyncio.gather(*(recovery(process) for process in made for _ in range(3)))
    assert 0.85 * 200 <= len(wire.called_at) <= 200 + 10


@pytest.mark.case(40)
async def test_foreground_of_any_process_goes_before_recovery_of_any_other(redis: RedisServer, prefix: str) -> None:
    probes, calls = Counting(), Counting()
    limits = {"rate": 100.0, "burst": 10, "concurrency": 100}
    async with processes(redis.url, prefix, 2, sharing=PATIENT, limits=limits) as made:
        asking, calling = made
        end = asyncio.get_running_loop().time() + 2.0

        async def recovery() -> None:
            while (left := end - asyncio.get_running_loop().time()) > 0:
                await asking.call(probes, deadline=left, recovery=True)

        await asyncio.gather(*(recovery() for _ in range(4)), crowd([calling], calls, 50, 2.0))
    assert len(calls.called_at) >= 0.8 * 200
    assert len(probes.called_at) <= 0.15 * 200


@pytest.mark.case(40)
async def test_recovery_has_its_turn_in_twenty_in_a_process_whose_foreground_uses_all(
    redis: RedisServer, prefix: str
) -> None:
    probes, calls = Counting(), Counting()
    limits = {"rate": 200.0, "burst": 5, "concurrency": 100}
    async with processes(redis.url, prefix, 1, sharing=PATIENT, limits=limits) as made:
        end = asyncio.get_running_loop().time() + 2.0

        async def recovery() -> None:
            while (left := end - asyncio.get_running_loop().time()) > 0:
                await made[0].call(probes, deadline=left, recovery=True)

        await asyncio.gather(*(recovery() for _ in range(4)), crowd(made, calls, 60, 2.0))
    assert 10 <= len(probes.called_at) <= 40
    assert len(probes.called_at) + len(calls.called_at) <= 400 + 5
