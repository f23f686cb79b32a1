"""Carrying out what people approved: everything is checked again, the approval is spent, and the write is sent.

The agent that asked may be gone. What does not hold any more (the record in the target, the policy, the adapter) is
shown to people anew, with the difference; nothing is sent on an approval of something else.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from .action import Action
from .approval import EXPIRED, ask_again, differences, digest_of, refusal, shown_for
from .before_image import before_image
from .clock import Sources
from .errors import DeadlineBeforeSend, IntegrationError, LedgerUnavailable
from .identity import canonical_json
from .intake import Asked, Intake
from .leave import Leave, leave_to_send_again
from .ledger.approval_records import Approval, ApprovalStatus, Due
from .ledger.records import Operation, Status
from .outcome import Outcome, Rejected
from .people import Person
from .policy import UNREADABLE, Decision, Policy
from .system import System
from .trail import Trail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from .ledger.store import Ledger

_log = logging.getLogger("seawall.release")

_AT_ONCE = 16  # approvals that are carried out at a time, of each system
_MOST = 10_000  # approvals of which one look knows; those that wait for a system that is down are among them
_LONGEST_PAUSE = 60.0  # seconds before a target that did not answer is looked at again
_WHILE_PAUSED = 2.0  # seconds before it is asked again whether a system is still paused
_IDLE = 30.0  # seconds between looks at the ledger, at least, while nothing is held and nothing will be


class Release:
    """Spends approvals, each once, and sees their operations through.

    Args:
        systems: The systems by name.
        ledger: The ledger.
        policy: Asked again, right before.
        people: Who may decide, by name; looked at again, right before.
        sources: Clock and ids.
        intake: Where intents are recorded.
        carry_out: Sends an operation that has become ours.
        on_doubt: Called when an operation became unknown.
        interval: Seconds between two looks for what was approved.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        ledger: Ledger,
        policy: Policy,
        people: Mapping[str, Person],
        sources: Sources,
        intake: Intake,
        carry_out: Callable[[Asked, BaseModel, Operation], Awaitable[Outcome[Any]]],
        on_doubt: Callable[[], None],
        interval: float = 0.5,
    ) -> None:
        self._systems = systems
        self._ledger = ledger
        self._policy = policy
        self._people = people
        self._sources = sources
        self._clock = sources.clock
        self._intake = intake
        self._carry_out = carry_out
        self._on_doubt = on_doubt
        self._interval = interval
        self._woken = asyncio.Event()
        self._not_before: dict[str, tuple[float, float]] = {}
        self._under_way: dict[str, asyncio.Task[Outcome[Any] | None]] = {}
        self._at_work: Counter[str] = Counter()
        self._ending = False

    def wake(self) -> None:
        """Something may have been approved."""
        self._woken.set()

    async def run(self) -> None:
        """Look again and again, until cancelled. Nothing that fails is a reason to end."""
        try:
            while True:
                self._woken.clear()
                busy = self._policy.asks_people
                try:
                    await self._look()
                    busy = busy or await self._ledger.approvals.any_open()
                except LedgerUnavailable as error:
                    _log.warning("approvals wait for the ledger: %s", error)
                except Exception:  # noqa: BLE001 -- whatever it was, the next round must come
                    _log.exception("a round of approvals failed; the next one goes on")
                try:
                    async with asyncio.timeout(self._interval if busy else max(_IDLE, self._interval)):
                        await self._woken.wait()
                except TimeoutError:
                    pass
        finally:
            left = list(self._under_way.values())
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def run_once(self) -> int:
        """End what has expired, carry out what was approved, and wait for it.

        Returns:
            How many operations were carried out.

        Raises:
            LedgerUnavailable: The ledger cannot be read or written.
        """
        outcomes: dict[str, Outcome[Any] | None] = {}
        while (started := await self._look()).keys() - outcomes.keys():
            outcomes |= zip(started, await asyncio.gather(*started.values()), strict=True)
        return sum(outcome is not None for outcome in outcomes.values())

    async def finish(self, within: float) -> None:
        """Spend nothing more, and wait for what is being sent, as for calls.

        Args:
            within: Seconds to wait at most.
        """
        self._ending = True
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=within)

    async def _look(self) -> dict[str, asyncio.Task[Outcome[Any] | None]]:
        """End what has expired, and begin to carry out what is due; no system waits for another."""
        for approval in await self._ledger.approvals.overdue():
            try:
                await self._expire(approval)
            except LedgerUnavailable:
                raise
            except Exception:  # noqa: BLE001 -- one that fails must not hold up the others
                _log.exception("%s could not be ended", approval.id)
        found = await self._ledger.approvals.to_release(_MOST)
        known = {one.id for one in found}
        self._not_before = {name: until for name, until in self._not_before.items() if name in known}
        now = self._clock.monotonic()
        started = {}
        for one in found:
            if one.system not in self._systems:
                continue  # another process of this ledger has it; until then it waits, and expires in its time
            free = self._at_work[one.system] < _AT_ONCE and one.id not in self._under_way
            if free and not self._ending and self._not_before.get(one.id, _NEVER)[0] <= now:
                started[one.id] = self._start(one)
        return started

    def _start(self, one: Due) -> asyncio.Task[Outcome[Any] | None]:
        def ended(_task: asyncio.Task[Outcome[Any] | None]) -> None:
            del self._under_way[one.id]
            self._at_work[one.system] -= 1
            if self._at_work[one.system] == _AT_ONCE - 1:
                self.wake()  # there was no room for more

        task = asyncio.create_task(self._one(one.id), name=f"seawall release of {one.id}")
        self._under_way[one.id] = task
        self._at_work[one.system] += 1
        task.add_done_callback(ended)
        return task

    async def _one(self, approval_id: str) -> Outcome[Any] | None:
        try:
            approval = await self._ledger.approvals.get(approval_id)
            return None if approval is None else await self.carry_out(approval)
        except LedgerUnavailable as error:
            _log.warning("%s waits for the ledger: %s", approval_id, error)
        except Exception:  # noqa: BLE001 -- one that fails must not hold up the others
            _log.exception("%s could not be carried out", approval_id)
        self._later(approval_id)
        return None

    async def carry_out(self, approval: Approval, deadline_at: float | None = None) -> Outcome[Any] | None:
        """Check everything again, spend the approval, and send.

        Args:
            approval: The approval, approved.
            deadline_at: Monotonic time by which this answers; the system's deadline from now if None.

        Returns:
            What became of the operation; None when it was not sent: the approval was spent by another process, ended,
            or replaced, the target could not be looked at now, or nothing happened for a passing reason.

        Raises:
            LedgerUnavailable: The ledger cannot be read or written.
        """
        operation = await self._ledger.get(approval.operation_id)
        if operation is None or operation.status is not Status.HELD:
            return None
        if approval.expires_at <= self._clock.now():
            await self._expire(approval)
            return None
        known = self._known(operation)
        if isinstance(known, str):
            await self._deny(approval, operation, known)
            return None
        system, action, request = known
        if await self._is_paused(approval, system):
            return None
        own = deadline_at is None  # nobody waits: the write has as much time as a call, however long the look took
        deadline_at = self._clock.monotonic() + system.settings.deadline if deadline_at is None else deadline_at
        if (pause := system.gate.pauses()) > 0:
            _log.info("%s waits: calls to %s pause for %.1f s", approval.id, system.name, pause)
            self._later(approval.id, pause)
            return None
        decision = self._decide(operation, action, request)
        if decision.version == UNREADABLE:
            _log.warning("%s waits: %s", approval.id, decision.reason)
            self._later(approval.id)
            return None
        if decision.decision == "deny":
            why = f"the policy no longer allows it (rule {decision.rule!r})"
            await self._deny(approval, operation, why)
            return None
        seen = await before_image(system, action, request, deadline_at)
        if isinstance(seen, IntegrationError):
            _log.info("%s waits: %s cannot be looked at: %s", approval.id, system.name, seen.message)
            self._later(approval.id, seen.retry_after)
            return None
        shown = shown_for(system, action, request, operation.principal, decision.version, seen)
        lost = await self._lost(approval, operation)
        if lost or digest_of(shown) != approval.digest:
            await self._ask_anew(approval, decision, shown, lost)
            return None
        if self._ending or (not own and deadline_at <= self._clock.monotonic()):
            return None
        return await self._spend(approval, operation, system, action, request, decision, deadline_at, own=own)

    async def _spend(
        self,
        approval: Approval,
        operation: Operation,
        system: System,
        action: Action,
        request: BaseModel,
        decision: Decision,
        deadline_at: float,
        *,
        own: bool,
    ) -> Outcome[Any] | None:
        if await self._is_paused(approval, system):  # since the target was looked at
            return None
        left = system.settings.deadline if own else max(0.0, deadline_at - self._clock.monotonic())
        # What was recorded beside the first decision (the reason of a deliberate repeat) stays.
        told = {**json.loads(operation.policy), **json.loads(decision.record), "approval_id": approval.id}
        policy = canonical_json(told)
        released = await self._ledger.approvals.release(approval.id, operation, policy, left, self._abandoned)
        if released.operation is None:
            if released.blocked_by is not None:
                _log.info("%s waits for operation %s on the same record", approval.id, released.blocked_by.id)
                self._later(approval.id)
            return None
        self._not_before.pop(approval.id, None)
        if own:
            deadline_at = self._clock.monotonic() + system.settings.deadline
        asked = Asked(
            system,
            action,
            operation.principal,
            Leave(decision, decision),
            deadline_at,
            operation.trace_id,
            self._sources,
            self._intake,
            self._on_doubt,
            operation.undoes,
        )
        outcome = await self._carry_out(asked, request, released.operation)
        if not (isinstance(outcome, Rejected) and outcome.error.transient):
            self._not_before.pop(approval.id, None)
            return outcome
        # Nothing happened, for a reason that passes (the target is down, a person paused it): that uses nothing up.
        given_back = await self._ledger.approvals.give_back(approval.id, released.operation.epoch)
        if not given_back or approval.executed_by == "caller":
            return outcome
        _log.info("%s is tried again later: %s", approval.id, outcome.error.message)
        self._later(approval.id, outcome.error.retry_after)
        return None

    def _known(self, operation: Operation) -> tuple[System, Action, BaseModel] | str:
        system = self._systems.get(operation.system)
        if system is None:
            return f"there is no system {operation.system!r} any more"
        action = system.adapter.actions.get(operation.action)
        if action is None:
            return f"{system.name} no longer has an action {operation.action!r}"
        try:
            return system, action, action.request.model_validate_json(operation.request)
        except ValidationError:
            return "its request no longer fits the action's model"

    def _decide(self, operation: Operation, action: Action, request: BaseModel) -> Decision:
        # By the rules of now and the time at which it was asked for, as for an operation that is sent again.
        return leave_to_send_again(self._policy, operation, action, request)

    async def _lost(self, approval: Approval, operation: Operation) -> list[dict[str, Any]]:
        """The votes that count no more, because whoever cast them may not decide it now; empty if enough are left."""
        if approval.quorum == 0:
            return []
        votes = [vote for vote in await self._ledger.approvals.votes(approval.id) if vote.vote == "approve"]
        people = {vote.by: self._people.get(vote.by) for vote in votes}
        gone = [
            name
            for name, person in people.items()
            if person is None or approval.role not in person.roles or person.is_requester(name, operation.principal)
        ]
        if len(votes) - len(gone) >= approval.quorum:
            return []
        return [{"code": "approver_lacks_role", "what": name, "then": approval.role, "now": None} for name in gone]

    async def _ask_anew(
        self, approval: Approval, decision: Decision, shown: dict[str, Any], lost: list[dict[str, Any]]
    ) -> None:
        differs = differences(json.loads(approval.shown), shown) + lost
        wanted = ask_again(decision, approval, shown, self._sources.new_id("approval"))
        because = canonical_json({"differs": differs})
        fresh = await self._ledger.approvals.substitute(approval.id, wanted, because, by="seawall")
        if fresh is not None:
            _log.info("%s does not hold any more; %s asks anew", approval.id, fresh.id)

    async def _deny(self, approval: Approval, operation: Operation, why: str) -> None:
        message = f"it was approved, and not carried out: {why}; nothing was sent"
        error = refusal("denied", message, operation, transient=False)
        await self._ledger.approvals.end(approval.id, ApprovalStatus.DENIED, error, message, "seawall")

    async def _expire(self, approval: Approval) -> None:
        operation = await self._ledger.get(approval.operation_id)
        if operation is None:
            return
        undecided = approval.status is ApprovalStatus.WAITING
        why = f"{approval.role} did not decide in time" if undecided else "it was not carried out in time"
        message = f"its approval expired: {why}; nothing was sent"
        error = refusal(EXPIRED, message, operation, transient=True)
        await self._ledger.approvals.end(approval.id, ApprovalStatus.EXPIRED, error, message, "seawall")

    async def _is_paused(self, approval: Approval, system: System) -> bool:
        """Whether a person lets nothing be sent now; then the approval stays as it is, and is looked at again soon."""
        paused = await system.paused(writes=True)
        if paused is None:
            return False
        _log.info("%s waits: %s", approval.id, paused.message)
        self._not_before[approval.id] = self._clock.monotonic() + max(self._interval, _WHILE_PAUSED), 0.0
        return True

    def _later(self, approval_id: str, at_least: float | None = None) -> None:
        _, pause = self._not_before.get(approval_id, _NEVER)
        pause = min(max(2 * pause, self._interval), _LONGEST_PAUSE)
        self._not_before[approval_id] = self._clock.monotonic() + max(pause, at_least or 0.0), pause

    def _abandoned(self, operation: Operation) -> None:
        """It became ours after we were told to stop: say that nothing was sent."""
        error = DeadlineBeforeSend("Seawall was closed before it was sent", code="abandoned")
        trail = Trail(operation.id, operation.epoch, self._clock)
        self._ledger.finish_soon([trail.verdict(Status.REJECTED, error=error)])


_NEVER = (0.0, 0.0)
"""Not put off: the monotonic time before which an approval is left alone, and the pause that led to it."""
