from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.sql import KINDS, SERVERS, Database, World, connect, database


@pytest.fixture(params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database(request.param, tmp_path) as one:
        yield one


@pytest.fixture(params=list(SERVERS))
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database(request.param, tmp_path) as one:
        yield one


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Database]:
    with database("postgresql", tmp_path) as one:
        yield one


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[Database]:
    with database("mariadb", tmp_path) as one:
        yield one


@pytest.fixture
async def world(made: Database) -> AsyncIterator[World]:
    one = connect(made)
    yield one
    await one.adapter.close()
