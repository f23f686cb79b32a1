"""Looking approvals up, and telling a webhook of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .approval_records import Approval, ApprovalStatus, Due, Vote
from .database import Database


def approval(row: Sequence[Any]) -> Approval:
    """A row of `approvals`."""
    values = list(row)
    values[2] = ApprovalStatus(values[2])
    return Approval(*values)


async def by_id(db: Database, approval_id: str) -> Approval | None:
    """One approval."""
    statement = db.sql.approving.by_id
    row = (await db.run(statement, statement.values(id=approval_id))).fetchone()
    return None if row is None else approval(row)


async def latest_of(db: Database, operation_id: str) -> Approval | None:
    """The newest approval of an operation."""
    statement = db.sql.approving.latest_of
    row = (await db.run(statement, statement.values(id=operation_id))).fetchone()
    return None if row is None else approval(row)


async def votes_of(db: Database, approval_id: str) -> tuple[Vote, ...]:
    """What was said about an approval, in order."""
    statement = db.sql.approving.votes
    return tuple([Vote(*row) for row in (await db.run(statement, statement.values(id=approval_id))).fetchall()])


async def find(db: Database, only: dict[str, str], limit: int) -> list[Approval]:
    """Approvals by `status` and `role`, newest first."""
    statement = db.sql.approving.find(*only)
    values = statement.values(most=limit, **{f"only_{name}": value for name, value in only.items()})
    return [approval(row) for row in (await db.run(statement, values)).fetchall()]


async def to_release(db: Database, limit: int) -> list[Due]:
    """Approvals that Seawall is to carry out, those asked for first first."""
    statement = db.sql.approving.to_release
    return [Due(*row) for row in (await db.run(statement, statement.values(most=limit))).fetchall()]


async def overdue(db: Database) -> list[Approval]:
    """Open approvals whose time is over."""
    statement = db.sql.approving.overdue
    return [approval(row) for row in (await db.run(statement, statement.values(now=db.now))).fetchall()]


async def any_open(db: Database) -> bool:
    """Whether anything waits for people, or to be carried out."""
    statement = db.sql.approving.any_open
    return (await db.run(statement, statement.values())).fetchone() is not None


async def untold(db: Database, since: float, patience: float) -> list[Approval]:
    """Approvals of whose status a webhook is to be told; put off for others until `patience` seconds from now."""
    statement, now = db.sql.approving.untold, db.now
    found = [approval(row) for row in (await db.run(statement, statement.values(now=now, since=since))).fetchall()]
    put_off = db.sql.approving.put_off
    rows = [put_off.values(which=one.id, was=one.tell_at, until=now + patience) for one in found]
    answers = await db.each(put_off, rows)
    return [one for one, answer in zip(found, answers, strict=True) if answer.rowcount == 1]


async def told(db: Database, approval_id: str, status: str) -> None:
    """The webhook was told of a status."""
    await db.run(db.sql.approving.told, db.sql.approving.told.values(which=approval_id, said=status))


def in_our_time(found: Approval, shift: float) -> Approval:
    """An approval with times by this process's clock.

    Args:
        found: As the ledger has it.
        shift: How far the ledger's time is ahead of this process's clock.
    """
    if not shift:
        return found
    ended_at = None if found.ended_at is None else found.ended_at - shift
    return replace(
        found, requested_at=found.requested_at - shift, expires_at=found.expires_at - shift, ended_at=ended_at
    )
