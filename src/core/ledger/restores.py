"""A ledger that was restored from a backup: what it cannot know counts as possibly sent."""

from __future__ import annotations

from ..errors import InvalidRequest
from .database import Database
from .records import DecisionRow, Restore
from .verdicts import note


async def record(db: Database, backup_at: float, until: float | None, lease: float) -> tuple[Restore, int]:
    """Note a restore, which ends now.

    Whatever the backup says is under way, unknown or parked may have been sent again until now, and whoever held it
    holds it no more.

    Args:
        db: The ledger.
        backup_at: When the backup was made.
        until: Until when an unknown request counts as possibly sent; None for ever.
        lease: Seconds after which a holder without a sign of life is gone.

    Returns:
        The restore, and how many operations of the backup count as possibly sent.

    Raises:
        InvalidRequest: The times cannot be right, or somebody works on the ledger.
    """
    restore = Restore(backup_at, await db.time(), until)
    await _check(db, restore, lease)
    row = db.sql.insert_restore.values(
        backup_at=restore.backup_at, restored_at=restore.restored_at, until=restore.until
    )
    await db.run(db.sql.insert_restore, row)
    answer = await db.run(db.sql.presume_sent, db.sql.presume_sent.values(restored_at=restore.restored_at))
    presumed = answer.fetchall()
    await db.run(db.sql.forget_all_holders, ())
    db.audit(
        "restored",
        backup_at=restore.backup_at,
        restored_at=restore.restored_at,
        until=restore.until,
        presumed=len(presumed),
    )
    for operation_id, epoch, status, sent_at, last_sent_at in presumed:
        db.audit("presumed", operation_id, epoch=epoch, status=str(status), sent_at=sent_at, last_sent_at=last_sent_at)
    reason = f"restored from a backup of {backup_at:.0f}; what was done since then counts as possibly sent"
    await note(db, [DecisionRow(None, restore.restored_at, "person", "restored", reason)])
    return restore, len(presumed)


async def _check(db: Database, restore: Restore, lease: float) -> None:
    now = restore.restored_at
    if restore.backup_at > now:
        raise InvalidRequest(
            "the backup cannot be made in the future; name the time when it was made", code="restored_at"
        )
    if restore.until is not None and restore.until <= now:
        raise InvalidRequest("--until is over already; leave it out, or name a time to come", code="restored_until")
    (newest,) = (await db.run(db.sql.newest, ())).fetchone()
    if newest is not None and newest > restore.backup_at:
        raise InvalidRequest(
            f"the ledger has an operation that changed {newest - restore.backup_at:.0f} s after that time, so the "
            "backup is younger; name the time when it was made",
            code="restored_at",
        )
    (beat,) = (await db.run(db.sql.last_beat, ())).fetchone()
    if beat is not None and beat > now - lease:
        raise InvalidRequest(
            f"a process showed life on this ledger {now - beat:.0f} s ago; stop all that work on it, and wait "
            f"{lease:.0f} s",
            code="ledger_in_use",
        )
