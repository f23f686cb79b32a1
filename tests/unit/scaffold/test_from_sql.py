"""A package from a database: the copy of its tables, and what is tried in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from seawall.core.errors import InvalidRequest
from seawall.scaffold import Package, names
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
    from seawall.connectors.sql.drafting import draft
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
