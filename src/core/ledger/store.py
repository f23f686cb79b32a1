"""The ledger: the durable record of operations. Intent before the first byte, outcome after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from ..clock import Sources
from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from . import claims, restores, usages
from .approving import Approving
from .audit import Chain
from .auditing import Auditing
from .changes import Changes
from .database import Database, Many
from .intents import begin as record_intents
from .job import ROW, Writer
from .lease import Lease
from .opening import open_writer
from .overriding import Overriding
from .patience import Patience
from .recording import Recording, look_away
from .records import Begun, DecisionRow, Intent, Operation, Restore, Status, Verdict
from .unrecorded import Unrecorded
from .verdicts import finish as record_verdicts
from .verdicts import resolve as record_resolution

_log = logging.getLogger("seawall.ledger")

_SWEEP_EVERY = 3600.0  # seconds between two looks for uses of rates that count no more


class Ledger(Auditing):
    """Operations, kept where several processes may share them: in an SQLite file, or in PostgreSQL. Made by `open`.

    Every method that asks the database raises `LedgerUnavailable` when it cannot be read or written.
    """

    def __init__(
        self, writer: Writer, changes: Changes, chain: Chain, settings: LedgerSettings, sources: Sources
    ) -> None:
        super().__init__(writer, chain)
        self.holder = chain.name
        self._changes = changes
        self._settings = settings
        self._clock = sources.clock
        self._patience = Patience()
        self._lease = Lease(sources.clock, settings.lease)
        self.approvals = Approving(writer, sources.clock, self.holder, self._lease, self._join)
        """What is held until people approve it."""
        self.overrides = Overriding(writer)
        """What people stopped."""
        self._recording = Recording(
            writer, sources.clock, self._lease, self._record_verdicts, lambda: self._go_on("recording", self._retry)
        )
        self._joined = False
        self._closed = False
        self._serves = False
        self._sweep_at = 0.0
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @classmethod
    async def open(
        cls, settings: LedgerSettings, sources: Sources, *, inline: bool = False, heartbeat: bool = True
    ) -> Ledger:
        """Open it, and make its tables if there are none.

        Args:
            settings: See `LedgerSettings`.
            sources: Clock and ids.
            inline: Work in the calling thread, without one of its own; for an SQLite file only.
            heartbeat: Show life while open, and try again by itself what could not be recorded; False for a reader.

        Raises:
            LedgerUnavailable: It cannot be used; the message says what to do.
        """
        changes, chain = Changes(sources.clock), Chain(sources.new_id("holder"), sources.new_salt)
        writer = await open_writer(settings, sources.clock, chain, changes, inline=inline)
        ledger = cls(writer, changes, chain, settings, sources)
        if heartbeat:
            ledger._serves = True
            ledger._go_on("heartbeat", ledger._beat)
        return ledger

    @property
    def writer(self) -> Writer:
        """Runs the ledger's jobs; for who looks on, or stands in for a database that fails."""
        return self._writer

    @property
    def recording(self) -> Recording:
        """Through which every verdict goes, waited for or not; for who looks on."""
        return self._recording

    async def close(self) -> None:
        """Record what is queued, give up what is held, and close."""
        self._closed = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for step in (self._recording.record_the_rest, self._leave):
            try:
                await step()
            except LedgerUnavailable as error:
                _log.warning("the ledger could not be left in good order: %s", error)
        await self._writer.close()

    async def _leave(self) -> None:
        self._lease.leave()
        if self._joined:
            self._joined = False
            await self._writer.submit(lambda db: claims.leave(db, self.holder))

    def _join(self) -> None:
        """We may hold something from now on.

        Raises:
            LedgerUnavailable: The ledger is closed.
        """
        if self._closed:
            raise LedgerUnavailable("the ledger is closed", code="ledger_closed")
        self._joined = True

    def _go_on(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work on something beside the calls, unless that is being done."""
        if self._serves and not self._closed and (name not in self._tasks or self._tasks[name].done()):
            self._tasks[name] = asyncio.create_task(work(), name=f"seawall {name}")

    # Operations that begin --------------------------------------------------------------------------------------

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
        late = not self._lease.protects()

        async def alive_again(db: Database) -> list[Begun]:
            await claims.beat(db, self.holder)
            return await record_intents(db, intents, self.holder)

        run = alive_again if late else Many(self._record_intents, intents, early=False)
        future = self._writer.submit(run, orphaned=orphaned, lonely=not self._lease.held)
        try:
            begun: list[Begun] = await self._patience.wait(future, within)
            if self._writer.shift:
                begun = [self._begun_in_our_time(one) for one in begun]
        except asyncio.CancelledError:
            if orphaned is not None and future.done() and not future.cancelled() and future.exception() is None:
                orphaned(future.result())  # cancelled between the answer and its caller's next step
            raise
        if late:
            self._lease.renew(started, now)
        self._lease.held.update([(one.operation.id, one.operation.epoch) for one in begun if one.fresh])
        return begun

    def _begun_in_our_time(self, begun: Begun) -> Begun:
        free = {rule: at - self._writer.shift for rule, at in begun.used_up.items()}
        return replace(begun, operation=self._in_our_time(begun.operation), used_up=free)

    def _record_intents(self, db: Database, intents: Sequence[Intent]) -> Coroutine[Any, Any, list[Begun]]:
        return record_intents(db, intents, self.holder)

    # Verdicts ---------------------------------------------------------------------------------------------------

    async def finish(self, verdicts: Sequence[Verdict], *, within: float | None = None) -> list[bool]:
        """Record verdicts; False for each that came too late and changed nothing.

        What cannot be written is kept in `unrecorded`, also when nobody waits for it any more.

        Args:
            verdicts: The verdicts.
            within: Seconds to wait for the answer; `TimeoutError` after that, while the ledger goes on with it.
        """
        try:
            return await self._patience.wait(self._recording.record(verdicts), within)
        except (LedgerUnavailable, TimeoutError):
            raise
        except Exception as error:
            raise LedgerUnavailable(
                f"a verdict could not be recorded ({type(error).__name__}); it is kept and tried again", code=ROW
            ) from error

    def finish_soon(self, verdicts: Sequence[Verdict]) -> None:
        """The same without waiting."""
        self._recording.record(verdicts).add_done_callback(look_away)

    async def retry_unrecorded(self) -> None:
        """Try again to record what could not be; each for itself, so that none stands in the way of the others.

        What the database refuses, although it is well, is tried more and more rarely and raises nothing here.
        """
        await self._recording.record_due()

    @property
    def unrecorded(self) -> Unrecorded:
        """Verdicts that could not be recorded yet."""
        return self._recording.unrecorded

    async def _retry(self) -> None:
        await self._recording.record_until_done()

    def _record_verdicts(self, db: Database, verdicts: Sequence[Verdict]) -> Coroutine[Any, Any, list[bool]]:
        return record_verdicts(db, verdicts, self.holder)

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
        resolved: bool = await self._writer.submit(lambda db: record_resolution(db, verdict, decision))
        return resolved

    # Who holds what ---------------------------------------------------------------------------------------------

    def lease_is_fresh(self) -> bool:
        """Whether our last heartbeat still protects everything that we hold. Asks nobody.

        After a heartbeat that came too late, another process may have taken over any operation held until then.
        The answer is then no until each of those is finished or was asked about with `hold`.
        """
        return not self._closed and self._lease.protects_all()

    def still_holds(self, operation_id: str, epoch: int) -> bool:
        """Whether our last heartbeat still protects this one operation, without a gap since we took it. Asks nobody.

        Args:
            operation_id: The operation.
            epoch: The epoch under which we took it.
        """
        return not self._closed and self._lease.protects_one(operation_id, epoch)

    async def hold(self, operation_id: str, epoch: int) -> bool:
        """The fence: renew our lease and see whether we still hold the operation, in one transaction."""
        self._join()

        async def run(db: Database) -> bool:
            await claims.beat(db, self.holder)
            return await claims.holds(db, operation_id, self.holder, epoch)

        for _ in range(2):  # once more if we were paused between the transaction and its answer
            started, now = self._clock.monotonic(), self._clock.now()
            held: bool = await self._writer.submit(run)
            self._lease.renew(started, now)
            if not held:
                self._lease.held.discard((operation_id, epoch))
            if not held or self._lease.protects():
                self._lease.doubtful.discard((operation_id, epoch))
                return held
        return False

    async def check(self) -> None:
        """See that it can be written and read now, by showing that we are alive.

        Raises:
            LedgerUnavailable: It cannot.
        """
        self._join()
        started, now = self._clock.monotonic(), self._clock.now()
        await self._writer.submit(lambda db: claims.beat(db, self.holder))
        self._lease.renew(started, now)

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
        lease = self._settings.lease
        if not await self._writer.submit(lambda db: claims.anything_due(db, lease, system), writes=False):
            return []
        taken: list[Operation] = []

        async def run(db: Database) -> list[Operation]:
            if kept := [one for one in taken if await claims.holds(db, one.id, self.holder, one.epoch)]:
                return kept  # the acknowledgement of our own commit was lost
            await claims.beat(db, self.holder)
            taken[:] = await claims.claim_due(db, self.holder, lease, system, limit, attempt_timeout)
            await claims.forget_holders(db)
            return list(taken)

        claimed: list[Operation] = await self._writer.submit(run, orphaned=self._give_back)
        self._lease.renew(started, now)
        self._lease.held.update([(operation.id, operation.epoch) for operation in claimed])
        return [self._in_our_time(operation) for operation in claimed]

    def _give_back(self, claimed: Sequence[Operation]) -> None:
        """Whoever wanted them has gone: they are due again."""
        self.finish_soon(
            [
                Verdict(one.id, one.epoch, Status.UNKNOWN, error=one.error, next_check_at=one.next_check_at)
                for one in claimed
            ]
        )

    async def next_due(self, *, system: str | None = None) -> float | None:
        """When there will be something to claim at the earliest (seconds since the epoch), if ever.

        Args:
            system: Of this system only.
        """
        lease = self._settings.lease
        due: float | None = await self._writer.submit(
            lambda db: claims.next_due(db, self.holder, lease, system), writes=False
        )
        return None if due is None else due - self._writer.shift

    async def _beat(self) -> None:
        async def run(db: Database) -> None:
            await claims.beat(db, self.holder)
            await claims.forget_holders(db)
            if self._clock.monotonic() >= self._sweep_at:
                self._sweep_at = self._clock.monotonic() + _SWEEP_EVERY
                await usages.forget(db)

        while True:
            await self._clock.sleep(self._settings.lease / 3)
            if not self._lease.shown:
                continue
            started, now = self._clock.monotonic(), self._clock.now()
            try:
                await self._writer.submit(run)
            except LedgerUnavailable as error:
                _log.warning("no heartbeat: %s", error)
            else:
                self._lease.renew(started, now)

    # Looking up -------------------------------------------------------------------------------------------------

    async def changed(self, operation_id: str, timeout: float) -> None:
        """Wait until an operation may have changed, whichever process changed it; then ask again.

        With PostgreSQL the process that changes it says so. With SQLite only this process's own changes are heard,
        and for those of others this is a pause; so keep `timeout` short there.

        Args:
            operation_id: The operation, also one that blocks an entity.
            timeout: Seconds after which this returns in any case.
        """
        self._writer.listen()
        await self._changes.wait(operation_id, timeout)

    async def restored(self, backup_at: float, *, until: float | None = None) -> tuple[Restore, int]:
        """Record that the ledger was just restored from a backup. Nobody else may work on it meanwhile.

        From now on a request that the ledger does not know counts as possibly sent since the backup was made, and
        so does every operation that the backup has as running, unknown or parked.

        Args:
            backup_at: When the backup was made (seconds since the epoch).
            until: Until when an unknown request counts as possibly sent; None for ever.

        Returns:
            What was recorded, and how many operations of the backup count as possibly sent.

        Raises:
            InvalidRequest: The times cannot be right, or somebody works on the ledger.
        """
        lease = self._settings.lease
        found: tuple[Restore, int] = await self._writer.submit(lambda db: restores.record(db, backup_at, until, lease))
        return found
