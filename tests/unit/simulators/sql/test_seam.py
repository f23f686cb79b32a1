"""A statement or COMMIT fails on either side of it, and the database's own triggers tell the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, exc, text

from seawall.simulators.faults import Plan, PlanError
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
