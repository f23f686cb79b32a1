"""WS-Security UsernameToken as a server checks it.

Sources: OASIS UsernameToken Profile 1.1; for its faults, SOAP Message Security 1.1, section 12.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from .envelope import Element, Envelope, SoapFault
from .settings import UsernameToken

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_LIFE = 300.0  # seconds between Created and its arrival; the profile recommends five minutes


class Gate:
    """Lets in who proves a password; a nonce counts once.

    Args:
        user: Who may come in.
        now: The clock.
    """

    def __init__(self, user: UsernameToken, now: Callable[[], float]) -> None:
        self._user = user
        self._now = now
        self._nonces: set[str] = set()

    def check(self, envelope: Envelope) -> None:
        """Check a message.

        Raises:
            SoapFault: It has no token, or not a valid one.
        """
        header = envelope.header("Security")
        token = None if header is None else header.find("{*}UsernameToken")
        if token is None:
            raise _fault("InvalidSecurity", "An error was discovered processing the Security header")
        password = token.find("{*}Password")
        given = "" if password is None else password.text or ""
        digested = password is not None and (password.get("Type") or "").endswith("#PasswordDigest")
        if _text(token, "Username") != self._user.username or (self._user.digest_only and not digested):
            raise _failed()
        nonce, created = _text(token, "Nonce"), _text(token, "Created")
        if not hmac.compare_digest(given.encode(), self._expected(nonce, created, digested=digested).encode()):
            raise _failed()
        self._check_fresh(nonce, created, demanded=digested)

    def _expected(self, nonce: str, created: str, *, digested: bool) -> str:
        if not digested:
            return self._user.password
        try:
            raw = base64.b64decode(nonce, validate=True)
        except binascii.Error:
            raise _failed() from None
        digest = hashlib.sha1(raw + created.encode() + self._user.password.encode()).digest()  # noqa: S324 -- the profile
        return base64.b64encode(digest).decode()

    def _check_fresh(self, nonce: str, created: str, *, demanded: bool) -> None:
        """Nonce and Created are optional beside a plain password, and count where they are given."""
        if demanded and not (nonce and created):
            raise _failed()
        if created:
            try:
                at = datetime.fromisoformat(created)
            except ValueError:
                raise _failed() from None
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            if abs(self._now() - at.timestamp()) > _LIFE:
                raise expired()
        if nonce in self._nonces:
            raise _failed()
        if nonce:
            self._nonces.add(nonce)


def expired() -> SoapFault:
    """The refusal of a message that was made too long ago, or is not made yet."""
    return _fault("MessageExpired", "The message has expired")


def _text(token: Element, name: str) -> str:
    found = token.find(f"{{*}}{name}")
    return "" if found is None else (found.text or "").strip()


def _failed() -> SoapFault:
    return _fault("FailedAuthentication", "The security token could not be authenticated or authorized")


def _fault(code: str, text: str) -> SoapFault:
    return SoapFault("Client", text, subcode=f"{{{WSSE}}}{code}")
