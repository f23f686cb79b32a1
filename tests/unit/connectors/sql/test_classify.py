"""Every exception of SQLAlchemy and of the drivers is mapped, and none is a refusal without the database's word."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import psycopg.errors
import pymysql  # type: ignore[import-untyped]  # it ships no types
import pytest
from pymysql.constants import CR, ER  # type: ignore[import-untyped]
from sqlalchemy import exc

from seawall.connectors.sql import codes
from seawall.connectors.sql.classify import BY_CLASS, classify, word_of
from seawall.core.adapter import Mapped
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    CommitUnknown,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    Forbidden,
    IntegrationError,
    InvalidRequest,
    PoolExhausted,
    Refused,
    Throttled,
    Unauthenticated,
)

CLASSES = [
    one
    for one in vars(exc).values()
    if isinstance(one, type) and issubclass(one, BaseException) and one.__module__ == exc.__name__
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_exception_class_of_sqlalchemy_is_mapped_and_refuses_nothing_by_itself(cls: type[BaseException]) -> None:
    assert cls in BY_CLASS
    assert not issubclass(BY_CLASS[cls].error, Refused)


def test_the_enumeration_finds_the_classes() -> None:
    assert {exc.OperationalError, exc.TimeoutError, exc.SAWarning, exc.NoResultFound} <= set(CLASSES)
    assert len(CLASSES) > 50


def wrapped(origin: Exception, cls: type[exc.DBAPIError] = exc.OperationalError, *, lost: bool = False) -> Exception:
    return cls("INSERT", {}, origin, connection_invalidated=lost)


def of_psycopg() -> Iterator[type[psycopg.Error]]:
    for one in vars(psycopg.errors).values():
        if isinstance(one, type) and issubclass(one, psycopg.Error) and one.sqlstate:
            yield one


@pytest.mark.parametrize("cls", list(of_psycopg()), ids=lambda cls: cls.__name__)
def test_every_sqlstate_of_postgresql_means_something(cls: type[psycopg.Error]) -> None:
    found = classify(wrapped(cls("the reason")))
    assert found.code == cls.sqlstate
    assert type(found) is not Ambiguous
    assert found.message == "the reason"


class Sqlite(sqlite3.OperationalError):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.sqlite_errorname = name


@pytest.mark.parametrize(
    "name", [name for name in vars(sqlite3) if name.startswith("SQLITE_") and "_" in name and name.isupper()]
)
def test_no_error_of_sqlite_is_taken_for_another_kind(name: str) -> None:
    word = word_of(Sqlite(name))
    if any(name.startswith(known) for known in codes.SQLITE):
        assert word.mapped is not None
    else:
        assert word.mapped is None


class Pyodbc(Exception):
    """As pyodbc raises it: the SQLSTATE, and the text with SQL Server's own number."""


class OracleDetail:
    def __init__(self, code: str) -> None:
        self.full_code = code


CASES: list[tuple[Exception, type[IntegrationError], bool]] = [
    (psycopg.errors.UniqueViolation("x"), Conflict, False),
    (psycopg.errors.SerializationFailure("x"), Conflict, True),
    (psycopg.errors.DeadlockDetected("x"), Conflict, True),
    (psycopg.errors.LockNotAvailable("x"), Conflict, True),
    (psycopg.errors.QueryCanceled("x"), Throttled, True),
    (psycopg.errors.TooManyConnections("x"), Throttled, True),
    (psycopg.errors.ReadOnlySqlTransaction("x"), Forbidden, True),
    (psycopg.errors.InsufficientPrivilege("x"), Forbidden, False),
    (psycopg.errors.InvalidPassword("x"), Unauthenticated, False),
    (psycopg.errors.AdminShutdown("x"), ConnectionLost, True),
    (psycopg.errors.RaiseException("x"), BusinessRule, False),
    (psycopg.errors.StatementCompletionUnknown("x"), CommitUnknown, True),
    (psycopg.errors.TransactionResolutionUnknown("x"), CommitUnknown, True),
    (psycopg.OperationalError("server closed the connection unexpectedly"), Ambiguous, False),
    (pymysql.err.IntegrityError(ER.DUP_ENTRY, "x"), Conflict, False),
    (pymysql.err.OperationalError(ER.LOCK_DEADLOCK, "x"), Conflict, True),
    (pymysql.err.OperationalError(ER.LOCK_WAIT_TIMEOUT, "x"), Conflict, True),
    (pymysql.err.OperationalError(1969, "x"), Throttled, True),
    (pymysql.err.OperationalError(ER.OPTION_PREVENTS_STATEMENT, "x"), Forbidden, True),
    (pymysql.err.OperationalError(ER.ACCESS_DENIED_ERROR, "x"), Unauthenticated, False),
    (pymysql.err.OperationalError(CR.CR_SERVER_LOST, "x"), ConnectionLost, True),
    (pymysql.err.OperationalError(CR.CR_CONN_HOST_ERROR, "x"), ConnectFailed, True),
    (pymysql.err.OperationalError(ER.ERROR_DURING_COMMIT, "x"), CommitUnknown, True),
    (pymysql.err.InternalError(1105, "x"), Ambiguous, False),
    (Sqlite("SQLITE_CONSTRAINT_UNIQUE"), Conflict, False),
    (Sqlite("SQLITE_CONSTRAINT_FOREIGNKEY"), BusinessRule, False),
    (Sqlite("SQLITE_BUSY_SNAPSHOT"), Conflict, True),
    (Sqlite("SQLITE_CANTOPEN"), ConnectFailed, True),
    (Pyodbc("23000", "[23000] Violation of UNIQUE KEY (2627) (SQLExecDirectW)"), Conflict, False),
    (Pyodbc("40001", "[40001] chosen as the deadlock victim (1205) (SQLExecDirectW)"), Conflict, True),
    (Pyodbc("08S01", "[08S01] Communication link failure (0)"), ConnectionLost, True),
    (Exception(OracleDetail("ORA-00001")), Conflict, False),
    (Exception(OracleDetail("ORA-08177")), Conflict, True),
    (Exception(OracleDetail("ORA-03113")), ConnectionLost, True),
]


@pytest.mark.case(47)
@pytest.mark.parametrize(("origin", "error", "transient"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_a_databases_code_decides(origin: Exception, error: type[IntegrationError], transient: bool) -> None:
    found = classify(wrapped(origin))
    assert (type(found), found.transient) == (error, transient)


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (exc.TimeoutError("QueuePool limit of size 1 overflow 0 reached"), PoolExhausted),
        (exc.DisconnectionError("x"), ConnectionLost),
        (exc.ArgumentError("x"), InvalidRequest),
        (exc.NoDBAPILoaded("x"), ConnectFailed),
        (exc.PendingRollbackError("x"), Ambiguous),
        (RuntimeError("whatever"), Ambiguous),
        (wrapped(psycopg.ProgrammingError("can't adapt type 'object'"), exc.ProgrammingError), Ambiguous),
        (wrapped(Exception("broken pipe"), lost=True), ConnectionLost),
    ],
)
def test_without_a_code_only_the_class_speaks_and_nothing_is_refused(
    raised: Any, error: type[IntegrationError]
) -> None:
    assert type(classify(raised)) is error


def test_an_actions_own_code_goes_before_the_usual_one() -> None:
    found = classify(wrapped(psycopg.errors.RaiseException("E17")), {"P0001": Mapped(Throttled)})
    assert (type(found), found.code) == (Throttled, "P0001")
