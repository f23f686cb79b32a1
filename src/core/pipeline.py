"""One call, from the request to the outcome. `Pipeline.call` and `_write` tell the story in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from .action import Action
from .adapter import Attempt, Sent
from .batch import call_batch
from .clock import Sources
from .errors import Conflict, DeadlineBeforeSend, Denied, IntegrationError, InvalidRequest
from .identity import Identity, identify
from .intake import Asked, Intake
from .ledger.records import DecisionRow, Operation, Status
from .outcome import Applied, Outcome, Pending, Receipt, Rejected, Unknown
from .policy import Decision, Policy
from .replay import OTHER_CONTENT, Place, Warm, identity_conflict, outcome_of
from .system import System
from .write import carry_out

if TYPE_CHECKING:
    from .ledger.store import Ledger

_FIRST_LOOK, _SLOWEST_LOOK = 0.02, 0.5  # seconds between looks at an operation that another process runs


class Pipeline:
    """Carries calls out.

    Args:
        systems: The systems by name.
        ledger: Where operations are remembered.
        policy: Who may do what.
        sources: Clock, randomness and ids.
        warm: Applied outcomes kept at hand.
        on_doubt: Called when an operation became unknown, so that recovery looks at it soon.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        ledger: Ledger,
        policy: Policy,
        sources: Sources,
        *,
        warm: int = 4096,
        on_doubt: Callable[[], None] = lambda: None,
    ) -> None:
        self.systems = systems
        self.ledger = ledger
        self.policy = policy
        self.sources = sources
        self.warm = Warm(warm)
        self.on_doubt = on_doubt
        self.running: dict[Place, asyncio.Future[Outcome[Any]]] = {}
        self.intake = Intake(ledger, sources)

    async def call(
        self,
        system_name: str,
        action_name: str,
        request: BaseModel | Mapping[str, Any],
        *,
        principal: str,
        deadline: float | None = None,
        trace_id: str = "",
    ) -> Outcome[Any]:
        """Do it, or say exactly what is known.

        Args:
            system_name: The system, as configured.
            action_name: One of its adapter's actions.
            request: The request model, or its fields.
            principal: Who asks.
            deadline: Seconds within which this answers; the system's default if None.
            trace_id: The caller's trace.
        """
        clock = self.sources.clock
        try:
            system, action, valid = self._validated(system_name, action_name, request)
        except InvalidRequest as error:
            return Rejected(error.at(system_name, action_name, 0))
        deadline_at = clock.monotonic() + (system.settings.deadline if deadline is None else deadline)
        decision = self.policy.decide(principal, system.name, action)
        if not decision.allowed:
            return self._denied(system, action, principal, decision)
        if not action.writes:
            return await self._read(system, action, valid, deadline_at)
        asked = Asked(
            system,
            action,
            principal,
            decision.record,
            deadline_at,
            trace_id,
            self.sources,
            self.intake,
            self.on_doubt,
        )
        if action.batch is not None:
            return await call_batch(asked, valid)
        return await self._write(asked, valid)

    async def _read(self, system: System, action: Action, request: BaseModel, deadline_at: float) -> Outcome[Any]:
        async def send(number: int, timeout: float) -> Sent[Any]:
            return await system.adapter.send(action, Attempt("", "", request, number, timeout))

        result = await system.call(send, deadline_at, reads=True)
        if isinstance(result, IntegrationError):
            return Rejected(result.at(system.name, action.name, 0))
        return Applied(result.value, Receipt(result.record, "reply", result.facts))

    async def _write(self, asked: Asked, request: BaseModel) -> Outcome[Any]:
        identity = identify(asked.system.name, asked.action, request)
        place = (asked.system.name, identity.key)
        while True:
            if (kept := self.warm.recall(place, identity.digest)) is not None:
                return kept
            if (running := self.running.get(place)) is None:
                break
            joined = await self._join(running, asked, identity)
            if joined is not None:
                return joined
        # The place is taken before the ledger is asked, so that callers of this process share one request to it.
        mine: asyncio.Future[Outcome[Any]] = asyncio.get_running_loop().create_future()
        self.running[place] = mine
        outcome: Outcome[Any] | None = None
        try:
            outcome = await self._begin_and_carry_out(asked, request, identity)
            if isinstance(outcome, Applied):
                self.warm.keep(place, identity.digest, outcome)
            return outcome
        finally:
            del self.running[place]
            mine.set_result(outcome or Pending("", "operation", "The first caller stopped waiting."))

    async def _begin_and_carry_out(self, asked: Asked, request: BaseModel, identity: Identity) -> Outcome[Any]:
        clock = self.sources.clock
        look = _FIRST_LOOK
        while True:
            begun = await self.intake.begin([asked.intent(asked.action, request, identity)], asked.deadline_at)
            if isinstance(begun, IntegrationError):
                return Rejected(begun.at(asked.system.name, asked.action.name, 0))
            (first,) = begun
            if first.fresh:
                return await carry_out(asked, request, first.operation)
            if first.blocked_by is None and first.operation.digest != identity.digest:
                return identity_conflict(first.operation)
            if first.blocked_by is None and first.operation.status is not Status.RUNNING:
                return outcome_of(first.operation, asked.action, clock.now())
            if clock.monotonic() + look >= asked.deadline_at:
                return self._too_long(first.operation, asked, blocked=first.blocked_by is not None)
            await clock.sleep(look)
            look = min(look * 1.5, _SLOWEST_LOOK)

    async def _join(
        self, running: asyncio.Future[Outcome[Any]], asked: Asked, identity: Identity
    ) -> Outcome[Any] | None:
        """Wait for the caller that has the place; None when it left without sending, so that we may."""
        try:
            async with asyncio.timeout(asked.left()):
                outcome = await asyncio.shield(running)
        except TimeoutError:
            return Pending("", "operation", "The same request is still running.")
        operation_id = getattr(outcome, "operation_id", "")
        operation = await self.ledger.get(operation_id) if operation_id else None
        if operation is not None and operation.digest != identity.digest:
            return identity_conflict(operation)
        if isinstance(outcome, Applied):
            return replace(outcome, replayed=True)
        if isinstance(outcome, Rejected):
            # Not for us: it left before anything was sent, or its content, and not ours, was in conflict.
            its_own = isinstance(outcome.error, DeadlineBeforeSend) or outcome.error.code == OTHER_CONTENT
            return None if its_own else replace(outcome, replayed=True)
        return outcome if isinstance(outcome, Unknown) or operation_id else None

    def _validated(
        self, system_name: str, action_name: str, request: BaseModel | Mapping[str, Any]
    ) -> tuple[System, Action, BaseModel]:
        system = self.systems.get(system_name)
        if system is None:
            known = ", ".join(sorted(self.systems)) or "none is configured"
            raise InvalidRequest(f"there is no system {system_name!r}; known: {known}", code="unknown_system")
        action = system.adapter.actions.get(action_name)
        if action is None:
            known = ", ".join(sorted(system.adapter.actions))
            raise InvalidRequest(f"{system_name} has no action {action_name!r}; it has: {known}", code="unknown_action")
        if isinstance(request, action.request):
            return system, action, request
        if isinstance(request, BaseModel):
            raise InvalidRequest(
                f"{action_name} takes {action.request.__name__}, not {type(request).__name__}",
                code="wrong_request",
            )
        try:
            return system, action, action.request.model_validate(dict(request))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, found['loc'])) or 'request'}: {found['msg']}" for found in error.errors()
            )
            raise InvalidRequest(f"the request does not fit: {problems}", code="invalid_request") from None

    def _denied(self, system: System, action: Action, principal: str, decision: Decision) -> Rejected:
        reason = f"{principal} may not call {system.name}.{action.name} (rule {decision.rule!r}); nothing was sent"
        row = DecisionRow(None, self.sources.clock.now(), "policy", "deny", reason, decision.record)
        self.ledger.note_soon([row])
        error = Denied(reason, code="denied", evidence={"rule": decision.rule, "policy": decision.version})
        return Rejected(error.at(system.name, action.name, 0))

    @staticmethod
    def _too_long(operation: Operation, asked: Asked, *, blocked: bool) -> Outcome[Any]:
        if not blocked:
            return Pending(operation.id, "operation", "The same request is still running.")
        error = Conflict(
            f"an earlier operation on the same record is not settled ({operation.id}, {operation.status}); "
            "nothing was sent. Ask again when it is",
            code="entity_unsettled",
            transient=True,
            evidence={"operation_id": operation.id},
        )
        return Rejected(error.at(asked.system.name, asked.action.name, 0))
