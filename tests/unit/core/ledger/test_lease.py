"""The lease of a holder that was paused: what it still may send, and what another one may take."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.clock import FakeClock

from seawall.core.clock import Sources
from seawall.core.ledger import Ledger, jobs
from seawall.core.ledger.records import Intent, Operation, Status, Verdict
from seawall.core.settings import LedgerSettings

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
SECOND = replace(INTENT, id="op_2", key="k2")


class TwoTimes(FakeClock):
    """A machine that sleeps: its wall clock goes on, its monotonic one does not."""

    asleep = 0.0

    def now(self) -> float:
        return super().now() + self.asleep


@pytest.fixture
def clock() -> TwoTimes:
    return TwoTimes()


@asynccontextmanager
async def ledger(folder: Path, clock: FakeClock) -> AsyncIterator[Ledger]:
    settings = LedgerSettings(path=str(folder / "ledger.db"), lease=30.0)
    one = await Ledger.open(settings, Sources(clock), inline=True, heartbeat=False)
    try:
        yield one
    finally:
        await one.close()


async def show_life(one: Ledger, how: str) -> None:
    if how == "beginning another":
        await one.begin([replace(INTENT, id="op_3", key="k3")])
    elif how == "holding another":
        assert await one.hold("op_2", 1)
    else:
        beating = asyncio.ensure_future(one._beat())
        for _ in range(3):
            await asyncio.sleep(0)
        beating.cancel()


@pytest.mark.case(16)
@pytest.mark.parametrize("how", ["beginning another", "holding another", "heartbeat"])
async def test_sign_of_life_after_a_pause_does_not_cover_what_was_held_before(
    tmp_path: Path, clock: TwoTimes, how: str
) -> None:
    async with ledger(tmp_path, clock) as paused, ledger(tmp_path, clock) as other:
        await paused.begin([INTENT])
        await paused.begin([SECOND])
        clock.advance(31)
        assert [one.id for one in await other.claim_due(limit=1)] == ["op_1"]
        await show_life(paused, how)
        assert not paused.lease_is_fresh(), "the first operation is no longer ours, and nobody asked yet"
        assert not await paused.hold("op_1", 1)
        assert await paused.hold("op_2", 1)
        assert paused.lease_is_fresh()


async def test_operation_nobody_took_during_a_pause_is_ours_again_once_asked_about(
    tmp_path: Path, clock: TwoTimes
) -> None:
    async with ledger(tmp_path, clock) as paused, ledger(tmp_path, clock) as other:
        await paused.begin([INTENT, SECOND])
        clock.advance(31)
        assert await paused.hold("op_1", 1)
        assert not paused.lease_is_fresh(), "the second one was not asked about"
        await paused.finish([Verdict("op_2", 1, Status.APPLIED)])
        assert paused.lease_is_fresh()
        assert await other.claim_due(limit=9) == []


async def test_operation_begun_anew_by_another_call_is_told_apart_by_its_epoch(tmp_path: Path, clock: TwoTimes) -> None:
    async with ledger(tmp_path, clock) as paused, ledger(tmp_path, clock) as other:
        await paused.begin([INTENT])
        clock.advance(31)
        await other.claim_due(limit=1)
        await other.finish([Verdict("op_1", 2, Status.REJECTED)])
        (again,) = await paused.begin([replace(INTENT, digest="e")])
        assert (again.fresh, again.operation.epoch) == (True, 3)
        await paused.finish([Verdict("op_1", 3, Status.APPLIED)])
        assert not paused.lease_is_fresh(), "the first call still believes that it holds epoch 1"
        assert not await paused.hold("op_1", 1)


async def test_operation_begun_after_a_pause_is_protected_from_the_start(tmp_path: Path, clock: TwoTimes) -> None:
    async with ledger(tmp_path, clock) as paused, ledger(tmp_path, clock) as other:
        await paused.begin([INTENT])
        await paused.finish([Verdict("op_1", 1, Status.APPLIED)])
        clock.advance(31)
        await paused.begin([SECOND])
        assert paused.lease_is_fresh()
        assert await other.claim_due(limit=9) == []


@pytest.mark.case(41)
async def test_lease_is_not_trusted_after_the_machine_slept(tmp_path: Path, clock: TwoTimes) -> None:
    async with ledger(tmp_path, clock) as paused, ledger(tmp_path, clock) as other:
        await paused.begin([INTENT])
        clock.asleep = 3600.0
        assert not paused.lease_is_fresh()
        assert len(await other.claim_due(limit=9)) == 1
        assert not await paused.hold("op_1", 1)


async def test_pause_between_the_fence_and_its_answer_is_asked_about_again(tmp_path: Path, clock: TwoTimes) -> None:
    async with ledger(tmp_path, clock) as paused, ledger(tmp_path, clock) as other:
        await paused.begin([INTENT])
        submit = paused._writer.submit
        taken: list[asyncio.Future[list[Operation]]] = []

        def slow(run: Callable[[sqlite3.Connection], bool], **options: Any) -> asyncio.Future[bool]:
            answer = submit(run, **options)
            if not taken:
                clock.advance(31)
                since = clock.now() - 30.0
                taken.append(other._writer.submit(lambda db: jobs.claim_due(db, "other", clock.now(), since, None, 9)))
            return answer

        with patch.object(paused._writer, "submit", slow):  # a pause right after the commit
            assert not await paused.hold("op_1", 1)
        assert [operation.id for operation in taken[0].result()] == ["op_1"]


async def test_next_due_is_the_end_of_the_lease_of_another_holder(tmp_path: Path, clock: TwoTimes) -> None:
    async with ledger(tmp_path, clock) as one, ledger(tmp_path, clock) as other:
        assert await one.next_due() is None
        await one.begin([INTENT])
        assert await one.next_due() is None, "what we hold ourselves is not due to us"
        assert await other.next_due() == clock.now() + 30.0


async def test_next_due_counts_what_another_holder_is_looking_at(tmp_path: Path, clock: TwoTimes) -> None:
    async with ledger(tmp_path, clock) as one, ledger(tmp_path, clock) as other:
        await one.begin([INTENT])
        await one.finish([Verdict("op_1", 1, Status.UNKNOWN, next_check_at=clock.now())])
        await one.claim_due(limit=1)
        assert await other.next_due() == clock.now() + 30.0
        clock.advance(31)
        assert len(await other.claim_due(limit=1)) == 1


async def test_next_due_is_the_earliest_check_and_not_before_it(tmp_path: Path, clock: TwoTimes) -> None:
    async with ledger(tmp_path, clock) as one:
        await one.begin([INTENT, SECOND])
        later = [Verdict(f"op_{n}", 1, Status.UNKNOWN, next_check_at=clock.now() + 10.0 * n) for n in (1, 2)]
        await one.finish(later)
        assert await one.next_due() == clock.now() + 10.0
