"""What an agent may ask of its own operations: what became of them, waiting, cancelling. Nobody sees another's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..core.action import Action, EffectClass, Reply, Request
from ..core.approval import pending
from ..core.errors import LedgerUnavailable
from ..core.ledger.records import Operation, Status
from ..core.outcome import Applied, Outcome, Receipt, Rejected
from ..core.replay import outcome_of, undone
from .result import Fault, Result
from .telling import Call, tell
from .tools import Toolbox

if TYPE_CHECKING:
    from ..wall import Seawall

_LOOK = 0.5  # seconds between looks at an operation that another process may have changed


class Operations:
    """The operations of one principal.

    Args:
        wall: The open wall.
        toolbox: The principal's tools.
        principal: Who asks.
    """

    def __init__(self, wall: Seawall, toolbox: Toolbox, principal: str) -> None:
        self._wall = wall
        self._toolbox = toolbox
        self._principal = principal

    async def get(self, operation_id: str) -> Result:
        """What became of an operation.

        Args:
            operation_id: The operation.
        """
        try:
            found = await self._mine(operation_id)
            return _not_yours(operation_id) if found is None else await self._told(found)
        except LedgerUnavailable as error:
            return _unreadable(error)

    async def wait(self, operation_id: str, seconds: float) -> Result:
        """The same, as soon as it has a result or a person must decide.

        Args:
            operation_id: The operation.
            seconds: To wait at most.
        """
        clock, ledger = self._wall.sources.clock, self._wall.ledger
        until = clock.monotonic() + seconds
        try:
            while True:
                found = await self._mine(operation_id)
                if found is None:
                    return _not_yours(operation_id)
                left = until - clock.monotonic()
                if found.status.settled or found.status is Status.PARKED or left <= 0:
                    return await self._told(found)
                await ledger.changed(operation_id, min(_LOOK, left))
        except LedgerUnavailable as error:
            return _unreadable(error)

    async def cancel(self, operation_id: str, seconds: float) -> Result:
        """Keep an operation from being sent, if nothing of it was; otherwise say what is known of it.

        Args:
            operation_id: The operation.
            seconds: To wait at most until the cancellation is recorded.
        """
        try:
            found = await self._mine(operation_id)
        except LedgerUnavailable as error:
            return _unreadable(error)
        if found is None:
            return _not_yours(operation_id)
        withdrawn = await self._withdraw(found)
        told = await self.wait(operation_id, seconds) if withdrawn else await self.get(operation_id)
        if told.status == "cancelled":
            return told
        if withdrawn and told.status == "in_progress":
            return replace(told, summary=f"Cancelled here, but that is not recorded yet. {told.summary}")
        return replace(told, summary=f"{_TOO_LATE.get(told.status, 'Nothing to cancel.')} {told.summary}")

    async def _withdraw(self, operation: Operation) -> bool:
        if operation.status is not Status.HELD:
            return self._wall.pipeline.withdraw(operation.id)
        try:
            return await self._wall.approvals.withdraw(operation)
        except LedgerUnavailable:
            return False

    async def mine(self, status: Status | None, action: str | None, limit: int) -> Result:
        """A list of operations, newest first.

        Args:
            status: Of this status only.
            action: Of this `system.action` only.
            limit: At most so many.
        """
        system, _, name = (action or "").partition(".")
        try:
            found = await self._wall.ledger.find(
                system=system or None, action=name or None, status=status, principal=self._principal, limit=limit
            )
            told = [await self._short(operation) for operation in found]
        except LedgerUnavailable as error:
            return _unreadable(error)
        open_now = sum(not operation.status.settled for operation in found)
        return Result(
            status="succeeded",
            effect="applied",
            summary=f"Answered: {len(told)} of your operations, newest first; {open_now} without a proven result.",
            data={"operations": told},
        )

    async def is_of_another(self, operation_id: str) -> bool:
        """Whether an operation is known to be another principal's.

        Args:
            operation_id: The operation.
        """
        try:
            found = await self._wall.ledger.get(operation_id)
        except LedgerUnavailable:
            return False
        return found is not None and found.principal != self._principal

    async def _mine(self, operation_id: str) -> Operation | None:
        found = await self._wall.ledger.get(operation_id)
        return found if found is not None and found.principal == self._principal else None

    async def _told(self, operation: Operation) -> Result:
        action = self._action(operation)
        outcome = self._outcome(operation, action)
        if operation.status is Status.HELD:
            outcome = pending(operation, await self._wall.ledger.approvals.of(operation.id))
        if isinstance(outcome, Applied) and action is not None and action.compensation is not None:
            undoing = await self._wall.ledger.undoing(operation.id)
            outcome = outcome if undoing is None else undone(operation, undoing)
        return replace(tell(outcome, self._call(operation, action)), operation_id=operation.id)

    def _outcome(self, operation: Operation, action: Action | None) -> Outcome[Any]:
        if action is None and operation.status is Status.APPLIED:
            stored = json.loads(operation.outcome or "{}")
            return Applied(stored.get("value"), Receipt(**stored.get("receipt", {})), operation.id)
        outcome = outcome_of(operation, action or _GONE, self._wall.sources.clock.now())
        # Whoever asks for an operation by its id is told of that one: it is no repetition of another call.
        return replace(outcome, replayed=False) if isinstance(outcome, Applied | Rejected) else outcome

    def _call(self, operation: Operation, action: Action | None) -> Call:
        request = json.loads(operation.request)
        bound = self._toolbox.by_target.get(f"{operation.system}.{operation.action}")
        bound = bound if bound in self._toolbox.permitted else None
        return Call(
            system=operation.system,
            action=action or replace(_GONE, name=operation.action),
            request=request,
            same=None if bound is None else self._toolbox.call_of(bound, request),
            now=self._wall.sources.clock.now(),
            policy=policy_told(json.loads(operation.policy)),
            trace_id=operation.trace_id or None,
        )

    def _action(self, operation: Operation) -> Action | None:
        system = self._wall.systems.get(operation.system)
        if system is None:
            return None
        actions = system.adapter.actions
        items = (action.batch.of for action in actions.values() if action.batch is not None)
        return actions.get(operation.action) or next((one for one in items if one.name == operation.action), None)

    async def _short(self, operation: Operation) -> dict[str, Any]:
        told = await self._told(operation)
        return {
            "operation_id": operation.id,
            "action": f"{operation.system}.{operation.action}",
            "status": told.status,
            "effect": told.effect,
            "records": [dict(record) for record in told.records],
            "identity": json.loads(operation.identity),
            "created_at": datetime.fromtimestamp(operation.created_at, UTC).isoformat(timespec="seconds"),
        }


class _Anything(Request[Reply]):
    reference: str


_GONE = Action(
    name="gone",
    description="An action of a system that is not configured any more.",
    request=_Anything,
    reply=Reply,
    effect=EffectClass.OPAQUE,
    identity=("reference",),
)

_TOO_LATE = {
    "succeeded": "Too late to cancel: it was done.",
    "in_progress": "Not cancelled: it was sent, or another process carries it out.",
    "outcome_unknown": "Not cancelled: it was sent.",
    "pending_approval": "Not cancelled: that could not be recorded.",
}


def policy_told(decision: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded policy decision as agents see it, with the approval that was spent for it."""
    return {name: decision.get(name) for name in ("decision", "rule", "version", "approval_id")}


def _not_yours(operation_id: str) -> Result:
    return Result(
        status="invalid",
        effect="not_applied",
        summary=(
            f"Nothing was done by this call: you have no operation {operation_id[:100]!r}. This says nothing about "
            "what was changed in any system; operations_mine lists yours."
        ),
        error=Fault("unknown_operation", "request", ({"field": "operation_id", "rule": "must be one of yours"},)),
    )


def _unreadable(error: LedgerUnavailable) -> Result:
    return Result(
        status="unavailable",
        effect="not_applied",
        summary=(
            "Nothing was done by this call: Seawall cannot read its records now. This says nothing about what was "
            f"changed in any system; ask again later. {error.message}"
        ),
        error=Fault(error.code or "ledger", "ledger"),
    )
