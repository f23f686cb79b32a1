"""A client in a process of its own, to be killed: makes one call and waits for it.

python mcp_client_process.py stdio COMMAND_AS_JSON TOOL ARGUMENTS_AS_JSON
python mcp_client_process.py http URL MODE:TOKEN TOOL ARGUMENTS_AS_JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def main(how: str, where: str, *rest: str) -> None:
    if how == "stdio":
        tool, arguments = rest
        async with Client(StdioServerParameters(**json.loads(where))) as client:
            await call(client, tool, arguments)
        return
    login, tool, arguments = rest
    chosen, _, token = login.partition(":")
    mode: Any = chosen
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(where, http_client=http), mode=mode) as client,
    ):
        await call(client, tool, arguments)


async def call(client: Client, tool: str, arguments: str) -> None:
    print("calling", flush=True)
    result = await client.call_tool(tool, json.loads(arguments))
    print("answered", json.dumps(result.structured_content), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
