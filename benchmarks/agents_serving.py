"""A thousand agents in one process that serves them: reads, ledgered writes and latency, beside bare httpx."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from seawall import Applied, Config, Seawall
from seawall.agents.dispatch import Dispatcher
from seawall.connectors.salesforce.records import CASE_FIELDS

from .agents_target import CASES, CLIENT, LOGIN, Target

AGENTS = 1000
POOL = 64  # connections, for everybody

Call = Callable[[int], Coroutine[Any, Any, None]]


def configured(folder: Path, url: str, *, pool: int = POOL, name: str = "agents", **system: Any) -> Config:
    """The configuration of a Seawall before the target.

    Args:
        folder: Where the ledger is put.
        url: The target.
        pool: Connections, and calls on the wire at a time.
        name: Of the ledger.
        system: Further settings of the system.
    """
    crm = {
        "connector": "salesforce",
        "attempt_timeout": 25,
        "deadline": 60,
        "limits": {"concurrency": pool, "waiting": 10_000},
        "settings": {
            "url": url,
            "auth": {"flow": "client_credentials", **CLIENT},
            "external_id_fields": {"Case": "Seawall_Key__c"},
            "max_connections": pool,
        },
    }
    return Config.model_validate(
        {
            "ledger": {"path": str(folder / f"{name}.db")},
            "systems": {"crm": crm | system},
            "policy": [{"name": "all", "decision": "allow"}],
        }
    )


@asynccontextmanager
async def bare_client(url: str, *, pool: int = POOL, timeout: float = 60.0) -> AsyncIterator[httpx.AsyncClient]:
    """What people use otherwise, logged in."""
    limits = httpx.Limits(max_connections=pool, max_keepalive_connections=pool)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=timeout, trust_env=False) as client:
        answer = await client.post(LOGIN, data={"grant_type": "client_credentials", **CLIENT})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def reading(client: httpx.AsyncClient, case: str) -> Call:
    """A bare GET of a case."""
    params = {"fields": ",".join(CASE_FIELDS.values())}

    async def read(_agent: int) -> None:
        answer = await client.get(f"{CASES}/{case}", params=params)
        assert answer.raise_for_status().json()["Id"] == case

    return read


def one_at_a_time(call: Call, places: int) -> Call:
    """With a semaphore before it, so that httpx's own queue stays empty."""
    free = asyncio.Semaphore(places)

    async def gated(agent: int) -> None:
        async with free:
            await call(agent)

    return gated


async def a_case(wall: Seawall) -> str:
    """A case to read."""
    made = await wall.call("crm.create_case", {"reference": "the-one", "subject": "To be read"})
    assert isinstance(made, Applied), made
    return str(made.value.case_id)


async def _crowd(call: Call, agents: int) -> float:
    """Calls a second of so many agents, each calling once, all at the same time."""
    started = time.perf_counter()
    await asyncio.gather(*(call(agent) for agent in range(agents)))
    return agents / (time.perf_counter() - started)


async def rounds(subjects: Mapping[str, Call], agents: int, seconds: float) -> dict[str, float]:
    """Median rate of each, in turn, for about so long and at least once, with warm connections."""
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    for call in subjects.values():
        await _crowd(call, POOL)
    started = time.perf_counter()
    while not rates[next(iter(rates))] or time.perf_counter() - started < seconds:
        for name, call in subjects.items():
            rates[name].append(await _crowd(call, agents))
    return {name: statistics.median(found) for name, found in rates.items()}


async def reads(folder: Path, target: Target, scale: float) -> dict[str, float]:
    """Reads a second by 1,000 agents, and the share of the time for which the simulator itself was busy.

    Args:
        folder: Where the ledger is put.
        target: The simulator.
        scale: 1 for 15 seconds, or a round of each if that takes longer.
    """
    async with Seawall(configured(folder, target.url, name="reads")) as wall, bare_client(target.url) as client:
        case = await a_case(wall)
        bare = reading(client, case)
        desks = [Dispatcher(wall, f"agent:{number}") for number in range(AGENTS)]

        async def ours(agent: int) -> None:
            outcome = await wall.call("crm.get_case", {"case_id": case}, principal=f"agent:{agent}")
            assert isinstance(outcome, Applied), outcome

        async def told(agent: int) -> None:
            result = await desks[agent].call("crm__get_case", {"case_id": case})
            assert result.proven, result

        subjects = {
            "bare httpx": bare,
            "bare httpx behind a semaphore": one_at_a_time(bare, POOL),
            "Seawall.call": ours,
            "Dispatcher, one each": told,
        }
        found = await rounds(subjects, AGENTS, 15 * scale)
        before, started = target.told()["cpu"], time.perf_counter()
        await _crowd(ours, AGENTS)
        share = (target.told()["cpu"] - before) / (time.perf_counter() - started)
    return {f"{name}, reads": rate for name, rate in found.items()} | {"simulator, busy (share of a core)": share}


