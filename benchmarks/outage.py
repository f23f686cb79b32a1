"""What an outage makes of the load at the target, and of deadlines. Calls are counted where they arrive."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import tenacity

from seawall import Config, Seawall, Sources
from seawall.core.adapter import Absent, Action, Attempt, EffectClass, Finding, Marker, Sent, fresh
from seawall.core.errors import GatewayError
from seawall.simulators.virtual_time import LoopClock, run

from .ledger import Do, Done
from .policy import Nothing

_RATE = 100.0  # operations offered in a second
_LATENCY = 0.02  # seconds until the target says that it is out of order


class Down(Nothing):
    """A target that counts what arrives and answers everything with a 503."""

    def __init__(self) -> None:
        self.arrived = 0

    @property
    def actions(self) -> dict[str, Action]:
        return {"do": _DO}

    async def arrive(self) -> None:
        self.arrived += 1
        await asyncio.sleep(_LATENCY)
        raise GatewayError("out of order", code="503")

    async def send(self, action: Action, attempt: Attempt) -> Sent[Done]:  # type: ignore[override]  # narrower
        await self.arrive()
        return Sent(Done(id="1"), "1")

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        await self.arrive()
        return Absent()


_DO = Action(
    name="do",
    description="Does it.",
    request=Do,
    reply=Done,
    effect=EffectClass.CREATE,
    identity=("reference",),
    dedupe=Marker("marker"),
    probe=fresh(),
    horizon=600.0,
)


def load(folder: Path, seconds: float) -> dict[str, float]:
    """Calls at the target ÷ operations offered, while it is down, in virtual time.

    Args:
        folder: Where the ledgers are put.
        seconds: Length of the outage.
    """
    return {
        "tenacity, 3 attempts": run(_naive(seconds)),
        "Seawall": run(_ours(folder / "breaker.db", seconds, failures=5)),
        "Seawall without its breaker": run(_ours(folder / "budget.db", seconds, failures=1_000_000)),
    }


async def _offered(seconds: float, call: Callable[[int], Awaitable[object]]) -> int:
    calls = []
    for number in range(int(seconds * _RATE)):
        calls.append(asyncio.ensure_future(call(number)))
        await asyncio.sleep(1 / _RATE)
    await asyncio.gather(*calls, return_exceptions=True)
    return len(calls)


async def _naive(seconds: float) -> float:
    down = Down()

    @tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_random_exponential(0.2, max=10))
    async def call(number: int) -> None:
        await down.arrive()

    offered = await _offered(seconds, call)
    return down.arrived / offered


async def _ours(path: Path, seconds: float, *, failures: int) -> float:
    down, sources = Down(), Sources(LoopClock(), random.Random(1))
    async with _wall(path, down, sources, deadline=10.0, breaker={"failures": failures}) as wall:
        offered = await _offered(seconds, lambda number: wall.call("bench.do", Do(reference=f"R-{number}")))
        return down.arrived / offered


def _wall(path: Path, target: Down, sources: Sources, *, inline: bool = True, **system: object) -> Seawall:
    config = Config.model_validate(
        {
            "ledger": {"path": str(path)},
            "systems": {"bench": {"connector": "nothing", **system}},
            "policy": [{"name": "all", "decision": "allow"}],
        }
    )
    return Seawall(config, adapters={"bench": target}, sources=sources, inline_ledger=inline)


async def overshoot(folder: Path, calls: int) -> dict[str, float]:
    """Milliseconds by which calls to a server that takes everything and never answers outlast their deadline.

    Args:
        folder: Where the ledger is put.
        calls: How many are made, sixteen at a time.
    """
    deadline = 0.3

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    class Hung(Down):
        async def arrive(self) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"hello?\n")
                await reader.read(1)
            finally:
                writer.close()

    late: list[float] = []
    walled = _wall(folder / "hung.db", Hung(), Sources(), inline=False, breaker={"failures": 1_000_000})
    async with server, walled as wall:

        async def caller(first: int) -> None:
            for number in range(first, calls, 16):
                started = time.perf_counter()
                await wall.call("bench.do", Do(reference=f"R-{number}"), deadline=deadline)
                late.append((time.perf_counter() - started - deadline) * 1e3)

        await asyncio.gather(*(caller(first) for first in range(16)))
    cuts = statistics.quantiles(late, n=100)
    return {"deadline overshoot p50": cuts[49], "deadline overshoot p99": cuts[98]}
