"""Waiting until an operation may have changed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import psycopg
import pytest
from support.clock import FakeClock
from support.postgres_server import PostgresServer

from seawall.core.ledger import Ledger
from seawall.core.ledger.changes import Changes
from seawall.core.ledger.records import DecisionRow, Intent, Status, Verdict

from .conftest import Home

INTENT = Intent(
    id="op_1",
    system="crm",
    action="add",
    key="k1",
    identity="{}",
    request="{}",
    digest="d",
    principal="p",
    adapter_version="1",
    policy="{}",
    deadline_at=0.0,
)
LONG = 30.0


async def settled_within(seconds: float, one: Ledger, operation_id: str = "op_1") -> float:
    """As a caller waits who found it running: asks, and waits for a change, until it is settled."""
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            found = await one.get(operation_id)
            if found is not None and found.status.settled:
                return time.monotonic() - started
            await one.changed(operation_id, LONG)


async def test_change_in_this_process_wakes_who_waits(home: Home) -> None:
    async with home.open() as one:
        await one.begin([INTENT])
        waiting = asyncio.ensure_future(settled_within(5.0, one))
        await asyncio.sleep(0.1)
        await one.finish([Verdict("op_1", 1, Status.APPLIED)])
        assert await waiting < 5.0


@pytest.mark.case(21)
@pytest.mark.parametrize("how", ["finish", "resolve"])
async def test_change_in_another_process_wakes_who_waits(remote_home: Home, how: str) -> None:
    async with remote_home.open() as one, remote_home.open() as other:
        await one.begin([INTENT])
        if how == "resolve":
            await one.finish([Verdict("op_1", 1, Status.PARKED)])
        waiting = asyncio.ensure_future(settled_within(5.0, other))
        await asyncio.sleep(0.3)
        verdict = Verdict("op_1", 1, Status.APPLIED)
        if how == "finish":
            await one.finish([verdict])
        else:
            assert await one.resolve(verdict, DecisionRow("op_1", 0.0, "ann", "resolved", "she looked"))
        assert await waiting < 5.0


async def test_claim_by_another_process_wakes_who_waits(remote_home: Home) -> None:
    clock = FakeClock()
    async with remote_home.open(clock) as one, remote_home.open(clock) as other, remote_home.open() as third:
        await one.begin([INTENT])
        await third.changed("op_1", 0.5)  # it listens from now on
        waiting = asyncio.ensure_future(third.changed("op_1", LONG))
        await asyncio.sleep(0)
        clock.advance(31)
        assert len(await other.claim_due(limit=1)) == 1
        async with asyncio.timeout(5.0):
            await waiting


async def test_change_between_the_question_and_the_wait_is_not_missed(remote_home: Home) -> None:
    async with remote_home.open() as one, remote_home.open() as other:
        for number in range(20):
            operation_id = f"op_{number}"
            await one.begin([replace(INTENT, id=operation_id, key=operation_id)])
            finishing = asyncio.ensure_future(one.finish([Verdict(operation_id, 1, Status.APPLIED)]))
            assert await settled_within(5.0, other, operation_id) < 5.0
            await finishing


async def test_changes_are_heard_again_after_the_connection_was_lost(
    remote_home: Home, postgres: PostgresServer
) -> None:
    async with remote_home.open() as one, remote_home.open() as other:
        await one.begin([INTENT])
        waiting = asyncio.ensure_future(settled_within(8.0, other))
        await asyncio.sleep(0.3)
        with psycopg.connect(postgres.dsn, autocommit=True) as admin:
            killed = admin.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            ).fetchone()
        assert killed == (1,)
        await asyncio.sleep(0.5)
        await one.finish([Verdict("op_1", 1, Status.APPLIED)])
        assert await waiting < 8.0


async def test_wait_ends_with_its_timeout(home: Home) -> None:
    async with home.open() as one:
        await one.changed("op_1", 0.1)  # the first one may end when it begins to listen
        started = time.monotonic()
        await one.changed("op_1", 0.1)
        assert 0.05 < time.monotonic() - started < 2.0


async def test_waiting_goes_by_the_injected_clock_and_leaves_nothing_behind() -> None:
    clock = FakeClock()
    changes = Changes(clock)
    await changes.wait("op_1", 60.0)
    assert clock.slept == [60.0]
    changes.tell(f"op_{number}" for number in range(5000))
    assert len(changes._recent) <= 1024
    assert changes._waiting == {}


async def test_all_who_wait_for_one_operation_are_woken_and_no_others() -> None:
    class Never(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    changes = Changes(Never())
    waiting = [asyncio.ensure_future(changes.wait(name, LONG)) for name in ("op_1", "op_1", "op_2")]
    await asyncio.sleep(0)
    changes.tell(["op_1"])
    done, pending = await asyncio.wait(waiting, timeout=0.1)
    assert (len(done), pending) == (2, {waiting[2]})
    changes.tell_all()
    await waiting[2]
