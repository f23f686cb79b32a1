"""A ledger that was restored from a backup: what it cannot know counts as possibly sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from support.clock import FakeClock

from seawall.core.errors import InvalidRequest, Throttled
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import Intent, ProbeRow, Status, Verdict
from seawall.core.ledger.statements import Statement

from .conftest import Home
from .test_approvals import ASK

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
REFUSED = json.dumps(Throttled("slow").to_record())
HOUR = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def one(home: Home, clock: FakeClock) -> AsyncIterator[Ledger]:
    async with home.open(clock) as ledger:
        yield ledger


async def an_hour_old(home: Home, clock: FakeClock) -> float:
    """The ledger is that of an hour ago, with an operation in each status; returns when the backup was made."""
    async with home.open(clock) as before:
        asks = {Status.HELD: ASK}
        await before.begin([replace(INTENT, id=f"op_{status}", key=status, ask=asks.get(status)) for status in Status])
        await before.finish(
            [
                Verdict("op_unknown", 1, Status.UNKNOWN, sent_at=5.0, last_sent_at=7.0, next_check_at=clock.now()),
                Verdict("op_parked", 1, Status.PARKED, parked_because="?"),
                Verdict("op_applied", 1, Status.APPLIED, outcome="{}"),
                Verdict("op_rejected", 1, Status.REJECTED, error=REFUSED),
            ]
        )
    backup_at = clock.now()
    clock.advance(HOUR)
    return backup_at


@pytest.mark.case(28)
async def test_request_that_the_restored_ledger_does_not_know_counts_as_possibly_sent(
    home: Home, clock: FakeClock
) -> None:
    backup_at = await an_hour_old(home, clock)
    async with home.open(clock) as one:
        (before,) = await one.begin([replace(INTENT, id="op_before", key="before")])
        assert before.possibly_sent_since is None
        await one.finish([Verdict("op_before", 1, Status.APPLIED)])
    clock.advance(60)
    async with home.open(clock) as one:
        with pytest.raises(InvalidRequest, match="the backup is younger"):
            await one.restored(backup_at)
        await one._writer.submit(
            lambda db: db.run(Statement("DELETE FROM operations WHERE key = 'before'", (), {}), ())
        )
        restore, presumed = await one.restored(backup_at)
        restored_at = clock.now()
        assert (restore.backup_at, restore.restored_at, restore.until, presumed) == (backup_at, restored_at, None, 4)
        clock.advance(10 * 86_400)
        (begun,) = await one.begin([INTENT])
        assert (begun.fresh, begun.possibly_sent_since) == (True, backup_at)
        assert (begun.operation.sent_at, begun.operation.last_sent_at) == (backup_at, restored_at)
        found = await one.get("op_1")
        assert found is not None
        assert (found.sent_at, found.last_sent_at) == (backup_at, restored_at), "a crash changes nothing about it"


@pytest.mark.case(28)
async def test_presumption_reaches_a_process_that_was_open_before(home: Home, clock: FakeClock) -> None:
    backup_at = await an_hour_old(home, clock)
    async with home.open(clock) as early, home.open(clock) as command:
        await command.restored(backup_at)
        (begun,) = await early.begin([INTENT])
        assert begun.possibly_sent_since == backup_at


@pytest.mark.case(28)
async def test_what_the_backup_has_as_open_may_have_been_sent_until_it_was_restored(
    home: Home, clock: FakeClock
) -> None:
    backup_at = await an_hour_old(home, clock)
    async with home.open(clock) as one:
        await one.restored(backup_at)
        claimed = {operation.id: operation for operation in await one.claim_due(limit=9, attempt_timeout=10.0)}
        assert set(claimed) == {"op_running", "op_unknown"}
        assert claimed["op_unknown"].sent_at == 5.0
        for operation in claimed.values():
            assert (operation.last_sent_at, operation.epoch, operation.orphaned) == (clock.now(), 3, 0)
        held = await one.get("op_held")
        assert held is not None
        assert (held.status, held.last_sent_at) == (Status.HELD, clock.now()), "it may have been approved since"
        parked, applied = await one.get("op_parked"), await one.get("op_applied")
        assert parked is not None
        assert applied is not None
        assert (parked.status, parked.last_sent_at, parked.epoch) == (Status.PARKED, clock.now(), 2)
        assert (applied.status, applied.last_sent_at, applied.epoch) == (Status.APPLIED, None, 1)


@pytest.mark.case(28)
async def test_rejected_operation_of_the_backup_that_starts_anew_may_have_done_so_before(
    home: Home, clock: FakeClock
) -> None:
    backup_at = await an_hour_old(home, clock)
    async with home.open(clock) as one:
        await one.restored(backup_at)
        restored_at = clock.now()
        (again,) = await one.begin([replace(INTENT, id="op_x", key="rejected")])
        assert (again.fresh, again.possibly_sent_since) == (True, backup_at)
        assert (again.operation.sent_at, again.operation.last_sent_at) == (backup_at, restored_at)
        clock.advance(60)
        probe = ProbeRow("op_rejected", 2, clock.now(), "absent", "{}")
        await one.finish([Verdict("op_rejected", 2, Status.REJECTED, error=REFUSED, probes=(probe,))])
        (once_more,) = await one.begin([replace(INTENT, id="op_y", key="rejected")])
        assert (once_more.fresh, once_more.possibly_sent_since) == (True, None), "it was looked up since"
        assert (once_more.operation.sent_at, once_more.operation.last_sent_at) == (None, None)


@pytest.mark.case(28)
async def test_operation_that_was_given_up_before_anybody_looked_still_counts_as_possibly_sent(
    home: Home, clock: FakeClock
) -> None:
    backup_at = await an_hour_old(home, clock)
    async with home.open(clock) as one:
        await one.restored(backup_at)
        clock.advance(60)
        await one.begin([INTENT])
        await one.finish([Verdict("op_1", 1, Status.REJECTED, error=REFUSED)])  # its caller went, for instance
        clock.advance(60)
        (again,) = await one.begin([replace(INTENT, id="op_2")])
        assert (again.fresh, again.possibly_sent_since) == (True, backup_at)


async def test_presumption_ends_when_it_was_limited(home: Home, clock: FakeClock) -> None:
    backup_at = await an_hour_old(home, clock)
    async with home.open(clock) as one:
        await one.restored(backup_at, until=clock.now() + 60)
        (begun,) = await one.begin([INTENT])
        assert begun.possibly_sent_since == backup_at
        clock.advance(61)
        (later,) = await one.begin([replace(INTENT, id="op_2", key="k2")])
        assert later.possibly_sent_since is None


async def test_two_restores_count_from_the_older_backup_to_the_later_restore(home: Home, clock: FakeClock) -> None:
    backup_at = await an_hour_old(home, clock)
    async with home.open(clock) as one:
        await one.restored(backup_at)
        clock.advance(HOUR)
        await one.restored(clock.now() - 60)
        (begun,) = await one.begin([INTENT])
        assert begun.possibly_sent_since == backup_at
        assert begun.operation.last_sent_at == clock.now()


@pytest.mark.parametrize(
    ("at", "until", "said"),
    [(1.0, None, "the backup cannot be made in the future"), (-1800.0, -5.0, "--until is over already")],
)
async def test_times_that_cannot_be_right_are_refused(
    home: Home, clock: FakeClock, at: float, until: float | None, said: str
) -> None:
    await an_hour_old(home, clock)
    async with home.open(clock) as one:
        last = None if until is None else clock.now() + until
        with pytest.raises(InvalidRequest, match=said):
            await one.restored(clock.now() + at, until=last)
        (begun,) = await one.begin([INTENT])
        assert begun.possibly_sent_since is None


async def test_ledger_that_somebody_works_on_is_not_declared_restored(home: Home, clock: FakeClock) -> None:
    backup_at = await an_hour_old(home, clock)
    async with home.open(clock) as busy, home.open(clock) as one:
        await busy.hold("op_none", 1)
        clock.advance(10)
        with pytest.raises(InvalidRequest, match=r"showed life on this ledger 10 s ago; stop all .* wait 30 s"):
            await one.restored(backup_at)
        clock.advance(21)
        await one.restored(backup_at)


async def test_restore_is_in_the_record(one: Ledger, clock: FakeClock) -> None:
    await one.restored(clock.now() - HOUR)
    query = Statement('SELECT "by", decision, reason FROM decisions WHERE operation_id IS NULL', (), {})
    ((by, decision, reason),) = (await one._writer.submit(lambda db: db.run(query, ()))).fetchall()
    assert (by, decision) == ("person", "restored")
    assert "counts as possibly sent" in reason
