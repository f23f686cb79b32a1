"""What an action on a database is: the facts of any action, and the statements that do it.

A module of declared actions has a mapping `ACTIONS` of names to `SqlAction`s, and may have `ERRORS`, the codes that
hold for all of them. The same can be declared in `seawall.toml`; see docs/sql.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ValidationError

from ...core.adapter import Action, Attempt, NaturalKey, NoDedupe, Transactional, Upsert
from ...core.errors import ContractBroken, NotFound, Refused
from .statements import PROCEDURES, READS, UnusableStatement, is_identifier, read

KEY = "seawall_key"
"""The parameter that holds the idempotency key."""

Values: TypeAlias = Mapping[str, Any]
"""Parameters or a row: values by name."""


def as_asked(attempt: Attempt) -> Values:
    """The request's fields as parameters, by their names."""
    return attempt.request.model_dump()


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of an action.

    Args:
        sql: The statement; parameters are written as `:name`. `:seawall_key` is the idempotency key.
        rows: Rows that it must change or answer; None for any number. Otherwise all is rolled back.
        columns: Columns of its only row in the answer (`SELECT`, `RETURNING`), which later statements take as
            parameters and the reply takes as fields.
        generated: The name under which the generated key of an `INSERT` is known afterwards, where the database tells
            it beside the answer (MariaDB, MySQL, SQLite); others need `RETURNING` and `columns`.
        missing: What it means that too few rows were there; None for `PreconditionFailed` if the action has a version,
            else `NotFound`.
        verify: Columns of the answer that must be what was asked for under the same names; otherwise all is rolled
            back. This is how content that a column cannot hold is noticed.

    Raises:
        UnusableStatement: It cannot be used; see `statements.read`.
    """

    sql: str
    rows: int | None = 1
    columns: tuple[str, ...] = ()
    generated: str | None = None
    missing: type[Refused] | None = None
    verify: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        read(self.sql)
        if self.columns and self.rows != 1:
            raise UnusableStatement("columns are taken from one row: leave `rows` at 1")
        if not set(self.verify) <= set(self.columns):
            raise UnusableStatement("only columns of the answer can be verified: name them in `columns`, too")

    @property
    def verb(self) -> str:
        """Its first word, in lower case."""
        return read(self.sql).verb

    @property
    def parameters(self) -> frozenset[str]:
        """The names of its parameters."""
        return read(self.sql).parameters

    @property
    def gives(self) -> frozenset[str]:
        """What later statements may take from it."""
        return frozenset(self.columns) | ({self.generated} if self.generated else set())


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a probe looks where the key is in no `effects` table.

    Args:
        sql: A `SELECT` of the rows that the action may have made or changed.
        content: Columns that must be what was asked for under the same names.
        seen: The column that the action moves on, where its old value is what the caller saw under the same name
            (`NaturalKey` with a pre-image). As long as it is the old one, the action was not done.
        gone: True for a deletion: that no row is there is what was asked for.
    """

    sql: str
    content: tuple[str, ...] = ()
    seen: str | None = None
    gone: bool = False

    def __post_init__(self) -> None:
        if read(self.sql).verb not in READS:
            raise UnusableStatement("a probe only reads: its statement is a SELECT")


@dataclass(frozen=True, kw_only=True)
class TableWrite:
    """A write to one row of one table, for which the SQL is made here.

    Columns are the request's fields by their names; what is None is left to the database or as it is.

    Args:
        table: The table, with its schema if it needs one (`sales.orders`).
        write: What is done. An upsert updates the row, and inserts it if it is not there.
        key: The columns that find the row; for an insert those of the natural key, if any.
        version: The column that holds the row's version.
        advance: `increment` adds 1 to the version; `database` leaves it to the database (a trigger, a timestamp).
        key_column: The column that the idempotency key is written into (`ClientId`, `Marker`).
        returns: Columns that are read back for the reply.
        read_back: Whether the row is read back and compared before the commit, so that content which a column cannot
            hold is noticed and nothing is written.
    """

    table: str
    write: Literal["insert", "update", "upsert", "delete"]
    key: tuple[str, ...] = ()
    version: str | None = None
    advance: Literal["increment", "database"] = "increment"
    key_column: str | None = None
    returns: tuple[str, ...] = ()
    read_back: bool = True

    def __post_init__(self) -> None:
        named = [*self.key, *self.returns, *filter(None, (self.version, self.key_column))]
        wrong = [name for name in (*self.table.split("."), *named) if not is_identifier(name)]
        if wrong:
            raise UnusableStatement(f"{', '.join(map(repr, wrong))}: a name has letters, digits and underscores only")
        if self.write != "insert" and not self.key:
            raise UnusableStatement(f"an {self.write} needs the columns of the key that finds the row")


