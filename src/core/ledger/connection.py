"""Opening the file: its tables, its durability, and clear words when it cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, NullPool, create_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from . import statements as sql
from .schema import VERSION, metadata

_TRIES, _PAUSE = 50, 0.05


def connect(settings: LedgerSettings) -> tuple[sqlite3.Connection, Callable[[sqlite3.Error], str]]:
    """Open the file, in WAL mode with every commit flushed, and make its tables.

    Args:
        settings: Path and how long to wait for other processes.

    Returns:
        The connection in autocommit mode, and what puts its errors into words.

    Raises:
        LedgerUnavailable: The file cannot be used; the message says what to do.
    """
    path = Path(settings.path)
    if not path.parent.is_dir():
        raise LedgerUnavailable(f"the folder {path.parent} of the ledger does not exist; make it", code="ledger")

    def describe(error: sqlite3.Error) -> str:
        return _describe(path, error)

    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": settings.busy_timeout},
    )
    try:
        pooled = engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        assert isinstance(connection, sqlite3.Connection)
        try:
            _set_up(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise LedgerUnavailable(describe(error), code="ledger") from None
    return connection, describe


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    _use_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for table in metadata.sorted_tables:
            connection.execute(str(CreateTable(table, if_not_exists=True).compile(dialect=sql.DIALECT)))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(str(CreateIndex(index, if_not_exists=True).compile(dialect=sql.DIALECT)))
        (found,) = connection.execute(sql.SCHEMA_VERSION.text).fetchone()
        if found is None:
            connection.execute(sql.SET_SCHEMA_VERSION.text, (VERSION,))
        elif found > VERSION:
            raise LedgerUnavailable(
                f"{path} was written by a newer Seawall (schema {found}, this one knows {VERSION}); upgrade this one",
                code="ledger",
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    # Changing the mode takes an exclusive lock for which SQLite's busy timeout does not wait.
    for left in reversed(range(_TRIES)):
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if left == 0 or "locked" not in str(error):
                raise
        else:
            if mode == "wal":
                return
        threading.Event().wait(_PAUSE)


def _describe(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "not a database" in text or "malformed" in text:
        return f"the ledger {path} is not a readable database ({text}); restore it from a backup, or name another file"
    if "locked" in text or "busy" in text:
        return f"the ledger {path} is locked by another program; close that, or raise ledger.busy_timeout"
    if "full" in text:
        return f"the disk of the ledger {path} is full; free some space"
    if "readonly" in text or "unable to open" in text:
        return f"the ledger {path} cannot be written ({text}); check the rights of the file and its folder"
    return f"the ledger {path} failed: {text}"
