"""One connection, one thread for what waits, shared commits: what is queued together is committed together.

A durable commit costs a flush of the disk; the time of one flush is enough to collect what all the other callers
want to write, so that 64 callers pay for a few flushes and not for 128 (group commit).

Only what can wait, the flush and a lock of another process, happens in the thread. The statements themselves take
some ten microseconds each and run in the event loop: sqlite3 gives the interpreter lock away at every statement,
and a busy loop takes milliseconds to give it back (docs/adr/0004-group-commit.md has the figures).
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..clock import Clock, random_salt
from ..errors import LedgerUnavailable
from .audit import Chain
from .database import LocalDatabase, finished
from .job import ROW, Job

_log = logging.getLogger("seawall.ledger")

_OF_A_ROW = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError)

_MOST_TOGETHER = 128
_BRIEF = 0.002  # seconds; a flush in the loop that takes longer sends the next ones to the thread
_WARY_FOR = 8  # transactions


class LocalWriter:
    """The writer of an SQLite file: runs jobs on one connection, in the order in which they were given.

    Args:
        connection: In autocommit mode; used by nobody else.
        describe: Turns a database error into one clear sentence.
        clock: The time.
        chain: Our audit; where none is given, what jobs tell it goes into one that has no name.
        on_change: Told the operations that a transaction changed.
        busy_timeout: Seconds to wait for another process's transaction.
        inline: Do everything in the calling thread (simulated time: no thread at all).
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        describe: Callable[[sqlite3.Error], str],
        clock: Clock,
        chain: Chain | None = None,
        *,
        on_change: Callable[[list[str]], None] | None = None,
        busy_timeout: float = 5.0,
        inline: bool = False,
    ) -> None:
        self._connection = connection
        self._chain = chain or Chain("", random_salt)
        self._database = LocalDatabase(connection, clock, self._chain.new_salt)
        self._on_change = on_change
        self._describe = describe
        self._busy_timeout = busy_timeout
        self._loop = asyncio.get_running_loop()
        self._pending: deque[Job] = deque()
        self._busy = False
        self._scheduled = False
        self._patience = -1.0  # the busy timeout that the connection has now; setting it costs as much as a row
        self._wary = 0  # transactions to flush in the thread, because the disk was slow
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = None if inline else threading.Thread(target=self._work, name="seawall ledger", daemon=True)
        if self._thread is not None:
            self._thread.start()

    def submit(
        self,
        run: Callable[[Any], Any],
        *,
        writes: bool = True,
        orphaned: Callable[[Any], None] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        lonely: bool = False,
    ) -> asyncio.Future[Any]:
        """See `job.Writer`. A job that is alone is flushed here: on a quick disk that is sooner than a thread wakes."""
        job = Job(run, writes, self._loop.create_future(), orphaned, failed, lonely)
        if self._closed:
            job.error = LedgerUnavailable("the ledger is closed", code="ledger_closed")
            job.tell()
        elif self._thread is None:
            self._run_alone(job)
            self._tell_changes()
            job.tell()
        else:
            self._pending.append(job)
            self._schedule()
        return job.future

    def listen(self) -> None:
        """Nothing to do: SQLite cannot tell what other processes change."""

    shift = 0.0
    """One machine has one clock."""

    async def close(self) -> None:
        """Finish what is queued, then close the connection."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            await self._idle.wait()
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def abandon(self) -> None:
        """Let go of the file as the end of the process would: nothing is finished, nobody is told."""
        self._closed = True
        self._connection.close()

    # In the event loop ------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        # In the next turn of the loop, so that all who write in this one share a transaction.
        self._idle.clear()
        if self._busy or self._scheduled:
            return
        self._scheduled = True
        self._loop.call_soon(self._start)

    def _start(self) -> None:
        self._scheduled = False
        if not self._pending:
            self._idle.set()
            return
        jobs = [self._pending.popleft()]
        writes = jobs[0].writes
        # A read may be long, so it is never part of a transaction that is filled in the loop.
        while self._pending and self._pending[0].writes == writes and len(jobs) < _MOST_TOGETHER:
            jobs.append(self._pending.popleft())
        self._busy = True
        if not writes:
            self._in_thread(lambda: self._run_each_alone(jobs), lambda error: self._end_told(jobs, error))
            return
        self._roll_back()
        try:
            self._wait_for_others(0.0)
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            self._in_thread(self._wait_for_lock, lambda error: self._fill(jobs, error))
        else:
            self._fill(jobs, None)

    def _fill(self, jobs: list[Job], no_lock: BaseException | None) -> None:
        if no_lock is not None:
            # None of them caused it, and trying one by one would wait for the lock as often as there are jobs.
            self._end_told(jobs, self._translated(no_lock))
            return
        self._database.events = []
        try:
            for job in jobs:
                job.result = finished(job.run(self._database))
            if self._database.events:
                finished(self._chain.seal(self._database))
        except Exception as raised:  # noqa: BLE001 -- whatever one job raised must reach that job's caller alone
            self._end(jobs, raised)
        else:
            self._commit(jobs)

    def _commit(self, jobs: list[Job]) -> None:
        if len(jobs) > 1 or not jobs[0].lonely or self._wary:
            self._wary = max(0, self._wary - 1)
            self._in_thread(
                lambda: self._connection.execute("COMMIT"), lambda failed: self._end(jobs, failed, committing=True)
            )
            return
        started, error = self._loop.time(), None
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as raised:
            error = raised
        if self._loop.time() - started > _BRIEF:
            self._wary = _WARY_FOR
        self._end(jobs, error, committing=True)

    def _end(self, jobs: list[Job], error: BaseException | None, *, committing: bool = False) -> None:
        if error is None:
            self._chain.committed()
        else:
            self._chain.forget()
            # A commit that fails leaves its transaction open. If there is none, only reading back tells what became
            # of it; the jobs know their own rows again.
            lost = committing and not self._connection.in_transaction
            self._roll_back()
            if lost or len(jobs) > 1:
                self._in_thread(lambda: self._run_each_alone(jobs), lambda failed: self._end_told(jobs, failed))
                return
            jobs[0].error = self._translated(error)
        self._end_told(jobs, None)

    def _end_told(self, jobs: list[Job], error: BaseException | None) -> None:
        self._tell_changes()
        for job in jobs:
            job.error = job.error or error
            job.tell()
        self._busy = False
        if self._pending:
            self._schedule()
        else:
            self._idle.set()

    def _tell_changes(self) -> None:
        if changed := self._database.changed:
            self._database.changed = []
            if self._on_change is not None:
                self._on_change(changed)

    def _in_thread(self, do: Callable[[], Any], then: Callable[[BaseException | None], None]) -> None:
        def work() -> None:
            error: BaseException | None = None
            try:
                do()
            except Exception as raised:  # noqa: BLE001 -- handed to `then`, in the loop
                error = raised
            with suppress(RuntimeError):  # the loop was closed before the ledger: nobody is left to be told
                self._loop.call_soon_threadsafe(then, error)

        self._queue.put(work)

    # In the thread ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            work()

    def _wait_for_lock(self) -> None:
        self._wait_for_others(self._busy_timeout)
        self._connection.execute("BEGIN IMMEDIATE")

    def _wait_for_others(self, seconds: float) -> None:
        if seconds != self._patience:
            self._connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
            self._patience = seconds

    def _run_each_alone(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._run_alone(job)

    def _roll_back(self) -> None:
        """End the transaction that is open, if there is one; if even that fails, the next one tries again."""
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                _log.error("the ledger's transaction could not be rolled back: %s", self._describe(error))

    def _run_alone(self, job: Job) -> None:
        for again in (True, False):
            committing = self._run_once(job)
            if job.error is None or not committing or not again:
                return
            job.error = None  # its acknowledgement was lost: read back what became of it

    def _run_once(self, job: Job) -> bool:
        """Run it in a transaction of its own; True when its commit failed and left nothing to tell what it did."""
        committing = False
        self._database.events = []
        self._roll_back()
        try:
            if job.writes:
                self._wait_for_lock()
            else:
                # A reader waits too, while another process recovers the file after a crash.
                self._wait_for_others(self._busy_timeout)
            job.result = finished(job.run(self._database))
            if job.writes:
                if self._database.events:
                    finished(self._chain.seal(self._database))
                committing = True
                self._connection.execute("COMMIT")
                self._chain.committed()
        except Exception as raised:  # noqa: BLE001 -- told to the job's caller
            committing = committing and not self._connection.in_transaction
            self._chain.forget()
            self._roll_back()
            job.error = self._translated(raised)
        return committing

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, sqlite3.Error):
            return LedgerUnavailable(self._describe(error), code=ROW if isinstance(error, _OF_A_ROW) else "ledger")
        return error
