"""What databases say when they refuse a statement, or do not know how a COMMIT ended."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from ..faults import Fault

POSTGRES: Final = {
    "deadlock": ("40P01", "deadlock detected"),
    "serialization": ("40001", "could not serialize access due to concurrent update"),
    "lock_timeout": ("55P03", "canceling statement due to lock timeout"),
    "statement_timeout": ("57014", "canceling statement due to statement timeout"),
    "read_only": ("25006", "cannot execute UPDATE in a read-only transaction"),
    "killed_session": ("57P01", "terminating connection due to administrator command"),
    "in_doubt": ("08007", "transaction resolution unknown"),
    "completion_unknown": ("40003", "statement completion unknown"),
}
"""Error → SQLSTATE and text."""
MYSQL: Final = {
    "deadlock": (1213, "40001", "Deadlock found when trying to get lock; try restarting transaction"),
    "serialization": (1213, "40001", "Deadlock found when trying to get lock; try restarting transaction"),
    "lock_timeout": (1205, "HY000", "Lock wait timeout exceeded; try restarting transaction"),
    "statement_timeout": (1969, "70100", "Query execution was interrupted (max_statement_time exceeded)"),
    "read_only": (1290, "HY000", "The server is running with the --read-only option"),
    "killed_session": (1927, "70100", "Connection was killed"),
    "in_doubt": (1180, "HY000", "Got error 5 during COMMIT"),
    "completion_unknown": (1180, "HY000", "Got error 5 during COMMIT"),
}
"""Error → number, SQLSTATE and text."""
SQLITE: Final = {
    "deadlock": ("SQLITE_BUSY", "database is locked"),
    "lock_timeout": ("SQLITE_BUSY", "database is locked"),
    "statement_timeout": ("SQLITE_INTERRUPT", "interrupted"),
    "read_only": ("SQLITE_READONLY", "attempt to write a readonly database"),
}
"""Error → result code and text; a file has no sessions that could be killed, and no COMMIT that is in doubt."""
ROLLED_BACK: Final = frozenset({"deadlock", "serialization", "killed_session", "in_doubt", "completion_unknown"})
"""Errors after which nothing of the transaction is left, where they come before its end."""


def driver_error(driver: ModuleType, error: str) -> Exception:
    """The exception that a driver raises for an error of its database."""
    known: Any = driver
    match driver.__name__.partition(".")[0]:
        case "sqlite3":
            code, text = SQLITE[error]
            raised: Exception = known.OperationalError(text)
            vars(raised).update(sqlite_errorname=code, sqlite_errorcode=getattr(known, code))
            return raised
        case "pymysql":
            number, _, text = MYSQL[error]
            return known.OperationalError(number, text)  # type: ignore[no-any-return] # as the driver has it
    state, text = POSTGRES[error]
    return known.errors.lookup(state)(text)  # type: ignore[no-any-return] # as the driver has it


def unspoken(driver: ModuleType, fault: Fault) -> str | None:
    """Why a driver's database never says what a fault has it say, or None."""
    if fault.kind == "sql_error" and driver.__name__.partition(".")[0] == "sqlite3":
        error = fault.param("error")
        if error not in SQLITE:
            return f"SQLite never says {error}; set params.error to {', '.join(SQLITE)}"
    return None
