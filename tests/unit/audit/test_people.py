"""What people were asked and said is in the audit: whoever alters it in the tables is found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.refunds import ADA, BOB, EVE, READS, Desk, refund_wall, rule
from support.virtual import virtual

from seawall import Pending, Seawall, Sources
from seawall.audit.report import Report
from seawall.audit.verifying import verify_ledger
from seawall.core.settings import LedgerSettings

REFUND = {"order": "o-1", "amount": 90, "note": "for Ann Example"}


async def held(wall: Seawall, order: str) -> str:
    outcome = await wall.call("desk.refund", {**REFUND, "order": order}, principal=ADA)
    assert isinstance(outcome, Pending)
    assert outcome.approval is not None
    return outcome.approval.approval_id


async def fill(folder: Path) -> None:
    """Approvals of every ending."""
    desk = Desk()
    async with refund_wall(folder, desk=desk, policy=[rule(quorum=2), READS]) as (wall, _):
        approved, rejected, edited, _ = [await held(wall, f"o-{number}") for number in range(4)]
        for by in (EVE, BOB):
            await wall.approvals.approve(approved, by=by, message="fine")
        await wall.approvals.reject(rejected, by=EVE, message="Ann Example may wait")
        changed = await wall.approvals.edit(edited, by=EVE, changes={"amount": 40}, message="half")
        for by in (BOB, EVE):
            await wall.approvals.approve(changed.approval.id, by=by)
        await wall.pipeline.release.run_once()
        changed_target = await wall.call("desk.set_limit", {"account": "acme", "limit": 500}, principal=ADA)
        assert isinstance(changed_target, Pending)
        assert changed_target.approval is not None
        for by in (BOB, EVE):
            await wall.approvals.approve(changed_target.approval.approval_id, by=by)
        desk.accounts["acme"] = (50, 2)
        await wall.pipeline.release.run_once()
        await wall.sources.clock.sleep(3700.0)
        await wall.pipeline.release.run_once()
    assert [amount for _, _, amount in desk.refunds] == [90, 40]


FORGED = (
    "INSERT INTO votes (approval_id, by, at, vote, digest, message) "
    "SELECT id, 'kim', 1.0, 'approve', digest, '' FROM approvals WHERE status = 'spent'"
)


def verify(folder: Path) -> Report:
    return verify_ledger(LedgerSettings(path=str(folder / "ledger.db")))


def do(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as db, db:
        assert db.execute(statement).rowcount > 0


@virtual
async def test_approvals_of_every_ending_agree_with_the_audit(tmp_path: Path) -> None:
    await fill(tmp_path)
    report = verify(tmp_path)
    assert report.faults == []
    assert report.operations == 5


@pytest.mark.case(53)
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE approvals SET status = 'approved' WHERE status = 'rejected'", "status"),
        ("UPDATE approvals SET quorum = 1 WHERE status = 'spent'", "quorum"),
        ("UPDATE approvals SET role = 'clerk' WHERE status = 'spent'", "role"),
        ("UPDATE approvals SET shown = replace(shown, '90', '9') WHERE status = 'spent'", "shown"),
        ("UPDATE approvals SET message = 'kind words' WHERE status = 'rejected'", "message"),
        ("UPDATE approvals SET expires_at = expires_at + 1e6", "expires_at"),
        ("UPDATE votes SET vote = 'approve' WHERE vote = 'reject'", "vote"),
        ("UPDATE votes SET message = 'no!' WHERE by = 'eve' AND message = 'fine'", "message"),
        ("DELETE FROM votes WHERE by = 'bob'", "is gone"),
        ("DELETE FROM approvals WHERE status = 'rejected'", "is gone"),
        (
            FORGED,
            "tell of this vote",
        ),
        (
            "UPDATE operations SET request = replace(request, '40', '400'), status = status WHERE request LIKE '%40%'",
            "request",
        ),
        (
            "UPDATE operations SET policy = replace(policy, 'approval_id', 'approval_no') WHERE status = 'applied'",
            "policy",
        ),
        ("UPDATE operations SET status = 'rejected' WHERE status = 'applied'", "status"),
    ],
)
def test_whoever_alters_what_people_decided_is_found(tmp_path: Path, statement: str, said: str) -> None:
    virtual(fill)(tmp_path)
    do(tmp_path, statement)
    report = verify(tmp_path)
    assert any(said in fault.said for fault in report.faults), report.faults


@virtual
async def test_erasing_takes_what_people_were_shown_and_said_and_the_audit_stays_intact(tmp_path: Path) -> None:
    await fill(tmp_path)
    async with refund_wall(tmp_path, policy=[rule(quorum=2), READS], seed=2) as (wall, _):
        for operation in await wall.ledger.find():
            if operation.status.settled:
                await wall.ledger.erase(operation.id, by="ann", reason="asked for")
    report = verify(tmp_path)
    assert report.faults == []
    assert report.erased >= 3
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        left = [
            row
            for table in ("approvals", "votes", "decisions", "operations")
            for row in db.execute(f"SELECT * FROM {table}")
        ]
    assert not [row for row in left if "Ann Example" in str(row)]


async def test_times_of_votes_and_endings_agree_by_a_clock_that_moves_on(tmp_path: Path) -> None:
    async with refund_wall(tmp_path, given=Sources()) as (wall, _):
        await wall.approvals.approve(await held(wall, "o-1"), by=EVE)
        await wall.approvals.reject(await held(wall, "o-2"), by=EVE, message="no")
        await wall.pipeline.release.run_once()
    assert verify(tmp_path).faults == []
