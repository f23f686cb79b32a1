"""Approvals in the ledger: asked for with the intent, decided by votes, spent in the transaction that begins the write.

An approval and its operation change together or not at all, so that a process that ends in between leaves neither an
approval that was spent for nothing nor an operation that was begun without one.
"""

from __future__ import annotations

from dataclasses import replace

from . import approval_events
from .approval_reads import by_id, latest_of
from .approval_records import Approval, ApprovalStatus, Ask, Edit, Released, Vote
from .database import Database
from .reads import by_id as operation_by_id
from .reads import operation as operation_of
from .records import DecisionRow, Operation, Status
from .verdicts import note

_ALWAYS = -1e300  # earlier than any time


async def ask(
    db: Database,
    operation: Operation,
    wanted: Ask,
    *,
    earlier: Approval | None = None,
    because: str | None = None,
    edited_by: str | None = None,
    by: str = "policy",
) -> Approval:
    """Record that people are asked.

    Args:
        db: The ledger.
        operation: What is held.
        wanted: What they are asked.
        earlier: The approval in whose place this one comes.
        because: JSON: why.
        edited_by: Who changed the request since.
        by: Who or what causes it.
    """
    now = db.now
    status = ApprovalStatus.WAITING if wanted.quorum > 0 else ApprovalStatus.APPROVED
    asked = Approval(
        id=wanted.id,
        operation_id=operation.id,
        status=status,
        role=wanted.role,
        quorum=wanted.quorum,
        executed_by=wanted.executed_by,
        reason=wanted.reason,
        digest=wanted.digest,
        shown=wanted.shown,
        asked_digest=operation.digest if earlier is None else earlier.asked_digest,
        edited_by=edited_by,
        replaces=None if earlier is None else earlier.id,
        because=because,
        requested_at=now,
        expires_at=now + wanted.lasts,
        tell_at=now,
    )
    values = {name: getattr(asked, name) for name in asked.__dataclass_fields__}
    await db.run(db.sql.approving.insert, db.sql.approving.insert.values(**values))
    approval_events.asked(db, asked, _salt(operation))
    people = f"{wanted.quorum} of {wanted.role}" if wanted.quorum else "nobody any more"
    await note(db, [DecisionRow(operation.id, now, by, "approval_asked", f"{wanted.id}: {people}", because or "{}")])
    db.changed.append(operation.id)
    return asked


async def vote(db: Database, said: Vote) -> bool:
    """Count a vote to approve; False when the approval does not wait any more, or whoever it is voted before."""
    await db.lock([f"approval\0{said.approval_id}"])
    standing = await by_id(db, said.approval_id)
    if standing is None or standing.status is not ApprovalStatus.WAITING or standing.expires_at <= db.now:
        return False
    operation = await _operation(db, standing)
    if not await _cast(db, said, standing, operation):
        return False
    statement = db.sql.approving.approvers
    (approvers,) = (await db.run(statement, statement.values(id=said.approval_id))).fetchone()
    await note(db, [DecisionRow(standing.operation_id, db.now, said.by, "approve", said.message, _about(standing))])
    if approvers >= standing.quorum:
        await _move(db, standing, operation, ApprovalStatus.APPROVED, None)
    return True


async def end(
    db: Database,
    approval_id: str,
    status: ApprovalStatus,
    error: str,
    message: str,
    by: str,
    *,
    said: Vote | None = None,
    after: float | None = None,
) -> bool:
    """End an open approval, and its operation as rejected; False when it is not open any more.

    Args:
        db: The ledger.
        approval_id: The approval.
        status: What becomes of it.
        error: JSON of the error that its operation ends with.
        message: Why, in words.
        by: Who ends it.
        said: The vote that ends it, if one does.
        after: Only if it has not expired at this time; at any time if None.
    """
    await db.lock([f"approval\0{approval_id}"])
    standing = await by_id(db, approval_id)
    if standing is None or not standing.status.open:
        return False
    operation = await _operation(db, standing)
    if not await _move(db, standing, operation, status, message, after=after):
        return False
    if said is not None:
        await _cast(db, said, standing, operation)
    await _refuse(db, operation, error)
    await note(db, [DecisionRow(standing.operation_id, db.now, by, f"approval_{status}", message, _about(standing))])
    db.changed.append(standing.operation_id)
    return True


