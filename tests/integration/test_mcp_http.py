"""`seawall serve` in a process of its own, called over streamable HTTP."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support.mcp import CREATE, GET_CASE, SLOW, TOKENS, client, org, serving, told, until

CASE = {"reference": "order-4711", "subject": "Parcel lost"}
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_agent_lists_calls_and_sees_a_replay(tmp_path: Path, mode: Any) -> None:
    with org(tmp_path) as behind, serving(behind) as served:
        async with client(served.url, mode=mode) as agent:
            listed = await agent.list_tools()
            first = told(await agent.call_tool(CREATE, CASE))
        async with client(served.url, mode=mode) as agent:
            again = told(await agent.call_tool(CREATE, CASE))
            assert await agent.list_tools() == listed
        assert behind.cases() == ["Parcel lost"]
    assert (first["status"], again["status"]) == ("succeeded", "replayed")
    if mode == "auto":
        assert listed.cache_scope == "private"
        assert listed.ttl_ms > 0
    assert served.process.returncode == 0


async def test_who_shows_no_token_or_a_wrong_one_is_turned_away(tmp_path: Path) -> None:
    with org(tmp_path) as behind, serving(behind) as served:
        async with httpx2.AsyncClient() as http:
            bare = await http.post(served.url, json=call(CREATE, CASE), headers=ACCEPT)
            wrong = await http.post(
                served.url, json=call(CREATE, CASE), headers={**ACCEPT, "authorization": "Bearer guessed"}
            )
            huge = await http.post(
                served.url,
                content=b" " * 5_000_000,
                headers={**ACCEPT, "authorization": f"Bearer {TOKENS['ADA_TOKEN']}"},
            )
        assert behind.cases() == []
    assert (bare.status_code, bare.headers["www-authenticate"]) == (401, "Bearer")
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert huge.status_code == 413


async def test_call_beyond_the_scopes_of_its_token_is_answered_with_those_it_needs(tmp_path: Path) -> None:
    with org(tmp_path) as behind, serving(behind) as served:
        headers = {**ACCEPT, "authorization": f"Bearer {TOKENS['VIEWER_TOKEN']}"}
        async with httpx2.AsyncClient() as http:
            denied = await http.post(served.url, json=call(CREATE, CASE), headers=headers)
            hidden = await http.post(served.url, json=[call(GET_CASE, {}), call(CREATE, CASE)], headers=headers)
        async with client(served.url, TOKENS["VIEWER_TOKEN"]) as viewer:
            names = [tool.name for tool in (await viewer.list_tools()).tools]
            seen = told(await viewer.call_tool("crm__find_cases", {"limit": 5}))
        assert behind.cases() == []
    assert denied.status_code == hidden.status_code == 403
    assert 'error="insufficient_scope"' in denied.headers["www-authenticate"]
    assert 'scope="read write"' in denied.headers["www-authenticate"]
    assert CREATE in names  # listed by what the policy grants, so that a host can ask for the scope
    assert seen["status"] == "succeeded"


async def test_disconnect_cancels_the_wait_and_never_the_write(tmp_path: Path) -> None:
    with org(tmp_path, SLOW) as behind, serving(behind) as served:
        headers = {**ACCEPT, "authorization": f"Bearer {TOKENS['ADA_TOKEN']}"}
        async with httpx2.AsyncClient(timeout=1) as http:
            with pytest.raises(httpx2.TimeoutException):
                await http.post(served.url, json=call(CREATE, CASE), headers=headers)
        await asyncio.to_thread(until, lambda: behind.cases() == ["Parcel lost"])
        async with client(served.url) as agent:
            again = told(await agent.call_tool(CREATE, CASE))
        assert behind.cases() == ["Parcel lost"]
    assert (again["status"], again["effect"]) == ("replayed", "applied")


async def test_server_that_is_told_to_end_lets_a_write_come_to_its_end(tmp_path: Path) -> None:
    with org(tmp_path, SLOW) as behind:
        with serving(behind) as served:
            headers = {**ACCEPT, "authorization": f"Bearer {TOKENS['ADA_TOKEN']}"}
            async with httpx2.AsyncClient(timeout=30) as http:
                posted = asyncio.create_task(http.post(served.url, json=call(CREATE, CASE), headers=headers))
                await asyncio.sleep(1)
                served.process.send_signal(signal.SIGTERM)
                await asyncio.wait({posted})
                posted.exception()
        assert served.process.returncode == 0
        assert behind.cases() == ["Parcel lost"]
        with serving(behind) as served:
            async with client(served.url) as agent:
                again = told(await agent.call_tool(CREATE, CASE))
    assert (again["status"], again["effect"]) == ("replayed", "applied")


def test_server_without_tokens_or_on_a_taken_port_says_what_to_do(tmp_path: Path, capsys: Any) -> None:
    from typer.testing import CliRunner

    from seawall.cli import app

    (tmp_path / "seawall.toml").write_text("")
    done = CliRunner().invoke(app, ["serve", "--config", str(tmp_path / "seawall.toml")])
    assert done.exit_code == 2
    assert "agents.tokens" in done.stderr
