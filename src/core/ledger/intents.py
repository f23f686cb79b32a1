"""Intents become operations: recorded before anything is sent, or answered by what stands in their place."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from . import events, usages
from .approval_reads import latest_of
from .approvals import ask
from .database import Database
from .reads import FIELDS, STATUS, operation
from .records import Begun, Intent, Operation, Restore, Status
from .statements import ANEW

# A write records one intent, one verdict and one attempt; parameters taken by position keep that cheap.
_intent_values = attrgetter(*FIELDS[:STATUS])


async def begin(db: Database, intents: Sequence[Intent], holder: str) -> list[Begun]:
    """Record intents, or find what stands in their place."""
    rated = any(intent.usages for intent in intents)
    if len(intents) == 1 and intents[0].entity is None and not rated:
        return [await _begin_one(db, intents[0], holder)]
    names = {f"{intent.system}\0{intent.entity}" for intent in intents if intent.entity is not None}
    if rated:
        names |= usages.locks(intents)
    if names:
        await db.lock(sorted(names))
    answers = await _answered_by_rates(db, intents, holder) if rated else {}
    answered = set(answers)
    for places in _waves(intents):
        places = [place for place in places if place not in answers]
        begun = await _begin(db, [intents[place] for place in places], holder)
        answers.update(zip(places, begun, strict=True))
    if rated:
        await usages.record(
            db,
            [
                intents[place]
                for place, one in answers.items()
                if place not in answered and _is_new(one.operation, intents[place])
            ],
        )
    return [answers[place] for place in range(len(intents))]


async def _answered_by_rates(db: Database, intents: Sequence[Intent], holder: str) -> dict[int, Begun]:
    """Answers to intents with a rate that are not to be recorded: they stand already, or their rate is used up.

    What is answered here cannot start anew any more, and what is not is certain to be within its rate.
    """
    answers: dict[int, Begun] = {}
    rated = [place for place, intent in enumerate(intents) if intent.usages]
    wanted = [Operation(*_row(intent, holder, db.now, None, "")) for intent in intents]
    new = []
    for place, existing in zip(rated, await _by_key(db, [intents[place] for place in rated]), strict=True):
        if existing is None or await _may_start_anew(db, existing, intents[place], db.now):
            new.append(place)
        elif _is_our_own(existing, wanted[place]):
            answers[place] = _begun(existing)
        else:
            answers[place] = Begun(existing, fresh=False)
    refused = await usages.used_up(db, intents, new)
    for place, intent in enumerate(intents):
        if place not in answers and (free := refused.get(usages.group_of(intent))):
            answers[place] = Begun(wanted[place], fresh=False, used_up=free)
    return answers


async def _begin_one(db: Database, intent: Intent, holder: str) -> Begun:
    """What `_begin` does, at half of its cost for what is by far the most frequent."""
    restore = await _restore(db)
    row = _row(intent, holder, db.now, restore, db.new_salt())
    answer = await db.run(db.sql.insert_operation, row)
    if answer.rowcount == 1:
        return await _recorded(db, Operation(*row), intent)
    answers: dict[int, Begun] = {}
    await _answer_again(db, [intent], [(0, Operation(*row))], answers, restore)
    return answers[0]


def _waves(intents: Sequence[Intent]) -> list[list[int]]:
    """Places of intents that can be recorded together: of those on one entity, each after the one before it.

    Sorted by their keys, so that two processes that record the same keys wait for each other in one order.
    """
    waves: defaultdict[int, list[int]] = defaultdict(list)
    seen: defaultdict[tuple[str, str], int] = defaultdict(int)
    for place, intent in enumerate(intents):
        wave = 0
        if intent.entity is not None:
            wave = seen[intent.system, intent.entity]
            seen[intent.system, intent.entity] += 1
        waves[wave].append(place)
    for places in waves.values():
        places.sort(key=lambda place: (intents[place].system, intents[place].key))
    return [waves[wave] for wave in sorted(waves)]


async def _begin(db: Database, intents: Sequence[Intent], holder: str) -> list[Begun]:
    now, restore = db.now, await _restore(db)
    answers = await _blocked(db, intents, now)
    places = [place for place in range(len(intents)) if place not in answers]
    rows = [_row(intents[place], holder, now, restore, db.new_salt()) for place in places]
    again = []
    for place, row, answer in zip(places, rows, await db.each(db.sql.insert_operation, rows), strict=True):
        if answer.rowcount == 1:
            answers[place] = await _recorded(db, Operation(*row), intents[place])
        else:
            again.append((place, Operation(*row)))
    if again:
        await _answer_again(db, intents, again, answers, restore)
    return [answers[place] for place in range(len(intents))]


async def _answer_again(
    db: Database,
    intents: Sequence[Intent],
    again: Sequence[tuple[int, Operation]],
    answers: dict[int, Begun],
    restore: Restore | None,
) -> None:
    """Answer intents whose key is known: with the operation that has it, unless that may start anew."""
    anew = []
    standing = await _by_key(db, [intents[place] for place, _ in again])
    for (place, new), existing in zip(again, standing, strict=True):
        assert existing is not None
        if _is_our_own(existing, new):
            answers[place] = _begun(existing)
        elif await _may_start_anew(db, existing, intents[place], new.updated_at):
            anew.append((place, await _anew(db, existing, new, restore)))
        else:
            answers[place] = Begun(existing, fresh=False)
    if not anew:
        return
    statement = db.sql.start_anew
    values = [
        statement.values(
            which=new.id, after=new.epoch - 1, status=new.status, **{name: getattr(new, name) for name in ANEW}
        )
        for _, new in anew
    ]
    for (place, new), answer in zip(anew, await db.each(statement, values), strict=True):
        if answer.rowcount == 1:
            answers[place] = await _recorded(db, new, intents[place])
        else:  # another intent was quicker
            (existing,) = await _by_key(db, [intents[place]])
            assert existing is not None
            answers[place] = Begun(existing, fresh=False)


async def _recorded(db: Database, found: Operation, intent: Intent) -> Begun:
    events.intent(db, found)
    if intent.ask is not None:
        await ask(db, found, intent.ask)
    return _begun(found)


def _begun(found: Operation) -> Begun:
    # Nothing was sent for a fresh one, unless it was before the ledger was restored.
    return Begun(found, fresh=found.status is Status.RUNNING, possibly_sent_since=found.sent_at)


def _row(intent: Intent, holder: str, now: float, restore: Restore | None, salt: str) -> tuple[Any, ...]:
    sent = (None, None) if restore is None else (restore.backup_at, restore.restored_at)
    stands = (Status.RUNNING, None, None, holder) if intent.ask is None else (Status.HELD, None, None, None)
    # The fields of an operation after those it shares with its intent, from its status on.
    return (*_intent_values(intent), *stands, 1, now, now, *sent, None, 0, None, 0, None, salt)


def _is_new(found: Operation, intent: Intent) -> bool:
    """Whether this intent was recorded, to be sent or to be held."""
    return (found.intent_id or found.id) == intent.id


def _is_our_own(existing: Operation, new: Operation) -> bool:
    """Whether this very intent was recorded before, by a commit whose acknowledgement was lost."""
    return (
        existing.holder == new.holder
        and existing.status is new.status
        and (existing.intent_id or existing.id) == new.id
    )


async def _blocked(db: Database, intents: Sequence[Intent], now: float) -> dict[int, Begun]:
    """Answers to intents that would be sent, but whose entity has another operation that is not settled."""
    # What is held is not sent yet: whether its entity is free is seen when it is released.
    named = [place for place, intent in enumerate(intents) if intent.entity is not None and intent.ask is None]
    if not named:
        return {}
    standing = await _by_key(db, [intents[place] for place in named])
    wanted = [
        place
        for place, existing in zip(named, standing, strict=True)
        if existing is None or await _may_start_anew(db, existing, intents[place], now)
    ]
    statement = db.sql.unsettled_on_entity
    rows = [
        statement.values(system=intents[place].system, entity=intents[place].entity, key=intents[place].key)
        for place in wanted
    ]
    found = [answer.fetchone() for answer in await db.each(statement, rows)]
    others = [(place, operation(row)) for place, row in zip(wanted, found, strict=True) if row is not None]
    return {place: Begun(other, fresh=False, blocked_by=other.id) for place, other in others}


async def _may_start_anew(db: Database, existing: Operation, intent: Intent, now: float) -> bool:
    """A rejection proves that nothing happened: other content, or a passing cause, deserves another try.

    What people edited before it was rejected is no other content for whoever asks again in the words of before.
    """
    if existing.status is not Status.REJECTED:
        return False
    error = json.loads(existing.error or "{}")
    stands_for = max(intent.replay_rejections, float(error.get("retry_after") or 0.0))
    expired = existing.updated_at + stands_for <= now
    if bool(error.get("transient")) or expired:
        return True
    return existing.digest != intent.digest and not await _was_edited(db, existing, intent.digest)


async def _was_edited(db: Database, existing: Operation, asked_digest: str) -> bool:
    asked = await latest_of(db, existing.id)
    return asked is not None and asked.edited_by is not None and asked.asked_digest == asked_digest


async def _anew(db: Database, existing: Operation, new: Operation, restore: Restore | None) -> Operation:
    """What is to stand in place of a rejected operation."""
    changes: dict[str, Any] = {"sent_at": None, "last_sent_at": None}
    if restore is not None and (existing.updated_at <= restore.restored_at or await _never_looked_up(db, existing)):
        changes = {"sent_at": restore.backup_at, "last_sent_at": restore.restored_at}
    return replace(
        new,
        id=existing.id,
        created_at=existing.created_at,
        epoch=existing.epoch + 1,
        intent_id=new.id,
        salt=existing.salt or new.salt,
        **changes,
    )


async def _never_looked_up(db: Database, existing: Operation) -> bool:
    """Whether it counted as sent before the restore, and was given up before anybody looked."""
    if existing.last_sent_at not in {restore.restored_at for restore in await _restores(db)}:
        return False
    values = db.sql.probed.values(id=existing.id, epoch=existing.epoch)
    return (await db.run(db.sql.probed, values)).fetchone() is None


async def _by_key(db: Database, intents: Sequence[Intent]) -> list[Operation | None]:
    statement = db.sql.by_key
    rows = [statement.values(system=intent.system, key=intent.key) for intent in intents]
    found = [answer.fetchone() for answer in await db.each(statement, rows)]
    return [None if row is None else operation(row) for row in found]


async def _restore(db: Database) -> Restore | None:
    """The time for which the ledger knows nothing, if an intent must be suspected to stem from it."""
    found = db.once.get("restores")
    if found is None:
        found = await _restores(db)
    if not found:
        return None
    lasting = [one for one in found if one.until is None or db.now <= one.until]
    if not lasting:
        return None
    return Restore(min(one.backup_at for one in lasting), max(one.restored_at for one in lasting))


async def _restores(db: Database) -> list[Restore]:
    rows = (await db.run(db.sql.restores, ())).fetchall()
    found = db.once["restores"] = [Restore(*row) for row in rows]
    return found
