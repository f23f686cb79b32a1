"""Brings unknown operations to an end: probe → finish, send again where that is allowed, or park with the reason."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from .action import Action
from .adapter import Attempt, Sent
from .clock import Sources
from .decide import Doubt, Park, ProvenAbsent, ProvenApplied, SendAgain, Step, Wait, next_step
from .doubt import checked, is_final, is_passing, look, receipt_of
from .errors import CircuitOpen, IntegrationError, LedgerUnavailable, NotSent
from .ledger.records import Operation, Status, Verdict
from .policy import Policy
from .replay import encode_applied
from .system import System
from .trail import Trail

if TYPE_CHECKING:
    from .ledger.store import Ledger

_log = logging.getLogger("seawall.recovery")


class Recovery:
    """Takes operations whose holder is gone or whose outcome is unknown, and settles them.

    Args:
        systems: The systems by name.
        ledger: The ledger.
        policy: What is sent again must still be allowed.
        sources: Clock, randomness and ids.
    """

    def __init__(self, systems: Mapping[str, System], ledger: Ledger, policy: Policy, sources: Sources) -> None:
        self.systems = systems
        self.ledger = ledger
        self.policy = policy
        self.sources = sources
        self._places = {
            name: asyncio.Semaphore(system.settings.recovery.concurrency) for name, system in systems.items()
        }
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something new to look at."""
        self._woken.set()

    async def run(self) -> None:
        """Look again and again, until cancelled. A failing ledger is waited for, never a reason to stop."""
        interval = min((s.settings.recovery.interval for s in self.systems.values()), default=1.0)
        while True:
            self._woken.clear()
            try:
                await self.run_once()
            except LedgerUnavailable as error:
                _log.warning("recovery waits for the ledger: %s", error)
            except Exception:  # noqa: BLE001 -- whatever it was, the next round must come
                _log.exception("a round of recovery failed; the next one goes on")
            pause = interval * self.sources.random.uniform(0.8, 1.2)
            if await self._due_within(pause):
                continue
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                pass
            # What was just recorded is due only after its first wait; looking at once would find nothing.

    async def _due_within(self, pause: float) -> bool:
        try:
            due = await self.ledger.next_due()
        except LedgerUnavailable:
            return False
        if due is None:
            return False
        wait = due - self.sources.clock.now()
        if wait > pause:
            return False
        await self.sources.clock.sleep(max(wait, pause / 10))
        return True

    async def run_once(self) -> int:
        """Take up everything that is due, and see it through one step.

        Returns:
            How many operations were looked at.

        Raises:
            LedgerUnavailable: The ledger cannot be read or written.
        """
        await self.ledger.retry_unrecorded()
        taken = await asyncio.gather(*(self._run_system(system) for system in self.systems.values()))
        return sum(taken)

    async def _run_system(self, system: System) -> int:
        operations = await self.ledger.claim_due(limit=system.settings.recovery.batch, system=system.name)
        await asyncio.gather(*(self._examine(system, operation) for operation in operations))
        return len(operations)

    async def _examine(self, system: System, operation: Operation) -> None:
        async with self._places[system.name]:
            examination = Examination(self, system, operation)
            try:
                verdict = await examination.verdict()
            except Exception as error:  # noqa: BLE001 -- one poisonous operation must not stop the others
                _log.exception("recovery of %s failed", operation.id)
                verdict = examination.later(f"recovery failed: {type(error).__name__}")
            await self.ledger.finish([verdict])


