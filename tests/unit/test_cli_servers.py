"""The command line with a ledger on PostgreSQL, and with what processes share on Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from support.postgres_server import PostgresServer, postgres_server
from support.redis_server import redis_server
from support.shell import CONFIG, Shell
from support.toy import variant

from seawall.envelope import ExitCode

SAID = ("--by", "ann", "--reason", "she looked")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def remote(shell: Shell, postgres: PostgresServer, tmp_path: Path) -> Shell:
    """The shell, its ledger in an empty schema on the server."""
    schema = f"shell_{abs(hash(tmp_path))}"
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    url = f"{postgres.dsn}?options=-csearch_path%3D{schema}"
    shell.config.write_text(CONFIG.replace('path = "ledger.db"', f'url = "{url}"'), encoding="utf-8")
    return shell


def test_call_recover_and_list_work_on_postgresql(remote: Shell) -> None:
    remote.target.script = ["lost after"]
    remote.target.probe_script = ["fails"] * 2
    assert remote.call()[0] == ExitCode.UNKNOWN
    (incident,) = remote.json("incidents", "list")[1]["incidents"]
    assert (incident["kind"], incident["total"]) == ("no_answer", 1)
    assert remote.run("recover", "--timeout", "5").exit_code == 0
    assert remote.json("incidents", "list")[1] == {"incidents": []}
    assert [one["status"] for one in remote.json("ops", "list")[1]["operations"]] == ["applied"]
    assert (remote.target.sends, len(remote.target.effects)) == (1, 1)


def test_resolve_and_retry_work_on_postgresql(remote: Shell) -> None:
    remote.uses(variant("nothing"))
    remote.target.script = ["lost after"] * 2
    first = remote.call()[1]["operation_id"]
    second = remote.call('{"reference": "A-2"}')[1]["operation_id"]
    code, told = remote.json("ops", "retry", first, *SAID)
    assert (code, told["status"]) == (0, "unknown")
    assert remote.run("recover", "--timeout", "5").exit_code == ExitCode.PARKED
    assert remote.json("ops", "resolve", first, "--applied", "n1", *SAID)[1]["status"] == "applied"
    code, told = remote.json("ops", "resolve", second, "--not-applied", "--despite-horizon", *SAID)
    assert (code, told["status"]) == (0, "rejected")
    assert remote.call('{"reference": "A-2"}')[1]["status"] == "applied"
    assert remote.target.sends == 3


def test_check_config_shows_a_ledger_on_a_server_without_its_password(shell: Shell) -> None:
    url = "postgresql://ann:very-secret-1@127.0.0.1:1/ledger"
    shell.config.write_text(CONFIG.replace('path = "ledger.db"', f'url = "{url}"'), encoding="utf-8")
    result = shell.run("check-config")
    assert (result.exit_code, "ledger: postgresql://127.0.0.1:1/ledger" in result.stdout) == (0, True)
    connecting = shell.run("check-config", "--connect")
    assert connecting.exit_code == ExitCode.USAGE
    assert "problem: ledger: " in connecting.stdout
    assert "very-secret-1" not in result.output + connecting.output


def test_check_config_connect_makes_no_ledger_on_a_server(remote: Shell, postgres: PostgresServer) -> None:
    assert remote.run("check-config", "--connect").exit_code == 0
    with psycopg.connect(postgres.dsn) as connection:
        schema = remote.config.read_text(encoding="utf-8").partition("search_path%3D")[2].partition('"')[0]
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s", (schema,)).fetchone()
    assert row == (0,)


def test_check_config_connect_says_whether_what_processes_share_answers(shell: Shell, tmp_path: Path) -> None:
    with redis_server() as server:
        shared = f'[shared]\nredis = "{server.url}"\n\n'
        shell.config.write_text(CONFIG.replace("[ledger]", f"{shared}[ledger]"), encoding="utf-8")
        assert "; it answers" in shell.run("check-config", "--connect").stdout
        assert "it answers" not in shell.run("check-config").stdout
    result = shell.run("check-config", "--connect")
    assert result.exit_code == ExitCode.USAGE
    assert "each process goes by its own limits and breakers" in result.stdout
