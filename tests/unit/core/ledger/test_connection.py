"""Opening the file: how it is set up, and what is said when it cannot be used."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from seawall.core.clock import Sources
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.connection import connect
from seawall.core.ledger.schema import VERSION
from seawall.core.settings import LedgerSettings


def settings(path: Path, busy_timeout: float = 0.1) -> LedgerSettings:
    return LedgerSettings(path=str(path), busy_timeout=busy_timeout)


def test_file_is_in_wal_mode_and_every_commit_is_flushed(tmp_path: Path) -> None:
    connection, _ = connect(settings(tmp_path / "l.db"))
    modes = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    connection.close()
    assert modes == ["wal", 2]


def test_file_of_a_simulated_machine_is_not_flushed(tmp_path: Path) -> None:
    connection, _ = connect(settings(tmp_path / "l.db"), flush=False)
    modes = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    connection.close()
    assert modes == ["wal", 0]


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    schemas = []
    for _ in range(2):
        connection, _ = connect(settings(path))
        schemas.append(connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall())
        assert connection.execute("SELECT schema_version FROM ledger_meta").fetchall() == [(VERSION,)]
        connection.close()
    assert schemas[0] == schemas[1]


async def test_many_open_a_new_file_at_the_same_moment(tmp_path: Path) -> None:
    ledgers = await asyncio.gather(
        *(Ledger.open(settings(tmp_path / "l.db", 5.0), Sources(), heartbeat=False) for _ in range(8))
    )
    for one in ledgers:
        assert await one.counts() == {}
        await one.close()


def test_file_of_an_older_version_is_not_touched_and_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    with sqlite3.connect(path) as raw:
        raw.executescript("CREATE TABLE ledger_meta (schema_version INTEGER); INSERT INTO ledger_meta VALUES (1)")
    raw.close()
    with pytest.raises(LedgerUnavailable, match=r"older Seawall \(schema 1, .*\); run: seawall ledger upgrade"):
        connect(settings(path))
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("ledger_meta",)]
    raw.close()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere/l.db", r"the folder .*nowhere of the ledger does not exist; make it"),
        (".", r"cannot be written \(unable to open database file\); check the rights of the file and its folder"),
        ("/proc/l.db", r"cannot be written \(unable to open database file\); check the rights"),
    ],
)
def test_path_that_cannot_be_used_is_told_with_what_to_do(tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(LedgerUnavailable, match=said):
        connect(settings(tmp_path / path))


async def test_damaged_page_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    connect(settings(path))[0].close()
    with sqlite3.connect(path) as raw:
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'operations'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    raw.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    one = await Ledger.open(settings(path), Sources(), inline=True, heartbeat=False)
    with pytest.raises(LedgerUnavailable, match=r"not a readable database .*; restore it from a backup"):
        await one.find()
    await one.close()


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_file_locked_by_another_program_is_waited_for_as_long_as_set_and_no_longer(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "l.db"
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute(f"PRAGMA journal_mode={mode}")
    blocker.execute("CREATE TABLE t (n)")
    blocker.execute("BEGIN EXCLUSIVE")
    waits: list[float] = []

    class Waiting:
        def wait(self, seconds: float) -> None:
            waits.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seawall.core.ledger.connection.threading.Event", Waiting)
        with pytest.raises(LedgerUnavailable, match=r"locked by another program; close that, or raise"):
            connect(settings(path))
    assert sum(waits) <= 0.1
    blocker.execute("ROLLBACK")
    blocker.close()
    connect(settings(path))[0].close()


LIMITED = """
import asyncio, resource, sys
from seawall.core.clock import Sources
from seawall.core.errors import LedgerUnavailable
from seawall.core.ledger import Ledger
from seawall.core.ledger.records import Intent
from seawall.core.ledger.schema import VERSION
from seawall.core.settings import LedgerSettings

def intent(number):
    return Intent(
        id=f"op_{number}", system="s", action="a", key=f"k{number}", identity="{}", request="x" * 20_000, digest="d",
        principal="p", adapter_version="1", policy="{}", deadline_at=0.0,
    )

async def main():
    one = await Ledger.open(LedgerSettings(path=sys.argv[1]), Sources(), heartbeat=False)
    durable = []
    for number in range(100):
        try:
            await one.begin([intent(number)])
        except LedgerUnavailable as error:
            print("refused:", error)
            break
        durable.append(number)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (await one.begin([intent(number)]))[0].fresh, "there is room again"
    for found in durable:
        assert await one.get(f"op_{found}") is not None
    print("durable:", len(durable))
    await one.close()

resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
asyncio.run(main())
"""


@pytest.mark.case(14)
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY, reason="files are limited")
def test_disk_that_takes_no_more_refuses_the_intent_and_loses_none(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "l.db")], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    refused, durable = run.stdout.splitlines()
    assert "the ledger" in refused
    assert "check its disk" in refused or "free some space" in refused
    assert 0 < int(durable.split()[1]) < 100
