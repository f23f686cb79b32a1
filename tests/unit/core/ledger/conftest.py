"""The ledger's tests run against both databases: an SQLite file, and a PostgreSQL server of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from support.clock import FakeClock
from support.postgres_server import PostgresServer, postgres_server

from seawall.core.clock import Clock, Sources
from seawall.core.ledger import Ledger
from seawall.core.ledger.postgres.database import RemoteDatabase, ServerClock
from seawall.core.settings import LedgerSettings

_schemas = count(1)


class Home:
    """A place for one ledger, which several processes may open.

    Args:
        place: `path` or `url` of its settings.
    """

    def __init__(self, **place: str) -> None:
        self.place = place

    @property
    def remote(self) -> bool:
        return "url" in self.place

    def settings(self, **changes: Any) -> LedgerSettings:
        return LedgerSettings.model_validate(self.place | {"lease": 30.0} | changes)

    @asynccontextmanager
    async def open(self, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Ledger]:
        """A ledger without a heartbeat; with a fake clock everything goes by that one."""
        fake = isinstance(clock, FakeClock)
        sources = Sources() if clock is None else Sources(clock)
        inline = fake and not self.remote
        one = await Ledger.open(self.settings(**settings), sources, inline=inline, heartbeat=False)
        try:
            yield one
        finally:
            await one.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server of this run; what is in it is gone afterwards."""
    with postgres_server("max_connections=60") as server:
        yield server


def schema_of(server: PostgresServer) -> str:
    """The address of a new, empty schema."""
    name = f"ledger_{next(_schemas)}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{server.dsn}?options=-csearch_path%3D{name}"


@pytest.fixture
def remote_home(postgres: PostgresServer) -> Iterator[Home]:
    """On PostgreSQL."""
    time, met = RemoteDatabase.time, ServerClock.met

    async def fake_time(database: RemoteDatabase) -> float:
        if not isinstance(database._clock._clock, FakeClock):
            return await time(database)
        return database._clock.ours()

    def fake_met(clock: ServerClock, before: float, server: float, after: float) -> None:
        if not isinstance(clock._clock, FakeClock):
            met(clock, before, server, after)

    with patch.object(RemoteDatabase, "time", fake_time), patch.object(ServerClock, "met", fake_met):
        yield Home(url=schema_of(postgres))


@pytest.fixture
def local_home(tmp_path: Path) -> Home:
    """An SQLite file."""
    return Home(path=str(tmp_path / "ledger.db"))


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest) -> Home:
    """Each of the two."""
    found: Home = request.getfixturevalue("local_home" if request.param == "sqlite" else "remote_home")
    return found
