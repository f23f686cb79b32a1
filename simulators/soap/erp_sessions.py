"""Who may call the ERP: passports, tokens, and sessions in a cookie.

Source: NetSuite SOAP web services platform guide, "Authentication for SOAP Web Services" and "Token-Based
Authentication Details" (base string and HMAC-SHA256 signature).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import quote

from ..request import HttpRequest
from .envelope import Element, Envelope, SoapFault
from .erp_settings import ErpSettings, Passport

COOKIE = "JSESSIONID"

Refusal = Callable[[str, str, str], SoapFault]
"""Makes a fault of: element, code, message."""


class Sessions:
    """Logins of one ERP.

    Args:
        settings: Users, tokens and timeouts.
        now: The clock.
        refusal: Makes faults with a typed detail.
    """

    def __init__(self, settings: ErpSettings, now: Callable[[], float], refusal: Refusal) -> None:
        self._settings = settings
        self._now = now
        self._refusal = refusal
        self._sessions: dict[str, tuple[float, float]] = {}
        self._nonces: set[str] = set()

    def begin(self, passport: object) -> str:
        """Log in; the answer is the session's id.

        Raises:
            SoapFault: Wrong name, password or account.
        """
        given = Passport(
            email=getattr(passport, "email", "") or "",
            password=getattr(passport, "password", "") or "",
            account=getattr(passport, "account", "") or "",
        )
        if given not in self._settings.passports:
            raise self._invalid_login()
        session = f"SES{len(self._sessions) + 1:08d}"
        self._sessions[session] = (self._now(), self._now())
        return session

    def check(self, request: HttpRequest, envelope: Envelope) -> None:
        """Check who sent a request.

        Raises:
            SoapFault: Nobody that is known, or a session that has ended.
        """
        if (passport := envelope.header("passport")) is not None:
            names = ("email", "password", "account")
            if Passport(**{name: _text(passport, name) for name in names}) not in self._settings.passports:
                raise self._invalid_login()
        elif (token := envelope.header("tokenPassport")) is not None:
            self._check_token(token)
        else:
            self._check_session(session_of(request))

    def end(self, request: HttpRequest) -> None:
        """End the session of a request for good."""
        self._sessions.pop(session_of(request), None)

    def timed_out(self) -> SoapFault:
        """The refusal of a session that has ended."""
        return self._refusal("invalidSessionFault", "SESSION_TIMED_OUT", "Your connection has timed out. Log in again.")

    def _check_session(self, session: str) -> None:
        if session not in self._sessions:
            raise self._refusal("invalidSessionFault", "WS_LOG_IN_REQD", "You must log in before performing this.")
        began, used = self._sessions[session]
        now = self._now()
        if now - used > self._settings.idle_timeout or now - began > self._settings.absolute_timeout:
            del self._sessions[session]
            raise self.timed_out()
        self._sessions[session] = (began, now)

    def _check_token(self, passport: Element) -> None:
        names = ("account", "consumerKey", "token", "nonce", "timestamp")
        given = {name: _text(passport, name) for name in names}
        known = next(
            (
                one
                for one in self._settings.tokens
                if (one.account, one.consumer_key, one.token)
                == (given["account"], given["consumerKey"], given["token"])
            ),
            None,
        )
        if known is None or given["nonce"] in self._nonces:
            raise self._invalid_login()
        base = "&".join(quote(given[name], safe="") for name in names)
        key = f"{quote(known.consumer_secret, safe='')}&{quote(known.token_secret, safe='')}"
        signature = base64.b64encode(hmac.digest(key.encode(), base.encode(), hashlib.sha256)).decode()
        if not hmac.compare_digest(signature, _text(passport, "signature")):
            raise self._invalid_login()
        self._nonces.add(given["nonce"])

    def _invalid_login(self) -> SoapFault:
        return self._refusal("invalidCredentialsFault", "INVALID_LOGIN_CREDENTIALS", "Invalid login attempt.")


def session_of(request: HttpRequest) -> str:
    """The session that a request's cookie names; empty if none."""
    for part in request.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _text(parent: Element, name: str) -> str:
    found = parent.find(f"{{*}}{name}")
    return "" if found is None else (found.text or "").strip()
