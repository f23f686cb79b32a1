"""Approvals in both ledgers: an approval and its operation change together, and once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from support.clock import FakeClock

from seawall.core.errors import Denied
from seawall.core.ledger import Ledger
from seawall.core.ledger.approval_records import Approval, ApprovalStatus, Ask, Edit, Vote
from seawall.core.ledger.records import Intent, Operation, Status, Verdict

from .conftest import Home
from .test_lost_acknowledgement import lose_next_acknowledgement

ASK = Ask(
    id="approval_1",
    role="lead",
    quorum=1,
    executed_by="seawall",
    lasts=3600.0,
    reason="large",
    shown='{"amount":9}',
    digest="s1",
)
INTENT = Intent(
    id="op_1",
    system="crm",
    action="refund",
    key="k1",
    identity="{}",
    request='{"amount":9}',
    digest="d1",
    principal="agent:a",
    adapter_version="toy 1",
    policy="{}",
    deadline_at=1e9,
    entity="e1",
    ask=ASK,
)
REFUSED = json.dumps(Denied("no").to_record())


def nobody(operation: Operation) -> None:
    raise AssertionError(f"{operation.id} was abandoned")


async def asked(one: Ledger, intent: Intent = INTENT) -> tuple[Operation, Approval]:
    (begun,) = await one.begin([intent])
    assert not begun.fresh
    approval = await one.approvals.of(begun.operation.id)
    assert approval is not None
    return begun.operation, approval


def vote(by: str, approval: str = "approval_1") -> Vote:
    return Vote(approval, by, 0.0, "approve", "s1", "")


async def release(one: Ledger, seen: Operation, approval: str = "approval_1") -> Any:
    return await one.approvals.release(approval, seen, '{"approval_id":"x"}', 10.0, nobody)


async def test_intent_that_people_must_approve_is_held_with_its_approval(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        operation, approval = await asked(one)
        assert (operation.status, operation.holder) == (Status.HELD, None)
        assert (approval.status, approval.operation_id) == (ApprovalStatus.WAITING, "op_1")
        assert approval.expires_at == approval.requested_at + 3600.0
        again, same = await asked(one, replace(INTENT, id="op_2", ask=replace(ASK, id="approval_2")))
        assert (again.id, same.id) == ("op_1", "approval_1")


async def test_held_operation_is_no_work_for_recovery(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as one:
        await asked(one)
        clock.advance(86_400.0)
        assert await one.claim_due(limit=10) == []
        assert await one.next_due() is None


async def test_votes_up_to_the_quorum_approve_and_a_person_counts_once(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        await asked(one, replace(INTENT, ask=replace(ASK, quorum=2)))
        assert await one.approvals.vote(vote("eve"))
        assert not await one.approvals.vote(vote("eve"))
        assert await one.approvals.to_release(10) == []
        assert await one.approvals.vote(vote("bob"))
        assert [approval.id for approval in await one.approvals.to_release(10)] == ["approval_1"]
        assert not await one.approvals.vote(vote("kim")), "it does not wait any more"
        assert [said.by for said in await one.approvals.votes("approval_1")] == ["eve", "bob"]


async def test_released_operation_is_ours_and_its_approval_is_spent(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        operation, _ = await asked(one)
        await one.approvals.vote(vote("eve"))
        released = await release(one, operation)
        assert released.operation is not None
        assert (released.operation.status, released.operation.epoch) == (Status.RUNNING, 2)
        assert one.still_holds("op_1", 2)
        assert await one.finish([Verdict("op_1", 2, Status.APPLIED, outcome="{}")]) == [True]
        spent = await one.approvals.get("approval_1")
        assert spent is not None
        assert spent.status is ApprovalStatus.SPENT


async def test_approval_that_waits_is_not_released(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        operation, _ = await asked(one)
        assert (await release(one, operation)).operation is None
        found = await one.get("op_1")
        assert found is not None
        assert found.status is Status.HELD


@pytest.mark.case(49)
async def test_two_ledgers_that_release_one_approval_get_it_once(home: Home) -> None:
    async with home.open() as first, home.open() as second:
        operation, _ = await asked(first)
        await second.approvals.vote(vote("eve"))
        released = await asyncio.gather(*(release(one, operation) for one in (first, second) * 4))
        ours = [one.operation for one in released if one.operation is not None]
        assert {operation.holder for operation in ours} <= {first.holder, second.holder}
        assert len({operation.holder for operation in ours}) == 1
        assert {operation.epoch for operation in ours} == {2}


async def test_expired_approval_is_neither_voted_for_nor_released(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as one:
        operation, _ = await asked(one)
        await one.approvals.vote(vote("eve"))
        clock.advance(3601.0)
        assert (await release(one, operation)).operation is None
        assert [approval.id for approval in await one.approvals.overdue()] == ["approval_1"]
        assert await one.approvals.end("approval_1", ApprovalStatus.EXPIRED, REFUSED, "late", "seawall")
        assert not await one.approvals.end("approval_1", ApprovalStatus.REJECTED, REFUSED, "no", "eve")
        found = await one.get("op_1")
        assert found is not None
        assert (found.status, found.error) == (Status.REJECTED, REFUSED)


async def test_operation_waits_while_another_on_its_record_is_not_settled(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        operation, _ = await asked(one)
        await one.approvals.vote(vote("eve"))
        (other,) = await one.begin([replace(INTENT, id="op_2", key="k2", ask=None)])
        assert other.fresh, "what is held stands in nobody's way"
        released = await release(one, operation)
        assert released.operation is None
        assert released.blocked_by is not None
        assert released.blocked_by.id == "op_2"
        await one.finish([Verdict("op_2", 1, Status.APPLIED, outcome="{}")])
        assert (await release(one, operation)).operation is not None


async def test_rejected_operation_asks_anew_only_when_its_rejection_no_longer_stands(home: Home) -> None:
    clock = FakeClock()
    error = json.dumps(Denied("no", code="approval_rejected", retry_after=3600.0).to_record())
    async with home.open(clock) as one:
        await asked(one)
        await one.approvals.end("approval_1", ApprovalStatus.REJECTED, error, "no", "eve")
        fresh = replace(INTENT, id="op_2", replay_rejections=60.0, ask=replace(ASK, id="approval_2"))
        clock.advance(120.0)
        again, same = await asked(one, fresh)
        assert (again.status, same.id) == (Status.REJECTED, "approval_1")
        clock.advance(3600.0)
        again, other = await asked(one, fresh)
        assert (again.id, again.status, again.epoch) == ("op_1", Status.HELD, 3)
        assert (other.id, other.operation_id) == ("approval_2", "op_1")


async def test_edit_takes_the_place_of_the_approval_and_changes_the_operation(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        await asked(one)
        wanted = replace(ASK, id="approval_2", digest="s2", quorum=0)
        edit = Edit("eve", '{"amount":4}', "d2", None, '{"rule":"small"}')
        fresh = await one.approvals.substitute("approval_1", wanted, "{}", by="eve", edit=edit)
        assert fresh is not None
        assert (fresh.status, fresh.replaces, fresh.edited_by) == (ApprovalStatus.APPROVED, "approval_1", "eve")
        assert fresh.asked_digest == "d1"
        operation = await one.get("op_1")
        assert operation is not None
        assert (operation.request, operation.digest, operation.entity) == ('{"amount":4}', "d2", None)
        assert await one.approvals.substitute("approval_1", replace(wanted, id="approval_3"), "{}", by="eve") is None
        (released,) = [(await release(one, operation, "approval_2")).operation]
        assert released is not None


async def test_operation_that_changed_since_it_was_checked_is_not_released(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        operation, _ = await asked(one)
        await one.approvals.vote(vote("eve"))
        assert (await release(one, replace(operation, digest="other"))).operation is None
        approval = await one.approvals.get("approval_1")
        assert approval is not None
        assert approval.status is ApprovalStatus.APPROVED, "it is not spent for nothing"


@pytest.mark.case(15)
async def test_release_whose_acknowledgement_was_lost_is_ours(local_home: Home) -> None:
    async with local_home.open() as one:
        operation, _ = await asked(one)
        await one.approvals.vote(vote("eve"))
        lose_next_acknowledgement(one)
        released = await release(one, operation)
        assert released.operation is not None
        assert released.operation.status is Status.RUNNING


@pytest.mark.case(15)
async def test_question_whose_acknowledgement_was_lost_is_asked_once(local_home: Home) -> None:
    async with local_home.open() as one:
        lose_next_acknowledgement(one)
        await asked(one)
        assert len(await one.approvals.find()) == 1


async def test_notice_is_left_to_one_process_until_it_was_told(home: Home) -> None:
    clock = FakeClock()
    async with home.open(clock) as one:
        await asked(one)
        assert [approval.id for approval in await one.approvals.untold()] == ["approval_1"]
        assert await one.approvals.untold() == [], "somebody is at it"
        clock.advance(31.0)
        assert len(await one.approvals.untold()) == 1, "whoever was at it is gone"
        await one.approvals.told("approval_1", "waiting")
        clock.advance(31.0)
        assert await one.approvals.untold() == []
        await one.approvals.vote(vote("eve"))
        assert [approval.status for approval in await one.approvals.untold()] == [ApprovalStatus.APPROVED]


async def test_approval_is_given_back_only_while_its_operation_ended_without_effect(home: Home) -> None:
    async with home.open(FakeClock()) as one:
        operation, _ = await asked(one)
        await one.approvals.vote(vote("eve"))
        await release(one, operation)
        assert not await one.approvals.give_back("approval_1", 2), "it runs"
        await one.finish([Verdict("op_1", 2, Status.REJECTED, error=REFUSED)])
        assert not await one.approvals.give_back("approval_1", 1), "another epoch"
        assert await one.approvals.give_back("approval_1", 2)
        assert not await one.approvals.give_back("approval_1", 2), "once"
        again = await one.get("op_1")
        assert again is not None
        assert (again.status, again.holder, again.epoch, again.error) == (Status.HELD, None, 3, None)
        assert (await release(one, operation)).operation is None, "it was looked at before it was given back"
        released = await release(one, again)
        assert released.operation is not None
        await one.finish([Verdict("op_1", 4, Status.APPLIED, outcome="{}")])
        assert not await one.approvals.give_back("approval_1", 4), "it is applied"
