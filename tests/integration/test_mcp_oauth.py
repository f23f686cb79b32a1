"""`seawall serve` behind an authorization server on loopback, called by clients that find it by themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from support.authorization import CLIENTS, AuthorizationServer, Key, authorization_server
from support.mcp import CREATE, Org, Served, client, org, serving, told, until
from support.own_process import free_port

CASE = {"reference": "order-4711", "subject": "Parcel lost"}
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": CREATE, "arguments": CASE}}


class World(NamedTuple):
    """An org, a Seawall before it, and whoever gives out tokens for that."""

    org: Org
    served: Served
    authorization: AuthorizationServer

    @property
    def log(self) -> str:
        return (self.org.folder / "serve.log").read_text()


@contextmanager
def world(folder: Path, more: str = "") -> Iterator[World]:
    port = free_port()
    with authorization_server() as authorization:
        settings = f'audience = "http://127.0.0.1:{port}/mcp"\nissuer = "{authorization.url}"\n{more}'
        with org(folder, agents=f"[agents.oauth]\n{settings}") as behind, serving(behind, port) as served:
            yield World(behind, served, authorization)


class Storage:
    """Keeps a client's tokens in memory."""

    def __init__(self) -> None:
        self.tokens: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return None

    async def set_client_info(self, client_info: Any) -> None:
        raise AssertionError("it is registered already")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_client_that_knows_only_the_url_gets_a_token_and_steps_up(tmp_path: Path, mode: Any) -> None:
    with world(tmp_path) as this:
        storage = Storage()
        issuer = this.authorization.url
        login = ClientCredentialsOAuthProvider(this.served.url, storage, "ada", CLIENTS["ada"], issuer=issuer)
        async with (
            httpx2.AsyncClient(auth=login, timeout=60) as http,
            Client(streamable_http_client(this.served.url, http_client=http), mode=mode) as agent,
        ):
            await agent.list_tools()
            first_scope = storage.tokens.scope
            done = told(await agent.call_tool(CREATE, CASE))
            mine = told(await agent.call_tool("operations_mine", {}))
        assert this.org.cases() == ["Parcel lost"]
    assert (first_scope, storage.tokens.scope) == ("seawall:read", "seawall:read seawall:write")
    assert done["status"] == "succeeded"
    assert [one["operation_id"] for one in mine["data"]["content"]["operations"]] == [done["operation_id"]]


async def test_operations_of_one_subject_are_not_those_of_another(tmp_path: Path) -> None:
    with world(tmp_path, 'principal_prefix = "agent:oauth:"') as this:
        tokens = {who: this.authorization.token(this.served.url, who) for who in ("ada", "eve")}
        async with client(this.served.url, tokens["ada"]) as agent:
            done = told(await agent.call_tool(CREATE, CASE))
        async with client(this.served.url, tokens["eve"]) as agent:
            others = told(await agent.call_tool("operation_get", {"operation_id": done["operation_id"]}))
        async with client(this.served.url) as agent:  # the configured token of agent:ada
            also = told(await agent.call_tool("operation_get", {"operation_id": done["operation_id"]}))
    assert (done["status"], others["status"], also["status"]) == ("succeeded", "invalid", "invalid")


async def test_token_for_another_resource_or_of_another_server_changes_nothing(tmp_path: Path) -> None:
    with world(tmp_path) as this:
        ours, stranger = this.authorization, Key("k1")
        said = {"iss": ours.url, "aud": this.served.url, "sub": "ada", "exp": time.time() + 300}
        wrong = [
            ours.token("http://127.0.0.1:1/mcp"),
            ours.token(this.served.url, exp=int(time.time()) - 60),
            ours.token(this.served.url, iss="http://127.0.0.1:1"),
            stranger.sign({**said, "scope": "seawall:read seawall:write"}),
        ]
        async with httpx2.AsyncClient(headers=ACCEPT) as http:
            answers = [
                await http.post(this.served.url, json=CALL, headers={"authorization": f"Bearer {one}"}) for one in wrong
            ]
        assert this.org.cases() == []
        assert not any(token in this.log for token in wrong)
    assert [answer.status_code for answer in answers] == [401] * 4
    assert len({answer.headers["www-authenticate"] for answer in answers}) == 1


async def test_keys_change_and_the_server_goes_away_while_agents_work(tmp_path: Path) -> None:
    with world(tmp_path, "keys_retry = 1") as this:
        ours = this.authorization
        old = ours.token(this.served.url)
        async with client(this.served.url, old) as agent:
            first = told(await agent.call_tool(CREATE, CASE))
        ours.away = True
        ours.keys = [Key("k2"), *ours.keys]
        new = ours.token(this.served.url)
        await asyncio.sleep(1.1)
        async with httpx2.AsyncClient(headers=ACCEPT) as http:
            unknown = await http.post(this.served.url, json=CALL, headers={"authorization": f"Bearer {new}"})
        async with client(this.served.url, old) as agent:
            known = told(await agent.call_tool(CREATE, CASE))
        ours.away = False
        await asyncio.sleep(1.1)
        async with client(this.served.url, new) as agent:
            later = told(await agent.call_tool(CREATE, CASE))
        assert this.org.cases() == ["Parcel lost"]
        await asyncio.to_thread(until, lambda: "came again" in this.log)
        assert this.log.count("did not come") == 1
    assert (unknown.status_code, unknown.json()["error"]) == (503, "temporarily_unavailable")
    assert [one["status"] for one in (first, known, later)] == ["succeeded", "replayed", "replayed"]


async def test_flood_of_unknown_keys_does_not_reach_the_authorization_server(tmp_path: Path) -> None:
    with world(tmp_path) as this:
        stranger = Key("guess")
        said = {"iss": this.authorization.url, "aud": this.served.url, "sub": "ada", "exp": time.time() + 300}
        async with httpx2.AsyncClient(headers=ACCEPT) as http:
            statuses = set()
            for number in range(100):
                token = stranger.sign(said, kid=f"guess-{number}")
                answer = await http.post(this.served.url, json=CALL, headers={"authorization": f"Bearer {token}"})
                statuses.add(answer.status_code)
        assert this.authorization.asked.count("/keys") == 1
    assert statuses == {401}
