"""Doing the same once more on purpose, and withdrawing what was not sent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.toy import ADD, AddNote, AddNotes, variant
from support.virtual import toy_wall, virtual

from seawall import Applied, Rejected, Seawall
from seawall.core.held import WITHDRAWN
from seawall.core.identity import DISTINCT_FROM, identify
from seawall.core.repeat import Repeat, can_be_repeated

NOTE = AddNote(reference="R-1")


async def once_more(wall: Seawall, earlier: str, reason: str = "the customer asked twice", **how: Any) -> Any:
    request = how.pop("request", NOTE)
    return await wall.call("toy.add_note", request, repeat=Repeat(earlier, reason), **how)


@virtual
async def test_deliberate_repeat_is_an_operation_of_its_own_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        first: Any = await wall.toy.add_note(NOTE)
        second = await once_more(wall, first.operation_id)
        again = await once_more(wall, first.operation_id, reason="said in other words")
        assert isinstance(second, Applied)
        assert second.operation_id != first.operation_id
        assert again == replace(second, replayed=True)
        assert len(target.effects) == 2


@virtual
async def test_deliberate_repeat_can_itself_be_repeated(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        first: Any = await wall.toy.add_note(NOTE)
        second = await once_more(wall, first.operation_id)
        third = await once_more(wall, second.operation_id)
        assert isinstance(third, Applied)
        assert len(target.effects) == 3


@virtual
async def test_deliberate_repeat_is_recorded_with_its_reason_beside_the_decision(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, _, _):
        first: Any = await wall.toy.add_note(NOTE)
        second = await once_more(wall, first.operation_id, reason="a second ticket\x00 was asked for")
        operation = await wall.ledger.get(second.operation_id)
        assert operation is not None
        assert json.loads(operation.identity) == {"reference": "R-1", DISTINCT_FROM: first.operation_id}
        told = json.loads(operation.policy)
        assert told["decision"] == "allow"
        assert told["distinct_from"] == {
            "operation_id": first.operation_id,
            "reason": "a second ticket\ufffd was asked for",
        }


@pytest.mark.parametrize(
    ("script", "how", "why"),
    [
        ([], {"request": AddNote(reference="R-2")}, "another request"),
        ([], {"principal": "agent:other"}, "has no operation"),
        ([], {"reason": "  "}, "needs a reason"),
        ([], {"earlier": "op_none"}, "has no operation"),
        (["refused"], {}, "was not done"),
        (["lost before"] * 20, {}, "not known what became"),
    ],
)
@virtual
async def test_what_was_not_done_by_the_same_principal_cannot_be_repeated(
    tmp_path: Path, script: list[str], how: dict[str, Any], why: str
) -> None:
    async with toy_wall(tmp_path, script=script) as (wall, target, _):
        target.probe_script.extend(["cannot tell"] * 50)
        first: Any = await wall.toy.add_note(NOTE)
        sends = target.sends
        outcome = await once_more(wall, how.pop("earlier", first.operation_id), **how)
        assert isinstance(outcome, Rejected)
        assert outcome.error.code == "distinct_from"
        assert why in outcome.error.message
        assert target.sends == sends


def test_what_only_its_content_tells_apart_cannot_be_repeated() -> None:
    repeatable = {name: can_be_repeated(variant(name)) for name in ("marker", "client id", "natural key", "nothing")}
    assert repeatable == {"marker": True, "client id": True, "natural key": False, "nothing": True}
    assert not can_be_repeated(variant("nothing but a probe"))


@virtual
async def test_batch_cannot_be_repeated_on_purpose(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        outcome = await wall.call("toy.add_notes", AddNotes(notes=(NOTE,)), repeat=Repeat("op_1", "because"))
        assert isinstance(outcome, Rejected)
        assert outcome.error.code == "distinct_from"
        assert target.effects == []


def test_identity_without_a_repeat_is_what_it_was() -> None:
    plain = identify("crm", ADD, NOTE)
    assert identify("crm", ADD, NOTE, None) == plain
    assert identify("crm", ADD, NOTE, "op_1").key != plain.key
    assert identify("crm", ADD, NOTE, "op_1").digest == plain.digest


@virtual
async def test_withdrawn_write_is_never_sent_and_rejected(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, limits={"concurrency": 1}, script=["slow:5"]) as (wall, target, _):
        ahead = asyncio.create_task(wall.toy.add_note(AddNote(reference="ahead")))
        await target.entered.wait()
        behind = asyncio.create_task(wall.toy.add_note(NOTE))
        await asyncio.sleep(1)
        (waiting,) = set(wall.pipeline.held) - {one.id for one in await wall.ledger.find() if "ahead" in one.identity}
        assert wall.pipeline.withdraw(waiting)
        outcome = await behind
        assert isinstance(outcome, Rejected)
        assert outcome.error.code == WITHDRAWN
        assert isinstance(await ahead, Applied)
        assert target.sends == 1
        replayed = await wall.toy.add_note(NOTE)
        assert isinstance(replayed, Rejected)
        assert replayed.replayed
        assert wall.pipeline.held == {}


@virtual
async def test_write_that_is_on_the_wire_or_unknown_cannot_be_withdrawn(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["slow:5"]) as (wall, target, _):
        under_way = asyncio.create_task(wall.toy.add_note(NOTE))
        await target.entered.wait()
        (operation_id,) = wall.pipeline.held
        assert not wall.pipeline.withdraw(operation_id)
        assert isinstance(await under_way, Applied)
        assert not wall.pipeline.withdraw(operation_id)
        assert not wall.pipeline.withdraw("op_none")


@virtual
async def test_write_between_two_refused_attempts_can_be_withdrawn(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["throttled:10"]) as (wall, target, _):
        under_way = asyncio.create_task(wall.toy.add_note(NOTE))
        await asyncio.sleep(1)
        (operation_id,) = wall.pipeline.held
        assert wall.pipeline.withdraw(operation_id)
        outcome = await under_way
        assert isinstance(outcome, Rejected)
        assert (target.sends, target.effects) == (1, [])
