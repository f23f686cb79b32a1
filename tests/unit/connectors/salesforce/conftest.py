"""An org on respx that lets clients in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import respx
from support.salesforce import TOKEN_PATH, URL


@pytest.fixture
def org() -> Iterator[respx.MockRouter]:
    """The org. Its first session is `session-1`, the next login gives `session-2`, and so on."""
    count = 0

    def login(request: object) -> respx.MockResponse:
        nonlocal count
        count += 1
        return respx.MockResponse(200, json={"access_token": f"session-{count}", "instance_url": URL})

    with respx.mock(base_url=URL, assert_all_called=False) as router:
        router.post(TOKEN_PATH, name="login").mock(side_effect=login)
        yield router
