"""How a write enters: what was asked, and its intent made durable before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .action import Action
from .approval import pending
from .clock import Sources
from .doubt import recorded_version
from .errors import DeadlineBeforeSend, LedgerUnavailable
from .identity import Identity, digest
from .leave import Leave
from .ledger.approval_records import Ask
from .ledger.records import Begun, Intent, Operation, Status
from .outcome import Outcome, Pending, Rejected
from .redaction import clean
from .repeat import Repeat
from .replay import outcome_of, undone
from .system import System
from .trail import Trail

if TYPE_CHECKING:
    from .ledger.store import Ledger


class UsedUp(Exception):
    """Nothing was recorded, because the rate of a rule that allowed it is used up: ask the policy again.

    Args:
        free_at: Rule → when its rate is free again (seconds since the epoch).
    """

    def __init__(self, free_at: Mapping[str, float]) -> None:
        super().__init__(", ".join(free_at))
        self.free_at = free_at


RECORDING = 0.03
"""Seconds that a verdict may take beyond the deadline before the caller is answered anyway."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as it goes through the pipeline.

    Args:
        system: The system.
        action: The action.
        principal: Who asks.
        leave: What the policy says of it.
        deadline_at: Monotonic time by which it answers.
        trace_id: The caller's trace.
        sources: Clock, randomness and ids.
        intake: Where its intents are recorded.
        on_doubt: Called when an operation became unknown.
        undoes: The operation that it compensates, if it does.
        repeat: What it repeats on purpose, if it does.
    """

    system: System
    action: Action
    principal: str
    leave: Leave
    deadline_at: float
    trace_id: str
    sources: Sources
    intake: Intake
    on_doubt: Callable[[], None]
    undoes: str | None = None
    repeat: Repeat | None = None

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.intake.ledger

    def left(self) -> float:
        """Seconds until the deadline, not below 0."""
        return max(0.0, self.deadline_at - self.sources.clock.monotonic())

    async def told_again(self, operation: Operation, action: Action) -> Outcome[Any]:
        """What the ledger knows of an operation, for whoever asks again; what was undone since is no success.

        Args:
            operation: The row.
            action: Its action.
        """
        if operation.status is Status.HELD:
            return await self._what_it_waits_for(operation)
        if operation.status is Status.APPLIED and action.compensation is not None:
            try:
                async with asyncio.timeout(max(self.left(), RECORDING)):
                    undoing = await self.ledger.undoing(operation.id)
            except (LedgerUnavailable, TimeoutError):
                return Pending(operation.id, "operation", "It was done; whether it was undone cannot be read now.")
            if undoing is not None:
                return undone(operation, undoing)
        return outcome_of(operation, action, self.sources.clock.now())

    async def _what_it_waits_for(self, operation: Operation) -> Outcome[Any]:
        try:
            async with asyncio.timeout(max(self.left(), RECORDING)):
                return pending(operation, await self.ledger.approvals.of(operation.id))
        except (LedgerUnavailable, TimeoutError):
            return pending(operation, None)

    def intent(
        self,
        action: Action,
        request: BaseModel,
        identity: Identity,
        *,
        batch_id: str | None = None,
        atomic: bool = False,
        place: int | None = None,
        ask: Ask | None = None,
    ) -> Intent:
        """The intent to record for `request` of `action` (for a batch: of its items' action).

        Args:
            action: The action.
            request: The validated request.
            identity: Its identity.
            batch_id: Shared by the items of one batch call.
            atomic: True for an item of an all-or-nothing batch.
            place: The item of a batch, counted from 0.
            ask: What people must approve before it may be sent.
        """
        policy = self.leave.record(place)
        return Intent(
            id=self.sources.new_id("op"),
            system=self.system.name,
            action=action.name,
            key=identity.key,
            identity=identity.facts,
            request=identity.request,
            digest=identity.digest,
            entity=entity_of(action, request),
            principal=self.principal,
            adapter_version=recorded_version(self.system, action),
            policy=policy if self.repeat is None else self.repeat.beside(policy),
            trace_id=self.trace_id,
            batch_id=batch_id,
            atomic=atomic,
            deadline_at=self.sources.clock.now() + self.left(),
            undoes=self.undoes,
            replay_rejections=self.system.settings.replay_rejections,
            usages=self.leave.usages(place),
            ask=ask,
        )


def entity_of(action: Action, request: BaseModel) -> str | None:
    """The record that a request writes, as the ledger names it; None where writes do not stand in each other's way.

    Args:
        action: The action.
        request: The validated request.
    """
    entity = None if action.entity is None or action.commutative else getattr(request, action.entity)
    return None if entity is None else _short(clean(str(entity)))


def _short(entity: str) -> str:
    """The name of a record as the ledger's column holds it."""
    return entity if len(entity) <= _LONGEST_ENTITY else f"sha256:{digest(entity)}"


_LONGEST_ENTITY = 200


class Intake:
    """Makes intents durable by a deadline.

    Args:
        ledger: The ledger.
        sources: Clock, randomness and ids.
    """

    def __init__(self, ledger: Ledger, sources: Sources) -> None:
        self.ledger = ledger
        self._clock = sources.clock

    async def begin(self, intents: Sequence[Intent], deadline_at: float) -> list[Begun] | Rejected | Pending:
        """Record the intents; an outcome means that nothing was sent for them.

        Args:
            intents: The intents, recorded together or not at all.
            deadline_at: Monotonic time by which this answers.

        Raises:
            UsedUp: A rate is used up; nothing was recorded.
        """
        try:
            begun = await self.ledger.begin(
                intents, within=max(0.0, deadline_at - self._clock.monotonic()), orphaned=self._abandoned
            )
        except LedgerUnavailable as error:
            # A copy: callers that share a transaction share its error.
            return Rejected(copy(error).at(intents[0].system, intents[0].action, 0))
        except TimeoutError:
            # The intents may become durable yet, and if this process then ends, recovery carries them out.
            return Pending(
                "",
                "operation",
                "The ledger did not answer before the deadline. Nothing was sent so far; ask again with the same "
                "request, to see whether it was taken up.",
            )

        if free_at := {rule: at for one in begun for rule, at in one.used_up.items()}:
            raise UsedUp(free_at)
        return begun

    def _abandoned(self, begun: list[Begun]) -> None:
        """The intents became durable after their caller had gone: say that nothing was sent."""
        error = DeadlineBeforeSend("its caller went before it was sent", code="abandoned")
        self.ledger.finish_soon(
            [
                Trail(one.operation.id, one.operation.epoch, self._clock).verdict(Status.REJECTED, error=error)
                for one in begun
                if one.fresh
            ]
        )
