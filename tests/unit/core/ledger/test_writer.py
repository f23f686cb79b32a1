from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger.writer import Writer


@pytest_asyncio.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    connection = sqlite3.connect(tmp_path / "w.db", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    one = Writer(connection, lambda error: f"told: {error}")
    yield one
    await one.close()


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    def job(db: sqlite3.Connection) -> int:
        return db.execute("INSERT INTO t VALUES (?)", (number,)).rowcount

    return job


def numbers(db: sqlite3.Connection) -> list[int]:
    return [n for (n,) in db.execute("SELECT n FROM t ORDER BY n")]


async def test_jobs_run_in_the_order_they_were_given(writer: Writer) -> None:
    order: list[int] = []
    await asyncio.gather(*(writer.submit(lambda db, n=n: order.append(n)) for n in range(50)))  # type: ignore[misc]
    assert order == list(range(50))


async def test_jobs_that_queue_together_share_a_commit(writer: Writer) -> None:
    commits: list[str] = []
    gate = threading.Event()
    blocker = writer.submit(lambda db: gate.wait(5), writes=False)
    writer._connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    queued = [writer.submit(insert(n)) for n in range(64)]
    gate.set()
    await asyncio.gather(blocker, *queued)
    assert len(commits) == 1
    assert await writer.submit(numbers, writes=False) == list(range(64))


async def test_job_that_fails_harms_none_of_its_neighbours(writer: Writer) -> None:
    gate = threading.Event()
    blocker = writer.submit(lambda db: gate.wait(5), writes=False)
    good, bad, other = (writer.submit(insert(n)) for n in (1, 1, 2))
    mistake = writer.submit(lambda db: 1 // 0)
    gate.set()
    await asyncio.gather(blocker, good, other)
    with pytest.raises(LedgerUnavailable, match="told: UNIQUE"):
        await bad
    with pytest.raises(ZeroDivisionError):
        await mistake
    assert await writer.submit(numbers, writes=False) == [1, 2]


async def test_caller_that_goes_does_not_undo_its_job(writer: Writer) -> None:
    future = writer.submit(insert(7))
    future.cancel()
    assert await writer.submit(numbers, writes=False) == [7]


async def test_closing_finishes_what_is_queued(tmp_path: Path, writer: Writer) -> None:
    for n in range(20):
        writer.submit(insert(n))
    await writer.close()
    with sqlite3.connect(tmp_path / "w.db") as raw:
        assert numbers(raw) == list(range(20))
    raw.close()
