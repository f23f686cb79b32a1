"""What families of databases have in common, and in what they differ, as far as an action's truth depends on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar, Literal

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect

from ...core.errors import InvalidRequest

Fate = Literal["committed", "aborted", "in progress"]

_USUAL = (str, bytes, bool, int, float, Decimal, date, time)  # what every driver takes as it is


class Family:
    """A database that is only known to have transactions: SQL Server, Oracle and whatever SQLAlchemy speaks to.

    Args:
        dialect: SQLAlchemy's dialect.
    """

    locks: ClassVar[bool] = False
    """Whether a lock on a key tells that no transaction with this key is open: then an absence is final."""
    tells_fate: ClassVar[bool] = False
    """Whether the database can be asked what became of a transaction."""
    procedures_commit: ClassVar[bool] = True
    """Whether a procedure may commit by itself in the middle of our transaction."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def connect_arguments(self, connect_timeout: float) -> dict[str, Any]:
        """Arguments of the driver for a connection.

        Args:
            connect_timeout: Seconds until it gives up.
        """
        del connect_timeout
        return {}

    def prepare(self, engine: Engine, *, reads: bool) -> None:
        """Register what the driver needs to have real transactions."""

    def greet(self, connection: Any, *, reads: bool) -> dict[str, Any]:
        """Set a new connection of the driver up, and refuse one that would not do what is promised.

        Args:
            connection: The driver's connection.
            reads: Whether it is for reads only.

        Returns:
            Facts for `Connection.info`; `transactional` tells whether it is known not to commit by itself.

        Raises:
            InvalidRequest: It must not be used.
        """
        del reads
        try:
            autocommit = self.dialect.detect_autocommit_setting(connection)
        except NotImplementedError:
            return {"transactional": False}
        if autocommit:
            raise _autocommits()
        return {"transactional": True}

    def begin(self, connection: Connection, seconds: float, lock_seconds: float) -> None:
        """Begin a transaction that the server itself ends.

        Args:
            connection: The connection; no transaction is open.
            seconds: Longest time of a statement, and of silence between two.
            lock_seconds: Longest wait for a lock.
        """
        del seconds, lock_seconds
        connection.begin()

    def limited(self, connection: Connection, sql: str, rows: int) -> str:
        """A read that the server answers with no more rows than this, where rows do not come as they are asked for.

        Args:
            connection: It will be asked.
            sql: The statement.
            rows: The most rows that are wanted.
        """
        del connection, rows
        return sql

    def hold(self, connection: Connection, key: str, seconds: float) -> Mapping[str, Any]:
        """Lock the key for as long as the transaction is open, and say what is known of the transaction.

        Args:
            connection: In the transaction, before its first write.
            key: The idempotency key.
            seconds: Longest wait.
        """
        del connection, key, seconds
        return {}

    def release(self, connection: Connection, key: str) -> None:
        """Give up the key, where the end of the transaction does not."""

    def is_settled(self, connection: Connection, key: str) -> bool:
        """Whether no transaction with this key is open any more. The lock is held until this transaction ends."""
        del connection, key
        return True

    def misleading(self, connection: Connection) -> str | None:
        """Why what is read here may be behind what is committed; None on a primary."""
        del connection
        return None

    def fate(self, connection: Connection, transaction: Mapping[str, Any]) -> Fate | None:
        """What became of a transaction; None if the database does not know.

        Args:
            connection: In another transaction.
            transaction: What `hold` said of it.
        """
        del connection, transaction
        return None

    def untransacted(self, connection: Connection, sql: Sequence[str]) -> tuple[str, ...]:
        """Tables that statements may write outside of any transaction.

        Args:
            connection: Any.
            sql: The statements.
        """
        del connection, sql
        return ()

    def kept_after_rollback(self, connection: Connection) -> bool:
        """Whether the server says that a rollback just now left something in place."""
        del connection
        return False

    def is_refused_commit(self, code: str | None, error: BaseException) -> bool:
        """Whether an error in answer to COMMIT says that all was rolled back."""
        del code, error
        return False

    def cut(self, connection: Any) -> None:
        """End a driver's wait on its connection, from another thread."""
        found = getattr(connection, "fileno", None)
        try:
            descriptor = found() if callable(found) else getattr(connection, "_sock").fileno()  # noqa: B009 -- pymysql
            with socket.socket(fileno=os.dup(descriptor)) as sock:
                sock.shutdown(socket.SHUT_RDWR)
        except Exception:  # noqa: BLE001 -- it is closed already, or a driver that cannot be interrupted
            return

    def adapt(self, value: Any) -> Any:
        """A parameter as every driver of the family takes it."""
        return value if value is None or isinstance(value, _USUAL) else str(value)

    def checks(self, connection: Connection) -> list[str]:
        """What speaks against this database, a sentence each."""
        del connection
        return []


