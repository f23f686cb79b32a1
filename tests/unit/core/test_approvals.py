"""Approvals: what people see is what is done, once; everything is judged by what the desk really did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.refunds import ADA, BOB, EVE, KIM, READS, Desk, refund_wall, rule
from support.rows import put_back
from support.virtual import virtual

from seawall import Applied, Pending, Rejected, Seawall, Unknown
from seawall.audit.verifying import verify_ledger
from seawall.core.approval import pending
from seawall.core.errors import InvalidRequest
from seawall.core.ledger.approval_records import ApprovalStatus
from seawall.core.ledger.records import Status
from seawall.core.settings import LedgerSettings

REFUND = {"order": "o-1", "amount": 90}


async def held(wall: Seawall, action: str = "refund", request: dict[str, Any] | None = None) -> tuple[str, str]:
    """Ask for something that people must approve; its approval and its operation."""
    outcome = await wall.call(f"desk.{action}", request or REFUND, principal=ADA)
    assert isinstance(outcome, Pending)
    assert outcome.approval is not None
    return outcome.approval.approval_id, outcome.operation_id


async def carried_out(wall: Seawall, operation_id: str) -> Status:
    """What becomes of an operation once Seawall looks for what was approved."""
    await wall.pipeline.release.run_once()
    operation = await wall.ledger.get(operation_id)
    assert operation is not None
    return operation.status


@virtual
async def test_call_that_people_must_approve_is_held_and_nothing_is_sent(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        outcome = await wall.call("desk.refund", REFUND, principal=ADA)
        assert isinstance(outcome, Pending)
        assert outcome.waits_for == "approval"
        assert outcome.approval is not None
        assert (outcome.approval.role, outcome.approval.quorum) == ("support-lead", 1)
        assert desk.refunds == []
        operation = await wall.ledger.get(outcome.operation_id)
        assert operation is not None
        assert operation.status is Status.HELD


@virtual
async def test_approved_operation_is_carried_out_once_by_seawall(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        assert await carried_out(wall, operation) is Status.APPLIED
        await wall.pipeline.release.run_once()
        assert [amount for _, _, amount in desk.refunds] == [90]
        again = await wall.call("desk.refund", REFUND, principal=ADA)
        assert isinstance(again, Applied)
        assert again.replayed
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.SPENT


@virtual
async def test_approval_is_carried_out_in_the_background_although_nobody_waits(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, background=True) as (wall, desk):
        approval, _ = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        await wall.sources.clock.sleep(2.0)
        assert len(desk.refunds) == 1


@virtual
async def test_same_request_again_joins_the_approval_that_waits(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        approval, operation = await held(wall)
        assert await held(wall) == (approval, operation)
        assert len(await wall.approvals.find()) == 1


@virtual
async def test_other_content_under_the_same_identity_is_a_conflict_while_the_first_is_held(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        other = await wall.call("desk.refund", REFUND | {"amount": 9000}, principal=ADA)
        assert isinstance(other, Rejected)
        assert other.error.code == "same_identity_other_content"
        await wall.approvals.approve(approval, by=EVE)
        await carried_out(wall, operation)
        assert [amount for _, _, amount in desk.refunds] == [90]


@virtual
async def test_quorum_needs_that_many_people_and_nobody_counts_twice(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[rule(quorum=2), READS]) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        with pytest.raises(InvalidRequest, match="already") as refused:
            await wall.approvals.approve(approval, by=EVE)
        assert refused.value.code == "already_voted"
        assert await carried_out(wall, operation) is Status.HELD
        await wall.approvals.approve(approval, by=BOB)
        assert await carried_out(wall, operation) is Status.APPLIED
        assert len(desk.refunds) == 1


@virtual
@pytest.mark.parametrize(
    ("by", "code"), [(KIM, "approver_lacks_role"), ("mallory", "unknown_person"), (ADA, "unknown_person")]
)
async def test_who_may_not_decide_is_refused(tmp_path: Path, by: str, code: str) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        with pytest.raises(InvalidRequest) as refused:
            await wall.approvals.approve(approval, by=by)
        assert refused.value.code == code
        assert await carried_out(wall, operation) is Status.HELD
        assert desk.refunds == []


@virtual
@pytest.mark.parametrize("principal", [BOB, "person:bob"])
async def test_requester_cannot_approve_their_own_request(tmp_path: Path, principal: str) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        outcome = await wall.call("desk.refund", REFUND, principal=principal)
        assert isinstance(outcome, Pending)
        assert outcome.approval is not None
        with pytest.raises(InvalidRequest) as refused:
            await wall.approvals.approve(outcome.approval.approval_id, by=BOB)
        assert refused.value.code == "approver_is_requester"
        await wall.approvals.approve(outcome.approval.approval_id, by=EVE)


@virtual
async def test_rejection_ends_the_operation_and_its_message_reaches_whoever_asked(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.reject(approval, by=EVE, message="the order was never paid")
        assert await carried_out(wall, operation) is Status.REJECTED
        again = await wall.call("desk.refund", REFUND, principal=ADA)
        assert isinstance(again, Rejected)
        assert again.error.code == "approval_rejected"
        assert "never paid" in again.error.message
        await wall.sources.clock.sleep(120.0)  # a rejection by a person outlives the replay of other rejections
        assert isinstance(await wall.call("desk.refund", REFUND, principal=ADA), Rejected)
        with pytest.raises(InvalidRequest) as refused:
            await wall.approvals.approve(approval, by=BOB)
        assert refused.value.code == "already_decided"
        assert desk.refunds == []


@virtual
@pytest.mark.case(49)
async def test_expired_approval_cannot_be_used_and_the_same_request_asks_anew(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.sources.clock.sleep(3601.0)
        with pytest.raises(InvalidRequest) as refused:
            await wall.approvals.approve(approval, by=EVE)
        assert refused.value.code == "approval_expired"
        assert await carried_out(wall, operation) is Status.REJECTED
        fresh, same = await held(wall)
        assert same == operation
        assert fresh != approval
        await wall.approvals.approve(fresh, by=EVE)
        assert await carried_out(wall, operation) is Status.APPLIED
        assert len(desk.refunds) == 1


@virtual
@pytest.mark.case(49)
async def test_approval_that_expires_between_the_decision_and_the_write_is_not_spent(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        await wall.sources.clock.sleep(3601.0)
        assert await carried_out(wall, operation) is Status.REJECTED
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.EXPIRED
        assert desk.refunds == []


@virtual
@pytest.mark.case(49)
async def test_two_that_carry_out_one_approval_send_once(tmp_path: Path) -> None:
    desk = Desk()
    async with refund_wall(tmp_path, desk=desk) as (first, _), refund_wall(tmp_path, desk=desk, seed=2) as (second, _):
        approval, operation = await held(first)
        await second.approvals.approve(approval, by=EVE)
        standing = await second.approvals.show(approval)
        outcomes = [
            await first.pipeline.release.carry_out(standing.approval),
            await second.pipeline.release.carry_out(standing.approval),
        ]
        assert sum(outcome is not None for outcome in outcomes) == 1
        assert len(desk.refunds) == 1
        assert await carried_out(second, operation) is Status.APPLIED


@virtual
@pytest.mark.case(49)
async def test_unknown_outcome_of_an_approved_write_spends_no_second_approval(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        desk.script += ["lost after", "lost after"]
        await wall.pipeline.release.run_once()
        again = await wall.call("desk.refund", REFUND, principal=ADA)
        assert isinstance(again, Applied | Unknown)
        assert await wall.settle(600.0) == 0
        assert isinstance(await wall.call("desk.refund", REFUND, principal=ADA), Applied)
        assert len(desk.refunds) == 1
        assert len(await wall.approvals.find()) == 1


@virtual
@pytest.mark.case(49)
async def test_changed_arguments_need_an_approval_of_their_own(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        await carried_out(wall, operation)
        second, _ = await held(wall, request={"order": "o-2", "amount": 90})
        assert second != approval
        assert len(desk.refunds) == 1


@virtual
@pytest.mark.case(48)
async def test_target_that_changed_after_the_approval_is_shown_anew_and_nothing_is_sent(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall, "set_limit", {"account": "acme", "limit": 500})
        await wall.approvals.approve(approval, by=EVE)
        desk.accounts["acme"] = (50, 2)  # somebody else lowered it meanwhile
        assert await carried_out(wall, operation) is Status.HELD
        assert desk.limits == []
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.REPLACED
        (fresh,) = await wall.approvals.find(status=ApprovalStatus.WAITING)
        assert fresh.approval.replaces == approval
        told = json.loads(fresh.approval.because or "{}")["differs"]
        assert {"code": "target_version_mismatch", "what": "limit", "then": 100, "now": 50} in told
        await wall.approvals.approve(fresh.approval.id, by=BOB)
        assert await carried_out(wall, operation) is Status.APPLIED
        assert desk.limits == [("acme", 500)]


@virtual
async def test_record_that_vanished_after_the_approval_is_shown_as_absent(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall, "set_limit", {"account": "acme", "limit": 500})
        await wall.approvals.approve(approval, by=EVE)
        del desk.accounts["acme"]
        assert await carried_out(wall, operation) is Status.HELD
        (fresh,) = await wall.approvals.find(status=ApprovalStatus.WAITING)
        assert fresh.shown["observed"] == {"state": "absent"}


@virtual
async def test_target_that_cannot_be_looked_at_keeps_the_approval_for_later(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation = await held(wall, "set_limit", {"account": "acme", "limit": 500})
        await wall.approvals.approve(approval, by=EVE)
        desk.down = True
        assert await carried_out(wall, operation) is Status.HELD
        desk.down = False
        await wall.sources.clock.sleep(600.0)
        assert await carried_out(wall, operation) is Status.APPLIED
        assert desk.limits == [("acme", 500)]


@virtual
async def test_target_that_could_not_be_shown_is_shown_before_anything_is_sent(tmp_path: Path) -> None:
    desk = Desk(down=True)
    async with refund_wall(tmp_path, desk=desk) as (wall, _):
        approval, operation = await held(wall, "set_limit", {"account": "acme", "limit": 500})
        await wall.approvals.approve(approval, by=EVE)
        desk.down = False
        await wall.sources.clock.sleep(600.0)
        assert await carried_out(wall, operation) is Status.HELD
        (fresh,) = await wall.approvals.find(status=ApprovalStatus.WAITING)
        assert fresh.shown["observed"]["version"] == "1"
        assert desk.limits == []


@virtual
async def test_edit_is_decided_anew_and_earlier_votes_do_not_count(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[rule(quorum=2), READS]) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=BOB)
        edited = await wall.approvals.edit(approval, by=EVE, changes={"amount": 40}, message="half is enough")
        assert edited.approval.id != approval
        assert edited.approval.digest != (await wall.approvals.show(approval)).approval.digest
        assert edited.votes == ()
        for by in (EVE, BOB):
            await wall.approvals.approve(edited.approval.id, by=by)
        assert await carried_out(wall, operation) is Status.APPLIED
        assert [amount for _, _, amount in desk.refunds] == [40]
        asked_before = await wall.call("desk.refund", REFUND, principal=ADA)  # what the agent knows of
        assert isinstance(asked_before, Applied)
        assert asked_before.value.amount == 40


@virtual
async def test_rejection_of_an_edited_request_stands_for_whoever_asks_in_the_words_of_before(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, _ = await held(wall)
        edited = await wall.approvals.edit(approval, by=EVE, changes={"amount": 40}, message="half is enough")
        await wall.approvals.reject(edited.approval.id, by=BOB, message="not even that")
        again = await wall.call("desk.refund", REFUND, principal=ADA)
        assert isinstance(again, Rejected)
        assert "not even that" in again.error.message
        other = await wall.call("desk.refund", REFUND | {"amount": 20}, principal=ADA)
        assert isinstance(other, Pending), "other content is another question"
        assert desk.refunds == []


@virtual
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"order": "o-2"}, "identity"),
        ({"amount": "much"}, "invalid_request"),
        ({"amount": 90}, "invalid_request"),
        ({"colour": "red"}, "invalid_request"),
        ({}, "message"),
    ],
)
async def test_edit_that_cannot_be_made_changes_nothing(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        approval, _ = await held(wall)
        with pytest.raises(InvalidRequest) as refused:
            await wall.approvals.edit(approval, by=EVE, changes=changes, message="why")
        assert refused.value.code == code
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.WAITING


@virtual
async def test_approval_under_a_digest_that_was_not_shown_is_refused(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        approval, _ = await held(wall)
        with pytest.raises(InvalidRequest) as refused:
            await wall.approvals.approve(approval, by=EVE, digest="0" * 64)
        assert refused.value.code == "action_digest_mismatch"


@virtual
async def test_policy_that_denies_it_by_now_ends_the_operation(tmp_path: Path) -> None:
    desk = Desk()
    async with refund_wall(tmp_path, desk=desk) as (wall, _):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
    async with refund_wall(tmp_path, desk=desk, policy=[READS], seed=2) as (wall, _):
        assert await carried_out(wall, operation) is Status.REJECTED
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.DENIED
    assert desk.refunds == []


@virtual
async def test_policy_of_another_version_asks_anew_and_says_so(tmp_path: Path) -> None:
    desk = Desk()
    async with refund_wall(tmp_path, desk=desk) as (wall, _):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
    async with refund_wall(tmp_path, desk=desk, policy=[rule(expires=60.0), READS], seed=2) as (wall, _):
        assert await carried_out(wall, operation) is Status.HELD
        (fresh,) = await wall.approvals.find(status=ApprovalStatus.WAITING)
        (told,) = json.loads(fresh.approval.because or "{}")["differs"]
        assert told["code"] == "policy_version_mismatch"
    assert desk.refunds == []


@virtual
async def test_caller_who_must_come_back_carries_it_out_and_nobody_else(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[rule(executed_by="caller"), READS]) as (wall, desk):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE)
        assert await carried_out(wall, operation) is Status.HELD
        other = await wall.call("desk.refund", REFUND, principal="agent:eve")
        assert isinstance(other, Pending)
        assert desk.refunds == []
        outcome = await wall.call("desk.refund", REFUND, principal=ADA)
        assert isinstance(outcome, Applied)
        assert len(desk.refunds) == 1


@virtual
async def test_what_is_held_survives_a_restart_and_is_carried_out_by_another_process(tmp_path: Path) -> None:
    desk = Desk()
    async with refund_wall(tmp_path, desk=desk) as (wall, _):
        approval, operation = await held(wall)
    async with refund_wall(tmp_path, desk=desk, seed=2) as (wall, _):
        await wall.approvals.approve(approval, by=EVE)
    async with refund_wall(tmp_path, desk=desk, seed=3) as (wall, _):
        assert await carried_out(wall, operation) is Status.APPLIED
    assert len(desk.refunds) == 1


@virtual
@pytest.mark.case(25)
async def test_approved_write_waits_while_another_on_the_same_record_is_unsettled(tmp_path: Path) -> None:
    ask_large = [rule() | {"actions": ["desk.set_limit"], "principals": [ADA]}, {"name": "rest", "decision": "allow"}]
    async with refund_wall(tmp_path, policy=ask_large) as (wall, desk):
        approval, operation = await held(wall, "set_limit", {"account": "acme", "limit": 500})
        desk.script += ["lost before"] * 9
        other = await wall.call("desk.set_limit", {"account": "acme", "limit": 7}, principal="agent:b", deadline=1.0)
        assert isinstance(other, Unknown)
        desk.script.clear()
        await wall.approvals.approve(approval, by=EVE)
        assert await carried_out(wall, operation) is Status.HELD
        assert ("acme", 500) not in desk.limits
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.APPROVED


@virtual
async def test_withdrawn_operation_is_not_carried_out(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        approval, operation_id = await held(wall)
        operation = await wall.ledger.get(operation_id)
        assert operation is not None
        assert await wall.approvals.withdraw(operation)
        with pytest.raises(InvalidRequest) as refused:
            await wall.approvals.approve(approval, by=EVE)
        assert refused.value.code == "withdrawn"
        assert await carried_out(wall, operation_id) is Status.REJECTED
        assert desk.refunds == []


@virtual
async def test_approval_that_ended_since_its_operation_was_read_is_not_told_as_approved(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        approval, operation_id = await held(wall)
        operation = await wall.ledger.get(operation_id)
        assert operation is not None
        await wall.approvals.reject(approval, by=EVE, message="no")
        told = pending(operation, await wall.ledger.approvals.of(operation_id))
        assert "Approved" not in told.reason
        assert told.waits_for == "operation"


@virtual
async def test_story_of_an_approved_operation_names_everybody(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, _):
        approval, operation = await held(wall)
        await wall.approvals.approve(approval, by=EVE, message="fine")
        await carried_out(wall, operation)
        story = await wall.story(operation)
        assert story is not None
        assert [(row.by, row.decision) for row in story.decisions] == [
            ("policy", "approval_asked"),
            (EVE, "approve"),
            ("seawall", "approval_spent"),
        ]
        assert json.loads(story.operation.policy)["approval_id"] == approval


async def forget_that_it_was_carried_out(folder: Path, desk: Desk) -> tuple[str, str]:
    """Back the ledger up while something is held, carry it out, and restore the backup an hour later."""
    async with refund_wall(folder, desk=desk) as (wall, _):
        approval, operation = await held(wall)
        backup_at = wall.sources.clock.now()
    shutil.copy(folder / "ledger.db", folder / "backup.db")
    async with refund_wall(folder, desk=desk, seed=2) as (wall, _):
        await wall.sources.clock.sleep(1.0)
        await wall.approvals.approve(approval, by=EVE)
        assert await carried_out(wall, operation) is Status.APPLIED
    put_back(folder)
    async with refund_wall(folder, desk=desk, seed=3) as (wall, _):
        await wall.sources.clock.sleep(600.0)
        await wall.ledger.restored(backup_at)
    return approval, operation


@virtual
@pytest.mark.case(28)
async def test_rejection_of_what_was_carried_out_before_a_restore_claims_nothing_false(tmp_path: Path) -> None:
    desk = Desk()
    approval, operation = await forget_that_it_was_carried_out(tmp_path, desk)
    async with refund_wall(tmp_path, desk=desk, seed=4) as (wall, _):
        await wall.approvals.reject(approval, by=EVE, message="no")
        assert await wall.settle(600.0) == 0
        outcome = await wall.call("desk.refund", REFUND, principal=ADA)
        assert isinstance(outcome, Applied), "it happened, whatever a person says of it now"
        assert len(desk.refunds) == 1


@virtual
@pytest.mark.case(28)
async def test_second_approval_of_what_was_carried_out_before_a_restore_has_no_second_effect(tmp_path: Path) -> None:
    desk = Desk()
    approval, operation = await forget_that_it_was_carried_out(tmp_path, desk)
    async with refund_wall(tmp_path, desk=desk, seed=4) as (wall, _):
        await wall.approvals.approve(approval, by=EVE)
        sends_before = desk.sends
        assert await carried_out(wall, operation) is Status.APPLIED
        assert desk.sends == sends_before, "it is looked up first, and found"
        assert len(desk.refunds) == 1


@virtual
@pytest.mark.case(49)
async def test_target_that_is_down_uses_no_approval_up_and_gets_the_write_once_it_is_back(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, background=True) as (wall, desk):
        approval, operation = await held(wall)
        desk.down = True
        await wall.approvals.approve(approval, by=EVE)
        await wall.sources.clock.sleep(300.0)
        standing = await wall.approvals.show(approval)
        assert (standing.approval.status, standing.operation.status) == (ApprovalStatus.APPROVED, Status.HELD)
        desk.down = False
        await wall.sources.clock.sleep(120.0)
        assert (await wall.approvals.show(approval)).approval.status is ApprovalStatus.SPENT
        assert len(desk.refunds) == 1
    assert verify_ledger(LedgerSettings(path=str(tmp_path / "ledger.db"))).faults == []


@virtual
async def test_release_has_nothing_to_complain_of_while_nobody_is_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with refund_wall(tmp_path, policy=[READS], background=True) as (wall, _):
        await wall.sources.clock.sleep(120.0)
        assert [record.message for record in caplog.records if record.name == "seawall.release"] == []
        assert await wall.ledger.approvals.any_open() is False
