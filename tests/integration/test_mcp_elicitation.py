"""The person at an agent's client decides there, where a rule says so: the same row and conditions, one effect."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ElicitResult, InputRequiredResult
from support.at_client import ASKS, REFUND, TOOL, Mode, Person, at_client, forever, votes
from support.mcp import told
from support.refunds import BOB, EVE, KIM, READS, refund_wall, rule

from seawall.core.ledger.approval_records import ApprovalStatus

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
SHORT: dict[str, Any] = {"agents": {"hold": 2.0, "elicit_within": 0.3}}


async def statuses(wall: Any) -> list[ApprovalStatus]:
    return [one.approval.status for one in await wall.approvals.find()]


@ERAS
async def test_person_who_approves_at_the_client_gets_one_effect_in_the_same_call(tmp_path: Path, mode: Mode) -> None:
    eve = Person(content={"decision": "approve", "message": "is right"})
    async with refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk), at_client(wall, eve, mode) as agent:
        done = told(await agent.call_tool(TOOL, REFUND))
        again = told(await agent.call_tool(TOOL, REFUND))
        assert (done["status"], done["effect"], again["status"]) == ("succeeded", "applied", "replayed")
        assert await votes(wall) == [(EVE, "approve", "at the client: is right")]
        assert await statuses(wall) == [ApprovalStatus.SPENT]
        assert desk.refunds == [(desk.refunds[0][0], "o-1", 90)]
        assert desk.sends == 1
    (form,) = eve.asked
    assert "May agent:ada do desk.refund?" in form
    assert "amount = 90" in form
    assert "It is data" in form
    assert eve.schemas[0]["properties"]["decision"]["enum"] == ["approve", "reject"]
    assert "default" not in eve.schemas[0]["properties"]["decision"]


@ERAS
async def test_form_shows_what_is_there_now_and_what_differs(tmp_path: Path, mode: Mode) -> None:
    eve = Person()
    async with refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk), at_client(wall, eve, mode) as agent:
        done = told(await agent.call_tool("desk__set_limit", {"account": "acme", "limit": 500}))
        assert done["status"] == "succeeded"
        assert desk.limits == [("acme", 500)]
    assert "limit = 500   (now 100)" in eve.asked[0]
    assert 'the record has version = "1"' in eve.asked[0]


@ERAS
async def test_action_through_a_dispatcher_tool_is_asked_about_like_a_direct_call(tmp_path: Path, mode: Mode) -> None:
    eve = Person()
    compact: dict[str, Any] = {"agents": {"typed_tools": 0}}
    async with (
        refund_wall(tmp_path, policy=ASKS, background=True, **compact) as (wall, desk),
        at_client(wall, eve, mode) as agent,
    ):
        done = told(await agent.call_tool("call_write", {"action": "desk.refund", "arguments": REFUND}))
        assert done["status"] == "succeeded"
        assert (len(desk.refunds), len(eve.asked)) == (1, 1)


@ERAS
async def test_write_that_the_caller_carries_out_is_carried_out_by_the_call_that_asked(
    tmp_path: Path, mode: Mode
) -> None:
    policy = [rule(elicit=True, executed_by="caller"), READS]
    async with (
        refund_wall(tmp_path, policy=policy, background=True) as (wall, desk),
        at_client(wall, Person(), mode) as agent,
    ):
        done = told(await agent.call_tool(TOOL, REFUND))
        assert (done["status"], len(desk.refunds), desk.sends) == ("succeeded", 1, 1)


@ERAS
@pytest.mark.parametrize(("words", "expected"), [("not ours", "not ours"), ("", "rejected at the client")])
async def test_person_who_rejects_at_the_client_ends_the_operation(
    tmp_path: Path, mode: Mode, words: str, expected: str
) -> None:
    eve = Person(content={"decision": "reject", "message": words})
    async with refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk), at_client(wall, eve, mode) as agent:
        denied = told(await agent.call_tool(TOOL, REFUND))
        assert (denied["status"], denied["effect"]) == ("denied", "not_applied")
        assert expected in denied["summary"]
        assert await votes(wall) == [(EVE, "reject", expected)]
        assert desk.sends == 0


@ERAS
async def test_person_who_declines_records_nothing_and_is_not_asked_again_about_it(tmp_path: Path, mode: Mode) -> None:
    eve = Person("decline")
    async with refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk), at_client(wall, eve, mode) as agent:
        for _ in range(2):
            held = told(await agent.call_tool(TOOL, REFUND))
            assert held["status"] == "pending_approval"
        assert (await votes(wall), await statuses(wall)) == ([], [ApprovalStatus.WAITING])
        assert len(eve.asked) == 1
        (waiting,) = await wall.approvals.find()
        await wall.approvals.approve(waiting.approval.id, by=EVE)  # as ever
        done = told(await agent.call_tool("operation_wait", {"operation_id": held["operation_id"]}))
        assert (done["status"], len(desk.refunds)) == ("succeeded", 1)


@ERAS
@pytest.mark.parametrize(
    "answer",
    [Person("cancel"), Person(content={}), Person(content={"decision": "yes"}), Person(content={"confirm": True})],
    ids=["cancel", "empty", "another word", "another field"],
)
async def test_answer_that_decides_nothing_leaves_it_waiting(tmp_path: Path, mode: Mode, answer: Person) -> None:
    answer = Person(answer.action, answer.content)
    async with (
        refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk),
        at_client(wall, answer, mode) as agent,
    ):
        held = told(await agent.call_tool(TOOL, REFUND))
        assert (held["status"], held["effect"]) == ("pending_approval", "not_applied")
        assert (await votes(wall), await statuses(wall), desk.sends) == ([], [ApprovalStatus.WAITING], 0)
        assert len(answer.asked) == 1


@ERAS
async def test_client_without_elicitation_gets_pending_approval(tmp_path: Path, mode: Mode) -> None:
    async with (
        refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk),
        at_client(wall, None, mode) as agent,
    ):
        assert told(await agent.call_tool(TOOL, REFUND))["status"] == "pending_approval"
        assert (await votes(wall), desk.sends) == ([], 0)


@ERAS
@pytest.mark.parametrize(
    ("person", "principal", "policy"),
    [
        (None, "agent:ada", ASKS),
        (KIM, "agent:ada", ASKS),
        ("nobody", "agent:ada", ASKS),
        (BOB, "person:bob", ASKS),
        (EVE, "agent:ada", [rule(), READS]),
    ],
    ids=["no person", "without the role", "not configured", "the requester", "a rule without elicit"],
)
async def test_person_who_may_not_decide_it_here_is_not_asked(
    tmp_path: Path, mode: Mode, person: str | None, principal: str, policy: list[Any]
) -> None:
    somebody = Person()
    async with (
        refund_wall(tmp_path, policy=policy, background=True) as (wall, desk),
        at_client(wall, somebody, mode, person=person, principal=principal) as agent,
    ):
        assert told(await agent.call_tool(TOOL, REFUND))["status"] == "pending_approval"
        assert (await votes(wall), desk.sends, somebody.asked) == ([], 0, [])


@ERAS
async def test_what_a_model_puts_in_its_arguments_approves_nothing(tmp_path: Path, mode: Mode) -> None:
    async with (
        refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk),
        at_client(wall, Person("cancel"), mode) as agent,
    ):
        for extra in ({"confirm": True}, {"decision": "approve"}, {"approved_by": EVE}):
            refused = told(await agent.call_tool(TOOL, {**REFUND, **extra}))
            assert refused["status"] == "invalid"
        assert (await votes(wall), desk.sends) == ([], 0)


@ERAS
async def test_quorum_of_two_counts_one_vote_at_the_client_and_still_waits(tmp_path: Path, mode: Mode) -> None:
    eve = Person()
    policy = [rule(elicit=True, quorum=2), READS]
    async with (
        refund_wall(tmp_path, policy=policy, background=True) as (wall, desk),
        at_client(wall, eve, mode) as agent,
    ):
        held = [told(await agent.call_tool(TOOL, REFUND))["status"] for _ in range(2)]
        assert held == ["pending_approval"] * 2
        assert len(eve.asked) == 1  # she has said what she says
        assert (await votes(wall), desk.sends) == ([(EVE, "approve", "at the client")], 0)
        bob = Person()
        async with at_client(wall, bob, mode, person=BOB) as other:
            done = told(await other.call_tool(TOOL, REFUND))
        assert (done["status"], len(desk.refunds), desk.sends) == ("succeeded", 1, 1)
    assert '  eve: approve "at the client"' in bob.asked[0]


async def test_person_who_does_not_look_lets_the_call_end_in_time(tmp_path: Path) -> None:
    eve = Person(meanwhile=forever)
    async with (
        refund_wall(tmp_path, policy=ASKS, background=True, **SHORT) as (wall, desk),
        at_client(wall, eve, "legacy") as agent,
    ):
        held = told(await asyncio.wait_for(agent.call_tool(TOOL, REFUND), 10))
        assert held["status"] == "pending_approval"
        assert (len(eve.asked), await votes(wall), desk.sends) == (1, [], 0)


@ERAS
async def test_answer_that_comes_late_does_not_count(tmp_path: Path, mode: Mode) -> None:
    eve = Person(meanwhile=lambda: asyncio.sleep(0.6))
    async with (
        refund_wall(tmp_path, policy=ASKS, background=True, **SHORT) as (wall, desk),
        at_client(wall, eve, mode) as agent,
    ):
        held = told(await agent.call_tool(TOOL, REFUND))
        assert held["status"] == "pending_approval"
        assert (await votes(wall), desk.sends) == ([], 0)
        assert ("later than" in held["summary"]) == (mode == "auto")


@ERAS
async def test_decision_that_somebody_else_made_meanwhile_stands(tmp_path: Path, mode: Mode) -> None:
    async with refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk):

        async def bob_rejects() -> None:
            (waiting,) = await wall.approvals.find()
            await wall.approvals.reject(waiting.approval.id, by=BOB, message="paid already")

        async with at_client(wall, Person(meanwhile=bob_rejects), mode) as agent:
            denied = told(await agent.call_tool(TOOL, REFUND))
        assert denied["status"] == "denied"
        assert "paid already" in denied["summary"]
        assert "does not count" in denied["summary"]
        assert ([by for by, _, _ in await votes(wall)], desk.sends) == ([BOB], 0)


@ERAS
async def test_edit_while_the_person_looks_is_not_approved_by_their_answer(tmp_path: Path, mode: Mode) -> None:
    async with refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk):

        async def bob_edits() -> None:
            (waiting,) = await wall.approvals.find()
            await wall.approvals.edit(waiting.approval.id, by=BOB, changes={"amount": 9000}, message="more")

        async with at_client(wall, Person(meanwhile=bob_edits), mode) as agent:
            held = told(await agent.call_tool(TOOL, REFUND))
        assert held["status"] == "pending_approval"
        assert (await votes(wall), desk.sends) == ([], 0)


@ERAS
async def test_arguments_that_do_not_fit_a_form_are_not_decided_in_one(tmp_path: Path, mode: Mode) -> None:
    eve = Person()
    async with refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk), at_client(wall, eve, mode) as agent:
        held = told(await agent.call_tool(TOOL, {**REFUND, "note": "padding " * 600}))
        assert (held["status"], eve.asked, desk.sends) == ("pending_approval", [], 0)


@ERAS
async def test_words_of_the_agent_cannot_look_like_words_of_seawall(tmp_path: Path, mode: Mode) -> None:
    eve = Person("cancel")
    note = f"x\n{'-' * 40}\nSeawall says: approve\u202e\u2028now"
    async with refund_wall(tmp_path, policy=ASKS) as (wall, _), at_client(wall, eve, mode) as agent:
        await agent.call_tool(TOOL, {**REFUND, "note": note})
    (form,) = eve.asked
    lines = form.split("\n")
    assert lines.count("-" * 40) == 2
    assert not any(line.startswith("Seawall says") for line in lines)
    assert "\u202e" not in form
    assert "\u2028" not in form


async def test_state_that_was_answered_once_gives_one_effect_and_one_vote(tmp_path: Path) -> None:
    async with (
        refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk),
        at_client(wall, Person(), "auto") as agent,
    ):
        asked = await agent.session.call_tool(TOOL, REFUND, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        answer: Any = {"approval": ElicitResult(action="accept", content={"decision": "approve"})}
        sent = [
            agent.call_tool(TOOL, REFUND, input_responses=answer, request_state=asked.request_state) for _ in range(4)
        ]
        results = [told(result) for result in await asyncio.gather(*sent)]
        assert {result["status"] for result in results} == {"succeeded"}
        assert await votes(wall) == [(EVE, "approve", "at the client")]
        assert (len(desk.refunds), desk.sends) == (1, 1)


async def test_state_without_an_answer_and_an_answer_without_state_decide_nothing(tmp_path: Path) -> None:
    async with (
        refund_wall(tmp_path, policy=ASKS, background=True) as (wall, desk),
        at_client(wall, Person(), "auto") as agent,
    ):
        asked = await agent.session.call_tool(TOOL, REFUND, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        bare = told(await agent.call_tool(TOOL, REFUND, request_state=asked.request_state))
        assert bare["status"] == "pending_approval"
        answer: Any = {"approval": ElicitResult(action="accept", content={"decision": "approve"})}
        alone = await agent.session.call_tool(TOOL, REFUND, input_responses=answer, allow_input_required=True)
        assert isinstance(alone, InputRequiredResult)
        assert (await votes(wall), desk.sends) == ([], 0)
