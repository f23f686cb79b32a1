"""What telemetry costs: the same calls with it and without it, in turn, in one process.

Every trace is sampled, every span is made and handed to a processor that drops it, and metrics are added up.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor

from seawall import Applied, Seawall, Sources
from seawall.core.adapter import Action, Attempt, EffectClass, Sent
from seawall.core.observing import Guarded
from seawall.core.settings import TelemetrySettings
from seawall.telemetry import Telemetry

from .agents_serving import a_case, configured
from .agents_target import target
from .ledger import Do, Done, Instant, _request, config
from .policy import system
from .timing import interleaved

_GET = Action(name="get", description="Reads it.", request=Do, reply=Done, effect=EffectClass.READ)


class Both(Instant):
    """Does and reads everything at once."""

    @property
    def actions(self) -> dict[str, Action]:
        return self._actions

    def __init__(self) -> None:
        self._actions = {**super().actions, "get": _GET}

    async def send(self, action: Action, attempt: Attempt) -> Sent[Done]:  # type: ignore[override]  # narrower
        # Every wire lets the loop run. Calls that never do so pile up the timers of all deadlines, and what those hold.
        await asyncio.sleep(0)
        return await super().send(action, attempt)


class Dropped(SpanProcessor):
    """Takes spans, and keeps none."""


def telemetry(**settings: Any) -> Telemetry:
    return Telemetry(TelemetrySettings(enabled=True, **settings), Sources(), processor=Dropped())


async def send(number: int, timeout: float) -> int:
    await asyncio.sleep(0)
    return 1


def wall(folder: Path, name: str, seen: Telemetry | None) -> Seawall:
    return Seawall(config(folder, name), adapters={"bench": Both()}, recovery=False, telemetry=seen)


async def measure(folder: Path, scale: float) -> dict[str, float]:
    """Median microseconds of a call, by what is called and whether it is observed."""
    plain, seen, unsampled = system(), system(), system()
    seen.observer, unsampled.observer = Guarded(telemetry()), Guarded(telemetry(sample=0.0))
    loop = asyncio.get_running_loop()
    found = await interleaved(
        {
            "call policy alone": lambda: plain.call(send, loop.time() + 30.0),
            "call policy alone, telemetry": lambda: seen.call(send, loop.time() + 30.0),
            "call policy alone, telemetry, not sampled": lambda: unsampled.call(send, loop.time() + 30.0),
        },
        rounds=25,
        calls=int(2000 * scale),
    )
    async with (
        wall(folder, "unseen", None) as without,
        wall(folder, "seen", telemetry()) as with_it,
        wall(folder, "unsampled", telemetry(sample=0.0)) as not_sampled,
    ):
        request = _request(0)
        found |= await interleaved(
            {
                "read": lambda: without.call("bench.get", request),
                "read, telemetry": lambda: with_it.call("bench.get", request),
                "read, telemetry, not sampled": lambda: not_sampled.call("bench.get", request),
            },
            rounds=25,
            calls=int(1000 * scale),
        )
        found |= await _reads_over_http(folder, scale)
        found |= await _writes({"ledgered write": without, "ledgered write, telemetry": with_it}, scale)
    return found


async def _reads_over_http(folder: Path, scale: float) -> dict[str, float]:
    """Of a simulated Salesforce in a process of its own, so that its work is none of ours."""
    with target() as crm:
        async with (
            Seawall(configured(folder, crm.url, name="http_unseen"), recovery=False) as without,
            Seawall(configured(folder, crm.url, name="http_seen"), recovery=False, telemetry=telemetry()) as with_it,
        ):
            request = {"case_id": await a_case(without)}
            walls = {"read over HTTP": without, "read over HTTP, telemetry": with_it}
            subjects = {name: partial(one.call, "crm.get_case", request) for name, one in walls.items()}
            return await interleaved(subjects, rounds=25, calls=max(10, int(100 * scale)))


async def _writes(walls: dict[str, Seawall], scale: float) -> dict[str, float]:
    """By the wall clock, and by the processor's time: a disk that is slow hides what both cost."""
    numbers = count()
    taken: dict[str, list[float]] = {}
    for _ in range(25):
        for name, one in walls.items():
            started, worked = time.perf_counter(), time.process_time()
            calls = max(10, int(60 * scale))
            for _ in range(calls):
                assert isinstance(await one.call("bench.do", _request(next(numbers))), Applied)
            taken.setdefault(name, []).append((time.perf_counter() - started) / calls * 1e6)
            taken.setdefault(f"{name} (processor)", []).append((time.process_time() - worked) / calls * 1e6)
    return {name: statistics.median(times) for name, times in taken.items()}
