"""What an OAuth resource server says at its door: challenges, metadata, and for whom it takes which Host."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support.agents import toy_agent
from support.authorization import Key

from seawall.agents.http import make_app
from seawall.simulators.virtual_time import LoopClock

ISSUER, OURS = "https://auth.example.com", "https://seawall.example.com/mcp"
METADATA = "https://seawall.example.com/.well-known/oauth-protected-resource/mcp"
OAUTH = {"issuer": ISSUER, "audience": OURS, "jwks_url": f"{ISSUER}/keys"}
STATIC = "token-of-a-writer-4711"
TOKENS = [{"token": STATIC, "principal": "agent:ada", "scopes": ["read", "write"]}]
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@cache
def key() -> Key:
    return Key("k1")


def token(scope: str, **claims: Any) -> str:
    said = {"iss": ISSUER, "aud": OURS, "sub": "ada", "scope": scope, "exp": LoopClock().now() + 300}
    return key().sign({**said, **claims})


@asynccontextmanager
async def door(folder: Path, host: str = "127.0.0.1", **agents: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client before the whole application, as it is reached under its public name."""

    async def fetch(_url: str) -> tuple[int, bytes]:
        if away:
            raise OSError("connection refused")
        return 200, json.dumps({"keys": [key().public()]}).encode()

    away = agents.pop("away", False)
    async with toy_agent(folder, agents={"oauth": OAUTH, **agents}) as (_, _, wall):
        served = make_app(wall, host, fetch=fetch)
        transport = httpx2.ASGITransport(app=served.app)
        app: Any = served.app
        while not hasattr(app, "router"):
            app = getattr(app, "_app", None) or app.app
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="https://seawall.example.com", headers=ACCEPT) as client,
        ):
            yield client


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


READ, WRITE = call("toy__get_note", note_id="n1"), call("toy__add_note", reference="r1", text="t")
DELETE = call("toy__delete_note", note_id="n1")


def bearer(text: str, **headers: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}", **headers}


async def test_who_shows_no_token_is_told_where_to_get_one(tmp_path: Path) -> None:
    async with door(tmp_path) as http:
        answer = await http.post("/mcp", json=READ)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Bearer scope="seawall:read", resource_metadata="{METADATA}"'


async def test_who_shows_a_wrong_token_does_not_learn_what_is_wrong_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = [
        "opaque",
        token("seawall:read", aud="https://other.example.com"),
        token("seawall:read", exp=1),
        token("seawall:read", iss="https://evil.example.com"),
        Key("k1").sign({"iss": ISSUER, "aud": OURS, "sub": "ada", "exp": LoopClock().now() + 300}),
    ]
    with caplog.at_level(logging.DEBUG):
        async with door(tmp_path) as http:
            answers = [await http.post("/mcp", json=READ, headers=bearer(one)) for one in wrong]
    told = {(answer.status_code, answer.headers["www-authenticate"], answer.text) for answer in answers}
    challenge = f'Bearer error="invalid_token", scope="seawall:read", resource_metadata="{METADATA}"'
    assert [(status, shown) for status, shown, _ in told] == [(401, challenge)]
    assert not any(one in record.getMessage() for one in wrong for record in caplog.records)
    assert "ExpiredSignature" not in str(told)


@pytest.mark.parametrize(
    ("scope", "message", "version", "needed"),
    [
        ("seawall:read", WRITE, "2026-07-28", "seawall:write"),
        ("seawall:read seawall:write", DELETE, "2026-07-28", "seawall:destructive"),
        ("seawall:read", WRITE, "2025-11-25", "seawall:read seawall:write"),
        ("seawall:read", WRITE, "", "seawall:read seawall:write"),
        ("openid", READ, "2026-07-28", "seawall:read"),
        ("", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, "2026-07-28", "seawall:read"),
    ],
)
async def test_call_beyond_the_scopes_is_told_those_that_it_needs(
    tmp_path: Path, scope: str, message: dict[str, Any], version: str, needed: str
) -> None:
    headers = bearer(token(scope), **({"mcp-protocol-version": version} if version else {}))
    async with door(tmp_path) as http:
        answer = await http.post("/mcp", json=message, headers=headers)
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith(f'Bearer error="insufficient_scope", scope="{needed}", error_description="')
    assert challenge.endswith(f'resource_metadata="{METADATA}"')


