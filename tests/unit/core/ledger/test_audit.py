"""The chain: sealed in the transaction that it tells of, whatever becomes of that, on both databases."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.audited import attempt, fill, intent
from support.clock import FakeClock

from seawall.audit.report import Report
from seawall.audit.verifying import verify_ledger
from seawall.core.ledger import Ledger
from seawall.core.ledger.audit import BEGINNING, row_hash
from seawall.core.ledger.checkpointing import Head
from seawall.core.ledger.database import Database
from seawall.core.ledger.records import DecisionRow, Status, Verdict
from seawall.core.ledger.snapshot import AuditRow, snapshot
from seawall.core.ledger.upgrading import upgrade

from .conftest import Home
from .test_writer import Failing

DENIED = DecisionRow(None, 1.0, "policy", "deny", "not allowed")


def rows_of(home: Home) -> list[AuditRow]:
    with snapshot(home.settings()) as ledger:
        return list(ledger.audit())


def events_of(home: Home, kind: str) -> list[dict[str, Any]]:
    return [event for row in rows_of(home) for event in json.loads(row.body) if event["kind"] == kind]


def verified(home: Home) -> Report:
    return verify_ledger(home.settings())


async def test_operations_of_every_ending_by_two_processes_agree_with_the_audit(home: Home) -> None:
    clock = FakeClock(start=1_700_000_000.0)
    async with home.open(clock) as one, home.open(clock) as other:
        await fill(one, other, clock)
        assert verified(home).faults == [], "also while others have it open"
    report = verified(home)
    assert report.faults == []
    assert (report.operations, len(report.chains)) == (4, 2)
    assert {event["by"] for event in events_of(home, "decision")} == {"recovery", "ann", "policy", "ledger"}
    assert len(events_of(home, "left")) == 2


async def test_each_row_follows_from_the_one_before(home: Home) -> None:
    async with home.open() as one:
        for number in range(3):
            await one.begin([intent(number)])
    before = BEGINNING
    for place, row in enumerate(rows_of(home), 1):
        assert (row.chain, row.number) == (one.holder, place)
        before = row_hash(before, *row[:4])
        assert row.hash == before
    assert place == 4, "three intents, and the farewell"


async def test_jobs_of_one_transaction_share_one_row(home: Home) -> None:
    async with home.open() as one:
        await one.begin([intent(0)])
        await asyncio.gather(*(one.begin([intent(number)]) for number in range(1, 9)))
    assert len(rows_of(home)) < 9
    assert len(events_of(home, "intent")) == 9
    assert verified(home).intact


async def test_job_that_fails_leaves_nothing_in_the_audit_and_its_neighbours_all(home: Home) -> None:
    async def fails(db: Database) -> None:
        db.audit("approval", "op_x", by="nobody")
        raise ValueError("a mistake")

    async with home.open() as one:
        await one.begin([intent(0)])
        futures = [one._writer.submit(fails), one.begin([intent(1)]), one.note([DENIED]), one._writer.submit(fails)]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        assert [type(answer) for answer in answers] == [ValueError, list, type(None), ValueError]
        await one.begin([intent(2)])
    assert events_of(home, "approval") == []
    report = verified(home)
    assert (report.faults, report.operations) == ([], 3)


async def test_facts_of_other_parts_are_kept_and_what_is_private_only_as_a_commitment(home: Home) -> None:
    async def approve(db: Database) -> None:
        db.audit("approval", "op_1", by="ann", approved=True, expired=None)
        db.audit_private("override", None, db.new_salt(), {"reason": "Ann is on holiday", "note": None}, system="crm")

    async with home.open() as one:
        await one._writer.submit(approve)
    assert events_of(home, "approval") == [{"kind": "approval", "operation": "op_1", "by": "ann", "approved": True}]
    (override,) = events_of(home, "override")
    assert override["system"] == "crm"
    assert list(override["private"]) == ["reason"]
    assert "holiday" not in str(rows_of(home))


async def test_configuration_is_told_when_it_differs_from_what_was_before(home: Home) -> None:
    for facts in ({"policy": "v1", "system crm": "a 1"}, {"policy": "v1", "system crm": "a 1"}, {"policy": "v2"}):
        async with home.open() as one:
            one.introduce(facts)
            await one.note([DENIED])
    assert [event["changed"] for event in events_of(home, "configuration")] == [
        ["policy", "system crm"],
        ["policy", "system crm"],
    ]
    assert len(events_of(home, "opened")) == 3
    assert verified(home).intact


async def test_heads_are_the_last_rows_of_all_chains(home: Home) -> None:
    found: list[Head] = []

    def make(last: str | None, heads: Any, at: float) -> None:
        found[:] = heads

    for number in range(4):
        async with home.open() as one:
            await one.begin([intent(number)])
            await one.checkpoint(make)
    rows = {row.chain: row for row in rows_of(home)}
    assert len(found) == 4
    assert {head.chain: head.number for head in found[:3]} == {
        head.chain: rows[head.chain].number for head in found[:3]
    }


async def test_checkpoint_of_an_empty_audit_has_no_heads(home: Home) -> None:
    async with home.open() as one:
        assert await one.checkpoint(lambda last, heads, at: f"{last} {len(heads)}") == "None 0"
        assert await one.checkpoint(lambda last, heads, at: last) == "None 0"
        assert [line for _, line in await one.unsent_checkpoints()] == ["None 0", "None 0"]


async def test_text_that_a_database_cannot_hold_does_not_look_altered(home: Home) -> None:
    odd = "a\x00b\ud800c"
    async with home.open() as one:
        await one.begin([intent(1, request=f'{{"text":"{odd}"}}', principal=odd)])
        note = DecisionRow("op_1", 2.0, odd, "Wait", odd)
        await one.finish([Verdict("op_1", 1, Status.APPLIED, outcome=odd, attempts=(attempt(1),), decisions=(note,))])
    assert verified(home).faults == []


async def test_ledger_of_an_older_seawall_begins_its_audit_when_it_is_upgraded(tmp_path: Path) -> None:
    home = Home(path=str(tmp_path / "old.db"))
    with sqlite3.connect(home.place["path"]) as local:
        local.executescript(Path(__file__).with_name("ledger_v1.sql").read_text())
    local.close()
    upgrade(home.settings())
    (begins,) = events_of(home, "begins")
    assert (begins["operations"], begins["attempts"], begins["probes"], begins["decisions"]) == (5, 1, 1, 2)
    assert verified(home).faults == []
    assert verified(home).older == {"operations": 5, "attempts": 1, "probes": 1, "decisions": 2}
    assert "not proven by it" in " ".join(verified(home).limits())
    async with home.open(FakeClock(start=1_795_500_000.0)) as one:
        taken = {operation.id: operation for operation in await one.claim_due(limit=9)}
        verdict = Verdict("op_5", taken["op_5"].epoch, Status.APPLIED, outcome="{}", attempts=(attempt(5, epoch=2),))
        assert await one.finish([verdict]) == [True]
        await one.begin([intent(6)])
    assert verified(home).faults == [], "what older operations come to is compared from then on"
    with sqlite3.connect(home.place["path"]) as local:
        local.execute("UPDATE operations SET outcome = NULL WHERE id = 'op_5'")
    local.close()
    assert [fault.where for fault in verified(home).faults] == ["operations op_5"]
    with sqlite3.connect(home.place["path"]) as local:
        local.execute("UPDATE operations SET outcome = '{}' WHERE id = 'op_5'")
        local.execute("DELETE FROM operations WHERE id = 'op_1'")
    local.close()
    assert "operations" in {fault.where for fault in verified(home).faults}, "an older row that is gone is missed"


# Acknowledgements that are lost ---------------------------------------------------------------------------------


@pytest.mark.case(15)
@pytest.mark.parametrize("together", [1, 4])
async def test_chain_goes_on_after_a_commit_whose_acknowledgement_was_lost(local_home: Home, together: int) -> None:
    async with local_home.open() as one:
        await one.begin([intent(0)])
        writer: Any = one._writer
        writer._connection = Failing(writer._connection, COMMIT_done=1)
        intents = [intent(number) for number in range(1, together + 1)]
        answers = await asyncio.gather(*(one.begin([each]) for each in intents))
        assert all(begun.fresh for (begun,) in answers)
        await one.begin([intent(20)])
    report = verified(local_home)
    assert (report.faults, report.operations) == ([], together + 2)
    assert len(events_of(local_home, "intent")) == together + 2, "none of them is told twice"


@pytest.mark.case(15)
async def test_chain_goes_on_after_a_commit_that_failed(local_home: Home) -> None:
    async with local_home.open() as one:
        await one.begin([intent(0)])
        writer: Any = one._writer
        writer._connection = Failing(writer._connection, COMMIT=1)
        await asyncio.gather(one.begin([intent(1)]), one.begin([intent(2)]), return_exceptions=True)
        await one.begin([intent(3)])
    assert verified(local_home).faults == []


async def test_two_ledgers_that_write_at_once_have_a_chain_each(home: Home) -> None:
    async with home.open() as one, home.open() as other:

        async def work(ledger: Ledger, first: int) -> None:
            for number in range(first, first + 20):
                await ledger.begin([intent(number)])
                await ledger.finish([Verdict(f"op_{number}", 1, Status.APPLIED, outcome="{}")])

        await asyncio.gather(*(work(one, 100 * n) for n in range(3)), *(work(other, 1000 + 100 * n) for n in range(3)))
    report = verified(home)
    assert report.faults == []
    assert (report.operations, len(report.chains)) == (120, 2)


async def test_same_request_to_two_processes_at_once_is_told_once(home: Home) -> None:
    async with home.open() as one, home.open() as other:
        answers = await asyncio.gather(
            *(ledger.begin([intent(1, id=f"op_{place}")]) for place, ledger in enumerate((one, other) * 5))
        )
        assert sum(begun.fresh for (begun,) in answers) == 1
    assert len(events_of(home, "intent")) == 1
    assert verified(home).intact


async def test_rejected_operation_that_starts_anew_is_told_under_its_new_epoch(home: Home) -> None:
    async with home.open() as one:
        await one.begin([intent(1)])
        await one.finish([Verdict("op_1", 1, Status.REJECTED, error='{"transient":true}')])
        (begun,) = await one.begin([replace(intent(1), id="op_2", request='{"other":1}', digest="e")])
        assert begun.fresh
    assert [event["epoch"] for event in events_of(home, "intent")] == [1, 2]
    assert verified(home).faults == []


async def test_restore_is_told_with_the_operations_that_count_as_sent(home: Home) -> None:
    clock = FakeClock(start=1_700_000_000.0)
    async with home.open(clock) as one:
        await one.begin([intent(1), intent(2)])
        await one.finish([Verdict("op_1", 1, Status.APPLIED, outcome="{}")])
    clock.advance(100.0)
    async with home.open(clock) as other:
        restore, presumed = await other.restored(1_700_000_050.0)
        assert presumed == 1
    (event,) = events_of(home, "restored")
    assert (event["backup_at"], event["restored_at"], event["presumed"]) == (restore.backup_at, restore.restored_at, 1)
    assert [event["operation"] for event in events_of(home, "presumed")] == ["op_2"]
    assert verified(home).faults == []
