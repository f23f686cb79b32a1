"""Outcomes to and from what the ledger remembers, and the few that are kept at hand."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ValidationError

from .action import Action
from .errors import CommitUnknown, Conflict, IntegrationError
from .ledger.records import ERASED, Operation, Status
from .outcome import Applied, Outcome, Pending, Receipt, Rejected, Unknown

OTHER_CONTENT = "same_identity_other_content"
"""The code of the conflict between two requests with one identity."""

ENTITY_UNSETTLED = "entity_unsettled"
"""The code of the conflict between two requests that write to one record."""

Place: TypeAlias = tuple[str, str]
"""System and idempotency key."""


_encode = json.JSONEncoder(default=str).encode


def encode_applied(value: BaseModel, receipt: Receipt) -> str:
    """JSON of an applied outcome, for the ledger."""
    told = {"record": receipt.record, "proof": receipt.proof, "facts": dict(receipt.facts)}
    return f'{{"value":{_json(value)},"receipt":{_encode(told)}}}'


def _json(value: BaseModel) -> str:
    try:
        return value.model_dump_json()
    except ValueError:
        # What the target answered cannot be written as JSON (a lone surrogate, say). It happened all the same.
        return _encode(value.model_dump())


def outcome_of(operation: Operation, action: Action, now: float) -> Outcome[Any]:
    """What the ledger knows of an operation, as an outcome for whoever asks again.

    Args:
        operation: The row.
        action: Its action, for the reply model.
        now: Seconds since the epoch.
    """
    match operation.status:
        case Status.APPLIED:
            return _applied(operation, action)
        case Status.REJECTED:
            return Rejected(_error(operation), operation.id, replayed=True)
        case Status.PARKED:
            reason = operation.parked_because or "a person must decide"
            return Pending(operation.id, "person", f"It may have happened, and {reason}.")
        case Status.HELD:
            return Pending(operation.id, "approval", "People must approve it first; nothing was sent.")
        case Status.RUNNING:
            return Pending(operation.id, "operation", "The same request is still running.")
        case Status.UNKNOWN:
            due = operation.next_check_at
            return Unknown(_error(operation), operation.id, None if due is None else max(0.0, due - now))


def identity_conflict(operation: Operation, request: str, principal: str) -> Rejected:
    """The answer to a request whose identity is taken by another content.

    Args:
        operation: The operation that has the identity.
        request: JSON of the request that came now.
        principal: Who asks now; only who asked then is shown what was asked then.
    """
    if operation.digest.startswith(ERASED):
        forgotten = Conflict(
            f"the same was asked for before (operation {operation.id}, {operation.status}), and what it was about has "
            "been erased since; nothing was sent. To repeat on purpose, use another reference",
            code="erased",
            evidence={"operation_id": operation.id},
            system=operation.system,
            action=operation.action,
        )
        return Rejected(forgotten, operation.id)
    earlier, now = json.loads(operation.request), json.loads(request)
    evidence = {
        "operation_id": operation.id,
        "status": str(operation.status),
        "differs": sorted(name for name in {*earlier, *now} if earlier.get(name) != now.get(name)),
    }
    if operation.principal == principal:
        evidence["earlier_request"] = earlier
    instead = "To repeat on purpose, use another reference"
    if operation.status is Status.HELD:
        instead = "People are asked to approve that one; cancel it first, to ask for this instead"
    return Rejected(
        Conflict(
            f"the same request identity was used before with other content (operation {operation.id}, "
            f"{operation.status}); nothing was sent. {instead}",
            code=OTHER_CONTENT,
            evidence=evidence,
            system=operation.system,
            action=operation.action,
        ),
        operation.id,
    )


def undone(operation: Operation, undoing: Operation) -> Rejected | Pending:
    """The answer to a request that was applied, and then undone.

    Args:
        operation: What was applied.
        undoing: Its compensation, not rejected.
    """
    if undoing.status is not Status.APPLIED:
        waits_for: Literal["operation", "person"] = "person" if undoing.status is Status.PARKED else "operation"
        return Pending(undoing.id, waits_for, f"It was done, and operation {undoing.id} is to undo it.")
    error = Conflict(
        f"it was done, and undone by operation {undoing.id}; nothing was sent. To do it again, use another reference",
        code="undone",
        evidence={"undone_by": undoing.id},
        system=operation.system,
        action=operation.action,
    )
    return Rejected(error, operation.id, replayed=True)


def entity_unsettled(operation: Operation, system: str, action: str) -> Rejected:
    """The answer to a request on a record that another operation may still change.

    Args:
        operation: The one that stands in the way.
        system: Of the request that came now.
        action: Of the request that came now.
    """
    error = Conflict(
        f"an earlier operation on the same record is not settled ({operation.id}, {operation.status}); "
        "nothing was sent. Ask again when it is",
        code=ENTITY_UNSETTLED,
        transient=True,
        evidence={"operation_id": operation.id},
    )
    return Rejected(error.at(system, action, 0))


def _applied(operation: Operation, action: Action) -> Applied[Any]:
    stored = json.loads(operation.outcome or "{}")
    receipt = Receipt(**stored.get("receipt", {}))
    try:
        value = action.reply.model_validate(stored.get("value"))
    except ValidationError:
        # Recorded by another version of the model; the effect is proven all the same.
        value = action.reply.model_construct(**stored.get("value") or {})
    return Applied(value, receipt, operation.id, replayed=True)


def _error(operation: Operation) -> IntegrationError:
    if operation.error is None:
        return CommitUnknown("no error was recorded", system=operation.system, action=operation.action)
    return IntegrationError.from_record(json.loads(operation.error))


class Warm:
    """The latest applied outcomes, at hand. An applied outcome never changes, so memory cannot be stale.

    Args:
        size: How many are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Place, tuple[str, Applied[Any]]] = OrderedDict()

    def recall(self, place: Place, digest: str) -> Applied[Any] | None:
        """The outcome of the same request with the same content, if it is at hand."""
        kept = self._kept.get(place)
        if kept is None or kept[0] != digest:
            return None
        self._kept.move_to_end(place)
        return kept[1]

    def keep(self, place: Place, digest: str, outcome: Applied[Any]) -> None:
        """Keep one more, and forget the one longest unused."""
        if self._size == 0:
            return
        self._kept[place] = (digest, Applied(outcome.value, outcome.receipt, outcome.operation_id, replayed=True))
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
