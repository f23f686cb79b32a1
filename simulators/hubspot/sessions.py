"""Who may call, and what: private apps, OAuth 2.0 tokens, scopes.

Source: "Private apps", "Working with OAuth", "OAuth API" and "Scopes". Errors of the token endpoint have words of their
own: ``{"status": "BAD_REFRESH_TOKEN", "message"}``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from .errors import expired, missing_scopes, not_found, unauthenticated
from .records import Records
from .settings import HubSpotSettings, OAuthApp
from .values import stamp

_ROTATED = "rotated_refresh_token"
_SPENT = "spent_code"


class OAuthError(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.body = {"status": status, "message": message}


@dataclass(frozen=True, slots=True)
class Session:
    """An access token.

    Args:
        app: The app that it was given to.
        scopes: What it allows.
        ends: When it expires, in seconds since 1970; None for private apps.
    """

    app: str
    scopes: frozenset[str]
    ends: float | None = None


class Sessions:
    """Access tokens, and the codes and refresh tokens that open new ones.

    Args:
        settings: Apps and lives.
        records: Where the rotation of refresh tokens is kept over a restart.
        now: The portal's clock, in seconds since 1970.
    """

    def __init__(self, settings: HubSpotSettings, records: Records, now: Callable[[], float]) -> None:
        self._settings = settings
        self._records = records
        self._now = now
        self._opened = 0
        self._open = {app.token: Session(f"private-{n}", app.scopes) for n, app in enumerate(settings.private_apps)}
        self._codes = {code: app for app in settings.oauth_apps for code in app.codes}
        self._refresh = {token: app for app in settings.oauth_apps for token in app.refresh_tokens}
        apps = {app.client_id: app for app in settings.oauth_apps}
        for spent in records.extra.get(_SPENT, ()):
            self._codes.pop(spent["code"], None)
        for rotated in records.extra.get(_ROTATED, ()):
            self._refresh.pop(rotated["spent"], None)
            if rotated["client"] in apps:
                self._refresh[rotated["next"]] = apps[rotated["client"]]

    def check(self, token: str) -> Session:
        """The session of a token.

        Raises:
            HubSpotError: 401: there is none, or it is over.
        """
        session = self._open.get(token)
        if session is None:
            raise unauthenticated()
        if session.ends is not None and self._now() >= session.ends:
            raise expired(self._now() - session.ends, stamp(session.ends))
        return session

    def end(self, token: str) -> bool:
        """Let an OAuth token expire now; tells whether it was one. Tokens of private apps do not expire."""
        session = self._open.get(token)
        if session is None or session.ends is None:
            return False
        self._open[token] = Session(session.app, session.scopes, min(session.ends, self._now()))
        return True

    def revoke(self, token: str) -> None:
        """Forget an access token for good, as when the app is uninstalled or its token is rotated."""
        self._open.pop(token, None)

    def grant(self, form: dict[str, str]) -> dict[str, Any]:
        """The answer of the token endpoint to a form.

        Raises:
            OAuthError: The grant is refused.
        """
        app = self._app(form)
        match form.get("grant_type"):
            case "authorization_code":
                refresh = self._from_code(app, form)
            case "refresh_token":
                refresh = self._from_refresh_token(app, form)
            case _:
                raise OAuthError("BAD_GRANT_TYPE", "missing or unknown grant type")
        access = self._secret("access", app)
        self._open[access] = Session(app.client_id, app.scopes, self._now() + self._settings.token_life)
        life = int(self._settings.token_life)
        return {"token_type": "bearer", "refresh_token": refresh, "access_token": access, "expires_in": life}

    def describe(self, token: str) -> dict[str, Any]:
        """What the portal tells of an OAuth access token.

        Raises:
            HubSpotError: 404: it is none, or 401: it is over.
        """
        session = self._open.get(token)
        if session is None or session.ends is None:
            raise not_found()
        self.check(token)
        return {
            "token": token,
            "user": self._settings.owners[0] if self._settings.owners else "user@example.com",
            "hub_domain": "seawall.example.com",
            "scopes": sorted(session.scopes),
            "hub_id": self._settings.portal_id,
            "app_id": 1,
            "expires_in": int(session.ends - self._now()),
            "user_id": 1,
            "token_type": "access",
        }

    def _from_code(self, app: OAuthApp, form: dict[str, str]) -> str:
        code = form.get("code", "")
        if self._codes.get(code) != app:
            raise OAuthError("BAD_AUTH_CODE", "missing or unknown auth code")
        if form.get("redirect_uri") != app.redirect_uri:
            raise OAuthError("BAD_REDIRECT_URI", "missing or invalid redirect uri")
        del self._codes[code]
        refresh = self._secret("refresh", app)
        self._refresh[refresh] = app
        self._records.note(_SPENT, {"code": code})
        self._records.note(_ROTATED, {"spent": "", "next": refresh, "client": app.client_id})
        return refresh

    def _from_refresh_token(self, app: OAuthApp, form: dict[str, str]) -> str:
        token = form.get("refresh_token", "")
        if self._refresh.get(token) != app:
            raise OAuthError("BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        if not self._settings.rotate_refresh_tokens:
            return token
        following = self._secret("refresh", app)
        self._refresh[following] = self._refresh.pop(token)
        self._records.note(_ROTATED, {"spent": token, "next": following, "client": app.client_id})
        return following

    def _app(self, form: dict[str, str]) -> OAuthApp:
        for app in self._settings.oauth_apps:
            if app.client_id == form.get("client_id"):
                if not hmac.compare_digest(form.get("client_secret", "").encode(), app.client_secret.encode()):
                    raise OAuthError("BAD_CLIENT_SECRET", "missing or invalid client secret")
                return app
        raise OAuthError("BAD_CLIENT_ID", "missing or unknown client id")

    def _secret(self, kind: str, app: OAuthApp) -> str:
        self._opened += 1
        return hashlib.sha256(f"{kind}/{app.client_id}/{self._now()!r}/{self._opened}".encode()).hexdigest()


def check_scopes(session: Session, wanted: Collection[str]) -> None:
    """Let a call pass whose app was granted what it needs.

    Raises:
        HubSpotError: 403 ``MISSING_SCOPES``.
    """
    lacking = set(wanted) - session.scopes
    if lacking:
        raise missing_scopes(lacking)
