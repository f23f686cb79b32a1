"""Faults inside the client's own process, at SQLAlchemy's seam: a statement or COMMIT fails before or after it ran.

For databases without a wire (SQLite), and where a proxy would be too much. An error looks the same to the client on
both sides of the commit, and the truth is the opposite. Source: SQLAlchemy's `Dialect.do_commit` and `do_execute`,
through which each of them goes.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from sqlalchemy import Engine

from ..faults import Fault, Plan, PlanError
from ..injector import FaultInjector, RequestFacts
from .errors import ROLLED_BACK, driver_error, unspoken
from .statements import OPERATIONS, operation_of

KINDS: Final = frozenset({"reset", "hang", "slow", "lock_error", "sql_error"})
"""The kinds of fault that can befall a statement here."""

_LOCKED: Final = {"sqlite3": ("database is locked",), "pymysql": (1213, "Deadlock found when trying to get lock")}
_LOST: Final = {"sqlite3": ("disk I/O error",), "pymysql": (2013, "Lost connection to MySQL server during query")}


class Seam:
    """Chooses and carries out the faults of one database, and counts.

    Args:
        plan: The faults.
        seed: Seed in place of the plan's own.
        system: The name that plans match on.
        driver: The driver's module, whose errors are raised.
        tally: File that counts over kills: a byte for each transaction (`c`) or read (`r`), and for each fault (`f`).
        now: The clock.
        sleep: Waits; the caller's thread is the one that hangs.

    Raises:
        PlanError: The plan holds a fault that cannot befall a statement.
    """

    def __init__(
        self,
        plan: Plan,
        driver: ModuleType,
        *,
        seed: int | None = None,
        system: str = "sql",
        tally: Path | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        for fault in plan.faults:
            if fault.match.system in (None, system) and not fault.client_side and fault.kind not in KINDS:
                known = ", ".join(sorted(KINDS))
                raise PlanError(f"fault {fault.id!r}: {fault.kind} cannot befall a statement; what can: {known}")
            if fault.match.system in (None, system) and (problem := unspoken(driver, fault)):
                raise PlanError(f"fault {fault.id!r} can never fire: {problem}")
        self.faults = FaultInjector(
            plan if seed is None else plan.with_seed(seed), system=system, operations=OPERATIONS, now=now
        )
        self._system = system
        self._driver = driver
        self._name = driver.__name__.partition(".")[0]
        self._sleep = sleep
        self.statements = 0
        """How many statements and COMMITs there were."""
        self._tally = None if tally is None else os.open(tally, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def around(self, operation: str, connection: Any, run: Callable[[], None]) -> None:
        """Run a statement, or COMMIT, under at most one fault.

        Args:
            operation: One of `statements.OPERATIONS`.
            connection: The driver's connection; a fault that breaks it closes it.
            run: Runs it.
        """
        self._count({"commit": b"c", "select": b"r"}.get(operation, b""))
        self.statements += 1
        fault = self.faults.select(RequestFacts(self._system, operation, OPERATIONS[operation], number=self.statements))
        if fault is None:
            run()
            return
        self._count(b"f")
        if fault.point in ("send", "apply", "before_commit"):
            self._before(fault, connection, run)
        elif fault.kind == "sql_error":
            run()
            raise driver_error(self._driver, fault.param("error"))
        else:
            run()
            self._break(fault, connection)

    def _before(self, fault: Fault, connection: Any, run: Callable[[], None]) -> None:
        if fault.kind == "slow":
            self._sleep(fault.param("seconds"))
            run()
        elif fault.kind == "lock_error":
            connection.rollback()  # the victim of a deadlock is rolled back by the database
            raise self._error(_LOCKED)
        elif fault.kind == "sql_error":
            self._refuse(fault.param("error"), connection)
        else:
            self._break(fault, connection)

    def _refuse(self, error: str, connection: Any) -> None:
        if error in ROLLED_BACK:
            connection.rollback()
        if error == "killed_session":
            connection.close()
        raise driver_error(self._driver, error)

    def _break(self, fault: Fault, connection: Any) -> None:
        if fault.kind in ("hang", "slow"):
            self._sleep(fault.param("seconds"))
        if fault.kind == "slow":
            return
        with contextlib.suppress(Exception):
            # An open transaction ends with its connection; a file has none that could break, only the transaction ends.
            connection.rollback() if self._name == "sqlite3" else connection.close()
        raise self._error(_LOST)

    def _error(self, words: dict[str, tuple[Any, ...]]) -> Exception:
        default = ("deadlock detected",) if words is _LOCKED else ("server closed the connection unexpectedly",)
        error: Exception = self._driver.OperationalError(*words.get(self._name, default))
        if self._name == "sqlite3":  # as the driver itself says it
            code = "SQLITE_BUSY" if words is _LOCKED else "SQLITE_IOERR"
            vars(error).update(sqlite_errorname=code, sqlite_errorcode=getattr(self._driver, code))
        return error

    def _count(self, mark: bytes) -> None:
        if self._tally is not None and mark:
            os.write(self._tally, mark)


def install(engine: Engine, plan: Plan, **how: Any) -> tuple[Seam, Callable[[], None]]:
    """Put a seam around an engine's statements.

    Args:
        engine: The engine.
        plan: The faults.
        **how: Further arguments of `Seam`.

    Returns:
        The seam, and what takes it away again.
    """
    dialect: Any = engine.dialect
    seam = Seam(plan, dialect.dbapi, **how)
    return seam, attach(engine, seam)


def attach(engine: Engine, seam: Seam) -> Callable[[], None]:
    """Put a seam that several engines share around one engine's statements; the answer takes it away again."""
    dialect: Any = engine.dialect
    real = {name: getattr(dialect, name) for name in ("do_commit", "do_execute")}

    def do_commit(connection: Any) -> None:
        seam.around("commit", _innermost(connection), lambda: real["do_commit"](connection))

    def do_execute(cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        run = lambda: real["do_execute"](cursor, statement, parameters, context)  # noqa: E731 -- it is handed on
        seam.around(operation_of(statement), cursor.connection, run)

    dialect.do_commit, dialect.do_execute = do_commit, do_execute

    def remove() -> None:
        del dialect.do_commit, dialect.do_execute

    return remove


def _innermost(connection: Any) -> Any:
    """The driver's own connection behind SQLAlchemy's pool."""
    return getattr(connection, "driver_connection", None) or connection
