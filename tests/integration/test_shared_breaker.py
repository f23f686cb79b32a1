"""Eight processes of fifty callers each share one breaker; what arrives is counted where it arrives."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from support.redis_server import RedisServer, redis_server

WORKER = Path(__file__).with_name("shared_worker.py")
PROCESSES, CALLERS = 8, 50

Mode = Literal["ok", "down", "hang"]


class Target:
    """The system: answers as it is told to, and counts."""

    def __init__(self) -> None:
        self.mode: Mode = "ok"
        self.arrived: list[tuple[float, int]] = []  # when, and from which process
        self.running = self.most_running = 0
        self.port = 0
        self._let_go = asyncio.Event()

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            pid = int(await reader.readline() or b"0")
            self.arrived.append((now(), pid))
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            if self.mode == "hang":
                await self._let_go.wait()
            writer.write(b"down\n" if self.mode == "down" else b"ok\n")
            await writer.drain()
        except OSError:
            pass
        finally:
            self.running -= 1
            writer.close()

    def let_go(self) -> None:
        self._let_go.set()
        self._let_go = asyncio.Event()

    def forget(self) -> None:
        self.arrived.clear()
        self.most_running = self.running

    def pids(self, since: float = 0.0) -> set[int]:
        return {pid for at, pid in self.arrived if at >= since}


def now() -> float:
    return asyncio.get_running_loop().time()


async def until(reached: Callable[[], object], *, within: float) -> float:
    began = now()
    while not reached():
        assert now() - began < within, "it did not come about"
        await asyncio.sleep(0.005)
    return now() - began


class Fleet:
    """The processes.

    Args:
        target: What they call.
        processes: They.
    """

    def __init__(self, target: Target, processes: list[asyncio.subprocess.Process]) -> None:
        self.target = target
        self.processes = processes

    async def all_call(self, *, within: float) -> float:
        """Wait until every process calls and is answered."""
        alive = {process.pid for process in self.processes if process.returncode is None}
        self.target.forget()
        return await until(lambda: self.target.pids() >= alive, within=within)

    async def end(self) -> list[dict[str, Any]]:
        """End them; what they say."""
        said = await asyncio.gather(
            *(process.communicate(b"") for process in self.processes if process.returncode is None)
        )
        return [json.loads(out) for out, _ in said]


@asynccontextmanager
async def fleet(folder: Path, redis: RedisServer, **breaker: Any) -> AsyncIterator[Fleet]:
    target = Target()
    server = await target.serve()
    config = folder / "seawall.toml"
    settings = "\n".join(f"{name} = {value}" for name, value in breaker.items())
    config.write_text(
        f'[shared]\nredis = "{redis.url}"\n[ledger]\npath = "ledger.db"\n[systems.crm]\nconnector = "toy"\n'
        f"attempt_timeout = 8.0\n[systems.crm.limits]\nconcurrency = {CALLERS}\n[systems.crm.breaker]\n{settings}\n"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(WORKER),
            str(config),
            str(CALLERS),
            str(target.port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    try:
        made = Fleet(target, processes)
        await made.all_call(within=60.0)
        yield made
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        target.let_go()
        server.close()
        await server.wait_closed()


@pytest.mark.slow
@pytest.mark.case(35)
async def test_eight_processes_open_together_and_let_their_probes_through_together(tmp_path: Path) -> None:
    probes = 3
    with redis_server() as redis:
        async with fleet(tmp_path, redis, failures=5, reset_after=1.0, probes=probes, probe_lease=9.0) as crowd:
            target = crowd.target
            target.mode = "down"
            target.forget()
            await until(lambda: target.arrived, within=5.0)
            await asyncio.sleep(0.9)  # before it may be half-open for the first time
            took = target.arrived[-1][0] - target.arrived[0][0]
            assert took < 0.8, "calls go on as if nothing were known"
            assert len(target.arrived) < PROCESSES * CALLERS
            target.forget()
            await asyncio.sleep(6.0)
            assert 3 <= len(target.arrived) <= probes * 7  # at most six half-open periods, and one that had begun

            target.mode = "hang"
            target.forget()
            await until(lambda: target.arrived, within=5.0)
            await asyncio.sleep(3.0)
            assert len(target.arrived) <= probes + probes  # those of the period before may just have been answered
            assert target.most_running <= probes
            assert target.running >= 1

            target.mode = "ok"
            target.let_go()
            assert await crowd.all_call(within=5.0) < 3.0
            said = await crowd.end()
    assert len(said) == PROCESSES
    assert all(told["told"]["CircuitOpen"] > 100 for told in said)


@pytest.mark.slow
@pytest.mark.case(35)
async def test_place_of_a_process_that_is_killed_with_its_probe_is_given_to_another_when_its_lease_ends(
    tmp_path: Path,
) -> None:
    lease = 9.0
    with redis_server() as redis:
        async with fleet(tmp_path, redis, failures=5, reset_after=0.5, probes=1, probe_lease=lease) as crowd:
            target = crowd.target
            target.mode = "down"
            target.forget()
            await asyncio.sleep(1.5)
            target.mode = "hang"
            target.forget()
            await until(lambda: target.running == 1, within=5.0)
            probed_at, pid = target.arrived[-1]
            (holder,) = (process for process in crowd.processes if process.pid == pid)
            holder.send_signal(signal.SIGKILL)
            await holder.wait()
            target.forget()
            await until(lambda: target.arrived, within=lease + 5.0)
            next_at, next_pid = target.arrived[0]
            # The lease began before its request arrived, by as long as a busy machine took to send it.
            assert lease - 1.5 <= next_at - probed_at <= lease + 2.0
            assert next_pid != pid
            await asyncio.sleep(0.5)
            assert len(target.arrived) == 1
            target.mode = "ok"
            target.let_go()
            await crowd.all_call(within=5.0)
            assert len(await crowd.end()) == PROCESSES - 1


@pytest.mark.slow
async def test_redis_that_is_killed_and_started_again_fails_no_call_and_is_used_again(tmp_path: Path) -> None:
    with redis_server() as redis:
        async with fleet(tmp_path, redis, failures=5, reset_after=30.0, probes=1, probe_lease=60.0) as crowd:
            target = crowd.target
            redis.kill()
            target.forget()
            await asyncio.sleep(2.0)
            assert len(target.pids()) == PROCESSES
            redis.start()
            await asyncio.sleep(3.0)
            healthy = len(target.arrived)
            assert healthy > 1000
            target.mode = "down"
            target.forget()
            await asyncio.sleep(1.5)
            target.forget()
            await asyncio.sleep(2.0)
            assert target.arrived == []
            said = await crowd.end()
    for told in said:
        assert set(told["told"]) <= {"ok", "GatewayError", "CircuitOpen"}
        assert told["longest_wait"] < 1.0
        assert told["told"]["ok"] > 100
