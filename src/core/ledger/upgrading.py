"""Bringing the tables of an older Seawall to this one's, and comparing them with what they should be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..clock import SystemClock, random_id
from ..errors import LedgerUnavailable
from ..settings import LedgerSettings
from .connection import in_words
from .opening import address_of
from .schema import ONE_AT_A_TIME, VERSION, check_version, ledger_meta, metadata

_ALEMBICS_OWN = "alembic_version"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Args:
        where: The ledger, in words.
        version: The version of its tables.
        newest: The version that this Seawall needs.
        problems: What is not as it should be, in words.
    """

    where: str
    version: int
    newest: int
    problems: tuple[str, ...]


def upgrade(settings: LedgerSettings) -> tuple[int, int]:
    """Bring the tables to the newest version, all or nothing. Nobody should work on the ledger meanwhile.

    Args:
        settings: Which ledger.

    Returns:
        The versions before and after.

    Raises:
        LedgerUnavailable: It cannot be used, or there is none; the message says what to do.
    """
    with _opened(settings) as (connection, where):
        before = _version(connection, where)
        if before > VERSION:
            check_version(before, where)
        if before < VERSION:
            config = _alembic(connection)
            if not inspect(connection).has_table(_ALEMBICS_OWN):
                command.stamp(config, f"{before:04}")
            command.upgrade(config, "head")
            check_version(_version(connection, where), where)
        return before, VERSION


def check(settings: LedgerSettings) -> Checked:
    """Compare the tables with what they should be. Changes nothing.

    Args:
        settings: Which ledger.

    Raises:
        LedgerUnavailable: It cannot be used, or there is none; the message says what to do.
    """
    with _opened(settings) as (connection, where):
        found = _version(connection, where)
        problems = []
        try:
            check_version(found, where)
        except LedgerUnavailable as error:
            problems.append(error.message)
        else:
            problems += [f"the tables differ: {difference}" for difference in _differences(connection)]
        if connection.dialect.name == "sqlite":
            damages = [row[0] for row in connection.exec_driver_sql("PRAGMA quick_check(20)") if row[0] != "ok"]
            problems += [f"the file is damaged: {damage}; restore it from a backup" for damage in damages]
        return Checked(where, found, VERSION, tuple(problems))


def _differences(connection: Connection) -> list[str]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in metadata.tables

    context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_type": True})
    return [_in_words(difference) for difference in compare_metadata(context, metadata)]


def _in_words(difference: Any) -> str:
    if isinstance(difference, list):
        return "; ".join(_in_words(one) for one in difference)
    what, *details = difference
    names = [str(getattr(detail, "name", detail)) for detail in details if detail is not None and detail != {}]
    return f"{str(what).replace('_', ' ')} {' '.join(names)}"


def _version(connection: Connection, where: str) -> int:
    found = None
    if inspect(connection).has_table(ledger_meta.name):
        found = connection.execute(text(f"SELECT max(schema_version) FROM {ledger_meta.name}")).scalar()  # noqa: S608 -- our own name
    if found is None:
        raise LedgerUnavailable(f"{where} has no tables yet; they are made when it is first used", code="no_ledger")
    return int(found)


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["now"] = SystemClock().now()
    config.attributes["chain"] = random_id("upgrade")
    return config


@contextmanager
def _opened(settings: LedgerSettings) -> Iterator[tuple[Connection, str]]:
    """A connection in a transaction that keeps all others out, and the ledger in words."""
    engine, where, translated = _remote(settings) if settings.url is not None else _local(settings)
    try:
        with engine.connect() as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": ONE_AT_A_TIME})
            yield connection, where
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise translated(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error) from None
    finally:
        engine.dispose()


def _local(settings: LedgerSettings) -> tuple[Engine, str, Any]:
    path = Path(settings.path)
    if not path.exists():
        raise LedgerUnavailable(f"there is no ledger {path}; it is made when it is first used", code="no_ledger")
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": settings.busy_timeout},
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    def translated(error: BaseException) -> LedgerUnavailable:
        said = in_words(path, error) if isinstance(error, sqlite3.Error) else f"the ledger {path} failed: {error}"
        return LedgerUnavailable(said, code="ledger")

    return engine, f"the ledger {path}", translated


def _remote(settings: LedgerSettings) -> tuple[Engine, str, Any]:
    address = address_of(settings)
    engine = create_engine("postgresql+psycopg://", poolclass=NullPool, creator=address.connect_to_upgrade)
    return engine, address.where, address.unavailable
