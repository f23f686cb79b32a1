"""Who is let in over HTTP, and how far, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.agents import toy_agent
from support.virtual import virtual

from seawall import ConfigError
from seawall.agents.bearer import Bearer
from seawall.agents.http import make_app

READER, WRITER = "token-of-a-reader-4711", "token-of-a-writer-4711"
TOKENS = [
    {"token": READER, "principal": "agent:ada"},
    {"token": WRITER, "principal": "agent:ada", "scopes": ["read", "write"]},
]


@asynccontextmanager
async def door(folder: Path, **agents: Any) -> AsyncIterator[tuple[Bearer, list[bytes]]]:
    """The door, and the bodies that got through it."""
    through: list[bytes] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        through.append(message.get("body", b""))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with toy_agent(folder, agents={"tokens": TOKENS, **agents}) as (_, _, wall):
        app = make_app(wall, "127.0.0.1").app
        assert isinstance(app, Bearer)
        app._app = behind
        yield app, through


async def post(app: Bearer, body: bytes, *authorization: str) -> tuple[int, str]:
    """Status and challenge of one request."""
    sent: list[Any] = []
    headers = [(b"authorization", value.encode()) for value in authorization]
    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": headers}

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    told = dict(sent[0]["headers"])
    return sent[0]["status"], told.get(b"www-authenticate", b"").decode()


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def body(*messages: dict[str, Any]) -> bytes:
    return json.dumps(messages[0] if len(messages) == 1 else messages).encode()


@pytest.mark.parametrize(
    ("shown", "challenge"),
    [
        ((), "Bearer"),
        (("Basic " + READER,), "Bearer"),
        (("Bearer ",), "Bearer"),
        ((f"Bearer {READER}", f"Bearer {WRITER}"), "Bearer"),
        (("Bearer " + READER + "x",), 'Bearer error="invalid_token"'),
        (("Bearer agent:ada",), 'Bearer error="invalid_token"'),
    ],
)
async def test_only_one_whole_token_lets_in(tmp_path: Path, shown: tuple[str, ...], challenge: str) -> None:
    async with door(tmp_path) as (app, through):
        assert await post(app, body(call("toy__get_note", note_id="n1")), *shown) == (401, challenge)
        assert through == []


@pytest.mark.parametrize(
    ("token", "messages", "status"),
    [
        (READER, [call("toy__get_note")], 200),
        (READER, [call("toy__add_note")], 403),
        (READER, [call("toy__get_note"), call("toy__add_note")], 403),
        (READER, [call("operation_get", operation_id="op_1")], 200),
        (READER, [call("toy__no_such")], 200),
        (WRITER, [call("toy__add_note")], 200),
        (WRITER, [call("toy__delete_note")], 403),
        (READER, [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}], 200),
        (READER, [{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []}], 200),
    ],
)
async def test_call_beyond_the_scopes_is_turned_away(
    tmp_path: Path, token: str, messages: list[dict[str, Any]], status: int
) -> None:
    async with door(tmp_path) as (app, through):
        answered, challenge = await post(app, body(*messages), f"bearer {token}")
        assert answered == status
        assert through == ([body(*messages)] if status == 200 else [])
        assert ("insufficient_scope" in challenge) == (status == 403)


async def test_dispatcher_is_judged_by_the_action_that_it_is_to_call(tmp_path: Path) -> None:
    async with door(tmp_path, typed_tools=0) as (app, _):
        reads = body(call("call_destructive", action="toy.get_note", arguments={}))
        writes = body(call("call_read", action="toy.add_note", arguments={}))
        assert (await post(app, reads, f"Bearer {READER}"))[0] == 200
        assert (await post(app, writes, f"Bearer {READER}"))[0] == 403


@pytest.mark.parametrize("text", [b"", b"{", b"[1, null]", b"[" * 100_000])
async def test_what_is_no_message_is_left_to_the_protocol(tmp_path: Path, text: bytes) -> None:
    async with door(tmp_path) as (app, through):
        assert (await post(app, text, f"Bearer {READER}"))[0] == 200
        assert through == [text]


async def test_request_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    async with door(tmp_path) as (app, through):
        assert (await post(app, b" " * 5_000_000, f"Bearer {READER}"))[0] == 413
        assert through == []


async def test_server_without_tokens_is_not_started(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (_, _, wall):
        with pytest.raises(ConfigError, match=r"agents\.tokens"):
            make_app(wall, "127.0.0.1")


@virtual
async def test_body_that_does_not_come_is_not_waited_for_for_long(tmp_path: Path) -> None:
    async with door(tmp_path) as (app, through):
        sent: list[Any] = []
        headers = [(b"authorization", f"Bearer {READER}".encode())]

        async def trickle() -> Any:
            await asyncio.sleep(1)
            return {"type": "http.request", "body": b" ", "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        await app({"type": "http", "method": "POST", "path": "/mcp", "headers": headers}, trickle, send)
        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]
        assert through == []


async def test_client_that_leaves_while_it_sends_is_not_taken_for_one_that_said_all(tmp_path: Path) -> None:
    async with door(tmp_path) as (app, _):
        messages = [{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}]
        seen: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def behind(_scope: Any, receive: Any, _send: Any) -> None:
            seen.extend([await receive(), await receive()])

        async def send(_message: Any) -> None:
            raise AssertionError("nobody is there")

        app._app = behind
        headers = [(b"authorization", f"Bearer {READER}".encode())]
        await app({"type": "http", "method": "POST", "path": "/mcp", "headers": headers}, receive, send)
    assert seen == [{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}]
