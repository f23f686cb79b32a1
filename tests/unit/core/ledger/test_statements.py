"""The statements: parameters where the jobs put them, and no walk through the whole history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from seawall.core.ledger import verdicts
from seawall.core.ledger.connection import connect
from seawall.core.ledger.records import AttemptRow, DecisionRow, Operation, ProbeRow
from seawall.core.ledger.statements import SQLITE as SQL
from seawall.core.ledger.statements import Statement
from seawall.core.settings import LedgerSettings


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = connect(LedgerSettings(path=str(tmp_path / "l.db")))
    yield connection
    connection.close()


def plan(db: sqlite3.Connection, statement: Statement) -> str:
    rows = db.execute(f"EXPLAIN QUERY PLAN {statement.text}", [None] * len(statement.names)).fetchall()
    return "\n".join(row[3] for row in rows)


def test_operation_is_written_in_the_order_of_the_record() -> None:
    assert SQL.insert_operation.names == tuple(Operation.__dataclass_fields__)


def test_verdict_is_written_in_the_order_of_the_jobs() -> None:
    assert SQL.finish.names == (
        "new_status", "outcome", "error", "sent_at", "last_sent_at", "next_check_at", "parked_because", "checked",
        "updated_at", "salt", "which", "by", "under",
    )  # fmt: skip
    assert verdicts._verdict_values.__reduce__()[1] == ("status", *SQL.finish.names[1:8])


@pytest.mark.parametrize(
    ("statement", "record"), [(SQL.attempts, AttemptRow), (SQL.probes, ProbeRow), (SQL.decisions, DecisionRow)]
)
def test_rows_are_read_in_the_order_of_the_record(db: sqlite3.Connection, statement: Statement, record: type) -> None:
    cursor = db.execute(statement.text, statement.values(id="op_1"))
    assert [column[0] for column in cursor.description] == list(record.__dataclass_fields__)  # type: ignore[attr-defined]  # a dataclass


@pytest.mark.parametrize(
    "name", ["by_id", "by_key", "unsettled_on_entity", "finish", "holds", "due", "anything_due", "next_due", "claim"]
)
def test_statement_of_the_hot_path_finds_its_rows_by_an_index(db: sqlite3.Connection, name: str) -> None:
    found = plan(db, getattr(SQL, name))
    assert "SEARCH operations USING" in found
    assert "SCAN" not in found


@pytest.mark.parametrize(
    "name",
    ["due_of_system", "abandoned_of_system", "anything_due_of_system", "anything_abandoned_of_system"],
)
def test_what_is_due_of_one_system_is_read_in_the_order_of_an_index(db: sqlite3.Connection, name: str) -> None:
    found = plan(db, getattr(SQL, name))
    assert "SEARCH operations USING" in found
    assert "TEMP B-TREE" not in found
    assert "SCAN" not in found


def test_counting_reads_an_index_and_not_the_requests(db: sqlite3.Connection) -> None:
    assert "SCAN operations USING COVERING INDEX ix_operations_status" in plan(db, SQL.counts)


@pytest.mark.parametrize("names", [(), ("system",), ("action", "principal"), ("status",), ("system", "status")])
def test_newest_operations_are_found_by_walking_back_and_not_by_sorting(
    db: sqlite3.Connection, names: tuple[str, ...]
) -> None:
    assert plan(db, SQL.find(*names)) == "SCAN operations"


@pytest.mark.parametrize(
    ("names", "index"),
    [
        (("status",), "ix_operations_status"),
        (("system", "status"), "ix_operations_status"),
        (("batch_id",), "batch_id"),
    ],
)
def test_rare_operations_are_found_by_an_index(db: sqlite3.Connection, names: tuple[str, ...], index: str) -> None:
    found = plan(db, SQL.find(*names, unsettled=True))
    assert "SEARCH operations USING INDEX" in found
    assert index in found
