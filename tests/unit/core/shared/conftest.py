from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from support.redis_server import RedisServer, redis_server


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A server that lives through the tests; who kills one starts one of its own."""
    with redis_server() as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """Keys of the test's own."""
    return f"test:{uuid.uuid4().hex}"
