"""A session of the scripted agent: MCP over HTTP with the SDK's own client. When it is left, nothing of it is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from .systems import TOKEN

Told = dict[str, Any]
"""An envelope."""


class Session:
    """One connection of the agent.

    Args:
        client: The SDK's client.
        heard: Told of each call and its envelope.
    """

    def __init__(self, client: Any, heard: Callable[[str, Told], None]) -> None:
        self._client = client
        self._heard = heard

    async def call(self, tool: str, **arguments: Any) -> Told:
        """Call a tool.

        Args:
            tool: Its name.
            arguments: Its arguments.
        """
        result = await self._client.call_tool(tool, arguments)
        envelope: Told = result.structured_content
        self._heard(tool, envelope)
        return envelope


@asynccontextmanager
async def session(url: str, heard: Callable[[str, Told], None]) -> AsyncIterator[Session]:
    """Connect as `agent:ada`.

    Args:
        url: Where Seawall serves MCP.
        heard: Told of each call and its envelope.
    """
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield Session(client, heard)
