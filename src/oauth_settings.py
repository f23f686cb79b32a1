"""`[agents.oauth]`: whose access tokens let agents in over HTTP, and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from .core.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine, which only it can call itself by."""

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a key pair: whoever can check a token cannot make one."""

Scope = Literal["read", "write", "destructive"]


class OAuthSettings(Settings):
    """The authorization server whose JWT access tokens (RFC 9068) are believed, beside the configured ones.

    Args:
        issuer: The authorization server, exactly as it names itself in `iss`.
        audience: This server's resource identifier (RFC 8707): the URL that agents use, such as
            `https://seawall.example.com/mcp`. A token for anything else is refused.
        jwks_url: Where its keys are; found through the issuer's metadata (RFC 8414, OpenID Connect) if not given.
        jwks_file: The keys in a file instead; read again when a key is not known. Relative paths start at the
            configuration file.
        algorithms: The signatures that are accepted; asymmetric ones only.
        principal_claim: The claim that tells who asks.
        principal_prefix: Stands before it. It ends with a colon, so that no token can name a principal outside of it.
        person_claim: The claim that tells who of `[people]` sits at the client, and is asked there where a rule says
            `elicit`; nobody is if None.
        scope_claim: The claim with the scopes: a string with spaces, or a list.
        scopes: What each scope of the authorization server allows here.
        strict_type: Accept only tokens that call themselves `at+jwt`; some servers write `JWT`, or nothing.
        leeway: Seconds by which clocks may differ.
        keys_fresh: Seconds for which keys are used without asking again.
        keys_retry: Seconds between two questions for keys, at least, however many unknown keys are named.
        keys_kept: Seconds for which known keys are used while the authorization server does not answer.
        timeout: Seconds for an answer, its metadata included.
        ca_file: Certificates to trust instead of the usual ones (PEM).
    """

    issuer: str
    audience: str
    jwks_url: str | None = None
    jwks_file: str | None = None
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
        min_length=1,
    )
    principal_claim: str = Field(default="sub", min_length=1)
    principal_prefix: str = Field(default="agent:", pattern=r"^[^\s]+:$")
    person_claim: str | None = Field(default=None, min_length=1)
    scope_claim: str = Field(default="scope", min_length=1)
    scopes: Mapping[str, Scope] = Field(
        default={"seawall:read": "read", "seawall:write": "write", "seawall:destructive": "destructive"},
        min_length=1,
    )
    strict_type: bool = False
    leeway: float = Field(default=30.0, ge=0, le=300)
    keys_fresh: float = Field(default=600.0, gt=0)
    keys_retry: float = Field(default=30.0, ge=1)
    keys_kept: float = Field(default=86_400.0, gt=0)
    timeout: float = Field(default=5.0, gt=0, le=30)
    ca_file: str | None = None

    @field_validator("issuer", "jwks_url", "audience")
    @classmethod
    def _is_a_safe_url(cls, url: str | None) -> str | None:
        if url is not None and (problem := unsafe(url)):
            raise ValueError(f"{url!r} {problem}")
        return url

    @field_validator("principal_prefix")
    @classmethod
    def _is_no_persons(cls, prefix: str) -> str:
        if prefix.casefold().startswith("person:"):
            raise ValueError("an agent's token must not name a person, who could approve what agents ask for")
        return prefix

    @field_validator("scopes")
    @classmethod
    def _can_be_said(cls, scopes: Mapping[str, Scope]) -> Mapping[str, Scope]:
        for name in scopes:
            if not name or not all(0x21 <= ord(char) <= 0x7E and char not in '"\\' for char in name):
                raise ValueError(f"{name!r} is no scope: RFC 6749 allows visible ASCII without spaces and quotes")
        return scopes

    @model_validator(mode="after")
    def _one_place(self) -> OAuthSettings:
        if self.jwks_url is not None and self.jwks_file is not None:
            raise ValueError("the keys come from jwks_url or from jwks_file; leave one of them out")
        return self


def unsafe(url: str) -> str | None:
    """Why a URL is not one to take keys or an identity from; None if it is.

    Args:
        url: The URL.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("https", "http") or not host or parts.username or any(c.isspace() for c in url):
        return "is no absolute URL such as https://auth.example.com"
    if parts.scheme == "http" and host not in LOOPBACK:
        return "must use https; http is for loopback only"
    return "must not have a fragment" if "#" in url else None
