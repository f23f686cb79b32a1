"""Ledgers of an older Seawall: brought to this one's tables without loss, and compared with what they should be."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import text
from support.clock import FakeClock

from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import upgrading
from seawall.core.ledger.records import Intent, Status, Verdict
from seawall.core.ledger.schema import VERSION
from seawall.core.ledger.upgrading import check, upgrade

from .conftest import Home

FIRST = Path(__file__).with_name("ledger_v1.sql")  # written by the first version of the ledger
TABLES = ("operations", "attempts", "probes", "decisions", "holders")
LATER = FakeClock(start=1_795_500_000.0)

Execute = Callable[[str], list[Any]]


@pytest.fixture
def execute(home: Home) -> Execute:
    """Runs SQL on the ledger without Seawall."""

    def run(statement: str) -> list[Any]:
        if home.remote:
            url = home.settings().url
            assert url is not None
            with psycopg.connect(url.get_secret_value(), autocommit=True) as remote:
                cursor = remote.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        with sqlite3.connect(home.place["path"]) as local:
            found = local.execute(statement).fetchall()
        local.close()
        return found

    return run


@pytest.fixture
def old(home: Home, execute: Execute) -> Home:
    """A ledger as the first version left it."""
    if not home.remote:
        with sqlite3.connect(home.place["path"]) as local:
            local.executescript(FIRST.read_text())
        local.close()
        return home
    engine, _, _ = upgrading._remote(home.settings())
    with engine.connect() as connection, connection.begin():
        command.upgrade(upgrading._alembic(connection), "0001")
        connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()
    for line in FIRST.read_text().splitlines():
        if line.startswith("INSERT") and "ledger_meta" not in line:
            line = line.replace(",0,1795400030.0", ",false,1795400030.0").replace(
                ",1,1795400030.0", ",true,1795400030.0"
            )
            execute(line.replace("NULL,0);", "NULL,false);") if '"attempts"' in line else line)
    for table in ("operations", "probes", "decisions"):
        execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'seq'), (SELECT max(seq) FROM {table}))")
    return home


def columns(execute: Execute, table: str) -> dict[str, list[Any]]:
    names = {
        "operations": "seq, id, system, action, key, identity, request, digest, entity, principal, adapter_version, "
        "policy, trace_id, batch_id, atomic, deadline_at, status, outcome, error, holder, epoch, created_at, "
        "updated_at, sent_at, last_sent_at, next_check_at, checks, parked_because",
        "holders": "id, beat_at",
        "decisions": "seq, operation_id, at, by, decision, reason, detail",
    }.get(table, "*")
    rows = execute(f"SELECT {names} FROM {table} ORDER BY 1")
    return {str(number): list(row) for number, row in enumerate(rows)}


async def test_old_ledger_is_refused_until_it_is_upgraded_and_loses_nothing_by_it(old: Home, execute: Execute) -> None:
    before = {table: columns(execute, table) for table in TABLES}
    assert [len(rows) for rows in before.values()] == [5, 1, 1, 2, 1]
    with pytest.raises(LedgerUnavailable, match=r"older Seawall \(schema 1, .*\); run: seawall ledger upgrade"):
        async with old.open():
            pass
    assert {table: columns(execute, table) for table in TABLES} == before, "refusing changes nothing"
    assert upgrade(old.settings()) == (1, VERSION)
    assert {table: columns(execute, table) for table in TABLES} == before
    assert check(old.settings()).problems == ()
    async with old.open(LATER) as one:
        statuses = {operation.id: operation.status for operation in await one.find()}
        assert statuses == {
            "op_1": Status.APPLIED,
            "op_2": Status.UNKNOWN,
            "op_3": Status.REJECTED,
            "op_4": Status.PARKED,
            "op_5": Status.RUNNING,
        }
        claimed = {operation.id: operation for operation in await one.claim_due(limit=9)}
        assert set(claimed) == {"op_2", "op_5"}
        assert (claimed["op_2"].orphaned, claimed["op_5"].orphaned) == (0, 1)
        assert await one.finish([Verdict("op_5", 2, Status.APPLIED, outcome="{}")]) == [True]
        intent = Intent(
            id="op_6", system="crm", action="add", key="k6", identity="{}", request="{}", digest="d", principal="p",
            adapter_version="1", policy="{}", deadline_at=0.0,
        )  # fmt: skip
        assert (await one.begin([intent]))[0].fresh


async def test_new_ledger_is_what_the_migrations_lead_to(home: Home) -> None:
    async with home.open():
        pass
    assert check(home.settings()).problems == ()
    assert upgrade(home.settings()) == (VERSION, VERSION)


def test_upgrading_twice_changes_nothing_the_second_time(old: Home) -> None:
    assert upgrade(old.settings()) == (1, VERSION)
    assert upgrade(old.settings()) == (VERSION, VERSION)


def test_upgrade_that_fails_leaves_everything_as_it_was(old: Home, execute: Execute) -> None:
    execute("CREATE TABLE restores (n INTEGER)")  # stands in the way of the last step
    with pytest.raises(LedgerUnavailable, match="restores"):
        upgrade(old.settings())
    with pytest.raises((sqlite3.Error, psycopg.Error)):
        execute("SELECT orphaned FROM operations")
    assert execute("SELECT schema_version FROM ledger_meta") == [(1,)]
    execute("DROP TABLE restores")
    assert upgrade(old.settings()) == (1, VERSION)


async def test_ledger_of_a_newer_version_is_not_upgraded(home: Home, execute: Execute) -> None:
    async with home.open():
        pass
    execute("UPDATE ledger_meta SET schema_version = 99")
    with pytest.raises(LedgerUnavailable, match="newer Seawall"):
        upgrade(home.settings())
    assert "newer Seawall" in check(home.settings()).problems[0]


async def test_check_names_what_differs(home: Home, execute: Execute) -> None:
    async with home.open():
        pass
    execute("DROP INDEX ix_operations_status")
    execute("ALTER TABLE holders ADD COLUMN mood TEXT")
    problems = " ".join(check(home.settings()).problems)
    assert "ix_operations_status" in problems
    assert "mood" in problems


def test_check_of_an_old_ledger_says_what_to_do(old: Home) -> None:
    found = check(old.settings())
    assert (found.version, found.newest) == (1, VERSION)
    assert "run: seawall ledger upgrade" in found.problems[0]


async def test_tables_of_something_else_beside_the_ledgers_are_none_of_its_business(
    home: Home, execute: Execute
) -> None:
    async with home.open():
        pass
    execute("CREATE TABLE customers (n INTEGER)")
    assert check(home.settings()).problems == ()


@pytest.mark.parametrize("do", [check, upgrade])
def test_ledger_that_is_not_there_is_told(home: Home, do: Callable[..., object]) -> None:
    with pytest.raises(LedgerUnavailable, match=r"there is no ledger|has no tables yet"):
        do(home.settings())


def test_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is a text file, and a long one at that" * 100)
    with pytest.raises(LedgerUnavailable, match="not a readable database"):
        check(Home(path=str(path)).settings())


def test_file_that_another_program_writes_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as local:
        local.executescript(FIRST.read_text())
    local.close()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="locked by another program"):
        upgrade(Home(path=str(path)).settings(busy_timeout=0.05))
    blocker.close()


def test_opening_a_ledger_loads_no_alembic(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from seawall.core.clock import Sources\n"
        "from seawall.core.ledger import Ledger\n"
        "from seawall.core.settings import LedgerSettings\n"
        "async def main():\n"
        f"    one = await Ledger.open(LedgerSettings(path={str(tmp_path / 'l.db')!r}), Sources())\n"
        "    await one.close()\n"
        "asyncio.run(main())\n"
        "print([name for name in ('alembic', 'psycopg', 'mako') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
