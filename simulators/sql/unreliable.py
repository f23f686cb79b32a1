"""SQLite that fails as its URL says, for clients in other processes: `sqlite+unreliable:///orders.db?plan=…`.

Query parameters: `plan` (file of the fault plan), `seed`, and `tally` (file that counts over kills). Everything else is
SQLAlchemy's own dialect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from ..faults import Plan
from .seam import Seam
from .statements import operation_of


class UnreliableSqlite(SQLiteDialect_pysqlite):
    """The dialect."""

    supports_statement_cache = True
    _seam: Seam | None = None

    def create_connect_args(self, url: URL) -> Any:
        """Take the seam's own parameters out of the URL."""
        query = dict(url.query)
        plan, seed, tally = (query.pop(name, None) for name in ("plan", "seed", "tally"))
        if self._seam is None and plan is not None:
            import sqlite3

            self._seam = Seam(
                Plan.load(str(plan)),
                sqlite3,
                seed=None if seed is None else int(str(seed)),
                tally=None if tally is None else Path(str(tally)),
            )
        return super().create_connect_args(url.set(query=query))

    def do_commit(self, dbapi_connection: Any) -> None:
        """COMMIT, under at most one fault."""
        real: Any = super().do_commit
        if self._seam is None:
            real(dbapi_connection)
        else:
            self._seam.around("commit", dbapi_connection, lambda: real(dbapi_connection))

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """A statement, under at most one fault."""
        real: Any = super().do_execute
        if self._seam is None:
            real(cursor, statement, parameters, context)
        else:
            run = lambda: real(cursor, statement, parameters, context)  # noqa: E731 -- it is handed on
            self._seam.around(operation_of(statement), cursor.connection, run)


def register() -> None:
    """Make the URL known to SQLAlchemy in this process."""
    registry.register("sqlite.unreliable", __name__, UnreliableSqlite.__name__)
