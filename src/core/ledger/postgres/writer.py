"""Group commit on PostgreSQL: what was queued while a transaction was under way shares the next one.

Each statement is a round trip, so jobs of one kind are done together, and their statements travel together. One
connection writes, another one reads, both in the event loop (docs/adr/0008-postgresql-ledger.md has the figures).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors

from ...clock import Clock
from ...errors import LedgerUnavailable
from ...settings import LedgerSettings
from ..changes import Changes
from ..database import Many
from ..job import Job
from .address import Address, is_lost
from .database import READ_BACK, RemoteDatabase, ServerClock
from .line import Line, watched
from .listening import ANNOUNCE, Listening

_log = logging.getLogger("seawall.ledger")

_MOST_TOGETHER = 128
_TRIES = 6  # for a transaction that the server ended, or whose connection was lost before its commit
_ENDED = (errors.SerializationFailure, errors.DeadlockDetected)


class RemoteWriter:
    """The writer of a PostgreSQL ledger. Used from one event loop.

    Args:
        address: The server.
        connection: A first connection to it.
        settings: How long to wait.
        clock: The time.
        holder: Who we are; our transactions are numbered under this name.
        changes: Told which operations changed.
    """

    def __init__(
        self,
        address: Address,
        connection: AsyncConnection[Any],
        settings: LedgerSettings,
        clock: Clock,
        holder: str,
        changes: Changes,
    ) -> None:
        self._address = address
        self._clock = ServerClock(clock, settings.clock_tolerance)
        self._sources_clock = clock
        self._holder = holder
        self._changes = changes
        self._patience = settings.busy_timeout
        self._writing = Line(address, clock, connection)
        self._reading = Line(address, clock)
        self._listening = Listening(address, clock, changes)
        self._number = 0
        self._unsure: tuple[int, list[Job]] | None = None  # a commit whose acknowledgement was lost
        self._once: dict[str, Any] = {}
        self._to_announce: list[str] = []
        self._closed = False
        self._writes: deque[Job] = deque()
        self._reads: deque[Job] = deque()
        self._wanted = {True: asyncio.Event(), False: asyncio.Event()}
        self._idle = {True: asyncio.Event(), False: asyncio.Event()}
        for idle in self._idle.values():
            idle.set()
        self._tasks = [
            asyncio.create_task(self._work(self._writes, self._write, writes=True), name="seawall ledger writes"),
            asyncio.create_task(self._work(self._reads, self._read, writes=False), name="seawall ledger reads"),
        ]

    def submit(
        self,
        run: Callable[[Any], Any],
        *,
        writes: bool = True,
        orphaned: Callable[[Any], None] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        lonely: bool = False,
    ) -> asyncio.Future[Any]:
        """See `job.Writer`."""
        job = Job(run, writes, asyncio.get_running_loop().create_future(), orphaned, failed, lonely)
        if self._closed:
            job.error = LedgerUnavailable("the ledger is closed", code="ledger_closed")
            job.tell()
        else:
            (self._writes if writes else self._reads).append(job)
            self._idle[writes].clear()
            self._wanted[writes].set()
        return job.future

    def listen(self) -> None:
        """Be told of changes by other processes from now on."""
        if not self._closed:
            self._listening.start()

    @property
    def shift(self) -> float:
        """How far the server's clock is ahead of ours, if ours is wrong."""
        return self._clock.shift

    async def close(self) -> None:
        """Finish what is queued, then close the connections."""
        if self._closed:
            return
        self._closed = True
        for writes, task in zip((True, False), self._tasks, strict=True):
            idle = asyncio.ensure_future(self._idle[writes].wait())
            await asyncio.wait((idle, task), return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listening.stop()
        await self._writing.drop()
        await self._reading.drop()

    async def _work(self, queue: deque[Job], do: Callable[[list[Job]], Any], *, writes: bool) -> None:
        while True:
            await self._wanted[writes].wait()
            await asyncio.sleep(0)  # so that all who ask in this turn of the loop share a transaction
            while queue:
                jobs = [queue.popleft() for _ in range(min(len(queue), _MOST_TOGETHER))]
                try:
                    await do(jobs)
                except Exception as error:  # noqa: BLE001 -- whatever it was, the next jobs must be done
                    told = self._translated(error)
                    for job in jobs:
                        job.error = told
                        job.tell()
            self._wanted[writes].clear()
            self._idle[writes].set()

    # Reads ------------------------------------------------------------------------------------------------------

    async def _read(self, jobs: list[Job]) -> None:
        for job in jobs:
            for again in (True, False):
                job.error = await self._look(job)
                if job.error is None or not again or not isinstance(job.error, psycopg.OperationalError):
                    break
            if job.error is not None:
                job.error = self._translated(job.error)
            job.tell()

    async def _look(self, job: Job) -> BaseException | None:
        try:
            connection = await self._reading.get()
            with watched(connection, self._patience * 2 + 10):
                job.result = await job.run(RemoteDatabase(connection, self._clock, {}))
        except Exception as error:  # noqa: BLE001 -- told to the job's caller
            return error
        return None

    # Writes -----------------------------------------------------------------------------------------------------

    async def _write(self, jobs: list[Job]) -> None:
        """Do the jobs in one transaction, however often that takes, or each for itself; and tell what came of it."""
        careful = False
        trouble: BaseException | None = None
        for tries in range(_TRIES):
            connection = await self._ready()
            database = RemoteDatabase(connection, self._clock, self._once, careful=careful)
            trouble, committing = await self._transact(connection, database, jobs)
            if trouble is None:
                return self._tell(jobs, database)
            if is_lost(connection):
                if not committing:
                    continue  # nothing of it can be there
                if await self._was_committed(jobs):
                    return self._tell(jobs, database)
                continue
            await self._roll_back(connection)
            if isinstance(trouble, _ENDED):
                await self._sources_clock.sleep(0.005 * tries)
            elif isinstance(trouble, UnicodeEncodeError) or _is_of_the_driver(trouble):
                if careful:
                    break
                careful = True
            else:
                break
        assert trouble is not None
        if len(jobs) == 1 or isinstance(trouble, _ENDED) or is_lost(connection):
            raise trouble
        for job in jobs:
            try:
                await self._write([job])
            except Exception as error:  # noqa: BLE001 -- told to the job's caller
                job.error = self._translated(error)
                job.tell()
        return None

    async def _transact(
        self, connection: AsyncConnection[Any], database: RemoteDatabase, jobs: Sequence[Job]
    ) -> tuple[BaseException | None, bool]:
        """One transaction.

        Returns:
            What went wrong, and whether the commit had been asked for by then.
        """
        self._number += 1
        committing = False
        trouble: BaseException | None = None
        with watched(connection, self._patience * 2 + 10):
            try:
                async with connection.pipeline():
                    try:
                        await database.begin(self._holder, self._number)
                        await _run(database, jobs)
                        await database.time()
                        committing = True
                        await connection.execute("COMMIT")
                    except Exception as error:  # noqa: BLE001 -- leaving the pipeline would only hide it
                        trouble = error
            except Exception as error:  # noqa: BLE001 -- told by whoever knows what it means
                trouble = trouble or error
        return trouble, committing

    def _tell(self, jobs: Sequence[Job], database: RemoteDatabase) -> None:
        for job in jobs:
            job.tell()
        if database.changed:
            self._changes.tell(database.changed)
            self._announce(database.changed)

    def _announce(self, changed: Sequence[str]) -> None:
        """Tell the other processes, on the connection that reads.

        Not in the transaction itself: PostgreSQL lets only one transaction with announcements commit at a time, and
        the flushes of all processes would wait in that line. One that only announces flushes nothing.
        """
        if not self._to_announce and not self._closed:
            self.submit(self._announce_all, writes=False).add_done_callback(_look_away)
        self._to_announce += changed

    async def _announce_all(self, database: RemoteDatabase) -> None:
        changed, self._to_announce = self._to_announce, []
        await database.run(ANNOUNCE, ANNOUNCE.values(ids=changed))

    async def _roll_back(self, connection: AsyncConnection[Any]) -> None:
        try:
            with watched(connection, self._patience + 1):
                await connection.execute("ROLLBACK")
        except psycopg.Error:
            await self._writing.drop()

    # Commits whose acknowledgement was lost ------------------------------------------------------------------------

    async def _was_committed(self, jobs: list[Job]) -> bool:
        """Whether the last transaction was committed, although nobody said so.

        Raises:
            LedgerUnavailable: The server did not come back in time; what became of it is found out later.
        """
        self._unsure = self._number, jobs
        until = self._sources_clock.monotonic() + self._patience
        while True:
            try:
                return await self._read_back(await self._writing.get())
            except (LedgerUnavailable, psycopg.Error) as error:
                if self._sources_clock.monotonic() >= until:
                    told = self._translated(error)
                    raise LedgerUnavailable(
                        f"{told}; the answer to a commit was lost, and it is read back once the server is there",
                        code="ledger",
                    ) from None
            await self._writing.wait()

    async def _ready(self) -> AsyncConnection[Any]:
        """A connection on which nothing is in doubt."""
        connection = await self._writing.get()
        if self._unsure is not None:
            jobs = self._unsure[1]
            if await self._read_back(connection):
                # Their callers were told that it is not known, and have gone.
                for job in jobs:
                    job.error = None
                    job.tell()
        return connection

    async def _read_back(self, connection: AsyncConnection[Any]) -> bool:
        assert self._unsure is not None
        number, _ = self._unsure
        with watched(connection, self._patience * 2 + 10):
            values = READ_BACK.values(id=self._holder, number=-1)
            (found,) = await (await connection.execute(READ_BACK.text, values)).fetchone() or (-1,)
        self._unsure = None
        self._once.clear()
        return bool(found == number)

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, psycopg.Error | OSError):
            return self._address.unavailable(error)
        return error


