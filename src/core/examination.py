"""One look at one operation that may have happened: probe it, decide, and do what is decided."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from .action import Action
from .adapter import Attempt, Sent
from .clock import Sources
from .decide import Doubt, Park, ProvenAbsent, ProvenApplied, SendAgain, Step, Wait, next_step
from .doubt import checked, is_final, look, moved, receipt_of
from .errors import (
    BulkheadFull,
    Cancelled,
    CircuitOpen,
    CommitUnknown,
    ConnectFailed,
    DeadlineBeforeSend,
    IntegrationError,
    NotSent,
    Paused,
    PoolExhausted,
    RateLimited,
    Throttled,
    Unauthenticated,
)
from .leave import leave_to_send_again, may_send_again
from .ledger.records import Operation, Status, Verdict
from .policy import Policy
from .replay import encode_applied
from .system import System
from .trail import Trail

if TYPE_CHECKING:
    from .ledger.store import Ledger

_ABOUT_THE_SYSTEM = (
    BulkheadFull, CircuitOpen, ConnectFailed, DeadlineBeforeSend, Paused, PoolExhausted, RateLimited, Throttled,
    Unauthenticated,
)  # fmt: skip


class Examination:
    """One look at one operation.

    A look that tells nothing, or a repetition that stays ambiguous, counts as a check: waits grow with checks, and
    after `recovery.attempts` of them a person must decide. It does not count when it was the system that did not
    answer, rather than this operation that could not be found out about.

    Args:
        system: The operation's system.
        operation: The row, held by us.
        ledger: Asked right before a repetition whether we still hold it.
        policy: What is sent again must still be allowed.
        sources: Clock and randomness.
        pay: Pays for a repetition; False when nothing is left to pay with.
    """

    def __init__(
        self,
        system: System,
        operation: Operation,
        ledger: Ledger,
        policy: Policy,
        sources: Sources,
        pay: Callable[[], bool],
    ) -> None:
        self.system = system
        self.operation = operation
        self.trouble: IntegrationError | None = None
        """Why the system itself did not answer, if that was the reason."""
        self.answered = False
        """True when the system answered."""
        self._ledger = ledger
        self._policy = policy
        self._sources = sources
        self._pay = pay
        self._clock = sources.clock
        self._settings = system.settings.recovery
        self._trail = Trail(operation.id, operation.epoch, self._clock, purpose="resend")
        self._error = _recorded(operation)
        self._counts = False

    async def verdict(self) -> Verdict:
        """Probe if there is a probe, decide, and do what is decided."""
        operation, system = self.operation, self.system
        if operation.orphaned >= self._settings.crashes:
            return self._park(
                f"its process ended {operation.orphaned} times while it was held: it may be what ends them, "
                "and is left alone"
            )
        action = system.adapter.actions.get(operation.action)
        if action is None:
            return self._park(f"{system.name} no longer has an action {operation.action!r}")
        if (reason := moved(system, action, operation)) is not None:
            return self._park(reason)
        try:
            request = action.request.model_validate_json(operation.request)
        except ValidationError:
            return self._park("its request no longer fits the action's model")
        deadline_at = self._clock.monotonic() + system.settings.deadline
        finding = None
        doubt = self._doubt(action)  # an absence is as old as the read that saw it, and not as the answer
        if action.probe is not None:
            attempt = self._attempt(request, 1, 0.0)
            found = await look(system, action, attempt, deadline_at, self._trail, recovery=True)
            if isinstance(found, IntegrationError):
                return self._probe_failed(found)
            self.answered = True
            finding = found
        step = next_step(doubt, finding)
        self._trail.decided("recovery", type(step).__name__, self._clean(_why(step)))
        return await self._do(step, action, request, deadline_at)

    async def _do(self, step: Step, action: Action, request: BaseModel, deadline_at: float) -> Verdict:
        match step:
            case ProvenApplied(present=present):
                outcome = encode_applied(present.value, receipt_of(present))
                return self._trail.verdict(Status.APPLIED, outcome=outcome)
            case ProvenAbsent(proof=proof):
                error = self._error or NotSent("it left no trace", code="absent")
                return self._trail.verdict(Status.REJECTED, error=error.without_effect(proof))
            case Park(reason=reason):
                return self._park(reason)
            case Wait(reason=reason, seconds=None):
                return self._later_or_park(reason)
            case Wait(reason=reason, seconds=seconds):
                return self._later(reason, seconds)
            case SendAgain():
                return await self._send_again(action, request, deadline_at)

    async def _send_again(self, action: Action, request: BaseModel, deadline_at: float) -> Verdict:
        operation, system = self.operation, self.system
        decision = leave_to_send_again(self._policy, operation, action, request)
        self._trail.decided("policy", decision.decision, self._clean(decision.reason), decision.record)
        if not may_send_again(decision, operation):
            return self._park(f"the policy no longer allows it (for {operation.principal}), so it is not sent again")
        if (paused := await system.paused(writes=True)) is not None:
            return self._left_alone(paused)
        if not self._pay():
            return self._later(f"it is to be sent again, but the retry budget of {system.name} is spent")

        async def send(number: int, timeout: float) -> Sent[Any]:
            # Fenced right before dispatch: whoever lost the operation while it was paused must not send.
            if not await self._ledger.hold(operation.id, operation.epoch):
                raise NotSent("another process took the operation over", code="lost_lease")
            if (paused := system.paused_now(writes=True)) is not None:
                raise paused
            self._trail.dispatch()
            return checked(action, await system.adapter.send(action, self._attempt(request, number, timeout)))

        result = await system.attempt(
            send, 1, deadline_at, writes=True, ended=lambda _, error: self._trail.ended(error), recovery=True
        )
        if not isinstance(result, IntegrationError):
            self.answered = True
            system.budget.refund()
            outcome = encode_applied(result.value, receipt_of(result))
            return self._trail.verdict(Status.APPLIED, outcome=outcome)
        result.at(system.name, action.name, 0)
        if isinstance(result, Paused):
            system.budget.refund()
            return self._left_alone(result)
        return self._not_acknowledged(result)

    def _left_alone(self, paused: Paused) -> Verdict:
        """Nothing may be sent now, so it is no reason to count this look, nor to look again and again."""
        wait = self._sources.random.uniform(0.5, 1.0) * self._settings.longest_wait
        verdict = self._later(f"it is to be sent again, but {paused.message}", min(wait, paused.retry_after or wait))
        return replace(verdict, checked=False)

    def _not_acknowledged(self, error: IntegrationError) -> Verdict:
        if self._trail.attempts:
            self._counts = True
        else:
            self.system.budget.refund()
        if error.effect == "maybe" or not (error.transient or isinstance(error, NotSent)):
            self._error = error
        reason = f"it was sent again: {error.message}" if self._trail.attempts else error.message
        if self._is_about_the_system(error) or not self._trail.attempts:
            return self._later(reason, self._growing(error.retry_after))
        return self._later_or_park(reason, error.retry_after)

    def _probe_failed(self, error: IntegrationError) -> Verdict:
        reason = f"the probe itself failed ({error.message}); that says nothing about the operation"
        if self._is_about_the_system(error):
            return replace(self._later(reason, self._growing(error.retry_after)), checked=False)
        self._counts = True
        return self._later_or_park(reason, error.retry_after)

    def _is_about_the_system(self, error: IntegrationError) -> bool:
        """Whether it failed because the system does not answer now, whatever it is asked."""
        passing = isinstance(error, NotSent) and error.transient
        if passing or isinstance(error, _ABOUT_THE_SYSTEM) or self.system.breaker.state != "closed":
            self.trouble = error
            return True
        return False

    def failed(self, mistake: Exception) -> Verdict:
        """The verdict when the look itself failed by a mistake, ours or the connector's."""
        self._counts = True
        self._over()
        return self._later_or_park(f"recovery failed: {type(mistake).__name__}")

    def abandoned(self) -> Verdict:
        """The verdict when nobody goes on with the look: whoever is next takes it up at once."""
        self._over()
        return self._later("the process that looked at it stopped", 0.0)

    def _over(self) -> None:
        """What was on the wire may have landed."""
        self._counts = self._counts or self._trail.attempts > 0
        self._trail.ended(Cancelled("recovery stopped waiting for it", code="cancelled"))
        if self._trail.attempts and not self._trail.maybe_applied:
            self._trail.sent_at = self._trail.last_sent_at = self._clock.now()

    def _attempt(self, request: BaseModel, number: int, timeout: float) -> Attempt:
        operation = self.operation
        return Attempt(
            operation.id,
            operation.key,
            request,
            number,
            timeout,
            maybe_applied=True,
            sent_before=operation.sent_at,
            may_send=lambda: (
                self._ledger.still_holds(operation.id, operation.epoch) and self.system.paused_now(writes=True) is None
            ),
        )

    def _doubt(self, action: Action) -> Doubt:
        operation, system = self.operation, self.system
        last = operation.last_sent_at or operation.updated_at
        first = operation.sent_at or last
        return Doubt(
            action,
            # Whichever of the two times this process has met, it was not shorter ago than the last one.
            since_first=max(system.elapsed.at_most(operation.id, at) for at in (first, last)),
            since_last=system.elapsed.since(operation.id, last),
            atomic=operation.atomic,
            final=self._error is not None and is_final(self._error),
            horizon=system.horizon(action),
            margin=system.settings.deadline + system.settings.attempt_timeout,
        )

    def _later_or_park(self, reason: str, retry_after: float | None = None) -> Verdict:
        """Leave it unknown and look again, or park it when it has been looked at often enough."""
        checks = self.operation.checks + 1
        if checks >= self._settings.attempts:
            return self._park(f"{checks} looks did not settle it; last: {reason}")
        return self._later(reason, self._growing(retry_after))

    def _later(self, reason: str, seconds: float | None = None) -> Verdict:
        pause = self._growing() if seconds is None else seconds
        self._trail.decided("recovery", "later", self._clean(f"{reason}; looks again in {pause:.1f} s"))
        verdict = self._trail.verdict(Status.UNKNOWN, error=self._error, next_check_in=pause)
        return replace(verdict, checked=verdict.checked or self._counts)

    def _park(self, reason: str) -> Verdict:
        reason = self._clean(reason)
        self._trail.decided("recovery", "park", reason)
        verdict = self._trail.verdict(Status.PARKED, error=self._error, parked_because=reason)
        return replace(verdict, checked=verdict.checked or self._counts)

    def _clean(self, reason: str) -> str:
        return self.system.secrets.scrub(reason)  # the trail removes what no database can hold

    def _growing(self, at_least: float | None = None) -> float:
        """Seconds until the next look: a bound that doubles with each check, never less than what was asked for."""
        first, doublings = max(self._settings.first_probe, 0.1), min(self.operation.checks, 20)
        bound = min(self._settings.longest_wait, first * 2**doublings)
        pause = self._sources.random.uniform(bound / 2, bound)
        if at_least is None or at_least <= pause:
            return pause
        # Those who were told the same moment do not all come in it.
        return at_least + self._sources.random.uniform(0.0, bound)


def _recorded(operation: Operation) -> IntegrationError | None:
    if operation.error is None:
        return None
    try:
        return IntegrationError.from_record(json.loads(operation.error))
    except (ValueError, TypeError, KeyError, AttributeError):
        return CommitUnknown(
            "the error that was recorded cannot be read", code="unreadable", evidence={"recorded": operation.error}
        )


def _why(step: Step) -> str:
    match step:
        case ProvenApplied(present=present):
            return f"found in the target{f' as {present.record}' if present.record else ''}"
        case ProvenAbsent(proof=proof):
            return proof
        case SendAgain(reason=reason) | Wait(reason=reason) | Park(reason=reason):
            return reason
