"""One connection, one thread, shared commits: what is queued together is committed together.

A commit that is made durable costs a flush of the disk; the time of one flush is enough to collect what all the
other callers want to write, so that 64 callers pay for a few flushes and not for 128 (group commit).
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import LedgerUnavailable

T = TypeVar("T")

_MOST_TOGETHER = 512


@dataclass(slots=True)
class _Job:
    run: Callable[[sqlite3.Connection], Any]
    writes: bool
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        if self.future.done():
            return  # its caller stopped waiting; the job is done all the same
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Runs jobs on one connection, in the order in which they were given.

    Args:
        connection: In autocommit mode; used by nobody else.
        describe: Turns a database error into one clear sentence.
        inline: Work in the calling thread (simulated time: no thread at all).
    """

    def __init__(
        self, connection: sqlite3.Connection, describe: Callable[[sqlite3.Error], str], *, inline: bool = False
    ) -> None:
        self._connection = connection
        self._describe = describe
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._thread = None if inline else threading.Thread(target=self._work, name="seawall ledger", daemon=True)
        if self._thread is not None:
            self._thread.start()

    def submit(self, run: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> asyncio.Future[T]:
        """Queue a job. The future resolves when its transaction is durable; cancelling it undoes nothing.

        Args:
            run: The job; it may run twice if a neighbour in its transaction fails.
            writes: False for a job that only reads.
        """
        job = _Job(run, writes, self._loop.create_future())
        if self._closed:
            job.error = LedgerUnavailable("the ledger is closed", code="ledger_closed")
            job.tell()
        elif self._thread is None:
            self._run_together([job])
            job.tell()
        else:
            self._queue.put(job)
        return job.future

    async def close(self) -> None:
        """Finish what is queued, then close the connection."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            jobs = [first]
            last = False
            while len(jobs) < _MOST_TOGETHER and not self._queue.empty():
                job = self._queue.get()
                if job is None:
                    last = True
                    break
                jobs.append(job)
            self._run_together(jobs)
            self._loop.call_soon_threadsafe(_tell_all, jobs)
            if last:
                return

    def _run_together(self, jobs: list[_Job]) -> None:
        try:
            self._transaction(jobs)
        except Exception as error:  # noqa: BLE001 -- whatever one job raised must reach that job's caller alone
            if len(jobs) == 1:
                jobs[0].error = self._translated(error)
                return
            for job in jobs:
                self._run_together([job])

    def _transaction(self, jobs: list[_Job]) -> None:
        connection = self._connection
        if not any(job.writes for job in jobs):
            for job in jobs:
                job.result = job.run(connection)
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for job in jobs:
                job.result = job.run(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error):
            return LedgerUnavailable(self._describe(error), code="ledger")
        return error


def _tell_all(jobs: list[_Job]) -> None:
    for job in jobs:
        job.tell()
