"""Runs a simulator on loopback, with TLS if wanted, and lets it break connections as real networks do."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import struct
import threading
from collections.abc import AsyncIterator, Iterator

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .faults import PlanError
from .injector import FaultInjector
from .inprocess import InProcessTransport
from .tls import Certificate
from .wire import EXTENSION, AsgiApp, Loss, Receive, Scope, Send, Simulator, asgi_of

__all__ = ["Certificate", "InProcessTransport", "serve", "serve_in_thread"]

_log = logging.getLogger("seawall.simulators")

LOOPBACK = "127.0.0.1"


@contextlib.asynccontextmanager
async def serve(
    app: AsgiApp | Simulator, *, host: str = LOOPBACK, port: int = 0, tls: Certificate | None = None
) -> AsyncIterator[str]:
    """Serve a simulator in the running event loop for as long as the context lasts.

    At the end, connections are broken off as they are; late commits that the simulator still owes go on in the loop.

    Args:
        app: The ASGI application, or an object that has it as `asgi`.
        host: Only loopback is allowed: a simulator accepts credentials that are no secret.
        port: A TCP port, or 0 for a free one.
        tls: Certificate to serve HTTPS with; None serves plain HTTP.

    Yields:
        The base URL, for example ``http://127.0.0.1:41234``.

    Raises:
        ValueError: The host is not loopback.
        PlanError: The simulator's plan has a fault that nobody who already listens can show.
        OSError: The port is taken.
    """
    if host != LOOPBACK:
        raise ValueError(f"simulators listen on {LOOPBACK} only, not on {host!r}")
    _check_plan(app)
    config = uvicorn.Config(
        asgi_of(app),
        http=_BreakableProtocol,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=1 << 17,
        ssl_certfile=None if tls is None else tls.certfile,
        ssl_keyfile=None if tls is None else tls.keyfile,
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _BreakableProtocol(config, state, {}, loop), host, port, ssl=config.ssl, backlog=2048
    )
    bound = server.sockets[0].getsockname()[1]
    try:
        yield f"{'http' if tls is None else 'https'}://{host}:{bound}"
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        requests = list(state.tasks)
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)


@contextlib.contextmanager
def serve_in_thread(
    app: AsgiApp | Simulator, *, host: str = LOOPBACK, port: int = 0, tls: Certificate | None = None
) -> Iterator[str]:
    """Serve a simulator from a thread of its own; for clients that block. Arguments and errors as for `serve`.

    Late commits that are still owed at the end are lost with the thread, as with a server that is switched off.
    """
    url: str | None = None
    failure: BaseException | None = None
    started = threading.Event()
    loop: asyncio.AbstractEventLoop | None = None
    stop: asyncio.Event | None = None

    async def run() -> None:
        nonlocal url, loop, stop
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve(app, host=host, port=port, tls=tls) as url:
            started.set()
            await stop.wait()

    def main() -> None:
        nonlocal failure
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            failure = error
        finally:
            started.set()

    thread = threading.Thread(target=main, name="simulator", daemon=True)
    thread.start()
    started.wait()
    if failure is None and url is not None:
        try:
            yield url
        finally:
            if loop is not None and stop is not None:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(stop.set)
            thread.join()
    if failure is not None:
        raise failure


def _check_plan(app: object) -> None:
    faults = getattr(app, "faults", None)
    for fault in faults.own if isinstance(faults, FaultInjector) else ():
        if fault.point == "connect":
            raise PlanError(
                f"fault {fault.id!r} can never fire: {fault.kind} happens before a server has the request, and this "
                "one is served on a socket; reach the simulator through InProcessTransport, or take the fault out"
            )


class _BreakableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, with the connection's `Line` in each scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in its base
        super().connection_made(transport)
        self.app = functools.partial(_with_line, self.app, {EXTENSION: _SocketLine(transport)})


async def _with_line(app: AsgiApp, extensions: dict[str, object], scope: Scope, receive: Receive, send: Send) -> None:
    scope["extensions"] = extensions
    try:
        await app(scope, receive, send)
    except Exception:
        # uvicorn's own log is off; a flaw of the simulator must not pass for a fault that it simulates.
        _log.exception("the simulator failed at %s %s", scope["method"], scope["path"])
        raise


class _SocketLine:
    """A connection on a socket."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def lose(self, how: Loss, seconds: float, detail: str) -> None:  # noqa: ARG002 - the caller waits
        # A request that has arrived was small enough for the kernel's buffers: its client sees a reset when it reads.
        if how == "reset":
            self.reset()
        elif how != "hang":
            raise RuntimeError(f"{how} happens before a server has the request: use InProcessTransport")

    def reset(self) -> None:
        raw: socket.socket | None = self._transport.get_extra_info("socket")
        if raw is not None:
            # With a linger time of zero, close() sends RST in place of FIN.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()
