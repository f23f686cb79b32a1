"""The keys of an authorization server: asked for seldom, and kept while it does not answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..oauth_settings import unsafe

if TYPE_CHECKING:
    from jwt import PyJWK

    from ..core.clock import Clock
    from ..oauth_settings import OAuthSettings

_log = logging.getLogger("seawall.agents")

Fetch = Callable[[str], Awaitable[tuple[int, bytes]]]
"""Gets a URL: status and body. Raises whatever it raises where there is no answer."""

_MOST_KEYS = 100
_WELL_KNOWN = "/.well-known/"
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class NoKeys(Exception):
    """The authorization server could not be asked, and what is known does not suffice."""


class _NotGiven(Exception):
    """The keys did not come; says why."""


class Keys:
    """The keys of one authorization server.

    Args:
        settings: Where they are, and how long they are used.
        fetch: Gets a URL.
        clock: Measures how old they are.
    """

    def __init__(self, settings: OAuthSettings, fetch: Fetch, clock: Clock) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._keys: tuple[Mapping[str, Any], ...] = ()
        self._read_at: float | None = None
        self._asked_at: float | None = None
        self._failed = False
        self._asking: asyncio.Task[None] | None = None

    async def of(self, header: Mapping[str, Any]) -> tuple[PyJWK, ...]:
        """The keys that may have signed a token; none if nobody signs so.

        Args:
            header: The token's header, whose `alg` is one that is accepted.

        Raises:
            NoKeys: That cannot be told now.
        """
        if self._older_than(self._settings.keys_fresh):
            await self._ask()
        found = self._fitting(header)
        if not found:  # a new key, perhaps
            await self._ask()
            found = self._fitting(header)
        if not found and self._failed:
            raise NoKeys
        return found

    async def aclose(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    def _older_than(self, seconds: float) -> bool:
        return self._read_at is None or self._clock.monotonic() - self._read_at > seconds

    def _fitting(self, header: Mapping[str, Any]) -> tuple[PyJWK, ...]:
        if self._older_than(self._settings.keys_kept):
            return ()
        alg, kid = str(header["alg"]), header.get("kid")
        fits = [key for key in self._keys if _signs(key, alg) and (kid is None or key.get("kid") == kid)]
        if kid is None and len(fits) > 1:
            return ()  # a token must say which, where there are several
        return tuple(found for key in fits if (found := _usable(key, alg)) is not None)

    async def _ask(self) -> None:
        """Ask once for all who need it, and not again before the pause is over. Who leaves stops it for nobody."""
        if self._asking is None or self._asking.done():
            now = self._clock.monotonic()
            if self._asked_at is not None and now - self._asked_at < self._settings.keys_retry:
                return
            self._asked_at = now
            self._asking = asyncio.create_task(self._refresh())
        await asyncio.shield(self._asking)

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout):
                self._keys = await self._read()
        except (_NotGiven, TimeoutError) as error:
            why = str(error) or f"no answer within {self._settings.timeout:g} s"
            if not self._failed:
                known = "tokens with known keys still work" if self._keys else "no token can be checked"
                _log.error("the keys of %s did not come (%s); %s", self._settings.issuer, why, known)
            self._failed = True
            return
        self._read_at = self._clock.monotonic()
        if self._failed:
            _log.warning("the keys of %s came again", self._settings.issuer)
        self._failed = False

    async def _read(self) -> tuple[Mapping[str, Any], ...]:
        if self._settings.jwks_file is not None:
            return keys_in(await asyncio.to_thread(_content, Path(self._settings.jwks_file)))
        url = self._settings.jwks_url or await self._discovered()
        return keys_in(await self._got(url))

    async def _discovered(self) -> str:
        issuer = self._settings.issuer
        why = "no metadata"
        for url in metadata_urls(issuer):
            try:
                told = json.loads(await self._got(url))
            except _NotGiven as error:
                why = str(error)
                continue
            except (ValueError, RecursionError):
                why = f"{url} answers no JSON"
                continue
            found = told.get("jwks_uri") if isinstance(told, dict) else None
            if not isinstance(found, str) or told.get("issuer") != issuer:
                why = f"{url} does not describe this issuer"  # RFC 8414 section 3.3: it must be the very same
                continue
            if problem := unsafe(found):
                raise _NotGiven(f"its jwks_uri {problem}")
            return found
        raise _NotGiven(why)

    async def _got(self, url: str) -> bytes:
        try:
            status, body = await self._fetch(url)
        except Exception as error:  # noqa: BLE001 -- whatever it was, there are no keys
            raise _NotGiven(f"{url}: {error}") from None
        if status != 200:
            raise _NotGiven(f"{url} answers with status {status}")
        return body


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where an issuer describes itself, in the order in which MCP asks.

    Args:
        issuer: The issuer.
    """
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    oauth, oidc = f"{_WELL_KNOWN}oauth-authorization-server", f"{_WELL_KNOWN}openid-configuration"
    inserted = (f"{origin}{oauth}{path}", f"{origin}{oidc}{path}")
    return (*inserted, f"{origin}{path}{oidc}") if path else inserted


def keys_in(document: bytes) -> tuple[Mapping[str, Any], ...]:
    """The public keys for signatures in a JWK Set (RFC 7517).

    Raises:
        _NotGiven: There is none.
    """
    try:
        told = json.loads(document)
    except (ValueError, RecursionError):
        raise _NotGiven("its key set is no JSON") from None
    listed = told.get("keys") if isinstance(told, dict) else None
    listed = listed[:_MOST_KEYS] if isinstance(listed, list) else []
    found = tuple(key for key in listed if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP"))
    if not found:
        raise _NotGiven("its key set has no public key")
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _NotGiven(f"{path} cannot be read: {error.strerror}") from None


def _signs(key: Mapping[str, Any], alg: str) -> bool:
    """Whether a key may be used for an algorithm, by all that it says of itself."""
    for_what = key.get("key_ops")
    if key.get("alg", alg) != alg or key.get("use", "sig") != "sig":
        return False
    if isinstance(for_what, list) and "verify" not in for_what:
        return False
    if alg in _CURVES:
        return key.get("kty") == "EC" and key.get("crv") == _CURVES[alg]
    return key.get("kty") == ("OKP" if alg == "EdDSA" else "RSA")


def _usable(key: Mapping[str, Any], alg: str) -> PyJWK | None:
    import jwt  # loads the cryptography library: only where tokens are checked

    try:
        return jwt.PyJWK(dict(key), alg)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
