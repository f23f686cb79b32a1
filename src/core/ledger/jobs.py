"""What the ledger does inside a transaction: plain functions of a connection."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from ..errors import CommitUnknown
from . import statements as sql
from .database import Database
from .records import AttemptRow, Begun, DecisionRow, Intent, Operation, ProbeRow, Status, Story, Verdict

_FIELDS = list(Operation.__dataclass_fields__)
_STATUS, _ATOMIC = _FIELDS.index("status"), _FIELDS.index("atomic")

# A write records one intent, one verdict and one attempt; parameters taken by position keep that cheap.
_intent_values = attrgetter(*_FIELDS[:_STATUS])
_verdict_values = attrgetter(
    "status", "outcome", "error", "sent_at", "last_sent_at", "next_check_at", "parked_because", "checked"
)
_attempt_values = attrgetter(*sql.INSERT_ATTEMPT.names)
_probe_values = attrgetter(*sql.INSERT_PROBE.names)
_decision_values = attrgetter(*sql.INSERT_DECISION.names)


def begin(db: Database, intents: Sequence[Intent], holder: str, now: float) -> list[Begun]:
    """Record intents, or find what stands in their place."""
    return [_begin_one(db, intent, holder, now) for intent in intents]


def _begin_one(db: Database, intent: Intent, holder: str, now: float) -> Begun:
    if intent.entity is not None and (other := _in_the_way(db, intent, now)) is not None:
        return Begun(other, fresh=False, blocked_by=other.id)
    # The fields of an operation after those it shares with its intent, from its status on.
    row = (*_intent_values(intent), Status.RUNNING, None, None, holder, 1, now, now, *_UNTOUCHED)
    if db.execute(sql.INSERT_OPERATION.text, row).rowcount == 1:
        return Begun(Operation(*row), fresh=True)
    existing = _by_key(db, intent)
    assert existing is not None
    if _is_our_own(existing, intent, holder):
        return Begun(existing, fresh=True)
    if _may_start_anew(existing, intent, now):
        return Begun(_start_anew(db, existing, Operation(*row)), fresh=True)
    return Begun(existing, fresh=False)


_UNTOUCHED = (None, None, None, 0, None, 0, None)  # what recovery and later attempts will write


def _is_our_own(existing: Operation, intent: Intent, holder: str) -> bool:
    """Whether this very intent was recorded before, by a commit whose acknowledgement was lost."""
    return (
        existing.holder == holder
        and existing.status is Status.RUNNING
        and (existing.intent_id or existing.id) == intent.id
    )


def _in_the_way(db: Database, intent: Intent, now: float) -> Operation | None:
    """Another operation on the same entity that is not settled, if the intent would be sent."""
    existing = _by_key(db, intent)
    if existing is not None and not _may_start_anew(existing, intent, now):
        return None  # nothing would be sent for it
    values = sql.UNSETTLED_ON_ENTITY.values(system=intent.system, entity=intent.entity, key=intent.key)
    row = db.execute(sql.UNSETTLED_ON_ENTITY.text, values).fetchone()
    return None if row is None else operation(row)


def _may_start_anew(existing: Operation, intent: Intent, now: float) -> bool:
    """A rejection proves that nothing happened: other content, or a passing cause, deserves another try."""
    if existing.status is not Status.REJECTED:
        return False
    transient = bool(existing.error) and bool(json.loads(existing.error or "{}").get("transient"))
    expired = existing.updated_at + intent.replay_rejections <= now
    return transient or expired or existing.digest != intent.digest


def _start_anew(db: Database, existing: Operation, new: Operation) -> Operation:
    new = replace(new, id=existing.id, created_at=existing.created_at, epoch=existing.epoch + 1, intent_id=new.id)
    values = {name: getattr(new, name) for name in _ANEW}
    db.execute(sql.START_ANEW.text, sql.START_ANEW.values(which=new.id, **values))
    return new


_ANEW = (
    "request", "digest", "entity", "principal", "adapter_version", "policy", "trace_id", "batch_id", "atomic",
    "deadline_at", "undoes", "holder", "epoch", "updated_at", "intent_id",
)  # fmt: skip


def finish(db: Database, verdicts: Sequence[Verdict], holder: str, now: float) -> list[bool]:
    """Record verdicts of operations that `holder` still holds; what comes too late is kept as evidence."""
    return [_finish_one(db, verdict, holder, now) for verdict in verdicts]


def _finish_one(db: Database, verdict: Verdict, holder: str, now: float) -> bool:
    if verdict.status is Status.UNKNOWN and verdict.next_check_at is None:
        verdict = replace(verdict, next_check_at=now)  # without a time nobody would ever look at it again
    row = (*_verdict_values(verdict), now, verdict.operation_id, holder, verdict.epoch)
    recorded = db.execute(sql.FINISH.text, row).rowcount == 1
    if not recorded and _was_recorded(db, verdict):
        return True
    for attempt in verdict.attempts:
        kept = attempt if recorded else replace(attempt, stale=True)
        db.execute(sql.INSERT_ATTEMPT.text, _attempt_values(kept))
    for probe in verdict.probes:
        db.execute(sql.INSERT_PROBE.text, _probe_values(probe))
    note(db, verdict.decisions)
    if not recorded:
        reason = f"a result ({verdict.status}) came from a holder that had lost the operation; kept as evidence"
        note(db, [DecisionRow(verdict.operation_id, now, "ledger", "stale_result", reason)])
    return recorded


def _was_recorded(db: Database, verdict: Verdict) -> bool:
    """Whether this very verdict was recorded before, by a commit whose acknowledgement was lost.

    Only one holder ever has an epoch, so what stands there under this epoch is that holder's own word.
    """
    found = by_id(db, verdict.operation_id)
    return (
        found is not None
        and found.holder is None
        and (found.epoch, found.status, found.outcome, found.error, found.next_check_at)
        == (verdict.epoch, verdict.status, verdict.outcome, verdict.error, verdict.next_check_at)
    )


def note(db: Database, decisions: Sequence[DecisionRow]) -> None:
    """Record decisions."""
    for decision in decisions:
        db.execute(sql.INSERT_DECISION.text, _decision_values(decision))


def anything_due(db: Database, now: float, alive_since: float, system: str | None) -> bool:
    """Whether `claim_due` would find something; a look without a write."""
    values = sql.ANYTHING_DUE.values(alive_since=alive_since, now=now, any_system=system is None, system=system)
    return db.execute(sql.ANYTHING_DUE.text, values).fetchone() is not None


def claim_due(
    db: Database,
    holder: str,
    now: float,
    alive_since: float,
    system: str | None,
    limit: int,
    attempt_timeout: float = 0.0,
) -> list[Operation]:
    """Take over what is due and what nobody alive holds."""
    rows = db.execute(
        sql.DUE.text,
        sql.DUE.values(alive_since=alive_since, now=now, any_system=system is None, system=system, most=limit),
    ).fetchall()
    return [_claim(db, operation(row[:-1]), row[-1], holder, now, attempt_timeout) for row in rows]


def _claim(
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
    taken = replace(
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
    )
    values = {name: getattr(taken, name) for name in _CLAIMED}
    db.execute(sql.CLAIM.text, sql.CLAIM.values(which=taken.id, **values))
    return taken


_CLAIMED = ("error", "holder", "epoch", "sent_at", "last_sent_at", "next_check_at", "updated_at", "orphaned")
_LEFT = 0.0


def holds(db: Database, operation_id: str, holder: str, epoch: int) -> bool:
    """Whether `holder` still holds the operation under `epoch`."""
    values = sql.HOLDS.values(id=operation_id, holder=holder, epoch=epoch)
    return db.execute(sql.HOLDS.text, values).fetchone() is not None


def beat(db: Database, holder: str, now: float) -> None:
    """Show that `holder` is alive."""
    db.execute(sql.BEAT.text, sql.BEAT.values(id=holder, beat_at=now, again=now))


def leave(db: Database, holder: str) -> None:
    """Give up everything that `holder` holds, at once."""
    db.execute(sql.LEAVE.text, sql.LEAVE.values(which=holder))
    forget_holders(db, _LEFT + 1.0)


def forget_holders(db: Database, before: float) -> None:
    """Remove holders who showed no life since `before`, once nothing is held by them."""
    db.execute(sql.FORGET_HOLDERS.text, sql.FORGET_HOLDERS.values(before=before))


def next_due(db: Database, holder: str, lease: float, system: str | None) -> float | None:
    """When there is something to take over at the earliest: a check that is due, or a lease that lapses."""
    values = sql.NEXT_DUE.values(holder=holder, lease=lease, any_system=system is None, system=system)
    (due,) = db.execute(sql.NEXT_DUE.text, values).fetchone()
    return None if due is None else float(due)


def resolve(db: Database, verdict: Verdict, decision: DecisionRow, now: float) -> bool:
    """Record what a person established about an operation that nobody holds; False when it changed meanwhile."""
    values = sql.RESOLVE.values(
        which=verdict.operation_id,
        under=verdict.epoch,
        new_status=verdict.status,
        outcome=verdict.outcome,
        error=verdict.error,
        next_check_at=verdict.next_check_at,
        kept=int(verdict.status.settled),
        now=now,
    )
    if db.execute(sql.RESOLVE.text, values).rowcount == 1:
        note(db, [decision])
        return True
    # Or it is what we ourselves recorded, in a commit whose acknowledgement was lost.
    found = by_id(db, verdict.operation_id)
    return (
        found is not None
        and (found.epoch, found.status, found.updated_at) == (verdict.epoch + 1, verdict.status, now)
        and (found.outcome, found.error) == (verdict.outcome, verdict.error)
    )


def by_id(db: Database, operation_id: str) -> Operation | None:
    """One operation."""
    row = db.execute(sql.BY_ID.text, sql.BY_ID.values(id=operation_id)).fetchone()
    return None if row is None else operation(row)


def undoing(db: Database, operation_id: str) -> Operation | None:
    """The compensation of an operation, unless it was rejected."""
    row = db.execute(sql.UNDOING.text, sql.UNDOING.values(undoes=operation_id)).fetchone()
    return None if row is None else operation(row)


def find(db: Database, only: dict[str, str | None], limit: int) -> list[Operation]:
    """Operations by the given columns, newest first; None is any value."""
    given = {name: value for name, value in only.items() if value is not None}
    status = given.get("status")
    statement = sql.find(*given, unsettled=status is not None and not Status(status).settled)
    values = statement.values(most=limit, **{f"only_{name}": value for name, value in given.items()})
    return [operation(row) for row in db.execute(statement.text, values).fetchall()]


def story(db: Database, operation_id: str) -> Story | None:
    """Everything about one operation."""
    found = by_id(db, operation_id)
    if found is None:
        return None

    def rows(statement: sql.Statement) -> list[tuple[Any, ...]]:
        return db.execute(statement.text, statement.values(id=operation_id)).fetchall()

    return Story(
        operation=found,
        attempts=tuple(AttemptRow(*(*row[:-1], bool(row[-1]))) for row in rows(sql.ATTEMPTS)),
        probes=tuple(ProbeRow(*row) for row in rows(sql.PROBES)),
        decisions=tuple(DecisionRow(*row) for row in rows(sql.DECISIONS)),
    )


def counts(db: Database) -> dict[tuple[str, Status], int]:
    """How many operations there are, by system and status."""
    rows = db.execute(sql.COUNTS.text, sql.COUNTS.values()).fetchall()
    return {(system, Status(status)): count for system, status, count in rows}


def _by_key(db: Database, intent: Intent) -> Operation | None:
    row = db.execute(sql.BY_KEY.text, sql.BY_KEY.values(system=intent.system, key=intent.key)).fetchone()
    return None if row is None else operation(row)


def operation(row: Sequence[Any]) -> Operation:
    """A row of `operations`, whose columns are in the order of the record's fields."""
    values = list(row)
    values[_STATUS] = Status(values[_STATUS])
    values[_ATOMIC] = bool(values[_ATOMIC])
    return Operation(*values)
