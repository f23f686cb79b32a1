"""Undoing what was done: an operation of its own, which may itself fail, be unknown, or be refused.

What is undone must be settled first, and must not be able to come back: an earlier attempt whose reply was lost may
still commit, and would leave behind what was meant to be gone. So a compensation waits for the late-commit horizon of
what it undoes, and looks again before it acts.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from .action import Action, Compensation, Done
from .adapter import Absent, Attempt, CannotTell, Many, Present
from .doubt import look, moved
from .errors import Conflict, IntegrationError, InvalidRequest, LedgerUnavailable, NotSent
from .ledger.records import DecisionRow, Operation, Status
from .outcome import Applied, Outcome, Pending, Rejected
from .pipeline import Pipeline
from .replay import outcome_of
from .system import System
from .trail import Trail

_LOOK = 0.2  # seconds between two looks at an operation that is not settled


async def compensate(
    pipeline: Pipeline, operation_id: str, *, principal: str, reason: str, deadline: float | None = None
) -> Outcome[Any]:
    """Undo an operation by the action that its own action names.

    Args:
        pipeline: Carries the compensation out, under its own policy decision.
        operation_id: What is to be undone.
        principal: Who asks.
        reason: Why; recorded with the operation that is undone.
        deadline: Seconds within which this answers; the default of the operation's system if None.

    Returns:
        The outcome of the compensation, which is an operation with a key of its own: `Applied` when it is proven that
        the effect was undone, `Unknown` when that is not known. `Pending` while what it undoes is not settled or may
        still commit; ask again then. `Rejected` when there is nothing to undo or no way to.
    """
    undo = _Undo(pipeline, operation_id, principal, reason)
    try:
        return await undo.carry_out(deadline)
    except LedgerUnavailable as error:
        return Rejected(error)
    except InvalidRequest as error:
        return Rejected(error, operation_id)


class _Undo:
    def __init__(self, pipeline: Pipeline, operation_id: str, principal: str, reason: str) -> None:
        self.pipeline = pipeline
        self.ledger = pipeline.ledger
        self.clock = pipeline.sources.clock
        self.operation_id = operation_id
        self.principal = principal
        self.reason = reason

    async def carry_out(self, deadline: float | None) -> Outcome[Any]:
        operation = await self._read()
        system, action, means = self._means(operation)
        deadline_at = self.clock.monotonic() + (system.settings.deadline if deadline is None else deadline)
        operation = await self._settled(operation, deadline_at)
        if (not_yet := self._not_settled(operation)) is not None:
            return not_yet
        if (earlier := await self.ledger.undoing(operation.id)) is not None:
            return self._told(system, earlier)
        found = await self._still_there(system, action, operation, deadline_at)
        if not isinstance(found, Done):
            return found
        request = self._request(means, found, system)
        row = DecisionRow(operation.id, self.clock.now(), self.principal, "compensate", self.reason)
        await self.ledger.note([row])
        return await self.pipeline.call(
            system.name,
            means.by,
            request,
            principal=self.principal,
            deadline=max(0.0, deadline_at - self.clock.monotonic()),
            trace_id=operation.trace_id,
            undoes=operation.id,
        )

    async def _read(self) -> Operation:
        operation = await self.ledger.get(self.operation_id)
        if operation is None:
            raise InvalidRequest(f"the ledger knows no operation {self.operation_id!r}", code="unknown_operation")
        return operation

    def _means(self, operation: Operation) -> tuple[System, Action, Compensation]:
        system = self.pipeline.systems.get(operation.system)
        if system is None:
            raise InvalidRequest(f"there is no system {operation.system!r} any more", code="unknown_system")
        action = system.adapter.actions.get(operation.action)
        if action is None or action.compensation is None:
            raise InvalidRequest(
                f"{operation.system}.{operation.action} declares no compensation; it must be undone by hand",
                code="no_compensation",
            )
        if action.compensation.by not in system.adapter.actions:
            raise InvalidRequest(
                f"{operation.action} is undone by {action.compensation.by!r}, which {system.name} does not have",
                code="unknown_action",
            )
        return system, action, action.compensation

    async def _settled(self, operation: Operation, deadline_at: float) -> Operation:
        """The operation as soon as it is settled or parked, or as it is when the time is over."""
        while operation.status in (Status.RUNNING, Status.UNKNOWN):
            if self.clock.monotonic() + _LOOK >= deadline_at:
                break
            await self.clock.sleep(_LOOK)
            operation = await self._read()
        return operation

    def _not_settled(self, operation: Operation) -> Outcome[Any] | None:
        match operation.status:
            case Status.APPLIED:
                return None
            case Status.REJECTED:
                return self._nothing_to_undo(operation, "it had no effect")
            case Status.PARKED:
                return Pending(operation.id, "person", "What is to be undone may have happened; resolve it first.")
            case _:
                return Pending(
                    operation.id, "operation", "What is to be undone may have happened; it is not known yet."
                )

    def _told(self, system: System, earlier: Operation) -> Outcome[Any]:
        return outcome_of(earlier, system.adapter.actions[earlier.action], self.clock.now())

    async def _still_there(
        self, system: System, action: Action, operation: Operation, deadline_at: float
    ) -> Done | Rejected | Pending:
        """What is to be undone, when no earlier attempt can commit any more; looked at again if there was one."""
        try:
            request = action.request.model_validate_json(operation.request)
        except ValidationError:
            raise InvalidRequest(
                f"the request of {operation.id} no longer fits {action.name}; it must be undone by hand",
                code="no_compensation",
            ) from None
        recorded = outcome_of(operation, action, self.clock.now())
        assert isinstance(recorded, Applied)
        done = Done(request, recorded.value, recorded.receipt.record)
        if operation.last_sent_at is None:
            return done  # acknowledged at the first attempt: no other is on its way
        horizon, probe = system.horizon(action), action.probe
        if horizon is None:
            raise InvalidRequest(
                "an earlier attempt's reply was lost, and nobody knows how long the target may still commit it: what "
                "is undone now could come back. It must be undone by hand",
                code="horizon_unknown",
            )
        lag = probe.read_lag if probe is not None else 0.0
        left = horizon + lag - system.elapsed.since(operation.id, operation.last_sent_at)
        if left > 0:
            if self.clock.monotonic() + left >= deadline_at:
                return Pending(
                    operation.id,
                    "operation",
                    f"An earlier attempt may still commit for {left:.1f} s; what is undone before could come back.",
                    retry_after=left,
                )
            await self.clock.sleep(left)
        return done if probe is None else await self._looked_at(system, action, operation, done, deadline_at)

    async def _looked_at(
        self, system: System, action: Action, operation: Operation, done: Done, deadline_at: float
    ) -> Done | Rejected:
        if (reason := moved(system, action, operation)) is not None:
            raise InvalidRequest(f"it cannot be looked at: {reason}. It must be undone by hand", code="no_compensation")
        trail = Trail(operation.id, operation.epoch, self.clock)
        attempt = Attempt(operation.id, operation.key, done.request, sent_before=operation.sent_at)
        found = await look(system, action, attempt, deadline_at, trail)
        match found:
            case Present():
                return Done(done.request, found.value, found.record or done.record)
            case Absent():
                return self._nothing_to_undo(operation, "it is not there any more")
            case Many(records=records):
                shown = ", ".join(records)
                error: IntegrationError = Conflict(
                    f"{len(records)} records carry this operation's key ({shown}); a person must say which one counts",
                    code="duplicate",
                    evidence={"records": list(records)},
                )
            case CannotTell(reason=reason):
                error = NotSent(
                    f"a look before undoing it could not tell: {reason}", code="not_looked_at", transient=True
                )
            case _:
                error = NotSent(
                    f"the look before undoing it failed: {found.message}", code="not_looked_at", transient=True
                )
        return Rejected(error.at(system.name, action.name, 0), operation.id)

    def _request(self, means: Compensation, done: Done, system: System) -> BaseModel:
        try:
            return means.request(done)
        except Exception as mistake:
            raise InvalidRequest(
                f"{system.adapter.kind} could not say how to undo it ({type(mistake).__name__})", code="no_compensation"
            ) from mistake

    def _nothing_to_undo(self, operation: Operation, why: str) -> Rejected:
        error = Conflict(f"there is nothing to undo: {why}", code="nothing_to_undo")
        return Rejected(error.at(operation.system, operation.action, 0), operation.id)


def _not_looked_at(message: str) -> NotSent:
    return NotSent(message, code="not_looked_at", transient=True)
