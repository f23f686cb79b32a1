"""Hard case 27: a new version is deployed while operations of the old one are open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support.toy import ADD, AddNote, Noted, Target, ToyAdapter
from support.virtual import config, sources, virtual

from seawall import Applied, Pending, Seawall, Unknown
from seawall.core.action import Action, ClientId, Marker
from seawall.core.ledger.records import Status

OLD = AddNote(reference="R-1", text="hello")


class NewAddNote(AddNote):
    """The request as the new version has it: one more field, and another default."""

    priority: str = "high"
    colour: str = "none"


class NewAdapter(ToyAdapter):
    """The connector as the new version has it."""

    version: ClassVar[str] = "2"


NEW_ADD = replace(ADD, request=NewAddNote)


def wall(folder: Path, adapter: ToyAdapter, seed: int, **system: Any) -> Seawall:
    given = config(folder, **system)
    return Seawall(given, adapters={"toy": adapter}, sources=sources(seed), recovery=False, inline_ledger=True)


async def leave_unknown(folder: Path, target: Target, step: str) -> str:
    """What the old version leaves behind: an operation whose reply was lost."""
    target.script = [step]
    async with wall(folder, ToyAdapter(target), 1) as old:
        outcome = await old.call("toy.add_note", OLD)
    assert isinstance(outcome, Unknown)
    return outcome.operation_id


@pytest.mark.case(27)
@pytest.mark.parametrize(("step", "sends"), [("late:30", 1), ("lost before", 2)])
def test_new_version_settles_and_replays_what_the_old_one_left_open(tmp_path: Path, step: str, sends: int) -> None:
    """Case 27: a deploy changes model and adapter version; stored records still match, and nothing is done twice."""

    @virtual
    async def scenario() -> None:
        target = Target(sources().clock)
        operation_id = await leave_unknown(tmp_path, target, step)
        async with wall(tmp_path, NewAdapter(target, NEW_ADD), 2) as new:
            assert await new.settle(3600.0) == 0
            again = await new.call("toy.add_note", {"reference": "R-1", "text": "hello"})
            assert isinstance(again, Applied)
            assert (again.operation_id, again.replayed) == (operation_id, True)
        assert (target.sends, len(target.effects)) == (sends, 1)

    scenario()


@pytest.mark.case(27)
def test_new_version_replays_what_the_old_one_did_though_its_reply_no_longer_fits(tmp_path: Path) -> None:
    """Case 27: a reply recorded by the old version, which the new model does not take, is no reason to send again."""

    class NewNoted(Noted):
        colour: str

    @virtual
    async def scenario() -> None:
        target = Target(sources().clock)
        async with wall(tmp_path, ToyAdapter(target), 1) as old:
            assert isinstance(await old.call("toy.add_note", OLD), Applied)
        async with wall(tmp_path, NewAdapter(target, replace(NEW_ADD, reply=NewNoted)), 2) as new:
            again = await new.call("toy.add_note", {"reference": "R-1", "text": "hello"})
            assert isinstance(again, Applied)
            assert again.replayed
        assert (target.sends, len(target.effects)) == (1, 1)

    scenario()


@pytest.mark.case(27)
@pytest.mark.parametrize(
    "moved",
    [replace(NEW_ADD, dedupe=Marker("another_field")), replace(NEW_ADD, dedupe=ClientId("id"))],
    ids=["another field", "another means"],
)
def test_new_version_that_keeps_the_key_elsewhere_parks_what_the_old_one_left_open(
    tmp_path: Path, moved: Action
) -> None:
    """Case 27: where today's probe would look in the wrong place, an absence proves nothing, and nothing is sent."""

    @virtual
    async def scenario() -> None:
        target = Target(sources().clock)
        operation_id = await leave_unknown(tmp_path, target, "late:30")
        probes = target.probes
        async with wall(tmp_path, NewAdapter(target, moved), 2) as new:
            assert await new.settle(3600.0) == 0
            operation = await new.ledger.get(operation_id)
            assert operation is not None
            assert operation.status is Status.PARKED
            assert "the configuration now says" in (operation.parked_because or "")
            again = await new.call("toy.add_note", {"reference": "R-1", "text": "hello"})
            assert isinstance(again, Pending)
            assert again.waits_for == "person"
        assert (target.sends, target.probes, len(target.effects)) == (1, probes, 1)

    scenario()