class SqliteFamily(Family):
    """SQLite: one writer at a time, which BEGIN IMMEDIATE makes sure of from the start.

    https://sqlite.org/lang_transaction.html. The driver's own transaction control is switched off: it would begin
    only with the first change (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html, "transactions").
    """

    locks: ClassVar[bool] = True
    procedures_commit: ClassVar[bool] = False

    def connect_arguments(self, connect_timeout: float) -> dict[str, Any]:
        """Connections are handed from thread to thread."""
        return {"timeout": connect_timeout, "check_same_thread": False}

    def prepare(self, engine: Engine, *, reads: bool) -> None:
        """BEGIN is ours."""
        begin = "BEGIN" if reads else "BEGIN IMMEDIATE"

        def on_begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine, "begin", on_begin)

    def greet(self, connection: Any, *, reads: bool) -> dict[str, Any]:
        """No implicit transactions; foreign keys are meant to hold; reads cannot write."""
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if reads:
            connection.execute("PRAGMA query_only = ON")
        return {"transactional": True}

    def begin(self, connection: Connection, seconds: float, lock_seconds: float) -> None:
        """The wait for the only writer's place is bounded."""
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.cursor().execute(f"PRAGMA busy_timeout = {max(int(min(seconds, lock_seconds) * 1000), 0)}")
        connection.begin()

    def is_refused_commit(self, code: str | None, error: BaseException) -> bool:
        """BUSY and a deferred constraint leave the transaction open (lang_transaction.html); it is then rolled back."""
        del error
        return code is not None and code.startswith(("SQLITE_BUSY", "SQLITE_CONSTRAINT"))

    def cut(self, connection: Any) -> None:
        """https://sqlite.org/c3ref/interrupt.html."""
        try:
            connection.interrupt()
        except Exception:  # noqa: BLE001 -- it is closed already
            return

    def adapt(self, value: Any) -> Any:
        """SQLite has no decimals and no times: they are kept as text, in the form that its own functions read."""
        if isinstance(value, Decimal):
            return str(value)
        if isinstance(value, datetime):
            return value.isoformat(" ")
        return value.isoformat() if isinstance(value, date | time) else super().adapt(value)


def family_of(dialect: Dialect) -> Family:
    """The family of a dialect."""
    from .mysql import MysqlFamily
    from .postgres import PostgresFamily

    if dialect.name == "postgresql":
        return PostgresFamily(dialect)
    if dialect.name in ("mysql", "mariadb"):
        return MysqlFamily(dialect)
    return SqliteFamily(dialect) if dialect.name == "sqlite" else Family(dialect)


def rows(connection: Any, sql: str) -> list[Any]:
    """Ask a driver's connection.

    Args:
        connection: The driver's connection.
        sql: The question.
    """
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
        return list(cursor.fetchall())
    finally:
        cursor.close()


def unfit_charset(what: str) -> InvalidRequest:
    """A connection that would lose characters."""
    return InvalidRequest(f"the connection would lose characters: {what}; nothing was sent", code="charset")


def _autocommits() -> InvalidRequest:
    return InvalidRequest(
        "the driver commits each statement by itself (autocommit): an action would be done in pieces. Take the option "
        "out of the URL or driver options; nothing was sent",
        code="autocommit",
    )
