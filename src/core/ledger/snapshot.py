"""Reading a whole ledger as it is at one moment, row by row, while others go on writing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Column, Connection, NullPool, Select, create_engine, event, inspect, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from .connection import in_words
from .opening import address_of
from .schema import check_version, ledger_meta

_AT_A_TIME = 1000  # rows that are fetched together


class Snapshot:
    """A ledger at one moment.

    Args:
        connection: In a transaction that sees one moment.
        where: The ledger, in words.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        self._connection = connection
        self.where = where

    def rows(self, query: Select[Any]) -> Iterator[Any]:
        """The rows of a query, a thousand at a time."""
        streamed = self._connection.execution_options(stream_results=True, yield_per=_AT_A_TIME)
        return iter(streamed.execute(query))

    def one(self, query: Select[Any]) -> Any:
        """The first row, or None."""
        return self._connection.execute(query).first()

    def in_bytes(self, column: Column[Any]) -> Any:
        """A column to order by as Python orders text, whatever the database's own language is."""
        return column.collate("C") if self._connection.dialect.name == "postgresql" else column


@contextmanager
def snapshot(settings: LedgerSettings) -> Iterator[Snapshot]:
    """Look at a ledger.

    Args:
        settings: Which one.

    Raises:
        LedgerUnavailable: It cannot be read, is of another version, or there is none.
    """
    if settings.url is not None:
        address = address_of(settings)
        where = address.where
        engine = create_engine("postgresql+psycopg://", poolclass=NullPool, creator=address.connect_to_upgrade)
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        said: Any = address.unavailable
    else:
        path = Path(settings.path)
        if not path.exists():
            raise LedgerUnavailable(f"there is no ledger {path}; it is made when it is first used", code="no_ledger")
        where = f"the ledger {path}"
        arguments = {"isolation_level": None, "timeout": settings.busy_timeout}
        engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args=arguments)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

        def said(error: BaseException) -> LedgerUnavailable:
            words = in_words(path, error) if isinstance(error, sqlite3.Error) else f"the ledger {path} failed: {error}"
            return LedgerUnavailable(words, code="ledger")

    try:
        with engine.connect() as connection, connection.begin():
            if connection.dialect.name == "sqlite":
                connection.execute(text("PRAGMA query_only=1"))
            _check(connection, where)
            yield Snapshot(connection, where)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise said(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error) from None
    finally:
        engine.dispose()


def _check(connection: Connection, where: str) -> None:
    if not inspect(connection).has_table(ledger_meta.name):
        raise LedgerUnavailable(f"{where} has no tables yet; they are made when it is first used", code="no_ledger")
    check_version(connection.execute(select(ledger_meta.c.schema_version)).scalar(), where)
