"""One call, from the request to the outcome. `Pipeline.call` and `_write` tell the story in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .action import Action
from .adapter import Attempt, Sent
from .asking import Asking
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
from .intake import Asked, Intake, UsedUp
from .leave import Leave, denied, leave_for, needs_approval
from .ledger.records import DecisionRow, Operation, Status
from .observing import Guarded, observed
from .outcome import Applied, Outcome, Pending, Receipt, Rejected
from .people import Person
from .policy import Decision, Policy, Windows
from .redaction import clean
from .release import Release
from .repeat import Repeat, check_repeat
from .replay import ENTITY_UNSETTLED, Place, Warm, entity_unsettled, identity_conflict, outcome_of
from .system import System
from .validation import nameable, validated
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
        people: Who may approve, by name.
        sources: Clock, randomness and ids.
        warm: Applied outcomes kept at hand.
        on_doubt: Called when an operation became unknown, so that recovery looks at it soon.
        release_interval: Seconds between two looks for what people approved.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        ledger: Ledger,
        policy: Policy,
        people: Mapping[str, Person],
        sources: Sources,
        *,
        warm: int = 4096,
        on_doubt: Callable[[], None] = lambda: None,
        release_interval: float = 0.5,
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
        self.asking = Asking(ledger, sources)
        self.release = Release(
            systems,
            ledger,
            policy,
            people,
            sources,
            self.intake,
            self.carry_out_released,
            on_doubt,
            release_interval,
        )
        self.windows = Windows()
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
        on_decision: Callable[[Decision], None] | None = None,
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
            on_decision: Told what the policy decided, before anything is done; again where a rate was used up.
        """
        clock = self.sources.clock
        try:
            system, action, valid = validated(self.systems, system_name, action_name, request)
            nameable(principal=principal, trace_id=trace_id)
        except InvalidRequest as error:
            return Rejected(error.at(system_name, action_name, 0))
        deadline_at = clock.monotonic() + (system.settings.deadline if deadline is None else deadline)
        free_at: dict[str, float] = {}
        while True:
            leave = leave_for(
                self.policy,
                principal,
                system_name,
                action,
                valid,
                now=clock.now(),
                repeat=repeat is not None,
                exhausted=free_at,
            )
            if on_decision is not None:
                on_decision(leave.decision)
            asked = Asked(
                system,
                action,
                principal,
                leave,
                deadline_at,
                trace_id,
                self.sources,
                self.intake,
                self.on_doubt,
                undoes,
                repeat,
            )
            if leave.decision.decision == "deny":
                return self._denied(asked, free_at)
            if leave.decision.decision == "require_approval" and not action.writes:
                return self._cannot_be_held(asked)
            try:
                return await self._allowed(asked, valid)
            except UsedUp as used:
                free_at.update(used.free_at)

    async def _allowed(self, asked: Asked, valid: BaseModel) -> Outcome[Any]:
        """Do what the policy allows.

        Raises:
            UsedUp: Unless the rate of a rule that allowed it is used up.
        """
        system, action, repeat = asked.system, asked.action, asked.repeat
        if not action.writes:
            self._count_read(asked.principal, asked.leave)
            return await self._read(system, action, valid, asked.deadline_at)
        try:
            if repeat is not None:
                await self._check_repeat(asked, valid, repeat)
            if action.batch is not None:
                return await call_batch(asked, valid, self.asking, self.release)
            return await self._write(asked, valid)
        except Unidentifiable as unfit:
            return Rejected(InvalidRequest(str(unfit), code="invalid_request").at(system.name, action.name, 0))
        except (InvalidRequest, LedgerUnavailable) as refused:  # of the check above: nothing else raises an outcome
            return Rejected(copy(refused).at(system.name, action.name, 0))

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

    def _count_read(self, principal: str, leave: Leave) -> None:
        """Count a read against the rate of its rule; in this process only, because reads leave no trace."""
        call = leave.call
        if call.rate is None:
            return
        free_at = self.windows.use(call.rule, principal, call.rate, self.sources.clock.now())
        if free_at is not None:
            raise UsedUp({call.rule: free_at})

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
        ask = await self.asking.ask(asked, asked.action, request, identity)
        while True:
            intent = asked.intent(asked.action, request, identity, ask=ask)
            begun = await self.intake.begin([intent], asked.deadline_at)
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
            if operation.digest != identity.digest and not await self.asking.was_edited(asked, operation, identity):
                return identity_conflict(operation, identity.request, asked.principal)
            if operation.status is Status.HELD:
                carried_out = await self.asking.carry_out_approved(asked, operation, self.release)
                return carried_out or await asked.told_again(operation, asked.action)
            if operation.status is not Status.RUNNING:
                return await asked.told_again(operation, asked.action)
            if not await self._changed(operation, asked, wanted=lambda status: status is not Status.RUNNING):
                return outcome_of(operation, asked.action, self.sources.clock.now())

    async def carry_out_released(self, asked: Asked, request: BaseModel, operation: Operation) -> Outcome[Any]:
        """Send an operation that was held and has just become ours, so that callers of this process can join it.

        Args:
            asked: What was asked.
            request: Its request.
            operation: The row, held by us.
        """
        place = (asked.system.name, operation.key)
        mine = Running(operation.digest, asyncio.get_running_loop().create_future(), operation.id)
        free = self.running.setdefault(place, mine) is mine
        outcome: Outcome[Any] | None = None
        try:
            outcome = await carry_out(asked, request, operation, self.held)
            return outcome
        finally:
            if free:
                del self.running[place]
            mine.outcome.set_result(outcome)

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

    def _denied(self, asked: Asked, free_at: Mapping[str, float]) -> Rejected:
        target = f"{asked.system.name}.{asked.action.name}"
        return self._refused(asked, denied(asked.leave, asked.principal, target, free_at, self.sources.clock.now()))

    def _cannot_be_held(self, asked: Asked) -> Rejected:
        """The answer to a read that is allowed with an approval only: nothing keeps a read until people decide."""
        target = f"{asked.system.name}.{asked.action.name}"
        return self._refused(asked, needs_approval(asked.leave, asked.principal, target))

    def _refused(self, asked: Asked, error: Denied) -> Rejected:
        decision, now = asked.leave.decision, self.sources.clock.now()
        row = DecisionRow(None, now, "policy", decision.decision, clean(error.message), decision.record)
        self.ledger.note_soon([row])
        return Rejected(error.at(asked.system.name, asked.action.name, 0))


def _may_change_within(operation: Operation, seconds: float, now: float) -> bool:
    """Whether waiting is of use: a person takes longer, and recovery looks when it said it would."""
    if operation.status is Status.UNKNOWN:
        return operation.next_check_at is None or operation.next_check_at - now < seconds
    return operation.status is not Status.PARKED
