"""A SuiteCRM on respx that lets clients in over v8; v4_1 is told by a `RestDouble`."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import respx
from support.suitecrm import URL


@pytest.fixture
def suite() -> Iterator[respx.MockRouter]:
    """The SuiteCRM. Its first token is `token-1`, the next login gives `token-2`, and so on."""
    count = 0

    def login(request: object) -> httpx.Response:
        nonlocal count
        count += 1
        return httpx.Response(200, json={"token_type": "Bearer", "expires_in": 3600, "access_token": f"token-{count}"})

    with respx.mock(base_url=URL, assert_all_called=False) as router:
        router.post("/Api/access_token", name="login").mock(side_effect=login)
        yield router
