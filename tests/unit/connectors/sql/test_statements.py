"""Declared SQL that is refused, and why."""

from __future__ import annotations

import pytest

from seawall.connectors.sql.statements import UnusableStatement, read


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("UPDATE t SET a = 1; DELETE FROM t", "several statements"),
        ("UPDATE t SET a = ':name'", "inside quotes"),
        ("UPDATE t SET a = {name}", "would put text"),
        ("UPDATE t SET a = %s", "would put text"),
        ("UPDATE t SET a = %(name)s", "would put text"),
        ("UPDATE t SET a = ? WHERE b = 1", "would put text"),
        ("SELECT * FROM t WHERE a = $1", "would put text"),
        ("SELECT 1 -- all", "comments"),
        ("SELECT 1 /*! , 2 */", "comments"),
        ("SELECT 1 # all", "comments"),
        ("SELECT 'a\\' OR 1 = 1 --'", "backslash"),
        ("SELECT 'open", "not closed"),
        ("SELECT $a$text$a$", "dollar quotes"),
        ("COMMIT", "begins with one of"),
        ("DROP TABLE t", "begins with one of"),
        ("SET SESSION autocommit = 1", "begins with one of"),
        ("ALTER TABLE t ADD a INT", "begins with one of"),
        ("TRUNCATE t", "begins with one of"),
        ("", "begins with one of"),
        ("SELECT '\x00'", "NUL"),
    ],
)
def test_what_is_no_single_parametrised_statement_is_refused(sql: str, reason: str) -> None:
    with pytest.raises(UnusableStatement, match=reason):
        read(sql)


@pytest.mark.parametrize(
    ("sql", "verb", "parameters"),
    [
        ("INSERT INTO t (a, b) VALUES (:a, :b);", "insert", {"a", "b"}),
        ("  select a::text from t where b = :b and c = 'it''s; 12:30'", "select", {"b"}),
        ("(SELECT 1)", "select", set()),
        ("UPDATE \"a;b\" SET a = 1 WHERE c LIKE '%some%'", "update", set()),
        ("CALL close_month(:month)", "call", {"month"}),
    ],
)
def test_a_statement_is_read(sql: str, verb: str, parameters: set[str]) -> None:
    found = read(sql)
    assert (found.verb, set(found.parameters)) == (verb, parameters)
    assert not found.sql.endswith(";")
