from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.clock import FakeClock

from seawall.core.clock import Sources
from seawall.core.errors import BusinessRule, LedgerUnavailable, Throttled
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import AttemptRow, DecisionRow, Intent, ProbeRow, Status, Verdict

from .conftest import Home

INTENT = Intent(
    id="op_1",
    system="crm",
    action="add",
    key="k1",
    identity="{}",
    request='{"a":1}',
    digest="d1",
    principal="agent:a",
    adapter_version="toy 1",
    policy="{}",
    deadline_at=1e9,
    replay_rejections=60.0,
)


def ledger(home: Home, clock: FakeClock, **settings: float) -> AbstractAsyncContextManager[Ledger]:
    return home.open(clock, **settings)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def begun(one: Ledger, intent: Intent = INTENT) -> tuple[bool, Status, int]:
    (answer,) = await one.begin([intent])
    return answer.fresh, answer.operation.status, answer.operation.epoch


def verdict(status: Status = Status.APPLIED, epoch: int = 1, **facts: object) -> Verdict:
    return replace(Verdict("op_1", epoch, status), **facts)  # type: ignore[arg-type]  # facts of a verdict


async def test_new_key_is_held_by_us_and_a_repetition_finds_it(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        assert await begun(one) == (True, Status.RUNNING, 1)
        assert await begun(one, replace(INTENT, id="op_2")) == (False, Status.RUNNING, 1)


async def test_two_equal_keys_in_one_call_are_one_operation(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        first, second = await one.begin([INTENT, replace(INTENT, id="op_2")])
        assert (first.fresh, second.fresh) == (True, False)
        assert second.operation.id == "op_1"


async def test_what_was_recorded_is_there_after_reopening(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        await begun(one)
        await one.finish([verdict(outcome='{"value":1}')])
    async with ledger(home, clock) as one:
        found = await one.get("op_1")
        assert found is not None
        assert (found.status, found.outcome, found.holder) == (Status.APPLIED, '{"value":1}', None)


@pytest.mark.parametrize(
    ("error", "changes", "later", "anew"),
    [
        (Throttled("slow"), {}, 0.0, True),
        (BusinessRule("no"), {}, 0.0, False),
        (BusinessRule("no"), {"digest": "d2"}, 0.0, True),
        (BusinessRule("no"), {}, 60.0, True),
    ],
)
async def test_rejected_operation_starts_anew_when_that_may_help(
    home: Home, clock: FakeClock, error: BusinessRule, changes: dict[str, str], later: float, anew: bool
) -> None:
    async with ledger(home, clock) as one:
        await begun(one)
        await one.finish([verdict(Status.REJECTED, error=json.dumps(error.to_record()))])
        clock.advance(later)
        fresh, status, epoch = await begun(one, replace(INTENT, id="op_2", **changes))  # type: ignore[arg-type]  # text
        assert (fresh, status, epoch) == ((True, Status.RUNNING, 2) if anew else (False, Status.REJECTED, 1))


@pytest.mark.parametrize("status", [Status.APPLIED, Status.UNKNOWN, Status.PARKED])
async def test_operation_that_is_or_may_be_applied_never_starts_anew(
    home: Home, clock: FakeClock, status: Status
) -> None:
    async with ledger(home, clock) as one:
        await begun(one)
        await one.finish([verdict(status, next_check_at=clock.now() + 1e6)])
        clock.advance(1e5)
        assert (await begun(one, replace(INTENT, digest="d2")))[0] is False


@pytest.mark.case(25)
@pytest.mark.parametrize("status", [Status.RUNNING, Status.UNKNOWN, Status.PARKED])
async def test_entity_with_an_unsettled_operation_takes_no_second_one(
    home: Home, clock: FakeClock, status: Status
) -> None:
    async with ledger(home, clock) as one:
        await begun(one, replace(INTENT, entity="case-1"))
        if status is not Status.RUNNING:
            await one.finish([verdict(status)])
        (answer,) = await one.begin([replace(INTENT, id="op_2", key="k2", entity="case-1")])
        assert (answer.fresh, answer.blocked_by) == (False, "op_1")
        assert await one.get("op_2") is None
        assert (await begun(one, replace(INTENT, id="op_3", key="k3", entity="case-2")))[0]
        assert (await begun(one, replace(INTENT, id="op_4", key="k4", system="erp", entity="case-1")))[0]


async def test_entity_is_free_again_once_its_operation_is_settled(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        await begun(one, replace(INTENT, entity="case-1"))
        await one.finish([verdict()])
        assert (await begun(one, replace(INTENT, id="op_2", key="k2", entity="case-1")))[0]


@pytest.mark.case(18)
@pytest.mark.case(19)
async def test_result_of_a_stale_holder_is_kept_as_evidence_and_changes_nothing(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as old, ledger(home, clock) as new:
        await begun(old)
        clock.advance(31)
        (taken,) = await new.claim_due(limit=10)
        assert (taken.status, taken.epoch, taken.holder) == (Status.UNKNOWN, 2, new.holder)
        assert await new.finish([verdict(Status.APPLIED, epoch=2, outcome="{}")]) == [True]
        attempt = AttemptRow("op_1", 1, 1, "send", 1.0, 2.0, "none")
        assert await old.finish([verdict(Status.REJECTED, attempts=(attempt,))]) == [False]
        story = await new.story("op_1")
        assert story is not None
        assert story.operation.status is Status.APPLIED
        assert story.attempts == (replace(attempt, stale=True),)
        assert story.decisions[-1].decision == "stale_result"


async def test_settled_operation_cannot_be_settled_again(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        await begun(one)
        assert await one.finish([verdict()]) == [True]
        assert await one.finish([verdict(Status.REJECTED)]) == [False]


async def test_orphan_is_taken_over_only_after_the_lease_and_counts_as_possibly_sent(
    home: Home, clock: FakeClock
) -> None:
    async with ledger(home, clock) as old, ledger(home, clock) as new:
        await begun(old)
        clock.advance(29)
        assert await new.claim_due(limit=10) == []
        clock.advance(2)
        (taken,) = await new.claim_due(limit=10)
        assert "may have been sent" in (taken.error or "")
        assert taken.last_sent_at == clock.now()
        assert await new.claim_due(limit=10) == [], "what we hold is not due to us again"
        assert not await old.hold("op_1", 1)
        assert await new.hold("op_1", 2)


async def test_unknown_operation_is_due_at_its_time_and_keeps_its_times_when_nobody_held_it(
    home: Home, clock: FakeClock
) -> None:
    async with ledger(home, clock) as one:
        await begun(one)
        due = clock.now() + 100
        await one.finish([verdict(Status.UNKNOWN, sent_at=5.0, last_sent_at=7.0, next_check_at=due)])
        assert await one.next_due() == due
        assert await one.claim_due(limit=10) == []
        clock.advance(100)
        (taken,) = await one.claim_due(limit=10)
        assert (taken.sent_at, taken.last_sent_at) == (5.0, 7.0)


async def test_first_time_of_sending_is_never_overwritten_and_the_last_always(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        await begun(one)
        await one.finish([verdict(Status.UNKNOWN, sent_at=5.0, last_sent_at=7.0, next_check_at=0.0)])
        await one.claim_due(limit=10)
        await one.finish([verdict(Status.UNKNOWN, epoch=2, sent_at=8.0, last_sent_at=9.0, checked=True)])
        found = await one.get("op_1")
        assert found is not None
        assert (found.sent_at, found.last_sent_at, found.checks) == (5.0, 9.0, 1)


async def test_claims_take_those_due_first_of_the_system_asked_for(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        for number, system in enumerate(("crm", "crm", "erp")):
            await one.begin([replace(INTENT, id=f"op_{number}", key=f"k{number}", system=system)])
            await one.finish([Verdict(f"op_{number}", 1, Status.UNKNOWN, next_check_at=10.0 - number)])
        assert [operation.id for operation in await one.claim_due(limit=1, system="crm")] == ["op_1"]
        assert {operation.id for operation in await one.claim_due(limit=9)} == {"op_0", "op_2"}


async def test_closing_gives_up_what_is_held_at_once(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        await begun(one)
    async with ledger(home, clock) as one:
        assert len(await one.claim_due(limit=10)) == 1


async def test_lease_is_trusted_for_a_part_of_its_length_and_renewed_by_holding(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        assert not one.lease_is_fresh()
        await begun(one)
        assert one.lease_is_fresh()
        clock.advance(25)
        assert not one.lease_is_fresh()
        assert await one.hold("op_1", 1)
        assert one.lease_is_fresh()


@pytest.mark.case(41)
@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_clock_that_jumps_never_lets_two_holders_record(home: Home, clock: FakeClock, jump: float) -> None:
    other_clock = FakeClock(start=1_800_000_000.0 + jump)
    async with ledger(home, clock) as one, ledger(home, other_clock) as other:
        await begun(one)
        taken = await other.claim_due(limit=10)
        recorded = await one.finish([verdict()])
        again = await other.finish([verdict(epoch=operation.epoch) for operation in taken])
        assert sum(recorded + again) == 1


async def test_story_tells_attempts_probes_and_decisions_in_order(home: Home, clock: FakeClock) -> None:
    attempts = tuple(AttemptRow("op_1", 1, number, "send", 1.0, 2.0, "maybe") for number in (1, 2))
    probes = (ProbeRow("op_1", 1, 3.0, "absent", "{}"),)
    decisions = (DecisionRow("op_1", 4.0, "pipeline", "Wait", "not yet"),)
    async with ledger(home, clock) as one:
        await begun(one)
        await one.finish([verdict(attempts=attempts, probes=probes, decisions=decisions)])
        story = await one.story("op_1")
        assert story is not None
        assert (story.attempts, story.probes, story.decisions) == (attempts, probes, decisions)
        assert await one.story("op_none") is None


async def test_find_and_counts_answer_by_what_is_asked(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        for number in range(3):
            clock.advance(1)
            await one.begin([replace(INTENT, id=f"op_{number}", key=f"k{number}", principal=f"agent:{number % 2}")])
        await one.finish([Verdict("op_0", 1, Status.APPLIED)])
        assert [operation.id for operation in await one.find()] == ["op_2", "op_1", "op_0"]
        assert [operation.id for operation in await one.find(status=Status.APPLIED)] == ["op_0"]
        assert [operation.id for operation in await one.find(principal="agent:0", limit=1)] == ["op_2"]
        assert await one.counts() == {("crm", Status.APPLIED): 1, ("crm", Status.RUNNING): 2}


async def test_unsettled_counts_what_is_open_and_tells_how_old_the_oldest_is(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        began = []
        for number in range(4):
            clock.advance(1)
            await one.begin([replace(INTENT, id=f"op_{number}", key=f"k{number}")])
            began.append(clock.now())
        await one.finish([Verdict("op_0", 1, Status.APPLIED), Verdict("op_3", 1, Status.PARKED)])
        found = await one.unsettled()
        assert {which: count for which, (count, _) in found.items()} == {
            ("crm", Status.RUNNING): 2,
            ("crm", Status.PARKED): 1,
        }
        assert found["crm", Status.RUNNING][1] == pytest.approx(began[1], abs=0.01)
        assert found["crm", Status.PARKED][1] == pytest.approx(began[3], abs=0.01)


async def test_check_shows_life_and_fails_once_the_ledger_is_closed(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        await one.check()
        assert one.lease_is_fresh()
    with pytest.raises(LedgerUnavailable):
        await one.check()


@pytest.mark.case(14)
async def test_full_disk_is_told_clearly_and_writing_goes_on_when_there_is_room(
    local_home: Home, clock: FakeClock
) -> None:
    async with ledger(local_home, clock) as one:
        await begun(one)
        connection: Any = one._writer._connection  # type: ignore[attr-defined]  # of the SQLite one
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
        big = replace(INTENT, id="op_2", key="k2", request="x" * 100_000)
        with pytest.raises(LedgerUnavailable, match=r"disk of the ledger .* is full"):
            await one.begin([big])
        assert await one.get("op_2") is None
        connection.execute("PRAGMA max_page_count=1000000")
        assert (await one.begin([big]))[0].fresh


async def test_verdict_that_could_not_be_written_is_kept_and_written_later(local_home: Home, clock: FakeClock) -> None:
    async with ledger(local_home, clock) as one:
        await begun(one)
        connection: Any = one._writer._connection  # type: ignore[attr-defined]  # of the SQLite one
        connection.execute("PRAGMA query_only=ON")
        one.finish_soon([verdict()])
        await asyncio.sleep(0)
        assert len(one.unrecorded) == 1
        with pytest.raises(LedgerUnavailable):
            await one.retry_unrecorded()
        connection.execute("PRAGMA query_only=OFF")
        await one.retry_unrecorded()
        found = await one.get("op_1")
        assert found is not None
        assert (found.status, len(one.unrecorded)) == (Status.APPLIED, 0)


async def test_missing_folder_is_told_clearly(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(LedgerUnavailable, match="does not exist; make it"):
        async with ledger(Home(path=str(tmp_path / "nowhere" / "l.db")), clock):
            pass


async def test_file_that_is_no_database_is_told_clearly_and_left_alone(
    local_home: Home, tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is a text file, and a long one at that" * 100)
    with pytest.raises(LedgerUnavailable, match="not a readable database"):
        async with ledger(local_home, clock):
            pass
    assert (tmp_path / "ledger.db").read_bytes().startswith(b"this is a text file")


async def test_locked_file_is_told_clearly(local_home: Home, tmp_path: Path, clock: FakeClock) -> None:
    async with ledger(local_home, clock, busy_timeout=0.05) as one:
        blocker = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="locked by another program"):
            await begun(one)
        blocker.execute("ROLLBACK")
        blocker.close()
        assert (await begun(one))[0]


async def test_file_of_a_newer_version_is_not_touched(local_home: Home, tmp_path: Path, clock: FakeClock) -> None:
    async with ledger(local_home, clock):
        pass
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        raw.execute("INSERT INTO ledger_meta VALUES (99)")
    raw.close()
    with pytest.raises(LedgerUnavailable, match="written by a newer Seawall"):
        async with ledger(local_home, clock):
            pass


async def test_closed_ledger_refuses_work(home: Home, clock: FakeClock) -> None:
    async with ledger(home, clock) as one:
        pass
    with pytest.raises(LedgerUnavailable, match="closed"):
        await begun(one)


async def test_heartbeat_keeps_the_lease_while_the_ledger_is_open(home: Home) -> None:
    one = await Ledger.open(home.settings(lease=0.6), Sources())
    async with home.open(lease=0.6) as other:
        await begun(one)
        await asyncio.sleep(1.0)
        assert await other.claim_due(limit=1) == []
        await one.close()
