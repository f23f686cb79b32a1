"""Who may call what, whose request is whose, and what a repetition gets."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.toy import ADD, AddNote, GetNote, SetNote, Target, ToyAdapter
from support.virtual import config, sources, toy_wall, virtual

from seawall import Applied, Pending, Rejected, Seawall, Sources, Unknown
from seawall.core.errors import Conflict, Denied, InvalidRequest, LedgerUnavailable
from seawall.core.ledger.records import Status
from seawall.core.policy import Rule

NOTE = AddNote(reference="R-1")


@virtual
async def test_repetition_is_replayed_and_nothing_is_sent(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        first = await wall.toy.add_note(NOTE)
        second = await wall.toy.add_note(NOTE)
        assert isinstance(first, Applied)
        assert second == replace(first, replayed=True)
        assert target.sends == 1


@virtual
async def test_repetition_after_a_restart_is_replayed_from_the_ledger(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        first = await wall.toy.add_note(NOTE)
    async with toy_wall(tmp_path, target=target, seed=2) as (wall, _, _):
        second = await wall.toy.add_note(NOTE)
    assert isinstance(first, Applied)
    assert second == replace(first, replayed=True)
    assert target.sends == 1


@pytest.mark.case(20)
@pytest.mark.case(26)
@virtual
async def test_same_identity_with_other_content_is_a_conflict_before_anything_is_sent(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        outcome = await wall.toy.add_note(AddNote(reference="R-1", text="the same in other words"))
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, Conflict)
        assert outcome.error.evidence["earlier_request"]["text"] == "hello"
        assert target.sends == 1


@virtual
async def test_other_content_after_a_rejection_is_a_new_try_of_the_same_operation(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["refused"]) as (wall, target, _):
        first = await wall.toy.add_note(NOTE)
        second = await wall.toy.add_note(AddNote(reference="R-1", text="corrected"))
        assert isinstance(first, Rejected)
        assert isinstance(second, Applied)
        assert second.operation_id == first.operation_id
        assert [effect.text for effect in target.effects] == ["corrected"]


@virtual
async def test_rejection_for_good_is_replayed_for_a_while_and_then_asked_again(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["refused"], replay_rejections=60.0) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        again = await wall.toy.add_note(NOTE)
        assert isinstance(again, Rejected)
        assert again.replayed
        assert target.sends == 1
        await asyncio.sleep(61)
        assert isinstance(await wall.toy.add_note(NOTE), Applied)


@pytest.mark.case(21)
@virtual
async def test_fifty_callers_of_one_request_share_one_dispatch(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["no connection"]) as (wall, target, _):
        outcomes = await asyncio.gather(*(wall.toy.add_note(NOTE) for _ in range(50)))
        assert len(target.effects) == 1
        assert target.sends == 2, "one that could not connect, one that did"
        assert {type(outcome) for outcome in outcomes} == {Applied}
        assert sum(not outcome.replayed for outcome in outcomes if isinstance(outcome, Applied)) == 1


@pytest.mark.case(21)
@virtual
async def test_caller_whose_deadline_is_short_is_told_that_it_still_runs(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["hang after"]) as (wall, target, _):
        first = asyncio.ensure_future(wall.toy.add_note(NOTE))
        await target.entered.wait()
        second = await wall.toy.add_note(NOTE, deadline=1.0)
        assert isinstance(second, Pending)
        assert second.waits_for == "operation"
        assert isinstance(await first, Applied)
        assert target.sends == 1


@virtual
async def test_caller_that_joined_with_other_content_is_told_of_the_conflict(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["hang after"]) as (wall, target, _):
        first = asyncio.ensure_future(wall.toy.add_note(NOTE))
        await target.entered.wait()
        second = await wall.toy.add_note(AddNote(reference="R-1", text="reworded"))
        assert isinstance(second, Rejected)
        assert isinstance(second.error, Conflict)
        await first
        assert len(target.effects) == 1


@virtual
async def test_caller_with_the_earlier_content_is_not_told_of_anothers_conflict(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        await wall.toy.add_note(NOTE)
    async with toy_wall(tmp_path, target=target, seed=2) as (wall, _, _):
        begin = wall.ledger.begin

        async def slow(intents: Any, **options: Any) -> Any:
            await asyncio.sleep(1)  # so that the second caller finds the first one at it
            return await begin(intents, **options)

        with patch.object(wall.ledger, "begin", slow):
            reworded, same = await asyncio.gather(
                wall.toy.add_note(AddNote(reference="R-1", text="reworded")), wall.toy.add_note(NOTE)
            )
        assert isinstance(reworded, Rejected)
        assert isinstance(same, Applied)


@pytest.mark.case(23)
@virtual
async def test_unknown_is_never_replayed_as_failed(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:30"]) as (wall, target, _):
        outcomes = [await wall.toy.add_note(NOTE) for _ in range(4)]
        assert {type(outcome) for outcome in outcomes} == {Unknown}
        assert target.sends == 1


@pytest.mark.case(25)
@virtual
async def test_second_write_to_a_record_waits_while_the_first_is_unknown(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:30"]) as (wall, target, _):
        first = await wall.toy.set_note(SetNote(note_id="n1", version="1", text="one"))
        assert isinstance(first, Unknown)
        second = await wall.toy.set_note(SetNote(note_id="n1", version="2", text="two"), deadline=5.0)
        assert isinstance(second, Rejected)
        assert second.error.code == "entity_unsettled"
        assert target.sends == 1
        other = await wall.toy.set_note(SetNote(note_id="n2", version="1", text="one"))
        assert isinstance(other, Applied)
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.set_note(SetNote(note_id="n1", version="2", text="two")), Applied)


@virtual
async def test_reads_leave_no_trace_in_the_ledger_and_may_be_repeated(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before", "lost before"]) as (wall, target, _):
        outcome = await wall.toy.get_note(GetNote(note_id="n1"))
        assert isinstance(outcome, Applied)
        assert target.sends == 3
        assert await wall.ledger.find() == []


@virtual
async def test_read_that_fails_is_rejected_because_a_read_changes_nothing(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"] * 9) as (wall, _, _):
        outcome = await wall.toy.get_note(GetNote(note_id="n1"))
        assert isinstance(outcome, Rejected)
        assert outcome.error.effect == "none"


@virtual
async def test_call_that_no_rule_allows_is_denied_and_the_denial_is_recorded(tmp_path: Path) -> None:
    given = sources()
    target = Target(given.clock)
    denying = config(tmp_path).model_copy(update={"policy": ()})
    async with Seawall(
        denying, adapters={"toy": ToyAdapter(target)}, sources=given, recovery=False, inline_ledger=True
    ) as wall:
        outcome = await wall.call("toy.add_note", {"reference": "R-1"}, principal="agent:x")
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, Denied)
        assert "agent:x" in outcome.error.message
        assert (target.sends, await wall.ledger.find()) == (0, [])


@pytest.mark.parametrize(
    ("target_name", "request_", "says"),
    [
        ("erp.add_note", {"reference": "R"}, "there is no system 'erp'; known: toy"),
        ("toy.ad_note", {"reference": "R"}, "no action 'ad_note'; it has: add_note, add_notes, delete_note, get_note"),
        ("toy", {}, "no action ''"),
        ("toy.add_note", {}, "reference: Field required"),
        ("toy.add_note", {"reference": "R", "txt": "x"}, "txt: Extra inputs are not permitted"),
        ("toy.add_note", GetNote(note_id="n"), "takes AddNote, not GetNote"),
        ("toy.add_notes", {"notes": []}, "takes 1 to 100 items, not 0"),
        ("toy.add_notes", {"notes": [{"reference": str(n)} for n in range(101)]}, "takes 1 to 100 items, not 101"),
    ],
)
def test_request_that_cannot_be_carried_out_is_refused_with_what_is_wrong(
    tmp_path: Path, target_name: str, request_: Any, says: str
) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path) as (wall, target, _):
            outcome = await wall.call(target_name, request_)
            assert isinstance(outcome, Rejected)
            assert isinstance(outcome.error, InvalidRequest)
            assert says in outcome.error.message
            assert (target.sends, await wall.ledger.find()) == (0, [])

    scenario()


@pytest.mark.case(14)
@virtual
async def test_intent_that_cannot_be_written_means_nothing_is_sent(
    tmp_path: Path,
) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        await wall.toy.add_note(NOTE)

        async def full(_: Any, **options: Any) -> Any:
            raise LedgerUnavailable("the disk is full")

        with patch.object(wall.ledger, "begin", full):
            outcome = await wall.toy.add_note(AddNote(reference="R-2"))
            assert isinstance(outcome, Rejected)
            assert isinstance(outcome.error, LedgerUnavailable)
            assert target.sends == 1
            assert isinstance(await wall.toy.get_note(GetNote(note_id="n1")), Applied), "reads go on"


@pytest.mark.parametrize("goes", ["its deadline passes", "it is cancelled"])
async def test_intent_that_comes_through_after_its_caller_went_is_not_sent_and_not_left_running(
    tmp_path: Path, goes: str
) -> None:
    given = Sources()
    target = Target(given.clock)
    async with Seawall(config(tmp_path), adapters={"toy": ToyAdapter(target)}, recovery=False) as wall:
        blocker = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        call = asyncio.ensure_future(wall.toy.add_note(NOTE, deadline=0.1 if "deadline" in goes else 9.0))
        await asyncio.sleep(0.2)
        if call.done():
            outcome = call.result()
            assert isinstance(outcome, Pending), "the intent may become durable yet: no promise that it never happens"
        else:
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        blocker.execute("ROLLBACK")
        blocker.close()
        while not (found := await wall.ledger.find()) or found[0].status is Status.RUNNING:
            await asyncio.sleep(0.02)
        assert found[0].status is Status.REJECTED
        assert target.sends == 0


@pytest.mark.case(16)
@virtual
async def test_holder_that_lost_its_lease_neither_sends_nor_records(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["no connection"]) as (wall, target, _):
        call = asyncio.ensure_future(wall.toy.add_note(NOTE))
        while not target.sends:
            await asyncio.sleep(0)
        # Paused past its lease; meanwhile another process takes the operation over and completes it.
        wall.ledger._lease._beat_at = -1000.0
        async with toy_wall(tmp_path, target=target, seed=5) as (other, _, _):
            await other.ledger._writer.submit(lambda db: db.execute("UPDATE holders SET beat_at = 0").rowcount)
            await other.recovery.run_once()
            await asyncio.sleep(700)
            await other.recovery.run_once()
            assert len(target.effects) == 1
        outcome = await call
        assert isinstance(outcome, Unknown), "the ledger's word at that moment, not a result of its own"
        assert (target.sends, len(target.effects)) == (2, 1)
        assert isinstance(await wall.toy.add_note(NOTE), Applied)


@virtual
async def test_batch_needs_leave_for_what_its_items_stand_for(tmp_path: Path) -> None:
    given = sources()
    target = Target(given.clock)
    settings = config(tmp_path).model_copy(
        update={"policy": (Rule(name="batches only", decision="allow", actions=("add_notes",)),)}
    )
    async with Seawall(
        settings, adapters={"toy": ToyAdapter(target)}, sources=given, recovery=False, inline_ledger=True
    ) as wall:
        outcome = await wall.call("toy.add_notes", {"notes": [{"reference": "R-1"}]})
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, Denied)
        assert target.effects == []


@pytest.mark.parametrize("name", ["principal", "trace_id"])
@pytest.mark.parametrize("value", ["a\ud800b", "a\x00b", "x" * 256])
def test_name_that_the_ledger_could_not_keep_is_refused(tmp_path: Path, name: str, value: str) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path) as (wall, target, _):
            named: Any = {name: value}
            outcome = await wall.call("toy.add_note", {"reference": "R-1"}, **named)
            assert isinstance(outcome, Rejected)
            assert isinstance(outcome.error, InvalidRequest)
            assert name in outcome.error.message
            assert target.sends == 0

    scenario()


@virtual
async def test_request_that_cannot_be_written_down_is_refused(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        outcome = await wall.toy.add_note(AddNote.model_construct(reference="R\ud800", text="t", priority="p"))
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, InvalidRequest)
        assert target.sends == 0


@virtual
async def test_conflict_shows_the_earlier_content_to_nobody_but_its_principal(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, _, _):
        await wall.toy.add_note(NOTE, principal="agent-a")
        outcome = await wall.toy.add_note(AddNote(reference="R-1", text="other words"), principal="agent-b")
        assert isinstance(outcome, Rejected)
        assert outcome.error.evidence["differs"] == ["text"]
        assert "hello" not in str(outcome.error.to_record())


@virtual
async def test_read_whose_answer_is_not_the_promised_one_is_no_success(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, _, adapter):

        async def send(action: Any, attempt: Any) -> Any:
            return "what?"

        with patch.object(adapter, "send", send):
            outcome = await wall.toy.get_note(GetNote(note_id="n"))
        assert isinstance(outcome, Rejected)
        assert outcome.error.code == "reply"


@virtual
async def test_caller_with_time_left_tries_itself_when_the_first_ones_was_too_short(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, limits={"concurrency": 1}) as (wall, target, _):
        target.script = ["hang"]
        busy = asyncio.ensure_future(wall.toy.add_note(AddNote(reference="other"), deadline=3.0))
        await asyncio.sleep(0.1)
        hasty = asyncio.ensure_future(wall.toy.add_note(NOTE, deadline=1.0))
        await asyncio.sleep(0.1)
        patient = asyncio.ensure_future(wall.toy.add_note(NOTE, deadline=20.0))
        assert isinstance(await hasty, Rejected)
        assert isinstance(await patient, Applied)
        await busy
        assert len(target.effects) == 1


@virtual
async def test_caller_that_waits_for_another_is_told_the_operation(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["hang"]) as (wall, _, _):
        first = asyncio.ensure_future(wall.toy.add_note(NOTE, deadline=5.0))
        await asyncio.sleep(0.1)
        outcome = await wall.toy.add_note(NOTE, deadline=0.5)
        assert isinstance(outcome, Pending)
        assert (await wall.ledger.get(outcome.operation_id)) is not None
        await first


@pytest.mark.case(21)
@virtual
async def test_request_that_another_process_runs_is_joined_and_not_sent(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["slow:3"]) as (wall, target, _):
        running = asyncio.ensure_future(wall.toy.add_note(NOTE))
        await target.entered.wait()
        async with toy_wall(tmp_path, target=target, seed=2) as (other, _, _):
            hasty = await other.toy.add_note(NOTE, deadline=1.0)
            assert isinstance(hasty, Pending)
            assert hasty.waits_for == "operation"
            patient = await other.toy.add_note(NOTE, deadline=10.0)
        assert isinstance(await running, Applied)
        assert isinstance(patient, Applied)
        assert patient.replayed
        assert (target.sends, len(target.effects)) == (1, 1)


@pytest.mark.case(25)
@pytest.mark.parametrize(("script", "waits"), [("lost before", False), ("slow:3", True), ("twice lost", False)])
def test_request_on_a_record_that_is_not_settled_waits_only_where_that_may_help(
    tmp_path: Path, script: str, waits: bool
) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=[script], action=replace(ADD, entity="text")) as (wall, target, _):
            first = asyncio.ensure_future(wall.toy.add_note(NOTE))
            await target.entered.wait()
            if not waits:
                await first
            started = asyncio.get_running_loop().time()
            second = await wall.toy.add_note(AddNote(reference="R-2"), deadline=10.0)
            taken = asyncio.get_running_loop().time() - started
            if waits:
                assert isinstance(second, Applied)
                assert taken == pytest.approx(3, abs=1)
            else:
                assert isinstance(second, Rejected)
                assert second.error.code == "entity_unsettled"
                assert taken < 0.1
            await first

    scenario()
