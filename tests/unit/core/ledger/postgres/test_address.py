"""Reaching the server: what is said when it cannot be used, and that no secret is in it."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from psycopg import errors
from pydantic import ValidationError
from support.own_process import free_port
from support.postgres_server import PostgresServer

from seawall.core.clock import Sources
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.postgres.address import Address
from seawall.core.settings import LedgerSettings

from ..conftest import Home

SECRET = "canary-7f3a"


def address(url: str) -> Address:
    return Address(LedgerSettings.model_validate({"url": url, "busy_timeout": 0.5}))


async def refused(url: str, caplog: pytest.LogCaptureFixture) -> str:
    """What is said by opening a ledger there; checked for the secret, with all that hangs on the error."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(LedgerUnavailable) as told:
        await Ledger.open(LedgerSettings.model_validate({"url": url, "busy_timeout": 0.5}), Sources(), heartbeat=False)
    text = "".join(traceback.format_exception(told.value)) + caplog.text
    assert SECRET not in text
    return told.value.message


async def test_server_that_is_not_there_is_told_with_its_address(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    said = await refused(f"postgresql://user:{SECRET}@127.0.0.1:{port}/orders", caplog)
    assert said.startswith(f"the ledger at 127.0.0.1:{port}/orders: it cannot be reached (")
    assert said.endswith("start the server, or mend ledger.url")


async def test_database_that_is_not_there_is_told(postgres: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    said = await refused(f"postgresql://postgres:{SECRET}@127.0.0.1:{postgres.port}/nowhere", caplog)
    assert said.endswith("/nowhere: it has no such database; make it, or mend ledger.url")


async def test_user_whom_the_server_does_not_know_is_told(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    said = await refused(f"postgresql://stranger:{SECRET}@127.0.0.1:{postgres.port}/postgres", caplog)
    assert said.endswith("it refuses the user or the password of ledger.url")


async def test_wrong_password_is_told(postgres: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE teller LOGIN PASSWORD 'right'")
        try:
            rules.write_text(f"host all teller 127.0.0.1/32 scram-sha-256\n{before}")
            admin.execute("SELECT pg_reload_conf()")
            said = await refused(f"postgresql://teller:{SECRET}@127.0.0.1:{postgres.port}/postgres", caplog)
        finally:
            rules.write_text(before)
            admin.execute("SELECT pg_reload_conf()")
    assert said.endswith("it refuses the user or the password of ledger.url")


@pytest.mark.parametrize("url", [f"postgresql://user:{SECRET}#%zz@host/db", f"postgresql://u:p@host:port/db?{SECRET}"])
async def test_address_that_cannot_be_read_is_told_without_it(url: str, caplog: pytest.LogCaptureFixture) -> None:
    assert (await refused(url, caplog)).startswith(("ledger.url cannot be read", "the ledger at"))


def test_settings_show_no_secret() -> None:
    settings = LedgerSettings.model_validate({"url": f"postgresql+psycopg://user:{SECRET}@host/db"})
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert settings.url is not None
    assert settings.url.get_secret_value() == f"postgresql://user:{SECRET}@host/db"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": f"mysql://user:{SECRET}@host/db"}, "must begin with postgresql://"),
        ({"url": SECRET}, "must begin with postgresql://"),
        ({"url": f"postgresql://user:{SECRET}@host/db", "path": "l.db"}, "name two ledgers; leave one of them out"),
    ],
)
def test_settings_that_contradict_are_refused_without_showing_them(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as told:
        LedgerSettings.model_validate(given)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (errors.DiskFull("x"), "its disk is full; free some space", "ledger"),
        (errors.InsufficientPrivilege("x"), "may not do this; grant it the rights", "ledger"),
        (errors.ReadOnlySqlTransaction("x"), "it is read-only; name the primary server", "ledger"),
        (errors.LockNotAvailable("x"), "another process kept a lock for too long", "ledger"),
        (errors.UndefinedTable("x"), "the ledger's tables are not there", "ledger"),
        (errors.AdminShutdown("x"), "the connection was lost; it is opened again", "ledger"),
        (psycopg.OperationalError("x"), "the connection was lost; it is opened again", "ledger"),
        (errors.NotNullViolation("first line\nDETAIL: row (secret)"), "failed: first line", "ledger_row"),
        (errors.InternalError_(f"what {SECRET} is"), "failed: what [redacted] is", "ledger"),
    ],
)
def test_error_of_the_server_is_one_sentence(error: psycopg.Error, said: str, code: str) -> None:
    told = address(f"postgresql://user:{SECRET}@host/db").unavailable(error)
    assert said in told.message
    assert told.message.startswith("the ledger at host/db")
    assert "\n" not in told.message
    assert told.code == code


async def test_commits_are_flushed_even_where_the_database_says_otherwise(
    postgres: PostgresServer, remote_home: Home
) -> None:
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute("ALTER DATABASE postgres SET synchronous_commit = off")
        try:
            connection = await Address(remote_home.settings()).connect()
        finally:
            admin.execute("ALTER DATABASE postgres RESET synchronous_commit")
    async with connection:
        found = await (await connection.execute("SHOW synchronous_commit")).fetchone()
    assert found == ("on",)


async def test_driver_that_is_not_installed_is_told_with_what_to_install() -> None:
    hidden: Any = {"psycopg": None, "seawall.core.ledger.postgres.address": None}
    with (
        patch.dict("sys.modules", hidden),
        pytest.raises(LedgerUnavailable, match=r"pip install 'seawall\[postgres\]'"),
    ):
        await Ledger.open(LedgerSettings.model_validate({"url": "postgresql://h/d"}), Sources(), heartbeat=False)


async def test_ledger_on_postgresql_cannot_work_in_the_calling_thread(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only an SQLite ledger"):
        await Ledger.open(LedgerSettings.model_validate({"url": "postgresql://h/d"}), Sources(), inline=True)
