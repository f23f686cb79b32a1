"""One operation that this process holds, from its first attempt to a recorded verdict."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel

from .adapter import Attempt, Sent
from .decide import Doubt, Park, ProvenAbsent, ProvenApplied, SendAgain, Step, Wait, next_step
from .doubt import checked, is_final, look, receipt_of
from .errors import Cancelled, IntegrationError, LedgerUnavailable, NotSent
from .intake import RECORDING, Asked
from .ledger.records import Operation, Status, Verdict
from .outcome import Applied, Outcome, Pending, Receipt, Rejected, Unknown
from .replay import encode_applied, outcome_of
from .trail import Trail


async def carry_out(asked: Asked, request: BaseModel, operation: Operation) -> Outcome[Any]:
    """Send an operation that was begun, and record what is then known. Never leaves it without a verdict.

    Args:
        asked: What was asked.
        request: The validated request.
        operation: The ledger's row, held by us.
    """
    held = Held(asked, request, operation)
    try:
        outcome, verdict = await held.settle()
    except asyncio.CancelledError:
        asked.ledger.finish_soon([held.cancelled()])
        asked.on_doubt()
        raise
    return await record(asked, operation, outcome, verdict)


async def record(asked: Asked, operation: Operation, outcome: Outcome[Any], verdict: Verdict) -> Outcome[Any]:
    """Make the verdict durable and answer with the outcome it stands for.

    A verdict that cannot be written is kept by the ledger and tried again; the outcome is still the truth.
    One that comes too late, because another holder took over, changes nothing: then the ledger's word counts.
    """
    try:
        (recorded,) = await asked.ledger.finish([verdict], within=max(asked.left(), RECORDING))
    except LedgerUnavailable:
        asked.ledger.finish_soon([verdict])
        recorded = True
    except TimeoutError:
        recorded = True  # still queued; the ledger goes on with it
    if verdict.status is Status.UNKNOWN:
        asked.on_doubt()
    if recorded:
        return outcome
    current = await asked.ledger.get(operation.id)
    return outcome if current is None else outcome_of(current, asked.action, asked.sources.clock.now())


class Held:
    """An operation in this process's hands.

    Args:
        asked: What was asked.
        request: The validated request.
        operation: The ledger's row.
    """

    def __init__(self, asked: Asked, request: BaseModel, operation: Operation) -> None:
        self.asked = asked
        self.request = request
        self.operation = operation
        self.trail = Trail(operation.id, operation.epoch, asked.sources.clock)

    async def settle(self) -> tuple[Outcome[Any], Verdict]:
        """Attempt, and while it is in doubt find out, as far as the deadline and the retry budget go."""
        asked, system = self.asked, self.asked.system
        result = await system.call(self._send, asked.deadline_at, ended=self._ended)
        attempts = self.trail.attempts
        while isinstance(result, IntegrationError) and self.trail.maybe_applied:
            wait = min(system.backoff.wait(attempts), asked.left())
            if system.backoff.exhausted(attempts) or wait >= asked.left() or not system.budget.withdraw():
                return self._unknown(result)
            await asked.sources.clock.sleep(wait)
            attempts += 1
            step = await self._step(result)
            match step:
                case IntegrationError():
                    continue
                case ProvenApplied(present=present):
                    return self._applied(present.value, receipt_of(present))
                case ProvenAbsent(proof=proof):
                    return self._rejected(result.without_effect(proof))
                case Wait(seconds=seconds):
                    return self._unknown(result, seconds)
                case Park(reason=reason):
                    return self._parked(result, reason)
                case SendAgain():
                    again = await system.attempt(self._send, attempts, asked.deadline_at, ended=self._ended)
                    if not isinstance(again, IntegrationError) or again.effect == "maybe" or not again.transient:
                        result = again
        if isinstance(result, IntegrationError):
            return self._rejected(result)
        return self._applied(result.value, receipt_of(result))

    async def _step(self, error: IntegrationError) -> Step | IntegrationError:
        asked, action = self.asked, self.asked.action
        finding = None
        # An absence is as old as the read that saw it, and not as the answer.
        now = asked.sources.clock.now()
        if action.probe is not None:
            found = await look(asked.system, action, self._attempt(1, 0.0), asked.deadline_at, self.trail)
            if isinstance(found, IntegrationError):
                return found
            finding = found
        doubt = Doubt(
            action,
            since_first=now - (self.trail.sent_at or now),
            since_last=now - (self.trail.last_sent_at or now),
            final=is_final(error),
            horizon=asked.system.horizon(action),
        )
        step = next_step(doubt, finding)
        self.trail.decided("pipeline", type(step).__name__, getattr(step, "reason", ""))
        return step

    async def _send(self, number: int, timeout: float) -> Sent[Any]:
        ledger, operation = self.asked.ledger, self.operation
        if not ledger.lease_is_fresh() and not await ledger.hold(operation.id, operation.epoch):
            raise NotSent("another process took the operation over while this one was paused", code="lost_lease")
        self.trail.dispatch()
        attempt = self._attempt(number, timeout)
        return checked(self.asked.action, await self.asked.system.adapter.send(self.asked.action, attempt))

    def _ended(self, number: int, error: IntegrationError | None) -> None:
        if error is not None:
            error.at(self.asked.system.name, self.asked.action.name, number)
        self.trail.ended(error)

    def _attempt(self, number: int, timeout: float) -> Attempt:
        return Attempt(
            operation_id=self.operation.id,
            key=self.operation.key,
            request=self.request,
            number=number,
            timeout=timeout,
            maybe_applied=self.trail.maybe_applied,
            sent_before=self.trail.sent_at,
        )

    def _applied(self, value: Any, receipt: Receipt) -> tuple[Outcome[Any], Verdict]:
        verdict = self.trail.verdict(Status.APPLIED, outcome=encode_applied(value, receipt))
        return Applied(value, receipt, self.operation.id), verdict

    def _rejected(self, error: IntegrationError) -> tuple[Outcome[Any], Verdict]:
        error.at(self.asked.system.name, self.asked.action.name, 0)
        return Rejected(error, self.operation.id), self.trail.verdict(Status.REJECTED, error=error)

    def _unknown(self, error: IntegrationError, seconds: float | None = None) -> tuple[Outcome[Any], Verdict]:
        soon = self.asked.system.settings.recovery.first_probe if seconds is None else seconds
        verdict = self.trail.verdict(Status.UNKNOWN, error=error, next_check_in=soon)
        return Unknown(error, self.operation.id, resolve_after=soon), verdict

    def _parked(self, error: IntegrationError, reason: str) -> tuple[Outcome[Any], Verdict]:
        verdict = self.trail.verdict(Status.PARKED, error=error, parked_because=reason)
        return Pending(self.operation.id, "person", f"It may have happened, and {reason}."), verdict

    def cancelled(self) -> Verdict:
        """The verdict when the caller stopped waiting: unknown if something may have been sent."""
        error = Cancelled("the caller stopped waiting", code="cancelled")
        error.at(self.asked.system.name, self.asked.action.name, 0)
        self.trail.ended(error)
        if self.trail.maybe_applied:
            return self._unknown(error)[1]
        return self._rejected(error.without_effect("the caller stopped waiting before it was sent"))[1]
