"""What an agent is told of a call that people must approve, now and in a later session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.refunds import ADA, EVE, READS, refund_wall, rule
from support.virtual import virtual

from seawall import Seawall
from seawall.agents import Dispatcher
from seawall.agents.result import Result
from seawall.core.ledger.approval_records import ApprovalStatus

REFUND: dict[str, Any] = {"order": "o-1", "amount": 90}


async def held(wall: Seawall) -> tuple[Result, str]:
    """Ask for a refund; the result and its approval."""
    result = await Dispatcher(wall, ADA).call("desk__refund", REFUND)
    assert result.policy is not None
    return result, str(result.policy["approval_id"])


@virtual
async def test_held_call_is_no_error_and_cannot_be_read_as_done(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        result, approval = await held(wall)
        assert (result.status, result.effect, result.is_error, result.proven) == (
            "pending_approval",
            "not_applied",
            False,
            False,
        )
        assert result.summary.startswith("NOT DONE YET. Waiting for support-lead until 20")
        assert "stays valid if this session ends. Do not resubmit." in result.summary
        assert result.retry.allowed == "same_operation_only"
        assert result.next is not None
        assert (result.next.tool, result.next.arguments) == (
            "operation_wait",
            {"operation_id": result.operation_id},
        )
        assert result.policy is not None
        assert (result.policy["decision"], result.policy["rule"]) == ("require_approval", "ask")
        assert approval.startswith("approval")
        assert desk.refunds == []


@virtual
async def test_held_call_is_told_the_same_to_a_later_session(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        result, approval = await held(wall)
        later = Dispatcher(wall, ADA)
        (listed,) = (await later.call("operations_mine", {"status": "held"})).data["operations"]
        assert (listed["operation_id"], listed["status"]) == (result.operation_id, "pending_approval")
        told = await later.call("operation_get", {"operation_id": result.operation_id})
        assert told.status == "pending_approval"
        assert told.policy is not None
        assert told.policy["approval_id"] == approval
        again = await later.call("desk__refund", REFUND)
        assert (again.status, again.operation_id) == ("pending_approval", result.operation_id)


@virtual
async def test_agent_that_waits_hears_of_the_result_once_people_approved(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, background=True) as (wall, desk):
        result, approval = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        told = await Dispatcher(wall, ADA).call("operation_wait", {"operation_id": result.operation_id})
        assert (told.status, told.effect) == ("succeeded", "applied")
        assert told.policy is not None
        assert told.policy["approval_id"] == approval
        assert len(desk.refunds) == 1


@virtual
async def test_rejection_by_a_person_is_a_denial_with_their_words(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        result, approval = await held(wall)
        await wall.approvals.reject(approval, by=EVE, message="ask the shop first")
        told = await Dispatcher(wall, ADA).call("operation_get", {"operation_id": result.operation_id})
        assert (told.status, told.is_error) == ("denied", True)
        assert told.summary.startswith("Denied by a person; nothing was executed")
        assert "ask the shop first" in told.summary
        assert desk.refunds == []


@virtual
async def test_expired_approval_is_told_as_expired_and_not_as_denied(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        result, _ = await held(wall)
        await wall.sources.clock.sleep(3601.0)
        await wall.pipeline.release.run_once()
        told = await Dispatcher(wall, ADA).call("operation_get", {"operation_id": result.operation_id})
        assert (told.status, told.effect) == ("expired", "not_applied")
        assert told.summary.startswith("Expired; nothing was executed")
        assert told.retry.allowed == "same_request"


@virtual
async def test_agent_cancels_what_is_held_and_nothing_is_sent(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        result, approval = await held(wall)
        told = await Dispatcher(wall, ADA).call("operation_cancel", {"operation_id": result.operation_id})
        assert told.status == "cancelled"
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.WITHDRAWN
        other = await Dispatcher(wall, ADA).call("desk__refund", REFUND | {"amount": 20})
        assert other.status == "pending_approval", "the way is free for what was meant instead"
        assert desk.refunds == []


@virtual
async def test_other_content_while_held_is_a_conflict_that_names_the_way_out(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        result, _ = await held(wall)
        other = await Dispatcher(wall, ADA).call("desk__refund", REFUND | {"amount": 20})
        assert (other.status, other.operation_id) == ("conflict", result.operation_id)
        assert "operation_cancel" in other.summary


@virtual
async def test_approved_call_that_its_caller_must_repeat_says_so(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[rule(executed_by="caller"), READS]) as (wall, desk):
        result, approval = await held(wall)
        assert "by itself" not in result.summary
        assert "make exactly the same request again to have it carried out" in result.summary
        await wall.approvals.approve(approval, by=EVE)
        agent = Dispatcher(wall, ADA)
        told = await agent.call("operation_get", {"operation_id": result.operation_id})
        assert told.status == "pending_approval"
        assert told.summary.startswith("NOT DONE YET. Approved until")
        assert told.next is not None
        done = await agent.call(told.next.tool, told.next.arguments)
        assert done.status == "succeeded"
        assert len(desk.refunds) == 1


@virtual
async def test_same_request_of_another_agent_names_a_step_that_is_open_to_it(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        _, approval = await held(wall)
        other = Dispatcher(wall, "agent:bob")
        told = await other.call("desk__refund", REFUND)
        assert told.status == "pending_approval"
        assert told.next is not None
        assert (told.next.tool, told.next.arguments) == ("desk__refund", REFUND)
        assert "Another principal asked for it first" in told.summary
        await wall.approvals.approve(approval, by=EVE)
        await wall.pipeline.release.run_once()
        assert (await other.call(told.next.tool, told.next.arguments)).status == "replayed"
        assert len(desk.refunds) == 1


@virtual
@pytest.mark.case(26)
async def test_reworded_repeat_of_a_held_call_is_no_second_question(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        result, approval = await held(wall)
        agent = Dispatcher(wall, ADA)
        reworded = await agent.call("desk__refund", REFUND | {"note": "customer is unhappy"})
        assert (reworded.status, reworded.operation_id) == ("conflict", result.operation_id)
        assert len(await wall.approvals.find()) == 1
        await wall.approvals.approve(approval, by=EVE)
        await wall.pipeline.release.run_once()
        assert (await agent.call("desk__refund", REFUND)).status == "replayed"
        assert len(desk.refunds) == 1
