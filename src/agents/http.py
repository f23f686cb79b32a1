"""MCP over streamable HTTP: bearer tokens map to principals, scopes to how far a call may reach."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import uvicorn
from starlette.middleware.cors import CORSMiddleware

from ..config import ConfigError
from ..connectors._http import HttpClient
from ..oauth_settings import LOOPBACK
from .bearer import GRANT, Bearer, Challenge, static_grants
from .desk import Desk
from .health import Health
from .hints import Reach
from .mcp_server import Metadata, http_app, make_server
from .oauth_keys import Fetch, Keys
from .oauth_tokens import AccessTokens
from .punctual import Punctual

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp

    from ..config import AgentsConfig
    from ..oauth_settings import OAuthSettings
    from ..wall import Seawall

PATH = "/mcp"
_LARGEST_ANSWER = 1024 * 1024  # bytes of metadata or keys
_PORT = re.compile(r":(\d+|\*)$")
_CLOSING = 5.0  # seconds for open connections once the server is to end
_ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 -- names, not an address to listen at


class Served(NamedTuple):
    """What is served, and what belongs to it.

    Args:
        app: The ASGI application.
        desk: The dispatchers behind it.
        keys: The keys of the authorization server, if there is one.
    """

    app: ASGIApp
    desk: Desk
    keys: Keys | None


def make_app(wall: Seawall, host: str, *, fetch: Fetch | None = None) -> Served:
    """The ASGI application.

    Args:
        wall: The open wall.
        host: Where it is served; requests for names that are not known to be ours are refused.
        fetch: Gets the authorization server's keys; needed with `[agents.oauth]`.

    Raises:
        ConfigError: Nobody could call.
    """
    agents, oauth = wall.config.agents, wall.config.agents.oauth
    grants = static_grants(agents.tokens)
    if not grants and oauth is None:
        raise ConfigError(
            "agents.tokens: no token is configured, so nobody could call; add [[agents.tokens]] with token, "
            "principal and scopes, or [agents.oauth] with issuer and audience"
        )
    desk = Desk(wall)
    server = make_server(desk, lambda request: request.scope[GRANT])
    metadata = None if oauth is None else Metadata.of(oauth.audience, oauth.issuer, tuple(oauth.scopes), PATH)
    inside = http_app(server, PATH, hosts=_hosts(agents, host), origins=_origins(agents, host), metadata=metadata)
    if oauth is None or metadata is None:
        return Served(_shared(Bearer(inside, grants, desk), agents), desk, None)
    assert fetch is not None
    keys = Keys(oauth, fetch, wall.sources.clock)
    bearer = Bearer(
        inside,
        grants,
        desk,
        tokens=AccessTokens(oauth, keys, wall.sources.clock),
        challenge=Challenge({Reach(means): name for name, means in reversed(list(oauth.scopes.items()))}, metadata.url),
        public=metadata.paths,
    )
    return Served(_shared(bearer, agents), desk, keys)


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
    oauth = wall.config.agents.oauth
    client = None if oauth is None else _client(oauth)
    served = make_app(wall, host, fetch=None if client is None or oauth is None else _fetching(client, oauth))
    try:
        await _listen(wall, served, host, port, ready)
    finally:
        if served.keys is not None:
            await served.keys.aclose()
        if client is not None:
            await client.close()


async def _listen(wall: Seawall, served: Served, host: str, port: int, ready: Callable[[str], None]) -> None:
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
            Health(served.app, wall),
            http=Punctual,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            limit_concurrency=wall.config.agents.connections,
            timeout_graceful_shutdown=round(_CLOSING),
        )
        await _Serving(config, lambda: ready(url), served.desk.end).serve(sockets=[listening])


class _Serving(uvicorn.Server):
    """Ends on SIGINT and SIGTERM by leaving `serve`, so that the wall is closed in good order afterwards."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending()  # agents that wait are answered before their connections are closed
        super().handle_exit(sig, frame)

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


def _hosts(agents: AgentsConfig, host: str) -> tuple[str, ...]:
    """The names under which we are called; a page that a browser was made to take for ours has another (rebinding)."""
    ours = ["127.0.0.1", "localhost", "[::1]", *agents.allowed_hosts]
    if host not in _ANYWHERE:
        ours.append(f"[{host}]" if ":" in host else host)
    if agents.oauth is not None:
        ours.append(urlsplit(agents.oauth.audience).netloc)
    return tuple(name for one in ours for name in ((one,) if _PORT.search(one) else (one, f"{one}:*")))


def _origins(agents: AgentsConfig, host: str) -> tuple[str, ...]:
    near = ("http://127.0.0.1:*", "http://localhost:*", "http://[::1]:*") if host in LOOPBACK else ()
    return (*near, *agents.allowed_origins)


def _shared(app: ASGIApp, agents: AgentsConfig) -> ASGIApp:
    """Lets pages of the configured origins read the answers; what a page shows us is a token, never a cookie."""
    if not agents.allowed_origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=agents.allowed_origins,
        allow_methods=["POST"],
        allow_headers=["authorization", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name"],
        expose_headers=["www-authenticate"],
    )


def _client(oauth: OAuthSettings) -> HttpClient:
    path = None if oauth.ca_file is None else Path(oauth.ca_file)
    try:
        return HttpClient(max_connections=2, max_response_bytes=_LARGEST_ANSWER, ca_file=path)
    except OSError as error:
        raise ConfigError(f"agents.oauth.ca_file: {oauth.ca_file} cannot be read ({error.strerror or error})") from None


def _fetching(client: HttpClient, oauth: OAuthSettings) -> Fetch:
    async def fetch(url: str) -> tuple[int, bytes]:
        answer = await client.send("GET", url, timeout=oauth.timeout, headers={"accept": "application/json"})
        return answer.status, answer.body

    return fetch