@dataclass(frozen=True, kw_only=True)
class SqlAction:
    """An action, and the statements that do it, all in one transaction.

    Args:
        action: The facts, as for any action.
        statements: The statements in order; leave them out where `table` says it.
        table: A write to one row instead.
        look: How a probe looks, for dedupe means other than `Transactional`.
        parameters: Makes the parameters from the attempt; by default the request's fields.
        record: The reply's field that is the record's id.
        rows: For a read of many rows: the reply's field that holds them. Beside it `complete` tells whether there
            are no more.

    Raises:
        UnusableStatement: The statements and the facts contradict each other.
    """

    action: Action
    statements: tuple[Statement, ...] = ()
    table: TableWrite | None = None
    look: Look | None = None
    parameters: Callable[[Attempt], Values] = as_asked
    record: str | None = None
    rows: str | None = None

    def __post_init__(self) -> None:
        problems = [*self._shape(), *self._names()]
        if problems:
            raise UnusableStatement(f"action {self.action.name!r}: " + " ".join(problems))

    @property
    def procedural(self) -> bool:
        """Whether it calls a procedure, which in some databases may commit by itself."""
        return any(statement.verb in PROCEDURES for statement in self.statements)

    @property
    def in_effects(self) -> bool:
        """Whether its key is written into the `effects` table."""
        return isinstance(self.action.dedupe, Transactional)

    def _shape(self) -> list[str]:
        found = []
        action = self.action
        if bool(self.statements) == bool(self.table):
            found.append("Declare either statements or a table.")
        if not action.writes and (self.table or [one for one in self.statements if one.verb not in READS]):
            found.append("A read takes SELECT statements only.")
        if not action.writes and len(self.statements) > 1:
            found.append("A read takes one statement.")
        if action.batch is not None:
            found.append("Batches are not offered: each operation is a transaction of its own.")
        # Without dedupe means a probe asks the database what became of the transaction.
        needs_look = action.probe is not None and not isinstance(action.dedupe, Transactional | NoDedupe)
        if needs_look and self.look is None and self.table is None:
            found.append("A probe needs a look: the SELECT that finds what was done.")
        if isinstance(action.dedupe, Upsert) and action.probe is not None:
            found.append("An upsert needs no probe: it is sent again.")
        return found

    def _names(self) -> list[str]:
        if self.parameters is not as_asked:
            return []
        known = {*self.action.request.model_fields, KEY}
        found = [f"{name!r} is no field of the request." for name in self._table_names() if name not in known]
        for statement in self.statements:
            unknown = sorted(statement.parameters - known)
            if unknown:
                found.append(f"Parameters that nobody declares: {', '.join(unknown)}.")
            known |= statement.gives
        if self.look is not None:
            wanted = {*read(self.look.sql).parameters, *self.look.content, *filter(None, (self.look.seen,))}
            unknown = sorted(wanted - {*self.action.request.model_fields, KEY})
            if unknown:
                found.append(f"The look takes what the request does not have: {', '.join(unknown)}.")
        return found

    def _table_names(self) -> tuple[str, ...]:
        if self.table is None:
            return ()
        natural = self.action.dedupe.fields if isinstance(self.action.dedupe, NaturalKey) else ()
        return (*self.table.key, *natural, *filter(None, (self.table.version,)))


def fit(model: type[BaseModel], values: Any) -> Any:
    """Read values as a model; UUIDs, which drivers of PostgreSQL answer, as text where the model has text.

    Raises:
        ContractBroken: They do not fit; the message names the fields and quotes nothing.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        with suppress(ValidationError):
            return model.model_validate(_with_text_for_uuids(values))
        wrong = ", ".join(sorted({".".join(map(str, one["loc"])) or "everything" for one in error.errors()}))
        raise ContractBroken(f"the answer does not look as expected: {wrong}", code="schema") from None


def _with_text_for_uuids(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {name: _with_text_for_uuids(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return tuple(_with_text_for_uuids(value) for value in values)
    return str(values) if isinstance(values, UUID) else values


def differing(wanted: Values, found: Values, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names under which something else was found than was wanted. What is None was not asked for."""
    return tuple(name for name in names if wanted.get(name) is not None and not same(wanted[name], found.get(name)))


def same(wanted: Any, found: Any) -> bool:
    """Whether a database answers what it was given, in whatever type it keeps it.

    `CHAR` columns fill up with blanks, SQLite keeps numbers and times as what it likes.
    """
    if wanted == found:
        return True
    if wanted is None or found is None:
        return False
    if isinstance(wanted, str) and isinstance(found, str):
        return wanted.rstrip(" ") == found.rstrip(" ")
    if isinstance(wanted, bool) or isinstance(found, bool):
        return str(int(wanted)) == str(int(found)) if isinstance(found, bool | int) else False
    if isinstance(wanted, int | float | Decimal):
        try:
            return Decimal(str(wanted)) == Decimal(str(found))
        except InvalidOperation:
            return False
    return str(wanted) == str(found)


__all__ = [
    "KEY",
    "Look",
    "NotFound",
    "SqlAction",
    "Statement",
    "TableWrite",
    "Values",
    "as_asked",
    "differing",
    "fit",
    "same",
]
