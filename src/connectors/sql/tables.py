"""Statements for a write to one row of a table."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.engine import Dialect

from ...core.adapter import ClientId, Marker, NaturalKey
from ...core.errors import Conflict, PreconditionFailed
from .models import KEY, Look, SqlAction, Statement, TableWrite, Values


def statements(declared: SqlAction, dialect: Dialect, values: Values) -> tuple[Statement, ...]:
    """The statements of an action for one request.

    Args:
        declared: The action.
        dialect: How names are quoted.
        values: The request's values; a column whose value is None is left out.
    """
    if declared.table is None:
        return declared.statements
    write = declared.table
    sql = _Sql(write, dialect, [name for name, value in values.items() if value is not None and name != KEY])
    match write.write:
        case "insert":
            done: tuple[Statement, ...] = (sql.insert(),)
        case "update":
            done = (sql.update(missing=PreconditionFailed if write.version else None),)
        case "delete":
            return (sql.delete(missing=PreconditionFailed if write.version else None),)
        case "upsert":
            done = (sql.update(missing=None),)
    return (*done, *sql.read_back())


def inserts_instead(declared: SqlAction, dialect: Dialect, values: Values) -> Statement | None:
    """For an upsert: what to do if no row was there to be updated."""
    if declared.table is None or declared.table.write != "upsert":
        return None
    names = [name for name, value in values.items() if value is not None and name != KEY]
    return _Sql(declared.table, dialect, names).insert()


def look(declared: SqlAction, dialect: Dialect) -> Look | None:
    """How a probe looks; made here for a write to a table."""
    write = declared.table
    if declared.look is not None or write is None:
        return declared.look
    sql = _Sql(write, dialect, list(declared.action.request.model_fields))
    dedupe = declared.action.dedupe
    if isinstance(dedupe, ClientId | Marker):
        return Look(sql=sql.select(where=[dedupe.field], bound=KEY), content=sql.content)
    if write.write == "delete":
        return Look(sql=sql.select(where=write.key), seen=write.version, gone=True)
    where = write.key if write.write == "update" or not isinstance(dedupe, NaturalKey) else dedupe.fields
    return Look(sql=sql.select(where=where), content=sql.content, seen=write.version)


class _Sql:
    """Text of statements on a table.

    Args:
        write: What is written.
        dialect: How names are quoted.
        names: The columns that are there to be written or compared.
    """

    def __init__(self, write: TableWrite, dialect: Dialect, names: Iterable[str]) -> None:
        self._write = write
        self._quote = dialect.identifier_preparer.quote
        self._table = ".".join(self._quote(part) for part in write.table.split("."))
        self._set = tuple(name for name in names if name not in (*write.key, write.version))
        self._names = tuple(name for name in names if name != write.version or write.write == "insert")

    @property
    def content(self) -> tuple[str, ...]:
        return self._names

    def insert(self) -> Statement:
        columns = {self._quote(name): f":{name}" for name in self._names}
        if self._write.key_column:
            columns[self._quote(self._write.key_column)] = f":{KEY}"
        names, values = ", ".join(columns), ", ".join(columns.values())
        return Statement(sql=f"INSERT INTO {self._table} ({names}) VALUES ({values})", missing=Conflict)  # noqa: S608

    def update(self, *, missing: type[PreconditionFailed] | None) -> Statement:
        version = self._write.version
        changes = [f"{self._quote(name)} = :{name}" for name in self._set]
        if version and self._write.advance == "increment":
            changes.append(f"{self._quote(version)} = {self._quote(version)} + 1")
        if self._write.key_column:
            changes.append(f"{self._quote(self._write.key_column)} = :{KEY}")
        changes = changes or [f"{self._quote(name)} = :{name}" for name in self._write.key]
        return Statement(
            sql=f"UPDATE {self._table} SET {', '.join(changes)} WHERE {self._found()}",  # noqa: S608
            missing=missing,
        )

    def delete(self, *, missing: type[PreconditionFailed] | None) -> Statement:
        return Statement(sql=f"DELETE FROM {self._table} WHERE {self._found()}", missing=missing)  # noqa: S608

    def read_back(self) -> tuple[Statement, ...]:
        key = self._write.key or ((self._write.key_column,) if self._write.key_column else ())
        columns = tuple(dict.fromkeys([*(self.content if self._write.read_back else ()), *self._write.returns]))
        if not key or not columns:
            return ()
        by_key = not self._write.key
        sql = self.select(where=key, columns=columns, bound=KEY if by_key else None)
        verify = tuple(name for name in self.content if name in columns) if self._write.read_back else ()
        return (Statement(sql=sql, columns=columns, verify=verify),)

    def select(self, *, where: Iterable[str], columns: Iterable[str] = (), bound: str | None = None) -> str:
        wanted = ", ".join(self._quote(name) for name in columns) or "*"
        condition = " AND ".join(f"{self._quote(name)} = :{bound or name}" for name in where)
        return f"SELECT {wanted} FROM {self._table} WHERE {condition}"  # noqa: S608

    def _found(self) -> str:
        names = [*self._write.key, *([self._write.version] if self._write.version else [])]
        return " AND ".join(f"{self._quote(name)} = :{name}" for name in names)
