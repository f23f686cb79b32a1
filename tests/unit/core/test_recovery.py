from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.toy import AddNote, Target, variant
from support.virtual import config, make_all_due, sources, toy_wall, virtual

from seawall import Applied, Pending, Seawall, Unknown
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger.records import Status

NOTE = AddNote(reference="R-1")


@virtual
async def test_unknown_operation_is_settled_in_the_background_without_being_asked_for(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:30"], background=True) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Unknown)
        assert await wall.settle(timeout=1000) == 0
        operation = await wall.ledger.get(outcome.operation_id)
        assert operation is not None
        assert operation.status is Status.APPLIED
        assert (target.sends, len(target.effects)) == (1, 1)


@virtual
async def test_absence_is_looked_at_again_right_after_the_horizon_and_not_all_the_time(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"], background=True) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        assert await wall.settle(timeout=1000) == 0
        assert 600 <= asyncio.get_running_loop().time() < 605
        assert (target.sends, target.probes, len(target.effects)) == (2, 2, 1)


async def orphan(folder: Path, target: Target, script: list[str]) -> str:
    """Leave an operation behind as a process does that ends in the middle of it."""
    async with toy_wall(folder, target=target, script=script, seed=9) as (wall, _, _):
        call = asyncio.ensure_future(wall.toy.add_note(NOTE))
        await target.entered.wait()
        # What this process would still record is lost with it.
        wall.ledger.finish_soon = lambda verdicts: None  # type: ignore[method-assign]  # the crash
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.RUNNING
        return operation.id


@pytest.mark.case(13)
@pytest.mark.parametrize(("landed", "sends"), [("hang after", 1), ("hang", 2)])
def test_operation_whose_process_ended_in_mid_send_is_probed_before_anything_is_sent(
    tmp_path: Path, landed: str, sends: int
) -> None:
    @virtual
    async def scenario() -> None:
        target = Target(sources().clock)
        operation_id = await orphan(tmp_path, target, [landed])
        async with toy_wall(tmp_path, target=target, background=True) as (wall, _, _):
            assert await wall.settle(timeout=1000) == 0
            operation = await wall.ledger.get(operation_id)
            assert operation is not None
            assert operation.status is Status.APPLIED
            assert (target.sends, len(target.effects)) == (sends, 1)

    scenario()


@pytest.mark.case(12)
@virtual
async def test_operation_whose_process_ended_before_it_sent_is_done_once(tmp_path: Path) -> None:
    target = Target(sources().clock)
    async with toy_wall(tmp_path, target=target, seed=9) as (wall, _, _):

        async def crash(verdicts: object, **options: object) -> list[bool]:
            raise LedgerUnavailable("the process is gone")

        wall.ledger.finish = crash  # type: ignore[method-assign]  # the crash
        wall.ledger.finish_soon = lambda verdicts: None  # type: ignore[method-assign]  # the crash
        wall.systems["toy"].breaker.trip("so that nothing is sent")
        await wall.toy.add_note(NOTE)
        assert target.sends == 0
    async with toy_wall(tmp_path, target=target, background=True) as (wall, _, _):
        assert await wall.settle(timeout=1000) == 0
        assert (target.sends, len(target.effects)) == (1, 1)


@virtual
async def test_resend_that_is_cut_off_starts_the_horizon_anew(tmp_path: Path) -> None:
    target = Target(sources().clock)
    async with toy_wall(tmp_path, target=target, script=["lost before", "late:500"], seed=9) as (wall, _, _):
        await wall.toy.add_note(NOTE)
        await asyncio.sleep(601)
        wall.ledger.finish_soon = lambda verdicts: None  # type: ignore[method-assign]  # the crash

        async def crash(verdicts: object, **options: object) -> list[bool]:
            raise LedgerUnavailable("the process is gone")

        wall.ledger.finish = crash  # type: ignore[method-assign]  # the crash
        with pytest.raises(LedgerUnavailable):
            await wall.recovery.run_once()
        assert target.sends == 2
    async with toy_wall(tmp_path, target=target, background=True) as (wall, _, _):
        assert await wall.settle(timeout=2000) == 0
        assert (target.sends, len(target.effects)) == (2, 1), "the second attempt's late commit was waited for"


@virtual
async def test_operation_that_may_not_be_sent_any_more_is_parked(tmp_path: Path) -> None:
    target = Target(sources().clock)
    await orphan(tmp_path, target, ["hang"])
    given = sources()
    from support.toy import ToyAdapter

    denying = config(tmp_path).model_copy(update={"policy": ()})
    async with Seawall(
        denying, adapters={"toy": ToyAdapter(target)}, sources=given, recovery=False, inline_ledger=True
    ) as wall:
        await wall.recovery.run_once()
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.PARKED
        assert "policy no longer" in (operation.parked_because or "")
        assert target.sends == 1


@virtual
async def test_operation_without_means_or_probe_is_parked_with_the_reason(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"], action=variant("nothing")) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Pending)
        assert "no way to find out" in outcome.reason
        assert target.sends == 1


@virtual
async def test_open_breaker_holds_recovery_back_without_using_up_its_patience(tmp_path: Path) -> None:
    async with toy_wall(
        tmp_path, script=["lost before"], breaker={"failures": 1, "reset_after": 100.0}, retry={"attempts": 1}
    ) as (wall, target, _):
        assert isinstance(await wall.toy.add_note(NOTE), Unknown)
        for _ in range(90):
            await asyncio.sleep(1)
            await wall.recovery.run_once()
        assert target.probes == 0
        (operation,) = await wall.ledger.find()
        assert (operation.status, operation.checks, operation.epoch) == (Status.UNKNOWN, 0, 1)
        await asyncio.sleep(12)
        await wall.recovery.run_once()
        assert target.probes == 1


@pytest.mark.case(6)
@virtual
async def test_outage_does_not_use_up_the_patience_with_an_operation(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:1"], recovery={"attempts": 2}, breaker={"failures": 1}) as (
        wall,
        target,
        _,
    ):
        await wall.toy.add_note(NOTE)
        target.probe_script = ["fails"] * 10
        for _ in range(12):
            await asyncio.sleep(700)
            await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(NOTE), Applied)


@pytest.mark.case(24)
@virtual
async def test_poisonous_operation_is_given_up_while_others_go_on(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:1"] * 2, recovery={"attempts": 3}) as (wall, target, adapter):
        await wall.toy.add_note(AddNote(reference="poison"))
        await wall.toy.add_note(AddNote(reference="fine"))
        original = adapter.probe

        async def poisoned(action: Any, attempt: Any) -> Any:
            if attempt.request.reference == "poison":
                raise RuntimeError("the reply crashes the connector")
            return await original(action, attempt)

        with patch.object(adapter, "probe", poisoned):
            for _ in range(5):
                await asyncio.sleep(700)
                await wall.recovery.run_once()
        found = {operation.identity: operation.status for operation in await wall.ledger.find()}
        assert found == {'{"reference":"poison"}': Status.PARKED, '{"reference":"fine"}': Status.APPLIED}


@virtual
async def test_unknown_operations_are_probed_a_few_at_a_time(tmp_path: Path) -> None:
    running = most = 0
    async with toy_wall(tmp_path, script=["late:1"] * 30, recovery={"concurrency": 3}, breaker={"failures": 99}) as (
        wall,
        _,
        adapter,
    ):
        outcomes = [await wall.toy.add_note(AddNote(reference=f"R-{number}")) for number in range(30)]
        assert all(isinstance(outcome, Unknown) for outcome in outcomes)
        original = adapter.probe

        async def slow(action: Any, attempt: Any) -> Any:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.1)
            running -= 1
            return await original(action, attempt)

        await asyncio.sleep(700)
        with patch.object(adapter, "probe", slow):
            await wall.recovery.run_once()
        assert most == 3
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-7")), Applied)


@pytest.mark.case(3)
@virtual
async def test_absence_that_was_read_before_the_horizon_does_not_count_because_its_answer_came_after_it(
    tmp_path: Path,
) -> None:
    async with toy_wall(tmp_path, script=["late:599"], attempt_timeout=20.0) as (wall, target, adapter):
        assert isinstance(await wall.toy.add_note(NOTE), Unknown)
        original = adapter.probe

        async def slow(action: Any, attempt: Any) -> Any:
            finding = await original(action, attempt)
            await asyncio.sleep(8)
            return finding

        make_all_due(tmp_path)
        await asyncio.sleep(595 - asyncio.get_running_loop().time())
        with patch.object(adapter, "probe", slow):
            await wall.recovery.run_once()
        assert target.sends == 1
        await asyncio.sleep(60)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert (target.sends, len(target.effects)) == (1, 1)
