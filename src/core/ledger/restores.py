"""A ledger that was restored from a backup: what it cannot know counts as possibly sent."""

from __future__ import annotations

from .database import Database
from .records import DecisionRow, Restore
from .verdicts import note


async def record(db: Database, backup_at: float, until: float | None) -> tuple[Restore, int]:
    """Note a restore, which ends now.

    Whatever the backup says is under way, unknown or parked may have been sent again until now, and whoever held it
    holds it no more.

    Args:
        db: The ledger.
        backup_at: When the backup was made.
        until: Until when an unknown request counts as possibly sent; None for ever.

    Returns:
        The restore, and how many operations of the backup count as possibly sent.
    """
    restore = Restore(backup_at, await db.time(), until)
    row = db.sql.insert_restore.values(
        backup_at=restore.backup_at, restored_at=restore.restored_at, until=restore.until
    )
    await db.run(db.sql.insert_restore, row)
    presumed = await db.run(db.sql.presume_sent, db.sql.presume_sent.values(restored_at=restore.restored_at))
    await db.run(db.sql.forget_all_holders, ())
    reason = f"restored from a backup of {backup_at:.0f}; what was done since then counts as possibly sent"
    await note(db, [DecisionRow(None, restore.restored_at, "person", "restored", reason)])
    return restore, presumed.rowcount
