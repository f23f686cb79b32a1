"""The ledger on PostgreSQL beside two commits for each operation on one connection, on the same server."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from itertools import count
from typing import Any

import psycopg
from support.postgres_server import PostgresServer, postgres_server

from seawall.core.clock import Sources
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import AttemptRow, Intent, Status, Verdict
from seawall.core.settings import LedgerSettings

PROCESSES = 8
_numbers = count()


def floor(connection: psycopg.Connection[Any], writes: int) -> float:
    """Operations a second: intent and outcome, each in a transaction of its own, on one connection."""
    started = time.perf_counter()
    for _ in range(writes):
        key = f"k{time.time_ns()}{next(_numbers)}"
        with connection.transaction():
            connection.execute("INSERT INTO floor VALUES (%s, %s, NULL)", (key, "x" * 300))
        with connection.transaction():
            connection.execute("UPDATE floor SET outcome = %s WHERE k = %s", ("y" * 100, key))
    return writes / (time.perf_counter() - started)


async def write(ledger: Ledger, sources: Sources) -> None:
    """One operation: its intent, then its outcome with one attempt."""
    name = sources.new_id("op")
    intent = Intent(
        id=name, system="bench", action="do", key=name, identity="{}", request="x" * 300, digest="d", principal="p",
        adapter_version="1", policy="{}", deadline_at=0.0,
    )  # fmt: skip
    (begun,) = await ledger.begin([intent])
    attempt = AttemptRow(name, 1, 1, "send", 1.0, 2.0, "applied")
    verdict = Verdict(name, 1, Status.APPLIED, outcome="y" * 100, attempts=(attempt,))
    assert begun.fresh
    assert await ledger.finish([verdict]) == [True]


async def rate(ledger: Ledger, callers: int, writes: int) -> float:
    """Operations a second by so many callers at once."""
    sources = Sources()

    async def caller() -> None:
        for _ in range(writes):
            await write(ledger, sources)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return callers * writes / (time.perf_counter() - started)


def _go() -> float:
    print("ready", flush=True)
    sys.stdin.readline()
    return time.time()


async def _ledgered(url: str, writes: int) -> float:
    ledger = await Ledger.open(LedgerSettings.model_validate({"url": url}), Sources())
    await rate(ledger, 8, 2)
    started = await asyncio.to_thread(_go)
    await rate(ledger, 8, writes // 8)
    ended = time.time()
    print(started, ended, flush=True)
    await ledger.close()
    return ended


def _raw(url: str, writes: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        floor(connection, 2)
        started = _go()
        floor(connection, writes)
        print(started, time.time(), flush=True)


def _together(kind: str, url: str, writes: int) -> float:
    """Operations a second of several processes: each with eight callers, or with two commits on its own connection."""
    command = [sys.executable, "-m", "benchmarks.shared_ledger", kind, url, str(writes)]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(PROCESSES)]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    times = [one.communicate(timeout=120)[0].split() for one in running]
    seconds = max(float(ended) for _, ended in times) - min(float(started) for started, _ in times)
    return PROCESSES * writes / seconds


async def _measure(server: PostgresServer, scale: float) -> dict[str, float]:
    floors, crowds, singles = [], [], []
    ledger = await Ledger.open(LedgerSettings.model_validate({"url": server.dsn}), Sources())
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE floor (k TEXT PRIMARY KEY, body TEXT, outcome TEXT)")
        await rate(ledger, 64, 4)
        for _ in range(5):
            floors.append(floor(connection, max(40, int(300 * scale))))
            crowds.append(await rate(ledger, 64, max(8, int(40 * scale))))
            singles.append(await rate(ledger, 1, max(20, int(150 * scale))))
    await ledger.close()
    return {
        "PostgreSQL, two commits on one connection": statistics.median(floors),
        "PostgreSQL ledger, 64 callers": statistics.median(crowds),
        "PostgreSQL ledger, 1 caller": statistics.median(singles),
    }


def measure(scale: float) -> dict[str, float]:
    """Operations a second, on a server of its own."""
    with postgres_server() as server:
        found = asyncio.run(_measure(server, scale))
        writes = max(80, int(480 * scale))
        found[f"PostgreSQL, two commits on {PROCESSES} connections"] = _together("raw", server.dsn, writes)
        found[f"PostgreSQL ledger, {PROCESSES} processes of 8 callers"] = _together("ledgered", server.dsn, writes)
        return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["raw"]:
        _raw(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["ledgered"]:
        asyncio.run(_ledgered(sys.argv[2], int(sys.argv[3])))
    else:
        for name, value in measure(1.0).items():
            print(f"{value:10,.0f}  {name}")
