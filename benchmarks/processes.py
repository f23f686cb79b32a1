"""Eight processes on one ledger, beside eight that write two raw commits each to one file."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from seawall import Applied

from .ledger import Do, wall

PROCESSES = 8


def measure(folder: Path, writes: int) -> dict[str, float]:
    """Writes a second of all processes together.

    Args:
        folder: Where the files are put.
        writes: By each process.
    """
    return {
        f"{PROCESSES} processes, two raw commits": _rate(folder, "floor", writes),
        f"{PROCESSES} processes, ledgered": _rate(folder, "ours", writes),
    }


def _rate(folder: Path, kind: str, writes: int) -> float:
    command = [sys.executable, "-m", "benchmarks.processes", kind, str(folder), str(writes)]
    workers = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    started = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    return PROCESSES * writes / (time.perf_counter() - started)


def _ready() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _floor(folder: Path, writes: int, number: int) -> None:
    db = sqlite3.connect(folder / "raw.db", isolation_level=None, timeout=30.0)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS floor (k TEXT PRIMARY KEY, body TEXT, outcome TEXT)")
    _ready()
    for write in range(writes):
        key = f"{number}-{write}"
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO floor VALUES (?, ?, NULL)", (key, "x" * 300))
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE floor SET outcome = ? WHERE k = ?", ("y" * 100, key))
        db.execute("COMMIT")


async def _ours(folder: Path, writes: int, number: int) -> None:
    async with wall(folder, "shared") as one:
        _ready()

        async def caller(first: int) -> None:
            for write in range(first, writes, 8):
                outcome = await one.call("bench.do", Do(reference=f"{number}-{write}"))
                assert isinstance(outcome, Applied), outcome

        await asyncio.gather(*(caller(first) for first in range(8)))


if __name__ == "__main__":
    _kind, _folder, _writes, _number = sys.argv[1:]
    if _kind == "floor":
        _floor(Path(_folder), int(_writes), int(_number))
    else:
        asyncio.run(_ours(Path(_folder), int(_writes), int(_number)))
