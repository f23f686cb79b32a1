"""Transactions on PostgreSQL: what was queued while the last one was under way shares the next one.

Each statement is a round trip, so jobs of one kind are done together, and their statements travel together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors

from ...clock import Clock
from ...errors import LedgerUnavailable
from ..audit import Chain
from ..database import Many
from ..job import Job
from .address import is_lost
from .database import READ_BACK, RemoteDatabase, ServerClock
from .line import Line, Watch

# It only says what is said to every caller anyway.
logging.getLogger("psycopg").addFilter(lambda record: not record.msg.startswith("error ignored terminating"))

_TRIES = 6  # for a transaction that the server ended, or whose connection was lost before its commit
_PAUSE = 0.05  # seconds between two tries to read back what became of a commit
_ENDED = (errors.SerializationFailure, errors.DeadlockDetected)
GRACE = 10.0
"""Seconds beyond all waiting for locks after which a server is taken to hang."""


@dataclass(slots=True)
class Ending:
    """How a transaction ended.

    Args:
        trouble: What went wrong, if anything.
        committing: Whether the commit had been asked for by then.
        hung: Whether the server did not answer in time.
    """

    trouble: BaseException | None = None
    committing: bool = False
    hung: bool = False


class Transactions:
    """Does jobs that write, on one connection.

    Args:
        line: The connection.
        clock: For pauses.
        server_clock: The server's clock beside ours.
        chain: Our audit; our transactions are numbered under its name, which says who we are.
        patience: Seconds to wait for a lock, and for a server that went away in mid-commit.
        on_change: Told the operations that a transaction changed.
    """

    def __init__(
        self,
        line: Line,
        clock: Clock,
        server_clock: ServerClock,
        chain: Chain,
        patience: float,
        on_change: Callable[[list[str]], None],
    ) -> None:
        self._line = line
        self._clock = clock
        self._server_clock = server_clock
        self._chain = chain
        self._holder = chain.name
        self._patience = patience
        self._on_change = on_change
        self._once: dict[str, Any] = {}
        self._number = 0
        self._unsure: tuple[int, list[Job]] | None = None  # a commit whose acknowledgement was lost

    async def do(self, jobs: list[Job]) -> None:
        """Do the jobs in one transaction, however often that takes, or each for itself; and tell what came of it.

        Raises:
            LedgerUnavailable: The server is away; whether the jobs were done is found out when it is back.
        """
        careful = False
        tries = 0
        while True:
            tries += 1
            connection = await self._ready()
            database = RemoteDatabase(
                connection, self._server_clock, self._once, careful=careful, new_salt=self._chain.new_salt
            )
            ending = await self._transact(connection, database, jobs)
            trouble = ending.trouble
            if trouble is not None:
                self._chain.forget()
                await self._roll_back(connection)
            else:
                self._chain.committed()
            if trouble is None or (ending.committing and await self._was_committed(jobs)):
                return self._tell(jobs, database)
            lost = is_lost(connection)
            if ending.hung or tries == _TRIES:
                break
            if isinstance(trouble, _ENDED):
                await self._clock.sleep(0.005 * tries)
            elif _is_unfit_text(trouble) and not careful:
                careful = True
            elif not lost:
                break
        if lost or len(jobs) == 1 or isinstance(trouble, _ENDED):
            raise self._translated(trouble)
        for job in jobs:
            try:
                await self.do([job])
            except Exception as error:  # noqa: BLE001 -- told to the job's caller
                job.error = error
                job.tell()
        return None

    async def _transact(
        self, connection: AsyncConnection[Any], database: RemoteDatabase, jobs: Sequence[Job]
    ) -> Ending:
        self._number += 1
        ending = Ending()
        with Watch(connection, self._patience * 2 + GRACE) as watch:
            try:
                async with connection.pipeline() as pipeline:
                    try:
                        await database.begin(pipeline, self._holder, self._number)
                        await _run(database, jobs)
                        await self._chain.seal(database)
                        await database.time()
                        ending.committing = True
                        await connection.execute("COMMIT")
                    except Exception as error:  # noqa: BLE001 -- leaving the pipeline would only hide it
                        ending.trouble = error
            except Exception as error:  # noqa: BLE001 -- told by whoever knows what it means
                ending.trouble = ending.trouble or error
        ending.hung = watch.cut
        return ending

    def _tell(self, jobs: Sequence[Job], database: RemoteDatabase) -> None:
        for job in jobs:
            job.tell()
        if database.changed:
            self._on_change(database.changed)

    async def _roll_back(self, connection: AsyncConnection[Any]) -> None:
        """End what is left of the transaction. A connection on which even that fails is lost."""
        try:
            with Watch(connection, self._patience + GRACE):
                await connection.execute("ROLLBACK")
        except psycopg.Error:
            await self._line.drop()

    # Commits whose acknowledgement was lost ---------------------------------------------------------------------

    async def _was_committed(self, jobs: list[Job]) -> bool:
        """Whether the last transaction was committed, although nobody said so.

        Raises:
            LedgerUnavailable: The server did not come back in time; what became of it is found out later.
        """
        self._unsure = self._number, jobs
        until = self._clock.monotonic() + self._patience
        while True:
            try:
                return await self._read_back(await self._line.get())
            except (LedgerUnavailable, psycopg.Error) as error:
                if isinstance(error, psycopg.Error):
                    await self._line.drop()
                if self._clock.monotonic() >= until:
                    told = self._translated(error)
                    raise LedgerUnavailable(
                        f"{getattr(told, 'message', told)}; the answer to a commit was lost, and what became of it is "
                        "read back as soon as the server answers",
                        code="ledger",
                    ) from None
            await self._line.wait()
            await self._clock.sleep(_PAUSE)

    async def _ready(self) -> AsyncConnection[Any]:
        """A connection on which nothing is in doubt."""
        connection = await self._line.get()
        if self._unsure is None:
            return connection
        _, jobs = self._unsure
        try:
            committed = await self._read_back(connection)
        except psycopg.Error as error:
            await self._line.drop()
            raise self._translated(error) from None
        if committed:
            # Their callers were told that it is not known, and have gone.
            for job in jobs:
                job.error = None
                job.tell()
        return connection

    async def _read_back(self, connection: AsyncConnection[Any]) -> bool:
        assert self._unsure is not None
        number, _ = self._unsure
        with Watch(connection, self._patience * 2 + GRACE):
            values = READ_BACK.values(id=self._holder, number=-1)
            (found,) = await (await connection.execute(READ_BACK.text.encode(), values)).fetchone() or (-1,)
        self._unsure = None
        self._once.clear()
        return bool(found == number)

    def _translated(self, error: BaseException | None) -> BaseException:
        return self._line.address.translated(error)


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


def _is_unfit_text(error: BaseException | None) -> bool:
    """Whether the driver could not even send a text: one that is no UTF-8, or has the character NUL."""
    return isinstance(error, UnicodeEncodeError) or (isinstance(error, psycopg.DataError) and error.sqlstate is None)
