"""What recovery does is bounded: repetitions, looks that fail, operations that end their worker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.toy import ADD, AddNote, Target, variant
from support.virtual import make_all_due, sources, toy_wall, virtual

from seawall import Applied, Seawall, Unknown
from seawall.core.action import NativeKey
from seawall.core.adapter import Present
from seawall.core.errors import GatewayError, Throttled, Unauthenticated
from seawall.core.ledger.records import Operation, Status

NOTE = AddNote(reference="R-1")
NO_BREAKER = {"failures": 1_000_000}


async def only(wall: Seawall) -> Operation:
    (operation,) = await wall.ledger.find()
    return operation


async def looks(wall: Seawall, times: int, every: float) -> None:
    for _ in range(times):
        await asyncio.sleep(every)
        await wall.recovery.run_once()


# repetitions


@virtual
async def test_repetitions_that_stay_ambiguous_count_grow_apart_and_end_with_a_person(tmp_path: Path) -> None:
    async with toy_wall(
        tmp_path,
        script=["lost before"] * 99,
        action=variant("client id, no probe"),
        retry={"attempts": 1},
        breaker=NO_BREAKER,
        recovery={"attempts": 6, "first_probe": 1.0, "longest_wait": 20.0},
        background=True,
    ) as (wall, target, adapter):
        times: list[float] = []
        original = adapter.send

        async def timed(action: Any, attempt: Any) -> Any:
            times.append(asyncio.get_running_loop().time())
            return await original(action, attempt)

        with patch.object(adapter, "send", timed):
            await wall.toy.add_note(NOTE)
            await asyncio.sleep(600)
        operation = await only(wall)
        assert (operation.status, operation.checks, target.sends) == (Status.PARKED, 6, 7)
        assert "6 looks did not settle it" in (operation.parked_because or "")
        assert "it was sent again: connection reset" in (operation.parked_because or "")
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps[1] < gaps[2] < gaps[3] < gaps[4] < gaps[5] <= 20.5


@virtual
async def test_repetition_that_the_budget_cannot_pay_for_is_not_sent_and_not_counted(tmp_path: Path) -> None:
    async with toy_wall(
        tmp_path,
        script=["lost before"] * 99,
        action=variant("client id, no probe"),
        retry={"attempts": 1, "budget_reserve": 2.0, "budget_ratio": 0.0},
        breaker=NO_BREAKER,
        recovery={"longest_wait": 60.0},
    ) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        await looks(wall, 30, 1.0)
        assert target.sends == 3
        assert (await only(wall)).checks == 2


@virtual
async def test_process_without_calls_of_its_own_comes_to_an_end_although_it_earns_no_budget(tmp_path: Path) -> None:
    async with toy_wall(
        tmp_path,
        script=["lost before"] * 4,
        action=variant("client id, no probe"),
        retry={"attempts": 1, "budget_reserve": 1.0, "budget_ratio": 0.0},
        breaker=NO_BREAKER,
        recovery={"longest_wait": 60.0},
        background=True,
    ) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        assert await wall.settle(timeout=1000) == 0
        assert (target.sends, len(target.effects)) == (5, 1)
        assert 120 < asyncio.get_running_loop().time() < 300, "one repetition in a minute, beside what is paid for"


@virtual
async def test_repetitions_that_are_acknowledged_do_not_use_the_budget_up(tmp_path: Path) -> None:
    async with toy_wall(
        tmp_path,
        script=["lost before"] * 30,
        action=variant("client id"),
        retry={"attempts": 1, "budget_reserve": 2.0, "budget_ratio": 0.0},
        breaker=NO_BREAKER,
    ) as (wall, target, _):
        for number in range(30):
            await wall.toy.add_note(AddNote(reference=f"R-{number}"))
        await looks(wall, 3, 10.0)
        assert len(target.effects) == 30


@virtual
async def test_repetition_that_is_turned_away_keeps_what_is_known_and_leaves_the_target_alone(tmp_path: Path) -> None:
    async with toy_wall(
        tmp_path,
        script=["lost before", "throttled:120"],
        action=variant("client id, no probe"),
        retry={"attempts": 1},
        recovery={"attempts": 1},
        background=True,
    ) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        await asyncio.sleep(100)
        assert target.sends == 2
        assert (await only(wall)).status is Status.UNKNOWN
        assert await wall.settle(timeout=200) == 0
        assert (target.sends, len(target.effects)) == (3, 1)


# probes that fail


@virtual
async def test_probe_that_fails_for_one_record_only_ends_with_a_person_while_the_others_settle(tmp_path: Path) -> None:
    async with toy_wall(
        tmp_path, script=["late:1"] * 8, recovery={"attempts": 5}, background=True, breaker={"failures": 20}
    ) as (wall, _, adapter):
        original = adapter.probe

        async def broken(action: Any, attempt: Any) -> Any:
            if attempt.request.reference == "poison":
                raise GatewayError("internal server error", code="500")
            return await original(action, attempt)

        with patch.object(adapter, "probe", broken):
            await wall.toy.add_note(AddNote(reference="poison"))
            for number in range(7):
                await wall.toy.add_note(AddNote(reference=f"R-{number}"))
            assert await wall.settle(timeout=1000) == 0
        found = {operation.identity: operation for operation in await wall.ledger.find()}
        poison = found.pop('{"reference":"poison"}')
        assert poison.status is Status.PARKED
        assert "5 looks did not settle it; last: the probe itself failed (internal" in (poison.parked_because or "")
        assert {operation.status for operation in found.values()} == {Status.APPLIED}


@pytest.mark.parametrize("error", [Unauthenticated("no such session"), Throttled("too fast", retry_after=5.0)])
def test_probe_that_nobody_is_let_in_for_uses_up_no_patience_and_is_asked_for_one_at_a_time(
    tmp_path: Path, error: Exception
) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=["late:1"] * 50, recovery={"attempts": 3}, breaker=NO_BREAKER) as (
            wall,
            _,
            adapter,
        ):
            for number in range(50):
                await wall.toy.add_note(AddNote(reference=f"R-{number}"))
            asked = 0

            async def refused(action: Any, attempt: Any) -> Any:
                nonlocal asked
                asked += 1
                raise error

            running = asyncio.ensure_future(wall.recovery.run())
            with patch.object(adapter, "probe", refused):
                await asyncio.sleep(2000)
            assert asked < 70, "waits grow to a minute"
            found = await wall.ledger.find()
            assert {operation.status for operation in found} == {Status.UNKNOWN}
            assert max(operation.checks for operation in found) <= 1, "the look inside the call"
            assert await wall.settle(timeout=200) == 0
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert {operation.status for operation in await wall.ledger.find()} == {Status.APPLIED}

    scenario()


@pytest.mark.parametrize("rubbish", [None, "found it", object(), Present(AddNote(reference="wrong type"))])
def test_probe_that_answers_rubbish_cannot_tell(tmp_path: Path, rubbish: object) -> None:
    @virtual
    async def scenario() -> None:
        async with toy_wall(tmp_path, script=["late:1"], recovery={"attempts": 3}) as (wall, _, adapter):
            await wall.toy.add_note(NOTE)

            async def nonsense(action: Any, attempt: Any) -> Any:
                return rubbish

            with patch.object(adapter, "probe", nonsense):
                await looks(wall, 1, 700)
                assert (await only(wall)).status is Status.UNKNOWN
                await looks(wall, 3, 700)
            assert (await only(wall)).status is Status.PARKED

    scenario()


@virtual
async def test_reasons_carry_no_secrets_and_nothing_that_no_database_can_hold(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:1"], recovery={"attempts": 1}) as (wall, _, adapter):
        wall.secrets.add("canary-4711")
        await wall.toy.add_note(NOTE)

        async def told(action: Any, attempt: Any) -> Any:
            raise GatewayError("the page shows canary-4711 \ud800 and more", code="500")

        with patch.object(adapter, "probe", told):
            await looks(wall, 1, 700)
        story = await wall.ledger.story((await only(wall)).id)
        assert story is not None
        assert story.operation.status is Status.PARKED
        assert "the page shows [redacted] \ufffd" in (story.operation.parked_because or "")
        assert "canary-4711" not in repr(story)


# what the configuration or the time has changed


@virtual
async def test_operation_whose_key_is_kept_elsewhere_now_is_parked_and_not_probed(tmp_path: Path) -> None:
    target = Target(sources().clock)
    async with toy_wall(tmp_path, target=target, script=["lost after"], retry={"attempts": 1}) as (wall, _, _):
        assert isinstance(await wall.toy.add_note(NOTE), Unknown)
    async with toy_wall(tmp_path, target=target, action=variant("client id")) as (wall, _, _):
        await looks(wall, 1, 700)
        operation = await only(wall)
        assert (operation.status, target.probes, target.sends) == (Status.PARKED, 0, 1)
        assert "its key was left as" in (operation.parked_because or "")


@pytest.mark.parametrize("probe", [None, ADD.probe])
@pytest.mark.case(22)
def test_key_that_would_be_forgotten_before_a_repetition_arrives_is_not_sent_again(tmp_path: Path, probe: Any) -> None:
    @virtual
    async def scenario() -> None:
        action = replace(ADD, dedupe=NativeKey(ttl=100.0), probe=probe)
        async with toy_wall(
            tmp_path, script=["lost before"], action=action, retry={"attempts": 1}, deadline=30.0, attempt_timeout=10.0
        ) as (wall, target, _):
            await wall.toy.add_note(NOTE)
            await looks(wall, 1, 61.0)
            assert target.sends == 1, "61 s and 40 s on the way are more than 100 s"

    scenario()


@pytest.mark.case(22)
@virtual
async def test_key_that_is_alive_when_a_repetition_arrives_is_sent_again(tmp_path: Path) -> None:
    action = replace(ADD, dedupe=NativeKey(ttl=100.0), probe=None)
    async with toy_wall(
        tmp_path, script=["lost before"], action=action, retry={"attempts": 1}, deadline=30.0, attempt_timeout=10.0
    ) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        await looks(wall, 1, 55.0)
        assert (target.sends, len(target.effects)) == (2, 1)
        assert isinstance(await wall.toy.add_note(NOTE), Applied)


class WrongClock:
    """The loop's time; its wall clock can be set."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.wrong = 0.0

    def monotonic(self) -> float:
        return float(self.clock.monotonic())

    def now(self) -> float:
        return float(self.clock.now()) + self.wrong

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


@pytest.mark.case(41)
@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_wall_clock_that_jumps_ends_no_horizon_early_and_gives_no_key_a_longer_life(
    tmp_path: Path, jump: float
) -> None:
    @virtual
    async def scenario(action: Any, after: float, name: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        given = sources()
        clock = WrongClock(given.clock)
        from support.toy import ToyAdapter
        from support.virtual import config

        target = Target(given.clock, script=["lost before"])
        async with Seawall(
            config(folder, retry={"attempts": 1}),
            adapters={"toy": ToyAdapter(target, action)},
            sources=replace(given, clock=clock),
            recovery=False,
            inline_ledger=True,
        ) as wall:
            await wall.toy.add_note(NOTE)
            clock.wrong = jump
            await asyncio.sleep(after)
            make_all_due(folder)
            await wall.recovery.run_once()
            assert target.sends == 1

    scenario(ADD, 500.0, "horizon")
    scenario(replace(ADD, dedupe=NativeKey(ttl=100.0), probe=None), 200.0, "life")
