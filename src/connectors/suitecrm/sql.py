"""The fragments of SQL that v4_1 takes as `query`, with every value escaped.

SuiteCRM's own check of such fragments (`SugarSQLValidate.php`) is no protection: it lets any condition through. A
literal written here stays one literal whether the database reads a backslash as an escape (MySQL, MariaDB) or not
(SQL Server, MySQL with NO_BACKSLASH_ESCAPES): a quote is doubled, which both read alike, and so is a backslash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...core.errors import InvalidRequest
from .exchange import Condition

_OPERATORS: Final = {"eq": "=", "gt": ">"}


def text(value: str) -> str:
    """A string literal, quotes included.

    Raises:
        InvalidRequest: It holds a control character, which no field that can be searched does.
    """
    if any(character < " " for character in value):
        raise InvalidRequest("a filter cannot hold control characters", code="filter")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def where(table: str, conditions: Sequence[Condition]) -> str:
    """The conditions, all of which must hold; empty if there are none."""
    return " AND ".join(_condition(table, condition) for condition in conditions)


def _condition(table: str, condition: Condition) -> str:
    if condition.field == "email1":
        return _by_email(table, condition.value)
    operator = _OPERATORS[condition.comparison]
    return f"{table}.{condition.field} {operator} {text(condition.value)}"


def _by_email(table: str, address: str) -> str:
    """E-mail addresses have tables of their own; a subquery of these is what SuiteCRM's check allows."""
    return (
        f"{table}.id IN (SELECT eabr.bean_id FROM email_addr_bean_rel eabr"  # noqa: S608 -- the value comes escaped
        " JOIN email_addresses ea ON (ea.id = eabr.email_address_id)"
        f" WHERE eabr.deleted = 0 AND ea.email_address = {text(address)})"
    )
