"""Clients of each version of the protocol that is still spoken, over both transports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import mcp.client.session
import pytest
from mcp import Client
from support.mcp import CREATE, SLOW, TOKENS, client, org, serving, told

VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
SIX_SECONDS = {**SLOW, "params": {"seconds": 6}}  # longer than the pause between two words about the wait
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the SDK's client offer an older version."""

    @contextmanager
    def as_of(version: str) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(mcp.client.session, "LATEST_HANDSHAKE_VERSION", version)
            yield

    return as_of


async def check(agent: Client, version: str) -> None:
    """Initialised, listed, called, told of the wait, and answered in both forms."""
    heard: list[str | None] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    assert agent.session.protocol_version == version
    tools = (await agent.list_tools()).tools
    (create,) = [tool for tool in tools if tool.name == CREATE]
    assert create.output_schema is not None
    request = {"reference": version, "subject": f"By {version}"}
    first = told(await agent.call_tool(CREATE, request, progress_callback=listen))
    again = told(await agent.call_tool(CREATE, request))
    assert (first["status"], again["status"]) == ("succeeded", "replayed")
    assert heard == ["Still running; result not known."]


async def check_all(agents: list[Client]) -> None:
    await asyncio.gather(*(check(agent, version) for agent, version in zip(agents, VERSIONS, strict=True)))


async def test_each_older_version_over_stdio(tmp_path: Path, speaking: Any) -> None:
    with org(tmp_path, SIX_SECONDS) as behind:
        async with AsyncExitStack() as stack:
            agents = []
            for version in VERSIONS:
                with speaking(version):
                    agent = Client(behind.stdio("--as", "agent:ada"), mode="legacy")
                    agents.append(await stack.enter_async_context(agent))
            await check_all(agents)
        assert sorted(behind.cases()) == sorted(f"By {version}" for version in VERSIONS)


async def test_each_older_version_over_http(tmp_path: Path, speaking: Any) -> None:
    with org(tmp_path, SIX_SECONDS) as behind, serving(behind) as served:
        async with AsyncExitStack() as stack:
            agents = []
            for version in VERSIONS:
                with speaking(version):
                    agents.append(await stack.enter_async_context(client(served.url, mode="legacy")))
            await check_all(agents)
        assert sorted(behind.cases()) == sorted(f"By {version}" for version in VERSIONS)


async def test_version_that_nobody_speaks_and_a_batch_are_answered_with_what_there_is(tmp_path: Path) -> None:
    headers = {**ACCEPT, "authorization": f"Bearer {TOKENS['ADA_TOKEN']}"}
    create = {"name": CREATE, "arguments": {"reference": "r1", "subject": "In a batch"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": create}
    prefix = "io.modelcontextprotocol"
    meta = {f"{prefix}/protocolVersion": "2031-01-01", f"{prefix}/clientCapabilities": {}}
    ahead = {**call, "params": {**create, "_meta": meta}}
    with org(tmp_path) as behind, serving(behind) as served:
        async with httpx2.AsyncClient(headers=headers) as http:
            said = {"mcp-protocol-version": "2031-01-01", "mcp-method": "tools/call", "mcp-name": CREATE}
            future = await http.post(served.url, json=ahead, headers=said)
            batch = await http.post(served.url, json=[call, call], headers={"mcp-protocol-version": "2025-03-26"})
            events = await http.get(served.url, headers={"accept": "text/event-stream"})
        assert behind.cases() == []
    assert future.status_code == 400
    assert "2026-07-28" in future.json()["error"]["data"]["supported"]
    assert batch.status_code == 400
    assert events.status_code == 405
