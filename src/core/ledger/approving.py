"""What a ledger does for approvals. Times are those of this process's clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..clock import Clock
from . import approval_reads, approvals, claims
from .approval_records import Approval, ApprovalStatus, Ask, Due, Edit, Released, Vote
from .database import Database
from .job import Writer
from .lease import Lease
from .records import Operation
from .times import in_our_time

_RECENT = 86_400.0  # seconds for which the end of an approval is still worth telling
_PATIENCE = 30.0  # seconds in which a process tells what it took up to tell


class Approving:
    """Approvals in a ledger. Each method raises `LedgerUnavailable` when that cannot be read or written.

    Args:
        writer: Asks the database.
        clock: The time.
        holder: Who we are.
        lease: What we hold, and until when.
        join: Called before we may hold something; raises when the ledger is closed.
    """

    def __init__(self, writer: Writer, clock: Clock, holder: str, lease: Lease, join: Callable[[], None]) -> None:
        self._writer = writer
        self._clock = clock
        self._holder = holder
        self._lease = lease
        self._join = join

    def _ours(self, found: Approval) -> Approval:
        return approval_reads.in_our_time(found, self._writer.shift)

    async def get(self, approval_id: str) -> Approval | None:
        """One approval."""
        found = await self._writer.submit(lambda db: approval_reads.by_id(db, approval_id), writes=False)
        return None if found is None else self._ours(found)

    async def of(self, operation_id: str) -> Approval | None:
        """The newest approval of an operation."""
        found = await self._writer.submit(lambda db: approval_reads.latest_of(db, operation_id), writes=False)
        return None if found is None else self._ours(found)

    async def find(
        self, *, status: ApprovalStatus | None = None, role: str | None = None, limit: int = 100
    ) -> list[Approval]:
        """Approvals that match everything given, newest first."""
        given = {"status": None if status is None else status.value, "role": role}
        only = {name: value for name, value in given.items() if value is not None}
        found = await self._writer.submit(lambda db: approval_reads.find(db, only, limit), writes=False)
        return [self._ours(one) for one in found]

    async def votes(self, approval_id: str) -> tuple[Vote, ...]:
        """What was said about an approval, in order."""
        found: tuple[Vote, ...] = await self._writer.submit(
            lambda db: approval_reads.votes_of(db, approval_id), writes=False
        )
        return found

    async def vote(self, said: Vote) -> bool:
        """Count a vote to approve; False when the approval does not wait any more, or its author voted before."""
        counted: bool = await self._writer.submit(lambda db: approvals.vote(db, said))
        return counted

    async def end(
        self,
        approval_id: str,
        status: ApprovalStatus,
        error: str,
        message: str,
        by: str,
        *,
        said: Vote | None = None,
    ) -> bool:
        """End an open approval, and its operation as rejected; False when it is not open any more.

        Args:
            approval_id: The approval.
            status: What becomes of it.
            error: JSON of the error that its operation ends with.
            message: Why, in words.
            by: Who ends it.
            said: The vote that ends it, if one does.
        """
        ended: bool = await self._writer.submit(
            lambda db: approvals.end(db, approval_id, status, error, message, by, said=said)
        )
        return ended

    async def substitute(
        self, approval_id: str, wanted: Ask, because: str, *, by: str, edit: Edit | None = None
    ) -> Approval | None:
        """Put a new approval in the place of an open one; None when that is not open any more."""
        found = await self._writer.submit(
            lambda db: approvals.substitute(db, approval_id, wanted, because, by=by, edit=edit)
        )
        return None if found is None else self._ours(found)

    async def to_release(self, limit: int) -> list[Due]:
        """Approvals that Seawall is to carry out."""
        found: list[Due] = await self._writer.submit(lambda db: approval_reads.to_release(db, limit), writes=False)
        return found

    async def overdue(self) -> list[Approval]:
        """Open approvals whose time is over."""
        found = await self._writer.submit(approval_reads.overdue, writes=False)
        return [self._ours(one) for one in found]

    async def any_open(self) -> bool:
        """Whether anything waits for people, or to be carried out."""
        found: bool = await self._writer.submit(approval_reads.any_open, writes=False)
        return found

    async def untold(self) -> list[Approval]:
        """Approvals of whose status a webhook is to be told; no other process tells it for a while."""

        async def run(db: Database) -> list[Approval]:
            return await approval_reads.untold(db, db.now - _RECENT, _PATIENCE)

        found: list[Approval] = await self._writer.submit(run)
        return [self._ours(one) for one in found]

    async def told(self, approval_id: str, status: str) -> None:
        """The webhook was told of a status."""
        await self._writer.submit(lambda db: approval_reads.told(db, approval_id, status))

    async def give_back(self, approval_id: str, epoch: int) -> bool:
        """Let a spent approval be spent again, because its operation ended without effect under `epoch`."""
        given: bool = await self._writer.submit(lambda db: approvals.give_back(db, approval_id, epoch))
        return given

    async def release(
        self, approval_id: str, seen: Operation, policy: str, within: float, abandoned: Callable[[Operation], None]
    ) -> Released:
        """Spend an approval and begin its operation, which is then ours: once, whoever else tries the same.

        Args:
            approval_id: The approval, approved.
            seen: The operation as it was checked; what has changed since is not released.
            policy: JSON of the decision that allows it now.
            within: Seconds within which we mean to see it through.
            abandoned: Told the operation if it was begun after our caller had gone.
        """
        self._join()
        started, now = self._clock.monotonic(), self._clock.now()
        deadline_at = now + within + self._writer.shift

        async def run(db: Database) -> Released:
            await claims.beat(db, self._holder)
            return await approvals.release(db, approval_id, seen, self._holder, policy, deadline_at)

        def orphaned(released: Released) -> None:
            if released.operation is not None:
                abandoned(released.operation)

        released: Released = await self._writer.submit(run, orphaned=orphaned)
        self._lease.renew(started, now)
        if released.operation is None:
            return released
        self._lease.held.add((released.operation.id, released.operation.epoch))
        return replace(released, operation=in_our_time(released.operation, self._writer.shift))
