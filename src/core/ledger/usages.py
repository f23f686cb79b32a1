"""Rates of policy rules, counted where the intents are recorded, so that they hold across processes and restarts.

A use is written in the transaction that records the operation, and counted there under a lock on rule and principal.
What is answered by an operation that is there already uses nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from .database import Database
from .records import Intent, Usage

LONGEST = 31 * 86_400.0
"""Seconds after which no use counts any more, whatever the rule."""

Key: TypeAlias = tuple[str, str]
"""Rule and principal."""


def locks(intents: Sequence[Intent]) -> set[str]:
    """The names to lock before uses are counted."""
    return {f"usage\0{usage.rule}\0{intent.principal}" for intent in intents for usage in intent.usages}


def group_of(intent: Intent) -> str:
    """What is recorded together or not at all: a batch, or one intent."""
    return intent.batch_id or intent.id


async def used_up(db: Database, intents: Sequence[Intent], new: Sequence[int]) -> Mapping[str, Mapping[str, float]]:
    """What goes beyond a rate: group → rule → when it is free again.

    Args:
        db: The ledger, locked for these intents.
        intents: The intents.
        new: The places of those that would begin something new; in their order they use what is left.
    """
    now = await db.time()
    taken: defaultdict[Key, int] = defaultdict(int)
    known: dict[Key, int] = {}
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for place in new:
        groups[group_of(intents[place])].append(place)
    refused: dict[str, Mapping[str, float]] = {}
    for group, places in groups.items():
        needed: defaultdict[Key, int] = defaultdict(int)
        usages: dict[Key, Usage] = {}
        for place in places:
            for usage in intents[place].usages:
                key = (usage.rule, intents[place].principal)
                needed[key] += 1
                usages[key] = usage
        free: dict[str, float] = {}
        for key, number in needed.items():
            if key not in known:
                known[key] = await _count(db, key, now - usages[key].per)
            if known[key] + taken[key] + number > usages[key].calls:
                free[key[0]] = await _free_at(db, key, usages[key], number, now)
        if free:
            refused[group] = free
        else:
            for key, number in needed.items():
                taken[key] += number
    return refused


async def record(db: Database, intents: Sequence[Intent]) -> None:
    """Write the uses of operations that begin, and remove those of the same rule and principal that count no more."""
    if not intents:
        return
    now = await db.time()
    stale = {(usage.rule, intent.principal): now - usage.per for intent in intents for usage in intent.usages}
    forget, insert = db.sql.forget_usages, db.sql.insert_usage
    await db.put(forget, [forget.values(rule=key[0], principal=key[1], since=since) for key, since in stale.items()])
    rows = [
        insert.values(rule=usage.rule, principal=intent.principal, at=now)
        for intent in intents
        for usage in intent.usages
    ]
    await db.put(insert, rows)


async def forget(db: Database) -> None:
    """Remove the uses that no rule counts any more."""
    statement = db.sql.forget_old_usages
    await db.run(statement, statement.values(since=await db.time() - LONGEST))


async def _count(db: Database, key: Key, since: float) -> int:
    values = db.sql.count_usages.values(rule=key[0], principal=key[1], since=since)
    (count,) = (await db.run(db.sql.count_usages, values)).fetchone()
    return int(count)


async def _free_at(db: Database, key: Key, usage: Usage, number: int, now: float) -> float:
    """When there will be room for so many more; now plus the whole window if there never is for all of them."""
    place = usage.calls - number
    if place < 0:
        return now + usage.per
    values = db.sql.usage_at.values(rule=key[0], principal=key[1], place=place)
    found = (await db.run(db.sql.usage_at, values)).fetchone()
    return now + usage.per if found is None else float(found[0]) + usage.per
