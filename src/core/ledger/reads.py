"""Looking things up in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .database import Database
from .records import AttemptRow, DecisionRow, Operation, ProbeRow, Status, Story
from .statements import Statement

FIELDS = list(Operation.__dataclass_fields__)
STATUS, _ATOMIC = FIELDS.index("status"), FIELDS.index("atomic")


def operation(row: Sequence[Any]) -> Operation:
    """A row of `operations`, whose columns are in the order of the record's fields."""
    values = list(row)
    values[STATUS] = Status(values[STATUS])
    values[_ATOMIC] = bool(values[_ATOMIC])
    return Operation(*values)


async def by_id(db: Database, operation_id: str) -> Operation | None:
    """One operation."""
    row = (await db.run(db.sql.by_id, db.sql.by_id.values(id=operation_id))).fetchone()
    return None if row is None else operation(row)


async def standing(db: Database, system: str, key: str) -> Operation | None:
    """The operation that has an idempotency key."""
    row = (await db.run(db.sql.by_key, db.sql.by_key.values(system=system, key=key))).fetchone()
    return None if row is None else operation(row)


async def undoing(db: Database, operation_id: str) -> Operation | None:
    """The compensation of an operation, unless it was rejected."""
    row = (await db.run(db.sql.undoing, db.sql.undoing.values(undoes=operation_id))).fetchone()
    return None if row is None else operation(row)


async def find(db: Database, only: dict[str, str | None], limit: int) -> list[Operation]:
    """Operations by the given columns, newest first; None is any value."""
    given = {name: value for name, value in only.items() if value is not None}
    status = given.get("status")
    statement = db.sql.find(*given, unsettled=status is not None and not Status(status).settled)
    values = statement.values(most=limit, **{f"only_{name}": value for name, value in given.items()})
    return [operation(row) for row in (await db.run(statement, values)).fetchall()]


async def story(db: Database, operation_id: str) -> Story | None:
    """Everything about one operation."""
    found = await by_id(db, operation_id)
    if found is None:
        return None

    async def rows(statement: Statement) -> list[tuple[Any, ...]]:
        return (await db.run(statement, statement.values(id=operation_id))).fetchall()

    return Story(
        operation=found,
        attempts=tuple([_attempt(row) for row in await rows(db.sql.attempts)]),
        probes=tuple([ProbeRow(*row) for row in await rows(db.sql.probes)]),
        decisions=tuple([DecisionRow(*row) for row in await rows(db.sql.decisions)]),
    )


def _attempt(row: Sequence[Any]) -> AttemptRow:
    values = list(row)
    values[-1] = bool(values[-1])
    return AttemptRow(*values)


async def counts(db: Database) -> dict[tuple[str, Status], int]:
    """How many operations there are, by system and status."""
    rows = (await db.run(db.sql.counts, ())).fetchall()
    return {(system, Status(status)): count for system, status, count in rows}


async def unsettled(db: Database) -> dict[tuple[str, Status], tuple[int, float]]:
    """How many operations are not settled, and when the oldest was begun, by system and status."""
    rows = (await db.run(db.sql.unsettled, ())).fetchall()
    return {(system, Status(status)): (count, oldest) for system, status, count, oldest in rows}
