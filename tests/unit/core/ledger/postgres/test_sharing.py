"""Several processes on one PostgreSQL ledger: what one of them may do, no other does at the same moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from support.clock import FakeClock

from seawall.core.errors import BusinessRule
from seawall.core.ledger import Ledger, claims, intents
from seawall.core.ledger.database import Database
from seawall.core.ledger.postgres.database import RemoteDatabase
from seawall.core.ledger.records import Intent, Status, Verdict

from ..conftest import Home

INTENT = Intent(
    id="op_1",
    system="crm",
    action="set",
    key="k1",
    identity="{}",
    request="{}",
    digest="d",
    principal="p",
    adapter_version="1",
    policy="{}",
    deadline_at=0.0,
)


@contextmanager
def meeting_after(module: Any, name: str, parties: int = 2, patience: float = 0.5) -> Iterator[None]:
    """Each transaction waits right after `name` until the other one has come as far, or cannot come."""
    original, met = getattr(module, name), asyncio.Barrier(parties)

    async def waiting(*given: Any) -> Any:
        found = await original(*given)
        try:
            async with asyncio.timeout(patience):
                await met.wait()
        except (TimeoutError, asyncio.BrokenBarrierError):
            pass
        return found

    with patch.object(module, name, waiting):
        yield


async def beating(*ledgers: Ledger) -> None:
    """Each has shown life, so that what it begins next is not preceded by that."""
    for number, one in enumerate(ledgers):
        await one.begin([replace(INTENT, id=f"op_life_{number}", key=f"life {number}")])


@pytest.mark.case(25)
@pytest.mark.parametrize("locked", [True, False])
async def test_two_processes_never_begin_on_one_entity_at_the_same_moment(remote_home: Home, locked: bool) -> None:
    wanted = [replace(INTENT, id=f"op_{n}", key=f"k{n}", entity="case-1") for n in (1, 2)]
    async with remote_home.open() as one, remote_home.open() as other:
        await beating(one, other)
        with meeting_after(intents, "_blocked"):
            if locked:
                answers = await asyncio.gather(one.begin([wanted[0]]), other.begin([wanted[1]]))
            else:  # without the lock both would: the test can fail
                with patch.object(RemoteDatabase, "lock", lambda *_: asyncio.sleep(0)):
                    answers = await asyncio.gather(one.begin([wanted[0]]), other.begin([wanted[1]]))
        fresh = [begun.fresh for (begun,) in answers]
        assert sorted(fresh) == ([False, True] if locked else [True, True])
        if locked:
            (blocked,) = answers[fresh.index(False)]
            (sent,) = answers[fresh.index(True)]
            assert blocked.blocked_by == sent.operation.id


async def test_batches_on_the_same_entities_in_opposite_order_wait_for_each_other_and_not_in_a_ring(
    remote_home: Home,
) -> None:
    forth = [replace(INTENT, id=f"op_a{n}", key=f"a{n}", entity=f"case-{n}") for n in range(20)]
    back = [replace(INTENT, id=f"op_b{n}", key=f"b{n}", entity=f"case-{n}") for n in reversed(range(20))]
    async with remote_home.open() as one, remote_home.open() as other:
        await beating(one, other)
        async with asyncio.timeout(10):
            first, second = await asyncio.gather(one.begin(forth), other.begin(back))
        assert sum(begun.fresh for begun in (*first, *second)) == 20
        assert {sum(begun.fresh for begun in some) for some in (first, second)} == {0, 20}


@pytest.mark.case(21)
async def test_key_that_two_processes_ask_for_at_once_is_fresh_for_one(remote_home: Home) -> None:
    async with remote_home.open() as one, remote_home.open() as other:
        await beating(one, other)
        for number in range(20):
            wanted = [replace(INTENT, id=f"op_{who}_{number}", key=f"k{number}") for who in "ab"]
            answers = await asyncio.gather(one.begin([wanted[0]]), other.begin([wanted[1]]))
            assert sorted(begun.fresh for (begun,) in answers) == [False, True]
            assert len({begun.operation.id for (begun,) in answers}) == 1


@pytest.mark.case(21)
async def test_rejected_operation_starts_anew_for_one_process_only(remote_home: Home) -> None:
    async with remote_home.open() as one, remote_home.open() as other:
        await beating(one, other)
        await one.begin([INTENT])
        refused = json.dumps(BusinessRule("no").to_record())
        await one.finish([Verdict("op_1", 1, Status.REJECTED, error=refused)])
        wanted = [replace(INTENT, id=f"op_{n}", digest="e") for n in (2, 3)]
        with meeting_after(intents, "_anew"):
            answers = await asyncio.gather(one.begin([wanted[0]]), other.begin([wanted[1]]))
        assert sorted((begun.fresh, begun.operation.epoch) for (begun,) in answers) == [(False, 2), (True, 2)]


async def test_processes_share_what_is_due_and_none_waits_for_another(remote_home: Home) -> None:
    async with remote_home.open() as one, remote_home.open() as other:
        await one.begin([replace(INTENT, id=f"op_{n}", key=f"k{n}") for n in range(40)])
        await one.finish([Verdict(f"op_{n}", 1, Status.UNKNOWN, next_check_at=0.0) for n in range(40)])
        with meeting_after(claims, "claim_due", patience=5.0):
            mine, theirs = await asyncio.gather(one.claim_due(limit=25), other.claim_due(limit=25))
        assert len(mine) + len(theirs) == 40
        assert {operation.id for operation in mine} & {operation.id for operation in theirs} == set()


async def due(claimer: Ledger, at: str, step: asyncio.Event, go: asyncio.Event) -> list[str]:
    """A claim that pauses after `at`."""
    run = RemoteDatabase.run

    async def pausing(database: RemoteDatabase, statement: Any, values: Any) -> Any:
        answer = await run(database, statement, values)
        if statement is getattr(database.sql, at):
            step.set()
            await go.wait()
        return answer

    with patch.object(RemoteDatabase, "run", pausing):
        return [operation.id for operation in await claimer.claim_due(limit=9)]


@pytest.mark.case(16)
async def test_holder_that_wakes_while_its_operation_is_being_taken_over_learns_that_it_lost_it(
    remote_home: Home,
) -> None:
    clock = FakeClock()
    async with remote_home.open(clock) as paused, remote_home.open(clock) as other:
        await paused.begin([INTENT])
        clock.advance(31)
        step, go = asyncio.Event(), asyncio.Event()
        claiming = asyncio.ensure_future(due(other, "gone", step, go))
        await step.wait()
        holding = asyncio.ensure_future(paused.hold("op_1", 1))
        await asyncio.sleep(0.2)
        assert not holding.done(), "its sign of life waits until it is decided who has the operation"
        go.set()
        assert await claiming == ["op_1"]
        assert not await holding


@pytest.mark.case(16)
async def test_holder_that_just_shows_life_is_not_gone(remote_home: Home) -> None:
    clock = FakeClock()
    async with remote_home.open(clock) as paused, remote_home.open(clock) as other:
        await paused.begin([INTENT])
        clock.advance(31)
        step, go = asyncio.Event(), asyncio.Event()

        async def slow(db: Database) -> bool:
            await claims.beat(db, paused.holder)
            held = await claims.holds(db, "op_1", paused.holder, 1)
            step.set()
            await go.wait()
            return held

        holding = paused._writer.submit(slow)
        await step.wait()
        async with asyncio.timeout(1.5):
            assert await other.claim_due(limit=9) == [], "it does not wait for it either"
        go.set()
        assert await holding
        assert await other.claim_due(limit=9) == []


async def test_same_keys_in_opposite_order_are_no_deadlock(remote_home: Home) -> None:
    forth = [replace(INTENT, id=f"op_a{n}", key=f"k{n}") for n in range(30)]
    back = [replace(INTENT, id=f"op_b{n}", key=f"k{n}") for n in reversed(range(30))]
    async with remote_home.open() as one, remote_home.open() as other:
        await beating(one, other)
        first, second = await asyncio.gather(one.begin(forth), other.begin(back))
        assert sum(begun.fresh for begun in (*first, *second)) == 30


@pytest.mark.case(16)
async def test_process_that_is_stopped_in_mid_transaction_does_not_hold_the_others_up_for_ever(
    remote_home: Home,
) -> None:
    async with remote_home.open(busy_timeout=1.0) as stopped, remote_home.open(busy_timeout=5.0) as other:
        await stopped.begin([INTENT])
        step, go, again = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def stand_still(db: Database) -> None:
            if step.is_set():
                again.set()
            values = db.sql.leave.values(which=stopped.holder)
            await db.run(db.sql.leave, values)
            await db.run(db.sql.insert_decision, ("op_1", 1.0, "x", "x", "x", "{}", None))
            step.set()
            await go.wait()

        standing = stopped._writer.submit(stand_still)
        await step.wait()

        async def touch(db: Database) -> int:
            values = db.sql.leave.values(which=stopped.holder)
            return (await db.run(db.sql.leave, values)).rowcount

        async with asyncio.timeout(8):
            assert await other._writer.submit(touch) == 1, "the server ended the transaction that stood still"
        assert again.is_set() is False
        go.set()
        await standing
        assert again.is_set(), "it is made again, from the start"
