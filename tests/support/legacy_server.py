"""A legacy order database of its own on a real server, and the wire proxy in front of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
import pymysql  # type: ignore[import-untyped] # it ships no types
from sqlalchemy import Engine, create_engine

from seawall.simulators.faults import Plan
from seawall.simulators.sql.legacy import LegacyDatabase
from seawall.simulators.sql.proxy import WireProxy

from .needed import missing

SERVERS: dict[str, tuple[int, str]] = {
    "postgresql": (5432, "postgresql+psycopg://postgres@127.0.0.1:{}/{}"),
    "mysql": (3306, "mysql+pymysql://root@127.0.0.1:{}/{}?charset=utf8mb4"),
}


class Server(NamedTuple):
    """A database of its own on a real server."""

    protocol: Any
    name: str
    database: LegacyDatabase

    def proxy(self, *faults: dict[str, Any]) -> WireProxy:
        plan = Plan.model_validate({"faults": [{"id": f"f{number}", **fault} for number, fault in enumerate(faults)]})
        return WireProxy(self.protocol, "127.0.0.1", SERVERS[self.protocol][0], plan)

    def url(self, port: int) -> str:
        """The database through a port."""
        return SERVERS[self.protocol][1].format(port, self.name)

    def engine(self, port: int) -> Engine:
        waits = {"read_timeout": 20} if self.protocol == "mysql" else {"options": "-c statement_timeout=20000"}
        return create_engine(self.url(port), connect_args=waits)


def administer(protocol: str, statement: str) -> None:
    try:
        if protocol == "postgresql":
            with psycopg.connect("host=127.0.0.1 user=postgres dbname=postgres", autocommit=True) as connection:
                connection.execute(statement)
        else:
            with pymysql.connect(host="127.0.0.1", user="root") as mysql, mysql.cursor() as cursor:
                cursor.execute(statement)
    except (psycopg.OperationalError, pymysql.err.OperationalError) as error:
        missing(f"a {protocol} server on 127.0.0.1 ({error})")


@contextmanager
def legacy_server(protocol: str) -> Iterator[Server]:
    """A database of its own, which is dropped afterwards."""
    name = f"seawall_{uuid.uuid4().hex[:10]}"
    administer(protocol, f"CREATE DATABASE {name}")
    port, url = SERVERS[protocol]
    database = LegacyDatabase(url.format(port, name))
    try:
        database.create(customers=2)
        yield Server(protocol, name, database)
    finally:
        database.close()
        administer(protocol, f"DROP DATABASE {name}" + (" WITH (FORCE)" if protocol == "postgresql" else ""))
