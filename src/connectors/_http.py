"""The one HTTP seam: a pooled client that says exactly whether a request may have reached the target.

httpx names where on the wire a call broke; what follows for the effect is decided here, once, for every
connector. Nothing is retried, redirected or taken from the environment, and an answer has a size limit.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlencode

import httpx

from ..core.errors import (
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
from ..core.events import Exchange
from ..core.observing import exchanged
from ..core.redaction import Secrets
from ._http_dates import parse_http_date
from ._http_settings import HttpSettings
from ._pool import network

Transport: TypeAlias = httpx.AsyncBaseTransport
"""What carries requests; tests and in-process simulators bring their own."""

# httpx gives up before our own clock does, because it knows which phase was waited for.
_HTTPX_SHARE = 0.97


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer, read to its end.

    Args:
        status: The status code.
        headers: The headers, names in lower case.
        body: The decoded body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type without its parameters; empty if the answer has none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def date(self) -> float | None:
        """The server's clock, in whole seconds since the epoch; None if it does not say."""
        return parse_http_date(self.headers.get("date", ""))

    def facts(self) -> dict[str, Any]:
        """What may be written down about it: no content."""
        return {"status": self.status, "content_type": self.content_type, "bytes": len(self.body)}

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            UnreadableReply: It is empty, truncated, or something else (a maintenance or login page).
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            what = "is empty" if not self.body else f"is no JSON ({self.content_type or 'no content type'})"
            raise UnreadableReply(
                f"the answer (status {self.status}) {what}", code="unreadable", evidence=self.facts()
            ) from None


class _Phase(IntEnum):
    """How far a request came."""

    WAITING = 0  # for a place in the pool; or nobody told us
    CONNECTING = 1
    SENDING = 2  # the first byte may have left
    SENT_HEAD = 3


class _Progress:
    """Follows one request through httpx's trace extension. A transport that does not trace leaves it `WAITING`.

    Args:
        may_send: Asked right before the first byte of the request; None if it may be sent in any case.
        traced: Whether the transport is known to trace, so that `WAITING` is a fact.
    """

    def __init__(self, may_send: Callable[[], bool] | None = None, *, traced: bool = False) -> None:
        self.traced = traced
        self.phase = _Phase.WAITING
        self._may_send = may_send
        self._half_open: Any = None

    def fence(self) -> None:
        """Make sure that it may still be sent.

        Raises:
            NotSent: It may not.
        """
        if self._may_send is not None and not self._may_send():
            # Transient: the next attempt asks the ledger itself, which knows whether it was taken over for good.
            raise NotSent(
                "another process took the operation over before it was sent", code="lost_lease", transient=True
            )

    async def abandon(self) -> None:
        """Close what nobody else will: httpx drops a connection whose TLS handshake is cancelled without closing it."""
        if self._half_open is not None:
            await self._half_open.aclose()

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpx at each step. A proxy's CONNECT is part of connecting."""
        if event.endswith("connect_tcp.complete"):
            self._half_open = info.get("return_value")
        elif event.endswith(("start_tls.complete", ".send_request_headers.started")):
            self._half_open = None
        phase = _Phase.CONNECTING
        if event.endswith((".send_request_headers.started", ".send_request_headers.complete")):
            request = info.get("request")
            if getattr(request, "method", b"") != b"CONNECT" and event.endswith(".started"):
                self.fence()  # the wait for a connection is over, and nothing is written yet
                phase = _Phase.SENDING
            elif self.phase is _Phase.SENDING:
                phase = _Phase.SENT_HEAD
        self.phase = max(self.phase, phase)


class _Meaning(NamedTuple):
    error: type[IntegrationError]
    code: str
    message: str


_LOST = _Meaning(ConnectionLost, "connection_lost", "the connection broke after the request was on its way")
_TIMEOUT = _Meaning(ReplyTimeout, "timeout", "no answer came in time")
_UNREADABLE = _Meaning(UnreadableReply, "unreadable", "an answer came, but it cannot be read")
_CONNECT = _Meaning(ConnectFailed, "connect", "no connection came about")