@pytest.mark.parametrize("shown", ["oauth", "static"])
async def test_token_of_either_kind_lets_in(tmp_path: Path, shown: str) -> None:
    text = STATIC if shown == "static" else token("seawall:read seawall:write", sub="carl")
    async with door(tmp_path, tokens=TOKENS) as http:
        answer = await http.post("/mcp", json=WRITE, headers=bearer(text, **{"mcp-protocol-version": "2025-11-25"}))
    assert answer.status_code == 200
    told = json.loads(answer.text.partition("data: ")[2])["result"]["structuredContent"]
    assert told["status"] == "succeeded"


async def test_token_that_cannot_be_checked_now_is_no_wrong_one(tmp_path: Path) -> None:
    async with door(tmp_path, away=True, tokens=TOKENS) as http:
        answer = await http.post("/mcp", json=READ, headers=bearer(token("seawall:read")))
        configured = await http.post("/mcp", json=READ, headers=bearer(STATIC))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "www-authenticate" not in answer.headers
    assert configured.status_code == 200


@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])
async def test_metadata_is_there_for_everybody(tmp_path: Path, path: str) -> None:
    async with door(tmp_path) as http:
        answer = await http.get(path)
        posted = await http.post(path)
    assert answer.json() == {
        "resource": OURS,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["seawall:read", "seawall:write", "seawall:destructive"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Seawall",
    }
    assert posted.status_code == 405


async def test_there_is_no_metadata_without_an_authorization_server(tmp_path: Path) -> None:
    async with door(tmp_path, oauth=None, tokens=TOKENS) as http:
        assert (await http.get("/.well-known/oauth-protected-resource")).status_code == 401


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_nobody_listens_to_a_stream_on_which_nothing_would_come(tmp_path: Path, method: str) -> None:
    async with door(tmp_path) as http:
        assert (await http.request(method, "/mcp")).status_code == 401
        answer = await http.request(method, "/mcp", headers=bearer(token("seawall:read")))
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("version", ["2026-07-28", "2025-11-25"])
@pytest.mark.parametrize(
    ("bound", "host", "origin", "status"),
    [
        ("0.0.0.0", "seawall.example.com", None, 200),  # the name in the audience
        ("0.0.0.0", "seawall.example.com:8443", None, 200),
        ("0.0.0.0", "inside.example.com", None, 200),  # a configured one
        ("0.0.0.0", "localhost:8642", None, 200),
        ("0.0.0.0", "evil.example.com", None, 421),
        ("0.0.0.0", "seawall.example.com.evil.example.com", None, 421),
        ("0.0.0.0", "10.0.0.7:8642", None, 421),
        ("10.0.0.7", "10.0.0.7:8642", None, 200),
        ("10.0.0.7", "evil.example.com", None, 421),
        ("127.0.0.1", "evil.example.com", None, 421),
        ("0.0.0.0", "seawall.example.com", "https://console.example.com", 200),
        ("0.0.0.0", "seawall.example.com", "https://evil.example.com", 403),
        ("0.0.0.0", "seawall.example.com", "null", 403),
        ("0.0.0.0", "seawall.example.com", "http://localhost:3000", 403),
        ("127.0.0.1", "127.0.0.1:8642", "http://localhost:3000", 200),
    ],
)
async def test_request_for_another_name_or_from_another_page_is_refused(
    tmp_path: Path, bound: str, host: str, origin: str | None, status: int, version: str
) -> None:
    agents = {"allowed_hosts": ["inside.example.com"], "allowed_origins": ["https://console.example.com"]}
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    if version.startswith("2026"):
        prefix = "io.modelcontextprotocol"
        message["params"]["_meta"] = {f"{prefix}/protocolVersion": version, f"{prefix}/clientCapabilities": {}}
    headers = bearer(token("seawall:read"), host=host, **{"mcp-protocol-version": version, "mcp-method": "tools/list"})
    headers |= {} if origin is None else {"origin": origin}
    async with door(tmp_path, bound, **agents) as http:
        assert (await http.post("/mcp", json=message, headers=headers)).status_code == status


async def test_page_of_a_configured_origin_may_read_the_challenge_and_no_other_may(tmp_path: Path) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with door(tmp_path, allowed_origins=["https://console.example.com"]) as http:
        ours = await http.options("/mcp", headers={"origin": "https://console.example.com", **asked})
        others = await http.options("/mcp", headers={"origin": "https://evil.example.com", **asked})
        answer = await http.post("/mcp", json=READ, headers={"origin": "https://console.example.com"})
    assert ours.headers["access-control-allow-origin"] == "https://console.example.com"
    assert "access-control-allow-origin" not in others.headers
    assert answer.headers["access-control-expose-headers"] == "www-authenticate"
