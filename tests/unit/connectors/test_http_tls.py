"""The HTTP seam over TLS: handshakes that are given up, and HTTP/2 where it is offered."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from seawall.connectors._http import HttpClient
from seawall.core.errors import ConnectionLost, NotSent, ReplyTimeout
from seawall.simulators.tls import Certificate

Answer = Callable[[h2.connection.H2Connection, int], None]


def answer_ok(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
    connection.send_data(stream, b'{"ok": true}', end_stream=True)


def reset(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.reset_stream(stream, 2)


def go_away(connection: h2.connection.H2Connection, stream: int) -> None:
    connection.close_connection(last_stream_id=stream)


def say_nothing(connection: h2.connection.H2Connection, stream: int) -> None:
    pass


class Http2Server:
    """Offers HTTP/2 only; notes connections and the requests on them, and answers each as `answers` say."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.requests: list[tuple[str, str]] = []

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
            while data := await reader.read(65_536):
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        assert event.headers is not None
                        found = {str(name, "ascii"): str(value, "ascii") for name, value in event.headers}
                        self.requests.append((found[":method"], found[":path"]))
                    if isinstance(event, h2.events.StreamEnded):
                        assert event.stream_id is not None
                        self.answers.pop(0)(connection, event.stream_id)
                writer.write(connection.data_to_send())
                await writer.drain()
        writer.close()

    @contextlib.asynccontextmanager
    async def serve(self, folder: Path) -> AsyncIterator[tuple[str, HttpClient]]:
        certificate = Certificate.make(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.certfile, certificate.keyfile)
        context.set_alpn_protocols(["h2"])
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0, ssl=context)
        client = HttpClient(ca_file=Path(certificate.certfile))
        try:
            yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", client
        finally:
            await client.close()
            server.close()
            await server.wait_closed()


async def test_two_calls_share_one_connection_of_http_2(tmp_path: Path) -> None:
    server = Http2Server(answer_ok, answer_ok)
    async with server.serve(tmp_path) as (url, client):
        first = await client.send("POST", f"{url}/a", timeout=5.0, body={"n": 1})
        second = await client.send("GET", f"{url}/b", timeout=5.0)
    assert first.json() == second.json() == {"ok": True}
    assert (server.connections, server.requests) == (1, [("POST", "/a"), ("GET", "/b")])


@pytest.mark.parametrize("broken", [reset, go_away])
async def test_a_stream_of_http_2_that_breaks_off_is_lost_and_not_sent_again(tmp_path: Path, broken: Answer) -> None:
    server = Http2Server(broken, answer_ok)
    async with server.serve(tmp_path) as (url, client):
        with pytest.raises(ConnectionLost):
            await client.send("POST", f"{url}/a", timeout=5.0, body={})
        assert server.requests == [("POST", "/a")]
        assert (await client.send("GET", f"{url}/b", timeout=5.0)).status == 200


async def test_a_stream_of_http_2_without_an_answer_is_a_reply_timeout_and_the_connection_goes_on(
    tmp_path: Path,
) -> None:
    server = Http2Server(say_nothing, answer_ok)
    async with server.serve(tmp_path) as (url, client):
        with pytest.raises(ReplyTimeout):
            await client.send("POST", f"{url}/a", timeout=1.0, body={})
        assert (await client.send("GET", f"{url}/b", timeout=5.0)).status == 200


async def test_a_write_that_may_no_longer_be_sent_does_not_reach_an_open_connection_of_http_2(tmp_path: Path) -> None:
    server = Http2Server(answer_ok, answer_ok)
    asked = iter((True, False))  # before the wait for the connection, and when it is there
    async with server.serve(tmp_path) as (url, client):
        await client.send("GET", f"{url}/a", timeout=5.0)
        with pytest.raises(NotSent) as raised:
            await client.send("POST", f"{url}/b", timeout=5.0, body={}, may_send=lambda: next(asked))
        assert (await client.send("GET", f"{url}/c", timeout=5.0)).status == 200
    assert raised.value.code == "lost_lease"
    assert [path for _, path in server.requests] == ["/a", "/c"]


@pytest.mark.filterwarnings("always::ResourceWarning")
async def test_a_tls_handshake_that_is_cancelled_leaves_no_connection_open(
    recwarn: pytest.WarningsRecorder,
) -> None:
    begun = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    client = HttpClient()
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    call = asyncio.create_task(client.send("POST", url, timeout=60.0))
    try:
        await begun.wait()
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        del call
        gc.collect()  # a connection that nobody closed says so when it is collected
    finally:
        await client.close()
        server.close()
        await server.wait_closed()
    assert [str(warning.message) for warning in recwarn] == []
