"""`seawall ledger` at the command line."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.shell import CONFIG, NOTE, Shell

from seawall.core.clock import Sources
from seawall.core.ledger.schema import VERSION
from seawall.envelope import ExitCode

FIRST = Path(__file__).parent / "core" / "ledger" / "ledger_v1.sql"


@pytest.fixture
def old(shell: Shell) -> Shell:
    """A shell beside a ledger that the first version wrote."""
    with sqlite3.connect(shell.ledger) as raw:
        raw.executescript(FIRST.read_text())
    raw.close()
    return shell


def test_old_ledger_sends_nothing_and_says_how_to_upgrade_it(old: Shell) -> None:
    code, told = old.call(NOTE)
    assert code == ExitCode.LEDGER
    assert "run: seawall ledger upgrade" in told["summary"]
    assert old.target.sends == 0


def test_upgrade_makes_an_old_ledger_usable(old: Shell) -> None:
    assert old.json("ledger", "upgrade") == (0, {"before": 1, "after": VERSION})
    assert old.run("ledger", "upgrade").stdout == f"The ledger is at schema {VERSION} already.\n"
    assert old.call(NOTE)[0] == ExitCode.OK
    _, told = old.json("ops", "list")
    assert len(told["operations"]) == 6


def test_check_says_what_is_wrong_and_exits_accordingly(old: Shell) -> None:
    code, told = old.json("ledger", "check")
    assert (code, told["schema"], told["newest"]) == (ExitCode.LEDGER, 1, VERSION)
    assert "run: seawall ledger upgrade" in told["problems"][0]
    old.run("ledger", "upgrade")
    result = old.run("ledger", "check")
    assert (result.exit_code, "Nothing is wrong with its tables." in result.stdout) == (0, True)


@pytest.mark.parametrize("arguments", [("upgrade",), ("check",), ("restored", "--at", "2026-01-01T00:00Z")])
def test_ledger_that_is_not_there_is_no_ledger_to_work_on(shell: Shell, arguments: tuple[str, ...]) -> None:
    result = shell.run("ledger", *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert "there is no ledger" in result.output
    assert not shell.ledger.exists()


@pytest.mark.case(28)
@pytest.mark.parametrize("written", ["seconds", "zone", "no zone"])
def test_restored_says_what_counts_as_possibly_sent(shell: Shell, written: str) -> None:
    shell.call(NOTE)
    with sqlite3.connect(shell.ledger) as raw:
        raw.execute("UPDATE operations SET created_at = created_at - 7200, updated_at = updated_at - 7200")
    raw.close()
    backup_at = round(Sources().clock.now()) - 3600
    moment = datetime.fromtimestamp(backup_at, UTC)
    at = {"seconds": str(backup_at), "zone": moment.isoformat(), "no zone": moment.strftime("%Y-%m-%d %H:%M:%S")}
    code, told = shell.json("ledger", "restored", "--at", at[written])
    assert (code, told["backup_at"], told["until"], told["possibly_sent"]) == (0, backup_at, None, 0)
    text = shell.run("ledger", "restored", "--at", at[written], "--until", "2100-01-01").stdout
    assert "0 operations of the backup count as possibly sent; until 2100-01-01 00:00:00 UTC" in text


def test_restored_refuses_a_time_that_it_cannot_read_or_that_cannot_be(shell: Shell) -> None:
    shell.call(NOTE)
    for at, said in (("yesterday", "is no time; write it as"), ("2020-01-01T00:00Z", "so the backup is younger")):
        result = shell.run("ledger", "restored", "--at", at)
        assert result.exit_code == ExitCode.USAGE
        assert said in result.output.replace("\n", " ")


def test_configuration_that_names_two_ledgers_is_refused(shell: Shell) -> None:
    shell.config.write_text(CONFIG.replace('path = "ledger.db"', 'path = "l.db"\nurl = "postgresql://u:canary-pw@h/d"'))
    result = shell.run("ledger", "check")
    assert result.exit_code == ExitCode.USAGE
    assert "leave one of them out" in result.output
    assert "canary-pw" not in result.output
