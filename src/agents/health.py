"""What watches a server asks it: whether it lives, whether it can do its work, and its numbers."""

from __future__ import annotations

import asyncio
import hmac
import json
from typing import TYPE_CHECKING

from ..core.errors import LedgerUnavailable

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ..wall import Seawall

LIVES, READY, METRICS = "/healthz", "/readyz", "/metrics"

FRESH = 1.0
"""Seconds for which an answer about the ledger is given again, so that asking often costs it nothing."""

_PATIENCE = 2.0  # seconds for the ledger to answer


class Health:
    """Answers what asks for health and metrics; everything else goes on to the application behind it.

    `/healthz` and `/readyz` need no token and tell nothing of what runs here. `/metrics` names systems and actions: it
    needs `telemetry.metrics_token`, unless `telemetry.metrics_open` says otherwise.

    Args:
        app: The application behind it.
        wall: The open wall.
    """

    def __init__(self, app: ASGIApp, wall: Seawall) -> None:
        self._app = app
        self._wall = wall
        self._asked_at: float | None = None
        self._ledger_well = False
        self._asking = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope.get("path")
        if scope["type"] != "http" or path not in (LIVES, READY, METRICS):
            await self._app(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, {"error": "method_not_allowed"}, (b"allow", b"GET, HEAD"))
        elif path == LIVES:
            await _answer(send, 200, {"status": "alive"})
        elif path == READY:
            reasons = await self._reasons()
            status = {"status": "not ready", "reasons": reasons} if reasons else {"status": "ready"}
            await _answer(send, 503 if reasons else 200, status)
        else:
            await self._metrics(scope, send)

    async def _reasons(self) -> list[str]:
        """Why it cannot do its work now, in words that fit anybody's eyes."""
        if self._wall.refusal is not None:
            return ["closing"]
        return [] if await self._ledger_is_well() else ["ledger"]

    async def _ledger_is_well(self) -> bool:
        clock = self._wall.sources.clock
        async with self._asking:
            if self._asked_at is None or clock.monotonic() - self._asked_at >= FRESH:
                try:
                    async with asyncio.timeout(_PATIENCE):
                        await self._wall.ledger.check()
                    self._ledger_well = True
                except (LedgerUnavailable, TimeoutError):
                    self._ledger_well = False
                self._asked_at = clock.monotonic()
            return self._ledger_well

    async def _metrics(self, scope: Scope, send: Send) -> None:
        telemetry = self._wall.telemetry
        settings = self._wall.config.telemetry
        if telemetry is None:
            await _answer(send, 404, {"error": "telemetry.enabled is not set"})
        elif settings.metrics_open or _shows(scope, settings.metrics_token):
            from ..telemetry.prometheus import CONTENT_TYPE, exposition  # brings its client with it

            body = exposition(await telemetry.collected())
            await _send(send, 200, body, (b"content-type", CONTENT_TYPE.encode()))
        else:
            why = "a token is needed: telemetry.metrics_token, or telemetry.metrics_open for everybody"
            await _answer(send, 401, {"error": why}, (b"www-authenticate", b"Bearer"))


def _shows(scope: Scope, token: SecretStr | None) -> bool:
    """Whether a request shows the token."""
    shown = [value for name, value in scope["headers"] if name == b"authorization"]
    if token is None or len(shown) != 1:
        return False
    scheme, _, given = shown[0].partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), token.get_secret_value().encode())


async def _answer(send: Send, status: int, body: object, *headers: tuple[bytes, bytes]) -> None:
    await _send(send, status, json.dumps(body).encode(), (b"content-type", b"application/json"), *headers)


async def _send(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    told = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})
