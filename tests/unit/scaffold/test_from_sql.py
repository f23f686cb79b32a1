"""A package from a database: the copy of its tables, and what is tried in it."""

from __future__ import annotations

import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.dialects import mysql, postgresql

from seawall.connectors.sql.drafting import _type, draft
from seawall.core.errors import InvalidRequest
from seawall.scaffold import Package, names
from seawall.scaffold.examples import example_of
from seawall.scaffold.from_sql import from_sql

SHOP = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, reference VARCHAR(40) NOT NULL UNIQUE, amount NUMERIC(10,2) NOT NULL,
    token CHAR(36) NOT NULL DEFAULT (lower(hex(randomblob(18)))), note TEXT, version INTEGER NOT NULL);
CREATE TABLE flags (flag CHAR(1) PRIMARY KEY, is_on BOOLEAN NOT NULL, version INTEGER NOT NULL);
CREATE TABLE pictures (id INTEGER PRIMARY KEY, picture BLOB NOT NULL);
"""


@pytest.fixture
def made(tmp_path: Path) -> Package:
    with closing(sqlite3.connect(tmp_path / "s3cret.db")) as connection:
        connection.executescript(SHOP)
    return from_sql(names("acme_shop"), f"sqlite:///{tmp_path / 's3cret.db'}")


def test_the_copy_is_made_of_what_the_actions_need(made: Package) -> None:
    with closing(sqlite3.connect(":memory:")) as copy:
        copy.executescript(made.files["src/acme_shop/schema.sql"])
        copy.execute("INSERT INTO orders (reference, amount) VALUES ('a', 1)")
        assert copy.execute("SELECT id, reference, amount, note, version FROM orders").fetchall() == [
            (1, "a", 1, None, 1)
        ]
        with pytest.raises(sqlite3.IntegrityError):
            copy.execute("INSERT INTO orders (reference, amount) VALUES ('a', 1)")
        copy.execute("INSERT INTO pictures DEFAULT VALUES")


def test_what_can_be_told_apart_is_tried(made: Package) -> None:
    subject = made.files["src/acme_shop/subject.py"]
    assert '    "insert_orders": "orders",\n' in subject
    assert '    "read_orders": ("orders", "insert_orders"),\n' in subject
    assert '    "update_orders": ("orders", "insert_orders", "read_orders", "note"),\n' in subject
    assert "flags" not in subject
    assert "no test for update_flags: nothing in a row tells one from another" in made.skipped
    assert "no test for read_pictures: nothing inserts into pictures" in made.skipped


def test_the_url_is_written_nowhere(made: Package) -> None:
    assert "s3cret" not in "".join(made.files.values())


@pytest.mark.parametrize(
    ("url", "extras"),
    [("sqlite", "simulators"), ("postgresql", "simulators,postgres"), ("mysql", "simulators,mariadb")],
)
def test_the_drivers_of_the_database_are_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, extras: str
) -> None:
    from seawall.scaffold import from_sql as module

    sqlite = f"sqlite:///{tmp_path / 's3cret.db'}"
    with closing(sqlite3.connect(tmp_path / "s3cret.db")) as connection:
        connection.executescript(SHOP)
    monkeypatch.setattr(module, "draft", lambda _url, _only: draft(sqlite))
    made = from_sql(names("acme_shop"), f"{url}://host/db")
    assert f'dependencies = ["seawall[{extras}]"]' in made.files["pyproject.toml"]


def test_what_is_no_database_is_told() -> None:
    with pytest.raises(InvalidRequest, match="takes a URL"):
        from_sql(names("acme_shop"), "what?")


ODD = """
CREATE TABLE days (day DATE PRIMARY KEY, note TEXT NOT NULL);
CREATE TABLE marks (id INTEGER PRIMARY KEY, "no#" TEXT, "pr$" TEXT, name TEXT NOT NULL);
CREATE TABLE "a$b$c" (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE abOut (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE ab_out (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE tokens (token CHAR(36) PRIMARY KEY, name TEXT NOT NULL);
"""


def test_names_that_cannot_be_written_are_said_and_names_that_are_alike_are_told_apart(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "odd.db")) as connection:
        connection.executescript(ODD)
    made = from_sql(names("acme_odd"), f"sqlite:///{tmp_path / 'odd.db'}")
    actions = tomllib.loads(made.files["src/acme_odd/actions.toml"])
    assert {"read_ab_out", "read_ab_out2", "insert_ab_out", "insert_ab_out2"} <= set(actions)
    assert list(actions["insert_marks"]["parameters"]) == ["name"]
    assert {
        "table a$b$c: its name is not one that actions write",
        "column marks.no#: its type or name is none of a parameter's",
        "column marks.pr$: its type or name is none of a parameter's",
        "no test for insert_days: no example of another key can be made up",
    } <= set(made.skipped)


def test_tables_that_sqlite_takes_for_one_are_drafted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [
        {"name": "id", "type": sa.Integer(), "nullable": False},
        {"name": "name", "type": sa.Text(), "nullable": True},
    ]
    many = {
        "Order": columns,
        "order": columns,
        "twice": [*columns, {"name": "Name", "type": sa.Text(), "nullable": True}],
    }
    inspector = SimpleNamespace(
        dialect=SimpleNamespace(name="postgresql"),
        get_table_names=lambda: list(many),
        get_view_names=list,
        get_pk_constraint=lambda _name: {"constrained_columns": ["id"]},
        get_columns=many.__getitem__,
        get_unique_constraints=lambda _name: [],
        get_indexes=lambda _name: [],
    )
    monkeypatch.setattr(sa, "inspect", lambda _engine: inspector)
    drafted = draft("postgresql+psycopg://127.0.0.1/nowhere")
    assert [table.name for table in drafted.tables] == ["Order"]
    assert "table order: its name differs from Order by upper and lower case only" in " ".join(drafted.skipped)
    assert "table twice: names of its columns differ by upper and lower case only" in " ".join(drafted.skipped)


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        (mysql.SMALLINT(unsigned=True), {"type": "integer", "minimum": 0, "maximum": 65535}),
        (mysql.SMALLINT(), {"type": "integer", "minimum": -32768, "maximum": 32767}),
        (mysql.BIGINT(unsigned=True), {"type": "integer", "minimum": 0}),
        (
            mysql.DECIMAL(5, 2, unsigned=True),
            {"type": "decimal", "digits": 5, "places": 2, "minimum": 0, "maximum": 999},
        ),
        (postgresql.NUMERIC(3, -2), None),
        (postgresql.MONEY(), None),
        (postgresql.INTERVAL(), None),
        (postgresql.JSONB(), None),
        (postgresql.BYTEA(), None),
        (postgresql.ARRAY(sa.Integer), None),
        (mysql.YEAR(), None),
    ],
)
def test_a_column_is_declared_as_its_type_allows(kind: Any, declared: dict[str, Any] | None) -> None:
    assert _type(kind) == declared


class Text36(BaseModel):
    token: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def test_an_example_of_a_uuid_is_found_by_its_pattern() -> None:
    one, two = example_of(Text36, 1), example_of(Text36, 2)
    assert Text36.model_validate(one.fields) != Text36.model_validate(two.fields)
    assert (one.place, one.token) == ("token", "-000000000001")
