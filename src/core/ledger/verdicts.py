"""Verdicts and decisions: what became of an operation, written by whoever holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from .database import Database
from .reads import by_id
from .records import AttemptRow, DecisionRow, ProbeRow, Status, Verdict
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
    rows = [_row(verdicts[place], holder, now) for place in places]
    recorded = [False] * len(verdicts)
    evidence = Evidence()
    for place, answer in zip(places, await db.each(db.sql.finish, rows), strict=True):
        verdict = verdicts[place]
        recorded[place] = await _settled(db, verdict, answer.rowcount == 1, now, evidence)
    await evidence.record(db)
    return recorded


async def _finish_one(db: Database, verdict: Verdict, holder: str, now: float) -> bool:
    """The same for one, at half of its cost."""
    answer = await db.run(db.sql.finish, _row(verdict, holder, now))
    if answer.rowcount == 1 and not verdict.probes and not verdict.decisions:
        db.changed.append(verdict.operation_id)
        if verdict.attempts:
            await db.put(db.sql.insert_attempt, [_attempt_values(attempt) for attempt in verdict.attempts])
        return True
    evidence = Evidence()
    recorded = await _settled(db, verdict, answer.rowcount == 1, now, evidence)
    await evidence.record(db)
    return recorded


def _row(verdict: Verdict, holder: str, now: float) -> tuple[Any, ...]:
    return (*_verdict_values(verdict), now, verdict.operation_id, holder, verdict.epoch)


async def _settled(db: Database, verdict: Verdict, written: bool, now: float, evidence: Evidence) -> bool:  # noqa: FBT001 -- an answer
    """Whether the verdict stands, and what is to be kept of it."""
    if written:
        db.changed.append(verdict.operation_id)
        evidence.add(verdict, stale=False)
        return True
    if await _was_recorded(db, verdict):
        return True
    evidence.add(verdict, stale=True)
    reason = f"a result ({verdict.status}) came from a holder that had lost the operation; kept as evidence"
    evidence.decisions.append(DecisionRow(verdict.operation_id, now, "ledger", "stale_result", reason))
    return False


class Evidence:
    """Attempts, probes and decisions of several verdicts."""

    def __init__(self) -> None:
        self.attempts: list[AttemptRow] = []
        self.probes: list[ProbeRow] = []
        self.decisions: list[DecisionRow] = []

    def add(self, verdict: Verdict, *, stale: bool) -> None:
        """Take along what a verdict brings."""
        self.attempts += [replace(one, stale=True) for one in verdict.attempts] if stale else verdict.attempts
        self.probes += verdict.probes
        self.decisions += verdict.decisions

    async def record(self, db: Database) -> None:
        """Write it."""
        sql = db.sql
        if self.attempts:
            await db.put(sql.insert_attempt, [_attempt_values(row) for row in self.attempts])
        if self.probes:
            await db.put(sql.insert_probe, [_probe_values(row) for row in self.probes])
        if self.decisions:
            await note(db, self.decisions)


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


async def _was_recorded(db: Database, verdict: Verdict) -> bool:
    """Whether this very verdict was recorded before, by a commit whose acknowledgement was lost.

    Only one holder ever has an epoch, so what stands there under this epoch is that holder's own word.
    """
    found = await by_id(db, verdict.operation_id)
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
    )
    if (await db.run(db.sql.resolve, values)).rowcount == 1:
        db.changed.append(verdict.operation_id)
        await note(db, [decision])
        return True
    # Or it is what we ourselves recorded, in a commit whose acknowledgement was lost.
    found = await by_id(db, verdict.operation_id)
    if found is None or (found.epoch, found.status) != (verdict.epoch + 1, verdict.status):
        return False
    rows = (await db.run(db.sql.decisions, db.sql.decisions.values(id=verdict.operation_id))).fetchall()
    return decision in [DecisionRow(*row) for row in rows]


async def note(db: Database, decided: Sequence[DecisionRow]) -> None:
    """Record decisions, in the ledger's time."""
    await db.put(db.sql.insert_decision, [_decision_values(row) for row in decided])
