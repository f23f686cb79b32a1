"""Who is let in over HTTP, and how far: bearer tokens (RFC 6750), the configured ones and those of OAuth."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .desk import Desk, Grant
from .hints import Reach
from .oauth_keys import NoKeys
from .oauth_tokens import AccessTokens, BadToken

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ..config import TokenConfig

_log = logging.getLogger("seawall.agents")

GRANT = "seawall.grant"
"""Where the application behind finds the grant, in the scope of a request."""

_LARGEST_BODY = 4 * 1024 * 1024  # bytes
_SLOWEST_BODY = 30.0  # seconds
_ACCUMULATES = "2026"  # from this version on, clients add what a challenge names to what they have
_VERSION = b"mcp-protocol-version"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is told to whoever is turned away, so that a client can get what it lacks.

    Args:
        names: The name of each scope, as tokens say it.
        metadata: The URL of the protected resource metadata (RFC 9728); None without an authorization server.
    """

    names: Mapping[Reach, str]
    metadata: str | None = None

    def text(self, scopes: Iterable[Reach], error: str = "", why: str = "") -> str:
        """The value of `WWW-Authenticate`.

        Args:
            scopes: The scopes that are needed.
            error: The code of RFC 6750; empty for whoever showed no token.
            why: A sentence.
        """
        wanted = set(scopes)
        told = {
            "error": error,
            "scope": " ".join(self.names[reach] for reach in Reach if reach in wanted and reach in self.names),
            "error_description": why,
            "resource_metadata": self.metadata or "",
        }
        shown = ", ".join(f'{name}="{value}"' for name, value in told.items() if value)
        return f"Bearer {shown}".strip()


class Bearer:
    """Lets in who shows a token, and no further than its scopes.

    Args:
        app: The application behind it.
        grants: By SHA-256 of the token, so that comparing tells nothing of it.
        desk: The dispatchers, which know how far a call would reach.
        tokens: Checks all other tokens; None where only the configured ones let in.
        challenge: What is told to whoever is turned away.
        public: Paths that anybody may read.
    """

    def __init__(
        self,
        app: ASGIApp,
        grants: Mapping[bytes, Grant],
        desk: Desk,
        *,
        tokens: AccessTokens | None = None,
        challenge: Challenge | None = None,
        public: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._grants = grants
        self._desk = desk
        self._tokens = tokens
        self._challenge = challenge or Challenge({reach: reach.value for reach in Reach})
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in self._public:
            await self._app(scope, receive, send)
            return
        grant = await self._let_in(scope, send)
        if grant is None:
            return
        if scope["method"] != "POST":
            # Without sessions nothing would ever come over a stream that is only listened to.
            await _refuse(send, 405, "method_not_allowed", "POST only", ((b"allow", b"POST"),))
            return
        try:
            async with asyncio.timeout(_SLOWEST_BODY):
                body, receive = await _read(receive)
        except TimeoutError:
            why = f"a request comes within {_SLOWEST_BODY:.0f} s"
            await _refuse(send, 408, "too_slow", why, ((b"connection", b"close"),))
            return
        if body is None:
            await _refuse(send, 413, "too_large", f"a request has at most {_LARGEST_BODY} bytes")
            return
        needed = self._needed(grant, body)
        if needed - grant.scopes or not grant.scopes:
            await self._step_up(scope, send, grant, needed or {Reach.READ})
            return
        await self._app({**scope, GRANT: grant}, receive, send)

    async def _let_in(self, scope: Scope, send: Send) -> Grant | None:
        """Whom the token of a request lets in; None if it was answered already."""
        shown = _token(scope)
        known = None if shown is None else self._grants.get(_digest(shown))
        if known is not None:
            return known
        if shown is not None and self._tokens is not None:
            try:
                return await self._tokens.grant(shown)
            except BadToken as why:
                _log.info("an access token was refused: %s", why)
            except NoKeys:
                later = ((b"retry-after", b"30"),)
                await _refuse(send, 503, "temporarily_unavailable", "tokens cannot be checked now", later)
                return None
        # Whoever shows nothing learns only that a token is needed, and where to get one.
        least = () if self._challenge.metadata is None else (Reach.READ,)
        text = self._challenge.text(least, "" if shown is None else "invalid_token")
        await _challenge(send, 401, "invalid_token", "a valid bearer token is needed", text)
        return None

    async def _step_up(self, scope: Scope, send: Send, grant: Grant, needed: set[Reach] | frozenset[Reach]) -> None:
        """Say which scopes a request needs; older clients would lose what they have and are told both."""
        version = next((value for name, value in scope["headers"] if name == _VERSION), b"").decode("latin-1")
        wanted = needed if version >= _ACCUMULATES else needed | grant.scopes
        missing = " ".join(self._challenge.names.get(reach, reach) for reach in Reach if reach in needed - grant.scopes)
        text = self._challenge.text(wanted, "insufficient_scope", f"this tool needs the scope {missing}")
        await _challenge(send, 403, "insufficient_scope", f"needed: {missing}", text)

    def _needed(self, grant: Grant, body: bytes) -> frozenset[Reach]:
        """The scopes that the calls of a request need."""
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
        return frozenset(needed)


def static_grants(tokens: tuple[TokenConfig, ...]) -> dict[bytes, Grant]:
    """The grants of the configured tokens, by SHA-256 of the token.

    Args:
        tokens: The tokens.
    """
    return {
        _digest(one.token.get_secret_value()): Grant(
            one.principal, frozenset(Reach(scope) for scope in one.scopes), one.person
        )
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
    read = bytearray()
    message: MutableMapping[str, Any] = {"more_body": True}
    while message.get("more_body", False):
        message = await receive()
        read += message.get("body", b"")
        if len(read) > _LARGEST_BODY:
            return None, receive
    body = bytes(read)
    left = [message] if message["type"] != "http.request" else []  # whoever sent it is gone
    left.append({"type": "http.request", "body": body, "more_body": bool(left)})

    async def again() -> MutableMapping[str, Any]:
        return left.pop() if left else await receive()

    return body, again


async def _challenge(send: Send, status: int, error: str, why: str, challenge: str) -> None:
    await _refuse(send, status, error, why, ((b"www-authenticate", challenge.encode()),))


async def _refuse(send: Send, status: int, error: str, why: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    body = json.dumps({"error": error, "error_description": why}).encode()
    said = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": said})
    await send({"type": "http.response.body", "body": body})
