"""The ledger: the durable record of operations. Intent before the first byte, outcome after."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..clock import Sources
from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from . import jobs
from .connection import connect
from .records import Begun, DecisionRow, Intent, Operation, Status, Story, Verdict
from .writer import Writer

T = TypeVar("T")

_log = logging.getLogger("seawall.ledger")

_TRUSTED_SHARE = 0.8  # of the lease: within it our last heartbeat still protects what we are about to send


class Ledger:
    """Operations, kept in one SQLite file that several processes may share. Made by `open`.

    Every method that asks the database raises `LedgerUnavailable` when it cannot be read or written.
    """

    def __init__(self, writer: Writer, settings: LedgerSettings, sources: Sources) -> None:
        self.holder = sources.new_id("holder")
        self.unrecorded: list[Verdict] = []
        self._writer = writer
        self._settings = settings
        self._clock = sources.clock
        self._beat_at: float | None = None
        self._beating: asyncio.Task[None] | None = None
        self._soon: set[asyncio.Future[list[bool]]] = set()

    @classmethod
    async def open(
        cls, settings: LedgerSettings, sources: Sources, *, inline: bool = False, heartbeat: bool = True
    ) -> Ledger:
        """Open the file, and make it if there is none.

        Args:
            settings: See `LedgerSettings`.
            sources: Clock and ids.
            inline: Work in the calling thread, without one of its own.
            heartbeat: Show life while open; False for a reader.

        Raises:
            LedgerUnavailable: The file cannot be used; the message says what to do.
        """
        connection, describe = connect(settings)
        ledger = cls(Writer(connection, describe, busy_timeout=settings.busy_timeout, inline=inline), settings, sources)
        if heartbeat:
            ledger._beating = asyncio.create_task(ledger._beat(), name="seawall heartbeat")
        return ledger

    async def close(self) -> None:
        """Record what is queued, give up what is held, and close the file."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        await asyncio.gather(*self._soon, return_exceptions=True)
        if self._beat_at is not None:
            try:
                await self._writer.submit(lambda db: jobs.leave(db, self.holder))
            except LedgerUnavailable as error:
                _log.warning("the ledger could not be left in good order: %s", error)
        await self._writer.close()

    async def begin(
        self,
        intents: Sequence[Intent],
        *,
        within: float | None = None,
        orphaned: Callable[[list[Begun]], None] | None = None,
    ) -> list[Begun]:
        """Record intents in one durable transaction, or find what stands in their place.

        A key that is new is inserted and held by us. One that was rejected starts anew when the cause was
        passing, the content is another, or the rejection is old enough. Otherwise the row is returned as it is.
        An intent on an entity whose earlier operation is not settled is not recorded.

        Args:
            intents: The intents.
            within: Seconds to wait for the answer; `TimeoutError` after that.
            orphaned: Told the answer if it comes after the caller has gone.
        """
        now = self._clock.now()
        first = self._beat_at is None
        started = self._clock.monotonic()

        def job(db: sqlite3.Connection) -> list[Begun]:
            if first:
                jobs.beat(db, self.holder, now)
            return jobs.begin(db, intents, self.holder, now)

        begun = await _within(self._writer.submit(job, orphaned=orphaned), within)
        if first:
            self._beat_at = max(started, self._beat_at or started)
        return begun

    async def finish(self, verdicts: Sequence[Verdict], *, within: float | None = None) -> list[bool]:
        """Record verdicts; False for each that came too late and changed nothing.

        Args:
            verdicts: The verdicts.
            within: Seconds to wait for the answer; `TimeoutError` after that, while the ledger goes on with it.
        """
        now = self._clock.now()
        return await _within(self._writer.submit(lambda db: jobs.finish(db, verdicts, self.holder, now)), within)

    def finish_soon(self, verdicts: Sequence[Verdict]) -> None:
        """The same without waiting. What cannot be written is kept in `unrecorded`."""
        now = self._clock.now()
        future = self._writer.submit(lambda db: jobs.finish(db, verdicts, self.holder, now))
        self._soon.add(future)

        def done(finished: asyncio.Future[list[bool]]) -> None:
            self._soon.discard(finished)
            if not finished.cancelled() and (error := finished.exception()) is not None:
                _log.error("a verdict could not be recorded yet: %s", error)
                self.unrecorded.extend(verdicts)

        future.add_done_callback(done)

    async def retry_unrecorded(self) -> None:
        """Try again to record what could not be."""
        if self.unrecorded:
            waiting, self.unrecorded = self.unrecorded, []
            try:
                await self.finish(waiting)
            except LedgerUnavailable:
                self.unrecorded = waiting + self.unrecorded
                raise

    async def note(self, decisions: Sequence[DecisionRow]) -> None:
        """Record decisions."""
        await self._writer.submit(lambda db: jobs.note(db, decisions))

    def note_soon(self, decisions: Sequence[DecisionRow]) -> None:
        """The same without waiting; a failure is logged."""
        future = self._writer.submit(lambda db: jobs.note(db, decisions))
        future.add_done_callback(_log_failure)

    def lease_is_fresh(self) -> bool:
        """Whether our last heartbeat still protects what we hold. Asks nobody."""
        if self._beat_at is None:
            return False
        return self._clock.monotonic() - self._beat_at < self._settings.lease * _TRUSTED_SHARE

    async def hold(self, operation_id: str, epoch: int) -> bool:
        """The fence: renew our lease and see whether we still hold the operation, in one transaction."""
        started, now = self._clock.monotonic(), self._clock.now()

        def job(db: sqlite3.Connection) -> bool:
            jobs.beat(db, self.holder, now)
            return jobs.holds(db, operation_id, self.holder, epoch)

        held = await self._writer.submit(job)
        self._beat_at = started
        return held

    async def claim_due(self, *, limit: int, system: str | None = None) -> list[Operation]:
        """Take over operations that are due, and those whose holder is gone; they are ours, and unknown.

        Args:
            limit: At most so many, those due first first.
            system: Of this system only.
        """
        started, now = self._clock.monotonic(), self._clock.now()
        alive_since = now - self._settings.lease
        if not await self._writer.submit(lambda db: jobs.anything_due(db, now, alive_since, system), writes=False):
            return []

        def job(db: sqlite3.Connection) -> list[Operation]:
            jobs.beat(db, self.holder, now)
            return jobs.claim_due(db, self.holder, now, alive_since, system, limit)

        claimed = await self._writer.submit(job)
        self._beat_at = started
        return claimed

    async def next_due(self) -> float | None:
        """When there will be something to claim at the earliest (seconds since the epoch), if ever."""
        alive_since = self._clock.now() - self._settings.lease
        return await self._writer.submit(
            lambda db: jobs.next_due(db, self.holder, alive_since, self._settings.lease), writes=False
        )

    async def get(self, operation_id: str) -> Operation | None:
        """One operation."""
        return await self._writer.submit(lambda db: jobs.by_id(db, operation_id), writes=False)

    async def find(
        self,
        *,
        system: str | None = None,
        action: str | None = None,
        status: Status | None = None,
        batch_id: str | None = None,
        principal: str | None = None,
        limit: int = 100,
    ) -> list[Operation]:
        """Operations that match everything given, newest first."""
        only = {
            "system": system,
            "action": action,
            "status": None if status is None else status.value,
            "batch_id": batch_id,
            "principal": principal,
        }
        return await self._writer.submit(lambda db: jobs.find(db, only, limit), writes=False)

    async def story(self, operation_id: str) -> Story | None:
        """Everything about one operation."""
        return await self._writer.submit(lambda db: jobs.story(db, operation_id), writes=False)

    async def counts(self) -> dict[tuple[str, Status], int]:
        """How many operations there are, by system and status."""
        return await self._writer.submit(jobs.counts, writes=False)

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(self._settings.lease / 3)
            if self._beat_at is None:
                continue
            started, now = self._clock.monotonic(), self._clock.now()
            try:
                await self._writer.submit(lambda db, now=now: jobs.beat(db, self.holder, now))  # type: ignore[misc]
            except LedgerUnavailable as error:
                _log.warning("no heartbeat: %s", error)
            else:
                self._beat_at = started


async def _within(future: asyncio.Future[T], seconds: float | None) -> T:
    """`asyncio.timeout` around one future, at a fraction of its cost; the job behind the future goes on."""
    if seconds is None or future.done():
        return await future
    timer = future.get_loop().call_later(seconds, _expire, future)
    try:
        return await future
    finally:
        timer.cancel()


def _expire(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(TimeoutError("the ledger did not answer in time"))


def _log_failure(finished: asyncio.Future[None]) -> None:
    if not finished.cancelled() and (error := finished.exception()) is not None:
        _log.error("a decision could not be recorded: %s", error)
