"""A ledger restored from an old backup has forgotten what was sent since; judged by what happened in the target."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from support.rows import put_back
from support.toy import AddNote, Target, variant
from support.virtual import sources, toy_wall, virtual

from seawall import Applied, Partial, Pending, Rejected, Unknown

NOTE = AddNote(reference="R-1")


async def forget(folder: Path, target: Target, *, action: str) -> None:
    """Make a backup of an empty ledger, let something be done, and restore the backup, an hour later."""
    async with toy_wall(folder, target=target, action=variant(action)) as (wall, _, _):
        await wall.ledger.find()
    shutil.copy(folder / "ledger.db", folder / "backup.db")
    await asyncio.sleep(60)
    async with toy_wall(folder, target=target, action=variant(action), seed=2) as (wall, _, _):
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
    put_back(folder)
    await asyncio.sleep(3600)
    async with toy_wall(folder, target=target, action=variant(action), seed=3) as (wall, _, _):
        await wall.ledger.restored(target.clock.now() - 3660)


@pytest.mark.case(28)
@pytest.mark.parametrize("action", ["marker", "client id", "client id, no probe", "nothing"])
def test_request_that_the_restored_ledger_does_not_know_has_one_effect(tmp_path: Path, action: str) -> None:
    @virtual
    async def scenario() -> None:
        target = Target(sources().clock)
        await forget(tmp_path, target, action=action)
        async with toy_wall(tmp_path, target=target, action=variant(action), seed=4) as (wall, _, _):
            outcome = await wall.toy.add_note(NOTE)
            assert isinstance(outcome, Pending if action == "nothing" else Applied), outcome
            assert len(target.effects) == 1

    scenario()


@pytest.mark.case(28)
@virtual
async def test_request_that_was_never_made_is_sent_once_the_horizon_of_the_restore_has_passed(tmp_path: Path) -> None:
    target = Target(sources().clock)
    await forget(tmp_path, target, action="marker")
    async with toy_wall(tmp_path, target=target, seed=4) as (wall, _, _):
        early = await wall.toy.add_note(AddNote(reference="R-2"))
        assert isinstance(early, Unknown)
        assert early.error.code == "restored"
        assert len(target.effects) == 1
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-2")), Applied)
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-3")), Applied)
        assert len(target.effects) == 3


@pytest.mark.case(28)
@pytest.mark.parametrize("all_or_none", [False, True])
def test_batch_after_a_restore_sends_nothing_that_may_be_there(tmp_path: Path, *, all_or_none: bool) -> None:
    @virtual
    async def scenario() -> None:
        target = Target(sources().clock)
        await forget(tmp_path, target, action="marker")
        async with toy_wall(tmp_path, target=target, seed=4) as (wall, _, adapter):
            request = {"notes": [{"reference": "R-1"}, {"reference": "R-2"}], "all_or_none": all_or_none}
            outcome = await wall.call("toy.add_notes", request)
            assert isinstance(outcome, Partial)
            assert [type(item) for item in outcome.items] == [Unknown, Unknown]
            assert adapter.batches == []
            await asyncio.sleep(700)
            await wall.recovery.run_once()
            again = await wall.call("toy.add_notes", request)
            assert isinstance(again, Partial)
            first, second = again.items
            assert isinstance(first, Applied)
            assert isinstance(second, Rejected if all_or_none else Applied)
            assert len({effect.key for effect in target.effects}) == len(target.effects) == (1 if all_or_none else 2)

    scenario()
