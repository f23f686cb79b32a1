"""Verdicts and decisions: what became of an operation, written by whoever holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from . import events
from .database import Database
from .reads import by_id
from .records import AttemptRow, DecisionRow, Operation, ProbeRow, Status, Verdict
from .schema import attempts, decisions, probes
from .statements import stored
from .times import in_ledger_time

_verdict_values = attrgetter(
    "status", "outcome", "error", "sent_at", "last_sent_at", "next_check_at", "parked_because", "checked"
)
_attempt_values = attrgetter(*(column.name for column in stored(attempts)))
_probe_values = attrgetter(*(column.name for column in stored(probes)))
_decision_values = attrgetter(*(column.name for column in stored(decisions)))


async def finish(db: Database, verdicts: Sequence[Verdict], holder: str) -> list[bool]:
    """Record verdicts of operations that `holder` still holds; what comes too late is kept as evidence."""
    now = db.now
    if db.shift or any(one.status is Status.UNKNOWN or one.last_sent_at is not None for one in verdicts):
        verdicts = await _timed(db, verdicts, now)
    if len(verdicts) == 1:
        return [await _finish_one(db, verdicts[0], holder, now)]
    # In one order, so that two processes that write about the same operations do not wait for each other in a ring.
    places = sorted(range(len(verdicts)), key=lambda place: verdicts[place].operation_id)
    rows = [_row(db, verdicts[place], holder, now) for place in places]
    recorded = [False] * len(verdicts)
    evidence = Evidence()
    for place, answer in zip(places, await db.each(db.sql.finish, rows), strict=True):
        verdict = verdicts[place]
        recorded[place] = await _settled(db, verdict, answer.fetchall(), now, evidence)
    await evidence.record(db)
    return recorded


async def _finish_one(db: Database, verdict: Verdict, holder: str, now: float) -> bool:
    """The same for one, at half of its cost."""
    written = (await db.run(db.sql.finish, _row(db, verdict, holder, now))).fetchall()
    if written and not verdict.probes and not verdict.decisions:
        db.changed.append(verdict.operation_id)
        salt = written[0][0]
        for attempt in verdict.attempts:
            events.attempt(db, attempt, salt)
        if verdict.attempts:
            await db.put(db.sql.insert_attempt, [_attempt_values(attempt) for attempt in verdict.attempts])
        events.verdict(db, verdict, salt)
        return True
    evidence = Evidence()
    recorded = await _settled(db, verdict, written, now, evidence)
    await evidence.record(db)
    return recorded


def _row(db: Database, verdict: Verdict, holder: str, now: float) -> tuple[Any, ...]:
    return (*_verdict_values(verdict), now, db.new_salt(), verdict.operation_id, holder, verdict.epoch)


async def _settled(db: Database, verdict: Verdict, written: list[Any], now: float, evidence: Evidence) -> bool:
    """Whether the verdict stands, and what is to be kept of it. What was written is the operation's salt."""
    if written:
        salt = written[0][0]
        db.changed.append(verdict.operation_id)
        evidence.add(db, verdict, salt, stale=False)
        events.verdict(db, verdict, salt)
        return True
    found = await by_id(db, verdict.operation_id)
    if _was_recorded(found, verdict):
        return True
    # Of an operation that is unknown, erased, or older than the audit, nobody can check the values.
    salt = (None if found is None else found.salt) or db.new_salt()
    evidence.add(db, verdict, salt, stale=True)
    reason = f"a result ({verdict.status}) came from a holder that had lost the operation; kept as evidence"
    late = DecisionRow(verdict.operation_id, now, "ledger", "stale_result", reason)
    evidence.decisions.append(late)
    events.decision(db, late, salt)
    return False


