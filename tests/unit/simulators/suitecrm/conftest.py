"""A simulated instance with a client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.instance import Client, connected


@pytest.fixture
async def crm() -> AsyncIterator[Client]:
    """An instance as it is by default."""
    async with connected() as client:
        yield client
