"""The tables in PostgreSQL: made once, and refused when they are not ours."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from seawall.core.clock import Sources
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.schema import VERSION

from ..conftest import Home


def execute(home: Home, text: str) -> None:
    url = home.settings().url
    assert url is not None
    with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
        connection.execute(text.encode())


async def test_many_open_an_empty_database_at_the_same_moment(remote_home: Home) -> None:
    ledgers = await asyncio.gather(*(Ledger.open(remote_home.settings(), Sources(), heartbeat=False) for _ in range(8)))
    for one in ledgers:
        assert await one.counts() == {}
        await one.close()


async def test_database_with_tables_of_something_else_is_left_alone(remote_home: Home) -> None:
    execute(remote_home, "CREATE TABLE operations (n INTEGER)")
    with pytest.raises(LedgerUnavailable, match=r"tables of something else .*operations.* a database or schema of its"):
        async with remote_home.open():
            pass
    execute(remote_home, "INSERT INTO operations VALUES (1)")
    with pytest.raises(psycopg.errors.UndefinedTable):
        execute(remote_home, "SELECT * FROM holders")


@pytest.mark.parametrize(
    ("version", "said"), [(1, "older Seawall .*; run: seawall ledger upgrade"), (99, "newer Seawall .*; upgrade this")]
)
async def test_ledger_of_another_version_is_not_touched(remote_home: Home, version: int, said: str) -> None:
    execute(remote_home, "CREATE TABLE ledger_meta (schema_version INTEGER PRIMARY KEY)")
    execute(remote_home, f"INSERT INTO ledger_meta VALUES ({version})")
    with pytest.raises(LedgerUnavailable, match=said):
        async with remote_home.open():
            pass
    with pytest.raises(psycopg.errors.UndefinedTable):
        execute(remote_home, "SELECT * FROM operations")


@pytest.mark.parametrize(
    ("granted", "said"), [("", "may use no schema there; make one"), ("USAGE", "grant it the rights on the ledger's")]
)
async def test_user_without_rights_is_told_what_to_grant(remote_home: Home, granted: str, said: str) -> None:
    execute(remote_home, "DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    if granted:
        execute(
            remote_home, f"DO $$ BEGIN EXECUTE 'GRANT {granted} ON SCHEMA ' || current_schema || ' TO guest'; END $$"
        )
    guest = Home(url=remote_home.place["url"].replace("postgres@", "guest@"))
    with pytest.raises(LedgerUnavailable, match=said):
        async with guest.open():
            pass


async def test_schema_version_is_recorded(remote_home: Home) -> None:
    async with remote_home.open():
        pass
    url = remote_home.settings().url
    assert url is not None
    with psycopg.connect(url.get_secret_value()) as connection:
        assert connection.execute("SELECT schema_version FROM ledger_meta").fetchall() == [(VERSION,)]
