"""The pool gives a request a connection that no other has, and lets idle ones be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import pytest

from seawall.connectors import _pool
from seawall.connectors._pool import Pool

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers all requests on its open connections once it may."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.may_answer = asyncio.Event()
        self.url = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while await reader.readline():
            while await reader.readline() != b"\r\n":
                pass
            await self.may_answer.wait()
            writer.write(ANSWER)
        writer.close()


@asynccontextmanager
async def a_server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    async with listening:
        yield server
        for writer in server.writers:
            writer.close()


async def get(pool: httpcore.AsyncConnectionPool, server: Server, times: int = 1) -> None:
    """So many requests at the same time."""
    server.may_answer.clear()
    asking = [asyncio.create_task(pool.request("GET", server.url)) for _ in range(times)]
    while len(pool._requests) < times:
        await asyncio.sleep(0)
    server.may_answer.set()
    assert [(await one).content for one in asking] == [b"ok"] * times


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Connections that the kernel was asked about."""
    found: list[object] = []
    real = httpcore.AsyncHTTPConnection.has_expired

    def has_expired(self: httpcore.AsyncHTTPConnection) -> bool:
        found.append(self)
        return real(self)

    monkeypatch.setattr(httpcore.AsyncHTTPConnection, "has_expired", has_expired)
    return found


async def test_pool_requests_together_use_each_connection_once(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[int] = []
    real = httpcore.AsyncHTTPConnection.handle_async_request

    async def handle(self: httpcore.AsyncHTTPConnection, request: httpcore.Request) -> httpcore.Response:
        handed.append(id(self))
        return await real(self, request)

    async with a_server() as server, Pool(max_connections=8) as pool:
        await get(pool, server, 8)
        monkeypatch.setattr(httpcore.AsyncHTTPConnection, "handle_async_request", handle)
        await get(pool, server, 8)
        assert len(server.writers) == 8
    assert len(handed) == len(set(handed)) == 8


async def test_pool_fuller_than_its_connections_makes_the_others_wait_their_turn() -> None:
    async with a_server() as server, Pool(max_connections=3) as pool:
        await get(pool, server, 20)
        assert len(server.writers) == len(pool.connections) == 3


async def test_pool_with_idle_connections_asks_only_about_the_one_it_uses(
    monkeypatch: pytest.MonkeyPatch, asked: list[object]
) -> None:
    async with a_server() as server, Pool(max_connections=8) as pool:
        await get(pool, server, 8)
        monkeypatch.setattr(_pool, "_SWEEP", 3600.0)
        asked.clear()
        await get(pool, server)
        assert len(asked) == 1


async def test_pool_never_uses_a_connection_that_the_server_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "_SWEEP", 3600.0)
    async with a_server() as server, Pool(max_connections=2) as pool:
        await get(pool, server, 2)
        server.writers[0].close()
        server.writers[1].close()
        await asyncio.sleep(0.05)
        await get(pool, server, 2)
        assert len(server.writers) == 4
        assert len(pool.connections) == 2


async def test_pool_lets_go_of_what_was_closed_though_nobody_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_server() as server, Pool(max_connections=4) as pool:
        await get(pool, server, 4)
        for writer in server.writers[1:]:
            writer.close()
        await asyncio.sleep(0.05)
        monkeypatch.setattr(_pool, "_SWEEP", 0.0)
        await get(pool, server)
        assert len(pool.connections) == 1


async def test_pool_that_is_full_gives_up_an_idle_connection_for_another_server() -> None:
    async with a_server() as one, a_server() as other, Pool(max_connections=2) as pool:
        await get(pool, one, 2)
        await get(pool, other, 2)
        assert (len(one.writers), len(other.writers), len(pool.connections)) == (2, 2, 2)


async def test_pool_whose_request_is_cancelled_has_room_for_the_next() -> None:
    async with a_server() as server, Pool(max_connections=1) as pool:
        stuck = asyncio.create_task(pool.request("GET", server.url))
        while not server.writers:
            await asyncio.sleep(0)
        stuck.cancel()
        await asyncio.wait([stuck])
        await get(pool, server)
        assert len(pool.connections) == 1


class Multiplexed:
    """A connection over which several requests go at a time, as over HTTP/2."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.closed = False

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.01)
        self.running -= 1
        return httpcore.Response(200, content=b"ok")

    async def aclose(self) -> None:
        self.closed = True

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def has_expired(self) -> bool:
        return False

    def is_idle(self) -> bool:
        return not self.running

    def is_closed(self) -> bool:
        return self.closed


class MultiplexedPool(Pool):
    """Makes such connections."""

    def create_connection(self, origin: httpcore.Origin) -> Any:
        return Multiplexed()


@pytest.mark.parametrize(("scheme", "connections", "together"), [("https", 1, 6), ("http", 6, 1)])
async def test_pool_shares_a_connection_only_where_it_may_be_http2(
    scheme: str, connections: int, together: int
) -> None:
    async with MultiplexedPool(max_connections=10) as pool:
        await asyncio.gather(*(pool.request("GET", f"{scheme}://legacy.example/") for _ in range(6)))
        assert len(pool.connections) == connections
        assert {one.most for one in pool.connections if isinstance(one, Multiplexed)} == {together}
