"""Actions drafted from the tables of a database."""

from __future__ import annotations

import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.mssql.base import MSDialect
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.dialects.postgresql.base import PGDialect

from seawall.connectors.sql import drafting
from seawall.connectors.sql.adapter import SqlAdapter
from seawall.connectors.sql.declarations import ActionSettings
from seawall.connectors.sql.drafting import Column, Drafted, Table, as_toml, draft
from seawall.connectors.sql.settings import SqlSettings
from seawall.core.adapter import EffectClass, Surroundings, Transactional
from seawall.core.errors import InvalidRequest

SHOP = """
CREATE TABLE customers (customer_no VARCHAR(10) PRIMARY KEY, name VARCHAR(60) NOT NULL, email VARCHAR(120),
    since DATE, balance NUMERIC(12,2) NOT NULL DEFAULT 0);
CREATE TABLE "order" (id INTEGER PRIMARY KEY, reference VARCHAR(40) NOT NULL UNIQUE, total NUMERIC(10,2) NOT NULL,
    placed_at DATETIME NOT NULL, paid BOOLEAN NOT NULL, note TEXT, version INTEGER NOT NULL DEFAULT 1);
CREATE TABLE lines (order_id INTEGER NOT NULL, line_no INTEGER NOT NULL, quantity SMALLINT NOT NULL,
    row_version INTEGER NOT NULL, PRIMARY KEY (order_id, line_no));
CREATE TABLE pictures (id INTEGER PRIMARY KEY, picture BLOB NOT NULL);
CREATE TABLE ticks (id INTEGER PRIMARY KEY);
CREATE TABLE log (at DATETIME, what TEXT);
CREATE TABLE odd (_id INTEGER PRIMARY KEY);
CREATE TABLE "my table" (id INTEGER PRIMARY KEY);
CREATE TABLE seawall_effects (operation_key TEXT PRIMARY KEY);
CREATE VIEW everything AS SELECT * FROM log;
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript(SHOP)
    return f"sqlite:///{tmp_path / 'shop.db'}"


def test_reads_inserts_and_updates_with_a_version_are_drafted(url: str) -> None:
    drafted = draft(url)
    assert {name: one["effect"] for name, one in drafted.actions.items()} == {
        "read_customers": "read",
        "insert_customers": "create",
        "read_lines": "read",
        "insert_lines": "create",
        "update_lines": "set",
        "read_order": "read",
        "insert_order": "create",
        "update_order": "set",
        "read_pictures": "read",
        "read_ticks": "read",
    }
    assert drafted.of["order"] == ("read_order", "insert_order", "update_order")
    assert drafted.of["ticks"] == ("read_ticks", "", "")


def test_what_is_left_out_is_told(url: str) -> None:
    told = "\n".join(draft(url).skipped)
    for says in (
        "table log: it has no primary key",
        "table my table: its name",
        "table odd: no parameter has the type or name of _id",
        "view everything: only tables",
        "column pictures.picture: its type",
        "table pictures: no insert, because nothing can be given for picture",
        "table ticks: no insert, because the database fills in all of it",
        "table customers: no update, because it has no version column",
    ):
        assert says in told


def test_what_the_database_fills_in_is_no_parameter_and_keys_come_back(url: str) -> None:
    insert = draft(url).actions["insert_order"]
    assert list(insert["parameters"]) == ["reference", "total", "placed_at", "paid", "note"]
    assert insert["parameters"]["note"] == {"type": "text", "optional": True}
    assert insert["parameters"]["total"] == {
        "type": "decimal",
        "digits": 10,
        "places": 2,
        "minimum": -99_999_999,
        "maximum": 99_999_999,
    }
    assert (insert["identity"], insert["record"], insert["returns"]) == (
        ["reference"],
        "id",
        {"id": {"type": "integer"}},
    )
    (statement,) = insert["statements"]
    assert statement["sql"].startswith(
        'INSERT INTO "order" (reference, total, placed_at, paid, note) VALUES (:reference'
    )
    assert statement["columns"][0] == "id"
    (versioned,) = draft(url).actions["insert_lines"]["statements"]
    assert "row_version) VALUES (:order_id, :line_no, :quantity, 1)" in versioned["sql"]


def test_the_connector_takes_what_is_drafted(url: str) -> None:
    drafted = draft(url)
    actions = tomllib.loads(as_toml(drafted.actions))
    for name, one in drafted.actions.items():
        assert ActionSettings.model_validate(actions[name]) == ActionSettings.model_validate(one)
    adapter = SqlAdapter.open(SqlSettings.model_validate({"url": url, "actions": actions}), Surroundings("shop"))
    update = adapter.actions["update_lines"]
    assert (update.effect, update.version, update.entity) == (EffectClass.SET, "row_version", None)
    assert update.identity == ("order_id", "line_no", "row_version")
    assert isinstance(update.dedupe, Transactional)
    assert adapter.actions["update_order"].entity == "id"


def test_only_the_tables_that_are_wanted_are_drafted(url: str) -> None:
    assert list(draft(url, ["customers"]).actions) == ["read_customers", "insert_customers"]
    with pytest.raises(InvalidRequest, match="there is no table nothing; there are: customers"):
        draft(url, ["nothing"])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("no url", "takes a URL of SQLAlchemy"),
        ("nosuch://host/db", "takes a URL of SQLAlchemy"),
        ("sqlite:///nowhere.db", "there is no database file nowhere.db"),
        ("sqlite://", "there is no database file"),
        ("oracle+cx_oracle://u:s3cret@host/db", "driver cx_Oracle of this database is not installed"),
    ],
)
def test_a_database_that_cannot_be_read_is_told_without_its_url(url: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as refused:
        draft(url)
    assert "s3cret" not in str(refused.value)


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(InvalidRequest, match="no table can be drafted from: there is none"):
        draft(f"sqlite:///{tmp_path / 'empty.db'}")


TEXT = Column("name", {"type": "text"}, nullable=False, filled=False)
NUMBER = Column("id", {"type": "integer"}, nullable=False, filled=True)
COUNTED = Table("parts", (NUMBER, TEXT), ("id",), "")
NAMED = Table("parts", (TEXT,), ("name",), "")


POSTGRES: Any = PGDialect
SQL_SERVER: Any = MSDialect


def inserted(dialect: Any, table: Table) -> Any:
    drafted: Drafted = drafting._declared(dialect, [table], [])
    return drafted.actions.get("insert_parts")


@pytest.mark.parametrize(
    ("dialect", "table", "sql", "more"),
    [
        (
            POSTGRES(),
            COUNTED,
            "INSERT INTO parts (name) VALUES (:name) RETURNING id, name",
            {"verify": ["name"]},
        ),
        (MySQLDialect(), COUNTED, "INSERT INTO parts (name) VALUES (:name)", {"generated": "id"}),
        (MySQLDialect(), NAMED, "INSERT INTO parts (name) VALUES (:name)", {}),
    ],
    ids=["postgresql", "mysql", "mysql-named"],
)
def test_the_key_comes_back_as_the_database_tells_it(
    dialect: Any, table: Table, sql: str, more: dict[str, Any]
) -> None:
    (statement,) = inserted(dialect, table)["statements"]
    assert statement["sql"] == sql
    assert more.items() <= statement.items()


def test_a_database_that_tells_no_key_has_no_insert() -> None:
    assert inserted(SQL_SERVER(), COUNTED) is None
    assert inserted(SQL_SERVER(), NAMED) is not None


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        (sa.Enum("a", "b"), {"type": "text", "choices": ["a", "b"]}),
        (sa.Uuid(), {"type": "uuid"}),
        (sa.SmallInteger(), {"type": "integer", "minimum": -32768, "maximum": 32767}),
        (sa.BigInteger(), {"type": "integer"}),
        (sa.Float(), {"type": "decimal"}),
        (sa.Numeric(), {"type": "decimal"}),
        (sa.String(3), {"type": "text", "max_length": 3}),
        (sa.Boolean(), {"type": "boolean"}),
        (sa.Date(), {"type": "date"}),
        (sa.DateTime(), {"type": "datetime"}),
        (sa.JSON(), None),
        (sa.LargeBinary(), None),
    ],
)
def test_a_type_has_its_parameter(kind: Any, declared: dict[str, Any] | None) -> None:
    assert drafting._type(kind) == declared
