"""Who is asked at a client, about what, and what a form shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.refunds import ADA, BOB, EVE, KIM, READS, Desk, refund_wall, rule
from support.virtual import virtual

from seawall import Seawall
from seawall.agents import Dispatcher
from seawall.agents.at_client import Asked, AtClient, Said
from seawall.approval_listing import approval_form
from seawall.core.errors import InvalidRequest

REFUND = {"order": "o-1", "amount": 90}
LARGE = rule(elicit=True) | {"where": {"amount": {"above": 100}}, "actions": ["desk.refund"]}
SMALL = rule() | {"name": "small"}


async def held(wall: Seawall, tool: str = "desk__refund", **request: Any) -> str:
    """Ask for something that people must approve; the id of the approval."""
    result = await Dispatcher(wall, ADA).call(tool, request or REFUND)
    assert result.status == "pending_approval"
    return str((result.policy or {})["approval_id"])


async def refused(wall: Seawall, approval: str, by: str) -> str:
    with pytest.raises(InvalidRequest) as raised:
        await wall.approvals.at_client(approval, by=by)
    return str(raised.value.code)


@virtual
async def test_approvals_at_client_lets_only_those_decide_who_may_decide_anywhere(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[rule(elicit=True, quorum=2), READS]) as (wall, _):
        approval = await held(wall)
        assert (await wall.approvals.at_client(approval, by=EVE)).approval.id == approval
        assert await refused(wall, approval, KIM) == "approver_lacks_role"
        assert await refused(wall, approval, ADA) == "unknown_person"
        await wall.approvals.approve(approval, by=EVE)
        assert await refused(wall, approval, EVE) == "already_voted"
        await wall.approvals.reject(approval, by=BOB, message="no")
        assert await refused(wall, approval, BOB) == "already_decided"


@virtual
async def test_approval_of_a_rule_without_elicit_is_not_decided_at_a_client(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[LARGE, SMALL, READS]) as (wall, _):
        small = await held(wall, order="o-1", amount=90)
        large = await held(wall, order="o-2", amount=900)
        assert await refused(wall, small, EVE) == "not_at_client"
        assert (await wall.approvals.at_client(large, by=EVE)).approval.id == large


@virtual
async def test_edit_that_brings_it_under_another_rule_is_judged_by_that_one(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[LARGE, SMALL, READS]) as (wall, _):
        large = await held(wall, order="o-2", amount=900)
        edited = await wall.approvals.edit(large, by=EVE, changes={"amount": 50}, message="less")
        assert await refused(wall, edited.approval.id, BOB) == "not_at_client"


@virtual
async def test_approval_of_another_policy_is_not_decided_at_a_client(tmp_path: Path) -> None:
    desk = Desk()
    async with refund_wall(tmp_path, desk=desk, policy=[rule(), READS]) as (wall, _):
        approval = await held(wall)
    async with refund_wall(tmp_path, desk=desk, policy=[rule(elicit=True), READS], seed=2) as (wall, _):
        assert await refused(wall, approval, EVE) == "not_at_client"


@virtual
async def test_answer_under_a_policy_that_forbids_it_meanwhile_does_not_count(tmp_path: Path) -> None:
    desk = Desk()
    async with refund_wall(tmp_path, desk=desk, policy=[rule(elicit=True), READS]) as (wall, _):
        dispatcher = Dispatcher(wall, ADA)
        form = await AtClient(wall).form(EVE, await dispatcher.call("desk__refund", REFUND))
        assert form is not None
        asked = Asked.of_state(form.asked.to_state())
        assert asked == form.asked
    async with refund_wall(tmp_path, desk=desk, policy=[rule(), READS], seed=2) as (wall, _):
        at_client, dispatcher = AtClient(wall), Dispatcher(wall, ADA)
        until = at_client.now() + 5
        told = await at_client.answered(asked, Said("approve"), dispatcher.call, "desk__refund", REFUND, until)
        assert told.status == "pending_approval"
        assert "What was said at the client does not count" in told.summary
        (standing,) = await wall.approvals.find()
        assert (standing.votes, desk.sends) == ((), 0)


def test_state_of_another_version_asks_nothing() -> None:
    assert [Asked.of_state(state) for state in ("", "[]", "{}", '{"approval": "a"}')] == [None] * 4


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"decision": "approve", "message": " fine "}, Said("approve", "fine")),
        ({"decision": "reject"}, Said("reject")),
        ({"decision": "reject", "message": 7}, Said("reject")),
        ({"decision": "approve", "message": "x" * 900}, Said("approve", "x" * 500)),
        ({"decision": True}, Said()),
        ({"decision": ["approve"]}, Said()),
        ({"confirm": True}, Said()),
        ({}, Said()),
        (None, Said()),
    ],
)
def test_said_takes_only_what_the_form_offers(content: Any, expected: Said) -> None:
    assert Said.of(content) == expected


@virtual
async def test_form_shows_all_arguments_or_there_is_none(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[rule(elicit=True), READS]) as (wall, _):
        long = await wall.approvals.show(await held(wall, order="o-1", amount=90, note="n" * 1000))
        form = approval_form(long, 1200)
        assert form is not None
        assert f'note = "{"n" * 1000}"' in form
        assert approval_form(long, 1000) is None


@virtual
async def test_form_leaves_out_of_the_record_what_does_not_fit_and_says_so(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, policy=[rule(elicit=True), READS]) as (wall, _):
        approval = await held(wall, "desk__set_limit", account="acme", limit=500)
        standing = await wall.approvals.show(approval)
        full = approval_form(standing, 4000)
        assert full is not None
        assert 'the record has version = "1"' in full
        lines = full.split("\n")[:2]
        note = f"  and 1 more lines: seawall approvals show {approval}"
        standing.approval.shown = standing.approval.shown.replace('"version":"1"', f'"version":"{"1" * 500}"')
        assert approval_form(standing, 150) == "\n".join([*lines, note])
