"""What recovery of many unknown operations makes of a target's rate limit, and of calls that are made meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import json
import statistics
import time
from itertools import count
from pathlib import Path

from seawall import Config, Seawall, Sources
from seawall.core.adapter import Absent, Action, Attempt, EffectClass, Finding, Marker, Present, Sent, fresh
from seawall.core.errors import ReplyTimeout
from seawall.core.ledger.records import Intent, Status, Verdict

from .ledger import Do, Done
from .policy import Nothing

RATE = 300.0  # calls a second that the target allows
_FOREGROUND = 50.0  # calls a second of our own, while recovery runs
_LATENCY = 0.04  # seconds of one call; a CRM takes longer
_TURNS = 12  # in turn, so that a noisy machine is noisy for both
_TOGETHER = 500  # operations recorded in one transaction


class Landed(Nothing):
    """A target where every lost write landed; counts what arrives."""

    def __init__(self, expected: int = 0) -> None:
        self.arrivals: list[float] = []
        self.all_arrived = asyncio.Event()
        self._expected = expected

    @property
    def actions(self) -> dict[str, Action]:
        return {"do": _DO}

    async def arrive(self) -> None:
        self.arrivals.append(time.perf_counter())
        if len(self.arrivals) == self._expected:
            self.all_arrived.set()
        await asyncio.sleep(_LATENCY)

    async def send(self, action: Action, attempt: Attempt) -> Sent[Done]:  # type: ignore[override]  # narrower
        await self.arrive()
        return Sent(Done(id="1"), "1")

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        await self.arrive()
        return Present(Done(id="1"), "1") if attempt.key.startswith("lost") else Absent()


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


async def measure(folder: Path, operations: int) -> dict[str, float]:
    """Share of the rate limit that recovery uses, most calls in a second, and the latency of calls beside it.

    Args:
        folder: Where the ledgers are put.
        operations: How many are unknown.
    """
    share, most = await _alone(folder / "alone.db", operations)
    beside = await _beside(folder / "beside.db", operations)
    found = {"recovered a second ÷ rate limit": share, "most calls in a second ÷ rate limit": most}
    for name, quantile in (("p50", 49), ("p99", 98)):
        idle, busy = (statistics.quantiles(beside[recovers], n=100)[quantile] for recovers in (False, True))
        found |= {
            f"foreground {name}, recovery idle (ms)": idle,
            f"foreground {name}, beside recovery (ms)": busy,
            f"foreground {name}, beside ÷ idle": busy / idle,
        }
    return found


async def _alone(path: Path, operations: int) -> tuple[float, float]:
    target = Landed(expected=operations)
    async with _wall(path, target) as wall:
        await in_doubt(wall, operations)
        started = time.perf_counter()
        recovering = asyncio.ensure_future(wall.recovery.run())
        await target.all_arrived.wait()
        taken = target.arrivals[-1] - started
        recovering.cancel()
        await asyncio.gather(recovering, return_exceptions=True)
    return operations / taken / RATE, busiest_second(target.arrivals) / RATE


async def _beside(path: Path, operations: int) -> dict[bool, list[float]]:
    """Milliseconds that calls take, in turns of two seconds without and with recovery beside them."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    references = count()
    async with _wall(path, Landed()) as wall:
        await in_doubt(wall, operations)

        async def call(recovers: bool) -> None:
            started = time.perf_counter()
            await wall.call("bench.do", Do(reference=f"R-{next(references)}"))
            taken[recovers].append((time.perf_counter() - started) * 1e3)

        for turn in range(_TURNS):
            recovers = bool(turn % 2)
            recovering = asyncio.ensure_future(wall.recovery.run() if recovers else asyncio.sleep(0))
            await asyncio.sleep(0.5)
            calls = []
            for _ in range(int(_FOREGROUND * 2)):
                calls.append(asyncio.ensure_future(call(recovers)))
                await asyncio.sleep(1 / _FOREGROUND)
            await asyncio.gather(*calls)
            recovering.cancel()
            await asyncio.gather(recovering, return_exceptions=True)
    return taken


async def in_doubt(wall: Seawall, operations: int) -> None:
    """Leave so many operations behind whose replies were lost.

    Args:
        wall: The wall; its system is `bench`.
        operations: How many.
    """
    error = json.dumps(ReplyTimeout("no answer", code="timeout", system="bench", action="do").to_record())
    now = wall.sources.clock.now()
    for first in range(0, operations, _TOGETHER):
        intents = [_intent(number, now) for number in range(first, min(first + _TOGETHER, operations))]
        begun = await wall.ledger.begin(intents)
        await wall.ledger.finish(
            [
                Verdict(
                    one.operation.id, 1, Status.UNKNOWN, error=error, sent_at=now, last_sent_at=now, next_check_at=now
                )
                for one in begun
            ]
        )


def _intent(number: int, now: float) -> Intent:
    request = json.dumps({"reference": f"lost {number}"})
    return Intent(
        id=f"op_{number:08d}",
        system="bench",
        action="do",
        key=f"lost {number}",
        identity=request,
        request=request,
        digest=hashlib.sha256(request.encode()).hexdigest(),
        principal="agent",
        adapter_version="nothing",
        policy="{}",
        deadline_at=now,
    )


def busiest_second(arrivals: list[float]) -> int:
    """The most arrivals in any second.

    Args:
        arrivals: Their times, in order.
    """
    most = first = 0
    for last, at in enumerate(arrivals):
        while arrivals[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def _wall(path: Path, target: Landed) -> Seawall:
    config = Config.model_validate(
        {
            "ledger": {"path": str(path)},
            "systems": {
                "bench": {
                    "connector": "nothing",
                    "limits": {"rate": RATE},
                    "recovery": {"concurrency": 24},
                }
            },
            "policy": [{"name": "all", "decision": "allow"}],
        }
    )
    return Seawall(config, adapters={"bench": target}, sources=Sources(), recovery=False)
