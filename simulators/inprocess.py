"""A simulator behind httpx without sockets: the same application, faults included, in the caller's event loop.

Under a loop with virtual time an hour of hanging and late commits takes no time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx

from .origin import REPLIED, outside
from .wire import EXTENSION, AsgiApp, Loss, Message, Scope, Simulator, asgi_of

_BAD_CERTIFICATE = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
_RESET = "connection reset by peer"
_NEVER_CONNECTED: Mapping[str, tuple[type[httpx.TransportError], str]] = {
    "refused": (httpx.ConnectError, "[Errno 111] Connection refused"),
    "dns": (httpx.ConnectError, "[Errno -2] Name or service not known"),
    "expired": (httpx.ConnectError, _BAD_CERTIFICATE + "certificate has expired (_ssl.c:1006)"),
    "wrong_host": (httpx.ConnectError, _BAD_CERTIFICATE + "Hostname mismatch, certificate is not valid (_ssl.c:1006)"),
    "unknown_issuer": (httpx.ConnectError, _BAD_CERTIFICATE + "unable to get local issuer certificate (_ssl.c:1006)"),
    "proxy_407": (httpx.ProxyError, "407 Proxy Authentication Required"),
}
"""What httpx raises, in the words of the layers below it."""
_WAITED_FOR: Mapping[str, tuple[str, type[httpx.TransportError], type[httpx.TransportError], str]] = {
    "connect_timeout": ("connect", httpx.ConnectTimeout, httpx.ConnectError, "[Errno 110] Connection timed out"),
    "pool_exhausted": ("pool", httpx.PoolTimeout, httpx.PoolTimeout, "no connection became free"),
    "hang": ("write", httpx.WriteTimeout, httpx.WriteError, _RESET),
}
"""Which of the client's timeouts ends it and how, and how it ends when it lasts less long."""


class InProcessTransport(httpx.AsyncBaseTransport):
    """Transport that gives requests to an ASGI application as a server on a socket would.

    A reset becomes `httpx.ReadError`, a connection that is closed without an answer or in the middle of one becomes
    `httpx.RemoteProtocolError`, and the client's read timeout is honoured with the event loop's time. As on a
    socket, a client that gives up does not stop the application: it only learns that the client has gone.

    It also carries out the faults at ``connect``, which no server on a socket can: to know which request is to be
    lost, the application is given it, admits it, and applies nothing.

    Args:
        app: The ASGI application, for example ``SalesforceSimulator(...).asgi``, or an object that has it as `asgi`.
    """

    def __init__(self, app: AsgiApp | Simulator) -> None:
        self._app: AsgiApp = asgi_of(app)
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Run one exchange.

        Raises:
            httpx.ReadTimeout: No whole answer within the client's read timeout.
            httpx.ReadError: The simulator reset the connection.
            httpx.WriteError: It did so before the request was sent.
            httpx.WriteTimeout: It took no more of the request within the client's write timeout.
            httpx.ConnectError: No connection came about.
            httpx.ConnectTimeout: Nor did it within the client's connect timeout.
            httpx.PoolTimeout: No connection of the client's own was free.
            httpx.ProxyError: The client's proxy would not open one.
            httpx.RemoteProtocolError: The simulator closed the connection before or within an answer.
        """
        exchange = _Exchange(await request.aread())
        task = asyncio.create_task(self._run(_scope(request, exchange), exchange), context=outside())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        timeouts = request.extensions.get("timeout", {})
        try:
            async with asyncio.timeout(timeouts.get("read")):
                await exchange.over.wait()
            if exchange.loss is not None:
                raise await _lost(*exchange.loss, timeouts, request)
        except TimeoutError:
            raise httpx.ReadTimeout("the simulator did not answer in time", request=request) from None
        finally:
            exchange.gone.set()
        return exchange.response(request)

    async def _run(self, scope: Scope, exchange: _Exchange) -> None:
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - it is the caller's to see, as a server would log it
            exchange.failure = error
        finally:
            exchange.over.set()


async def _lost(
    how: Loss, seconds: float, detail: str, timeouts: Mapping[str, float | None], request: httpx.Request
) -> httpx.TransportError:
    """What the client meets in place of an answer, when its time has come."""
    if how == "reset":
        return httpx.WriteError(_RESET, request=request)
    if how not in _WAITED_FOR:
        raised, words = _NEVER_CONNECTED[detail or how]
        return raised(words, request=request)
    which, in_time, too_late, words = _WAITED_FOR[how]
    limit = timeouts.get(which)
    gives_up = limit is not None and limit <= seconds
    await asyncio.sleep(limit if limit is not None and gives_up else seconds)
    return in_time("", request=request) if gives_up else too_late(words, request=request)


class _Exchange:
    """One request and what came back of its answer; also the `Line` that the application can break."""

    def __init__(self, body: bytes) -> None:
        self.over = asyncio.Event()
        self.gone = asyncio.Event()
        self.failure: Exception | None = None
        self.loss: tuple[Loss, float, str] | None = None
        self._body: bytes | None = body
        self._status: int | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._content = bytearray()
        self._whole = False
        self._was_reset = False

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.gone.is_set():
            return
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message["headers"])
            return
        self._content += message["body"]
        if not message["more_body"]:
            self._whole = True
            self.over.set()

    def lose(self, how: Loss, seconds: float, detail: str) -> None:
        self.loss = how, seconds, detail
        self.over.set()

    def reset(self) -> None:
        self._was_reset = True
        self.close()

    def close(self) -> None:
        self.over.set()
        self.gone.set()

    def response(self, request: httpx.Request) -> httpx.Response:
        if self.failure is not None:
            raise self.failure
        if self._status is None or (self._was_reset and not self._content):
            if self._was_reset:
                raise httpx.ReadError(_RESET, request=request)
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        if self._whole and (listener := REPLIED.get()) is not None:
            asked_for = next((value for name, value in self._headers if name.lower() == b"retry-after"), b"")
            listener(self._status, len(self._content), asked_for.decode("latin-1"))
        body = _Body(bytes(self._content), request, whole=self._whole, was_reset=self._was_reset)
        return httpx.Response(self._status, headers=self._headers, stream=body, request=request)


class _Body(httpx.AsyncByteStream):
    def __init__(self, content: bytes, request: httpx.Request, *, whole: bool, was_reset: bool) -> None:
        self._content = content
        self._request = request
        self._whole = whole
        self._was_reset = was_reset

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content
        if self._was_reset:
            raise httpx.ReadError(_RESET, request=self._request)
        if not self._whole:
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body", request=self._request
            )


def _scope(request: httpx.Request, exchange: _Exchange) -> Scope:
    raw_path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("in-process", 0),
        "extensions": {EXTENSION: exchange},
    }
