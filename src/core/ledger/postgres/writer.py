"""The writer of a PostgreSQL ledger: one connection writes, one reads, and one hears of changes.

All of them are served in the event loop (docs/adr/0008-postgresql-ledger.md has the figures).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from psycopg import AsyncConnection, errors

from ...clock import Clock
from ...errors import LedgerUnavailable
from ...settings import LedgerSettings
from ..audit import Chain
from ..changes import Changes
from ..job import Job
from .address import Address, is_lost
from .database import RemoteDatabase, ServerClock
from .line import Line, Watch
from .listening import ANNOUNCE, Listening
from .queue import Queue
from .transactions import GRACE, Transactions


class RemoteWriter:
    """See `job.Writer`. Used from one event loop.

    Args:
        address: The server.
        connection: A first connection to it.
        settings: How long to wait.
        clock: The time.
        chain: Our audit; its name is who we are.
        changes: Told which operations changed.
    """

    def __init__(
        self,
        address: Address,
        connection: AsyncConnection[Any],
        settings: LedgerSettings,
        clock: Clock,
        chain: Chain,
        changes: Changes,
    ) -> None:
        self._clock = ServerClock(clock, settings.clock_tolerance)
        self._changes = changes
        self._patience = settings.busy_timeout
        self._writing, self._reading = Line(address, clock, connection), Line(address, clock)
        self._listening = Listening(address, clock, changes)
        self._transactions = Transactions(
            self._writing, clock, self._clock, chain, settings.busy_timeout, self._announce
        )
        self._writes = Queue(self._transactions.do, "seawall ledger writes")
        self._reads = Queue(self._read, "seawall ledger reads")
        self._to_announce: list[str] = []
        self._closed = False

    @property
    def shift(self) -> float:
        """How far the server's clock is ahead of ours, if ours is wrong."""
        return self._clock.shift

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
            (self._writes if writes else self._reads).put(job)
        return job.future

    def listen(self) -> None:
        """Be told of changes by other processes from now on."""
        if not self._closed:
            self._listening.start()

    async def close(self) -> None:
        """Finish what is queued, then close the connections."""
        if self._closed:
            return
        self._closed = True
        await self._writes.close()
        await self._reads.close()
        await self._listening.stop()
        await self._writing.drop()
        await self._reading.drop()

    async def _read(self, jobs: list[Job]) -> None:
        for job in jobs:
            if await self._look(job):
                await self._look(job)
            job.tell()

    async def _look(self, job: Job) -> bool:
        """Do a job that reads; True if it is worth trying again, because its connection was an old one."""
        job.error = None
        lost = False
        try:
            connection = await self._reading.get()
            with Watch(connection, self._patience * 2 + GRACE) as watch:
                try:
                    job.result = await job.run(RemoteDatabase(connection, self._clock, {}))
                finally:
                    lost = is_lost(connection) and not watch.cut
        except Exception as error:  # noqa: BLE001 -- told to the job's caller
            job.error = self._reading.address.translated(error)
            if isinstance(error, errors.OperationalError):
                # Also one that was just told that the server goes down: it is not closed yet.
                lost = lost or error.sqlstate in ("57P01", "57P02", "57P03")
                await self._reading.drop()
        return lost

    def _announce(self, changed: list[str]) -> None:
        """Tell what changed: those who wait here, and the other processes on the connection that reads.

        Not in the transaction itself: PostgreSQL lets only one transaction with announcements commit at a time, and
        the flushes of all processes would wait in that line. One that only announces flushes nothing.
        """
        self._changes.tell(changed)
        if not self._to_announce:
            self.submit(self._announce_all, writes=False).add_done_callback(_look_away)
        self._to_announce += changed

    async def _announce_all(self, database: RemoteDatabase) -> None:
        changed, self._to_announce = self._to_announce, []
        await database.run(ANNOUNCE, ANNOUNCE.values(ids=changed))


def _look_away(finished: asyncio.Future[Any]) -> None:
    if not finished.cancelled():
        finished.exception()  # an announcement that is lost makes others wait a little longer, no more
