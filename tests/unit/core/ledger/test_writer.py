from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from seawall.core.clock import SystemClock
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger.database import LocalDatabase
from seawall.core.ledger.writer import LocalWriter


@pytest_asyncio.fixture
async def writer(tmp_path: Path) -> AsyncIterator[LocalWriter]:
    connection = sqlite3.connect(tmp_path / "w.db", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    one = LocalWriter(connection, lambda error: f"told: {error}", SystemClock())
    yield one
    await one.close()


def insert(number: int) -> Callable[[LocalDatabase], int]:
    def job(db: LocalDatabase) -> int:
        return db.execute("INSERT INTO t VALUES (?)", (number,)).rowcount

    return job


def numbers(db: LocalDatabase | sqlite3.Connection) -> list[int]:
    return [n for (n,) in db.execute("SELECT n FROM t ORDER BY n")]


async def test_jobs_run_in_the_order_they_were_given(writer: LocalWriter) -> None:
    order: list[int] = []
    await asyncio.gather(*(writer.submit(lambda db, n=n: order.append(n)) for n in range(50)))  # type: ignore[misc]
    assert order == list(range(50))


async def test_jobs_that_queue_together_share_a_commit(writer: LocalWriter) -> None:
    commits: list[str] = []
    gate = threading.Event()
    blocker = writer.submit(lambda db: gate.wait(5), writes=False)
    writer._connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    queued = [writer.submit(insert(n)) for n in range(64)]
    gate.set()
    await asyncio.gather(blocker, *queued)
    assert len(commits) == 1
    assert await writer.submit(numbers, writes=False) == list(range(64))


async def test_job_that_fails_harms_none_of_its_neighbours(writer: LocalWriter) -> None:
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


async def test_caller_that_goes_does_not_undo_its_job(writer: LocalWriter) -> None:
    future = writer.submit(insert(7))
    future.cancel()
    assert await writer.submit(numbers, writes=False) == [7]


async def test_closing_finishes_what_is_queued(tmp_path: Path, writer: LocalWriter) -> None:
    for n in range(20):
        writer.submit(insert(n))
    await writer.close()
    with sqlite3.connect(tmp_path / "w.db") as raw:
        assert numbers(raw) == list(range(20))
    raw.close()


async def test_lock_of_another_program_is_waited_for_once_and_not_once_a_job(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "w.db", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    writer = LocalWriter(connection, lambda error: f"told: {error}", SystemClock(), busy_timeout=0.1)
    tries: list[str] = []
    connection.set_trace_callback(lambda text: tries.append(text) if text.startswith("BEGIN") else None)
    blocker = sqlite3.connect(tmp_path / "w.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    answers = await asyncio.gather(*(writer.submit(insert(n)) for n in range(16)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [LedgerUnavailable] * 16
    assert len(tries) <= 2, "one that does not wait, and one that does"
    assert await writer.submit(numbers, writes=False) == [], "reads go on"
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await writer.submit(insert(1)) == 1
    await writer.close()


async def test_lock_that_is_released_in_time_delays_the_jobs_and_no_more(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "w.db", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    writer = LocalWriter(connection, lambda error: f"told: {error}", SystemClock(), busy_timeout=30.0)
    blocker = sqlite3.connect(tmp_path / "w.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    waiting = [writer.submit(insert(n)) for n in range(3)]
    done, _ = await asyncio.wait(waiting, timeout=0.05)
    assert not done
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await asyncio.gather(*waiting) == [1, 1, 1]
    await writer.close()


async def test_reads_are_made_in_the_thread_even_when_writes_surround_them(writer: LocalWriter) -> None:
    threads: list[int] = []
    jobs: list[asyncio.Future[Any]] = [
        writer.submit(insert(1)),
        writer.submit(lambda db: threads.append(threading.get_ident()), writes=False),
        writer.submit(insert(2)),
    ]
    await asyncio.gather(*jobs)
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_failure_is_told_even_when_its_caller_is_gone(writer: LocalWriter) -> None:
    told: list[BaseException] = []
    await writer.submit(insert(1))
    writer.submit(insert(1), failed=told.append).cancel()
    await writer.submit(numbers, writes=False)
    assert [str(error) for error in told] == ["told: UNIQUE constraint failed: t.n [ledger_row]"]


async def test_commit_that_fails_is_told_to_each_and_leaves_the_connection_usable(writer: LocalWriter) -> None:
    connection = writer._connection
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("CREATE TABLE c (n REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)")

    def orphan(db: LocalDatabase) -> None:
        db.execute("INSERT INTO c VALUES (99)")  # fails at the commit and not before

    good, bad = writer.submit(insert(1)), writer.submit(orphan)
    assert await good == 1
    with pytest.raises(LedgerUnavailable, match="told: FOREIGN KEY"):
        await bad
    assert await writer.submit(insert(2)) == 1
    assert await writer.submit(numbers, writes=False) == [1, 2]


def test_loop_that_ends_before_the_ledger_is_closed_does_not_break_its_thread(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    gate = threading.Event()

    async def main() -> LocalWriter:
        writer = LocalWriter(connection, str, SystemClock())
        writer.submit(lambda db: gate.wait(5), writes=False)
        await asyncio.sleep(0.01)
        return writer

    writer = asyncio.run(main())
    gate.set()
    writer._queue.put(None)
    assert writer._thread is not None
    writer._thread.join(5)
    assert not writer._thread.is_alive()
    connection.close()


async def test_lonely_flush_needs_no_thread_and_a_slow_one_sends_the_next_ones_there(
    writer: LocalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed_in: list[str] = []

    def note(text: str) -> None:
        if text == "COMMIT":
            flushed_in.append(threading.current_thread().name)

    writer._connection.set_trace_callback(note)
    monkeypatch.setattr("seawall.core.ledger.writer._BRIEF", 1e9)  # a quick disk, however busy the machine is
    here = threading.current_thread().name
    await writer.submit(insert(1), lonely=True)
    await writer.submit(insert(2))
    monkeypatch.setattr("seawall.core.ledger.writer._BRIEF", -1.0)  # as if the disk had become slow
    await writer.submit(insert(3), lonely=True)
    await writer.submit(insert(4), lonely=True)
    assert flushed_in == [here, "seawall ledger", here, "seawall ledger"]
    assert await writer.submit(numbers, writes=False) == [1, 2, 3, 4]


async def test_jobs_of_one_turn_share_a_commit_even_if_each_believed_to_be_alone(writer: LocalWriter) -> None:
    commits: list[str] = []
    writer._connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    await asyncio.gather(*(writer.submit(insert(n), lonely=True) for n in range(8)))
    assert len(commits) == 1


class Failing:
    """A connection on which chosen statements fail, before or after they were done.

    Args:
        connection: The real one.
        fails: Statements to fail, each with how often; `COMMIT, done` fails after it was done.
    """

    def __init__(self, connection: sqlite3.Connection, **fails: int) -> None:
        self.real = connection
        self.fails = fails

    @property
    def in_transaction(self) -> bool:
        return self.real.in_transaction

    def execute(self, text: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        if self.fails.get(text, 0) > 0:
            self.fails[text] -= 1
            raise sqlite3.OperationalError(f"no {text}")
        cursor = self.real.execute(text, values)
        if self.fails.get(f"{text}_done", 0) > 0:
            self.fails[f"{text}_done"] -= 1
            raise sqlite3.OperationalError(f"no word of {text}")
        return cursor

    def close(self) -> None:
        self.real.close()


def failing(folder: Path, **fails: int) -> LocalWriter:
    connection = sqlite3.connect(folder / "w.db", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    return LocalWriter(Failing(connection, **fails), lambda error: f"told: {error}", SystemClock())  # type: ignore[arg-type]  # a double


@pytest.mark.parametrize("together", [1, 3])
async def test_rollback_that_fails_does_not_stop_the_ledger(tmp_path: Path, together: int) -> None:
    writer = failing(tmp_path, COMMIT=2, ROLLBACK=2)
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*(writer.submit(insert(n)) for n in range(together)), return_exceptions=True)
        assert LedgerUnavailable in {type(answer) for answer in answers}
        recorded = {n for n, answer in enumerate(answers) if answer == 1}
        for _ in range(3):  # until it rolls back
            with suppress(LedgerUnavailable):
                await writer.submit(insert(10))
        assert set(await writer.submit(numbers, writes=False)) == recorded | {10}
        await writer.close()


async def test_mistake_of_whoever_is_told_does_not_keep_the_others_waiting(writer: LocalWriter) -> None:
    def mistake(_: object) -> None:
        raise ValueError("ours")

    async with asyncio.timeout(10):
        writer.submit(insert(1), orphaned=mistake).cancel()
        assert await writer.submit(insert(2)) == 1
        assert await writer.submit(insert(3)) == 1


@pytest.mark.parametrize("lonely", [True, False])
@pytest.mark.parametrize("together", [1, 2])
async def test_commit_whose_acknowledgement_was_lost_is_read_back(tmp_path: Path, lonely: bool, together: int) -> None:
    writer = failing(tmp_path, COMMIT_done=1)

    def found_or_put(number: int) -> Callable[[LocalDatabase], str]:
        def job(db: LocalDatabase) -> str:
            if db.execute("SELECT n FROM t WHERE n = ?", (number,)).fetchone() is not None:
                return "mine already"
            db.execute("INSERT INTO t VALUES (?)", (number,))
            return "put"

        return job

    answers = await asyncio.gather(*(writer.submit(found_or_put(n), lonely=lonely) for n in range(together)))
    assert answers == ["mine already"] * together
    assert await writer.submit(numbers, writes=False) == list(range(together))
    await writer.close()
