"""Carrying out what was approved: by several at once, in a storm, at the end of a process, and after a change."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from support.refunds import ADA, BOB, EVE, READS, refund_wall, rule
from support.virtual import sources, virtual

from seawall import Applied, Config, Pending, Seawall, Sources
from seawall.core.ledger.approval_records import ApprovalStatus
from seawall.core.ledger.records import Status

REFUND = {"order": "o-1", "amount": 90}
LIMIT = {"account": "acme", "limit": 500}


async def held(wall: Seawall, action: str = "refund", request: dict[str, Any] | None = None) -> tuple[str, str]:
    """Ask for something that people must approve; its approval and its operation."""
    outcome = await wall.call(f"desk.{action}", request or REFUND, principal=ADA)
    assert isinstance(outcome, Pending)
    assert outcome.approval is not None
    return outcome.approval.approval_id, outcome.operation_id


async def status(wall: Seawall, operation_id: str) -> Status:
    operation = await wall.ledger.get(operation_id)
    assert operation is not None
    return operation.status


@pytest.mark.case(49)
async def test_tasks_of_one_process_that_carry_out_one_approval_send_once(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, given=Sources()) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        standing = await wall.approvals.show(approval)
        release = wall.pipeline.release
        outcomes = await asyncio.gather(*(release.carry_out(standing.approval) for _ in range(4)))
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [Applied]
        assert desk.sends == 1
        assert await status(wall, operation) is Status.APPLIED


def beyond_a_rate(action: str) -> list[dict[str, Any]]:
    """One call an hour is allowed; for what goes beyond, two people are asked."""
    few = {"name": "few", "decision": "allow", "actions": [action], "rate": {"calls": 1, "per": 3600}}
    return [few, rule(quorum=2), READS]


@virtual
@pytest.mark.case(48)
async def test_what_was_asked_for_a_rate_is_asked_of_as_many_people_when_its_target_changed(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=beyond_a_rate("desk.set_limit")) as (wall, desk):
        desk.accounts["other"] = (1, 1)
        within = await wall.call("desk.set_limit", {"account": "other", "limit": 2}, principal=ADA)
        assert isinstance(within, Applied)
        approval, operation = await held(wall, "set_limit", LIMIT)
        for by in (EVE, BOB):
            await wall.approvals.approve(approval, by=by)
        desk.accounts["acme"] = (50, 2)
        for _ in range(3):
            await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.HELD
        (fresh,) = await wall.approvals.find(status=ApprovalStatus.WAITING)
        assert (fresh.approval.role, fresh.approval.quorum, fresh.votes) == ("support-lead", 2, ())
        assert ("acme", 500) not in desk.limits


@virtual
async def test_edit_of_what_was_asked_for_a_rate_is_asked_of_as_many_people(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=beyond_a_rate("desk.refund")) as (wall, desk):
        within = await wall.call("desk.refund", {"order": "o-0", "amount": 1}, principal=ADA)
        assert isinstance(within, Applied)
        approval, operation = await held(wall)
        edited = await wall.approvals.edit(approval, by=EVE, changes={"amount": 9000}, message="more")
        await wall.pipeline.release.run_once()
        assert (edited.approval.status, edited.approval.quorum) == (ApprovalStatus.WAITING, 2)
        assert await status(wall, operation) is Status.HELD
        assert len(desk.refunds) == 1


@virtual
async def test_edit_to_what_the_policy_allows_by_itself_needs_nobody(tmp_path: Path) -> None:
    large = rule() | {"actions": ["desk.refund"], "where": {"amount": {"above": 50}}}
    async with refund_wall(tmp_path, policy=[large, {"name": "rest", "decision": "allow"}]) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.edit(approval, by=EVE, changes={"amount": 40}, message="half is enough")
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.APPLIED
        assert [amount for _, _, amount in desk.refunds] == [40]


@virtual
async def test_approvals_whose_target_cannot_be_looked_at_do_not_hold_up_the_others(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        for number in range(120):
            desk.accounts[f"a{number}"] = (1, 1)
            approval, _ = await held(wall, "set_limit", {"account": f"a{number}", "limit": 5})
            await wall.approvals.approve(approval, by=EVE)
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        desk.unreadable = True
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.APPLIED
        assert desk.limits == []


@virtual
async def test_approval_that_cannot_be_ended_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        stuck, _ = await held(wall, request={"order": "o-0", "amount": 1})
        await wall.sources.clock.sleep(3601.0)
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        end = wall.ledger.approvals.end

        async def damaged(approval_id: str, *given: Any, **more: Any) -> bool:
            if approval_id == stuck:
                raise RuntimeError("its operation is not in the ledger")
            return await end(approval_id, *given, **more)

        monkeypatch.setattr(wall.ledger.approvals, "end", damaged)
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.APPLIED
        assert len(desk.refunds) == 1


@virtual
async def test_approval_is_not_spent_while_calls_to_its_system_pause(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        wall.systems["desk"].breaker.trip("for the test")
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.HELD
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.APPROVED
        await wall.sources.clock.sleep(60.0)
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.APPLIED
        assert len(desk.refunds) == 1


@virtual
async def test_approved_write_that_is_being_sent_when_the_process_closes_is_seen_through(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, background=True) as (wall, desk):
        approval, operation = await held(wall)
        desk.slow = 5.0
        await wall.approvals.approve(approval, by=EVE)
        await wall.sources.clock.sleep(1.0)
        assert await status(wall, operation) is Status.RUNNING
    assert len(desk.refunds) == 1
    async with refund_wall(tmp_path, desk=desk, seed=2) as (wall, _):
        assert await status(wall, operation) is Status.APPLIED
        assert desk.sends == 1


@virtual
async def test_write_that_is_answered_slowly_holds_up_no_other(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, background=True) as (wall, desk):
        desk.slow = 20.0
        slow, _ = await held(wall, request={"order": "o-0", "amount": 1})
        await wall.approvals.approve(slow, by=EVE)
        await wall.sources.clock.sleep(1.0)
        desk.slow = 0.0
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        await wall.sources.clock.sleep(1.0)
        assert await status(wall, operation) is Status.APPLIED


@virtual
@pytest.mark.parametrize(
    "people",
    [
        {BOB: {"roles": ["support-lead"]}},
        {EVE: {"roles": ["clerk"]}, BOB: {"roles": ["support-lead"]}},
        {EVE: {"roles": ["support-lead"], "principals": ["agent:*"]}, BOB: {"roles": ["support-lead"]}},
    ],
)
async def test_vote_of_somebody_who_may_not_decide_any_more_is_not_spent(
    tmp_path: Path, people: dict[str, Any]
) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
    async with refund_wall(tmp_path, desk=desk, seed=2, people=people) as (wall, _):
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.HELD
        (fresh,) = await wall.approvals.find(status=ApprovalStatus.WAITING)
        assert fresh.approval.replaces == approval
        assert json.loads(fresh.approval.because or "{}")["differs"] == [
            {"code": "approver_lacks_role", "what": EVE, "then": "support-lead", "now": None}
        ]
        await wall.approvals.approve(fresh.approval.id, by=BOB)
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.APPLIED
        assert len(desk.refunds) == 1


def slowed(wall: Seawall, monkeypatch: pytest.MonkeyPatch, name: str, seconds: float) -> None:
    """Let a method of the ledger's approvals take its time."""
    method = getattr(wall.ledger.approvals, name)

    async def slow(*given: Any, **more: Any) -> Any:
        await asyncio.sleep(seconds)
        return await method(*given, **more)

    monkeypatch.setattr(wall.ledger.approvals, name, slow)


