"""How a statement is named, so that a plan can match on it, whatever the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..kinds import Lane

OPERATIONS: Final[Mapping[str, Lane]] = {
    "connect": "auth",
    "select": "read",
    "insert": "write",
    "update": "write",
    "delete": "write",
    "call": "write",
    "ddl": "write",
    "commit": "write",
    "begin": "read",
    "rollback": "read",
    "other": "read",
}
"""The names that a plan can match on, and the lane of each."""

_WORDS: Final = {
    "select": "select",
    "values": "select",
    "show": "select",
    "insert": "insert",
    "replace": "insert",
    "update": "update",
    "delete": "delete",
    "merge": "update",
    "call": "call",
    "exec": "call",
    "execute": "call",
    "create": "ddl",
    "alter": "ddl",
    "drop": "ddl",
    "truncate": "ddl",
    "begin": "begin",
    "start": "begin",
    "commit": "commit",
    "end": "commit",
    "rollback": "rollback",
    "abort": "rollback",
}
_COMMENTS: Final = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_WRITES_INSIDE: Final = re.compile(r"\b(insert\s+into|update|delete\s+from|merge\s+into)\b", re.IGNORECASE)


def operation_of(statement: str) -> str:
    """The operation that a statement stands for: one of `OPERATIONS`.

    A common table expression is named after the write inside it, or `select`; a rollback to a savepoint, which ends
    no transaction, is `other`.
    """
    text = _COMMENTS.sub("", statement, count=1)
    first = re.split(r"\W", text, maxsplit=1)[0].lower()
    if first == "with":
        inside = _WRITES_INSIDE.search(text)
        return "select" if inside is None else inside.group().split()[0].lower().replace("merge", "update")
    if first == "rollback" and re.match(r"rollback\s+(?:work\s+|transaction\s+)?to\b", text, re.IGNORECASE):
        return "other"
    return _WORDS.get(first, "other")
