"""One call, from the request to the outcome. `Pipeline.call` and `_write` tell the story in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from .action import Action
from .adapter import Attempt, Sent
from .batch import call_batch
from .clock import Sources
from .doubt import checked
from .errors import (
    BulkheadFull,
    DeadlineBeforeSend,
    Denied,
    IntegrationError,
    InvalidRequest,
    LedgerUnavailable,
    RateLimited,
)
from .held import Held
from .identity import Identity, Unidentifiable, identify
from .intake import Asked, Intake
from .ledger.records import DecisionRow, Operation, Status
from .observing import Guarded, observed
from .outcome import Applied, Outcome, Pending, Receipt, Rejected
from .policy import Decision, Policy
from .redaction import clean
from .repeat import Repeat, check_repeat
from .replay import ENTITY_UNSETTLED, Place, Warm, entity_unsettled, identity_conflict, outcome_of
from .system import System
from .write import carry_out

if TYPE_CHECKING:
    from .ledger.store import Ledger

_FIRST_LOOK, _SLOWEST_LOOK = 0.02, 0.5  # seconds between looks at an operation that another process runs


@dataclass(slots=True)
class Running:
    """A request that a caller of this process carries out, so that others with the same identity can join it.

    Args:
        digest: Its content.
        outcome: Resolves to its outcome; to None if its caller went without one.
        operation_id: The ledger's id, as soon as it is known.
    """

    digest: str
    outcome: asyncio.Future[Outcome[Any] | None]
    operation_id: str = ""


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
        self.running: dict[Place, Running] = {}
        self.held: dict[str, Held] = {}
        self.intake = Intake(ledger, sources)
        self.observer: Guarded | None = None  # told of each call
        self.effects: dict[tuple[str, str], str] = {}

    @observed
    async def call(
        self,
        system_name: str,
        action_name: str,
        request: BaseModel | Mapping[str, Any],
        *,
        principal: str,
        deadline: float | None = None,
        trace_id: str = "",
        undoes: str | None = None,
        repeat: Repeat | None = None,
    ) -> Outcome[Any]:
        """Do it, or say exactly what is known.

        Args:
            system_name: The system, as configured.
            action_name: One of its adapter's actions.
            request: The request model, or its fields.
            principal: Who asks.
            deadline: Seconds within which this answers; the system's default if None.
            trace_id: The caller's trace.
            undoes: The operation that it compensates, if it does.
            repeat: What it repeats on purpose, if it does.
        """
        clock = self.sources.clock
        try:
            system, action, valid = self._validated(system_name, action_name, request)
            _nameable(principal=principal, trace_id=trace_id)
        except InvalidRequest as error:
            return Rejected(error.at(system_name, action_name, 0))
        deadline_at = clock.monotonic() + (system.settings.deadline if deadline is None else deadline)
        decision = self._decide(principal, system, action)
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
            undoes,
            repeat,
        )
        try:
            if repeat is not None:
                await self._check_repeat(asked, valid, repeat)
            if action.batch is not None:
                return await call_batch(asked, valid)
            return await self._write(asked, valid)
        except Unidentifiable as unfit:
            return Rejected(InvalidRequest(str(unfit), code="invalid_request").at(system_name, action_name, 0))
        except (InvalidRequest, LedgerUnavailable) as refused:  # of the check above: nothing else raises an outcome
            return Rejected(copy(refused).at(system_name, action_name, 0))

    async def _check_repeat(self, asked: Asked, request: BaseModel, repeat: Repeat) -> None:
        facts = identify(asked.system.name, asked.action, request).facts
        try:
            async with asyncio.timeout(asked.left()):
                await check_repeat(self.ledger, repeat, asked.system.name, asked.action, facts, asked.principal)
        except TimeoutError:
            raise LedgerUnavailable("the ledger did not answer before the deadline; nothing was sent") from None

    def withdraw(self, operation_id: str) -> bool:
        """Keep a write of this process from being sent, unless it was: then, or if it is not known here, False.

        From now on it cannot leave; it ends as rejected as soon as its turn comes.

        Args:
            operation_id: The operation.
        """
        held = self.held.get(operation_id)
        return held is not None and held.withdraw()

    def _decide(self, principal: str, system: System, action: Action) -> Decision:
        """The policy's word; a batch needs it for the batch and for what each item stands for."""
        decision = self.policy.decide(principal, system.name, action)
        if action.batch is None or not decision.allowed:
            return decision
        return self.policy.decide(principal, system.name, action.batch.of)

    async def _read(self, system: System, action: Action, request: BaseModel, deadline_at: float) -> Outcome[Any]:
        async def send(number: int, timeout: float) -> Sent[Any]:
            return checked(action, await system.adapter.send(action, Attempt("", "", request, number, timeout)))

        result = await system.call(send, deadline_at, reads=True)
        if isinstance(result, IntegrationError):
            return Rejected(result.at(system.name, action.name, 0))
        return Applied(result.value, Receipt(result.record, "reply", result.facts))

    async def _write(self, asked: Asked, request: BaseModel) -> Outcome[Any]:
        distinct_from = None if asked.repeat is None else asked.repeat.distinct_from
        identity = identify(asked.system.name, asked.action, request, distinct_from)
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
        mine = self.running[place] = Running(identity.digest, asyncio.get_running_loop().create_future())
        outcome: Outcome[Any] | None = None
        try:
            outcome = await self._begin_and_carry_out(asked, request, identity, mine)
            if isinstance(outcome, Applied) and asked.action.compensation is None:
                self.warm.keep(place, identity.digest, outcome)
            return outcome
        finally:
            del self.running[place]
            mine.outcome.set_result(outcome)

    async def _begin_and_carry_out(
        self, asked: Asked, request: BaseModel, identity: Identity, mine: Running
    ) -> Outcome[Any]:
        while True:
            begun = await self.intake.begin([asked.intent(asked.action, request, identity)], asked.deadline_at)
            if not isinstance(begun, list):
                return begun
            (first,) = begun
            operation = first.operation
            if first.blocked_by is not None:
                if not await self._changed(operation, asked, wanted=lambda status: status.settled):
                    return entity_unsettled(operation, asked.system.name, asked.action.name)
                continue
            mine.operation_id = operation.id
            if first.fresh:
                return await carry_out(asked, request, operation, self.held)
            if operation.digest != identity.digest:
                return identity_conflict(operation, identity.request, asked.principal)
            if operation.status is not Status.RUNNING:
                return await asked.told_again(operation, asked.action)
            if not await self._changed(operation, asked, wanted=lambda status: status is not Status.RUNNING):
                return outcome_of(operation, asked.action, self.sources.clock.now())

    async def _changed(self, operation: Operation, asked: Asked, *, wanted: Callable[[Status], bool]) -> bool:
        """Wait until an operation that another call or process has is as wanted; False when we cannot wait so long."""
        clock, look = self.sources.clock, _FIRST_LOOK
        current: Operation | None = operation
        while asked.left() > look:
            if current is not None and not _may_change_within(current, asked.left(), clock.now()):
                return False
            try:
                await self.ledger.changed(operation.id, look)
                look = min(look * 1.5, _SLOWEST_LOOK)
                async with asyncio.timeout(asked.left()):
                    current = await self.ledger.get(operation.id)
            except LedgerUnavailable:
                continue
            except TimeoutError:
                return False
            if current is None or wanted(current.status):
                return True
        return False

    async def _join(self, running: Running, asked: Asked, identity: Identity) -> Outcome[Any] | None:
        """Wait for the caller that has the place; None when its outcome is not for us, and we may try ourselves."""
        try:
            async with asyncio.timeout(asked.left()):
                outcome = await asyncio.shield(running.outcome)
        except TimeoutError:
            return Pending(running.operation_id, "operation", "The same request is still running.")
        if outcome is None or running.digest != identity.digest:
            return None
        if isinstance(outcome, Applied):
            return replace(outcome, replayed=True)
        if isinstance(outcome, Rejected):
            # Its own time or luck was too short, not ours.
            own = isinstance(outcome.error, DeadlineBeforeSend | BulkheadFull | RateLimited)
            if own or outcome.error.code == ENTITY_UNSETTLED:
                return None
            return replace(outcome, replayed=True)
        # Where even the ledger did not answer it, we may ask with the time that is left to us.
        return None if isinstance(outcome, Pending) and not outcome.operation_id else outcome

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


def _may_change_within(operation: Operation, seconds: float, now: float) -> bool:
    """Whether waiting is of use: a person takes longer, and recovery looks when it said it would."""
    if operation.status is Status.UNKNOWN:
        return operation.next_check_at is None or operation.next_check_at - now < seconds
    return operation.status is not Status.PARKED


def _nameable(**names: str) -> None:
    """Refuse what the ledger could not keep as it is.

    Raises:
        InvalidRequest: With the name to mend.
    """
    for name, value in names.items():
        if len(value) > _LONGEST_NAME or clean(value) != value:
            raise InvalidRequest(
                f"{name} must be text of at most {_LONGEST_NAME} characters that UTF-8 can hold; nothing was sent",
                code=f"invalid_{name}",
            )


_LONGEST_NAME = 255