@virtual
async def test_write_has_its_time_although_the_approval_was_spent_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        slowed(wall, monkeypatch, "release", 40.0)
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.APPLIED
        assert len(desk.refunds) == 1


@virtual
async def test_approval_is_not_spent_for_a_caller_who_has_no_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with refund_wall(tmp_path, policy=[rule(executed_by="caller"), READS]) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        with monkeypatch.context() as changed:
            slowed(wall, changed, "votes", 3.0)
            late = await wall.call("desk.refund", REFUND, principal=ADA, deadline=2.0)
        assert isinstance(late, Pending)
        assert await status(wall, operation) is Status.HELD
        assert isinstance(await wall.call("desk.refund", REFUND, principal=ADA), Applied)
        assert len(desk.refunds) == 1


@virtual
async def test_policy_that_cannot_be_read_ends_nothing_that_was_approved(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
    gone: dict[str, Any] = {"policy": [], "policy_file": str(tmp_path / "gone.yaml")}
    async with refund_wall(tmp_path, desk=desk, seed=2, **gone) as (wall, _):
        assert wall.unreadable is not None
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.HELD
    async with refund_wall(tmp_path, desk=desk, seed=3) as (wall, _):
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.APPLIED
        assert len(desk.refunds) == 1


@virtual
async def test_process_without_the_system_leaves_what_was_approved_to_one_that_has_it(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        other = Config.model_validate({"ledger": {"path": str(tmp_path / "ledger.db"), "lease": 30.0}})
        async with Seawall(other, sources=sources(2), recovery=False, inline_ledger=True) as stranger:
            assert await stranger.pipeline.release.run_once() == 0
        assert await status(wall, operation) is Status.HELD
        await wall.pipeline.release.run_once()
        assert await status(wall, operation) is Status.APPLIED
        assert len(desk.refunds) == 1
