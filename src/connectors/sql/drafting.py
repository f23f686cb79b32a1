"""Actions drafted from the tables of a database, for `seawall new --from-sql`. It reads the catalogue and no data.

Drafted are reads by key, inserts, and updates of tables with a version column. An update without one could overwrite
what its caller never saw, and a deletion is nothing that one drafts.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import exc

from ...core.errors import ConnectFailed, InvalidRequest
from ..soap.naming import Unique, field_name
from .declare import is_field_name
from .statements import is_identifier

_VERSIONS: Final = ("version", "row_version", "rowversion", "lock_version", "version_no", "revision")
_SMALLEST: Final = 32_767  # most that a SMALLINT holds


@dataclass(frozen=True, slots=True)
class Column:
    """A column as an action sees it.

    Args:
        name: Its name.
        declared: Its type and limits, as parameters are declared; None for a type that no parameter has.
        nullable: Whether it may be NULL.
        filled: Whether the database fills it in.
    """

    name: str
    declared: Mapping[str, Any] | None
    nullable: bool
    filled: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table as an action sees it.

    Args:
        name: Its name.
        columns: Its columns in order.
        key: The columns of its primary key.
        version: The column that holds a row's version; empty if there is none.
        unique: Columns of the other unique keys.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    version: str
    unique: tuple[tuple[str, ...], ...] = ()

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(one for one in self.columns if one.name == name)


@dataclass(frozen=True, slots=True)
class Drafted:
    """What came of a database.

    Args:
        tables: The tables that have actions.
        actions: The declared actions by name.
        of: Table → the names of its read, its insert and its update; empty where there is none.
        skipped: What has none, a sentence each.
    """

    tables: tuple[Table, ...]
    actions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    of: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


def draft(url: str, only: Sequence[str] = ()) -> Drafted:
    """Read the catalogue of a database and declare actions.

    Args:
        url: SQLAlchemy's URL. No text that is raised holds it.
        only: Only these tables; all of the default schema if empty.

    Raises:
        InvalidRequest: The URL is none, its driver is not there, or no action can be drafted.
        ConnectFailed: The database cannot be read.
    """
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
    except (exc.ArgumentError, ValueError):
        raise InvalidRequest("--from-sql takes a URL of SQLAlchemy, such as sqlite:///orders.db", code="url") from None
    except ModuleNotFoundError as error:
        raise InvalidRequest(f"the driver {error.name} of this database is not installed", code="driver") from None
    if engine.url.get_backend_name() == "sqlite" and not _is_there(engine.url.database):
        raise InvalidRequest(f"there is no database file {engine.url.database}", code="url")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exc.SAWarning)  # a type that it does not know is among what is skipped
            tables, skipped = _tables(sa.inspect(engine), only)
        return _declared(engine.dialect, tables, skipped)
    except exc.SQLAlchemyError as error:
        raise ConnectFailed(f"the database cannot be read ({type(error).__name__})", code="connect") from None
    finally:
        engine.dispose()


def _is_there(database: str | None) -> bool:
    from pathlib import Path

    return database is not None and Path(database).is_file()


def _tables(inspector: Any, only: Sequence[str]) -> tuple[list[Table], list[str]]:
    found, skipped = list[Table](), list[str]()
    names = sorted(inspector.get_table_names())
    counts = inspector.dialect.name == "sqlite"  # it counts every lone INTEGER key by itself, and does not say so
    if unknown := sorted(set(only) - set(names)):
        raise InvalidRequest(f"there is no table {', '.join(unknown)}; there are: {', '.join(names)}", code="table")
    for name in names:
        if (only and name not in only) or name == "seawall_effects":
            continue
        key = tuple(inspector.get_pk_constraint(name).get("constrained_columns") or ())
        columns = tuple(_column(one, key, counts=counts) for one in inspector.get_columns(name))
        unusable = [one.name for one in columns if one.declared is None and one.name in key]
        alike = [one for one in found if one.name.lower() == name.lower()]
        if alike or len({one.name.lower() for one in columns}) < len(columns):
            what = f"its name differs from {alike[0].name}" if alike else "names of its columns differ"
            skipped.append(f"table {name}: {what} by upper and lower case only, which not every database tells apart")
        elif not _is_written(name):
            skipped.append(f"table {name}: its name is not one that actions write")
        elif not key:
            skipped.append(f"table {name}: it has no primary key")
        elif unusable:
            skipped.append(f"table {name}: no parameter has the type or name of {', '.join(unusable)}")
        else:
            found.append(Table(name, columns, key, _version(columns, key), _unique(inspector, name, key)))
            skipped += [f"column {name}.{one.name}: its type or name is none of a parameter's" for one in _odd(columns)]
    skipped += [f"view {name}: only tables are drafted" for name in sorted(inspector.get_view_names()) if not only]
    return found, skipped


def _unique(inspector: Any, table: str, key: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The columns of the unique keys beside the primary key."""
    # SQLite keeps constraints as indexes, and SQLAlchemy does not always recognise them as such.
    how = {"include_auto_indexes": True} if inspector.dialect.name == "sqlite" else {}
    found = [tuple(one["column_names"]) for one in inspector.get_unique_constraints(table)]
    found += [tuple(one["column_names"]) for one in inspector.get_indexes(table, **how) if one.get("unique")]
    return tuple(dict.fromkeys(one for one in found if None not in one and one != tuple(key)))


