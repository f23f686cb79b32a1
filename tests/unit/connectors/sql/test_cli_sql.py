"""`seawall sql` at the command line."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.sql import Database, connect, database
from typer.testing import CliRunner

from seawall.cli import app
from seawall.envelope import ExitCode

CONFIG = """
[ledger]
path = "ledger.db"

[systems.orders]
connector = "sql"

[systems.orders.settings]
url = "{url}"

[systems.orders.settings.actions.add_order]
description = "Adds an order."
effect = "create"
identity = ["reference"]
parameters = {{ reference = "text", customer = "integer" }}
table = {{ name = "orders", write = "insert", key = ["reference"] }}

[[policy]]
name = "all"
decision = "allow"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "seawall.toml"
    with database("sqlite", tmp_path) as made:
        path.write_text(CONFIG.format(url=made.url))
    return path


def run(config: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--config", str(config)])
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def test_install_effects_makes_the_table_once_and_check_config_misses_it_before(config: Path) -> None:
    code, out, _ = run(config, "check-config", "--connect")
    assert code == ExitCode.USAGE
    assert "seawall sql install-effects" in out
    assert run(config, "sql", "install-effects", "orders") == (0, "The table was made.\n", "")
    assert run(config, "sql", "install-effects", "orders") == (0, "The table is there already.\n", "")
    assert run(config, "check-config", "--connect")[0] == 0
    code, out, _ = run(config, "call", "orders.add_order", '{"reference": "A-1", "customer": 7}', "--json")
    assert (code, json.loads(out)["status"]) == (0, "applied")
    code, out, _ = run(config, "call", "orders.add_order", '{"reference": "A-1", "customer": 7}', "--json")
    assert (code, json.loads(out)["replayed"]) == (0, True)


def test_install_effects_print_connects_to_nothing(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace("orders.db", "missing/orders.db"))
    code, out, _ = run(config, "sql", "install-effects", "orders", "--print")
    assert code == 0
    assert out.startswith("CREATE TABLE IF NOT EXISTS seawall_effects (")
    assert "PRIMARY KEY (operation_key)" in out


def test_install_effects_without_a_database_says_one_thing_and_exits_accordingly(config: Path) -> None:
    config.write_text(config.read_text().replace("orders.db", "missing/orders.db"))
    code, out, err = run(config, "sql", "install-effects", "orders")
    assert code == ExitCode.USAGE
    assert (out, err.count("\n")) == ("", 1)
    assert "unable to open database file" in err


def test_install_effects_of_an_unknown_system_names_those_that_are_known(config: Path) -> None:
    code, _, err = run(config, "sql", "install-effects", "crm")
    assert code == ExitCode.USAGE
    assert "known: orders" in err


def test_prune_effects_deletes_what_is_old_and_settled(config: Path, tmp_path: Path) -> None:
    run(config, "sql", "install-effects", "orders")
    for reference in ("A-1", "A-2", "A-3"):
        run(config, "call", "orders.add_order", f'{{"reference": "{reference}", "customer": 7}}')
    with closing(sqlite3.connect(tmp_path / "orders.db")) as db, db:
        keys = [key for (key,) in db.execute("SELECT operation_key FROM seawall_effects ORDER BY applied_at, rowid")]
        db.execute("UPDATE seawall_effects SET applied_at = '2020-01-01 00:00:00' WHERE operation_key != ?", keys[2:])
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db, db:
        db.execute("UPDATE operations SET status = 'unknown', outcome = NULL WHERE key = ?", keys[:1])
    assert run(config, "sql", "prune-effects", "orders") == (0, "1 rows were deleted.\n", "")
    with closing(sqlite3.connect(tmp_path / "orders.db")) as db:
        assert {key for (key,) in db.execute("SELECT operation_key FROM seawall_effects")} == {keys[0], keys[2]}


async def test_install_effects_in_every_dialect_is_idempotent(made: Database) -> None:
    world = connect(made, install=False)
    (problem,) = await world.adapter.check()
    assert "install-effects" in problem
    assert await world.adapter.install_effects() is True
    assert await world.adapter.install_effects() is False
    assert await world.adapter.check() == []
    assert made.count("seawall_effects") == 0
    await world.adapter.close()
