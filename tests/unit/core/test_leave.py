"""What the policy says of whole calls, and what then happens in the target and stands in the ledger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.toy import AddNote, AddNotes, GetNote, Target, ToyAdapter
from support.virtual import config, sources, virtual

from seawall import Seawall
from seawall.core.errors import Denied
from seawall.core.ledger.records import DecisionRow, Status
from seawall.core.outcome import Applied, Partial, Pending, Rejected, Unknown
from seawall.core.people import Person
from seawall.core.policy import Decision, Rule
from seawall.core.repeat import Repeat

ALL = {"name": "all", "decision": "allow"}
TWO = {"name": "two", "decision": "allow", "rate": {"calls": 2, "per": "1h"}}
HELD = {"name": "held", "decision": "require_approval", "approval": {"role": "lead"}, "reason": "ask a lead"}


@asynccontextmanager
async def wall_with(
    folder: Path, *rules: dict[str, Any], target: Target | None = None, seed: int = 1, script: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Seawall, Target]]:
    given = sources(seed)
    target = target or Target(given.clock)
    target.script.extend(script)
    changes = {"policy": tuple(Rule.model_validate(one) for one in rules), "people": {"eve": Person(roles=("lead",))}}
    settings = config(folder).model_copy(update=changes)
    adapters = {"toy": ToyAdapter(target)}
    async with Seawall(settings, adapters=adapters, sources=given, recovery=False, inline_ledger=True) as wall:
        yield wall, target


async def denials(wall: Seawall) -> list[DecisionRow]:
    async def read(db: Any) -> list[DecisionRow]:
        found = db.execute(
            "SELECT operation_id, at, by, decision, reason, detail FROM decisions "
            "WHERE operation_id IS NULL ORDER BY seq"
        )
        return [DecisionRow(*row) for row in found.fetchall()]

    rows: list[DecisionRow] = await wall.ledger._writer.submit(read, writes=False)
    return rows


def held(outcome: Any) -> str:
    """The approval that a call waits for."""
    assert isinstance(outcome, Pending)
    assert outcome.approval is not None
    return outcome.approval.approval_id


def denied(outcome: Any, code: str = "denied") -> Denied:
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, Denied)
    assert (outcome.error.code, outcome.error.effect) == (code, "none")
    return outcome.error


@virtual
async def test_write_carries_the_decision_that_allowed_it(tmp_path: Path) -> None:
    async with wall_with(tmp_path, ALL) as (wall, _):
        told: list[Decision] = []
        await wall.call("toy.add_note", AddNote(reference="R-1"), on_decision=told.append)
        (operation,) = await wall.ledger.find()
        (decision,) = told
        assert json.loads(operation.policy) == {
            "id": decision.id, "decision": "allow", "rule": "all", "version": wall.policy.version,
        }  # fmt: skip


@virtual
async def test_denial_is_recorded_under_the_id_that_its_caller_is_told(tmp_path: Path) -> None:
    rule = {"name": "low only", "decision": "deny", "where": {"priority": {"not_in": ["normal"]}}, "reason": "too loud"}
    async with wall_with(tmp_path, rule, ALL) as (wall, target):
        error = denied(await wall.toy.add_note(AddNote(reference="R-1", priority="high")))
        assert error.message == ("anonymous may not call toy.add_note: too loud (rule 'low only'); nothing was sent")
        (row,) = await denials(wall)
        told = json.loads(row.detail)
        assert (row.decision, row.reason) == ("deny", error.message)
        assert told["id"] == error.evidence["decision"]
        assert (told["rule"], told["version"]) == ("low only", wall.policy.version)
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-1")), Applied)
        assert target.sends == 1


@virtual
async def test_call_that_needs_an_approval_is_not_sent_and_recorded_as_held(tmp_path: Path) -> None:
    async with wall_with(tmp_path, HELD) as (wall, target):
        held(await wall.toy.add_note(AddNote(reference="R-1")))
        (operation,) = await wall.ledger.find()
        told = json.loads(operation.policy)
        assert (operation.status, told["decision"], told["rule"]) == (Status.HELD, "require_approval", "held")
        assert target.sends == 0


@virtual
async def test_read_that_needs_an_approval_is_denied_because_nothing_holds_it(tmp_path: Path) -> None:
    async with wall_with(tmp_path, HELD) as (wall, target):
        error = denied(await wall.toy.get_note(GetNote(note_id="n1")), "approval_required")
        assert "anonymous needs an approval to call toy.get_note: ask a lead (rule 'held')" in error.message
        assert [row.decision for row in await denials(wall)] == ["require_approval"]
        assert target.sends == 0


@virtual
async def test_rate_lets_so_many_new_operations_through_and_says_when_it_is_free_again(tmp_path: Path) -> None:
    async with wall_with(tmp_path, TWO) as (wall, target):
        for number in (1, 2):
            assert isinstance(await wall.toy.add_note(AddNote(reference=f"R-{number}")), Applied)
            await asyncio.sleep(600)
        error = denied(await wall.toy.add_note(AddNote(reference="R-3")))
        assert "the rate of 'two' (2 in 1h) is used up; no other rule allows it" in error.message
        assert "free again in 2400 s" in error.message
        again = await wall.toy.add_note(AddNote(reference="R-1"))
        assert isinstance(again, Applied)
        assert again.replayed, "what was done uses nothing"
        assert isinstance(await wall.call("toy.add_note", AddNote(reference="R-b"), principal="agent:b"), Applied)
        await asyncio.sleep(2400)
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-3")), Applied)
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-4")), Rejected)
        assert target.sends == 4


@virtual
async def test_rate_holds_for_callers_that_come_together(tmp_path: Path) -> None:
    async with wall_with(tmp_path, TWO) as (wall, target):
        asked = [wall.toy.add_note(AddNote(reference=f"R-{number % 5}")) for number in range(20)]
        outcomes = await asyncio.gather(*asked)
        assert sum(isinstance(outcome, Applied) for outcome in outcomes) == 8, "two operations, four callers each"
        assert (target.sends, len(target.effects)) == (2, 2)


@virtual
async def test_beyond_a_rate_the_next_rule_decides(tmp_path: Path) -> None:
    async with wall_with(tmp_path, TWO, HELD) as (wall, target):
        await wall.toy.add_note(AddNote(reference="R-1"))
        await wall.toy.add_note(AddNote(reference="R-2"))
        told: list[Decision] = []
        outcome = await wall.call("toy.add_note", AddNote(reference="R-3"), on_decision=told.append)
        held(outcome)
        assert [one.rule for one in told] == ["two", "held"]
        assert target.sends == 2


@virtual
async def test_rate_of_reads_is_counted_in_the_process(tmp_path: Path) -> None:
    async with wall_with(tmp_path, TWO) as (wall, target):
        for _ in range(2):
            assert isinstance(await wall.toy.get_note(GetNote(note_id="n1")), Applied)
        denied(await wall.toy.get_note(GetNote(note_id="n1")))
        assert target.sends == 2
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-1")), Applied), "writes are counted apart"
        await asyncio.sleep(3600)
        assert isinstance(await wall.toy.get_note(GetNote(note_id="n1")), Applied)


@virtual
async def test_rate_is_not_used_by_an_operation_that_is_refused_for_its_entity(tmp_path: Path) -> None:
    async with wall_with(tmp_path, TWO, script=("lost before",)) as (wall, _):
        first = {"note_id": "n1", "version": "1", "text": "a"}
        assert isinstance(await wall.call("toy.set_note", first, deadline=1.0), Unknown)
        assert isinstance(await wall.call("toy.set_note", first | {"version": "2"}, deadline=1.0), Rejected)
        assert isinstance(await wall.call("toy.set_note", first | {"note_id": "n2"}), Applied)


NOTES = AddNotes(notes=tuple(AddNote(reference=f"R-{number}", priority="high" * (number == 2)) for number in (1, 2, 3)))


@virtual
async def test_batch_with_an_item_that_is_denied_is_not_sent_and_the_item_is_named(tmp_path: Path) -> None:
    loud = {"name": "quiet", "decision": "deny", "actions": ["toy.add_note"], "where": {"priority": {"is": "high"}}}
    async with wall_with(tmp_path, loud, ALL) as (wall, target):
        error = denied(await wall.toy.add_notes(NOTES))
        assert "may not call toy.add_notes (item 2): the rule denies it (rule 'quiet')" in error.message
        assert (target.effects, await wall.ledger.find()) == ([], [])
        assert len(await denials(wall)) == 1
        fine = await wall.toy.add_notes(AddNotes(notes=(NOTES.notes[0], NOTES.notes[2])))
        assert isinstance(fine, Partial)
        assert len(target.effects) == 2
        told = [json.loads(operation.policy) for operation in await wall.ledger.find()]
        assert len({one["id"] for one in told}) == 2
        assert len({one["batch"]["id"] for one in told}) == 1


@virtual
async def test_item_that_needs_an_approval_is_held_by_itself_and_the_others_are_sent(tmp_path: Path) -> None:
    loud = HELD | {"actions": ["toy.add_note"], "where": {"priority": {"is": "high"}}}
    async with wall_with(tmp_path, loud, ALL) as (wall, target):
        outcome = await wall.toy.add_notes(NOTES)
        assert isinstance(outcome, Partial)
        assert [type(item).__name__ for item in outcome.items] == ["Applied", "Pending", "Applied"]
        approval = held(outcome.items[1])
        assert len(target.effects) == 2
        await wall.approvals.approve(approval, by="eve")
        assert await wall.pipeline.release.run_once() == 1
        again = await wall.toy.add_notes(NOTES)
        assert isinstance(again, Partial)
        assert [type(item).__name__ for item in again.items] == ["Applied"] * 3
        assert len(target.effects) == 3


@virtual
async def test_item_that_its_caller_must_come_back_for_is_carried_out_by_the_batch_again(tmp_path: Path) -> None:
    asks = HELD | {
        "actions": ["toy.add_note"],
        "where": {"priority": {"is": "high"}},
        "approval": {"role": "lead", "executed_by": "caller"},
    }
    async with wall_with(tmp_path, asks, ALL) as (wall, target):
        outcome = await wall.toy.add_notes(NOTES)
        assert isinstance(outcome, Partial)
        await wall.approvals.approve(held(outcome.items[1]), by="eve")
        again = await wall.toy.add_notes(NOTES)
        assert isinstance(again, Partial)
        assert [type(item).__name__ for item in again.items] == ["Applied"] * 3
        assert len(target.effects) == 3


@virtual
async def test_item_that_is_held_for_the_rule_of_its_batch_is_not_approved_by_an_edit(tmp_path: Path) -> None:
    asks = HELD | {"actions": ["toy.add_notes"]}
    async with wall_with(tmp_path, asks, ALL) as (wall, target):
        outcome = await wall.toy.add_notes(NOTES)
        assert isinstance(outcome, Partial)
        edited = await wall.approvals.edit(
            held(outcome.items[0]), by="eve", changes={"text": "other words"}, message="clearer"
        )
        await wall.pipeline.release.run_once()
        assert (edited.approval.role, edited.approval.quorum) == ("lead", 1)
        assert target.effects == []


@virtual
async def test_all_or_nothing_batch_with_an_item_that_needs_an_approval_is_not_sent(tmp_path: Path) -> None:
    loud = HELD | {"actions": ["toy.add_note"], "where": {"priority": {"is": "high"}}}
    async with wall_with(tmp_path, loud, ALL) as (wall, target):
        outcome = await wall.toy.add_notes(AddNotes(notes=NOTES.notes, all_or_none=True))
        assert "Ask for it without all-or-nothing" in denied(outcome, "approval_in_parts").message
        assert (target.effects, await wall.ledger.find()) == ([], [])


@virtual
async def test_denied_item_counts_more_than_one_that_needs_an_approval(tmp_path: Path) -> None:
    held = HELD | {"actions": ["toy.add_note"], "where": {"reference": {"is": "R-1"}}}
    loud = {"name": "quiet", "decision": "deny", "actions": ["toy.add_note"], "where": {"priority": {"is": "high"}}}
    async with wall_with(tmp_path, held, loud, ALL) as (wall, target):
        assert "(item 2)" in denied(await wall.toy.add_notes(NOTES)).message
        assert target.effects == []


@virtual
async def test_condition_of_a_batch_sees_the_fields_of_all_items(tmp_path: Path) -> None:
    rule = {
        "name": "batches",
        "decision": "allow",
        "actions": ["toy.add_notes"],
        "where": {"notes.reference": {"matches": "R-*"}},
    }
    single = {"name": "singles", "decision": "allow", "actions": ["toy.add_note"]}
    async with wall_with(tmp_path, rule, single) as (wall, target):
        denied(await wall.toy.add_notes(AddNotes(notes=(AddNote(reference="R-1"), AddNote(reference="X-1")))))
        assert isinstance(await wall.toy.add_notes(AddNotes(notes=(AddNote(reference="R-1"),))), Partial)
        assert len(target.effects) == 1


@virtual
async def test_rate_of_a_batch_counts_its_items_and_lets_none_through_beyond(tmp_path: Path) -> None:
    async with wall_with(tmp_path, TWO) as (wall, target):
        denied(await wall.toy.add_notes(NOTES))
        assert target.effects == []
        two = await wall.toy.add_notes(AddNotes(notes=NOTES.notes[:2]))
        assert isinstance(two, Partial)
        assert len(target.effects) == 2
        denied(await wall.toy.add_note(AddNote(reference="R-9")))


@virtual
async def test_rate_of_the_batch_action_counts_although_its_items_have_another_rule(tmp_path: Path) -> None:
    rules = (TWO | {"actions": ["toy.add_notes"]}, ALL | {"actions": ["toy.add_note"]})
    async with wall_with(tmp_path, *rules) as (wall, target):
        await wall.toy.add_notes(AddNotes(notes=NOTES.notes[:2]))
        denied(await wall.toy.add_notes(AddNotes(notes=(AddNote(reference="R-9"),))))
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-9")), Applied)
        assert len(target.effects) == 3


@virtual
async def test_deliberate_repeat_is_asked_about_as_one(tmp_path: Path) -> None:
    async with wall_with(tmp_path, HELD | {"repeat": True}, ALL) as (wall, target):
        first = await wall.toy.add_note(AddNote(reference="R-1"))
        assert isinstance(first, Applied)
        repeat = Repeat(first.operation_id, "once more")
        held(await wall.call("toy.add_note", AddNote(reference="R-1"), repeat=repeat))
        assert target.sends == 1


async def in_doubt(folder: Path, target: Target, *rules: dict[str, Any]) -> None:
    """Leave an operation that was sent, lost and never applied; then recovery would send it again."""
    async with wall_with(folder, *rules, target=target, script=("lost before",)) as (wall, _):
        outcome = await wall.call("toy.add_note", AddNote(reference="R-1", priority="high"), deadline=1.0)
        assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    ("rules", "sent_again"),
    [
        ((ALL,), True),
        ((ALL | {"where": {"priority": {"is": "high"}}},), True),
        ((ALL | {"where": {"priority": {"is": "low"}}},), False),
        ((HELD,), False),
        ((ALL | {"rate": {"calls": 1, "per": "1h"}},), True),
    ],
)
def test_operation_is_sent_again_only_if_the_policy_of_now_allows_its_recorded_request(
    tmp_path: Path, rules: tuple[dict[str, Any], ...], sent_again: bool
) -> None:
    @virtual
    async def scenario() -> None:
        target = Target(sources().clock)
        await in_doubt(tmp_path, target, TWO)
        async with wall_with(tmp_path, *rules, target=target, seed=2) as (wall, _):
            await asyncio.sleep(700)
            await wall.settle(2000)
            (operation,) = await wall.ledger.find()
            assert operation.status is (Status.APPLIED if sent_again else Status.PARKED)
            assert ("the policy no longer allows it" in (operation.parked_because or "")) is not sent_again
            assert (target.sends, len(target.effects)) == ((2, 1) if sent_again else (1, 0))
            story = await wall.story(operation.id)
            assert story is not None
            (told,) = [row for row in story.decisions if row.by == "policy"]
            assert json.loads(told.detail)["version"] == wall.policy.version

    scenario()


@virtual
async def test_operation_that_began_in_its_hours_is_sent_again_outside_of_them(tmp_path: Path) -> None:
    target = Target(sources().clock)
    began = datetime.fromtimestamp(target.clock.now(), UTC)
    end = began.replace(microsecond=0).isoformat()
    ends = datetime.fromtimestamp(target.clock.now() + 60, UTC).isoformat()
    hours = ALL | {"when": {"not_before": end, "not_after": ends}}
    await in_doubt(tmp_path, target, hours)
    async with wall_with(tmp_path, hours, target=target, seed=2) as (wall, _):
        await asyncio.sleep(700)
        denied(await wall.toy.add_note(AddNote(reference="R-2")))
        await wall.settle(2000)
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.APPLIED
        assert len(target.effects) == 1


@virtual
async def test_policy_that_cannot_be_read_lets_the_process_open_and_denies_everything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = sources()
    target = Target(given.clock)
    settings = config(tmp_path).model_copy(update={"policy": (), "policy_file": str(tmp_path / "gone.yaml")})
    adapters = {"toy": ToyAdapter(target)}
    async with Seawall(settings, adapters=adapters, sources=given, recovery=False, inline_ledger=True) as wall:
        assert "there is no file" in (wall.unreadable or "")
        assert "the policy cannot be read, so everything is denied" in caplog.text
        for call in (wall.toy.add_note(AddNote(reference="R-1")), wall.toy.get_note(GetNote(note_id="n1"))):
            error = denied(await call)
            assert "the policy cannot be read, so everything is denied (there is no file" in error.message
        assert target.sends == 0
        assert [json.loads(row.detail)["rule"] for row in await denials(wall)] == ["unreadable", "unreadable"]
