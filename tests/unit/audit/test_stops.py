"""What people stop is in the audit: whoever takes a pause out of the table, or shortens it, is found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.refunds import refund_wall
from support.virtual import virtual

from seawall.audit.report import Report
from seawall.audit.verifying import verify_ledger
from seawall.core.settings import LedgerSettings


async def fill(folder: Path) -> None:
    async with refund_wall(folder) as (wall, _):
        await wall.overrides.pause("desk", by="ann", reason="an audit of the desk", lasts=600.0)
        await wall.overrides.resume("desk", by="ann", reason="it is over")
        await wall.overrides.stop(by="bob", reason="something is wrong")


def verify(folder: Path) -> Report:
    return verify_ledger(LedgerSettings(path=str(folder / "ledger.db")))


@virtual
async def test_overrides_agree_with_the_audit(tmp_path: Path) -> None:
    await fill(tmp_path)
    assert verify(tmp_path).faults == []


@pytest.mark.case(53)
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM overrides WHERE ended_at IS NULL",
        "UPDATE overrides SET ended_at = 1.0 WHERE ended_at IS NULL",
        "UPDATE overrides SET ended_at = NULL WHERE ended_at IS NOT NULL",
        "UPDATE overrides SET until = 1.0",
        "UPDATE overrides SET by = 'eve'",
        "UPDATE overrides SET scope = 'other'",
    ],
)
def test_whoever_alters_what_people_stopped_is_found(tmp_path: Path, statement: str) -> None:
    virtual(fill)(tmp_path)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db, db:
        assert db.execute(statement).rowcount > 0
    assert any(fault.where.startswith("overrides") for fault in verify(tmp_path).faults)
