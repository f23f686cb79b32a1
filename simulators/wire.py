"""The connection as a simulated system sees it: it can answer, stay silent, cut an answer short, or break off.

HTTP servers give an application no way to break a connection, so whoever runs the application (`server` over
sockets, `inprocess` without them) puts a `Line` into the ASGI scope under ``extensions``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any, Literal, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class Simulator(Protocol):
    """An object that has an ASGI application."""

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application."""
        ...


EXTENSION = "seawall.line"

JSON = b"application/json;charset=UTF-8"
HTML = b"text/html; charset=UTF-8"


Loss = Literal["refused", "dns", "connect_timeout", "tls", "pool_exhausted", "proxy_407", "reset", "hang"]
"""How a request is lost on its way: at the connection, or (`reset`, `hang`) while it is being sent."""


class Line(Protocol):
    """What can be done to the transport below HTTP."""

    def lose(self, how: Loss, seconds: float, detail: str) -> None:
        """Let it be as if the request had never arrived.

        Args:
            how: What the client meets.
            seconds: How long it meets it at most, for those that take time.
            detail: What is wrong, for those that have several reasons.
        """
        ...

    def reset(self) -> None:
        """Break the connection at once so that the peer sees a reset."""
        ...

    def close(self) -> None:
        """Close the connection in order, after what was sent so far."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer.

    Args:
        status: Status code.
        body: The bytes of the body.
        content_type: Its content type; not sent with an empty body.
        headers: Further headers.
    """

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def with_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> Reply:
        """The same answer with more headers."""
        return replace(self, headers=(*self.headers, *headers))


def asgi_of(app: AsgiApp | Simulator) -> AsgiApp:
    """The application itself, where a simulator may be given in its place."""
    application: AsgiApp = getattr(app, "asgi", app)  # type: ignore[arg-type] # what has no asgi is one
    return application


class Wire:
    """One exchange on a connection.

    Args:
        scope: The ASGI scope, with the server's `Line` among its extensions.
        receive: The ASGI receive callable.
        send: The ASGI send callable.
        now: The clock that the ``Date`` header is taken from, in seconds since 1970.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, now: Callable[[], float]) -> None:
        self.target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        """The path and query that were asked for."""
        self._line: Line | None = (scope.get("extensions") or {}).get(EXTENSION)
        self._receive = receive
        self._send = send
        self._now = now

    async def request_body(self) -> bytes | None:
        """The whole body of the request, or None if the client left before it was whole."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            return None
        body: bytes = message.get("body", b"")
        while message.get("more_body", False):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
        return body

    async def answer(self, reply: Reply) -> None:
        """Send the whole answer."""
        await self._start(reply)
        await self._send({"type": "http.response.body", "body": reply.body, "more_body": False})

    async def answer_part(self, reply: Reply, size: int, *, reset: bool = False) -> None:
        """Send the head, which promises the whole body, and `size` bytes of it; then close or reset."""
        await self._start(reply)
        await self._send({"type": "http.response.body", "body": reply.body[:size], "more_body": True})
        await (self.reset() if reset else self.close())

    async def hang(self, seconds: float) -> None:
        """Send nothing until the client goes or the time has passed, then close without an answer."""
        try:
            async with asyncio.timeout(seconds):
                await self._gone()
        except TimeoutError:
            await self.close()

    async def lose(self, how: Loss, seconds: float = 0.0, detail: str = "") -> None:
        """Let the client see that its request was lost on the way, until it goes."""
        self._connected().lose(how, seconds, detail)
        if how == "hang":
            await self.hang(seconds)
        else:
            await self._gone()

    async def reset(self) -> None:
        """Break the connection off; the client sees a reset."""
        self._connected().reset()
        await self._gone()

    async def close(self) -> None:
        """Close the connection after what was sent so far."""
        self._connected().close()
        await self._gone()

    async def _start(self, reply: Reply) -> None:
        headers = [
            (b"date", formatdate(self._now(), usegmt=True).encode()),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
        ]
        if reply.body:
            headers.append((b"content-type", reply.content_type))
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _connected(self) -> Line:
        if self._line is None:
            raise RuntimeError(
                "this fault breaks a connection, which only seawall.simulators.server and .inprocess can do: "
                "run the simulator with serve(), serve_in_thread() or InProcessTransport"
            )
        return self._line
