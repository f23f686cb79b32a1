"""An operation in this process's hands: from what its attempts came to, to the outcome that is told and recorded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from .action import Action
from .adapter import Attempt, ItemResult, Present, Sent
from .doubt import checked, receipt_of
from .errors import Ambiguous, Cancelled, CommitUnknown, ContractBroken, IntegrationError, LedgerUnavailable, NotSent
from .events import Concluded
from .intake import RECORDING, Asked
from .ledger.records import Operation, Status, Verdict
from .outcome import Applied, Outcome, Pending, Rejected, Unknown
from .replay import encode_applied, outcome_of
from .trail import Trail

_log = logging.getLogger("seawall.write")

WITHDRAWN = "cancelled_before_sending"
"""The code of the error of an operation whose caller withdrew it in time."""


class Conclusion(NamedTuple):
    """What the caller is told, and what the ledger is to remember of it."""

    outcome: Outcome[Any]
    verdict: Verdict


class Held:
    """One operation that is being carried out.

    Args:
        asked: What was asked.
        action: The operation's action; for an item of a batch the single one.
        request: The operation's own request.
        operation: The ledger's row, held by us.
    """

    def __init__(self, asked: Asked, action: Action, request: BaseModel, operation: Operation) -> None:
        self.asked = asked
        self.action = action
        self.request = request
        self.operation = operation
        self.withdrawn = False
        self.trail = Trail(operation.id, operation.epoch, asked.sources.clock)
        self.result: ItemResult = NotSent("it was not sent", code="not_sent", transient=True)
        if operation.sent_at is not None:
            self.trail.suspect(operation.sent_at, operation.last_sent_at or operation.sent_at)
            self.result = CommitUnknown(
                "the ledger was restored from a backup: it does not know whether this was sent before", code="restored"
            )

    async def fence(self) -> None:
        """Make sure that it is still ours, right before an attempt.

        Raises:
            NotSent: Another process took it over, or its caller withdrew it.
        """
        self._not_withdrawn()
        if not self._is_ours() and not await self.asked.ledger.hold(self.operation.id, self.operation.epoch):
            raise NotSent("another process took the operation over while this one was paused", code="lost_lease")
        self._not_withdrawn()

    def _not_withdrawn(self) -> None:
        if self.withdrawn:
            raise NotSent("it was cancelled before it was sent", code=WITHDRAWN)

    def withdraw(self) -> bool:
        """Keep it from being sent; False when it may have landed already, or is on the wire."""
        if self.trail.in_flight or self.trail.maybe_applied or not isinstance(self.result, IntegrationError):
            return False
        self.withdrawn = True
        return True

    def attempt(self, number: int, timeout: float) -> Attempt:
        """The attempt, or probe, as the adapter is given it."""
        return Attempt(
            operation_id=self.operation.id,
            key=self.operation.key,
            request=self.request,
            number=number,
            timeout=timeout,
            maybe_applied=self.trail.maybe_applied,
            sent_before=self.trail.sent_at,
            may_send=self._may_send,
        )

    def _may_send(self) -> bool:
        return self._is_ours() and self.asked.system.paused_now(writes=True) is None

    def _is_ours(self) -> bool:
        return self.asked.ledger.still_holds(self.operation.id, self.operation.epoch)

    def note(self, answer: Any, number: int) -> None:
        """Take in whatever an attempt came to; what is neither an acknowledgement nor an error broke the contract."""
        if not isinstance(answer, IntegrationError):
            try:
                self.result = checked(self.action, answer)
            except ContractBroken as broken:
                answer = broken
            else:
                self.trail.ended(None)
                return
        answer.at(self.asked.system.name, self.action.name, number)
        self.asked.system.scrub(answer)
        self.asked.system.heed(answer)
        self._ended(answer)
        self.result = answer

    def _ended(self, error: IntegrationError) -> None:
        self.trail.ended(error)
        if self.trail.maybe_applied:
            # The time at which it ended is met now, by both clocks: one that jumps later shortens no horizon.
            self.asked.system.elapsed.since(self.operation.id, self.trail.last_sent_at or 0.0)

    def concluded(self) -> Conclusion:
        """The conclusion that follows from `result` alone."""
        result = self.result
        if not isinstance(result, IntegrationError):
            return self.applied(result)
        return self.unknown(result) if self.trail.maybe_applied else self.rejected(result)

    def applied(self, proven: Sent[Any] | Present[Any]) -> Conclusion:
        """It is there."""
        receipt = receipt_of(proven)
        verdict = self.trail.verdict(Status.APPLIED, outcome=encode_applied(proven.value, receipt))
        return Conclusion(Applied(proven.value, receipt, self.operation.id), verdict)

    def rejected(self, error: IntegrationError) -> Conclusion:
        """It is not there, and never will be."""
        error.at(self.asked.system.name, self.action.name, 0)
        return Conclusion(Rejected(error, self.operation.id), self.trail.verdict(Status.REJECTED, error=error))

    def unknown(self, error: IntegrationError, seconds: float | None = None) -> Conclusion:
        """It may have happened; recovery looks after `seconds`."""
        soon = self.asked.system.settings.recovery.first_probe if seconds is None else seconds
        verdict = self.trail.verdict(Status.UNKNOWN, error=error, next_check_in=soon)
        return Conclusion(Unknown(error, self.operation.id, resolve_after=soon), verdict)

    def parked(self, error: IntegrationError, reason: str) -> Conclusion:
        """It may have happened, and a person must decide."""
        verdict = self.trail.verdict(Status.PARKED, error=error, parked_because=reason)
        return Conclusion(Pending(self.operation.id, "person", f"It may have happened, and {reason}."), verdict)

    def stopped(self, error: IntegrationError) -> Conclusion:
        """The conclusion when nobody goes on with it: what was on the wire may have landed."""
        error.at(self.asked.system.name, self.action.name, 0)
        if not isinstance(self.result, IntegrationError):
            return self.applied(self.result)
        self._ended(error)
        if self.trail.maybe_applied:
            return self.unknown(error)
        return self.rejected(error.without_effect("nothing had been sent, or what was sent had no effect"))


async def see_through(asked: Asked, held: Sequence[Held], work: Awaitable[Sequence[Conclusion]]) -> list[Outcome[Any]]:
    """Bring operations to conclusions and record these. None is ever left without one.

    Args:
        asked: What was asked.
        held: The operations.
        work: Comes to their conclusions, in the same order.
    """
    try:
        conclusions = await work
    except asyncio.CancelledError:
        stopped = [one.stopped(Cancelled("the caller stopped waiting", code="cancelled")) for one in held]
        asked.ledger.finish_soon([conclusion.verdict for conclusion in stopped])
        asked.on_doubt()
        raise
    except Exception as mistake:  # noqa: BLE001 -- a mistake of ours must not leave an operation without a verdict
        _log.exception("a mistake while %s was called", asked.system.name)
        name = type(mistake).__name__
        conclusions = [
            one.stopped(Ambiguous(f"Seawall itself failed ({name})", code="internal", outage=False, transient=False))
            for one in held
        ]
    return await _record(asked, held, conclusions)


async def _record(asked: Asked, held: Sequence[Held], conclusions: Sequence[Conclusion]) -> list[Outcome[Any]]:
    """Make the verdicts durable, all at once, and answer with the outcomes that they stand for.

    What cannot be written is kept by the ledger and tried again. What comes too late, because another holder took
    the operation over, changes nothing: then the ledger's word counts.
    """
    verdicts = [conclusion.verdict for conclusion in conclusions]
    if any(verdict.status is Status.UNKNOWN for verdict in verdicts):
        asked.on_doubt()
    if not verdicts:
        return []
    try:
        recorded = await asked.ledger.finish(verdicts, within=max(asked.left(), RECORDING))
    except (LedgerUnavailable, TimeoutError):
        return [_unrecorded(conclusion.outcome) for conclusion in conclusions]
    if (observer := asked.system.observer) is not None:
        for one, conclusion, in_time in zip(held, conclusions, recorded, strict=True):
            if in_time:
                status = conclusion.verdict.status
                observer.happened(Concluded(asked.system.name, one.action.name, status.value, "call"))
    return [
        conclusion.outcome if in_time else await _word_of_the_ledger(asked, one)
        for one, conclusion, in_time in zip(held, conclusions, recorded, strict=True)
    ]


def _unrecorded(outcome: Outcome[Any]) -> Outcome[Any]:
    """What may be told of a verdict that is not durable: a rejection could still be overtaken.

    If this process ends now, the ledger says that the operation was begun, and recovery may carry it out.
    """
    if not isinstance(outcome, Rejected):
        return outcome
    return Pending(
        outcome.operation_id,
        "operation",
        f"It did not happen so far ({outcome.error.message}), but the ledger could not record that, and may yet "
        "see it done. Ask again.",
    )


async def _word_of_the_ledger(asked: Asked, held: Held) -> Outcome[Any]:
    try:
        async with asyncio.timeout(max(asked.left(), RECORDING)):
            current = await asked.ledger.get(held.operation.id)
    except (LedgerUnavailable, TimeoutError):
        current = None
    if current is not None:
        return outcome_of(current, held.action, asked.sources.clock.now())
    taken = CommitUnknown("another process took the operation over", code="lost_lease")
    return Unknown(taken.at(asked.system.name, held.action.name, 0), held.operation.id)
