from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from support.toy import ADD, AddNote, AddNotes, variant
from support.virtual import toy_wall, virtual

from seawall import Applied, Partial, Rejected, Unknown
from seawall.core.errors import Conflict
from seawall.core.ledger.records import Status


def notes(*references: str, all_or_none: bool = False) -> AddNotes:
    return AddNotes(notes=tuple(AddNote(reference=one) for one in references), all_or_none=all_or_none)


@pytest.mark.case(45)
@virtual
async def test_mixed_batch_repeats_only_the_locked_items_under_their_own_keys(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):
        names = [f"n{number}" for number in range(100)]
        for name in names[60:65]:
            adapter.item_script[name] = ["rejected"]
        for name in names[65:]:
            adapter.item_script[name] = ["locked", "ok"]
        outcome = await wall.toy.add_notes(notes(*names))
        assert isinstance(outcome, Partial)
        assert [type(item) for item in outcome.items] == [Applied] * 60 + [Rejected] * 5 + [Applied] * 35
        assert adapter.batches == [names, names[65:]]
        assert len({effect.key for effect in target.effects}) == len(target.effects) == 95


@pytest.mark.case(45)
@virtual
async def test_batch_whose_answer_is_lost_is_settled_item_by_item_by_probes(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"]) as (wall, target, adapter):
        outcome = await wall.toy.add_notes(notes("a", "b", "c"))
        assert isinstance(outcome, Partial)
        assert {type(item) for item in outcome.items} == {Unknown}
        await asyncio.sleep(1)
        await wall.recovery.run_once()
        again = await wall.toy.add_notes(notes("a", "b", "c"))
        assert isinstance(again, Partial)
        assert {type(item) for item in again.items} == {Applied}
        assert (len(adapter.batches), len(target.effects)) == (1, 3)


@virtual
async def test_item_that_was_done_alone_before_is_replayed_and_not_sent_with_the_batch(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):
        await wall.toy.add_note(AddNote(reference="a"))
        outcome = await wall.toy.add_notes(notes("a", "b"))
        assert isinstance(outcome, Partial)
        first, second = outcome.items
        assert isinstance(first, Applied)
        assert isinstance(second, Applied)
        assert (first.replayed, second.replayed) == (True, False)
        assert adapter.batches == [["b"]]
        assert len(target.effects) == 2


@virtual
async def test_item_named_twice_in_one_batch_is_done_once(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):
        outcome = await wall.toy.add_notes(notes("a", "a"))
        assert isinstance(outcome, Partial)
        first, second = outcome.items
        assert isinstance(first, Applied)
        assert first == second
        assert adapter.batches == [["a"]]
        assert len(target.effects) == 1


@virtual
async def test_all_or_nothing_batch_that_names_an_item_twice_is_sent(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        outcome = await wall.toy.add_notes(notes("a", "a", "b", all_or_none=True))
        assert isinstance(outcome, Partial)
        assert [type(item) for item in outcome.items] == [Applied] * 3
        assert len(target.effects) == 2


@virtual
async def test_second_item_of_one_identity_with_other_content_is_a_conflict(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        both = AddNotes(notes=(AddNote(reference="a"), AddNote(reference="a", text="other")))
        outcome = await wall.toy.add_notes(both)
        assert isinstance(outcome, Partial)
        first, second = outcome.items
        assert isinstance(first, Applied)
        assert isinstance(second, Rejected)
        assert isinstance(second.error, Conflict)
        assert [effect.text for effect in target.effects] == ["hello"]


@pytest.mark.case(25)
@virtual
async def test_item_on_a_record_that_is_not_settled_is_told_so_and_not_sent(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"], action=replace(ADD, entity="text")) as (wall, _, adapter):
        unsettled = await wall.toy.add_note(AddNote(reference="x"))
        assert isinstance(unsettled, Unknown)
        outcome = await wall.toy.add_notes(AddNotes(notes=(AddNote(reference="a"), AddNote(reference="b", text="t"))))
        assert isinstance(outcome, Partial)
        first, second = outcome.items
        assert isinstance(first, Rejected)
        assert (first.error.code, first.error.transient) == ("entity_unsettled", True)
        assert first.error.evidence["operation_id"] == unsettled.operation_id
        assert isinstance(second, Applied)
        assert adapter.batches == [["b"]]


@pytest.mark.case(44)
@virtual
async def test_item_that_is_answered_with_nonsense_is_unknown_and_never_rejected(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):
        adapter.item_script["a"] = ["nonsense"]
        outcome = await wall.toy.add_notes(notes("a", "b"))
        assert isinstance(outcome, Partial)
        assert [type(item) for item in outcome.items] == [Unknown, Applied]
        await asyncio.sleep(1)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(AddNote(reference="a")), Applied)
        assert len(target.effects) == 2


@virtual
async def test_repeated_batch_is_replayed_whole(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):
        await wall.toy.add_notes(notes("a", "b"))
        again = await wall.toy.add_notes(notes("a", "b"))
        assert isinstance(again, Partial)
        assert all(isinstance(item, Applied) and item.replayed for item in again.items)
        assert len(adapter.batches) == 1


@virtual
async def test_all_or_nothing_batch_with_an_item_done_before_is_not_sent(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):
        await wall.toy.add_note(AddNote(reference="a"))
        outcome = await wall.toy.add_notes(notes("a", "b", all_or_none=True))
        assert isinstance(outcome, Partial)
        assert isinstance(outcome.items[0], Applied)
        assert isinstance(outcome.items[1], Rejected)
        assert isinstance(outcome.items[1].error, Conflict)
        assert adapter.batches == []


@virtual
async def test_item_of_a_lost_all_or_nothing_batch_is_never_sent_alone(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"], action=variant("client id")) as (wall, target, adapter):
        outcome = await wall.toy.add_notes(notes("a", "b", all_or_none=True))
        assert isinstance(outcome, Partial)
        assert {type(item) for item in outcome.items} == {Unknown}
        await asyncio.sleep(1)
        await wall.recovery.run_once()
        assert {operation.status for operation in await wall.ledger.find()} == {Status.UNKNOWN}
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        assert {operation.status for operation in await wall.ledger.find()} == {Status.REJECTED}
        assert target.effects == []


@pytest.mark.case(9)
@virtual
async def test_batch_whose_caller_goes_is_recorded_as_it_stands(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["hang"]) as (wall, target, _):
        call = asyncio.ensure_future(wall.toy.add_notes(notes("a", "b")))
        await target.entered.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert {operation.status for operation in await wall.ledger.find()} == {Status.UNKNOWN}
        assert wall.systems["toy"].bulkhead.running == 0


@virtual
async def test_items_share_their_batch_id_in_the_ledger(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, _, _):
        outcome = await wall.toy.add_notes(notes("a", "b"))
        assert isinstance(outcome, Partial)
        assert len(await wall.ledger.find(batch_id=outcome.batch_id)) == 2


@pytest.mark.case(31)
@virtual
async def test_item_that_asks_for_quiet_gets_it_from_every_call(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):
        adapter.item_script["a"] = ["throttled"]
        outcome = await wall.call("toy.add_notes", {"notes": [{"reference": "a"}, {"reference": "b"}]}, deadline=10.0)
        assert isinstance(outcome, Partial)
        assert [type(item) for item in outcome.items] == [Rejected, Applied]
        other = await wall.toy.add_note(AddNote(reference="c"), deadline=10.0)
        assert isinstance(other, Rejected)
        assert other.error.code == "retry_after"
        assert target.sends == 0
