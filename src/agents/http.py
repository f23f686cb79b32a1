"""MCP over streamable HTTP: bearer tokens map to principals, scopes to how far a call may reach."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from ..config import ConfigError
from .health import Health
from .hints import Reach
from .mcp_server import Desk, Grant, make_server

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ..config import TokenConfig
    from ..wall import Seawall

PATH = "/mcp"
_GRANT = "seawall.grant"
_LARGEST_BODY = 4 * 1024 * 1024  # bytes
_CLOSING = 5.0  # seconds for open connections once the server is to end


def make_app(wall: Seawall, host: str) -> ASGIApp:
    """The ASGI application.

    Args:
        wall: The open wall.
        host: Where it is served; on loopback, requests for other names are refused.

    Raises:
        ConfigError: No token is configured.
    """
    grants = _grants(wall.config.agents.tokens)
    if not grants:
        raise ConfigError(
            "agents.tokens: no token is configured, so nobody could call; add [[agents.tokens]] with token, "
            "principal and scopes"
        )
    desk = Desk(wall)
    server = make_server(desk, lambda request: request.scope[_GRANT])
    # Without sessions nothing of one caller can be taken over by another, and any process can answer.
    app = server.streamable_http_app(streamable_http_path=PATH, stateless_http=True, host=host)
    return Bearer(app, grants, desk)


async def serve_http(wall: Seawall, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until the process is told to end.

    Args:
        wall: The open wall.
        host: The address to listen at.
        port: The port; 0 for any that is free.
        ready: Told the URL as soon as it is served.

    Raises:
        ConfigError: No token is configured, or the address cannot be used.
    """
    app = make_app(wall, host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise ConfigError(f"{host}:{port} cannot be listened at ({error.strerror}); choose another") from None
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listening.getsockname()[1]}{PATH}"
        config = uvicorn.Config(
            Health(app, wall),
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=round(_CLOSING),
        )
        await _Serving(config, lambda: ready(url)).serve(sockets=[listening])


class Bearer:
    """Lets in who shows a token, and no further than its scopes.

    Args:
        app: The application behind it.
        grants: By SHA-256 of the token, so that comparing tells nothing of it.
        desk: The dispatchers, which know how far a call would reach.
    """

    def __init__(self, app: ASGIApp, grants: Mapping[bytes, Grant], desk: Desk) -> None:
        self._app = app
        self._grants = grants
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shown = _token(scope)
        grant = None if shown is None else self._grants.get(_digest(shown))
        if grant is None:
            # Whoever shows nothing learns only that a token is needed.
            challenge = "Bearer" if shown is None else 'Bearer error="invalid_token"'
            await _refuse(send, 401, "invalid_token", "a valid bearer token is needed", challenge)
            return
        if scope["method"] == "POST":
            body, receive = await _read(receive)
            if body is None:
                await _refuse(send, 413, "too_large", f"a request has at most {_LARGEST_BODY} bytes")
                return
            missing = self._missing(grant, body)
            if missing:
                wanted = " ".join(reach for reach in Reach if reach in grant.scopes | missing)
                challenge = (
                    f'Bearer error="insufficient_scope", scope="{wanted}", '
                    f'error_description="this tool needs the scope {" ".join(sorted(missing))}"'
                )
                await _refuse(send, 403, "insufficient_scope", f"needed: {wanted}", challenge)
                return
        await self._app({**scope, _GRANT: grant}, receive, send)

    def _missing(self, grant: Grant, body: bytes) -> frozenset[Reach]:
        """The scopes that the calls of a request need and the token does not have."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            return frozenset()  # the protocol answers that
        dispatcher = self._desk.of(grant)
        needed: set[Reach] = set()
        for message in said if isinstance(said, list) else [said]:
            params = message.get("params") if isinstance(message, dict) else None
            if isinstance(params, dict) and message.get("method") == "tools/call":
                arguments = params.get("arguments")
                reach = dispatcher.reach(str(params.get("name")), arguments if isinstance(arguments, dict) else None)
                needed |= set() if reach is None else {reach}
        return frozenset(needed) - grant.scopes


class _Serving(uvicorn.Server):
    """Ends on SIGINT and SIGTERM by leaving `serve`, so that the wall is closed in good order afterwards."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for which in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(which, self.handle_exit, which, None)
        try:
            yield
        finally:
            for which in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(which)


def _grants(tokens: tuple[TokenConfig, ...]) -> dict[bytes, Grant]:
    return {
        _digest(one.token.get_secret_value()): Grant(one.principal, frozenset(Reach(scope) for scope in one.scopes))
        for one in tokens
    }


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _token(scope: Scope) -> str | None:
    shown = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(shown) != 1:
        return None
    scheme, _, token = shown[0].decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def _read(receive: Receive) -> tuple[bytes | None, Receive]:
    """The body, None if it is too large, and a `receive` that gives it once more."""
    read: list[MutableMapping[str, Any]] = []
    size = 0
    while True:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        if size > _LARGEST_BODY:
            return None, receive
        if message["type"] != "http.request" or not message.get("more_body", False):
            break

    async def again() -> MutableMapping[str, Any]:
        return read.pop(0) if read else await receive()

    return b"".join(message.get("body", b"") for message in read), again


async def _refuse(send: Send, status: int, error: str, why: str, challenge: str | None = None) -> None:
    body = json.dumps({"error": error, "error_description": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if challenge is not None:
        headers.append((b"www-authenticate", challenge.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
