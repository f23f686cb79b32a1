"""What a person establishes about an operation, and what follows from it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.toy import ADD, AddNote, Noted, SetNote, Target, variant
from support.virtual import sources, toy_wall, virtual

from seawall import Applied, Pending, Rejected, Seawall
from seawall.core.action import NativeKey
from seawall.core.errors import InvalidRequest
from seawall.core.ledger.records import Operation, Status
from seawall.core.resolution import BY_PERSON, Resolution, Word

NOTE = AddNote(reference="R-1")
ANN = Word("ann", "she looked in the target", "screenshot 4711")


def resolution(wall: Seawall, **changes: Any) -> Resolution:
    return Resolution(changes.get("systems", wall.systems), wall.ledger, wall.sources, wall.secrets)


async def parked(wall: Seawall, reference: str = "R-1") -> Operation:
    """An operation that nobody can find out about."""
    outcome = await wall.toy.add_note(AddNote(reference=reference))
    assert isinstance(outcome, Pending)
    operation = await wall.ledger.get(outcome.operation_id)
    assert operation is not None
    assert operation.status is Status.PARKED
    return operation


NOTHING: dict[str, Any] = {"action": variant("nothing")}


@virtual
async def test_applied_by_a_person_is_replayed_with_the_record_and_says_who_proved_it(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], horizon=600.0, **NOTHING) as (wall, target, _):
        operation = await parked(wall)
        settled = await resolution(wall).applied(operation.id, "n1", ANN)
        assert (settled.status, settled.epoch, settled.holder) == (Status.APPLIED, operation.epoch + 1, None)
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        assert (outcome.receipt.record, outcome.receipt.proof, outcome.replayed) == ("n1", "person", True)
        assert outcome.receipt.facts == {"by": "ann", "reason": "she looked in the target"}
        assert (target.sends, len(target.effects)) == (1, 1)
        story = await wall.ledger.story(operation.id)
        assert story is not None
        row = story.decisions[-1]
        assert (row.by, row.decision, row.reason) == ("ann", "resolved_applied", "she looked in the target")
        assert json.loads(row.detail) == {"record": "n1", "evidence": "screenshot 4711"}


@virtual
async def test_value_is_taken_from_a_probe_where_the_target_can_be_looked_at(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], retry={"attempts": 1}) as (wall, target, _):
        target.probe_script = ["cannot tell"]
        await wall.toy.add_note(NOTE)
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.UNKNOWN
        await resolution(wall).applied(operation.id, "n1", ANN)
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        if target.probe_script:
            raise AssertionError("the probe was not asked")
        assert outcome.receipt.proof == "person"


@virtual
async def test_applied_as_another_record_than_a_probe_finds_is_refused(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], retry={"attempts": 1}) as (wall, _, _):
        await wall.toy.add_note(NOTE)
        (operation,) = await wall.ledger.find()
        with pytest.raises(InvalidRequest, match="finds it as record n1, and not as n7"):
            await resolution(wall).applied(operation.id, "n7", ANN)
        after = await wall.ledger.get(operation.id)
        assert after == operation
        settled = await resolution(wall).applied(operation.id, "n1", ANN)
        assert json.loads(settled.outcome or "")["value"] == Noted(id="n1", text="hello").model_dump()


@virtual
async def test_not_applied_is_refused_before_the_horizon_and_where_nobody_knows_it(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"] * 2, horizon=600.0, **NOTHING) as (wall, target, _):
        operation = await parked(wall)
        with pytest.raises(InvalidRequest, match=r"may still commit it for another 600 s.*--despite-horizon"):
            await resolution(wall).not_applied(operation.id, ANN)
        await asyncio.sleep(601)
        settled = await resolution(wall).not_applied(operation.id, ANN)
        assert settled.status is Status.REJECTED
        assert json.loads(settled.error or "")["code"] == BY_PERSON
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Pending), "it was sent anew, and its reply was lost again"
        assert target.sends == 2
    (tmp_path / "unknown").mkdir()
    nobody_knows: dict[str, Any] = {
        "action": variant("marker, no horizon"),
        "retry": {"attempts": 1},
        "recovery": {"attempts": 1},
    }
    async with toy_wall(tmp_path / "unknown", script=["lost before"], **nobody_knows) as (wall, _, _):
        await wall.toy.add_note(NOTE)
        await asyncio.sleep(99_999)
        await wall.recovery.run_once()
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.PARKED
        with pytest.raises(InvalidRequest, match="nobody knows how long"):
            await resolution(wall).not_applied(operation.id, ANN)
        settled = await resolution(wall).not_applied(operation.id, ANN, despite_horizon=True)
        story = await wall.ledger.story(settled.id)
        assert story is not None
        detail = json.loads(story.decisions[-1].detail)
        assert (detail["despite_horizon"], detail["probe"]["finding"]) == (True, "absent")


@virtual
async def test_same_request_is_sent_anew_after_a_person_found_that_it_did_not_happen(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"], horizon=600.0, **NOTHING) as (wall, target, _):
        operation = await parked(wall)
        await asyncio.sleep(601)
        await resolution(wall).not_applied(operation.id, ANN)
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        assert (outcome.operation_id, target.sends, len(target.effects)) == (operation.id, 2, 1)


@virtual
async def test_not_applied_is_refused_where_a_probe_finds_it(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], retry={"attempts": 1}) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        (operation,) = await wall.ledger.find()
        await asyncio.sleep(700)
        with pytest.raises(InvalidRequest, match=r"finds it in the target \(n1\)"):
            await resolution(wall).not_applied(operation.id, ANN, despite_horizon=True)
        target.apply(operation.key, "hello")
        with pytest.raises(InvalidRequest, match=r"finds it in the target \(n1, n2\)"):
            await resolution(wall).not_applied(operation.id, ANN, despite_horizon=True)
        assert (await wall.ledger.get(operation.id)) == operation


@virtual
async def test_operation_that_is_held_or_settled_or_unknown_to_the_ledger_is_refused(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["hang"]) as (wall, target, _):
        call = asyncio.ensure_future(wall.toy.add_note(NOTE))
        await target.entered.wait()
        (operation,) = await wall.ledger.find()
        with pytest.raises(InvalidRequest, match="a process is at it now"):
            await resolution(wall).applied(operation.id, "n1", ANN)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        outcome = await wall.toy.add_note(AddNote(reference="R-2"))
        assert isinstance(outcome, Applied)
        with pytest.raises(InvalidRequest, match="it is settled: it is applied"):
            await resolution(wall).not_applied(outcome.operation_id, ANN)
        with pytest.raises(InvalidRequest, match="knows no operation 'op_none'"):
            await resolution(wall).retry("op_none", ANN)


@virtual
async def test_operation_that_changes_while_it_is_looked_at_is_not_overwritten(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], retry={"attempts": 1}) as (wall, _, adapter):
        await wall.toy.add_note(NOTE)
        (operation,) = await wall.ledger.find()
        await asyncio.sleep(1)
        original = adapter.probe

        async def meanwhile(action: Any, attempt: Any) -> Any:
            with patch.object(adapter, "probe", original):
                await wall.recovery.run_once()
            return await original(action, attempt)

        with patch.object(adapter, "probe", meanwhile), pytest.raises(InvalidRequest, match="changed meanwhile"):
            await resolution(wall).applied(operation.id, "n1", ANN)
        after = await wall.ledger.get(operation.id)
        assert after is not None
        assert json.loads(after.outcome or "")["receipt"]["proof"] == "probe"


@pytest.mark.case(25)
@virtual
async def test_record_that_a_parked_operation_blocks_is_free_after_its_resolution(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"], recovery={"attempts": 1}) as (wall, target, _):
        target.probe_script = ["cannot tell"] * 9
        first = SetNote(note_id="n9", version="1", text="a")
        second = SetNote(note_id="n9", version="2", text="b")
        await wall.toy.set_note(first)
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.PARKED
        blocked = await wall.toy.set_note(second)
        assert isinstance(blocked, Rejected)
        assert blocked.error.code == "entity_unsettled"
        await resolution(wall).not_applied(operation.id, ANN)
        assert isinstance(await wall.toy.set_note(second), Applied)


# retry


@virtual
async def test_retry_lets_recovery_look_again_as_if_for_the_first_time(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], retry={"attempts": 1}, recovery={"attempts": 3}) as (
        wall,
        target,
        _,
    ):
        target.probe_script = ["cannot tell"] * 3
        await wall.toy.add_note(NOTE)
        for _ in range(3):
            await asyncio.sleep(700)
            await wall.recovery.run_once()
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.PARKED
        again = await resolution(wall).retry(operation.id, ANN)
        assert (again.status, again.checks, again.epoch) == (Status.UNKNOWN, 0, operation.epoch + 1)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert (target.sends, len(target.effects)) == (1, 1)


@virtual
async def test_retry_goes_by_the_same_rules_so_what_cannot_be_recognised_is_parked_again(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"], **NOTHING) as (wall, target, _):
        operation = await parked(wall)
        await resolution(wall).retry(operation.id, ANN)
        await wall.recovery.run_once()
        after = await wall.ledger.get(operation.id)
        assert after is not None
        assert (after.status, target.sends) == (Status.PARKED, 1)


@pytest.mark.case(22)
@virtual
async def test_retry_past_the_life_of_the_key_sends_nothing(tmp_path: Path) -> None:
    action = replace(ADD, dedupe=NativeKey(ttl=100.0), probe=None)
    async with toy_wall(tmp_path, script=["lost before"], action=action, retry={"attempts": 1}) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        await asyncio.sleep(500)
        await wall.recovery.run_once()
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.PARKED
        await resolution(wall).retry(operation.id, ANN)
        await wall.recovery.run_once()
        after = await wall.ledger.get(operation.id)
        assert after is not None
        assert "no longer remembers the idempotency key" in (after.parked_because or "")
        assert target.sends == 1


@virtual
async def test_retry_of_what_recovery_looks_at_anyway_is_refused(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"]) as (wall, _, _):
        await wall.toy.add_note(NOTE)
        (operation,) = await wall.ledger.find()
        with pytest.raises(InvalidRequest, match="not parked"):
            await resolution(wall).retry(operation.id, ANN)


# who, and what is written down


@pytest.mark.parametrize("word", [Word("", "why"), Word("ann", " "), Word("a" * 65, "why")])
def test_decision_without_a_name_or_a_reason_is_refused(tmp_path: Path, word: Word) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=["lost after"], **NOTHING) as (wall, _, _):
            operation = await parked(wall)
            with pytest.raises(InvalidRequest, match="say who decides it"):
                await resolution(wall).applied(operation.id, "n1", word)

    scenario()


@virtual
async def test_secrets_and_what_no_database_holds_are_not_written_down(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"] * 2, horizon=0.0, **NOTHING) as (wall, _, _):
        wall.secrets.add("canary-4711")
        word = Word("ann canary-4711", "canary-4711 \ud800", "canary-4711 \ud800")
        first, second = await parked(wall), await parked(wall, "R-2")
        await resolution(wall).applied(first.id, "n1 canary-4711", word)
        await resolution(wall).not_applied(second.id, word)
        stories = [await wall.ledger.story(one.id) for one in (first, second)]
        assert "canary-4711" not in repr(stories)
        assert "[redacted]" in repr(stories)


@virtual
async def test_operation_of_a_system_that_is_gone_can_be_resolved_with_an_empty_value(tmp_path: Path) -> None:
    target = Target(sources().clock)
    async with toy_wall(tmp_path, target=target, script=["lost after"], **NOTHING) as (wall, _, _):
        operation = await parked(wall)
        with pytest.raises(InvalidRequest, match="nobody knows"):
            await resolution(wall, systems={}).not_applied(operation.id, ANN)
        settled = await resolution(wall, systems={}).applied(operation.id, "n1", ANN)
        assert json.loads(settled.outcome or "") == {
            "value": {},
            "receipt": {"record": "n1", "proof": "person", "facts": {"by": "ann", "reason": ANN.reason}},
        }
