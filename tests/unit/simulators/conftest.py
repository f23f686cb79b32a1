"""A simulated org with a client that is logged in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.org import LoggedIn, logged_in


@pytest.fixture
async def crm() -> AsyncIterator[LoggedIn]:
    """An org as it is by default."""
    async with logged_in() as client:
        yield client