async def substitute(
    db: Database, approval_id: str, wanted: Ask, because: str, *, by: str, edit: Edit | None = None
) -> Approval | None:
    """Put a new approval in the place of an open one; None when that is not open any more.

    Args:
        db: The ledger.
        approval_id: The approval whose place is taken.
        wanted: What people are asked now.
        because: JSON: why.
        by: Who or what causes it.
        edit: The new content, if it was edited.
    """
    await db.lock([f"approval\0{approval_id}"])
    standing = await by_id(db, approval_id)
    if standing is None:
        return None
    if standing.status is ApprovalStatus.REPLACED:  # perhaps by ourselves, in a commit whose acknowledgement was lost
        newest = await latest_of(db, standing.operation_id)
        return newest if newest is not None and newest.id == wanted.id else None
    operation = await _operation(db, standing)
    if operation.status is not Status.HELD or not standing.status.open:
        return None
    if not await _move(db, standing, operation, ApprovalStatus.REPLACED, None):
        return None
    if edit is not None:
        operation = await _edit(db, operation, edit)
        await note(db, [DecisionRow(operation.id, db.now, edit.by, "edit", "the request was changed", because)])
    edited_by = standing.edited_by if edit is None else edit.by
    return await ask(db, operation, wanted, earlier=standing, because=because, edited_by=edited_by, by=by)


async def release(
    db: Database, approval_id: str, seen: Operation, holder: str, policy: str, deadline_at: float
) -> Released:
    """Spend an approval and begin its operation, in one transaction: once, whoever else tries the same.

    Args:
        db: The ledger.
        approval_id: The approval, approved.
        seen: The operation as it was checked; what has changed since is not released.
        holder: Who will send it.
        policy: JSON of the decision that allows it now.
        deadline_at: Until when its holder means to answer.
    """
    if seen.entity is not None:
        await db.lock([f"{seen.system}\0{seen.entity}"])
        blocked = db.sql.unsettled_on_entity
        values = blocked.values(system=seen.system, entity=seen.entity, key=seen.key)
        if (row := (await db.run(blocked, values)).fetchone()) is not None:
            return Released(blocked_by=operation_of(row))
    await db.lock([f"approval\0{approval_id}"])
    standing = await by_id(db, approval_id)
    if standing is None:
        return Released()
    # It may have been spent, and given back, since it was looked at: then it is looked at again.
    if not await _is_as_seen(db, seen) or not await _move(
        db, standing, seen, ApprovalStatus.SPENT, None, only=ApprovalStatus.APPROVED, after=db.now
    ):
        return Released(await _already_ours(db, standing, seen, policy))
    statement = db.sql.approving.release
    values = statement.values(
        which=seen.id,
        under=seen.epoch,
        same=seen.digest,
        holder=holder,
        policy=policy,
        deadline_at=deadline_at,
        now=db.now,
    )
    if (await db.run(statement, values)).rowcount != 1:
        raise RuntimeError(f"the operation {seen.id} changed although its approval {approval_id} was open")
    await note(db, [DecisionRow(seen.id, db.now, "seawall", "approval_spent", approval_id, _about(standing))])
    db.changed.append(seen.id)
    begun = await _operation(db, standing)
    approval_events.released(db, begun)
    return Released(begun)


async def give_back(db: Database, approval_id: str, epoch: int) -> bool:
    """Let a spent approval be spent again, because nothing of its operation was sent, or what was had no effect.

    Args:
        db: The ledger.
        approval_id: The approval.
        epoch: The epoch under which its operation ended as rejected.

    Returns:
        False when that is not so: it has expired, or the operation has gone on since. Then nothing is changed.
    """
    await db.lock([f"approval\0{approval_id}"])
    standing = await by_id(db, approval_id)
    if standing is None or standing.status is not ApprovalStatus.SPENT:
        return False
    operation = await _operation(db, standing)
    if (operation.status, operation.epoch) != (Status.REJECTED, epoch):
        return False
    if not await _move(db, standing, operation, ApprovalStatus.APPROVED, None, only=ApprovalStatus.SPENT, after=db.now):
        return False
    statement = db.sql.approving.hold_again
    await db.run(statement, statement.values(which=operation.id, under=epoch, now=db.now))
    held = replace(operation, status=Status.HELD, epoch=epoch + 1, error=None)
    approval_events.held_again(db, held)
    reason = "nothing was sent, or what was sent had no effect: it is tried again"
    await note(db, [DecisionRow(operation.id, db.now, "seawall", "approval_given_back", reason, _about(standing))])
    db.changed.append(operation.id)
    return True