async def writes(folder: Path, target: Target, scale: float) -> dict[str, float]:
    """Creates a second by 1,000 agents, beside bare POSTs and beside what a file of that kind takes in groups."""
    numbers = count()
    async with Seawall(configured(folder, target.url, name="writes")) as wall, bare_client(target.url) as client:

        async def ours(_agent: int) -> None:
            fact = f"W-{next(numbers)}"
            outcome = await wall.call("crm.create_case", {"reference": fact, "subject": fact})
            assert isinstance(outcome, Applied), outcome

        async def post(_agent: int) -> None:
            (await client.post(f"{CASES}/", json={"Subject": f"B-{next(numbers)}"})).raise_for_status()

        subjects = {
            "bare httpx, POSTs": post,
            "bare httpx behind a semaphore, POSTs": one_at_a_time(post, POOL),
            "Seawall.call, ledgered writes": ours,
        }
        found = await rounds(subjects, AGENTS, 10 * scale)
    for group in (64, AGENTS):
        found[f"raw store, two commits for each {group} rows"] = statistics.median(
            _grouped(folder / f"raw-{group}.db", group) for _ in range(5)
        )
    created = target.told()["created"]
    found["writes that were done twice"] = float(sum(times > 1 for times in created.values()))
    return found


def _grouped(path: Path, group: int) -> float:
    """Rows a second with intent and outcome, committed in groups in a file like the ledger's."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS floor (k TEXT PRIMARY KEY, body TEXT, outcome TEXT)")
    (first,) = db.execute("SELECT count(*) FROM floor").fetchone()
    started = time.perf_counter()
    for base in range(first, first + 2000 // group * group, group):
        keys = [f"k{base + number:012d}" for number in range(group)]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO floor VALUES (?, ?, NULL)", [(key, "x" * 300) for key in keys])
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        db.executemany("UPDATE floor SET outcome = ? WHERE k = ?", [("y" * 100, key) for key in keys])
        db.execute("COMMIT")
    rate = 2000 // group * group / (time.perf_counter() - started)
    db.close()
    return rate


async def latency(folder: Path, target: Target, scale: float) -> dict[str, float]:
    """Milliseconds of reads by 50 agents that pause between them, so that nothing is saturated."""
    agents, calls = 50, max(6, int(16 * scale))
    async with Seawall(configured(folder, target.url, name="latency")) as wall, bare_client(target.url) as client:
        case = await a_case(wall)

        async def ours(_agent: int) -> None:
            assert isinstance(await wall.call("crm.get_case", {"case_id": case}), Applied)

        subjects = {"bare httpx": reading(client, case), "Seawall.call": ours}
        taken: dict[str, list[float]] = {name: [] for name in subjects}

        async def agent(number: int) -> None:
            await asyncio.sleep(number / agents * _PAUSE)
            # In turn within each agent: both then meet the same neighbours on the machine.
            for turn in range(calls * len(subjects)):
                name = list(subjects)[(number + turn) % len(subjects)]
                started = time.perf_counter()
                await subjects[name](number)
                taken[name].append((time.perf_counter() - started) * 1e3)
                await asyncio.sleep(_PAUSE)

        await asyncio.gather(*(agent(number) for number in range(agents)))
    found: dict[str, float] = {}
    for name, times in taken.items():
        cuts = statistics.quantiles(times, n=100)
        found |= {f"{name}, read p50": cuts[49], f"{name}, read p99": cuts[98]}
    found["Seawall.call less bare httpx, p50"] = found["Seawall.call, read p50"] - found["bare httpx, read p50"]
    found["Seawall.call less bare httpx, p99"] = found["Seawall.call, read p99"] - found["bare httpx, read p99"]
    return found


_PAUSE = 0.5  # seconds between two calls of one agent: about 100 calls a second in all
