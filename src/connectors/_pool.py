"""httpcore's connection pool, without work that grows with the connections that are idle.

httpcore 1.0 asks the kernel about every idle connection whenever a request begins or ends, and hands one idle
connection to all the requests that wait, of which all but one then queue again. With 64 connections that takes longer
than the request itself. Here a connection is asked about when it is about to be used, the others once a second, and a
request gets one that no other has.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from pathlib import Path

import httpcore
import httpx

_SWEEP = 1.0  # seconds between two looks at all idle connections


class Pool(httpcore.AsyncConnectionPool):
    """`httpcore.AsyncConnectionPool` with another way to share connections out; each may stay idle in it.

    Args are those of the base.
    """

    _swept_at = -math.inf

    def _assign_requests_to_connections(self) -> list[httpcore.AsyncConnectionInterface]:
        """Give those who wait a connection, as far as there is one; called when a request begins or ends.

        Returns:
            Connections that left the pool and are to be closed.
        """
        taken = {id(request.connection) for request in self._requests if request.connection is not None}
        closing = self._swept(taken)
        exhausted: list[httpcore.Origin] = []
        for request in [request for request in self._requests if request.is_queued()]:
            origin = request.request.url.origin
            if origin in exhausted:
                continue
            connection = self._at_hand(origin, taken, closing) or self._new(origin, taken, closing)
            if connection is None:
                exhausted.append(origin)
                continue
            taken.add(id(connection))
            request.assign_to_connection(connection)
        return closing

    def _swept(self, taken: set[int]) -> list[httpcore.AsyncConnectionInterface]:
        """Take out what is closed; and now and then what is idle and was closed by the server or is too old."""
        for closed in [connection for connection in self._connections if connection.is_closed()]:
            self._connections.remove(closed)
        now = asyncio.get_running_loop().time()
        if now - self._swept_at < _SWEEP:
            return []
        self._swept_at = now
        expired = [one for one in self._connections if one.is_idle() and id(one) not in taken and one.has_expired()]
        for connection in expired:
            self._connections.remove(connection)
        return expired

    def _at_hand(
        self, origin: httpcore.Origin, taken: set[int], closing: list[httpcore.AsyncConnectionInterface]
    ) -> httpcore.AsyncConnectionInterface | None:
        """One that can take a request now, best one that nobody has."""
        shared: httpcore.AsyncConnectionInterface | None = None
        for connection in list(self._connections):
            if not (connection.is_available() and connection.can_handle_request(origin)):
                continue
            if id(connection) in taken:
                shared = shared or connection
            elif connection.has_expired():
                self._connections.remove(connection)
                closing.append(connection)
            else:
                return connection
        # Over TLS it may speak HTTP/2, and take several at a time; if it does not, it says so and they come back.
        return shared if origin.scheme == b"https" else None

    def _new(
        self, origin: httpcore.Origin, taken: set[int], closing: list[httpcore.AsyncConnectionInterface]
    ) -> httpcore.AsyncConnectionInterface | None:
        """A new one, in the place of one that is idle where the pool is full; None if there is no place."""
        if len(self._connections) >= self._max_connections:
            idle = next((one for one in self._connections if one.is_idle() and id(one) not in taken), None)
            if idle is None:
                return None
            self._connections.remove(idle)
            closing.append(idle)
        connection = self.create_connection(origin)
        self._connections.append(connection)
        return connection


class _DirectTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over our pool."""

    def __init__(self, trusted: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=trusted)
        self._pool = Pool(
            ssl_context=trusted,
            max_connections=limits.max_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http2=True,
        )


def network(max_connections: int, ca_file: Path | None, proxy: str | None) -> httpx.AsyncBaseTransport:
    """The way to the network; HTTP/2 where TLS offers it. Through a proxy it is httpx's own.

    Args:
        max_connections: Connections at a time.
        ca_file: Certificates to trust instead of the usual ones (PEM).
        proxy: URL of a proxy; none is taken from the environment.
    """
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
    own = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    trusted = own or httpx.create_ssl_context(trust_env=False)
    if proxy is None:
        return _DirectTransport(trusted, limits)
    return httpx.AsyncHTTPTransport(verify=trusted, http2=True, trust_env=False, limits=limits, proxy=proxy)
