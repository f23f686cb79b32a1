"""A statement or COMMIT fails on either side of it, and the database's own triggers tell the truth."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, exc, text

from seawall.simulators.faults import Plan, PlanError
from seawall.simulators.sql.errors import MYSQL, POSTGRES
from seawall.simulators.sql.legacy import LegacyDatabase
from seawall.simulators.sql.seam import Seam, install
from seawall.simulators.sql.unreliable import register


def planned(*faults: dict[str, Any]) -> Plan:
    return Plan.model_validate({"faults": [{"id": f"f{number}", **fault} for number, fault in enumerate(faults)]})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[LegacyDatabase]:
    made = LegacyDatabase(f"sqlite:///{tmp_path / 'orders.db'}")
    made.create(customers=3)
    yield made
    made.close()


def change(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE orders SET note = 'new' WHERE order_no = 'O0001'"))
        connection.execute(text("INSERT INTO order_history (order_no, what, entered_by) VALUES ('O0001', 'x', 'me')"))


@pytest.mark.parametrize(
    ("fault", "effects"),
    [
        ({"match": {"operation": "commit"}, "point": "apply", "kind": "reset"}, 0),
        ({"match": {"operation": "commit"}, "point": "after_commit", "kind": "reset"}, 2),
        ({"match": {"operation": "commit"}, "point": "apply", "kind": "hang", "params": {"seconds": 5}}, 0),
        ({"match": {"operation": "commit"}, "point": "after_commit", "kind": "hang", "params": {"seconds": 5}}, 2),
        ({"match": {"operation": "commit"}, "point": "before_commit", "kind": "reset"}, 0),
        ({"match": {"operation": "commit"}, "point": "before_commit", "kind": "hang", "params": {"seconds": 5}}, 0),
        ({"match": {"operation": "update"}, "point": "send", "kind": "reset"}, 0),
        ({"match": {"operation": "insert"}, "point": "apply", "kind": "lock_error"}, 0),
        ({"match": {"operation": "insert"}, "point": "after_commit", "kind": "reset"}, 0),
    ],
    ids=str,
)
def test_an_error_looks_the_same_and_the_truth_is_what_the_database_says(
    database: LegacyDatabase, fault: dict[str, Any], effects: int
) -> None:
    engine = create_engine(database.url)
    waited: list[float] = []
    seam, remove = install(engine, planned(fault), sleep=waited.append)
    with pytest.raises(exc.OperationalError):
        change(engine)
    assert len(database.effects()) == effects
    assert seam.faults.never_fired() == ()
    assert waited == ([5] if fault["kind"] == "hang" else [])
    remove()
    change(engine)
    assert len(database.effects()) == effects + 2
    engine.dispose()


def test_what_is_slow_is_done_all_the_same(database: LegacyDatabase) -> None:
    engine = create_engine(database.url)
    waited: list[float] = []
    slow = {"match": {"operation": "commit"}, "point": "apply", "kind": "slow", "params": {"seconds": 3}}
    install(engine, planned(slow), sleep=waited.append)
    change(engine)
    engine.dispose()
    assert (waited, len(database.effects())) == ([3], 2)


def test_a_kind_that_no_statement_can_meet_is_refused() -> None:
    import sqlite3

    with pytest.raises(PlanError, match="html_200 cannot befall a statement"):
        Seam(planned({"point": "after_commit", "kind": "html_200"}), sqlite3)


def test_a_url_can_say_that_the_database_fails_and_calls_are_counted_over_a_restart(
    database: LegacyDatabase, tmp_path: Path
) -> None:
    register()
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "faults: [{id: a, match: {operation: commit}, point: after_commit, kind: reset, trigger: {nth: 1}}]"
    )
    url = f"sqlite+unreliable:///{database.url.database}?plan={plan}&tally={tmp_path / 'tally'}"
    for _ in range(2):
        engine = create_engine(url)
        with pytest.raises(exc.OperationalError):
            change(engine)
        change(engine)
        engine.dispose()
    assert len(database.effects()) == 8
    marks = (tmp_path / "tally").read_bytes()
    assert (marks.count(b"c"), marks.count(b"f")) == (4, 2)


def test_what_other_users_do_and_what_is_rolled_back_is_no_effect(database: LegacyDatabase) -> None:
    database.change_order("O0002", note="by Ann")
    engine = create_engine(database.url)
    with engine.connect() as connection:
        connection.execute(text("UPDATE orders SET note = 'mine' WHERE order_no = 'O0001'"))
        connection.rollback()
    engine.dispose()
    assert database.effects() == []
    order = database.read("orders", "O0002")
    assert order is not None
    assert (order["note"], order["version"]) == ("by Ann", 2)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("deadlock", "SQLITE_BUSY"),
        ("lock_timeout", "SQLITE_BUSY"),
        ("statement_timeout", "SQLITE_INTERRUPT"),
        ("read_only", "SQLITE_READONLY"),
    ],
)
def test_a_database_refuses_a_statement_in_its_own_words(database: LegacyDatabase, error: str, code: str) -> None:
    engine = create_engine(database.url)
    refusal = {"match": {"operation": "insert"}, "point": "apply", "kind": "sql_error", "params": {"error": error}}
    _, remove = install(engine, planned(refusal))
    with pytest.raises(exc.OperationalError) as raised:
        change(engine)
    assert raised.value.orig.sqlite_errorname == code  # type: ignore[union-attr] # the driver's
    assert database.effects() == []
    remove()
    engine.dispose()


@pytest.mark.parametrize("error", ["killed_session", "serialization"])
def test_what_sqlite_never_says_is_refused(error: str) -> None:
    import sqlite3

    planned_for = planned({"point": "apply", "kind": "sql_error", "params": {"error": error}})
    with pytest.raises(PlanError, match=f"SQLite never says {error}; set params.error to deadlock, lock_timeout"):
        Seam(planned_for, sqlite3)


def test_before_commit_is_at_commit_only() -> None:
    import sqlite3

    elsewhere = planned({"match": {"operation": "insert"}, "point": "before_commit", "kind": "reset"})
    with pytest.raises(PlanError, match=r"never befalls insert; set match\.operation to commit"):
        Seam(elsewhere, sqlite3)


class Connection:
    """A driver's connection as far as the seam uses it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def rollback(self) -> None:
        self.done.append("rollback")

    def close(self) -> None:
        self.done.append("close")


@pytest.mark.parametrize(
    ("point", "error", "done"),
    [
        ("apply", "deadlock", ["rollback"]),
        ("apply", "lock_timeout", []),
        ("apply", "killed_session", ["rollback", "close"]),
        ("before_commit", "in_doubt", ["rollback"]),
        ("after_commit", "in_doubt", ["COMMIT"]),
        ("before_commit", "completion_unknown", ["rollback"]),
        ("after_commit", "completion_unknown", ["COMMIT"]),
    ],
)
@pytest.mark.parametrize("driver", ["psycopg", "pymysql"])
def test_errors_of_servers_are_those_of_their_drivers(driver: str, point: str, error: str, done: list[str]) -> None:
    module = importlib.import_module(driver)
    seam = Seam(planned({"point": point, "kind": "sql_error", "params": {"error": error}}), module)
    connection = Connection()
    with pytest.raises(module.Error) as raised:
        seam.around("commit", connection, lambda: connection.done.append("COMMIT"))
    known: Any = raised.value
    if driver == "psycopg":
        assert (known.sqlstate, str(known)) == POSTGRES[error]
    else:
        assert known.args == (MYSQL[error][0], MYSQL[error][2])
    assert connection.done == done
