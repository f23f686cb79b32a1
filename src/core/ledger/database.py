"""The connection as the jobs see it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ..redaction import clean


class Database:
    """An SQLite connection that takes any text: what UTF-8 cannot hold is replaced, so that no row fails for it.

    Args:
        connection: The connection.
    """

    __slots__ = ("_execute",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def execute(self, text: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run a statement."""
        try:
            return self._execute(text, values)
        except UnicodeEncodeError:
            return self._execute(text, [clean(value) if isinstance(value, str) else value for value in values])