class Examination:
    """One look at one operation.

    Args:
        recovery: Whose look it is.
        system: The operation's system.
        operation: The row, held by us.
    """

    def __init__(self, recovery: Recovery, system: System, operation: Operation) -> None:
        self.system = system
        self.operation = operation
        self._sources = recovery.sources
        self._ledger = recovery.ledger
        self._policy = recovery.policy
        self._clock = recovery.sources.clock
        self.trail = Trail(operation.id, operation.epoch, self._clock, purpose="resend")
        self._error = IntegrationError.from_record(json.loads(operation.error)) if operation.error else None

    async def verdict(self) -> Verdict:
        """Probe if there is a probe, decide, and do what is decided."""
        action = self.system.adapter.actions.get(self.operation.action)
        if action is None:
            return self._park(f"{self.system.name} no longer has an action {self.operation.action!r}")
        try:
            request = action.request.model_validate_json(self.operation.request)
        except ValidationError:
            return self._park("its request no longer fits the action's model")
        deadline_at = self._clock.monotonic() + self.system.settings.deadline
        attempt = self._attempt(request, 1, 0.0)
        finding = None
        doubt = self._doubt(action)  # an absence is as old as the read that saw it, and not as the answer
        if action.probe is not None:
            found = await look(self.system, action, attempt, deadline_at, self.trail, recovery=True)
            if isinstance(found, IntegrationError):
                return self._probe_failed(found)
            finding = found
        step = next_step(doubt, finding)
        self.trail.decided("recovery", type(step).__name__, _why(step))
        return await self._do(step, action, request, deadline_at)

    async def _do(self, step: Step, action: Action, request: BaseModel, deadline_at: float) -> Verdict:
        match step:
            case ProvenApplied(present=present):
                outcome = encode_applied(present.value, receipt_of(present))
                return self.trail.verdict(Status.APPLIED, outcome=outcome)
            case ProvenAbsent(proof=proof):
                error = self._error or NotSent("it left no trace", code="absent")
                return self.trail.verdict(Status.REJECTED, error=error.without_effect(proof))
            case Park(reason=reason):
                return self._park(reason)
            case Wait(reason=reason, seconds=seconds):
                return self.later(reason, seconds)
            case SendAgain():
                return await self._send_again(action, request, deadline_at)

    async def _send_again(self, action: Action, request: BaseModel, deadline_at: float) -> Verdict:
        operation, system = self.operation, self.system
        if not self._policy.decide(operation.principal, system.name, action).allowed:
            return self._park(f"the policy no longer lets {operation.principal} do it, so it is not sent again")

        async def send(number: int, timeout: float) -> Sent[Any]:
            # Fenced right before dispatch: whoever lost the operation while it was paused must not send.
            if not await self._ledger.hold(operation.id, operation.epoch):
                raise NotSent("another process took the operation over", code="lost_lease")
            self.trail.dispatch()
            return checked(action, await system.adapter.send(action, self._attempt(request, number, timeout)))

        result = await system.attempt(
            send, 1, deadline_at, ended=lambda _, error: self.trail.ended(error), recovery=True
        )
        if not isinstance(result, IntegrationError):
            outcome = encode_applied(result.value, receipt_of(result))
            return self.trail.verdict(Status.APPLIED, outcome=outcome)
        result.at(system.name, action.name, 0)
        if result.effect == "maybe" or not (result.transient or isinstance(result, NotSent)):
            self._error = result
        return self.later(result.message, self._growing(result.retry_after))

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
        )

    def _doubt(self, action: Action) -> Doubt:
        operation, now = self.operation, self._clock.now()
        last = operation.last_sent_at or operation.updated_at
        return Doubt(
            action,
            since_first=now - (operation.sent_at or last),
            since_last=now - last,
            atomic=operation.atomic,
            final=self._error is not None and is_final(self._error),
            horizon=self.system.horizon(action),
        )

    def _probe_failed(self, error: IntegrationError) -> Verdict:
        reason = f"the probe itself failed ({error.message}); that says nothing about the operation"
        if isinstance(error, CircuitOpen):
            return self.later(reason, max(error.retry_after or 0.0, self.system.settings.recovery.first_probe))
        return self.later(reason, self._growing(error.retry_after) if is_passing(error) else None)

    def later(self, reason: str, seconds: float | None = None) -> Verdict:
        """Leave it unknown and look again, or park it when it has been looked at often enough."""
        if seconds is None and self.operation.checks + 1 >= self.system.settings.recovery.attempts:
            return self._park(f"{self.operation.checks + 1} probes did not settle it; last: {reason}")
        pause = self._growing() if seconds is None else seconds
        self.trail.decided("recovery", "later", f"{reason}; looks again in {pause:.1f} s")
        return self.trail.verdict(Status.UNKNOWN, error=self._error, next_check_in=pause)

    def _park(self, reason: str) -> Verdict:
        self.trail.decided("recovery", "park", reason)
        return self.trail.verdict(Status.PARKED, error=self._error, parked_because=reason)

    def _growing(self, at_least: float | None = None) -> float:
        settings = self.system.settings.recovery
        bound = min(settings.longest_wait, max(settings.first_probe, 0.1) * 2 ** min(self.operation.checks, 20))
        return max(at_least or 0.0, self._sources.random.uniform(bound / 2, bound))


def _why(step: Step) -> str:
    match step:
        case ProvenApplied(present=present):
            return f"found in the target{f' as {present.record}' if present.record else ''}"
        case ProvenAbsent(proof=proof):
            return proof
        case SendAgain(reason=reason) | Wait(reason=reason) | Park(reason=reason):
            return reason