class Evidence:
    """Attempts, probes and decisions of several verdicts."""

    def __init__(self) -> None:
        self.attempts: list[AttemptRow] = []
        self.probes: list[ProbeRow] = []
        self.decisions: list[DecisionRow] = []

    def add(self, db: Database, verdict: Verdict, salt: str, *, stale: bool) -> None:
        """Take along what a verdict brings, and tell the audit of it."""
        attempts = [replace(one, stale=True) for one in verdict.attempts] if stale else verdict.attempts
        self.attempts += attempts
        self.probes += verdict.probes
        self.decisions += verdict.decisions
        for attempt in attempts:
            events.attempt(db, attempt, salt)
        for probe in verdict.probes:
            events.probe(db, probe, salt)
        for decision in verdict.decisions:
            events.decision(db, decision, salt)

    async def record(self, db: Database) -> None:
        """Write it."""
        sql = db.sql
        if self.attempts:
            await db.put(sql.insert_attempt, [_attempt_values(row) for row in self.attempts])
        if self.probes:
            await db.put(sql.insert_probe, [_probe_values(row) for row in self.probes])
        if self.decisions:
            await db.put(sql.insert_decision, [_decision_values(row) for row in self.decisions])


async def _timed(db: Database, verdicts: Sequence[Verdict], now: float) -> list[Verdict]:
    """Verdicts in the ledger's time. An unknown one without a time would never be looked at again; it gets one."""
    if any(verdict.last_sent_at is not None or verdict.next_check_at is not None for verdict in verdicts):
        await db.time()  # a horizon must not be counted by a clock that was just set wrong
    if db.shift:
        verdicts = [in_ledger_time(verdict, db.shift) for verdict in verdicts]
    return [
        replace(verdict, next_check_at=now)
        if verdict.status is Status.UNKNOWN and verdict.next_check_at is None
        else verdict
        for verdict in verdicts
    ]


def _was_recorded(found: Operation | None, verdict: Verdict) -> bool:
    """Whether this very verdict was recorded before, by a commit whose acknowledgement was lost.

    Only one holder ever has an epoch, so what stands there under this epoch is that holder's own word.
    """
    return (
        found is not None
        and found.holder is None
        and (found.epoch, found.status, found.outcome, found.error)
        == (verdict.epoch, verdict.status, verdict.outcome, verdict.error)
    )


async def resolve(db: Database, verdict: Verdict, decision: DecisionRow) -> bool:
    """Record what a person established about an operation that nobody holds; False when it changed meanwhile."""
    await db.time()
    verdict, decision = in_ledger_time(verdict, db.shift), in_ledger_time(decision, db.shift)
    values = db.sql.resolve.values(
        which=verdict.operation_id,
        under=verdict.epoch,
        new_status=verdict.status,
        outcome=verdict.outcome,
        error=verdict.error,
        next_check_at=verdict.next_check_at,
        kept=int(verdict.status.settled),
        now=db.now,
        new_salt=db.new_salt(),
    )
    if written := (await db.run(db.sql.resolve, values)).fetchall():
        salt = written[0][0]
        db.changed.append(verdict.operation_id)
        events.resolved(db, verdict, salt)
        events.decision(db, decision, salt)
        await db.put(db.sql.insert_decision, [_decision_values(decision)])
        return True
    # Or it is what we ourselves recorded, in a commit whose acknowledgement was lost.
    found = await by_id(db, verdict.operation_id)
    if found is None or (found.epoch, found.status) != (verdict.epoch + 1, verdict.status):
        return False
    rows = (await db.run(db.sql.decisions, db.sql.decisions.values(id=verdict.operation_id))).fetchall()
    return decision in [DecisionRow(*row) for row in rows]


async def note(db: Database, decided: Sequence[DecisionRow]) -> None:
    """Record decisions, in the ledger's time. One that is about no operation gets a salt of its own."""
    rows = []
    for row in decided:
        operation = None if row.operation_id is None else await by_id(db, row.operation_id)
        salt = None if operation is None else operation.salt
        if salt is None:
            salt = db.new_salt()
            row = replace(row, salt=salt)
        events.decision(db, row, salt)
        rows.append(row)
    await db.put(db.sql.insert_decision, [_decision_values(row) for row in rows])
