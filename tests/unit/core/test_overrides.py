"""What people stop is not sent: judged by what reached the target, for every way that a call can take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.refunds import ADA, EVE, refund_wall
from support.toy import AddNote, AddNotes, GetNote, Target, ToyAdapter
from support.virtual import config, make_all_due, sources, toy_wall, virtual

from seawall import Applied, Partial, Pending, Rejected, Seawall, Unknown
from seawall.core.errors import InvalidRequest, LedgerUnavailable, Paused
from seawall.core.ledger.override_records import OverrideKind
from seawall.core.ledger.records import Status
from seawall.core.outcome import Outcome

NOTE = AddNote(reference="R-1")
GET = GetNote(note_id="n1")
WHO: dict[str, Any] = {"by": "ann", "reason": "it doubles invoices"}
EVERYTHING = (OverrideKind.PAUSE_ALL, OverrideKind.TRIP, OverrideKind.STOP)


async def impose(wall: Seawall, kind: OverrideKind, system: str = "toy") -> None:
    match kind:
        case OverrideKind.TRIP:
            await wall.overrides.trip(system, **WHO)
        case OverrideKind.STOP:
            await wall.overrides.stop(**WHO)
        case _:
            await wall.overrides.pause(system, everything=kind is OverrideKind.PAUSE_ALL, **WHO)


async def lift(wall: Seawall, kind: OverrideKind, system: str = "toy") -> None:
    match kind:
        case OverrideKind.TRIP:
            await wall.overrides.reset(system, **WHO)
        case OverrideKind.STOP:
            await wall.overrides.start(**WHO)
        case _:
            await wall.overrides.resume(system, **WHO)


def refusal(outcome: Outcome[Any]) -> Paused:
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, Paused), outcome.error
    return outcome.error


@asynccontextmanager
async def two_walls(folder: Path, interval: float = 0.4, **options: Any) -> AsyncIterator[tuple[Seawall, Seawall, Any]]:
    """Two processes on one ledger and one target; the second looks by itself, if told so."""
    given = config(folder, **options.pop("system", {})).model_copy(
        update={"overrides": config(folder).overrides.model_copy(update={"interval": interval})}
    )
    target = Target(sources().clock)
    walls = [
        Seawall(
            given,
            adapters={"toy": ToyAdapter(target)},
            sources=sources(seed),
            recovery=options.get("background", False),
            inline_ledger=True,
        )
        for seed in (1, 2)
    ]
    async with walls[0] as one, walls[1] as other:
        yield one, other, target


# what each kind lets through


@pytest.mark.parametrize("kind", [OverrideKind.PAUSE_WRITES, *EVERYTHING])
def test_write_while_paused_is_refused_at_once_and_may_be_made_again_later(tmp_path: Path, kind: OverrideKind) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path) as (wall, target, _):
            await impose(wall, kind)
            began = asyncio.get_running_loop().time()
            error = refusal(await wall.toy.add_note(NOTE))
            assert asyncio.get_running_loop().time() == began
            assert (error.effect, error.transient, error.code) == ("none", True, kind)
            for part in ("by ann", "since 20", "it doubles invoices", "nothing was sent"):
                assert part in error.message
            assert target.sends == 0
            (operation,) = await wall.ledger.find()
            assert operation.status is Status.REJECTED
            await lift(wall, kind)
            assert isinstance(await wall.toy.add_note(NOTE), Applied)
            assert (target.sends, len(target.effects)) == (1, 1)

    scenario()


@pytest.mark.parametrize("kind", EVERYTHING)
def test_read_while_everything_is_paused_is_refused(tmp_path: Path, kind: OverrideKind) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path) as (wall, target, _):
            await impose(wall, kind)
            refusal(await wall.toy.get_note(GET))
            assert target.sends == 0
            await lift(wall, kind)
            assert isinstance(await wall.toy.get_note(GET), Applied)

    scenario()


@virtual
async def test_read_while_writes_are_paused_is_answered(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        await impose(wall, OverrideKind.PAUSE_WRITES)
        assert isinstance(await wall.toy.get_note(GET), Applied)
        assert target.sends == 1


@pytest.mark.parametrize("kind", [OverrideKind.PAUSE_WRITES, *EVERYTHING])
def test_batch_while_paused_is_refused_item_by_item_and_nothing_is_sent(tmp_path: Path, kind: OverrideKind) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path) as (wall, target, adapter):
            await impose(wall, kind)
            outcome = await wall.toy.add_notes(AddNotes(notes=(NOTE, AddNote(reference="R-2"))))
            assert isinstance(outcome, Partial)
            assert [refusal(item).code for item in outcome.items] == [kind, kind]
            assert (adapter.batches, target.effects) == ([], [])
            await lift(wall, kind)
            again = await wall.toy.add_notes(AddNotes(notes=(NOTE, AddNote(reference="R-2"))))
            assert isinstance(again, Partial)
            assert len(target.effects) == 2

    scenario()


@virtual
async def test_write_that_is_applied_already_is_replayed_also_while_paused(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        await impose(wall, OverrideKind.STOP)
        again = await wall.toy.add_note(NOTE)
        assert isinstance(again, Applied)
        assert (again.replayed, target.sends) == (True, 1)


# in the middle of a call


@virtual
async def test_pause_between_two_attempts_ends_the_call_without_another_and_gives_the_retry_back(
    tmp_path: Path,
) -> None:
    async with toy_wall(tmp_path, script=["throttled:5"]) as (wall, target, _):
        call = asyncio.ensure_future(wall.toy.add_note(NOTE))
        await asyncio.sleep(1)
        before = wall.systems["toy"].budget.balance
        await impose(wall, OverrideKind.PAUSE_WRITES)
        refusal(await call)
        assert asyncio.get_running_loop().time() < 10
        assert (target.sends, len(target.effects)) == (1, 0)
        assert wall.systems["toy"].budget.balance == before + 1
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.REJECTED


@virtual
async def test_pause_while_a_call_waits_for_a_place_keeps_it_from_being_sent(tmp_path: Path) -> None:
    limits = {"concurrency": 1, "waiting": 9}
    async with toy_wall(tmp_path, script=["slow:3"], limits=limits) as (wall, target, _):
        first = asyncio.ensure_future(wall.toy.add_note(NOTE))
        await target.entered.wait()
        waiting = asyncio.ensure_future(wall.toy.add_note(AddNote(reference="R-2")))
        await asyncio.sleep(1)
        await impose(wall, OverrideKind.PAUSE_WRITES)
        assert isinstance(await first, Applied), "what is on the wire comes to its end"
        refusal(await waiting)
        assert (target.sends, wall.systems["toy"].bulkhead.running) == (1, 0)


@virtual
async def test_pause_while_a_read_waits_for_a_place_keeps_it_from_being_sent(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["slow:3"], limits={"concurrency": 1, "waiting": 9}) as (wall, target, _):
        first = asyncio.ensure_future(wall.toy.add_note(NOTE))
        await target.entered.wait()
        waiting = asyncio.ensure_future(wall.toy.get_note(GET))
        await asyncio.sleep(1)
        await impose(wall, OverrideKind.PAUSE_ALL)
        assert isinstance(await first, Applied)
        refusal(await waiting)
        assert (target.sends, wall.systems["toy"].bulkhead.running) == (1, 0)


@pytest.mark.parametrize("wait", ["rate", "quiet"])
def test_pause_while_a_call_waits_for_its_turn_keeps_it_from_being_sent(tmp_path: Path, wait: str) -> None:
    @virtual
    async def scenario() -> None:
        options: dict[str, Any] = {"limits": {"rate": 0.2, "burst": 1}} if wait == "rate" else {}
        async with toy_wall(tmp_path, **options) as (wall, target, _):
            await wall.toy.add_note(NOTE)
            if wait == "quiet":
                wall.systems["toy"].gate.quiet.ask(5.0)
            waiting = asyncio.ensure_future(wall.toy.add_note(AddNote(reference="R-2")))
            await asyncio.sleep(1)
            await impose(wall, OverrideKind.PAUSE_WRITES)
            refusal(await waiting)
            assert target.sends == 1

    scenario()


@virtual
async def test_pause_while_the_ledger_is_asked_whether_it_is_still_ours_keeps_it_from_being_sent(
    tmp_path: Path,
) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        hold = wall.ledger.hold

        async def slow_hold(*given: Any) -> bool:
            await impose(wall, OverrideKind.PAUSE_WRITES)
            return await hold(*given)

        wall.ledger.still_holds = lambda *given: False  # type: ignore[method-assign]  # so that it is asked
        wall.ledger.hold = slow_hold  # type: ignore[method-assign,assignment]  # a person acts meanwhile
        refusal(await wall.toy.add_note(NOTE))
        assert target.sends == 0


@virtual
async def test_connector_that_logs_in_first_is_told_to_send_nothing_once_writes_are_paused(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, _, adapter):
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        (attempt,) = adapter.attempts
        asked: list[bool] = []
        send = adapter.send

        async def after_login(action: Any, attempt: Any) -> Any:
            asked.append(attempt.may_send())
            await impose(wall, OverrideKind.PAUSE_WRITES)
            asked.append(attempt.may_send())
            return await send(action, attempt)

        adapter.send = after_login  # type: ignore[method-assign]  # a connector with a login of its own
        await wall.toy.add_note(AddNote(reference="R-2"))
        assert asked == [True, False]


@virtual
async def test_write_in_doubt_is_still_probed_while_writes_are_paused(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"]) as (wall, target, adapter):
        send = adapter.send

        async def pausing(action: Any, attempt: Any) -> Any:
            await impose(wall, OverrideKind.PAUSE_WRITES)
            return await send(action, attempt)

        adapter.send = pausing  # type: ignore[method-assign]  # a person acts meanwhile
        outcome = await wall.toy.add_note(NOTE)
        assert isinstance(outcome, Applied)
        assert (outcome.receipt.proof, target.probes) == ("probe", 1)


@pytest.mark.parametrize("kind", EVERYTHING)
def test_write_in_doubt_is_left_unknown_at_once_when_nothing_may_be_asked(tmp_path: Path, kind: OverrideKind) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=["lost before"]) as (wall, target, adapter):
            send = adapter.send

            async def pausing(action: Any, attempt: Any) -> Any:
                await impose(wall, kind)
                return await send(action, attempt)

            adapter.send = pausing  # type: ignore[method-assign]  # a person acts meanwhile
            balance = wall.systems["toy"].budget.balance
            assert isinstance(await wall.toy.add_note(NOTE), Unknown)
            assert asyncio.get_running_loop().time() < 1
            assert (target.sends, target.probes) == (1, 0)
            assert wall.systems["toy"].budget.balance == balance

    scenario()


@virtual
async def test_refused_call_takes_no_place_of_a_half_open_breaker_and_charges_nothing(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, breaker={"failures": 1, "reset_after": 5.0}) as (wall, target, _):
        system = wall.systems["toy"]
        system.breaker.trip("failed")
        await asyncio.sleep(6)
        await impose(wall, OverrideKind.PAUSE_WRITES)
        refusal(await wall.toy.add_note(NOTE))
        states = [system.breaker.state]
        await lift(wall, OverrideKind.PAUSE_WRITES)
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert [*states, system.breaker.state] == ["open", "closed"]
        assert target.sends == 1


@virtual
async def test_pause_that_comes_while_a_half_open_place_is_given_gives_it_back(tmp_path: Path) -> None:
    limits = {"rate": 1.0, "burst": 1}
    async with toy_wall(tmp_path, breaker={"failures": 1, "reset_after": 0.5}, limits=limits) as (wall, _, _a):
        system = wall.systems["toy"]
        await wall.toy.add_note(NOTE)
        system.breaker.trip("failed")
        await asyncio.sleep(0.6)
        waiting = asyncio.ensure_future(wall.toy.add_note(AddNote(reference="R-2")))
        await asyncio.sleep(0.1)
        await impose(wall, OverrideKind.PAUSE_WRITES)
        refusal(await waiting)
        assert system.breaker.state == "half_open"
        await lift(wall, OverrideKind.PAUSE_WRITES)
        assert isinstance(await wall.toy.add_note(AddNote(reference="R-3")), Applied)


# recovery


@virtual
async def test_recovery_rests_while_everything_is_paused_and_goes_on_afterwards(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:30"], background=True) as (wall, target, _):
        assert isinstance(await wall.toy.add_note(NOTE), Unknown)
        probes = target.probes
        await impose(wall, OverrideKind.PAUSE_ALL)
        await asyncio.sleep(5_000)
        assert target.probes == probes
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.UNKNOWN
        checks = operation.checks
        await lift(wall, OverrideKind.PAUSE_ALL)
        assert await wall.settle(timeout=100) == 0
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.APPLIED
        assert (operation.checks, len(target.effects)) == (checks + 1, 1)


@virtual
async def test_repetition_that_is_due_while_writes_are_paused_is_neither_sent_nor_parked_nor_counted(
    tmp_path: Path,
) -> None:
    async with toy_wall(tmp_path, script=["lost before"], background=True, recovery={"attempts": 3}) as (
        wall,
        target,
        _,
    ):
        assert isinstance(await wall.toy.add_note(NOTE), Unknown)
        await impose(wall, OverrideKind.PAUSE_WRITES)
        (before,) = await wall.ledger.find()
        await asyncio.sleep(10_000)
        (operation,) = await wall.ledger.find()
        assert (operation.status, target.sends) == (Status.UNKNOWN, 1)
        assert operation.checks <= before.checks + 1  # the absence that was seen before its horizon was a check
        assert 100 < target.probes < 1000, "it looks whether it landed, now and then"
        await lift(wall, OverrideKind.PAUSE_WRITES)
        assert await wall.settle(timeout=100) == 0
        assert (target.sends, len(target.effects)) == (2, 1)


@virtual
async def test_pause_right_before_a_repetition_gives_its_payment_back(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost before"]) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        await asyncio.sleep(700)
        hold = wall.ledger.hold

        async def pausing(*given: Any) -> bool:
            await impose(wall, OverrideKind.PAUSE_WRITES)
            return await hold(*given)

        wall.ledger.hold = pausing  # type: ignore[method-assign,assignment]  # a person acts meanwhile
        balance = wall.systems["toy"].budget.balance
        make_all_due(tmp_path)
        await wall.recovery.run_once()
        assert (target.sends, wall.systems["toy"].budget.balance) == (1, balance)
        (operation,) = await wall.ledger.find()
        assert operation.status is Status.UNKNOWN


# approvals


@virtual
async def test_approved_operation_is_not_spent_while_its_system_is_paused(tmp_path: Path) -> None:
    async with refund_wall(tmp_path) as (wall, desk):
        outcome = await wall.call("desk.refund", {"order": "o-1", "amount": 90}, principal=ADA)
        assert isinstance(outcome, Pending)
        assert outcome.approval is not None
        await impose(wall, OverrideKind.PAUSE_WRITES, "desk")
        await wall.approvals.approve(outcome.approval.approval_id, by=EVE)
        for _ in range(5):
            await wall.pipeline.release.run_once()
            await asyncio.sleep(3)
        (standing,) = await wall.approvals.find()
        assert (str(standing.approval.status), desk.refunds) == ("approved", [])
        await lift(wall, OverrideKind.PAUSE_WRITES, "desk")
        await asyncio.sleep(3)
        await wall.pipeline.release.run_once()
        assert len(desk.refunds) == 1


# other processes


@virtual
async def test_pause_of_another_process_is_in_force_within_a_second_and_so_is_its_end(tmp_path: Path) -> None:
    async with two_walls(tmp_path, background=True) as (one, other, target):
        await impose(one, OverrideKind.PAUSE_WRITES)
        await asyncio.sleep(0.5)
        refusal(await other.toy.add_note(NOTE))
        await lift(one, OverrideKind.PAUSE_WRITES)
        await asyncio.sleep(0.5)
        assert isinstance(await other.toy.add_note(NOTE), Applied)
        assert target.sends == 1


@virtual
async def test_process_that_does_not_look_by_itself_looks_before_it_sends(tmp_path: Path) -> None:
    async with two_walls(tmp_path) as (one, other, target):
        await impose(one, OverrideKind.PAUSE_WRITES)
        await asyncio.sleep(0.9)
        refusal(await other.toy.add_note(NOTE))
        assert target.sends == 0


@virtual
async def test_pause_from_before_is_in_force_from_the_first_call(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, _, _a):
        await impose(wall, OverrideKind.PAUSE_WRITES)
    async with toy_wall(tmp_path, seed=2) as (wall, target, _):
        refusal(await wall.toy.add_note(NOTE))
        assert target.sends == 0


@virtual
async def test_pause_with_an_expiry_ends_by_itself_and_says_when(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        await wall.overrides.pause("toy", lasts=60.0, **WHO)
        await asyncio.sleep(59)
        error = refusal(await wall.toy.add_note(NOTE))
        assert error.retry_after == pytest.approx(1.0)
        assert "until 20" in error.message
        await asyncio.sleep(1.1)
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert target.sends == 1


@virtual
async def test_last_known_state_stays_in_force_while_the_ledger_cannot_be_read(tmp_path: Path) -> None:
    async with two_walls(tmp_path, background=True) as (one, other, target):
        await impose(one, OverrideKind.PAUSE_ALL)
        await asyncio.sleep(0.5)

        async def gone(after: int | None) -> Any:
            raise LedgerUnavailable("the disk is gone")

        look = other.ledger.overrides.look
        other.ledger.overrides.look = gone  # type: ignore[method-assign]  # the outage
        await lift(one, OverrideKind.PAUSE_ALL)
        await asyncio.sleep(60)
        refusal(await other.toy.get_note(GET))
        other.ledger.overrides.look = look  # type: ignore[method-assign]  # the outage is over
        await asyncio.sleep(0.5)
        assert isinstance(await other.toy.get_note(GET), Applied)
        assert target.sends == 1


@virtual
async def test_reads_go_on_while_the_ledger_does_not_answer_what_is_paused(tmp_path: Path) -> None:
    async with two_walls(tmp_path, background=True) as (_, other, target):
        other.ledger.overrides.look = lambda after: asyncio.Event().wait()  # type: ignore[method-assign,assignment,return-value]  # hangs
        await asyncio.sleep(60)
        assert isinstance(await other.toy.get_note(GET), Applied)
        assert target.sends == 1


@virtual
async def test_reset_closes_the_breaker_of_every_process_once(tmp_path: Path) -> None:
    async with two_walls(tmp_path, background=True) as (one, other, _):
        for wall in (one, other):
            wall.systems["toy"].breaker.trip("failed")
        await one.overrides.reset("toy", **WHO)
        assert one.systems["toy"].breaker.state == "closed"
        await asyncio.sleep(0.5)
        assert other.systems["toy"].breaker.state == "closed"
        for wall in (one, other):
            wall.systems["toy"].breaker.trip("failed again")
        await asyncio.sleep(2)
        states = {wall.systems["toy"].breaker.state for wall in (one, other)}
        assert states == {"open"}, "an old reset closes nothing"


# the acts themselves


@virtual
async def test_acts_that_say_nothing_new_or_nothing_at_all_are_refused_with_what_stands(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, _, _a):
        acts = wall.overrides
        for by, reason in (("", "why"), ("ann", " \n "), ("a" * 65, "why"), ("ann", "r" * 501)):
            with pytest.raises(InvalidRequest, match="say who does it"):
                await acts.pause("toy", by=by, reason=reason)
        with pytest.raises(InvalidRequest, match="there is no system 'nope'; known: toy"):
            await acts.pause("nope", **WHO)
        with pytest.raises(InvalidRequest, match="toy is not paused"):
            await acts.resume("toy", **WHO)
        with pytest.raises(InvalidRequest, match="nothing is stopped"):
            await acts.start(**WHO)
        with pytest.raises(InvalidRequest, match="more than 0 seconds"):
            await acts.pause("toy", lasts=0.0, **WHO)
        assert await acts.history() == []
        await acts.trip("toy", **WHO)
        with pytest.raises(InvalidRequest, match=r"toy is not paused; but the breaker .* by ann .*, reset ends that"):
            await acts.resume("toy", **WHO)
        await acts.pause("toy", **WHO)
        with pytest.raises(InvalidRequest, match=r"writes to toy are paused already: by ann since .*doubles"):
            await acts.pause("toy", by="bob", reason="me too")


@virtual
async def test_whoever_paused_the_writes_may_pause_the_rest_and_one_resume_ends_both(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        await wall.overrides.pause("toy", **WHO)
        await wall.overrides.pause("toy", everything=True, by="bob", reason="reads hurt, too")
        assert "by bob" in refusal(await wall.toy.get_note(GET)).message
        assert len(await wall.overrides.resume("toy", **WHO)) == 2
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert target.sends == 1


@virtual
async def test_stop_and_pause_are_ended_each_by_its_own_act(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):
        for kind in (OverrideKind.STOP, OverrideKind.TRIP, OverrideKind.PAUSE_WRITES):
            await impose(wall, kind)
        for kind in (OverrideKind.STOP, OverrideKind.TRIP, OverrideKind.PAUSE_WRITES):
            assert refusal(await wall.toy.add_note(NOTE)).code == kind
            await lift(wall, kind)
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert target.sends == 1


@virtual
async def test_act_that_cannot_be_recorded_changes_nothing(tmp_path: Path) -> None:
    async with toy_wall(tmp_path) as (wall, target, _):

        async def gone(*given: Any, **options: Any) -> Any:
            raise LedgerUnavailable("the disk is gone")

        wall.ledger.overrides.impose = gone  # type: ignore[method-assign]  # the outage
        with pytest.raises(LedgerUnavailable):
            await impose(wall, OverrideKind.STOP)
        assert isinstance(await wall.toy.add_note(NOTE), Applied)
        assert target.sends == 1
