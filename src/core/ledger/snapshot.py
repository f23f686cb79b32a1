"""Reading a whole ledger as it is at one moment, row by row, while others go on writing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    URL,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    NullPool,
    Select,
    Table,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from .approval_records import Approval, Vote
from .connection import in_words
from .opening import address_of
from .override_records import Override
from .records import AttemptRow, DecisionRow, Operation, ProbeRow, Restore
from .schema import (
    approvals,
    attempts,
    audit,
    check_version,
    checkpoints,
    configurations,
    decisions,
    ledger_meta,
    operations,
    overrides,
    probes,
    restores,
    votes,
)
from .statements import heads

_AT_A_TIME = 1000  # rows that are fetched together


class AuditRow(NamedTuple):
    """One row of the audit."""

    chain: str
    number: int
    at: float
    body: str
    hash: str


class Snapshot:
    """A ledger at one moment.

    Args:
        connection: In a transaction that sees one moment.
        where: The ledger, in words.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        self._connection = connection
        self.where = where

    def audit(self) -> Iterator[AuditRow]:
        """All rows of the audit, chain by chain."""
        query = select(audit).order_by(self._in_bytes(audit.c.chain), audit.c.number)
        return (AuditRow(*row) for row in self._rows(query))

    def audit_before(self, chain: str, number: int, most: int) -> list[AuditRow]:
        """Rows of one chain before a number, newest first."""
        found = select(audit).where(audit.c.chain == chain, audit.c.number < number).order_by(audit.c.number.desc())
        return [AuditRow(*row) for row in self._connection.execute(found.limit(most))]

    def heads(self) -> list[AuditRow]:
        """The last row of each chain."""
        found = heads().with_only_columns(*audit.columns, maintain_column_froms=True)
        return [AuditRow(*row) for row in self._connection.execute(found)]

    def operations(self) -> Iterator[tuple[int, Operation]]:
        """All operations with the numbers of their rows, by id. What is in a row need not be valid."""
        query = select(*self._raw(operations)).order_by(self._in_bytes(operations.c.id))
        return ((row[0], Operation(*row[1:])) for row in self._rows(query))

    def attempts(self) -> Iterator[AttemptRow]:
        """All attempts, by operation."""
        return (AttemptRow(*row) for row in self._rows(self._of_operations(attempts, attempts.c.epoch)))

    def probes(self) -> Iterator[tuple[int, ProbeRow]]:
        """All probes with the numbers of their rows, by operation."""
        query = self._of_operations(probes, probes.c.seq)
        return ((row[0], ProbeRow(*row[1:])) for row in self._rows(query))

    def decisions(self) -> Iterator[tuple[int, DecisionRow]]:
        """All decisions with the numbers of their rows, by operation; first those that are about none."""
        free = select(decisions).where(decisions.c.operation_id.is_(None)).order_by(decisions.c.seq)
        bound = self._of_operations(decisions, decisions.c.seq).where(decisions.c.operation_id.is_not(None))
        return ((row[0], DecisionRow(*row[1:])) for row in chain(self._rows(free), self._rows(bound)))

    def approvals(self) -> Iterator[Approval]:
        """All approvals, by operation. What is in a row need not be valid."""
        found = self._rows(self._of_operations(approvals, approvals.c.seq))
        return (Approval(*row[1:]) for row in found)

    def votes(self) -> Iterator[tuple[str, Vote]]:
        """All votes with the operations that they are about, by operation."""
        query = (
            select(approvals.c.operation_id, *[column for column in votes.columns if column.name != "seq"])
            .select_from(votes.outerjoin(approvals, approvals.c.id == votes.c.approval_id))
            .order_by(self._in_bytes(func.coalesce(approvals.c.operation_id, "")), votes.c.seq)
        )
        return ((row[0] or "", Vote(*row[1:])) for row in self._rows(query))

    def overrides(self) -> Iterator[Override]:
        """All that people stopped. What is in a row need not be valid."""
        columns = [overrides.c[name] for name in Override.__dataclass_fields__]
        return (Override(*row) for row in self._rows(select(*columns).order_by(overrides.c.seq)))

    def restores(self) -> list[tuple[int, Restore]]:
        """All restores with the numbers of their rows."""
        return [(row[0], Restore(*row[1:])) for row in self._rows(select(restores).order_by(restores.c.seq))]

    def configurations(self) -> list[str]:
        """What was in force, as JSON."""
        found = select(configurations.c.facts).order_by(configurations.c.seq)
        return [row[0] for row in self._rows(found)]

    def checkpoints(self) -> Iterator[tuple[str, float | None]]:
        """The lines of all checkpoints, and when each was exported."""
        query = select(checkpoints.c.line, checkpoints.c.sent_at).order_by(checkpoints.c.seq)
        return ((row[0], row[1]) for row in self._rows(query))

    def size(self) -> int:
        """How many rows there are to look at, for a sense of progress."""
        tables = (audit, operations, attempts, probes, decisions)
        counts = [self._connection.execute(select(func.count()).select_from(table)).scalar() for table in tables]
        return sum(count or 0 for count in counts)

    def _rows(self, query: Select[Any]) -> Iterator[Any]:
        """The rows of a query, a thousand at a time."""
        return iter(self._connection.execution_options(stream_results=True, yield_per=_AT_A_TIME).execute(query))

    def _of_operations(self, table: Table, order: Column[Any]) -> Select[Any]:
        return select(*self._raw(table)).order_by(self._in_bytes(table.c.operation_id), order)

    def _raw(self, table: Table) -> list[Any]:
        """The columns of a table as they are stored: SQLite keeps any number where a truth value belongs."""
        local = self._connection.dialect.name == "sqlite"
        return [
            type_coerce(column, Integer) if local and isinstance(column.type, Boolean) else column
            for column in table.columns
        ]

    def _in_bytes(self, column: ColumnElement[Any]) -> Any:
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