async def _is_as_seen(db: Database, seen: Operation) -> bool:
    found = await operation_by_id(db, seen.id)
    return found is not None and (found.status, found.epoch, found.digest) == (Status.HELD, seen.epoch, seen.digest)


async def _already_ours(db: Database, standing: Approval, seen: Operation, policy: str) -> Operation | None:
    """The operation, if this very attempt released it in a commit whose acknowledgement was lost.

    The decision that allowed it has an id of its own: another attempt of the same process must not send it, too.
    """
    found = await operation_by_id(db, seen.id)
    ours = (
        standing.status is ApprovalStatus.SPENT
        and found is not None
        and (found.status, found.policy, found.epoch) == (Status.RUNNING, policy, seen.epoch + 1)
    )
    return found if ours else None


async def _operation(db: Database, standing: Approval) -> Operation:
    found = await operation_by_id(db, standing.operation_id)
    if found is None:
        raise RuntimeError(f"the operation {standing.operation_id} of {standing.id} is not in the ledger")
    return found


def _salt(operation: Operation) -> str:
    assert operation.salt is not None  # only what is settled is erased, and what is held began with one
    return operation.salt


async def _edit(db: Database, operation: Operation, edit: Edit) -> Operation:
    statement = db.sql.approving.edit
    values = statement.values(
        which=operation.id,
        under=operation.epoch,
        request=edit.request,
        digest=edit.digest,
        entity=edit.entity,
        policy=edit.policy,
        now=db.now,
    )
    await db.run(statement, values)
    edited = replace(
        operation,
        epoch=operation.epoch + 1,
        request=edit.request,
        digest=edit.digest,
        entity=edit.entity,
        policy=edit.policy,
    )
    approval_events.edited(db, edited)
    return edited


async def _refuse(db: Database, operation: Operation, error: str) -> None:
    """End an operation that is held. One that may have been sent after a backup was made is looked up first."""
    if operation.status is not Status.HELD:
        return
    never_sent = operation.sent_at is None
    status = Status.REJECTED if never_sent else Status.UNKNOWN
    statement = db.sql.approving.refuse
    values = statement.values(
        which=operation.id,
        under=operation.epoch,
        new_status=status,
        next_check_at=None if never_sent else db.now,
        error=error,
        now=db.now,
    )
    await db.run(statement, values)
    approval_events.refused(db, replace(operation, epoch=operation.epoch + 1), status, error)


async def _cast(db: Database, said: Vote, standing: Approval, operation: Operation) -> bool:
    said = replace(said, at=db.now)
    values = {name: getattr(said, name) for name in said.__dataclass_fields__}
    insert = db.sql.approving.insert_vote
    if (await db.run(insert, insert.values(**values))).rowcount != 1:
        return False
    approval_events.voted(db, said, standing, _salt(operation))
    return True


async def _move(
    db: Database,
    standing: Approval,
    operation: Operation,
    status: ApprovalStatus,
    message: str | None,
    *,
    only: ApprovalStatus | None = None,
    after: float | None = None,
) -> bool:
    now = db.now
    moved = replace(standing, status=status, message=message, ended_at=None if status.open else now)
    statement = db.sql.approving.move
    values = statement.values(
        which=standing.id,
        was=only or ApprovalStatus.WAITING,
        or_was=only or ApprovalStatus.APPROVED,
        after=_ALWAYS if after is None else after,
        new_status=status,
        ended_at=moved.ended_at,
        message=message,
        now=now,
    )
    if (await db.run(statement, values)).rowcount != 1:
        return False
    approval_events.moved(db, moved, _salt(operation))
    return True


def _about(standing: Approval) -> str:
    return f'{{"approval_id":"{standing.id}","digest":"{standing.digest}"}}'
