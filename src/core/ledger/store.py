"""The ledger: the durable record of operations. Intent before the first byte, outcome after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..clock import Sources
from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from . import jobs
from .connection import connect
from .database import Database
from .patience import Patience
from .records import Begun, DecisionRow, Intent, Operation, Status, Story, Verdict
from .unrecorded import Unrecorded
from .writer import ROW, Writer

T = TypeVar("T")

_log = logging.getLogger("seawall.ledger")

_FORGET_AFTER = 86_400.0  # seconds without life, longer than any clock is wrong; then a holder's row is removed
_TRUSTED_SHARE = 0.8  # of the lease: within it our last heartbeat still protects what we are about to send


class Ledger:
    """Operations, kept in one SQLite file that several processes may share. Made by `open`.

    Every method that asks the database raises `LedgerUnavailable` when it cannot be read or written.
    """

    def __init__(self, writer: Writer, settings: LedgerSettings, sources: Sources) -> None:
        self.holder = sources.new_id("holder")
        self.unrecorded = Unrecorded()
        self._writer = writer
        self._settings = settings
        self._clock = sources.clock
        self._patience = Patience()
        self._beat_at: float | None = None  # monotonic
        self._beat_now = 0.0  # the same moment as the other processes see it
        self._held: set[tuple[str, int]] = set()  # operations by id and epoch
        self._doubtful: set[tuple[str, int]] = set()  # those we held while our lease had lapsed
        self._joined = False
        self._closed = False
        self._beating: asyncio.Task[None] | None = None

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
        connection, describe = connect(settings) if inline else await asyncio.to_thread(connect, settings)
        ledger = cls(Writer(connection, describe, busy_timeout=settings.busy_timeout, inline=inline), settings, sources)
        if heartbeat:
            ledger._beating = asyncio.create_task(ledger._beat(), name="seawall heartbeat")
        return ledger

    async def close(self) -> None:
        """Record what is queued, give up what is held, and close the file."""
        self._closed = True
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        for step in (self._record_the_rest, self._leave):
            try:
                await step()
            except LedgerUnavailable as error:
                _log.warning("the ledger could not be left in good order: %s", error)
        await self._writer.close()

    async def _leave(self) -> None:
        self._beat_at = None
        if self._joined:
            self._joined = False
            await self._writer.submit(lambda db: jobs.leave(db, self.holder))

    def _join(self) -> None:
        """We may hold something from now on.

        Raises:
            LedgerUnavailable: The ledger is closed.
        """
        if self._closed:
            raise LedgerUnavailable("the ledger is closed", code="ledger_closed")
        self._joined = True

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
        self._join()
        started, now = self._clock.monotonic(), self._clock.now()
        late = not self._protected()

        def job(db: Database) -> list[Begun]:
            if late:
                jobs.beat(db, self.holder, now)
            return jobs.begin(db, intents, self.holder, now)

        future = self._writer.submit(job, orphaned=orphaned, lonely=not self._held)
        try:
            begun = await self._patience.wait(future, within)
        except asyncio.CancelledError:
            if orphaned is not None and future.done() and not future.cancelled() and future.exception() is None:
                orphaned(future.result())  # cancelled between the answer and its caller's next step
            raise
        if late:
            self._renewed(started, now)
        self._held.update([(one.operation.id, one.operation.epoch) for one in begun if one.fresh])
        return begun

    async def finish(self, verdicts: Sequence[Verdict], *, within: float | None = None) -> list[bool]:
        """Record verdicts; False for each that came too late and changed nothing.

        What cannot be written is kept in `unrecorded`, also when nobody waits for it any more.

        Args:
            verdicts: The verdicts.
            within: Seconds to wait for the answer; `TimeoutError` after that, while the ledger goes on with it.
        """
        try:
            return await self._patience.wait(self._record(verdicts), within)
        except (LedgerUnavailable, TimeoutError):
            raise
        except Exception as error:
            raise LedgerUnavailable(
                f"a verdict could not be recorded ({type(error).__name__}); it is kept and tried again", code=ROW
            ) from error

    def finish_soon(self, verdicts: Sequence[Verdict]) -> None:
        """The same without waiting."""
        self._record(verdicts).add_done_callback(_look_away)

    async def retry_unrecorded(self) -> None:
        """Try again to record what could not be; each for itself, so that none stands in the way of the others.

        What the database refuses, although it is well, is tried more and more rarely and raises nothing here.
        """
        await self._record_again(self.unrecorded.due(self._clock.monotonic()))

    async def _record_the_rest(self) -> None:
        await self._record_again(list(self.unrecorded))

    async def _record_again(self, verdicts: Sequence[Verdict]) -> None:
        # The first one shows whether the ledger is back; until then the others need not try.
        for some in (verdicts[:1], verdicts[1:]):
            trying = [self._record([verdict]) for verdict in some]
            for future in trying:
                future.add_done_callback(_look_away)
            for error in await asyncio.gather(*trying, return_exceptions=True):
                if isinstance(error, LedgerUnavailable) and error.code != ROW:
                    raise error

    def _record(self, verdicts: Sequence[Verdict]) -> asyncio.Future[list[bool]]:
        now = self._clock.now()
        for verdict in verdicts:
            self._held.discard((verdict.operation_id, verdict.epoch))
            self._doubtful.discard((verdict.operation_id, verdict.epoch))
        if self.unrecorded:
            self.unrecorded.take(verdicts)

        def failed(error: BaseException) -> None:
            away = isinstance(error, LedgerUnavailable) and error.code != ROW
            _log.error("a verdict could not be recorded yet: %s", error if away else repr(error))
            # Of several, nobody knows which one was refused; each is tried for itself next.
            refused_at = None if away or len(verdicts) > 1 else self._clock.monotonic()
            self.unrecorded.keep(verdicts, refused_at=refused_at)

        def job(db: Database) -> list[bool]:
            return jobs.finish(db, verdicts, self.holder, now)

        return self._writer.submit(job, failed=failed, lonely=not self._held)

    async def note(self, decisions: Sequence[DecisionRow]) -> None:
        """Record decisions."""
        await self._writer.submit(lambda db: jobs.note(db, decisions))

    def note_soon(self, decisions: Sequence[DecisionRow]) -> None:
        """The same without waiting; a failure is logged."""
        future = self._writer.submit(lambda db: jobs.note(db, decisions))
        future.add_done_callback(_log_failure)

    def lease_is_fresh(self) -> bool:
        """Whether our last heartbeat still protects everything that we hold. Asks nobody.

        After a heartbeat that came too late, another process may have taken over any operation held until then.
        The answer is then no until each of those is finished or was asked about with `hold`.
        """
        return not self._doubtful and not self._closed and self._protected()

    def _protected(self) -> bool:
        # By both clocks: other processes judge by the wall clock, which jumps when it is set or the machine sleeps.
        if self._beat_at is None:
            return False
        trusted = self._settings.lease * _TRUSTED_SHARE
        return self._clock.monotonic() - self._beat_at < trusted and self._clock.now() - self._beat_now < trusted

    def _renewed(self, started: float, now: float) -> None:
        """A heartbeat of that moment is durable."""
        if self._beat_at is not None and not self._protected():
            self._doubtful |= self._held
        self._beat_at, self._beat_now = started, now

    async def hold(self, operation_id: str, epoch: int) -> bool:
        """The fence: renew our lease and see whether we still hold the operation, in one transaction."""
        self._join()
        for _ in range(2):  # once more if we were paused between the transaction and its answer
            started, now = self._clock.monotonic(), self._clock.now()

            def job(db: Database, now: float = now) -> bool:
                jobs.beat(db, self.holder, now)
                return jobs.holds(db, operation_id, self.holder, epoch)

            held = await self._writer.submit(job)
            self._renewed(started, now)
            if not held:
                self._held.discard((operation_id, epoch))
            if not held or self._protected():
                self._doubtful.discard((operation_id, epoch))
                return held
        return False

    async def claim_due(
        self, *, limit: int, system: str | None = None, attempt_timeout: float = 0.0
    ) -> list[Operation]:
        """Take over operations that are due, and those whose holder is gone; they are ours, and unknown.

        Args:
            limit: At most so many, those due first first.
            system: Of this system only.
            attempt_timeout: Seconds for which bytes of a holder that is gone may still leave after this moment: an
                attempt is fenced when it begins. The operation counts as last sent that much later.
        """
        self._join()
        started, now = self._clock.monotonic(), self._clock.now()
        alive_since = now - self._settings.lease
        if not await self._writer.submit(lambda db: jobs.anything_due(db, now, alive_since, system), writes=False):
            return []

        taken: list[Operation] = []

        def job(db: Database) -> list[Operation]:
            if kept := [one for one in taken if jobs.holds(db, one.id, self.holder, one.epoch)]:
                return kept  # the acknowledgement of our own commit was lost
            jobs.beat(db, self.holder, now)
            taken[:] = jobs.claim_due(db, self.holder, now, alive_since, system, limit, attempt_timeout)
            jobs.forget_holders(db, now - _FORGET_AFTER)
            return list(taken)

        claimed = await self._writer.submit(job)
        self._renewed(started, now)
        self._held.update([(operation.id, operation.epoch) for operation in claimed])
        return claimed

    async def next_due(self, *, system: str | None = None) -> float | None:
        """When there will be something to claim at the earliest (seconds since the epoch), if ever.

        Args:
            system: Of this system only.
        """
        lease = self._settings.lease
        return await self._writer.submit(lambda db: jobs.next_due(db, self.holder, lease, system), writes=False)

    async def resolve(self, verdict: Verdict, decision: DecisionRow) -> bool:
        """Record what a person established about an operation that is unknown or parked, and that nobody holds.

        Its epoch grows, so that nobody who held it before can overwrite that. One that becomes `UNKNOWN` is looked at
        as if for the first time.

        Args:
            verdict: The new status under the epoch that the person saw; its attempts and probes are not recorded.
            decision: Who decided it, and why.

        Returns:
            False when it is held, settled or has changed since that epoch; then nothing is recorded.
        """
        now = self._clock.now()
        return await self._writer.submit(lambda db: jobs.resolve(db, verdict, decision, now))

    async def get(self, operation_id: str) -> Operation | None:
        """One operation."""
        return await self._writer.submit(lambda db: jobs.by_id(db, operation_id), writes=False)

    async def undoing(self, operation_id: str) -> Operation | None:
        """The operation that compensates `operation_id`, or is about to; None if there is none, or it was rejected."""
        return await self._writer.submit(lambda db: jobs.undoing(db, operation_id), writes=False)

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

            def job(db: Database, now: float = now) -> None:
                jobs.beat(db, self.holder, now)
                jobs.forget_holders(db, now - _FORGET_AFTER)

            try:
                await self._writer.submit(job)
            except LedgerUnavailable as error:
                _log.warning("no heartbeat: %s", error)
            else:
                self._renewed(started, now)


def _look_away(finished: asyncio.Future[Any]) -> None:
    if not finished.cancelled():
        finished.exception()  # what failed is kept in `unrecorded`


def _log_failure(finished: asyncio.Future[None]) -> None:
    if not finished.cancelled() and (error := finished.exception()) is not None:
        _log.error("a decision could not be recorded: %s", error)
