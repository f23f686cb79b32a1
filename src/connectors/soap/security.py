"""WS-Security UsernameToken, in text or as a digest.

Source: OASIS Web Services Security UsernameToken Profile 1.1: the digest is Base64(SHA-1(nonce + created + password)).
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Literal

from . import xml

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
_ENCODING = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


def put_username_token(
    envelope: xml.Node, username: str, password: str, *, how: Literal["text", "digest"], now: float, nonce: bytes
) -> None:
    """Put a UsernameToken into an envelope's header.

    Args:
        envelope: The envelope; a header is made if it has none.
        username: The user.
        password: The password.
        how: Whether the password itself is sent, or a digest that works once.
        now: Seconds since the epoch.
        nonce: Different for each message; it need not be secret.
    """
    soap = xml.namespace(envelope)
    header = xml.find(envelope, "Header")
    if header is None:
        header = xml.element(soap, "Header")
        envelope.insert(0, header)
    created = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    security = xml.child(header, WSSE, "Security")
    security.set(f"{{{soap}}}mustUnderstand", "1")
    token = xml.child(security, WSSE, "UsernameToken")
    xml.child(token, WSSE, "Username", username)
    sent = password if how == "text" else _digest(nonce, created, password)
    kind = "PasswordText" if how == "text" else "PasswordDigest"
    xml.child(token, WSSE, "Password", sent, Type=f"{_PROFILE}#{kind}")
    xml.child(token, WSSE, "Nonce", base64.b64encode(nonce).decode(), EncodingType=_ENCODING)
    xml.child(token, WSU, "Created", created)


def _digest(nonce: bytes, created: str, password: str) -> str:
    digest = hashlib.sha1(nonce + created.encode() + password.encode()).digest()  # noqa: S324 -- as the profile says
    return base64.b64encode(digest).decode()
