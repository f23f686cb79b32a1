"""A ledgered write beside the raw floor: two durable commits with sqlite3, same file, same synchronous mode."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from seawall import Applied, Config, Seawall
from seawall.core.adapter import Action, Attempt, ClientId, EffectClass, Reply, Request, Sent
from seawall.core.outcome import Outcome

from .policy import Nothing


class Done(Reply):
    """An answer."""

    id: str


class Do(Request[Done]):
    """A request of about 300 bytes."""

    reference: str
    text: str = "x" * 200


class Instant(Nothing):
    """Does everything at once."""

    @property
    def actions(self) -> dict[str, Action]:
        return {"do": _DO}

    async def send(self, action: Action, attempt: Attempt) -> Sent[Done]:  # type: ignore[override]  # narrower
        return Sent(Done(id="1"), "1")


_DO = Action(
    name="do",
    description="Does it.",
    request=Do,
    reply=Done,
    effect=EffectClass.CREATE,
    identity=("reference",),
    dedupe=ClientId("id"),
)


def config(folder: Path, name: str) -> Config:
    return Config.model_validate(
        {
            "ledger": {"path": str(folder / f"{name}.db")},
            "systems": {"bench": {"connector": "nothing", "limits": {"concurrency": 1000}}},
            "policy": [{"name": "all", "decision": "allow"}],
        }
    )


def wall(folder: Path, name: str) -> Seawall:
    return Seawall(config(folder, name), adapters={"bench": Instant()}, recovery=False)


class Floor:
    """Intent and outcome as two commits on one connection; nothing else.

    In the ledger's own file: a write-ahead log that still grows, or is being copied back, costs both the same.
    """

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute("CREATE TABLE floor (k TEXT PRIMARY KEY, body TEXT, outcome TEXT)")
        self.numbers = count()

    def write(self) -> None:
        key, body = f"k{next(self.numbers)}", "x" * 300
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("INSERT INTO floor VALUES (?, ?, NULL)", (key, body))
        self.db.execute("COMMIT")
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("UPDATE floor SET outcome = ? WHERE k = ?", ("y" * 100, key))
        self.db.execute("COMMIT")


async def measure(folder: Path, scale: float) -> dict[str, float]:
    """Microseconds of one write on the floor and ours, of a replay, and rates with 64 callers."""
    numbers = count()
    rounds, writes = 15, max(10, int(60 * scale))
    floor_times, our_times, replay_times, crowd_rates = [], [], [], []
    async with wall(folder, "ours") as one:
        floor = Floor(folder / "ours.db")

        async def write(number: int) -> None:
            outcome: Outcome[Any] = await one.call("bench.do", _request(number))
            assert isinstance(outcome, Applied), outcome

        for _ in range(rounds):
            started = time.perf_counter()
            for _ in range(writes):
                floor.write()
            floor_times.append((time.perf_counter() - started) / writes)
            started = time.perf_counter()
            for _ in range(writes):
                await write(next(numbers))
            our_times.append((time.perf_counter() - started) / writes)
            started = time.perf_counter()
            for _ in range(writes):
                await write(0)
            replay_times.append((time.perf_counter() - started) / writes)
            crowd = max(640, int(3200 * scale))
            started = time.perf_counter()
            await asyncio.gather(*(_caller(write, numbers, crowd // 64) for _ in range(64)))
            crowd_rates.append(crowd // 64 * 64 / (time.perf_counter() - started))
    floor.db.close()
    async with wall(folder, "ours") as cold:
        started = time.perf_counter()
        for number in range(100):
            assert isinstance(await cold.call("bench.do", _request(number)), Applied)
        cold_replay = (time.perf_counter() - started) / 100
    return {
        "floor": statistics.median(floor_times) * 1e6,
        "write": statistics.median(our_times) * 1e6,
        "replay": statistics.median(replay_times) * 1e6,
        "replay after a restart": cold_replay * 1e6,
        "rate, 64 callers": statistics.median(crowd_rates),
    }


async def _caller(write: Any, numbers: Any, times: int) -> None:
    for _ in range(times):
        await write(next(numbers))


def _request(number: int) -> BaseModel:
    return Do(reference=f"R-{number}")
