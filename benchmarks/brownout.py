"""A brown-out in the middle of a steady load: Seawall beside naive retry, judged at the target."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, NamedTuple

import httpx
import tenacity

from seawall import Applied, Rejected, Seawall

from .agents_serving import bare_client, configured
from .agents_target import CASES, Target
from .goodput import rate, recovery, sparkline

_OFFERED = 60.0  # operations a second: every other one opens a case, the rest read one
_TIMEOUT = 1.0  # seconds of one attempt
_PATIENCE = 5.0  # seconds that an agent gives an operation
_POOL = 100  # connections of the others: httpx's own default
_HEALTHY = {"workers": 8, "queue": 200, "service": 0.03}  # about four times what is asked of it
_BROWN = {"workers": 8, "queue": 200, "service": 0.4, "failing": 0.3}  # a third of it

Told = Literal["done", "failed", "open"]
Operation = Callable[[int], Awaitable[Told]]


class Ran(NamedTuple):
    """What came of one contestant.

    Args:
        times: When useful answers came, in seconds from the start, ascending.
        told: Writes that were told to be done.
        failed: Writes that were told to have failed; what was told to be open yet is neither.
        arrived: Requests at the target.
        offered: Operations.
        created: How often each case was really opened.
    """

    times: list[float]
    told: set[str]
    failed: set[str]
    arrived: int
    offered: int
    created: dict[str, int]


class Schedule(NamedTuple):
    """Seconds of each part."""

    before: float
    brown: float
    after: float

    @property
    def end(self) -> float:
        """Of the load."""
        return self.before + self.brown + self.after


def _writes(number: int) -> bool:
    return number % 2 == 0


async def _run(target: Target, schedule: Schedule, prefix: str, operation: Operation) -> Ran:
    """Offer the load, whatever becomes of it, and make the target slow in the middle."""
    times: list[float] = []
    told: set[str] = set()
    failed: set[str] = set()
    running: list[asyncio.Task[None]] = []
    count = int(schedule.end * _OFFERED)
    phases = [(0.0, _HEALTHY), (schedule.before, _BROWN), (schedule.before + schedule.brown, _HEALTHY)]
    arrived_before = target.told()["arrived"]
    started = time.perf_counter()

    async def one(number: int) -> None:
        end = await operation(number)
        if end == "done":
            times.append(time.perf_counter() - started)
        if _writes(number) and end != "open":
            (told if end == "done" else failed).add(f"{prefix}-{number}")

    for number in range(count):
        if (early := started + number / _OFFERED - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        while phases and time.perf_counter() - started >= phases[0][0]:
            target.told(**phases.pop(0)[1])
        running.append(asyncio.create_task(one(number)))
    await asyncio.gather(*running)
    # What the target still has in its queue is done, too.
    await target.idle()
    now = target.told()
    created = {subject: times for subject, times in now["created"].items() if subject.startswith(f"{prefix}-")}
    return Ran(times, told, failed, now["arrived"] - arrived_before, count, created)


async def _naive(target: Target, schedule: Schedule, name: str, wait: tenacity.wait.wait_base) -> Ran:
    """Httpx as it comes and tenacity: four attempts, no breaker, no key.

    What does not get out of httpx's own pool in time never reaches the target, so the load there says little of it.
    """
    async with bare_client(target.url, pool=_POOL, timeout=_TIMEOUT) as client:
        case = (await client.post(f"{CASES}/", json={"Subject": "To be read"})).json()["id"]

        @tenacity.retry(stop=tenacity.stop_after_attempt(4), wait=wait)
        async def attempt(number: int) -> None:
            if _writes(number):
                answer = await client.post(f"{CASES}/", json={"Subject": f"{name}-{number}"})
            else:
                answer = await client.get(f"{CASES}/{case}", params={"fields": "Id,Subject"})
            answer.raise_for_status()

        async def operation(number: int) -> Told:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await attempt(number)
            except (tenacity.RetryError, httpx.HTTPError, TimeoutError):
                return "failed"
            return "done"

        return await _run(target, schedule, name, operation)


async def _ours(folder: Path, target: Target, schedule: Schedule) -> Ran:
    config = configured(
        folder,
        target.url,
        name="brownout",
        attempt_timeout=_TIMEOUT,
        deadline=_PATIENCE,
        limits={"concurrency": 16, "waiting": 1000},
        breaker={"reset_after": 1.0},
        horizon=0.0,
    )
    async with Seawall(config) as wall:
        made = await wall.call("crm.create_case", {"reference": "read", "subject": "To be read"})
        assert isinstance(made, Applied), made

        async def operation(number: int) -> Told:
            if _writes(number):
                fact = f"seawall-{number}"
                outcome = await wall.call("crm.create_case", {"reference": fact, "subject": fact})
            else:
                outcome = await wall.call("crm.get_case", {"case_id": made.value.case_id})
            if isinstance(outcome, Applied):
                return "done"
            return "failed" if isinstance(outcome, Rejected) else "open"

        ran = await _run(target, schedule, "seawall", operation)
        await wall.settle(10.0)
        created = {key: times for key, times in target.told()["created"].items() if key.startswith("seawall-")}
    return ran._replace(created=created)


async def measure(folder: Path, target: Target, scale: float) -> tuple[dict[str, float], list[str]]:
    """Goodput, recovery and load at the target; and a line of bars for each contestant.

    Args:
        folder: Where the ledger is put.
        target: The simulator.
        scale: 1 for 14 seconds of each contestant.
    """
    schedule = Schedule(max(2.0, 3.0 * scale), max(2.0, 4.0 * scale), max(4.0, 7.0 * scale))
    contestants = {
        "Seawall": await _ours(folder, target, schedule),
        "naive, exponential": await _naive(
            target, schedule, "exponential", tenacity.wait_random_exponential(0.2, max=2)
        ),
        "naive, immediate": await _naive(target, schedule, "immediate", tenacity.wait_none()),
    }
    target.told(workers=0)
    found: dict[str, float] = {}
    lines = []
    end = schedule.before + schedule.brown
    for name, ran in contestants.items():
        before = rate(ran.times, 0.5, schedule.before)
        figures = {
            "goodput before (a second)": before,
            "goodput in the brown-out (a second)": rate(ran.times, schedule.before, end),
            "recovery (s)": recovery(ran.times, end, schedule.end, 0.9 * before),
            "requests at the target ÷ operations": ran.arrived / ran.offered,
            "cases opened twice": sum(times > 1 for times in ran.created.values()),
            "told done, but not there": len(ran.told - ran.created.keys()),
            "told failed, but there": len(ran.failed & ran.created.keys()),
        }
        found |= {f"{name}: {figure}": value for figure, value in figures.items()}
        lines.append(f"{name:>20} {sparkline(ran.times, schedule.end, _OFFERED * 1.5)}")
    return found, lines
