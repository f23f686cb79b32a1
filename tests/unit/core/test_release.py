"""Carrying out what was approved: by several at once, in a storm, at the end of a process, and after a change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.refunds import ADA, BOB, EVE, READS, refund_wall, rule
from support.virtual import virtual

from seawall import Applied, Pending, Seawall, Sources
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
