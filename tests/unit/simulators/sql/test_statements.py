"""Statements are named the same, whatever their spelling."""

from __future__ import annotations

import pytest

from seawall.simulators.sql.statements import operation_of


@pytest.mark.parametrize(
    ("statement", "operation"),
    [
        ("SELECT 1", "select"),
        ("  \n-- a note\n/* and\nanother */ update t set a = 1", "update"),
        ("Insert INTO t VALUES (1)", "insert"),
        ("DELETE FROM t", "delete"),
        ("CALL ship_order('1')", "call"),
        ("START TRANSACTION READ ONLY", "begin"),
        ("COMMIT", "commit"),
        ("ROLLBACK", "rollback"),
        ("ROLLBACK TO SAVEPOINT a", "other"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "select"),
        ("WITH x AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM x", "update"),
        ("CREATE TABLE t (a INT)", "ddl"),
        ("SAVEPOINT a", "other"),
        ("", "other"),
    ],
)
def test_a_statement_has_the_name_of_what_it_does(statement: str, operation: str) -> None:
    assert operation_of(statement) == operation
