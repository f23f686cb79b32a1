"""What the ledger's jobs tell the audit: each event has what its row has, and commitments of what may be personal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .audit import Event, Scalar, commitment
from .records import AttemptRow, DecisionRow, Operation, ProbeRow, Status, Verdict

if TYPE_CHECKING:
    from .database import Database


class Allowed(NamedTuple):
    """What the record of a policy decision says.

    Args:
        decision: `allow`, `require_approval` or `deny`.
        rule: The rule that decided.
        version: The policy's version.
        id: The decision's own.
        more: The whole record where it says anything else; that may be personal.
    """

    decision: str | None = None
    rule: str | None = None
    version: str | None = None
    id: str | None = None
    more: str | None = None


def allowed(policy: str) -> Allowed:
    """What may be told of the record of a policy decision, and what only a commitment may be kept of."""
    try:
        known: Any = json.loads(policy)
    except ValueError:
        known = None
    if not isinstance(known, dict):
        return Allowed(more=policy)
    decided, rule, version, id_ = (known.pop(name, None) for name in ("decision", "rule", "version", "id"))
    if not all(value is None or isinstance(value, str) for value in (decided, rule, version, id_)):
        return Allowed(more=policy)
    return Allowed(decided, rule, version, id_, more=policy if known else None)


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


# Every write has an intent, an attempt and a verdict. Their events are put together here and not by `db.audit`, which
# takes twice as long.


def intent(db: Database, operation: Operation) -> None:
    """An intent was recorded, and is about to be sent, or held until people approve it."""
    policy, salt = allowed(operation.policy), operation.salt
    assert salt is not None
    event: Event = {
        "kind": "intent",
        "operation": operation.id,
        "system": operation.system,
        "action": operation.action,
        "principal": operation.principal,
        "adapter_version": operation.adapter_version,
        "epoch": operation.epoch,
        "created_at": operation.created_at,
        "private": {
            "key": commitment(salt, "key", operation.key),
            "identity": commitment(salt, "identity", operation.identity),
            "request": commitment(salt, "request", operation.request),
            "digest": commitment(salt, "digest", operation.digest),
        },
    }
    _put_policy(event, policy)
    if operation.status is Status.HELD:
        event["held"] = True
    if operation.atomic:
        event["atomic"] = True
    for name in ("batch_id", "undoes", "sent_at", "last_sent_at"):
        if (value := getattr(operation, name)) is not None:
            event[name] = value
    for name, private in (("entity", operation.entity), ("policy", policy.more), ("trace_id", operation.trace_id)):
        if private:
            event["private"][name] = commitment(salt, name, private)
    db.events.append(event)


def verdict(db: Database, one: Verdict, salt: str) -> None:
    """A holder recorded what became of an operation."""
    private: dict[str, str] = {}
    event: Event = {"kind": "verdict", "operation": one.operation_id, "status": one.status.value, "epoch": one.epoch}
    if one.outcome:
        private["outcome"] = commitment(salt, "outcome", one.outcome)
    if one.error:
        private["error"] = commitment(salt, "error", one.error)
        _put(event, "code", code_of(one.error))
    if one.parked_because:
        private["parked_because"] = commitment(salt, "parked_because", one.parked_because)
    _put(event, "sent_at", one.sent_at)
    _put(event, "last_sent_at", one.last_sent_at)
    if private:
        event["private"] = private
    db.events.append(event)


def attempt(db: Database, row: AttemptRow, salt: str) -> None:
    """An attempt was made."""
    event: Event = {
        "kind": "attempt",
        "operation": row.operation_id,
        "epoch": row.epoch,
        "number": row.number,
        "purpose": row.purpose,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "effect": row.effect,
    }
    if row.error:
        _put(event, "code", code_of(row.error))
        event["private"] = {"error": commitment(salt, "error", row.error)}
    if row.stale:
        event["stale"] = True
    db.events.append(event)


def _put_policy(event: Event, policy: Allowed) -> None:
    _put(event, "decision", policy.decision)
    _put(event, "rule", policy.rule)
    _put(event, "policy_version", policy.version)
    _put(event, "decision_id", policy.id)


def _put(event: Event, name: str, value: Scalar) -> None:
    if value is not None:
        event[name] = value


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


def probe(db: Database, row: ProbeRow, salt: str) -> None:
    """The target was looked at."""
    db.audit_private(
        "probe", row.operation_id, salt, {"detail": row.detail}, epoch=row.epoch, at=row.at, finding=row.finding
    )


def decision(db: Database, row: DecisionRow, salt: str) -> None:
    """Something was decided: by policy, by recovery, by a person."""
    private = {"reason": row.reason, "detail": row.detail}
    db.audit_private("decision", row.operation_id, salt, private, at=row.at, by=row.by, decision=row.decision)