def _odd(columns: Sequence[Column]) -> list[Column]:
    return [one for one in columns if one.declared is None]


def _column(reflected: Mapping[str, Any], key: Sequence[str], *, counts: bool) -> Column:
    name = str(reflected["name"])
    alone = list(key) == [name] and isinstance(reflected["type"], sa.Integer)
    counted = alone and (counts or reflected.get("autoincrement") in (True, "auto"))
    filled = reflected.get("default") is not None or "identity" in reflected or "computed" in reflected or counted
    declared = _type(reflected["type"]) if _is_written(name) and is_field_name(name) else None
    return Column(name, declared, bool(reflected["nullable"]) and name not in key, filled)


def _is_written(name: str) -> bool:
    """Whether a name can be written everywhere: without quotes, and as a parameter after a colon."""
    return is_identifier(name) and re.fullmatch(r"\w+", name) is not None


def _type(kind: Any) -> dict[str, Any] | None:
    match kind:
        case sa.Enum():
            return {"type": "text", "choices": list(kind.enums)} if kind.enums else {"type": "text"}
        case sa.Uuid():
            return {"type": "uuid"}
        case sa.Boolean():
            return {"type": "boolean"}
        case sa.SmallInteger():
            least, most = (0, 2 * _SMALLEST + 1) if getattr(kind, "unsigned", False) else (-_SMALLEST - 1, _SMALLEST)
            return {"type": "integer", "minimum": least, "maximum": most}
        case sa.Integer():
            return {"type": "integer", "minimum": 0} if getattr(kind, "unsigned", False) else {"type": "integer"}
        case sa.Float():
            return {"type": "decimal"}
        case sa.Numeric():
            if kind.precision is None:
                return {"type": "decimal"}
            places = kind.scale or 0
            if places < 0:
                return None
            most = 10 ** (kind.precision - places) - 1
            least = 0 if getattr(kind, "unsigned", False) else -most
            return {"type": "decimal", "digits": kind.precision, "places": places, "minimum": least, "maximum": most}
        case sa.DateTime():
            return {"type": "datetime"}
        case sa.Date():
            return {"type": "date"}
        case sa.String():
            return {"type": "text", "max_length": kind.length} if kind.length else {"type": "text"}
    return None


def _version(columns: Sequence[Column], key: Sequence[str]) -> str:
    for one in columns:
        whole = one.declared is not None and one.declared["type"] == "integer"
        if one.name.lower() in _VERSIONS and whole and not one.nullable and one.name not in key:
            return one.name
    return ""


def _declared(dialect: Any, tables: Sequence[Table], skipped: list[str]) -> Drafted:
    actions: dict[str, Mapping[str, Any]] = {}
    of: dict[str, tuple[str, str, str]] = {}
    names = Unique()
    for table in tables:
        name = names.name(re.sub(r"[^a-z0-9_]", "", field_name(table.name).strip("_")))
        actions[f"read_{name}"] = _read(dialect, table)
        missing = [one.name for one in _odd(table.columns) if not one.nullable and not one.filled]
        given = [one for one in table.columns if one.declared is not None and not one.filled]
        if missing:
            skipped.append(f"table {table.name}: no insert, because nothing can be given for {', '.join(missing)}")
        elif not given:
            skipped.append(f"table {table.name}: no insert, because the database fills in all of it")
        elif (insert := _insert(dialect, table)) is None:
            skipped.append(f"table {table.name}: no insert, because its key is made by the database and not told")
        else:
            actions[f"insert_{name}"] = insert
        if not table.version:
            skipped.append(f"table {table.name}: no update, because it has no version column ({', '.join(_VERSIONS)})")
        elif update := _update(table):
            actions[f"update_{name}"] = update
        read, *others = (f"{verb}_{name}" for verb in ("read", "insert", "update"))
        insert_name, update_name = (one if one in actions else "" for one in others)
        of[table.name] = (read, insert_name, update_name)
    if not actions:
        raise InvalidRequest("no table can be drafted from: " + "; ".join(skipped or ["there is none"]), code="table")
    return Drafted(tuple(tables), actions, of, tuple(skipped))


