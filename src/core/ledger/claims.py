"""Who holds what: heartbeats, and taking over from those who are gone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ..errors import CommitUnknown
from . import events
from .database import Database
from .reads import operation
from .records import Operation, Status
from .statements import CLAIMED

_LEFT = 0.0  # the heartbeat of a holder that left in good order
_FORGET_AFTER = 86_400.0  # seconds without life, longer than any clock is wrong; then a holder's row is removed


async def beat(db: Database, holder: str) -> None:
    """Show that `holder` is alive."""
    now = await db.time()
    db.once.clear()  # what was found out is looked up again from time to time
    await db.run(db.sql.beat, db.sql.beat.values(id=holder, beat_at=now, again=now))


async def holds(db: Database, operation_id: str, holder: str, epoch: int) -> bool:
    """Whether `holder` still holds the operation under `epoch`."""
    values = db.sql.holds.values(id=operation_id, holder=holder, epoch=epoch)
    return (await db.run(db.sql.holds, values)).fetchone() is not None


async def leave(db: Database, holder: str) -> None:
    """Give up everything that `holder` holds, at once."""
    await db.run(db.sql.leave, db.sql.leave.values(which=holder))
    db.audit("left")
    await _forget(db, _LEFT + 1.0)


async def forget_holders(db: Database) -> None:
    """Remove holders who showed no life for very long, once nothing is held by them."""
    await _forget(db, await db.time() - _FORGET_AFTER)


async def _forget(db: Database, before: float) -> None:
    await db.run(db.sql.forget_holders, db.sql.forget_holders.values(before=before))


def _looks(system: str | None, alive_since: float, now: float) -> dict[str, Any]:
    return {"alive_since": alive_since, "now": now, "any_system": system is None, "system": system}


async def anything_due(db: Database, lease: float, system: str | None) -> bool:
    """Whether `claim_due` would find something; a look without a write."""
    sql, looks = db.sql, _looks(system, db.now - lease, db.now)
    of_system = (sql.anything_due_of_system, sql.anything_abandoned_of_system)
    for statement in (sql.anything_due,) if system is None else of_system:
        if (await db.run(statement, statement.values(**looks))).fetchone() is not None:
            return True
    return False


async def next_due(db: Database, holder: str, lease: float, system: str | None) -> float | None:
    """When there is something to take over at the earliest: a check that is due, or a lease that lapses."""
    values = db.sql.next_due.values(holder=holder, lease=lease, any_system=system is None, system=system)
    (due,) = (await db.run(db.sql.next_due, values)).fetchone()
    return None if due is None else float(due)


async def claim_due(
    db: Database, holder: str, lease: float, system: str | None, limit: int, attempt_timeout: float = 0.0
) -> list[Operation]:
    """Take over what is due and what nobody alive holds."""
    now = await db.time()
    alive_since = now - lease
    gone = await db.run(db.sql.gone, db.sql.gone.values(alive_since=alive_since))
    vanished = {None, *(name for (name,) in gone.fetchall())}
    rows: list[Any] = []
    for statement in (db.sql.due,) if system is None else (db.sql.abandoned_of_system, db.sql.due_of_system):
        if len(rows) < limit:
            values = statement.values(**_looks(system, alive_since, now), most=limit - len(rows))
            rows += (await db.run(statement, values)).fetchall()
    found = [
        (operation(row[:-1]), row[-1])
        for row in rows
        # A holder that has a row is gone only if that row is ours to judge until we are done.
        if row[-1] is None or row[_HOLDER] in vanished
    ]
    taken = [_taken(db, one, beat_at, holder, now, attempt_timeout) for one, beat_at in found]
    if taken:
        claim = db.sql.claim
        rows = [claim.values(which=one.id, **{name: getattr(one, name) for name in CLAIMED}) for one in taken]
        await db.each(claim, rows)
        db.changed.extend(one.id for one in taken)
        for one in taken:
            events.claim(db, one)
    return taken


_HOLDER = list(Operation.__dataclass_fields__).index("holder")


def _taken(
    db: Database, found: Operation, beat_at: float | None, holder: str, now: float, attempt_timeout: float
) -> Operation:
    error, sent_at, last_sent_at, orphaned = found.error, found.sent_at, found.last_sent_at, found.orphaned
    if found.holder is not None:
        # Its holder went without a word about it. It looked whether it may send when an attempt began, so bytes of
        # an attempt that began until now may leave as long as an attempt lasts.
        sent_at, last_sent_at = sent_at or found.updated_at, now + attempt_timeout
        orphaned += beat_at != _LEFT
    if found.status is Status.RUNNING or error is None:
        gone = CommitUnknown(
            "the process that held it ended before it recorded an outcome; it may have been sent",
            code="holder_gone",
            system=found.system,
            action=found.action,
        )
        error = json.dumps(gone.to_record())
    return replace(
        found,
        status=Status.UNKNOWN,
        error=error,
        holder=holder,
        epoch=found.epoch + 1,
        sent_at=sent_at,
        last_sent_at=last_sent_at,
        next_check_at=now if found.next_check_at is None else found.next_check_at,
        updated_at=now,
        orphaned=orphaned,
        salt=found.salt or db.new_salt(),
    )
