"""A simulated portal with a client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.portal import Client, connected


@pytest.fixture
async def hub() -> AsyncIterator[Client]:
    """A portal as it is by default."""
    async with connected() as client:
        yield client
