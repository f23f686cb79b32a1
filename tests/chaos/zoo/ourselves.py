"""Mistakes of Seawall itself: each replaces one of its rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from seawall.core.action import Done
from seawall.core.adapter import Absent, Action, Attempt, Present, Sent
from seawall.core.breaker import Breaker
from seawall.core.decide import Doubt, Park, ProvenAbsent, SendAgain, Step, next_step
from seawall.core.errors import (
    CircuitOpen,
    IntegrationError,
)
from seawall.core.held import Held
from seawall.core.lane import Lane
from seawall.core.ledger import approvals
from seawall.core.ledger.approval_reads import by_id as approval_by_id
from seawall.core.ledger.approval_records import ApprovalStatus, Released
from seawall.core.ledger.reads import by_id as operation_by_id
from seawall.core.ledger.records import Operation, Status
from seawall.core.ledger.statements import CLAIMED
from seawall.core.policy import Decision, Policy
from seawall.core.release import Release
from seawall.core.retry import Backoff
from seawall.simulators.chaos.recording import RecordedAdapter

Plant = Callable[[pytest.MonkeyPatch], None]


def decides(rule: Callable[[Doubt, Any], Step]) -> Plant:
    """Another rule for what follows from a finding."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr("seawall.core.write.next_step", rule)
        patch.setattr("seawall.core.examination.next_step", rule)

    return plant


def trusts_any_absence(doubt: Doubt, finding: Any) -> Step:
    return ProvenAbsent("it is not there") if isinstance(finding, Absent) else next_step(doubt, finding)


def ignores_late_commits(doubt: Doubt, finding: Any) -> Step:
    return SendAgain("it is not there") if isinstance(finding, Absent) else next_step(doubt, finding)


def asks_people_what_it_knows(doubt: Doubt, finding: Any) -> Step:
    return Park("it is there") if isinstance(finding, Present) else next_step(doubt, finding)


def attempts(change: Callable[..., Any]) -> Plant:
    """Something between Seawall and the connector."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = RecordedAdapter.send

        async def send(self: RecordedAdapter, action: Action, attempt: Attempt) -> Sent[Any]:
            sent: Sent[Any] = await change(self, real, action, attempt)
            return sent

        patch.setattr(RecordedAdapter, "send", send)

    return plant


async def a_key_for_each_attempt(self: Any, real: Any, action: Action, attempt: Attempt) -> Any:
    again = f"{attempt.key[:-2]}{self._journal.attempts:02d}" if attempt.key else ""
    return await real(self, action, replace(attempt, key=again))


async def sends_what_nobody_wrote_down(self: Any, real: Any, action: Action, attempt: Attempt) -> Any:
    return await real(self, action, replace(attempt, operation_id="op_early") if action.writes else attempt)


async def hides_it_behind_the_breaker(self: Any, real: Any, action: Action, attempt: Attempt) -> Any:
    try:
        return await real(self, action, attempt)
    except IntegrationError as error:
        if error.effect == "maybe":
            raise CircuitOpen("the circuit is open", transient=False) from error
        raise


def has_no_fence(patch: pytest.MonkeyPatch) -> None:
    async def fence(self: Held) -> None:
        return

    patch.setattr(Held, "fence", fence)
    patch.setattr(Held, "_may_send", lambda self: True)


def has_no_breaker(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Breaker, "_settle", lambda *_, **__: None)


def never_gives_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "exhausted", lambda *_: False)


def never_recovers(patch: pytest.MonkeyPatch) -> None:
    async def run(self: Lane) -> None:
        return

    patch.setattr(Lane, "run", run)


def undoes_at_once(patch: pytest.MonkeyPatch) -> None:
    async def still_there(self: Any, system: Any, action: Action, operation: Any, deadline_at: float) -> Done:
        from seawall.core.replay import outcome_of

        recorded: Any = outcome_of(operation, action, self.clock.now())
        return Done(action.request.model_validate_json(operation.request), recorded.value, recorded.receipt.record)

    patch.setattr("seawall.core.compensation._Undo._still_there", still_there)


def spends_approvals_twice(patch: pytest.MonkeyPatch) -> None:
    """Processes that look at the same time, and a ledger that does not ask whether an approval was spent."""
    real_release, real_lost = approvals.release, Release._lost

    async def slowly(self: Release, *args: Any) -> Any:
        await asyncio.sleep(1.0)
        return await real_lost(self, *args)

    async def release(db: Any, approval_id: str, seen: Operation, holder: str, *args: Any) -> Released:
        released = await real_release(db, approval_id, seen, holder, *args)
        standing, found = await approval_by_id(db, approval_id), await operation_by_id(db, seen.id)
        if released.operation is not None or standing is None or standing.status is not ApprovalStatus.SPENT:
            return released
        assert found is not None
        mine = replace(found, status=Status.RUNNING, holder=holder, epoch=found.epoch + 1)
        claim = db.sql.claim
        await db.run(claim, claim.values(which=mine.id, **{name: getattr(mine, name) for name in CLAIMED}))
        return Released(mine)

    patch.setattr(Release, "_lost", slowly)
    patch.setattr(approvals, "release", release)


def asks_nobody(patch: pytest.MonkeyPatch) -> None:
    real = Policy.decide

    def decide(self: Policy, *args: Any) -> Decision:
        decision = real(self, *args)
        return replace(decision, decision="allow", approval=None) if decision.approval is not None else decision

    patch.setattr(Policy, "decide", decide)
