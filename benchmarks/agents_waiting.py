"""Memory of an agent that waits for a slow target."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from seawall import Seawall
from seawall.agents.dispatch import Dispatcher

from .agents_http import agents_of, served_by_relay, served_by_seawall
from .agents_serving import POOL, Call, bare_client, configured, reading
from .agents_target import Target

_PAUSE = 1.0  # seconds for those who wait before they reach the target


def resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(said.stdout) * 1024


async def measure(folder: Path, target: Target, case: str, agents: int) -> dict[str, float]:
    """KiB for each agent that waits, the serving process's only.

    Args:
        folder: Where ledgers are put.
        target: The simulator.
        case: What they read.
        agents: How many wait.
    """
    found: dict[str, float] = {}
    for name, kind, count, pool in (
        ("bare httpx", "bare", agents, agents),
        ("Seawall.call", "call", agents, agents),
        ("Dispatcher", "dispatcher", agents, agents),
        (f"Dispatcher, {POOL} on the wire", "dispatcher", agents, POOL),
        (f"Dispatcher, {POOL} on the wire, {5 * agents:,} agents", "dispatcher", 5 * agents, POOL),
    ):
        found[name] = await _inside(folder, target, case, (kind, str(count), str(pool)), min(count, pool))
    with served_by_relay(target.url, case, agents) as relay:
        found["starlette and httpx over HTTP"] = await _outside(target, relay, case, agents)
    with served_by_seawall(folder, target.url, agents, agents) as seawall:
        found["MCP over HTTP"] = await _outside(target, seawall, case, agents)
    return {f"{name}, KiB an agent": size / 1024 for name, size in found.items()}


async def _inside(folder: Path, target: Target, case: str, what: tuple[str, str, str], held: int) -> float:
    """Agents that are tasks of a process of their own."""
    command = [sys.executable, "-m", "benchmarks.agents_waiting", target.url, str(folder), case, *what]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"warm\n"
        target.told(workers=100_000, hold=True)
        process.stdin.write(b"go\n")
        await target.idle(held)
        await asyncio.sleep(_PAUSE)
        process.stdin.write(b"measure\n")
        return float(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
        target.told(workers=0)
        await target.idle()


async def _outside(target: Target, served: tuple[str, int], case: str, agents: int) -> float:
    """Agents that are connections to a process that serves them."""
    async with agents_of(served[0], case) as call:
        await asyncio.gather(*(call(agent) for agent in range(POOL)))
        before = resident(served[1])
        target.told(workers=100_000, hold=True)
        waiting = [asyncio.create_task(call(agent)) for agent in range(agents)]
        try:
            await target.idle(agents)
            await asyncio.sleep(_PAUSE)
            return (resident(served[1]) - before) / agents
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.wait(waiting)
            target.told(workers=0)
            await target.idle()


async def _main(url: str, folder: Path, case: str, kind: str, agents: int, pool: int) -> None:
    async with AsyncExitStack() as stack:
        call = await _caller(stack, url, folder, case, kind, agents, pool)
        await asyncio.gather(*(call(agent) for agent in range(POOL)))
        gc.collect()
        before = resident(os.getpid())
        print("warm", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        waiting = [asyncio.create_task(call(agent)) for agent in range(agents)]
        await asyncio.to_thread(sys.stdin.readline)
        gc.collect()
        print((resident(os.getpid()) - before) / len(waiting), flush=True)
        await asyncio.Event().wait()


async def _caller(stack: AsyncExitStack, url: str, folder: Path, case: str, kind: str, agents: int, pool: int) -> Call:
    if kind == "bare":
        return reading(await stack.enter_async_context(bare_client(url, pool=pool)), case)
    wall = await stack.enter_async_context(Seawall(configured(folder, url, pool=pool, name=f"{kind}-{agents}-{pool}")))
    if kind == "dispatcher":
        desks: dict[int, Dispatcher] = {}

        async def told(agent: int) -> None:
            desk = desks.setdefault(agent, Dispatcher(wall, f"agent:{agent}"))
            await desk.call("crm__get_case", {"case_id": case})

        return told

    async def ours(agent: int) -> None:
        await wall.call("crm.get_case", {"case_id": case}, principal=f"agent:{agent}")

    return ours


if __name__ == "__main__":
    _url, _folder, _case, _kind, _agents, _pool = sys.argv[1:]
    asyncio.run(_main(_url, Path(_folder), _case, _kind, int(_agents), int(_pool)))