def _read(dialect: Any, table: Table) -> dict[str, Any]:
    columns = [one for one in table.columns if one.declared is not None]
    quote = dialect.identifier_preparer.quote
    where = " AND ".join(f"{quote(name)} = :{name}" for name in table.key)
    names = ", ".join(quote(one.name) for one in columns)
    seen = f", with the {table.version} that changing it needs" if table.version else ""
    return {
        "description": f"Reads one row of {table.name} by its key{seen}. Changes nothing.",
        "effect": "read",
        "parameters": {name: table.column(name).declared for name in table.key},
        "returns": {one.name: _answered(one) for one in columns},
        **_record(table),
        "statements": [{"sql": f"SELECT {names} FROM {quote(table.name)} WHERE {where}"}],  # noqa: S608 -- quoted names
    }


def _record(table: Table) -> dict[str, Any]:
    """The reply's field that is the record's id, where one alone is."""
    return {"record": table.key[0]} if len(table.key) == 1 else {}


def _answered(column: Column) -> dict[str, Any]:
    """What a read may answer: the type without its limits, which old rows may not keep."""
    assert column.declared is not None
    kind: dict[str, Any] = {"type": column.declared["type"]}
    return {**kind, "optional": True} if column.nullable else kind


def _insert(dialect: Any, table: Table) -> dict[str, Any] | None:
    given = [one for one in table.columns if one.declared is not None and not one.filled and one.name != table.version]
    made = [name for name in table.key if name not in {one.name for one in given}]
    answers = dialect.name in ("postgresql", "sqlite") or getattr(dialect, "is_mariadb", False)
    if not given or len(made) > 1 or (made and not answers and dialect.name != "mysql"):
        return None
    action: dict[str, Any] = {
        "description": f"Inserts one row into {table.name}.",
        "effect": "create",
        "identity": _identity(table, given),
        **_record(table),
        "parameters": {one.name: _parameter(one) for one in given},
        "returns": {name: {"type": table.column(name).declared["type"]} for name in table.key},  # type: ignore[index] # keys have types
    }
    quote = dialect.identifier_preparer.quote
    values = {quote(one.name): f":{one.name}" for one in given}
    if table.version and not table.column(table.version).filled:
        values[quote(table.version)] = "1"
    sql = f"INSERT INTO {quote(table.name)} ({', '.join(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608 -- quoted names
    if not answers:
        return {**action, "statements": [{"sql": sql, **({"generated": made[0]} if made else {})}]}
    back = list(dict.fromkeys([*table.key, *(one.name for one in given)]))
    statement = {
        "sql": f"{sql} RETURNING {', '.join(map(quote, back))}",
        "columns": back,
        "verify": [one.name for one in given],
    }
    return {**action, "statements": [statement]}


def _identity(table: Table, given: Sequence[Column]) -> list[str]:
    names = [one.name for one in given]
    for key in (table.key, *table.unique):
        if set(key) <= set(names):
            return list(key)
    return names


def _update(table: Table) -> dict[str, Any] | None:
    changed = [
        one
        for one in table.columns
        if one.declared is not None and one.name not in (*table.key, table.version) and (not one.filled or one.nullable)
    ]
    if not changed:
        return None
    needed = {name: table.column(name).declared for name in (*table.key, table.version)}
    return {
        "description": f"Changes one row of {table.name} that was read at {table.version}. What is left out stays as "
        "it is. If somebody changed the row since, nothing is written: read it again and decide again.",
        "effect": "set",
        "identity": [*table.key, table.version],
        "version": table.version,
        **({"entity": table.key[0]} if len(table.key) == 1 else {}),
        "parameters": {**needed, **{one.name: {**(one.declared or {}), "optional": True} for one in changed}},
        "table": {"name": table.name, "write": "update", "key": list(table.key)},
    }


def _parameter(column: Column) -> dict[str, Any]:
    return {**(column.declared or {}), **({"optional": True} if column.nullable else {})}


def as_toml(actions: Mapping[str, Mapping[str, Any]]) -> str:
    """Declared actions as they stand below `[systems.NAME.settings.actions]`."""
    return "\n".join(line for name, one in actions.items() for line in _lines(name, one))


def _lines(name: str, action: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{name}]"
    nested = ("parameters", "returns", "statements")
    for word, value in action.items():
        if word not in nested:
            yield f"{word} = {_value(value)}"
    for word in nested[:2]:
        if action.get(word):
            yield f"\n[{name}.{word}]"
            yield from (f"{column} = {_value(kind)}" for column, kind in action[word].items())
    for statement in action.get("statements", ()):
        yield f"\n[[{name}.statements]]"
        yield from (f"{word} = {_value(value)}" for word, value in statement.items())
    yield ""


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        if list(value) == ["type"]:
            return _value(value["type"])
        return "{ " + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
