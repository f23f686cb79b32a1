"""What the ledger's jobs tell the audit: each event has what its row has, and commitments of what may be personal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from .records import AttemptRow, DecisionRow, Operation, ProbeRow, Verdict

if TYPE_CHECKING:
    from .database import Database


class Allowed(NamedTuple):
    """What the record of a policy decision says.

    Args:
        decision: `allow` or `deny`.
        rule: The rule that decided.
        version: The policy's version.
        more: The whole record where it says anything else; that may be personal.
    """

    decision: str | None = None
    rule: str | None = None
    version: str | None = None
    more: str | None = None


@lru_cache(maxsize=1024)
def allowed(policy: str) -> Allowed:
    """What may be told of the record of a policy decision, and what only a commitment may be kept of."""
    try:
        known: Any = json.loads(policy)
    except ValueError:
        known = None
    if not isinstance(known, dict):
        return Allowed(more=policy)
    decided, rule, version = (known.pop(name, None) for name in ("decision", "rule", "version"))
    if not all(value is None or isinstance(value, str) for value in (decided, rule, version)):
        return Allowed(more=policy)
    return Allowed(decided, rule, version, more=policy if known else None)


def code_of(error: str | None) -> str | None:
    """The code in the record of an error."""
    if error is None:
        return None
    try:
        found = json.loads(error)
    except ValueError:
        return None
    code = found.get("code") if isinstance(found, dict) else None
    return code if isinstance(code, str) else None


def private_of_intent(operation: Operation) -> Mapping[str, str | None]:
    """What of an operation's intent may be personal."""
    return {
        "key": operation.key,
        "identity": operation.identity,
        "request": operation.request,
        "digest": operation.digest,
        "entity": operation.entity,
        "policy": allowed(operation.policy).more,
        "trace_id": operation.trace_id,
    }


def intent(db: Database, operation: Operation) -> None:
    """An intent was recorded, and is about to be sent."""
    policy = allowed(operation.policy)
    assert operation.salt is not None
    db.audit_private(
        "intent",
        operation.id,
        operation.salt,
        private_of_intent(operation),
        system=operation.system,
        action=operation.action,
        principal=operation.principal,
        adapter_version=operation.adapter_version,
        decision=policy.decision,
        rule=policy.rule,
        policy_version=policy.version,
        batch_id=operation.batch_id,
        atomic=operation.atomic,
        undoes=operation.undoes,
        epoch=operation.epoch,
        created_at=operation.created_at,
        sent_at=operation.sent_at,
        last_sent_at=operation.last_sent_at,
    )


def verdict(db: Database, one: Verdict, salt: str) -> None:
    """A holder recorded what became of an operation."""
    db.audit_private(
        "verdict",
        one.operation_id,
        salt,
        {"outcome": one.outcome, "error": one.error, "parked_because": one.parked_because},
        status=one.status.value,
        epoch=one.epoch,
        code=code_of(one.error),
        sent_at=one.sent_at,
        last_sent_at=one.last_sent_at,
    )


def resolved(db: Database, one: Verdict, salt: str) -> None:
    """A person said what became of an operation. The epoch is the new one."""
    db.audit_private(
        "resolve",
        one.operation_id,
        salt,
        {"outcome": one.outcome, "error": one.error},
        status=one.status.value,
        epoch=one.epoch + 1,
        code=code_of(one.error),
    )


def claim(db: Database, operation: Operation) -> None:
    """A holder took an operation over; the chain says who."""
    assert operation.salt is not None
    db.audit_private(
        "claim",
        operation.id,
        operation.salt,
        {"error": operation.error},
        epoch=operation.epoch,
        code=code_of(operation.error),
        sent_at=operation.sent_at,
        last_sent_at=operation.last_sent_at,
        orphaned=operation.orphaned,
    )


def attempt(db: Database, row: AttemptRow, salt: str) -> None:
    """An attempt was made."""
    db.audit_private(
        "attempt",
        row.operation_id,
        salt,
        {"error": row.error},
        epoch=row.epoch,
        number=row.number,
        purpose=row.purpose,
        started_at=row.started_at,
        ended_at=row.ended_at,
        effect=row.effect,
        code=code_of(row.error),
        stale=row.stale,
    )


def probe(db: Database, row: ProbeRow, salt: str) -> None:
    """The target was looked at."""
    db.audit_private(
        "probe", row.operation_id, salt, {"detail": row.detail}, epoch=row.epoch, at=row.at, finding=row.finding
    )


def decision(db: Database, row: DecisionRow, salt: str) -> None:
    """Something was decided: by policy, by recovery, by a person."""
    private = {"reason": row.reason, "detail": row.detail}
    db.audit_private("decision", row.operation_id, salt, private, at=row.at, by=row.by, decision=row.decision)
