"""The lease of a holder that was paused: what it still may send, and what another one may take."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from support.clock import FakeClock

from seawall.core.clock import Sources
from seawall.core.errors import LedgerUnavailable, Throttled
from seawall.core.ledger import Ledger
from seawall.core.ledger.database import Database
from seawall.core.ledger.records import Intent, Operation, Status, Verdict
from seawall.core.ledger.statements import Statement

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
SECOND = replace(INTENT, id="op_2", key="k2")


class TwoTimes(FakeClock):
    """A machine that sleeps: its wall clock goes on, its monotonic one does not."""

    asleep = 0.0

    def now(self) -> float:
        return super().now() + self.asleep


@pytest.fixture
def clock() -> TwoTimes:
    return TwoTimes()


def ledger(home: Home, clock: FakeClock) -> AbstractAsyncContextManager[Ledger]:
    return home.open(clock)


async def show_life(one: Ledger, how: str) -> None:
    if how == "beginning another":
        await one.begin([replace(INTENT, id="op_3", key="k3")])
    elif how == "holding another":
        assert await one.hold("op_2", 1)
    else:
        before, clock = one._lease._beat_at, one._clock
        beating = asyncio.ensure_future(one._beat())
        while one._lease._beat_at == before or clock.monotonic() == before:
            await asyncio.sleep(0)
        beating.cancel()


@pytest.mark.case(16)
@pytest.mark.parametrize("how", ["beginning another", "holding another", "heartbeat"])
async def test_sign_of_life_after_a_pause_does_not_cover_what_was_held_before(
    home: Home, clock: TwoTimes, how: str
) -> None:
    async with ledger(home, clock) as paused, ledger(home, clock) as other:
        await paused.begin([INTENT])
        await paused.begin([SECOND])
        clock.advance(31)
        assert [one.id for one in await other.claim_due(limit=1)] == ["op_1"]
        await show_life(paused, how)
        assert not paused.lease_is_fresh(), "the first operation is no longer ours, and nobody asked yet"
        assert not await paused.hold("op_1", 1)
        assert await paused.hold("op_2", 1)
        assert paused.lease_is_fresh()


async def test_operation_nobody_took_during_a_pause_is_ours_again_once_asked_about(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as paused, ledger(home, clock) as other:
        await paused.begin([INTENT, SECOND])
        clock.advance(31)
        assert await paused.hold("op_1", 1)
        assert not paused.lease_is_fresh(), "the second one was not asked about"
        await paused.finish([Verdict("op_2", 1, Status.APPLIED)])
        assert paused.lease_is_fresh()
        assert await other.claim_due(limit=9) == []


async def test_operation_begun_anew_by_another_call_is_told_apart_by_its_epoch(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as paused, ledger(home, clock) as other:
        await paused.begin([INTENT])
        clock.advance(31)
        await other.claim_due(limit=1)
        await other.finish([Verdict("op_1", 2, Status.REJECTED)])
        (again,) = await paused.begin([replace(INTENT, digest="e")])
        assert (again.fresh, again.operation.epoch) == (True, 3)
        await paused.finish([Verdict("op_1", 3, Status.APPLIED)])
        assert not paused.lease_is_fresh(), "the first call still believes that it holds epoch 1"
        assert not await paused.hold("op_1", 1)


async def test_operation_begun_after_a_pause_is_protected_from_the_start(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as paused, ledger(home, clock) as other:
        await paused.begin([INTENT])
        await paused.finish([Verdict("op_1", 1, Status.APPLIED)])
        clock.advance(31)
        await paused.begin([SECOND])
        assert paused.lease_is_fresh()
        assert await other.claim_due(limit=9) == []


@pytest.mark.case(41)
async def test_lease_is_not_trusted_after_the_machine_slept(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as paused, ledger(home, clock) as other:
        await paused.begin([INTENT])
        clock.asleep = 3600.0
        assert not paused.lease_is_fresh()
        assert len(await other.claim_due(limit=9)) == 1
        assert not await paused.hold("op_1", 1)


async def test_pause_between_the_fence_and_its_answer_is_asked_about_again(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as paused, ledger(home, clock) as other:
        await paused.begin([INTENT])
        submit = paused._writer.submit
        taken: list[list[Operation]] = []

        def slow(run: Callable[[Database], bool], **options: Any) -> asyncio.Future[bool]:
            answer = submit(run, **options)
            return asyncio.ensure_future(late(answer)) if not taken else answer

        async def late(answer: asyncio.Future[bool]) -> bool:
            held = await answer
            clock.advance(31)
            taken.append(await other.claim_due(limit=9))
            return held

        with patch.object(paused._writer, "submit", slow):  # a pause right after the commit
            assert not await paused.hold("op_1", 1)
        assert [operation.id for operation in taken[0]] == ["op_1"]


async def test_next_due_is_the_end_of_the_lease_of_another_holder(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as one, ledger(home, clock) as other:
        assert await one.next_due() is None
        await one.begin([INTENT])
        assert await one.next_due() is None, "what we hold ourselves is not due to us"
        assert await other.next_due() == clock.now() + 30.0


async def test_next_due_counts_what_another_holder_is_looking_at(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as one, ledger(home, clock) as other:
        await one.begin([INTENT])
        await one.finish([Verdict("op_1", 1, Status.UNKNOWN, next_check_at=clock.now())])
        await one.claim_due(limit=1)
        assert await other.next_due() == clock.now() + 30.0
        clock.advance(31)
        assert len(await other.claim_due(limit=1)) == 1


async def test_next_due_is_the_earliest_check_and_not_before_it(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as one:
        await one.begin([INTENT, SECOND])
        later = [Verdict(f"op_{n}", 1, Status.UNKNOWN, next_check_at=clock.now() + 10.0 * n) for n in (1, 2)]
        await one.finish(later)
        assert await one.next_due() == clock.now() + 10.0


async def test_closed_ledger_trusts_its_lease_no_more_and_takes_nothing(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as closed, ledger(home, clock) as other:
        await closed.begin([INTENT])
        await closed.close()
        assert not closed.lease_is_fresh()
        for refused in (closed.hold("op_1", 1), closed.begin([SECOND]), closed.claim_due(limit=1)):
            with pytest.raises(LedgerUnavailable, match="closed"):
                await refused
        assert len(await other.claim_due(limit=9)) == 1


async def test_ledger_that_is_being_closed_shows_no_life_again(home: Home, clock: TwoTimes) -> None:
    closing = await Ledger.open(home.settings(), Sources(clock), heartbeat=False)
    await closing.begin([INTENT])
    close = asyncio.ensure_future(closing.close())
    await asyncio.sleep(0)
    assert not closing.lease_is_fresh()
    with pytest.raises(LedgerUnavailable, match="closed"):
        await closing.hold("op_1", 1)
    await close
    async with ledger(home, clock) as other:
        assert len(await other.claim_due(limit=9)) == 1


@pytest.mark.case(17)
async def test_orphan_counts_as_sent_until_an_attempt_that_began_before_the_claim_must_be_over(
    home: Home, clock: TwoTimes
) -> None:
    async with ledger(home, clock) as old, ledger(home, clock) as new:
        (begun,) = await old.begin([INTENT])
        clock.advance(31)
        (taken,) = await new.claim_due(limit=1, attempt_timeout=10.0)
        assert (taken.sent_at, taken.last_sent_at) == (begun.operation.updated_at, clock.now() + 10.0)
        found = await new.get("op_1")
        assert found == taken
        await new.finish([Verdict("op_1", 2, Status.UNKNOWN)])
        (again,) = await new.claim_due(limit=1, attempt_timeout=10.0)
        assert again.last_sent_at == taken.last_sent_at, "nobody held it, so nobody could send it"


@pytest.mark.case(24)
async def test_holders_that_vanish_are_counted_and_those_that_leave_are_not(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as survivor:
        async with ledger(home, clock) as leaving:
            await leaving.begin([INTENT])
        (taken,) = await survivor.claim_due(limit=1)
        assert (taken.orphaned, taken.last_sent_at) == (0, clock.now())
        await survivor.finish([Verdict("op_1", 2, Status.UNKNOWN)])
        for count in (1, 2):
            async with ledger(home, clock) as vanishing:
                (held,) = await vanishing.claim_due(limit=1)
                assert held.orphaned == count - 1
                clock.advance(31)
                (taken,) = await survivor.claim_due(limit=1)
            assert taken.orphaned == count
            await survivor.finish([Verdict("op_1", taken.epoch, Status.UNKNOWN)])
        refused = json.dumps(Throttled("slow").to_record())
        (taken,) = await survivor.claim_due(limit=1)
        await survivor.finish([Verdict("op_1", taken.epoch, Status.REJECTED, error=refused)])
        (anew,) = await survivor.begin([INTENT])
        assert (anew.fresh, anew.operation.orphaned) == (True, 0)


async def holders(one: Ledger) -> set[str]:
    query = Statement("SELECT id FROM holders", (), {})
    return {name for (name,) in (await one._writer.submit(lambda db: db.run(query, ()), writes=False)).fetchall()}


async def test_holder_that_vanished_is_forgotten_once_nothing_is_held_by_it_and_no_clock_can_be_that_wrong(
    home: Home, clock: TwoTimes
) -> None:
    async with ledger(home, clock) as survivor, ledger(home, clock) as idle, ledger(home, clock) as busy:
        await idle.begin([INTENT])
        await idle.finish([Verdict("op_1", 1, Status.APPLIED)])
        await busy.begin([SECOND])
        clock.advance(3600)
        await show_life_of(survivor)
        assert await holders(survivor) == {survivor.holder, idle.holder, busy.holder}
        clock.advance(86_400)
        await show_life_of(survivor)
        assert await holders(survivor) == {survivor.holder, busy.holder}
        assert len(await survivor.claim_due(limit=9)) == 1
        assert await holders(survivor) == {survivor.holder}


async def test_holder_that_left_is_forgotten_at_once_unless_it_held_something(home: Home, clock: TwoTimes) -> None:
    async with ledger(home, clock) as survivor:
        async with ledger(home, clock) as idle:
            await idle.begin([INTENT])
            await idle.finish([Verdict("op_1", 1, Status.APPLIED)])
        assert await holders(survivor) == set()
        async with ledger(home, clock) as busy:
            await busy.begin([SECOND])
        assert await holders(survivor) == {busy.holder}
        await survivor.claim_due(limit=1)
        assert await holders(survivor) == {survivor.holder}


async def show_life_of(one: Ledger) -> None:
    one._lease.renew(0.0, 0.0)  # it has held something before
    await show_life(one, "heartbeat")


async def test_claim_whose_caller_has_gone_is_due_again(home: Home) -> None:
    async with home.open() as one, home.open() as other:
        await one.begin([INTENT])
        await one.finish([Verdict("op_1", 1, Status.UNKNOWN, sent_at=1.0, last_sent_at=2.0, next_check_at=0.0)])
        submit = one._writer.submit

        def gone(run: Callable[[Database], Any], **options: Any) -> asyncio.Future[Any]:
            future = submit(run, **options)
            if options.get("orphaned") is not None:
                future.cancel()
            return future

        with patch.object(one._writer, "submit", gone), pytest.raises(asyncio.CancelledError):
            await one.claim_due(limit=9)
        again: list[Operation] = []
        for _ in range(500):
            if again := await other.claim_due(limit=9):
                break
            await asyncio.sleep(0.01)
        assert [(operation.id, operation.epoch, operation.last_sent_at) for operation in again] == [("op_1", 3, 2.0)]
