"""Checkpoints of the audit, kept in the ledger until they are exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .database import Database

_LOCK = "audit checkpoint"
_TOGETHER = 100  # checkpoints that are exported one after the other


class Head(NamedTuple):
    """The last row of a chain.

    Args:
        chain: The chain.
        number: How many rows it has.
        hash: The hash of the last.
    """

    chain: str
    number: int
    hash: str


Make = Callable[[str | None, Sequence[Head], float], str | None]
"""Makes the line of a checkpoint from the line before, the heads of all chains, and the time; None for none."""


async def add(db: Database, make: Make) -> str | None:
    """Make a checkpoint of what is durable now. One process at a time does so."""
    await db.lock([_LOCK])
    last = (await db.run(db.sql.last_checkpoint, db.sql.last_checkpoint.values())).fetchone()
    heads = [Head(*row) for row in (await db.run(db.sql.audit_heads, db.sql.audit_heads.values())).fetchall()]
    line = make(None if last is None else last[0], heads, db.now)
    if line is not None:
        await db.put(db.sql.insert_checkpoint, [(db.now, line, None)])
    return line


async def unsent(db: Database) -> list[tuple[int, str]]:
    """Checkpoints that were not exported yet, oldest first: number of the row, and line."""
    values = db.sql.unsent_checkpoints.values(most=_TOGETHER)
    return [(row[0], row[1]) for row in (await db.run(db.sql.unsent_checkpoints, values)).fetchall()]


async def sent(db: Database, rows: Sequence[int]) -> None:
    """These were exported."""
    now = db.now
    await db.put(db.sql.checkpoint_sent, [db.sql.checkpoint_sent.values(which=row, now=now) for row in rows])