MEANINGS: Mapping[type[Exception], _Meaning] = {
    httpx.ConnectError: _CONNECT,
    httpx.ConnectTimeout: _Meaning(ConnectFailed, "connect_timeout", "no connection came about in time"),
    httpx.ProxyError: _Meaning(ConnectFailed, "proxy", "the proxy made no connection"),
    httpx.UnsupportedProtocol: _Meaning(ConnectFailed, "url", "the URL's scheme is not http or https"),
    httpx.InvalidURL: _Meaning(ConnectFailed, "url", "the URL is not valid"),
    httpx.PoolTimeout: _Meaning(PoolExhausted, "pool", "no connection of ours became free in time"),
    httpx.ReadTimeout: _TIMEOUT,
    httpx.WriteTimeout: _TIMEOUT,
    httpx.TimeoutException: _TIMEOUT,
    httpx.ReadError: _LOST,
    httpx.WriteError: _LOST,
    httpx.CloseError: _LOST,
    httpx.NetworkError: _LOST,
    httpx.RemoteProtocolError: _LOST,
    httpx.LocalProtocolError: _LOST,
    httpx.ProtocolError: _LOST,
    httpx.TransportError: _LOST,
    httpx.DecodingError: _UNREADABLE,
    httpx.TooManyRedirects: _UNREADABLE,
    httpx.StreamConsumed: _UNREADABLE,
    httpx.StreamClosed: _UNREADABLE,
    httpx.ResponseNotRead: _UNREADABLE,
    httpx.RequestNotRead: _UNREADABLE,
    httpx.StreamError: _UNREADABLE,
    httpx.CookieConflict: _UNREADABLE,
    httpx.HTTPStatusError: _Meaning(GatewayError, "status", "the answer has an error status"),
    httpx.RequestError: _Meaning(Ambiguous, "http", "the call failed on its way"),
    httpx.HTTPError: _Meaning(Ambiguous, "http", "the call failed on its way"),
}
"""Every exception class of httpx, and what it means once nothing else is known of the request."""


_parsed = lru_cache(maxsize=512)(httpx.URL)
"""An address that was parsed before: parsing takes as long as half of the rest of making a request."""


def _with_query(url: str, params: Mapping[str, str]) -> httpx.URL:
    """An address with a query. httpx would parse it once without the query and once with it."""
    return httpx.URL(f"{url.partition('?')[0]}?{urlencode(params)}")


class _Cookies(httpx.Cookies):
    """Cookies that look only at answers which set one: looking takes a quarter of what httpx does for a request."""

    def extract_cookies(self, response: httpx.Response) -> None:
        if "set-cookie" in response.headers:
            super().extract_cookies(response)


