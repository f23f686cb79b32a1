"""The HTTP seam says exactly whether a request may have reached the target."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from seawall.connectors._http import MEANINGS, HttpClient, _parsed, _with_query
from seawall.core.errors import (
    Ambiguous,
    ConnectFailed,
    ConnectionLost,
    DeadlineBeforeSend,
    GatewayError,
    IntegrationError,
    InvalidRequest,
    NotSent,
    PoolExhausted,
    ReplyTimeout,
    UnreadableReply,
)

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

EXPORTED = sorted(
    (cls for _, cls in inspect.getmembers(httpx, inspect.isclass) if issubclass(cls, Exception)),
    key=lambda cls: cls.__name__,
)
NOTHING_SENT = {
    httpx.ConnectError: ConnectFailed,
    httpx.ConnectTimeout: ConnectFailed,
    httpx.InvalidURL: ConnectFailed,
    httpx.PoolTimeout: PoolExhausted,
    httpx.ProxyError: ConnectFailed,
    httpx.UnsupportedProtocol: ConnectFailed,
}
EXACT = {
    httpx.ReadTimeout: ReplyTimeout,
    httpx.WriteTimeout: ReplyTimeout,
    httpx.ReadError: ConnectionLost,
    httpx.WriteError: ConnectionLost,
    httpx.CloseError: ConnectionLost,
    httpx.RemoteProtocolError: ConnectionLost,
    httpx.DecodingError: UnreadableReply,
    httpx.TooManyRedirects: UnreadableReply,
    httpx.HTTPStatusError: GatewayError,
}


def failing_with(error: Exception) -> HttpClient:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error

    return HttpClient(transport=httpx.MockTransport(handle))


def an_instance(cls: type[Exception]) -> Exception:
    if issubclass(cls, httpx.HTTPStatusError):
        request = httpx.Request("GET", "http://x")
        return cls("text", request=request, response=httpx.Response(500))
    if cls in (httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead):
        return cls()
    return cls("text")


@contextlib.asynccontextmanager
async def a_server(behave: Behaviour) -> AsyncIterator[str]:
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # the client went
                await behave(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def a_client(**options: object) -> AsyncIterator[HttpClient]:
    client = HttpClient(**options)  # type: ignore[arg-type]  # options of the class, as each test names them
    try:
        yield client
    finally:
        await client.close()


async def request_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def an_answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


async def test_every_exception_class_of_httpx_is_mapped() -> None:
    assert len(EXPORTED) > 20
    assert {cls for cls in EXPORTED if cls not in MEANINGS} == set()


@pytest.mark.parametrize("cls", EXPORTED, ids=lambda cls: cls.__name__)
async def test_an_exception_of_httpx_becomes_an_error_whose_effect_is_known(cls: type[Exception]) -> None:
    client = failing_with(an_instance(cls))
    with pytest.raises(IntegrationError) as raised:
        await client.send("POST", "http://target.example/", timeout=1.0)
    await client.close()
    if cls in NOTHING_SENT:
        assert type(raised.value) is NOTHING_SENT[cls]
        assert raised.value.effect == "none"
    else:
        assert raised.value.effect == "maybe"
        assert isinstance(raised.value, EXACT.get(cls, Ambiguous))


async def test_an_exception_that_nobody_mapped_is_ambiguous() -> None:
    client = failing_with(ZeroDivisionError("surprise"))
    with pytest.raises(Ambiguous) as raised:
        await client.send("POST", "http://target.example/", timeout=1.0)
    await client.close()
    assert raised.value.code == "unmapped"


def failing_after(event: str, error: Exception | None) -> HttpClient:
    """A client whose transport tells how far it came and then fails, or hangs."""

    async def handle(request: httpx.Request) -> httpx.Response:
        await request.extensions["trace"](event, {"request": request})
        if error is None:
            await asyncio.Event().wait()
        assert error is not None
        raise error

    return HttpClient(transport=httpx.MockTransport(handle))


@pytest.mark.parametrize("error", [None, OSError("x"), httpx.ReadError("x"), httpx.ReadTimeout("x")], ids=repr)
@pytest.mark.parametrize("event", ["connection.connect_tcp.started", "connection.start_tls.started"])
async def test_what_fails_while_connecting_was_not_sent(event: str, error: Exception | None) -> None:
    client = failing_after(event, error)
    with pytest.raises(ConnectFailed):
        await client.send("POST", "http://target.example/", timeout=0.05)
    await client.close()


@pytest.mark.parametrize(
    "error", [None, OSError("x"), httpx.ConnectError("x"), httpx.PoolTimeout("x"), httpx.ProxyError("x")], ids=repr
)
async def test_what_fails_after_the_first_byte_is_in_doubt_whatever_it_is_called(error: Exception | None) -> None:
    client = failing_after("http11.send_request_headers.started", error)
    with pytest.raises(Ambiguous):
        await client.send("POST", "http://target.example/", timeout=0.05)
    await client.close()


@pytest.mark.case(2)
async def test_a_refused_connection_was_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with a_client() as client:
            with pytest.raises(ConnectFailed) as raised:
                await client.send("POST", f"http://127.0.0.1:{port}/", timeout=2.0)
    assert raised.value.outage


async def test_a_tls_handshake_that_fails_was_not_sent() -> None:
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"this is no TLS\r\n")

    async with a_server(no_tls) as url, a_client() as client:
        with pytest.raises(ConnectFailed):
            await client.send("POST", url.replace("http://", "https://"), timeout=2.0)


async def test_a_tls_handshake_that_hangs_was_not_sent() -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with a_server(silence) as url, a_client() as client:
        with pytest.raises(ConnectFailed):
            await client.send("POST", url.replace("http://", "https://"), timeout=0.15)


@pytest.mark.case(33)
async def test_an_answer_that_never_comes_is_a_reply_timeout() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        await reader.read()

    async with a_server(hang) as url, a_client() as client:
        with pytest.raises(ReplyTimeout):
            await client.send("POST", url, timeout=0.5)


async def test_an_answer_that_drips_is_cut_off_by_the_whole_timeout() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(an_answer(b"", length=10_000))
        for _ in range(10_000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with a_server(drip) as url, a_client() as client:
        with pytest.raises(ReplyTimeout):
            await client.send("GET", url, timeout=0.6)


async def test_a_connection_closed_without_an_answer_is_lost() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)

    async with a_server(close) as url, a_client() as client:
        with pytest.raises(ConnectionLost):
            await client.send("POST", url, timeout=2.0)


async def test_a_truncated_body_is_lost() -> None:
    async def truncate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(an_answer(b'{"id":', length=100))
        await writer.drain()

    async with a_server(truncate) as url, a_client() as client:
        with pytest.raises(ConnectionLost):
            await client.send("POST", url, timeout=2.0)


@pytest.mark.case(10)
async def test_a_kept_connection_that_dies_under_a_request_is_ambiguous_and_not_sent_again() -> None:
    requests: list[bytes] = []

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await request_head(reader))
        writer.write(an_answer(b"{}"))
        await writer.drain()
        requests.append(await request_head(reader))  # takes the second request, and dies

    async with a_server(answer_once) as url, a_client() as client:
        await client.send("GET", url, timeout=2.0)
        with pytest.raises(ConnectionLost):
            await client.send("POST", url, timeout=2.0)
    assert len(requests) == 2


@pytest.mark.case(39)
async def test_a_busy_pool_is_not_sent_and_not_charged_to_the_target() -> None:
    released = asyncio.Event()
    seen: list[bytes] = []

    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_head(reader))
        await released.wait()
        writer.write(an_answer(b"{}"))
        await writer.drain()

    async with a_server(answer_late) as url, a_client(max_connections=1) as client:
        first = asyncio.create_task(client.send("GET", url, timeout=5.0))
        while not seen:
            await asyncio.sleep(0.005)
        with pytest.raises(PoolExhausted) as raised:
            await client.send("POST", url, timeout=0.5)
        released.set()
        assert (await first).status == 200
    assert not raised.value.outage
    assert len(seen) == 1


async def test_a_malformed_header_was_not_sent() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(1))

    async with a_server(answer) as url, a_client() as client:
        with pytest.raises(InvalidRequest):
            await client.send("POST", url, timeout=2.0, headers={"X-Name": "a\r\nb: c"})
    assert b"".join(seen) == b""


@pytest.mark.parametrize("body", [{"n": float("nan")}, {"n": object()}], ids=["NaN", "object"])
async def test_a_body_that_is_no_json_was_not_sent(body: object) -> None:
    async with a_client() as client:
        with pytest.raises(InvalidRequest):
            await client.send("POST", "http://127.0.0.1:9/", timeout=2.0, body=body)


@pytest.mark.parametrize("url", ["ftp://host/", "http://[::1", "nonsense"])
async def test_a_url_that_cannot_be_called_was_not_sent_and_will_not_do_later(url: str) -> None:
    async with a_client() as client:
        with pytest.raises(ConnectFailed) as raised:
            await client.send("POST", url, timeout=2.0)
    assert not raised.value.transient
    assert not raised.value.outage


async def test_without_time_left_nothing_is_sent() -> None:
    async with a_client() as client:
        with pytest.raises(DeadlineBeforeSend):
            await client.send("POST", "http://127.0.0.1:9/", timeout=0.0)


async def test_an_answer_over_the_size_limit_is_unreadable_and_no_outage() -> None:
    async def much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(an_answer(b"x" * 5000))
        await writer.drain()

    async with a_server(much) as url, a_client(max_response_bytes=2048) as client:
        with pytest.raises(UnreadableReply) as raised:
            await client.send("GET", url, timeout=2.0)
    assert raised.value.code == "too_long"
    assert not raised.value.outage


async def test_a_redirect_is_answered_and_not_followed() -> None:
    seen: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_head(reader))
        writer.write(an_answer(b"", "Location: /elsewhere", status="302 Found"))
        await writer.drain()

    async with a_server(redirect) as url, a_client() as client:
        reply = await client.send("POST", url, timeout=2.0)
    assert reply.status == 302
    assert len(seen) == 1


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(an_answer(b"{}"))
        await writer.drain()

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with a_server(answer) as url, a_client() as client:
        assert (await client.send("GET", url, timeout=2.0)).status == 200


async def test_a_proxy_that_makes_no_tunnel_was_not_sent() -> None:
    seen: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_head(reader))
        writer.write(an_answer(b"", status="407 Proxy Authentication Required"))
        await writer.drain()

    async with a_server(refuse) as url, a_client(proxy=url) as client:
        with pytest.raises(NotSent) as raised:
            await client.send("POST", "https://target.example/", timeout=2.0)
    assert raised.value.code == "proxy"
    assert seen[0].startswith(b"CONNECT target.example:443 ")


async def test_a_cancelled_caller_is_cancelled_and_the_connection_is_not_used_again() -> None:
    connections = 0

    async def hang_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await request_head(reader)
        if connections == 1:
            await reader.read()
        writer.write(an_answer(b"{}"))
        await writer.drain()

    async with a_server(hang_first) as url, a_client(max_connections=1) as client:
        call = asyncio.create_task(client.send("POST", url, timeout=5.0))
        while not connections:
            await asyncio.sleep(0.005)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await client.send("GET", url, timeout=2.0)).status == 200
    assert connections == 2


async def test_an_error_tells_no_query_string() -> None:
    async with a_client() as client:
        with pytest.raises(IntegrationError) as raised:
            await client.send("GET", "http://127.0.0.1:9/path?q=canary-in-query", timeout=2.0)
    assert "canary" not in str(raised.value) + repr(raised.value.to_record())


async def test_a_request_that_may_not_be_sent_is_not_even_connected() -> None:
    connected: list[bool] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(True)

    async with a_server(answer) as url, a_client() as client:
        with pytest.raises(NotSent) as raised:
            await client.send("POST", url, timeout=2.0, may_send=lambda: False)
        await asyncio.sleep(0.05)
    assert (raised.value.code, raised.value.effect, raised.value.outage) == ("lost_lease", "none", False)
    assert connected == []


async def test_a_request_that_may_no_longer_be_sent_once_a_connection_is_free_is_not_sent() -> None:
    released, ours = asyncio.Event(), asyncio.Event()
    ours.set()
    seen: list[bytes] = []

    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await request_head(reader))
            await released.wait()
            writer.write(an_answer(b"{}"))
            await writer.drain()

    async with a_server(answer_late) as url, a_client(max_connections=1) as client:
        first = asyncio.create_task(client.send("GET", url, timeout=5.0))
        while not seen:
            await asyncio.sleep(0.005)
        waiting = asyncio.create_task(client.send("POST", url, timeout=5.0, may_send=ours.is_set))
        await asyncio.sleep(0.05)
        ours.clear()
        released.set()
        assert (await first).status == 200
        with pytest.raises(NotSent) as raised:
            await waiting
        # The one connection is free again for whoever comes next.
        assert (await client.send("PUT", url, timeout=5.0, may_send=lambda: True)).status == 200
    assert (raised.value.code, raised.value.effect) == ("lost_lease", "none")
    assert [head.split()[0] for head in seen] == [b"GET", b"PUT"]


@pytest.mark.parametrize(
    "params",
    [{"q": "SELECT a FROM b WHERE c = 'ü & % + # ? /'"}, {"fields": "a,b"}, {"a": "", "b": "c=d"}, {"e": "%41~*"}],
)
async def test_query_reads_as_httpx_would_write_it(params: dict[str, str]) -> None:
    asked: list[httpx.URL] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200)

    client = HttpClient(transport=httpx.MockTransport(handle))
    await client.send("GET", "https://legacy.example/a%20path", params=params, timeout=1.0)
    assert asked == [httpx.Request("GET", "https://legacy.example/a%20path", params=params).url]
    assert dict(asked[0].params) == params
    await client.close()


async def test_a_cookie_that_an_answer_set_goes_with_the_next_request() -> None:
    asked: list[str | None] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"set-cookie": "node=7; Path=/"} if len(asked) == 1 else {})

    client = HttpClient(transport=httpx.MockTransport(handle))
    for host in ("legacy", "legacy", "other", "legacy"):
        await client.send("GET", f"https://{host}.example/", timeout=1.0)
    assert asked == [None, "node=7", None, "node=7"]
    await client.close()


@pytest.mark.parametrize("what", [{"json": {"a": 1}}, {"data": {"a": "b c"}}, {"content": b"x"}, {}], ids=str)
@pytest.mark.parametrize(
    "headers", [{}, {"accept": "text/xml", "User-Agent": "z"}, {"Content-Type": "text/xml"}], ids=str
)
@pytest.mark.parametrize("params", [None, {"q": "a b&c=ü"}], ids=str)
async def test_requests_are_made_as_httpx_makes_them(
    what: dict[str, Any], headers: dict[str, str], params: dict[str, str] | None
) -> None:
    client = HttpClient()
    client._client.cookies.set("a", "b", domain="x.example.com")
    url, extensions = "https://x.example.com/a/b?z=1", {"trace": None}
    theirs = client._client.build_request(
        "post", url, headers=headers, params=params, timeout=2.0, extensions=extensions, **what
    )
    ours = client._request(
        "post", _with_query(url, params) if params else _parsed(url), headers, 2.0, extensions=extensions, **what
    )
    assert (ours.method, ours.url, ours.content) == (theirs.method, theirs.url, theirs.content)
    assert sorted(ours.headers.multi_items()) == sorted(theirs.headers.multi_items())
    assert ours.extensions == theirs.extensions
    await client.close()
