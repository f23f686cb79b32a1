"""Opening the file: its tables, its durability, and clear words when it cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from .schema import VERSION, check_version, ledger_meta, metadata
from .statements import SQLITE

_DIALECT = sqlite.dialect()
_PAUSE = 0.05  # seconds between two tries to switch the file to WAL


def connect(
    settings: LedgerSettings, *, flush: bool = True
) -> tuple[sqlite3.Connection, Callable[[sqlite3.Error], str]]:
    """Open the file, in WAL mode with every commit flushed, and make its tables.

    Args:
        settings: Path and how long to wait for other processes.
        flush: False where the machine cannot fail, because it is simulated.

    Returns:
        The connection in autocommit mode, and what puts its errors into words.

    Raises:
        LedgerUnavailable: The file cannot be used; the message says what to do.
    """
    path = Path(settings.path)
    if not path.parent.is_dir():
        raise LedgerUnavailable(f"the folder {path.parent} of the ledger does not exist; make it", code="ledger")

    def describe(error: sqlite3.Error) -> str:
        return in_words(path, error)

    try:
        connection = sqlite3.connect(path, timeout=settings.busy_timeout, isolation_level=None, check_same_thread=False)
        try:
            _use_wal(connection, settings.busy_timeout)
            _set_up(connection, path, flush=flush)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise LedgerUnavailable(describe(error), code="ledger") from None
    return connection, describe


def _set_up(connection: sqlite3.Connection, path: Path, *, flush: bool) -> None:
    connection.execute(f"PRAGMA synchronous={'FULL' if flush else 'OFF'}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _is_made(connection, path):
            for text in _tables():
                connection.execute(text)
            connection.execute(SQLITE.set_schema_version.text, (VERSION,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@cache
def _tables() -> tuple[str, ...]:
    """The statements that make the tables."""
    found: list[str] = []
    for table in metadata.sorted_tables:
        found.append(str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        found += [str(CreateIndex(index, if_not_exists=True).compile(dialect=_DIALECT)) for index in indexes]
    return tuple(found)


def _is_made(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there; refuses a file of another version before anything in it is touched."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (ledger_meta.name,)).fetchone() is None:
        return False
    (found,) = connection.execute(SQLITE.schema_version.text).fetchone()
    check_version(found, str(path))
    return True


def _use_wal(connection: sqlite3.Connection, patience: float) -> None:
    # Changing the mode takes an exclusive lock for which SQLite's own waiting does not always wait; so it is
    # told not to wait at all, and each try is short.
    connection.execute("PRAGMA busy_timeout=0")
    for left in reversed(range(int(patience / _PAUSE) + 1)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if left == 0 or not _name(error).startswith(_LOCKED):
                raise
        threading.Event().wait(_PAUSE)
    connection.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")


_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")


def _name(error: sqlite3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


def in_words(path: Path, error: sqlite3.Error) -> str:
    """An error of the file in one clear sentence.

    Args:
        path: The file.
        error: What SQLite said.
    """
    name = _name(error)
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return f"the ledger {path} is not a readable database ({error}); restore it from a backup, or name another file"
    if name.startswith(_LOCKED):
        return f"the ledger {path} is locked by another program; close that, or raise ledger.busy_timeout"
    if name.startswith("SQLITE_FULL"):
        return f"the disk of the ledger {path} is full; free some space"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return f"the ledger {path} cannot be written ({error}); check the rights of the file and its folder"
    if name.startswith("SQLITE_IOERR"):
        return f"the ledger {path} cannot be read or written ({error}); check its disk"
    return f"the ledger {path} failed: {error}"
