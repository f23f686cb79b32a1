"""The access and refresh tokens of the v8 API.

Source: ``Api/V8/Config/services/middlewares.php`` for the grants and their lives, ``Api/V8/OAuth2/Repository`` for who
a token stands for, and league/oauth2-server for the answers: a refresh token works once, and takes the access token
that it came with along. A wrong password is no refusal there but an exception, worded as a 500 with the password in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..journal import Entry
from .errors import OAuthError, Unauthorized
from .settings import Client, SuiteCrmSettings, User


@dataclass(frozen=True, slots=True)
class _Token:
    user_name: str
    ends: float


class Tokens:
    """Tokens that are valid. They lie in the database, so they survive a restart where records do.

    Args:
        settings: Clients, users, lives.
        now: The instance's clock, in seconds since 1970.
        kept: Entries that `keep` was given earlier.
        keep: Keeps an entry over a restart.
    """

    def __init__(
        self, settings: SuiteCrmSettings, now: Callable[[], float], kept: list[Entry], keep: Callable[[Entry], None]
    ) -> None:
        self._settings = settings
        self._now = now
        self._keep = keep
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, tuple[str, _Token]] = {}
        self._made = 0
        for entry in kept:
            self._apply(entry)

    def grant(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """The token endpoint.

        Raises:
            OAuthError: The grant, the client, the user or the refresh token is not accepted.
        """
        grant = form.get("grant_type")
        if grant not in ("client_credentials", "password", "refresh_token"):
            raise OAuthError(
                "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server.",
                400,
                "Check that all required parameters have been provided",
            )
        client = self._client(form)
        match grant:
            case "refresh_token":
                return self._refreshed(str(form.get("refresh_token", "")))
            case "password":
                user = self._settings.user(str(form.get("username", "")))
                if user is None:
                    raise _unknown(f"No user found with this username: {form.get('username', '')}")
                if user.password != form.get("password"):
                    raise _unknown(f"The password is invalid: {form.get('password', '')}")
                return self._issue(user.user_name, refreshable=True)
        if client.grant != "client_credentials":
            raise _unknown("No user found")
        return self._issue(client.user_name, refreshable=False)

    def user(self, authorization: str) -> User:
        """The user that a bearer token stands for.

        Raises:
            Unauthorized: It is missing, unknown, revoked or over.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized('Missing "Authorization" header')
        found = self._access.get(token.strip())
        user = None if found is None else self._settings.user(found.user_name)
        if found is None or user is None:
            raise Unauthorized("Access token has been revoked")
        if self._now() >= found.ends:
            raise Unauthorized("Access token is invalid")
        return user

    def revoke(self, authorization: str) -> None:
        """End an access token for good, if it is valid."""
        token = authorization.partition(" ")[2].strip()
        if token in self._access:
            self._note({"change": "revoke", "access": token})

    def _client(self, form: Mapping[str, Any]) -> Client:
        for client in self._settings.clients:
            if (client.client_id, client.client_secret) == (form.get("client_id"), form.get("client_secret")):
                return client
        raise OAuthError("invalid_client", "Client authentication failed", 401)

    def _refreshed(self, token: str) -> dict[str, Any]:
        found = self._refresh.get(token)
        if found is None or self._now() >= found[1].ends:
            hint = "Cannot decrypt the refresh token" if found is None else "Token has expired"
            raise OAuthError("invalid_request", "The refresh token is invalid.", 401, hint)
        access, behind = found
        self._note({"change": "spend", "access": access, "refresh": token})
        return self._issue(behind.user_name, refreshable=True)

    def _issue(self, user_name: str, *, refreshable: bool) -> dict[str, Any]:
        access = self._secret(user_name)
        entry: Entry = {"change": "issue", "access": access, "user_name": user_name, "at": self._now()}
        answer = {"token_type": "Bearer", "expires_in": int(self._settings.access_token_life), "access_token": access}
        if refreshable:
            entry["refresh"] = answer["refresh_token"] = self._secret(user_name)
        self._note(entry)
        return answer

    def _secret(self, user_name: str) -> str:
        self._made += 1
        return hashlib.sha256(f"{self._now()!r}/{self._made}/{user_name}".encode()).hexdigest()

    def _note(self, entry: Entry) -> None:
        self._apply(entry)
        self._keep(entry)

    def _apply(self, entry: Entry) -> None:
        if entry["change"] != "issue":
            self._access.pop(entry["access"], None)
            self._refresh.pop(entry.get("refresh", ""), None)
            return
        user_name, at = entry["user_name"], entry["at"]
        self._access[entry["access"]] = _Token(user_name, at + self._settings.access_token_life)
        if "refresh" in entry:
            token = _Token(user_name, at + self._settings.refresh_token_life)
            self._refresh[entry["refresh"]] = (entry["access"], token)


def _unknown(message: str) -> OAuthError:
    return OAuthError("unknown_error", message, 500)
