"""The ledger's tables in PostgreSQL: made when there are none, refused when they are those of another version."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import AsyncConnection, errors
from sqlalchemy.schema import CreateIndex, CreateTable

from ...errors import LedgerUnavailable
from ..schema import ONE_AT_A_TIME, VERSION, check_version, ledger_meta, metadata
from .address import Address
from .database import POSTGRES, dialect

# Reading pg_class makes the server look at what others have just made; by itself, to_regclass may not.
_IS_THERE = "SELECT 1 FROM pg_class WHERE oid = to_regclass(%s)"


async def set_up(connection: AsyncConnection[Any], address: Address) -> None:
    """Make the tables in an empty database (or schema), or check that they are ours.

    Raises:
        LedgerUnavailable: The database cannot be used; the message says what to do.
    """
    try:
        if await _version(connection) != VERSION:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))
                await _make(connection, address)
    except (errors.DuplicateTable, errors.DuplicateObject) as error:
        table = getattr(error.diag, "message_primary", "") or "a table of the same name exists"
        raise LedgerUnavailable(
            f"{address.where} has tables of something else ({table}); give the ledger a database or schema of its own",
            code="ledger",
        ) from None
    except psycopg.Error as error:
        raise address.unavailable(error) from None


async def _make(connection: AsyncConnection[Any], address: Address) -> None:
    found = await _version(connection)
    check_version(found, address.where)
    if found is not None:
        return
    for table in metadata.sorted_tables:
        await connection.execute(str(CreateTable(table).compile(dialect=dialect())).encode())
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            await connection.execute(str(CreateIndex(index).compile(dialect=dialect())).encode())
    await connection.execute(POSTGRES.set_schema_version.text.encode(), (VERSION,))


async def _version(connection: AsyncConnection[Any]) -> int | None:
    known = await (await connection.execute(_IS_THERE, (ledger_meta.name,))).fetchone()
    if known is None:
        return None
    row = await (await connection.execute(POSTGRES.schema_version.text.encode())).fetchone()
    return None if row is None else row[0]
