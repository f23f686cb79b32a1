"""Who may call: OAuth 2.0 tokens, SOAP logins, sessions that end, and the daily allocation of calls.

Source: "OAuth Authorization Flows" (client credentials, JWT bearer, refresh token, username-password) and REST API
Developer Guide, "API Request Limits": exceeding the allocation is a 403 and not a 429.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate

from ..request import HttpRequest
from .errors import ApiError, expired_session
from .records import Records
from .settings import Client, SalesforceSettings, User

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_DAY = 86_400.0


class OAuthError(Exception):
    """A refusal of the token endpoint: ``{"error", "error_description"}``."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.body = {"error": error, "error_description": description}


@dataclass(slots=True)
class _Session:
    username: str
    ends: float


class Sessions:
    """Open sessions and the tokens that open new ones.

    Args:
        settings: Connected apps, users, lives.
        records: Where the rotation of refresh tokens is kept over a restart.
        now: The org's clock, in seconds since 1970.
    """

    def __init__(self, settings: SalesforceSettings, records: Records, now: Callable[[], float]) -> None:
        self._settings = settings
        self._records = records
        self._now = now
        self._open: dict[str, _Session] = {}
        self._refresh = dict(settings.refresh_tokens)
        self._opened = 0
        for rotated in records.extra.get("rotated_refresh_token", ()):
            self._refresh[rotated["next"]] = self._refresh.pop(rotated["spent"], rotated["client"])

    def open(self, username: str) -> str:
        """A new session; the answer is its access token."""
        self._opened += 1
        secret = hashlib.sha256(f"{self._now()!r}/{self._opened}/{username}".encode()).hexdigest()
        token = f"{self._settings.organization_id[:15]}!{secret}"
        self._open[token] = _Session(username, self._now() + self._settings.session_life)
        return token

    def check(self, request: HttpRequest) -> None:
        """Let a request with a living session pass.

        Raises:
            ApiError: ``INVALID_SESSION_ID``.
        """
        session = self._open.get(bearer(request))
        if session is None or self._now() >= session.ends:
            raise expired_session()

    def end(self, token: str) -> None:
        """End a session for good."""
        self._open.pop(token, None)

    def end_all(self) -> None:
        """End every session, as an administrator can."""
        self._open.clear()

    def username(self, request: HttpRequest) -> str:
        """The user of a request that passed `check`."""
        return self._open[bearer(request)].username

    def grant(self, request: HttpRequest) -> dict[str, Any]:
        """The answer of the token endpoint to a form.

        Raises:
            OAuthError: The grant is refused.
        """
        form = request.form()
        grants = {
            "client_credentials": self._client_credentials,
            "password": self._password,
            "refresh_token": self._refresh_token,
            JWT_BEARER: self._assertion,
        }
        grant = grants.get(form.get("grant_type", ""))
        if grant is None:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        username, extra = grant(form, request)
        return {
            "access_token": self.open(username),
            "signature": base64.b64encode(hashlib.sha256(username.encode()).digest()).decode(),
            "scope": "api refresh_token",
            "instance_url": request.base_url,
            "id": f"{request.base_url}/id/{self._settings.organization_id}/{username}",
            "token_type": "Bearer",
            "issued_at": str(int(self._now() * 1000)),
            **extra,
        }

    def password_login(self, username: str, password: str) -> str | None:
        """A new session for a user, or None if name or password are wrong; the token is part of the password."""
        user = self._user(username)
        if user is None or not _same(password, user.password + user.security_token):
            return None
        return self.open(username)

    def _client_credentials(self, form: dict[str, str], request: HttpRequest) -> tuple[str, dict[str, Any]]:
        return self._client_with_secret(form, request).username, {}

    def _password(self, form: dict[str, str], request: HttpRequest) -> tuple[str, dict[str, Any]]:
        self._client_with_secret(form, request)
        user = self._user(form.get("username", ""))
        given = form.get("password", "")
        if user is None or not (_same(given, user.password) or _same(given, user.password + user.security_token)):
            raise OAuthError("invalid_grant", "authentication failure")
        return user.username, {}

    def _refresh_token(self, form: dict[str, str], request: HttpRequest) -> tuple[str, dict[str, Any]]:
        client = self._client(form, request)
        spent = form.get("refresh_token", "")
        if self._refresh.get(spent) != client.client_id:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        if not self._settings.rotate_refresh_tokens:
            return client.username, {}
        self._opened += 1
        following = hashlib.sha256(f"{spent}/{self._now()!r}/{self._opened}".encode()).hexdigest()
        self._refresh[following] = self._refresh.pop(spent)
        self._records.note("rotated_refresh_token", {"spent": spent, "next": following, "client": client.client_id})
        return client.username, {"refresh_token": following}

    def _assertion(self, form: dict[str, str], request: HttpRequest) -> tuple[str, dict[str, Any]]:
        assertion = form.get("assertion", "")
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
            issued_by = self._known(str(claims.get("iss")))
            claims = self._verified(assertion, issued_by)
            expires = float(claims["exp"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise OAuthError("invalid_grant", "invalid assertion") from None
        audience = str(claims.get("aud", ""))
        hosts = ("https://login.salesforce.com", "https://test.salesforce.com", request.base_url)
        if audience not in hosts and not audience.endswith((".my.salesforce.com", ".my.site.com")):
            raise OAuthError("invalid_grant", "audience is invalid")
        if expires <= self._now():
            raise OAuthError("invalid_grant", "assertion is expired")
        if claims.get("sub") != issued_by.username:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        return issued_by.username, {}

    def _verified(self, assertion: str, client: Client) -> dict[str, Any]:
        # The expiry is judged by the org's clock, so the library, which has its own, must not.
        options: Any = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_nbf": False}
        for pem in client.public_keys:
            try:
                claims: dict[str, Any] = jwt.decode(assertion, _public_key(pem), algorithms=["RS256"], options=options)
            except jwt.InvalidSignatureError:
                continue
            return claims
        raise jwt.InvalidSignatureError

    def _client_with_secret(self, form: dict[str, str], request: HttpRequest) -> Client:
        client = self._client(form, request)
        given = form.get("client_secret") or _basic(request)[1]
        if client.client_secret is None or not _same(given, client.client_secret):
            raise OAuthError("invalid_client", "invalid client credentials")
        return client

    def _client(self, form: dict[str, str], request: HttpRequest) -> Client:
        return self._known(form.get("client_id") or _basic(request)[0])

    def _known(self, client_id: str) -> Client:
        for client in self._settings.clients:
            if client.client_id == client_id:
                return client
        raise OAuthError("invalid_client_id", "client identifier invalid")

    def _user(self, username: str) -> User | None:
        return next((user for user in self._settings.users if user.username == username), None)


class Usage:
    """Counts the calls of each 24 hours.

    Args:
        limit: The allocation.
        now: The org's clock.
    """

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self._limit = limit
        self._now = now
        self._day = now() // _DAY
        self.used = 0

    def count(self) -> None:
        """Take one call from the allocation.

        Raises:
            ApiError: ``REQUEST_LIMIT_EXCEEDED``.
        """
        day = self._now() // _DAY
        if day != self._day:
            self._day, self.used = day, 0
        if self.used >= self._limit:
            raise limit_exceeded()
        self.used += 1

    @property
    def header(self) -> tuple[bytes, bytes]:
        """The ``Sforce-Limit-Info`` header."""
        return b"sforce-limit-info", b"api-usage=%d/%d" % (self.used, self._limit)


def limit_exceeded(status: int = 403) -> ApiError:
    """The refusal of one call too many."""
    return ApiError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status)


def bearer(request: HttpRequest) -> str:
    """The access token of a request, or an empty string."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "oauth") else ""


def _basic(request: HttpRequest) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _public_key(pem: str) -> Any:
    if "BEGIN CERTIFICATE" in pem:
        return load_pem_x509_certificate(pem.encode()).public_key()
    return serialization.load_pem_public_key(pem.encode())
