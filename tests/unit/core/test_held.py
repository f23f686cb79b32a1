"""What is told when the ledger, the connector or Seawall itself fails; judged by what happened in the target."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.toy import AddNote, Noted, variant
from support.virtual import toy_wall, virtual

from seawall import Applied, Partial, Pending, Rejected, Seawall, Unknown
from seawall.core.adapter import Sent
from seawall.core.ledger import reads, store
from seawall.core.ledger.records import Status

NOTE = AddNote(reference="R-1")


@contextmanager
def full_disk() -> Iterator[None]:
    """Verdicts cannot be written."""

    def full(*_: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    with patch.object(store, "record_verdicts", full):
        yield


async def only_operation(wall: Seawall) -> Any:
    (operation,) = await wall.ledger.find()
    return operation


@virtual
async def test_outcome_that_cannot_be_written_is_told_truly_and_recorded_later(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        with full_disk():
            outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        await wall.recovery.run_once()
        assert (await only_operation(wall)).status is Status.APPLIED
        assert len(target.effects) == 1


@virtual
async def test_rejection_that_cannot_be_written_is_not_told_as_final(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["refused"], action=variant("client id")) as (wall, target, _):
        with full_disk():
            outcome = await wall.toy.add_note(NOTE)
            assert isinstance(outcome, Pending)
            wall.ledger.unrecorded.clear()  # the process ends before the disk has room again
    async with toy_wall(tmp_path, target=target, seed=2, action=variant("client id")) as (wall, _, _):
        await wall.recovery.run_once()
        assert len(target.effects) == 1, "the ledger knew of an intent only, so recovery did it: no rejection was told"


@virtual
async def test_batch_item_whose_rejection_cannot_be_written_is_not_told_as_final(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, _, adapter):
        adapter.item_script["a"] = ["rejected"]
        with full_disk():
            outcome = await wall.call("toy.add_notes", {"notes": [{"reference": "a"}, {"reference": "b"}]})
        assert isinstance(outcome, Partial)
        assert [type(item) for item in outcome.items] == [Pending, Applied]


@virtual
async def test_mistake_of_ours_after_the_send_leaves_an_unknown_that_recovery_settles(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"]) as (wall, target, _):
        with patch("seawall.core.write.next_step", side_effect=ZeroDivisionError):
            outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Unknown)
        assert outcome.error.code == "internal"
        await asyncio.sleep(1)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert len(target.effects) == 1


@virtual
async def test_mistake_of_ours_before_the_send_is_a_recorded_rejection(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        with patch("seawall.core.write.send_until_known", side_effect=ZeroDivisionError):
            outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Rejected)
        assert (await only_operation(wall)).status is Status.REJECTED
        assert target.effects == []


@virtual
async def test_probe_that_answers_rubbish_cannot_tell(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"]) as (wall, target, adapter):

        async def probe(action: Any, attempt: Any) -> Any:
            return None

        with patch.object(adapter, "probe", probe):
            outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Unknown)
        assert (await only_operation(wall)).status is Status.UNKNOWN
        await asyncio.sleep(1)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert (target.sends, len(target.effects)) == (1, 1)


@virtual
async def test_reply_that_no_json_can_hold_is_applied_and_replayed(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, adapter):

        async def send(action: Any, attempt: Any) -> Any:
            effect = target.apply(attempt.key, "t")
            return Sent(Noted.model_construct(id=effect.id, text="broken \ud800"), "n1", {"odd": object()})

        with patch.object(adapter, "send", send):
            outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        assert (await only_operation(wall)).status is Status.APPLIED
    async with toy_wall(tmp_path, target=target, seed=2) as (wall, _, _):
        again = await wall.toy.add_note(NOTE)
        assert isinstance(again, Applied)
        assert again.replayed
        assert len(target.effects) == 1


@pytest.mark.parametrize("fault", ["message", "reason"])
def test_secret_in_what_the_target_says_never_reaches_the_ledger(tmp_path: Path, fault: str) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=["lost before"] if fault == "reason" else []) as (wall, target, adapter):
            wall.secrets.add("canary-4711")
            adapter.item_script["a"] = ["secret"]
            target.probe_script = ["secret"] * 3
            if fault == "message":
                await wall.call("toy.add_notes", {"notes": [{"reference": "a"}, {"reference": "b"}]})
            else:
                await wall.toy.add_note(NOTE)
                await asyncio.sleep(1)
                await wall.recovery.run_once()

    scenario()
    assert b"canary" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.case(18)
@virtual
async def test_verdict_that_came_too_late_and_a_ledger_that_cannot_be_read_leave_it_unknown(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["hang after"], attempt_timeout=5.0) as (wall, target, _):
        call = asyncio.ensure_future(wall.toy.add_note(NOTE, deadline=2.0))
        await target.entered.wait()
        await wall.ledger._writer.submit(lambda db: db.execute("UPDATE operations SET epoch = epoch + 1").rowcount)
        with patch.object(reads, "by_id", side_effect=sqlite3.OperationalError("disk I/O error")):
            outcome = await call
        assert isinstance(outcome, Unknown)
