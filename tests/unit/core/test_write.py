"""One write and every way it can end; judged by what happened in the target."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.toy import ADD, VARIANTS, AddNote, Effect, variant
from support.virtual import toy_wall, virtual

from seawall import Applied, Pending, Rejected, Unknown
from seawall.core.errors import BusinessRule, Cancelled, ConnectFailed, ContractBroken
from seawall.core.ledger.records import Status

NOTE = AddNote(reference="R-1")


@pytest.mark.case(1)
@virtual
async def test_commit_then_lost_reply_is_found_by_a_probe_and_sent_once(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"]) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        assert outcome.receipt.proof == "probe"
        assert (target.sends, len(target.effects)) == (1, 1)


@pytest.mark.case(2)
@virtual
async def test_refused_connection_is_tried_again_without_a_probe(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["no connection"]) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        assert (target.sends, target.probes, len(target.effects)) == (2, 0, 1)


@pytest.mark.case(2)
@virtual
async def test_connection_that_never_comes_is_rejected_as_not_sent(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["no connection"] * 9) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, ConnectFailed)
        assert (target.effects, target.probes) == ([], 0)


@pytest.mark.case(3)
@virtual
async def test_zombie_that_a_probe_does_not_see_yet_is_not_sent_again(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:30"]) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Unknown)
        assert target.sends == 1
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        again = await wall.toy.add_note(NOTE)
        assert isinstance(again, Applied)
        assert (target.sends, len(target.effects)) == (1, 1)


@pytest.mark.case(4)
@virtual
async def test_zombie_without_a_known_bound_is_parked_and_never_sent_again(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:30"], action=variant("marker, no horizon")) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Pending)
        assert outcome.waits_for == "person"
        await asyncio.sleep(100_000)
        assert await wall.recovery.run_once() == 0
        assert (target.sends, len(target.effects)) == (1, 1)


@pytest.mark.case(5)
@virtual
async def test_absence_on_a_lagging_path_is_no_absence_until_the_lag_has_passed(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], action=variant("marker, lagging"), horizon=0.0) as (
        wall,
        target,
        _,
    ):
        target.read_lag = 5.0
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Unknown)
        await asyncio.sleep(2)
        await wall.recovery.run_once()
        assert target.sends == 1
        await asyncio.sleep(4)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert (target.sends, len(target.effects)) == (1, 1)


@pytest.mark.case(6)
@virtual
async def test_probe_that_fails_says_nothing_and_nothing_is_sent_again(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"]) as (wall, target, _):
        target.probe_script = ["fails"] * 100
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Unknown)
        for _ in range(10):
            await asyncio.sleep(700)
            await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(NOTE), Unknown)
        assert target.sends == 1


@pytest.mark.case(7)
@virtual
async def test_look_alike_of_a_stranger_is_not_claimed_and_the_operation_is_parked(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"], action=variant("natural key"), recovery={"attempts": 3}) as (
        wall,
        target,
        _,
    ):
        target.strangers.append(Effect("someone else's", "n0", NOTE.text, at=0.0))
        assert isinstance(await wall.toy.add_note(NOTE), Unknown)
        for _ in range(4):
            await asyncio.sleep(700)
            await wall.recovery.run_once()
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Pending)
        assert "anyone may have made it" in outcome.reason
        assert target.sends == 1


@pytest.mark.case(8)
@virtual
async def test_two_records_with_our_key_are_reported_as_duplicate(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["twice lost"]) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Pending)
        assert "duplicate: 2 records" in outcome.reason
        assert target.sends == 1


@pytest.mark.case(9)
@pytest.mark.parametrize("step", ["hang", "hang after"])
def test_caller_that_goes_mid_write_leaves_an_unknown_and_no_permit_behind(tmp_path: Path, step: str) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=[step]) as (wall, target, _):
            call = asyncio.ensure_future(wall.toy.add_note(NOTE))
            await target.entered.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            (operation,) = await wall.ledger.find()
            assert operation.status is Status.UNKNOWN
            assert Cancelled.__name__ in (operation.error or "")
            assert wall.systems["toy"].bulkhead.running == 0
            await asyncio.sleep(700)
            await wall.recovery.run_once()
            assert isinstance(await wall.toy.add_note(NOTE), Applied)
            assert len(target.effects) == 1

    scenario()


@virtual
async def test_caller_that_goes_before_anything_was_sent_leaves_a_rejection(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["no connection"] * 3) as (wall, target, _):
        call = asyncio.ensure_future(wall.toy.add_note(NOTE))
        while not target.sends:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.REJECTED


@pytest.mark.case(29)
@pytest.mark.parametrize("step", ["refused", "missing"])
def test_refusal_is_not_tried_again_and_does_not_charge_the_breaker(tmp_path: Path, step: str) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=[step], breaker={"failures": 1}) as (wall, target, _):
            outcome = await wall.toy.add_note(NOTE)
            assert isinstance(outcome, Rejected)
            assert target.sends == 1
            assert wall.systems["toy"].breaker.state == "closed"

    scenario()


@pytest.mark.case(31)
@virtual
async def test_retry_after_beyond_the_deadline_fails_now_with_the_time_to_come_back(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["throttled:120"]) as (wall, target, _):
        started = asyncio.get_running_loop().time()
        outcome = await wall.toy.add_note(NOTE, deadline=10.0)
        assert asyncio.get_running_loop().time() == started
        assert isinstance(outcome, Rejected)
        assert outcome.error.retry_after == 120.0
        assert target.sends == 1


@virtual
async def test_nothing_at_all_is_sent_inside_a_retry_after(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["throttled:120"]) as (wall, target, _):
        await wall.toy.add_note(NOTE, deadline=10.0)
        other = await wall.toy.add_note(AddNote(reference="R-2"), deadline=10.0)
        assert isinstance(other, Rejected)
        assert 119 < (other.error.retry_after or 0) <= 120
        assert target.sends == 1
        await asyncio.sleep(120)
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-2")), Applied)


@pytest.mark.case(33)
@virtual
async def test_hung_target_does_not_hold_the_call_beyond_its_deadline(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["hang"] * 5, attempt_timeout=20.0) as (wall, target, _):
        started = asyncio.get_running_loop().time()
        outcome = await wall.toy.add_note(NOTE, deadline=3.0)
        assert isinstance(outcome, Unknown)
        assert asyncio.get_running_loop().time() - started <= 3.05


@virtual
async def test_refusal_after_an_ambiguous_attempt_leaves_it_unknown_until_the_horizon_is_over(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:30", "refused"], action=variant("client id")) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Unknown), "the first attempt is still on its way"
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert len(target.effects) == 1


@virtual
async def test_refusal_after_an_attempt_that_never_landed_is_rejected_after_the_horizon(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before", "refused"], action=variant("client id")) as (wall, target, _):
        assert isinstance(await wall.toy.add_note(NOTE), Unknown)
        await asyncio.sleep(700)
        await wall.recovery.run_once()
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Rejected)
        assert isinstance(outcome.error, BusinessRule)
        assert (target.sends, target.effects) == (2, [])


@pytest.mark.case(44)
@pytest.mark.parametrize("name", ["marker", "client id", "client id, no probe", "nothing"])
def test_reply_that_breaks_the_contract_is_never_a_reason_to_send_again(tmp_path: Path, name: str) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=["nonsense"], action=variant(name)) as (wall, target, _):
            outcome = await wall.toy.add_note(NOTE)
            assert isinstance(outcome, Applied if variant(name).probe else Pending)
            await asyncio.sleep(10_000)
            await wall.recovery.run_once()
            assert (target.sends, len(target.effects)) == (1, 1)

    scenario()


@virtual
async def test_mistake_in_a_connector_counts_as_ambiguous(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["bug"]) as (wall, target, _):
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        assert (target.sends, len(target.effects)) == (1, 1)
        story = await wall.story(outcome.operation_id)
        assert story is not None
        assert "ZeroDivisionError" in (story.attempts[0].error or "")
        assert ContractBroken.__name__ not in (story.attempts[0].error or "")


@pytest.mark.parametrize("name", sorted(VARIANTS))
@pytest.mark.parametrize("fault", ["ok", "lost before", "lost after", "late:30", "no connection", "refused"])
def test_no_fault_makes_two_effects_by_any_dedupe_means(tmp_path: Path, name: str, fault: str) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=[fault], action=variant(name), recovery={"attempts": 3}) as (
            wall,
            target,
            _,
        ):
            first = await wall.toy.add_note(NOTE)
            if isinstance(first, Rejected):
                assert target.effects == []
            for _ in range(6):
                await asyncio.sleep(400)
                await wall.recovery.run_once()
                await wall.toy.add_note(NOTE)
            (operation,) = await wall.ledger.find()
            assert len(target.effects) <= 1
            if operation.status is Status.APPLIED:
                assert len(target.effects) == 1
            assert operation.status is not Status.UNKNOWN, "settled or parked within bounds"

    scenario()


def test_variants_cover_every_answer_to_an_ambiguous_attempt() -> None:
    assert {variant(name).resend for name in VARIANTS} == {"same_key", "after_absence", "never"}
    assert ADD.resend == "after_absence"
