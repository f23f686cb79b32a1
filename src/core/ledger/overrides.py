"""Overrides in the ledger: what people stop and let go on, each with a decision that says who and why."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from .database import Database
from .override_records import Override, OverrideKind, Stand
from .records import DecisionRow
from .verdicts import note

_ONE_ACT_AT_A_TIME = "overrides"
"""So that the order of rows is the order in which they can be seen, and nobody overlooks one between two others."""


def override(row: Sequence[Any]) -> Override:
    """A row of `overrides`."""
    values = list(row)
    values[2] = OverrideKind(values[2])
    return Override(*values)


async def impose(
    db: Database, wanted: Override, lasts: float | None, unless: Collection[OverrideKind]
) -> tuple[bool, Override]:
    """Put an override in force, unless one of the same scope stands in its place.

    Args:
        db: The ledger.
        wanted: The override; its times are made here.
        lasts: Seconds after which it ends by itself; None for never.
        unless: Kinds in whose force it would say nothing new.

    Returns:
        True and the override; or False and the one that is in force already.
    """
    await db.lock([_ONE_ACT_AT_A_TIME])
    now = await db.time()
    for standing in await in_force(db, now):
        if standing.id == wanted.id:  # recorded before, in a commit whose acknowledgement was lost
            return True, standing
        if standing.scope == wanted.scope and standing.kind in unless:
            return False, standing
    return True, await _record(db, replace(wanted, at=now, until=None if lasts is None else now + lasts), now)


async def end(
    db: Database, which: Collection[str], by: str, reason: str, decision: str, reset: Override | None = None
) -> tuple[list[Override], Override | None]:
    """End overrides, each once, and record a reset if there is one, all in one transaction.

    Args:
        db: The ledger.
        which: Their ids.
        by: Who ends them.
        reason: Why.
        decision: What is recorded of it, in a word.
        reset: The reset; its times are made here.

    Returns:
        The overrides as they are now, and the reset.
    """
    await db.lock([_ONE_ACT_AT_A_TIME])
    now = await db.time()
    for one in which:
        values = db.sql.overriding.end.values(which=one, now=now, at=now, by=by, because=reason)
        if (await db.run(db.sql.overriding.end, values)).rowcount == 1 and (ended := await by_id(db, one)) is not None:
            db.audit("override_ended", override=one, by=by, ended_at=now)
            await note(db, [DecisionRow(None, now, by, decision, reason, _about(ended))])
    ends = [ended for one in which if (ended := await by_id(db, one)) is not None]
    if reset is None:
        return ends, None
    told = replace(reset, at=now, ended_at=now, ended_by=reset.by, ended_reason=reset.reason)
    return ends, await by_id(db, reset.id) or await _record(db, told, now)


async def _record(db: Database, wanted: Override, now: float) -> Override:
    values = {name: getattr(wanted, name) for name in wanted.__dataclass_fields__ if name != "seq"}
    insert = db.sql.overriding.insert
    await db.run(insert, insert.values(**values))
    db.audit(
        "override",
        override=wanted.id,
        scope=wanted.scope,
        override_kind=str(wanted.kind),
        by=wanted.by,
        at=wanted.at,
        until=wanted.until,
        ended_at=wanted.ended_at,
    )
    await note(db, [DecisionRow(None, now, wanted.by, str(wanted.kind), wanted.reason, _about(wanted))])
    recorded = await by_id(db, wanted.id)
    assert recorded is not None
    return recorded


async def by_id(db: Database, override_id: str) -> Override | None:
    """One override."""
    statement = db.sql.overriding.by_id
    row = (await db.run(statement, statement.values(id=override_id))).fetchone()
    return None if row is None else override(row)


async def in_force(db: Database, now: float) -> list[Override]:
    """What is in force, in the order in which it came."""
    statement = db.sql.overriding.in_force
    return [override(row) for row in (await db.run(statement, statement.values(now=now))).fetchall()]


async def look(db: Database, after: int | None) -> Stand:
    """What is in force, and what was reset since the last look.

    Args:
        db: The ledger.
        after: As the last look said; None for the first one, which brings no resets.
    """
    now = await db.time()
    if after is None:
        (newest,) = (await db.run(db.sql.overriding.newest, ())).fetchone()
        after = newest or 0
    statement = db.sql.overriding.look
    found = [override(row) for row in (await db.run(statement, statement.values(now=now, after=after))).fetchall()]
    return Stand(
        tuple(one for one in found if one.kind is not OverrideKind.RESET),
        tuple(one for one in found if one.kind is OverrideKind.RESET),
        max([after, *(one.seq for one in found)]),
    )


async def history(db: Database, limit: int) -> list[Override]:
    """All there were, newest first."""
    statement = db.sql.overriding.history
    return [override(row) for row in (await db.run(statement, statement.values(most=limit))).fetchall()]


def _about(one: Override) -> str:
    return json.dumps({"override_id": one.id, "scope": one.scope, "kind": one.kind, "until": one.until})


def in_our_time(found: Override, shift: float) -> Override:
    """An override with times by this process's clock.

    Args:
        found: As the ledger has it.
        shift: How far the ledger's time is ahead of this process's clock.
    """
    if not shift:
        return found
    until = None if found.until is None else found.until - shift
    ended_at = None if found.ended_at is None else found.ended_at - shift
    return replace(found, at=found.at - shift, until=until, ended_at=ended_at)
