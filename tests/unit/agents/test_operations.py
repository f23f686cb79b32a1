"""What an agent learns of its operations, and how it cancels them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.agents import BOB, toy_agent
from support.toy import UNDOABLE, variant
from support.virtual import virtual

from seawall.agents import Dispatcher

ADD, NOTE = "toy__add_note", {"reference": "R-1"}


@virtual
async def test_operation_of_an_earlier_session_is_found_and_told(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, wall):
        first = await agent.call(ADD, NOTE)
        later = Dispatcher(wall, "agent:ada")
        (listed,) = (await later.call("operations_mine", {})).data["operations"]
        assert listed["operation_id"] == first.operation_id
        assert (listed["action"], listed["status"], listed["effect"]) == ("toy.add_note", "succeeded", "applied")
        told = await later.call("operation_get", {"operation_id": listed["operation_id"]})
        assert (told.status, told.records, told.data) == ("succeeded", first.records, first.data)
        assert (await later.call("operations_mine", {"status": "rejected"})).data["operations"] == []
        assert (await later.call("operations_mine", {"action": "toy.set_note"})).data["operations"] == []


@pytest.mark.parametrize("tool", ["operation_get", "operation_wait", "operation_cancel"])
@virtual
async def test_operations_of_another_principal_are_as_good_as_not_there(tmp_path: Path, tool: str) -> None:
    async with toy_agent(tmp_path) as (agent, _, wall):
        first = await agent.call(ADD, NOTE)
        bob = Dispatcher(wall, BOB)
        theirs = await bob.call(tool, {"operation_id": first.operation_id})
        nobodys = await bob.call(tool, {"operation_id": "op_none"})
        assert theirs.status == nobodys.status == "invalid"
        assert theirs.summary.replace(str(first.operation_id), "") == nobodys.summary.replace("op_none", "")
        assert (await bob.call("operations_mine", {})).data["operations"] == []


@virtual
async def test_wait_ends_as_soon_as_the_truth_is_known(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["lost after"], background=True) as (agent, target, wall):
        target.probe_script.extend(["cannot tell"] * 3)
        first = await agent.call(ADD, NOTE)
        assert first.status == "outcome_unknown"
        started = wall.sources.clock.monotonic()
        told = await agent.call("operation_wait", {"operation_id": first.operation_id})
        assert told.status == "succeeded"
        assert wall.sources.clock.monotonic() - started < 45


@virtual
async def test_wait_that_is_over_too_early_tells_that_it_is_not_known(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["lost before"] * 9) as (agent, _, _):
        first = await agent.call(ADD, NOTE)
        told = await agent.call("operation_wait", {"operation_id": first.operation_id, "seconds": 1})
        assert (told.status, told.effect) == ("outcome_unknown", "unknown")


@virtual
async def test_rejected_operation_leads_to_the_same_request_again_where_that_may_help(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["throttled:100"]) as (agent, _, _):
        first = await agent.call(ADD, NOTE)
        told = await agent.call("operation_get", {"operation_id": first.operation_id})
        assert (told.status, told.effect) == ("failed", "not_applied")
        assert told.next is not None
        assert told.next.tool == ADD
        await asyncio.sleep(101)
        again = await agent.call(told.next.tool, told.next.arguments)
        assert again.status == "succeeded"
        assert again.operation_id == first.operation_id


@virtual
async def test_what_was_undone_is_told_as_such(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, action=UNDOABLE) as (agent, _, wall):
        first = await agent.call(ADD, NOTE)
        await wall.compensate(str(first.operation_id), reason="a mistake")
        told = await agent.call("operation_get", {"operation_id": first.operation_id})
        listed = (await agent.call("operations_mine", {"action": "toy.add_note"})).data["operations"]
        assert (told.status, told.effect) == ("failed", "not_applied")
        assert "undone" in told.summary
        assert listed[0]["effect"] == "not_applied"


@virtual
async def test_operation_of_a_system_that_is_gone_is_told_all_the_same(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        first = await agent.call(ADD, NOTE)
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as db, db:
            db.execute("UPDATE operations SET system = 'retired'")
        told = await agent.call("operation_get", {"operation_id": first.operation_id})
        assert (told.status, told.effect, told.data) == ("succeeded", "applied", first.data)
        assert told.next is None


@virtual
async def test_what_was_not_sent_is_cancelled_and_never_sent(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["slow:5"], limits={"concurrency": 1}) as (agent, target, _):
        ahead = asyncio.create_task(agent.call(ADD, {"reference": "ahead"}))
        await target.entered.wait()
        behind = asyncio.create_task(agent.call(ADD, NOTE))
        await asyncio.sleep(1)
        listed = (await agent.call("operations_mine", {"status": "running"})).data["operations"]
        (waiting,) = [one for one in listed if one["identity"] == NOTE]
        cancelled = await agent.call("operation_cancel", {"operation_id": waiting["operation_id"]})
        assert (cancelled.status, cancelled.effect) == ("cancelled", "not_applied")
        assert "nothing was executed" in cancelled.summary
        assert (await behind).status == "cancelled"
        assert (await ahead).status == "succeeded"
        assert target.sends == 1


@pytest.mark.parametrize(
    ("name", "script", "status", "words"),
    [
        ("marker", ["slow:5"], "in_progress", "Not cancelled: it was sent"),
        ("marker, no horizon", ["lost before"] * 9, "outcome_unknown", "Not cancelled: it was sent."),
        ("marker", [], "succeeded", "Too late to cancel: it was done."),
        ("marker", ["refused"], "failed", "Nothing to cancel."),
    ],
)
@virtual
async def test_what_was_sent_is_not_cancelled_and_the_answer_says_what_is_known(
    tmp_path: Path, name: str, script: list[str], status: str, words: str
) -> None:
    async with toy_agent(tmp_path, script=script, action=variant(name)) as (agent, target, wall):
        call = asyncio.create_task(agent.call(ADD, NOTE))
        await target.entered.wait()
        if status != "in_progress":
            await call
        (operation,) = await wall.ledger.find()
        told = await agent.call("operation_cancel", {"operation_id": operation.id})
        assert told.status == status
        assert told.summary.startswith(words)
        await call


@virtual
async def test_ledger_that_cannot_be_read_says_nothing_of_any_effect(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, wall):
        first = await agent.call(ADD, NOTE)
        await wall.ledger.close()
        for tool in ("operation_get", "operation_wait", "operation_cancel"):
            told = await agent.call(tool, {"operation_id": first.operation_id})
            assert told.status == "unavailable"
            assert "says nothing about what was changed" in told.summary
        assert (await agent.call("operations_mine", {})).status == "unavailable"


@virtual
async def test_wait_tells_its_progress(tmp_path: Path) -> None:
    heard: list[float] = []

    async def listen(seconds: float) -> None:
        heard.append(seconds)

    async with toy_agent(tmp_path, script=["lost before"] * 9) as (agent, _, _):
        first = await agent.call(ADD, NOTE)
        asked = {"operation_id": first.operation_id, "seconds": 12}
        told = await agent.call("operation_wait", asked, waiting=listen)
        assert told.status == "outcome_unknown"
        assert heard == pytest.approx([5.0, 10.0])