class _Client(httpx.AsyncClient):
    """The client of httpx with these cookies."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._seldom_set = _Cookies()

    @property  # type: ignore[misc]  # nobody replaces them
    def cookies(self) -> httpx.Cookies:
        return self._seldom_set


class HttpClient:
    """One pool of connections to one system; HTTP/2 where TLS offers it.

    Args:
        max_connections: Connections at a time.
        max_response_bytes: Longer answers (decoded) are not read to their end.
        ca_file: Certificates to trust instead of the usual ones (PEM).
        proxy: URL of a proxy; none is taken from the environment.
        transport: Carries the requests instead of the network.
    """

    def __init__(
        self,
        *,
        max_connections: int = 32,
        max_response_bytes: int = 32 * 1024 * 1024,
        ca_file: Path | None = None,
        proxy: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._max_response_bytes = max_response_bytes
        self._traced = transport is None
        self._client = _Client(
            headers={"User-Agent": "seawall"},
            follow_redirects=False,
            trust_env=False,
            transport=transport or network(max_connections, ca_file, proxy),
        )
        self._headers = [(name.decode(), value.decode()) for name, value in self._client.headers.raw]

    @classmethod
    def of(cls, settings: HttpSettings, secrets: Secrets, transport: Transport | None = None) -> HttpClient:
        """The client that a connector's settings ask for.

        Args:
            settings: The settings.
            secrets: Where the proxy's URL, which may hold a password, is registered.
            transport: Carries the requests instead of the network.
        """
        proxy = settings.proxy.get_secret_value() if settings.proxy else None
        secrets.add(proxy)
        return cls(
            max_connections=settings.max_connections,
            max_response_bytes=settings.max_response_bytes,
            ca_file=settings.ca_file,
            proxy=proxy,
            transport=transport,
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        may_send: Callable[[], bool] | None = None,
    ) -> HttpReply:
        """Send one request, once, and read the whole answer, whatever its status.

        Args:
            method: The HTTP method.
            url: An absolute URL.
            timeout: Seconds for everything: waiting for a connection, connecting, sending, reading.
            headers: Headers.
            params: Query parameters.
            body: Sent as JSON.
            form: Sent as a form instead.
            content: Sent as it is instead; the `Content-Type` is among the headers.
            may_send: Asked right before the request leaves, and before a connection is waited for. Given for writes.

        Raises:
            IntegrationError: `NotSent` exactly where no byte of the request left; otherwise `Ambiguous`.
        """
        if timeout <= 0:
            raise DeadlineBeforeSend("no time was left to send it", code="deadline")
        progress = _Progress(may_send, traced=self._traced)
        progress.fence()
        try:
            request = self._request(
                method,
                _with_query(url, params) if params else _parsed(url),
                headers or {},
                timeout * _HTTPX_SHARE,
                json=body,
                data=dict(form) if form else None,
                content=content,
                extensions={"trace": progress},
            )
        except httpx.InvalidURL as error:
            raise _translated(error, progress) from None
        except (TypeError, ValueError) as error:
            raise InvalidRequest(f"the request cannot be written ({type(error).__name__})", code="request") from None
        exchange = Exchange(method, request.url.host, request.url.port)
        try:
            async with asyncio.timeout(timeout):
                try:
                    return await exchanged(exchange, lambda more: self._exchange(request, more))
                except asyncio.CancelledError:
                    await progress.abandon()
                    raise
        except IntegrationError:
            raise
        except Exception as error:  # noqa: BLE001 -- an unmapped error after the first byte must read as ambiguous
            raise _translated(error, progress) from None

    def _request(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], timeout: float, **what: Any
    ) -> httpx.Request:
        """As `build_request` of the client makes it, which merges everything anew that never changes here."""
        given = {name.lower() for name in headers}
        both = [(name, value) for name, value in self._headers if name.lower() not in given]
        phases = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
        what["extensions"] = {**what["extensions"], "timeout": phases}
        cookies = self._client.cookies or None
        return httpx.Request(method, url, headers=[*both, *headers.items()], cookies=cookies, **what)

    async def _exchange(self, request: httpx.Request, more_headers: Mapping[str, str]) -> HttpReply:
        request.headers.update(more_headers)
        response = await self._client.send(request, stream=True)
        try:
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > self._max_response_bytes:
                    raise UnreadableReply(
                        f"the answer is longer than {self._max_response_bytes} bytes",
                        code="too_long",
                        outage=False,
                        evidence={"status": response.status_code},
                    )
                chunks.append(chunk)
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpReply(response.status_code, headers, b"".join(chunks))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _translated(error: Exception, progress: _Progress) -> IntegrationError:
    """What an exception means, given how far the request came. Takes no text from it that could hold a URL."""
    evidence = {"exception": type(error).__name__, "phase": progress.phase.name.lower()}
    meaning = next((MEANINGS[cls] for cls in type(error).__mro__ if cls in MEANINGS), None)
    if isinstance(error, httpx.LocalProtocolError) and progress.phase is _Phase.SENDING:
        # h11 refuses a malformed head before it writes any of it.
        return InvalidRequest("the request is no valid HTTP", code="request", evidence=evidence)
    if progress.phase is _Phase.CONNECTING and (meaning is None or not issubclass(meaning.error, NotSent)):
        meaning = _CONNECT  # proven: it was still connecting, so not one byte of the request left
    elif meaning is None and isinstance(error, TimeoutError) and progress.traced and progress.phase is _Phase.WAITING:
        meaning = MEANINGS[httpx.PoolTimeout]  # our own clock was the first to end the wait
    elif meaning is None:
        meaning = _TIMEOUT if isinstance(error, TimeoutError) else _Meaning(Ambiguous, "unmapped", "the call failed")
    elif issubclass(meaning.error, NotSent) and progress.phase >= _Phase.SENDING:
        meaning = _LOST
    lasting = False if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol) else None
    return meaning.error(
        f"{meaning.message} ({type(error).__name__})",
        code=meaning.code,
        transient=lasting,
        outage=lasting,
        evidence=evidence,
    )
