"""JWT access tokens of an authorization server (RFC 9068): checked to the last claim, and turned into a grant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from .desk import Grant
from .hints import Reach
from .oauth_keys import Keys

if TYPE_CHECKING:
    from jwt.types import Options

    from ..core.clock import Clock
    from ..oauth_settings import OAuthSettings

_LONGEST = 16_384  # characters of a token
_LONGEST_PRINCIPAL = 255
_TYPES = {True: ("at+jwt",), False: ("at+jwt", "jwt", "")}

# What time it is, the injected clock tells; PyJWT would ask the system.
_OPTIONS: Options = {
    "require": ["iss", "aud", "exp"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "enforce_minimum_key_length": True,
}


class BadToken(Exception):
    """A token that lets nobody in. Which check it failed is for the log, and never for whoever shows it."""


class AccessTokens:
    """Checks tokens.

    Args:
        settings: What is accepted.
        keys: The keys of the authorization server.
        clock: Tells what time it is.
    """

    def __init__(self, settings: OAuthSettings, keys: Keys, clock: Clock) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock

    async def grant(self, token: str) -> Grant:
        """Whom a token lets in, and how far.

        Args:
            token: The token, as it was shown.

        Raises:
            BadToken: Nobody.
            NoKeys: That cannot be told while the authorization server is away.
        """
        claims = await self._claims(token)
        self._check_times(claims)
        if "cnf" in claims:
            raise BadToken("bound to a key (DPoP or mutual TLS), so whoever bears it need not own it")
        return Grant(self._principal(claims), self._scopes(claims), self._person(claims))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that was signed by the authorization server, for us."""
        import jwt  # loads the cryptography library: only where tokens are checked

        if len(token) > _LONGEST:
            raise BadToken("too long")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            raise BadToken("no JWT") from None
        if header.get("alg") not in self._settings.algorithms:
            raise BadToken("an algorithm that is not accepted")
        kind = str(header.get("typ") or "").lower().removeprefix("application/")
        if kind not in _TYPES[self._settings.strict_type]:
            raise BadToken("another kind of token")
        why = "nobody's key"
        for key in await self._keys.of(header):
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=[key.algorithm_name],
                    audience=self._settings.audience,
                    issuer=self._settings.issuer,
                    options=_OPTIONS,
                )
            except (jwt.PyJWTError, ValueError, TypeError) as error:
                why = type(error).__name__
        raise BadToken(why)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now, leeway = self._clock.now(), self._settings.leeway
        if _moment(claims, "exp") <= now - leeway:
            raise BadToken("expired")
        if "nbf" in claims and _moment(claims, "nbf") > now + leeway:
            raise BadToken("not valid yet")
        if "iat" in claims and _moment(claims, "iat") > now + leeway:
            raise BadToken("issued in the future")

    def _principal(self, claims: Mapping[str, Any]) -> str:
        who = claims.get(self._settings.principal_claim)
        if not isinstance(who, str) or not who or not who.isprintable() or who != who.strip():
            raise BadToken(f"no usable {self._settings.principal_claim}")
        principal = f"{self._settings.principal_prefix}{who}"
        if len(principal) > _LONGEST_PRINCIPAL:
            raise BadToken(f"a {self._settings.principal_claim} that is too long")
        return principal

    def _person(self, claims: Mapping[str, Any]) -> str | None:
        """Who sits at the client; whoever is none of the people in the configuration is not asked anything."""
        said = None if self._settings.person_claim is None else claims.get(self._settings.person_claim)
        return said if isinstance(said, str) and said else None

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[Reach]:
        said = claims.get(self._settings.scope_claim, "")
        listed = said.split(" ") if isinstance(said, str) else said
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            raise BadToken(f"no usable {self._settings.scope_claim}")
        known = self._settings.scopes
        return frozenset(Reach(known[name]) for name in cast("list[str]", listed) if name in known)


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadToken(f"{name} is no time")
    return float(value)