async def _run(database: RemoteDatabase, jobs: Sequence[Job]) -> None:
    """Do the jobs: verdicts first, intents last, and all of a kind at once."""
    early: dict[Any, list[tuple[Job, Many]]] = {}
    late: dict[Any, list[tuple[Job, Many]]] = {}
    others = []
    for job in jobs:
        if isinstance(job.run, Many):
            (early if job.run.early else late).setdefault(job.run.work, []).append((job, job.run))
        else:
            others.append(job)
    for work, together in early.items():
        await _run_together(database, work, together)
    for job in others:
        job.result = await job.run(database)
    for work, together in late.items():
        await _run_together(database, work, together)


async def _run_together(database: RemoteDatabase, work: Callable[..., Any], jobs: Sequence[tuple[Job, Many]]) -> None:
    results = iter(await work(database, [thing for _, run in jobs for thing in run.things]))
    for job, run in jobs:
        job.result = [next(results) for _ in run.things]


def _look_away(finished: asyncio.Future[Any]) -> None:
    if not finished.cancelled():
        finished.exception()  # an announcement that is lost makes others wait a little longer, no more


def _is_of_the_driver(error: BaseException) -> bool:
    """Whether the driver could not even send a value (text with the character NUL)."""
    return isinstance(error, psycopg.DataError) and error.sqlstate is None
