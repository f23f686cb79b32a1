"""A package around the generic SQL connector, drafted from the tables of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ..connectors.sql.declarations import ActionSettings
from ..connectors.sql.declare import Facts, declare
from ..connectors.sql.drafting import Column, Table, as_toml, draft
from .examples import NoExample, example, example_of
from .naming import Names
from .package import NOTHING_TRIED, Package, listed, literal, package

_FACTS: Final = Facts(has_effects=True, locks=True, tells_fate=False, horizon=60.0)
_EXTRAS: Final = {"postgresql": "postgres", "mysql": "mariadb", "mariadb": "mariadb"}
_TYPES: Final = {
    "text": "VARCHAR",
    "integer": "INTEGER",
    "decimal": "NUMERIC",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "DATETIME",
    "uuid": "CHAR(36)",
}
_HEX: Final = "lower(hex(randomblob({})))"
_FILLED: Final = {
    "text": "'filled'",
    "integer": "1",
    "decimal": "0",
    "boolean": "0",
    "date": "'2026-01-31'",
    "datetime": "'2026-01-31 12:00:00'",
    "uuid": "(" + " || '-' || ".join([_HEX.format(4), *[_HEX.format(2)] * 3, _HEX.format(6)]) + ")",
}
"""What the copy fills in where the database does."""


def from_sql(names: Names, url: str, *, only: Sequence[str] = ()) -> Package:
    """Draft a package. The URL is used once and written nowhere.

    Args:
        names: Its names.
        url: SQLAlchemy's URL of the database.
        only: Only these tables; all of the default schema if empty.

    Raises:
        InvalidRequest: The URL is none, or no action can be drafted.
        ConnectFailed: The database cannot be read.
    """
    drafted = draft(url, only)
    skipped = list(drafted.skipped)
    reads, inserts, updates = list[str](), list[str](), list[str]()
    for table, (read, insert, update) in ((one, drafted.of[one.name]) for one in drafted.tables):
        problem = _untried(drafted.actions, insert) if insert else f"nothing inserts into {table.name}"
        column = _changed(drafted.actions, update, table) if update else ""
        tried = {
            insert: problem,
            read: problem,
            update: problem or ("" if column else "no column of it can be told apart"),
        }
        skipped += [f"no test for {name}: {why}" for name, why in tried.items() if name and why]
        if problem:
            continue
        inserts.append(f'"{insert}": "{table.name}"')
        reads.append(f'"{read}": ("{table.name}", "{insert}")')
        if update and column:
            updates.append(f'"{update}": ("{table.name}", "{insert}", "{read}", "{column}")')
    if not inserts:
        skipped.append(NOTHING_TRIED)
    extra = _EXTRAS.get(url.partition(":")[0].partition("+")[0])
    slots = {
        "EXTRAS": ",".join(filter(None, ("simulators", extra))),
        "READS": literal(reads, "{}"),
        "INSERTS": literal(inserts, "{}"),
        "UPDATES": literal(updates, "{}"),
        "ACTIONS": "\n".join(_decision(name, one) for name, one in drafted.actions.items() if one["effect"] != "read"),
        "LEFT_OUT": listed(skipped),
    }
    head = f"# What agents may do in {names.title}. Drafted by `seawall new` from its tables: edit it.\n\n"
    note = f"-- The tables of {names.title} for SQLite, without what no action needs.\n\n"
    copy = "\n\n".join(_create(table) for table in drafted.tables) + "\n"
    files = {
        "src/acme_erp/actions.toml": head + as_toml(drafted.actions),
        "src/acme_erp/schema.sql": note + copy,
    }
    return package(names, "sql", slots, drafted=files, skipped=tuple(skipped), tried=bool(inserts))


def _model(actions: Mapping[str, Any], name: str) -> Any:
    return declare(name, ActionSettings.model_validate(actions[name]), _FACTS).action.request


def _untried(actions: Mapping[str, Any], insert: str) -> str:
    """Why no row can be made up; empty if one can."""
    model = _model(actions, insert)
    try:
        made = example_of(model)
        model.model_validate(made.fields)
    except NoExample as error:
        return str(error)
    except ValueError:
        return "no example of a row can be made up"
    if not made.place:
        return "nothing in a row tells one from another"
    other = example_of(model, 2).fields
    if all(made.fields.get(name) == other.get(name) for name in actions[insert]["identity"]):
        return "no example of another key can be made up"
    return ""


def _changed(actions: Mapping[str, Any], update: str, table: Table) -> str:
    """The column that a test changes: a text if there is one. Empty if there is none that can be told apart."""
    schema = _model(actions, update).model_json_schema()
    unique = {name for key in table.unique for name in key}
    free = [name for name in schema["properties"] if name not in (*table.key, table.version, *unique)]
    for name in sorted(free, key=lambda one: actions[update]["parameters"][one]["type"] != "text"):
        try:
            if example({**schema, "required": [name]}, schema).place == name:
                return str(name)
        except NoExample:
            continue
    return ""


def _decision(name: str, action: Mapping[str, Any]) -> str:
    facts = ", ".join(f"`{one}`" for one in action["identity"])
    return f"- [ ] `{name}`: are {facts} the facts that make two requests the same request?"


def _create(table: Table) -> str:
    """The table for SQLite."""
    alone = table.column(table.key[0]) if len(table.key) == 1 else None
    counted = alone is not None and alone.filled and (alone.declared or {}).get("type") == "integer"
    lines = [_column(_started(one, table), counted=counted and one is alone) for one in table.columns]
    keys = () if counted else (table.key,)
    lines += [f"PRIMARY KEY ({_names(key)})" for key in keys]
    lines += [f"UNIQUE ({_names(key)})" for key in table.unique]
    return f'CREATE TABLE "{table.name}" (\n    ' + ",\n    ".join(lines) + "\n);"


def _started(column: Column, table: Table) -> Column:
    """A version begins by itself in the copy, whoever inserts the row."""
    return replace(column, filled=True) if column.name == table.version else column


def _column(column: Column, *, counted: bool) -> str:
    name = '"' + column.name.replace('"', '""') + '"'
    if counted:
        return f"{name} INTEGER PRIMARY KEY"
    if column.declared is None:
        return f"{name} BLOB"
    kind = _TYPES[column.declared["type"]]
    if longest := column.declared.get("max_length"):
        kind += f"({longest})"
    filled = f" DEFAULT {_FILLED[column.declared['type']]}" if column.filled else ""
    return f"{name} {kind}{'' if column.nullable else ' NOT NULL'}{filled}"


def _names(key: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in key)
