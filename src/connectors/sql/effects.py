"""The `effects` table: each key is written into it in the very transaction of its effect.

A row is inserted first and completed last. So a second transaction with the same key waits for the first one and then
finds its row; and a row without a result shows that something committed in the middle (a procedure, a schema change,
a driver in autocommit).
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any, NamedTuple

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy import Connection
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable

from ...core.adapter import Attempt, Sent


class Effect(NamedTuple):
    """A row of the table.

    Args:
        digest: Digest of the request's content.
        result: The first answer, as JSON; None if the transaction was committed before it was complete.
    """

    digest: str
    result: dict[str, Any] | None


class Effects:
    """The table.

    Args:
        name: Its name.
        schema: Its schema; None for the connection's default.
    """

    def __init__(self, name: str, schema: str | None) -> None:
        self.table = sa.Table(
            name,
            sa.MetaData(),
            sa.Column("operation_key", sa.String(64), primary_key=True),
            sa.Column("action", sa.String(128), nullable=False),
            sa.Column("digest", sa.String(64), nullable=False),
            sa.Column("operation_id", sa.String(64), nullable=False),
            sa.Column("result", sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"), nullable=True),
            sa.Column("applied_at", sa.DateTime(), nullable=False, server_default=sa.func.now()),
            schema=schema,
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
            mysql_collate="utf8mb4_bin",
            mariadb_engine="InnoDB",
            mariadb_charset="utf8mb4",
            mariadb_collate="utf8mb4_bin",
        )
        columns = self.table.c
        self._by_key = columns.operation_key == sa.bindparam("key")
        self._read = sa.select(columns.digest, columns.result).where(self._by_key)
        self._complete = sa.update(self.table).where(self._by_key).values(result=sa.bindparam("answer"))

    @property
    def name(self) -> str:
        """The table's name with its schema."""
        return self.table.fullname

    def ddl(self, dialect: Dialect) -> str:
        """The statement that makes the table."""
        return str(
            CreateTable(self.table, if_not_exists=_knows_if_not_exists(dialect)).compile(dialect=dialect)
        ).strip()

    def install(self, connection: Connection) -> bool:
        """Make the table if it is not there.

        Returns:
            Whether it was made.
        """
        if self.exists(connection):
            return False
        connection.execute(CreateTable(self.table, if_not_exists=_knows_if_not_exists(connection.dialect)))
        return True

    def exists(self, connection: Connection) -> bool:
        """Whether the table is there."""
        return sa.inspect(connection).has_table(self.table.name, schema=self.table.schema)

    def try_out(self, connection: Connection) -> None:
        """Insert, change and read a row; the caller rolls back.

        Raises:
            DBAPIError: A right is missing, or the table has another shape.
        """
        row = {"operation_key": "sw-check", "action": "check", "digest": "", "operation_id": ""}
        connection.execute(sa.insert(self.table), row)
        connection.execute(self._complete, {"key": "sw-check", "answer": "{}"})
        connection.execute(self._read, {"key": "sw-check"}).one()

    def claim(self, connection: Connection, action: str, attempt: Attempt) -> None:
        """Insert the key's row.

        Raises:
            IntegrityError: The key is there; nothing else in this table is unique.
        """
        row = {
            "operation_key": attempt.key,
            "action": action,
            "digest": digest_of(attempt.request),
            "operation_id": attempt.operation_id,
        }
        connection.execute(sa.insert(self.table), row)

    def complete(self, connection: Connection, key: str, sent: Sent[Any]) -> int:
        """Write the answer into the row; as the last statement of the transaction.

        Returns:
            How many rows it was written into.
        """
        answer = {"value": sent.value.model_dump(mode="json"), "record": sent.record}
        return connection.execute(self._complete, {"key": key, "answer": json.dumps(answer)}).rowcount

    def find(self, connection: Connection, key: str) -> Effect | None:
        """The key's row."""
        row = connection.execute(self._read, {"key": key}).one_or_none()
        if row is None:
            return None
        return Effect(row.digest.strip(), None if row.result is None else json.loads(row.result))

    def prune(self, connection: Connection, before: Any, keep: frozenset[str]) -> int:
        """Delete rows.

        Args:
            connection: In a transaction.
            before: Only rows that were written before this time of the database.
            keep: Keys whose rows stay.

        Returns:
            How many rows were deleted.
        """
        columns = self.table.c
        old = columns.applied_at < before
        found = [key for (key,) in connection.execute(sa.select(columns.operation_key).where(old)) if key not in keep]
        for key in found:
            connection.execute(sa.delete(self.table).where(columns.operation_key == key))
        return len(found)


def digest_of(request: BaseModel) -> str:
    """Digest of a request's content without its defaults, in Unicode normal form C."""
    content = json.dumps(
        request.model_dump(mode="json", exclude_defaults=True),
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(unicodedata.normalize("NFC", content).encode()).hexdigest()


def _knows_if_not_exists(dialect: Dialect) -> bool:
    return dialect.name in ("postgresql", "mysql", "mariadb", "sqlite")
