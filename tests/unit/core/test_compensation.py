"""Undoing what was done; judged by what is left in the target."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from support.toy import ADD, UNDOABLE, AddNote, Effect
from support.virtual import toy_wall, virtual

from seawall import Applied, Outcome, Partial, Pending, Rejected, Seawall, Unknown
from seawall.core.ledger.records import Status

NOTE = AddNote(reference="R-1")


async def undo(wall: Seawall, operation_id: str, *, deadline: float | None = None) -> Outcome[object]:
    return await wall.compensate(operation_id, principal="agent", reason="the customer called", deadline=deadline)


async def done(wall: Seawall) -> str:
    outcome = await wall.toy.add_note(NOTE)
    assert isinstance(outcome, Applied)
    return outcome.operation_id


@virtual
async def test_what_was_done_is_undone_by_an_operation_of_its_own(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, action=UNDOABLE) as (wall, target, _):
        first = await done(wall)
        outcome = await undo(wall, first)
        assert isinstance(outcome, Applied)
        assert outcome.operation_id != first
        assert (target.effects, target.deletions) == ([], ["n1"])
        story = await wall.story(first)
        assert story is not None
        assert [(row.by, row.reason) for row in story.decisions if row.decision == "compensate"] == [
            ("agent", "the customer called")
        ]
        undoing = await wall.ledger.get(outcome.operation_id)
        assert undoing is not None
        assert undoing.undoes == first


@virtual
async def test_undoing_twice_undoes_once(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, action=UNDOABLE) as (wall, target, _):
        first = await done(wall)
        outcomes = list(await asyncio.gather(undo(wall, first), undo(wall, first)))
        outcomes.append(await undo(wall, first))
        assert [type(outcome) for outcome in outcomes] == [Applied] * 3
        assert target.deletions == ["n1"]


@virtual
async def test_request_that_was_undone_is_no_success_any_more_and_is_not_sent_again(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, action=UNDOABLE) as (wall, target, _):
        await undo(wall, await done(wall))
        single = await wall.toy.add_note(NOTE)
        several = await wall.call("toy.add_notes", {"notes": [NOTE.model_dump()]})
        assert isinstance(several, Partial)
        for outcome in (single, *several.items):
            assert isinstance(outcome, Rejected)
            assert outcome.error.code == "undone"
        assert target.effects == []


@pytest.mark.case(50)
@virtual
async def test_compensation_whose_reply_is_lost_is_unknown_and_never_told_as_done(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, action=UNDOABLE) as (wall, target, _):
        first = await done(wall)
        target.script = ["lost before"]
        outcome = await undo(wall, first)
        assert isinstance(outcome, Unknown)
        assert len(target.effects) == 1
        again = await wall.toy.add_note(NOTE)
        assert isinstance(again, Pending), "neither a success nor a failure while it is being undone"
        assert isinstance(await undo(wall, first), Unknown)
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        assert isinstance(await undo(wall, first), Applied)
        assert (target.effects, target.deletions) == ([], ["n1", "n1"])


@pytest.mark.case(51)
@virtual
async def test_compensation_waits_until_no_lost_attempt_can_commit_any_more(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], action=UNDOABLE) as (wall, target, _):
        first = await done(wall)
        outcome = await undo(wall, first)
        assert isinstance(outcome, Pending)
        assert outcome.retry_after == pytest.approx(600, abs=5)
        assert target.deletions == []
        await asyncio.sleep(outcome.retry_after or 0)
        assert isinstance(await undo(wall, first), Applied)
        assert target.effects == []


@pytest.mark.case(51)
@virtual
async def test_zombie_that_committed_meanwhile_is_found_before_anything_is_undone(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], action=UNDOABLE) as (wall, target, _):
        first = await done(wall)
        (effect,) = target.effects
        target.effects.append(Effect(effect.key, "n2", effect.text, effect.at + 30))
        await asyncio.sleep(601)
        outcome = await undo(wall, first)
        assert isinstance(outcome, Rejected)
        assert (outcome.error.code, outcome.error.evidence["records"]) == ("duplicate", ["n1", "n2"])
        assert target.deletions == []


@virtual
async def test_compensation_with_time_waits_for_what_it_undoes_to_be_known(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:30"], action=UNDOABLE, background=True) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Unknown)
        early = await undo(wall, outcome.operation_id)
        assert isinstance(early, Pending)
        assert early.operation_id == outcome.operation_id
        assert isinstance(await undo(wall, outcome.operation_id, deadline=900), Applied)
        assert target.effects == []
        assert len(target.deletions) == 1


@virtual
async def test_what_lost_a_reply_and_has_no_known_horizon_must_be_undone_by_hand(tmp_path: Path) -> None:
    action = replace(UNDOABLE, horizon=None)
    async with toy_wall(tmp_path, script=["lost after"], action=action) as (wall, target, _):
        outcome = await undo(wall, await done(wall))
        assert isinstance(outcome, Rejected)
        assert outcome.error.code == "horizon_unknown"
        assert target.deletions == []


@pytest.mark.parametrize(
    ("script", "code"), [(["refused"], "nothing_to_undo"), (["nonsense to know"], "unknown_operation")]
)
def test_what_never_happened_cannot_be_undone(tmp_path: Path, script: list[str], code: str) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, action=UNDOABLE) as (wall, target, _):
            operation_id = "op_unheard_of"
            if code == "nothing_to_undo":
                target.script = script
                rejected = await wall.toy.add_note(NOTE)
                assert isinstance(rejected, Rejected)
                operation_id = rejected.operation_id
            outcome = await undo(wall, operation_id)
            assert isinstance(outcome, Rejected)
            assert outcome.error.code == code
            assert target.deletions == []

    scenario()


@virtual
async def test_action_without_compensation_says_that_it_must_be_undone_by_hand(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, action=ADD) as (wall, _, _):
        outcome = await undo(wall, await done(wall))
        assert isinstance(outcome, Rejected)
        assert outcome.error.code == "no_compensation"


@virtual
async def test_parked_operation_must_be_resolved_before_it_is_undone(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["twice lost"], action=UNDOABLE) as (wall, target, _):
        parked = await wall.toy.add_note(NOTE)
        assert isinstance(parked, Pending)
        outcome = await undo(wall, parked.operation_id)
        assert isinstance(outcome, Pending)
        assert outcome.waits_for == "person"
        assert target.deletions == []
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.PARKED
