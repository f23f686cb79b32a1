"""What a failure says, apart from where it came in a transaction.

The class of error tells what went wrong. What is known of the effect is decided by who knows how far the transaction
was (`endings.py`): before COMMIT was sent nothing is committed, after it almost nothing is a proof.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import exc

from ...core.adapter import Mapped
from ...core.errors import (
    Ambiguous,
    ConnectFailed,
    ConnectionLost,
    IntegrationError,
    InvalidRequest,
    PoolExhausted,
)
from . import codes

_UNMAPPED: Final = Mapped(Ambiguous, transient=False, outage=False)
_OURS: Final = Mapped(InvalidRequest)  # SQLAlchemy could not build or bind a statement: that one was not sent
_CONNECTION: Final = Mapped(ConnectionLost)

BY_CLASS: Final[Mapping[type[BaseException], Mapped]] = {
    exc.SQLAlchemyError: _UNMAPPED,
    exc.ArgumentError: _OURS,
    exc.AmbiguousColumnError: _OURS,
    exc.AmbiguousForeignKeysError: _OURS,
    exc.AwaitRequired: _UNMAPPED,
    exc.CircularDependencyError: _OURS,
    exc.CompileError: _OURS,
    exc.ConstraintColumnNotFoundError: _OURS,
    exc.DBAPIError: _UNMAPPED,
    exc.DataError: _UNMAPPED,
    exc.DatabaseError: _UNMAPPED,
    exc.DisconnectionError: _CONNECTION,
    exc.DuplicateColumnError: _OURS,
    exc.EmulatedDBAPIException: _UNMAPPED,
    exc.IdentifierError: _OURS,
    exc.IllegalStateChangeError: _UNMAPPED,
    exc.IntegrityError: _UNMAPPED,
    exc.InterfaceError: _UNMAPPED,
    exc.InternalError: _UNMAPPED,
    exc.InvalidRequestError: _UNMAPPED,
    exc.InvalidatePoolError: _CONNECTION,
    exc.MissingGreenlet: _UNMAPPED,
    exc.MultipleResultsFound: _UNMAPPED,
    exc.NoDBAPILoaded: Mapped(ConnectFailed, transient=False, outage=False),
    exc.NoForeignKeysError: _OURS,
    exc.NoInspectionAvailable: _OURS,
    exc.NoReferenceError: _OURS,
    exc.NoReferencedColumnError: _OURS,
    exc.NoReferencedTableError: _OURS,
    exc.NoResultFound: _UNMAPPED,
    exc.NoSuchColumnError: _UNMAPPED,
    exc.NoSuchModuleError: Mapped(ConnectFailed, transient=False, outage=False),
    exc.NoSuchTableError: _OURS,
    exc.NotSupportedError: _UNMAPPED,
    exc.ObjectNotExecutableError: _OURS,
    exc.OperationalError: _UNMAPPED,
    exc.PendingRollbackError: _UNMAPPED,
    exc.ProgrammingError: _UNMAPPED,
    exc.ResourceClosedError: _UNMAPPED,
    exc.StatementError: _OURS,
    exc.TimeoutError: Mapped(PoolExhausted),
    exc.UnboundExecutionError: _OURS,
    exc.UnreflectableTableError: _OURS,
    exc.UnsupportedCompilationError: _OURS,
    exc.Base20DeprecationWarning: _UNMAPPED,
    exc.LegacyAPIWarning: _UNMAPPED,
    exc.MovedIn20Warning: _UNMAPPED,
    exc.SADeprecationWarning: _UNMAPPED,
    exc.SAPendingDeprecationWarning: _UNMAPPED,
    exc.SATestSuiteWarning: _UNMAPPED,
    exc.SAWarning: _UNMAPPED,
}
"""Every exception of SQLAlchemy. None is a refusal by itself: that takes a code of the database's own."""


class Word(NamedTuple):
    """What a database, or its driver, said.

    Args:
        code: The database's own code; None where only the driver spoke.
        text: What it said, in one line.
        mapped: What the code means; None if nobody knows it.
    """

    code: str | None
    text: str
    mapped: Mapped | None


def classify(error: BaseException, declared: Mapping[str, Mapped] | None = None) -> IntegrationError:
    """The error for an exception of SQLAlchemy or of a driver, with the effect that its class has by default.

    Args:
        error: The exception.
        declared: The action's own codes, which go before the usual ones.
    """
    if isinstance(error, IntegrationError):
        return error
    word = word_of(error)
    evidence: dict[str, Any] = {"exception": type(_origin(error)).__name__}
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        evidence["connection_invalidated"] = True
    mapped = (declared or {}).get(word.code or "") or word.mapped
    if mapped is None and evidence.get("connection_invalidated"):
        mapped = codes.LOST
    if mapped is None:
        mapped = next(BY_CLASS[one] for one in type(error).__mro__ if one in BY_CLASS) if _known(error) else _UNMAPPED
    return mapped.build(word.text, code=word.code or _name(mapped), evidence=evidence)


def word_of(error: BaseException) -> Word:
    """What the database said in an exception."""
    origin = _origin(error)
    text = " ".join(str(origin).split())[:500] or type(origin).__name__
    arguments = origin.args
    first = arguments[0] if arguments else None
    state = getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)
    if isinstance(first, int) and not isinstance(first, bool) and first > 0:
        meant = codes.MYSQL.get(str(first)) or (_of_state(state) if isinstance(state, str) else None)
        return Word(str(first), text, meant)
    if isinstance(state, str) and state:
        return Word(state, text, _of_state(state))
    name = getattr(origin, "sqlite_errorname", None)
    if isinstance(name, str):
        return Word(name, text, _of_sqlite(name))
    full = getattr(first, "full_code", None)
    if isinstance(full, str):
        return Word(full, text, codes.ORACLE.get(full))
    if isinstance(first, str) and re.fullmatch(r"[0-9A-Z]{5}", first) and len(arguments) > 1:
        numbers = re.findall(r"\((\d{3,5})\)", text)
        found = [codes.SQLSERVER_NUMBERS[one] for one in numbers if one in codes.SQLSERVER_NUMBERS]
        return Word(first, text, found[0] if found else _of_state(first))
    return Word(None, text, None)


def _origin(error: BaseException) -> BaseException:
    origin = getattr(error, "orig", None)
    return origin if isinstance(origin, BaseException) else error


def _known(error: BaseException) -> bool:
    return any(one in BY_CLASS for one in type(error).__mro__)


def _name(mapped: Mapped) -> str:
    return "unmapped" if mapped is _UNMAPPED else re.sub(r"(?<!^)(?=[A-Z])", "_", mapped.error.__name__).lower()


def _of_state(state: str) -> Mapped | None:
    return codes.SQLSTATES.get(state) or codes.CLASSES.get(state[:2])


def _of_sqlite(name: str) -> Mapped | None:
    while name:
        if name in codes.SQLITE:
            return codes.SQLITE[name]
        name = name.rpartition("_")[0]
    return None
