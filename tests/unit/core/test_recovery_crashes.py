"""Operations that end whoever looks at them (hard case 24), and what becomes of work that is cut off."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.toy import AddNote, Target, variant
from support.two import NAMES, kill, two_walls
from support.virtual import sources, toy_wall, virtual

from seawall import Applied, Unknown
from seawall.core.errors import GatewayError, LedgerUnavailable
from seawall.core.incidents import incidents
from seawall.core.ledger.job import ROW
from seawall.core.ledger.records import Operation, Status, Verdict

NOTE = AddNote(reference="R-1")


async def leave_in_doubt(folder: Path, targets: dict[str, Target], count: int) -> None:
    """Operations in both systems whose replies were lost; the sixth of `toy` is the poison."""
    async with two_walls(folder, targets, breaker={"failures": 99}, retry={"attempts": 1}) as (wall, _):
        for name in NAMES:
            targets[name].script = ["lost after"] * count
            for number in range(count):
                reference = "poison" if (name, number) == ("toy", 5) else f"R-{number}"
                assert isinstance(await wall.call(f"{name}.add_note", AddNote(reference=reference)), Unknown)


async def one_life(folder: Path, targets: dict[str, Target], seed: int, **recovery: Any) -> bool:
    """Recover until nothing is open, or until the poison ends the process; answers whether it did."""
    died = asyncio.Event()
    async with two_walls(folder, targets, seed=seed, recovery=recovery) as (wall, adapters):

        def deadly(original: Any) -> Any:
            async def probe(action: Any, attempt: Any) -> Any:
                if attempt.request.reference == "poison":
                    died.set()
                    await asyncio.Event().wait()
                await asyncio.sleep(0.05)
                return await original(action, attempt)

            return probe

        with ExitStack() as patches:
            for adapter in adapters.values():
                patches.enter_context(patch.object(adapter, "probe", deadly(adapter.probe)))
            running = asyncio.ensure_future(wall.recovery.run())
            done = asyncio.ensure_future(wait_until_settled(wall))
            death = asyncio.ensure_future(died.wait())
            await asyncio.wait((done, death), return_when=asyncio.FIRST_COMPLETED)
            await kill(wall, running, done, death)
    return died.is_set()


async def wait_until_settled(wall: Any) -> None:
    while any(status in (Status.RUNNING, Status.UNKNOWN) for _, status in await wall.ledger.counts()):
        await asyncio.sleep(0.5)


@pytest.mark.case(24)
@pytest.mark.parametrize("crashes", [2, 3])
def test_operation_that_ends_every_process_is_parked_and_no_other_is_blamed(tmp_path: Path, crashes: int) -> None:
    @virtual
    async def scenario() -> None:
        targets = {name: Target(sources().clock) for name in NAMES}
        await leave_in_doubt(tmp_path, targets, 12)
        deaths = 0
        for life in range(2, 12):
            await asyncio.sleep(40)
            if not await one_life(tmp_path, targets, life, crashes=crashes):
                break
            deaths += 1
        assert deaths == crashes
        async with two_walls(tmp_path, targets, seed=99) as (wall, _):
            found = await wall.ledger.find(limit=99)
        parked = [operation for operation in found if operation.status is Status.PARKED]
        assert [operation.identity for operation in parked] == ['{"reference":"poison"}']
        assert f"its process ended {crashes} times while it was held" in (parked[0].parked_because or "")
        assert Counter(operation.status for operation in found) == {Status.APPLIED: 23, Status.PARKED: 1}
        assert [len(target.effects) for target in targets.values()] == [12, 12]

    scenario()


@virtual
async def test_what_is_held_is_released_at_once_when_recovery_is_cancelled(tmp_path: Path) -> None:
    target = Target(sources().clock)
    async with toy_wall(
        tmp_path, target=target, script=["lost after"] * 20, retry={"attempts": 1}, breaker={"failures": 99}
    ) as (
        wall,
        _,
        adapter,
    ):
        for number in range(20):
            await wall.toy.add_note(AddNote(reference=f"R-{number}"))
        await asyncio.sleep(1)

        async def hang(action: Any, attempt: Any) -> Any:
            target.probes += 1
            await asyncio.Event().wait()

        with patch.object(adapter, "probe", hang):
            running = asyncio.ensure_future(wall.recovery.run())
            await asyncio.sleep(1)
            assert target.probes == 4
            assert any(operation.holder for operation in await wall.ledger.find())
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        found = await wall.ledger.find()
        assert {(operation.status, operation.holder, operation.orphaned) for operation in found} == {
            (Status.UNKNOWN, None, 0)
        }
        now = wall.sources.clock.now()
        assert all(operation.next_check_at is not None and operation.next_check_at <= now for operation in found)
        await wall.recovery.run_once()
        assert {operation.status for operation in await wall.ledger.find()} == {Status.APPLIED}


@virtual
async def test_repetition_that_is_cut_off_by_the_end_of_the_process_counts_as_sent(tmp_path: Path) -> None:
    target = Target(sources().clock)
    async with toy_wall(
        tmp_path,
        target=target,
        script=["lost before", "hang after"],
        action=variant("client id, no probe"),
        retry={"attempts": 1},
    ) as (wall, _, _):
        await wall.toy.add_note(NOTE)
        await asyncio.sleep(5)
        target.entered.clear()
        running = asyncio.ensure_future(wall.recovery.run())
        await target.entered.wait()
        began = wall.sources.clock.now()
        await asyncio.sleep(3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        (operation,) = await wall.ledger.find()
        story = await wall.ledger.story(operation.id)
        assert story is not None
        assert (operation.status, operation.holder) == (Status.UNKNOWN, None)
        assert operation.last_sent_at == pytest.approx(began + 3, abs=0.1)
        assert [(row.purpose, row.effect) for row in story.attempts] == [("send", "maybe"), ("resend", "maybe")]


@virtual
async def test_look_that_is_cancelled_before_it_began_is_released_too(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["lost after"], retry={"attempts": 1}) as (wall, target, _):
        await wall.toy.add_note(NOTE)
        await asyncio.sleep(1)
        (operation,) = await wall.ledger.claim_due(limit=1)
        (lane,) = wall.recovery._lanes
        lane._begin(operation)
        (look,) = lane._looks
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
        (operation,) = await wall.ledger.find()
        assert (operation.status, operation.holder, target.probes) == (Status.UNKNOWN, None, 0)


@virtual
async def test_verdict_that_cannot_be_recorded_does_not_stop_the_others(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:1"] * 30, breaker={"failures": 99}) as (wall, _, _):
        for number in range(30):
            await wall.toy.add_note(AddNote(reference=f"R-{number}"))
        (poison,) = [one.id for one in await wall.ledger.find() if '"R-3"' in one.identity]
        await asyncio.sleep(700)
        original, refused = wall.ledger.finish, 0

        async def finish(verdicts: Any, **options: Any) -> list[bool]:
            nonlocal refused
            if any(verdict.operation_id == poison for verdict in verdicts):
                refused += 1
                raise RuntimeError("this one cannot be bound")
            return await original(verdicts, **options)

        with patch.object(wall.ledger, "finish", finish):
            await wall.recovery.run_once()
        assert refused == 2, "once with others, once alone"
        found = Counter(operation.status for operation in await wall.ledger.find())
        assert found == {Status.APPLIED: 29, Status.UNKNOWN: 1}


@virtual
async def test_row_that_the_database_refuses_does_not_stop_the_others(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, script=["late:1"] * 30, breaker={"failures": 99}) as (wall, _, _):
        for number in range(30):
            await wall.toy.add_note(AddNote(reference=f"R-{number}"))
        await asyncio.sleep(700)
        original, kept = wall.ledger.finish, list[Verdict]()

        async def finish(verdicts: Any, **options: Any) -> list[bool]:
            if not kept:
                kept.extend(verdicts)
                wall.ledger.unrecorded.keep(verdicts, refused_at=None)
                raise LedgerUnavailable("type not supported", code=ROW)
            return await original(verdicts, **options)

        with patch.object(wall.ledger, "finish", finish):
            await wall.recovery.run_once()
        found = Counter(operation.status for operation in await wall.ledger.find())
        assert found == {Status.APPLIED: 30 - len(kept), Status.UNKNOWN: len(kept)}
        assert len(kept) < 30
        assert await wall.settle(timeout=30) == 0
        assert {operation.status for operation in await wall.ledger.find()} == {Status.APPLIED}


@virtual
async def test_ledger_that_fails_in_one_lane_ends_no_other(tmp_path: Path) -> None:
    targets = {name: Target(sources().clock) for name in NAMES}
    async with two_walls(tmp_path, targets, breaker={"failures": 99}) as (wall, _):
        for name in NAMES:
            targets[name].script = ["late:1"] * 3
            for number in range(3):
                await wall.call(f"{name}.add_note", AddNote(reference=f"R-{number}"))
        await asyncio.sleep(700)
        original = wall.ledger.claim_due

        async def claim_due(*, system: str, **options: Any) -> list[Operation]:
            if system == "toy":
                raise LedgerUnavailable("disk full")
            return await original(system=system, **options)

        with patch.object(wall.ledger, "claim_due", claim_due), pytest.raises(LedgerUnavailable):
            await wall.recovery.run_once()
        assert await wall.ledger.counts() == {("toy", Status.UNKNOWN): 3, ("other", Status.APPLIED): 3}
        with patch.object(wall.ledger, "claim_due", claim_due):
            running = asyncio.ensure_future(wall.recovery.run())
            await asyncio.sleep(30)
            assert not running.done()
        assert await wall.settle(timeout=30) == 0
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@virtual
async def test_system_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    targets = {name: Target(sources().clock) for name in NAMES}
    async with two_walls(tmp_path, targets, breaker={"failures": 99}, background=True) as (wall, adapters):

        async def hang(action: Any, attempt: Any) -> Any:
            await asyncio.Event().wait()

        with patch.object(adapters["toy"], "probe", hang):
            targets["toy"].script = ["late:1"] * 9
            for number in range(9):
                await wall.toy.add_note(AddNote(reference=f"R-{number}"))
            await asyncio.sleep(605)
            targets["other"].script = ["lost after"]
            targets["other"].probe_script = ["fails"] * 4
            started = asyncio.get_running_loop().time()
            outcome = await wall.other.add_note(NOTE)
            assert isinstance(outcome, Unknown)
            while (operation := await wall.ledger.get(outcome.operation_id)) and operation.status is Status.UNKNOWN:
                await asyncio.sleep(0.1)
            assert asyncio.get_running_loop().time() - started < 12.0
            assert (await wall.ledger.counts())["toy", Status.UNKNOWN] == 9


@virtual
async def test_outage_of_one_system_trips_nothing_in_another(tmp_path: Path) -> None:
    targets = {name: Target(sources().clock) for name in NAMES}
    async with two_walls(tmp_path, targets, retry={"attempts": 1}, background=True) as (wall, adapters):

        async def down(action: Any, attempt: Any) -> Any:
            raise GatewayError("out of order", code="503")

        with patch.multiple(adapters["toy"], send=down, probe=down):
            for number in range(30):
                await wall.toy.add_note(AddNote(reference=f"R-{number}"))
            targets["other"].script = ["lost after"] * 4
            for number in range(4):
                await wall.other.add_note(AddNote(reference=f"R-{number}"))
            await asyncio.sleep(120)
            assert (wall.systems["toy"].breaker.state, wall.systems["other"].breaker.state) == ("open", "closed")
            assert isinstance(await wall.other.add_note(AddNote(reference="during")), Applied)
            rows = await wall.ledger.find(limit=999)
            assert {row.status for row in rows if row.system == "other"} == {Status.APPLIED}
            (incident,) = incidents(rows, wall.sources.clock.now())
            assert (incident.system, incident.kind, incident.total) == ("toy", "no_answer", 5)
        assert await wall.settle(timeout=1000) == 0
        assert len(targets["toy"].effects) == 5
