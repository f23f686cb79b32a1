"""The sessions of the v4_1 API: PHP sessions, which end after idleness and belong to the network they came from.

Source: ``login`` in ``service/v4/SugarWebServiceImplv4.php``; ``validate_authenticated`` and ``is_valid_ip_address``
in ``service/core/SoapHelperWebService.php``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..request import HttpRequest
from .errors import Refusal
from .settings import SuiteCrmSettings, User
from .values import as_text


@dataclass(slots=True)
class _Session:
    user: User
    address: str
    last_used: float


class Sessions:
    """Open sessions.

    Args:
        settings: Users, lives, limits.
        now: The instance's clock, in seconds since 1970.
    """

    def __init__(self, settings: SuiteCrmSettings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._open: dict[str, _Session] = {}
        self._opened = 0

    def login(self, request: HttpRequest, user_auth: Any) -> tuple[str, User]:
        """Open a session; the answer is its id and its user.

        Args:
            request: The request, for the address that it came from.
            user_auth: ``user_name`` and ``password``: its MD5, or itself with ``encryption`` set to ``PLAIN``.

        Raises:
            Refusal: ``invalid_login``, ``lockout_reached``, ``password_expired`` or ``sessions_exceeded``.
        """
        given: Mapping[str, Any] = user_auth if isinstance(user_auth, dict) else {}
        user = self._settings.user(as_text(given.get("user_name")))
        password = as_text(given.get("password"))
        if given.get("encryption") == "PLAIN":
            password = _md5(password)
        if user is None:
            raise Refusal("invalid_login")
        if user.locked_out:
            raise Refusal("lockout_reached")
        if password.lower() != _md5(user.password):
            raise Refusal("invalid_login")
        if user.password_expired:
            raise Refusal("password_expired")
        self._forget_idle()
        if self._settings.session_limit is not None and len(self._open) >= self._settings.session_limit:
            raise Refusal("sessions_exceeded")
        self._opened += 1
        session_id = hashlib.sha256(f"{self._now()!r}/{self._opened}/{user.id}".encode()).hexdigest()[:26]
        self._open[session_id] = _Session(user, _address(request), self._now())
        return session_id, user

    def user(self, request: HttpRequest, session_id: Any) -> User:
        """The user of a session, which lives on from now.

        Raises:
            Refusal: ``invalid_session``; a session that is used from another network is over for everyone.
        """
        self._forget_idle()
        session = self._open.get(as_text(session_id))
        if session is None:
            raise Refusal("invalid_session")
        if self._settings.verify_client_ip and not _near(session.address, _address(request)):
            self.end(session_id)
            raise Refusal("invalid_session")
        session.last_used = self._now()
        return session.user

    def end(self, session_id: Any) -> None:
        """End a session, if it is open."""
        self._open.pop(as_text(session_id), None)

    def _forget_idle(self) -> None:
        horizon = self._now() - self._settings.session_life
        self._open = {name: session for name, session in self._open.items() if session.last_used > horizon}


def _address(request: HttpRequest) -> str:
    return request.headers.get("client-ip") or request.headers.get("x-forwarded-for") or "127.0.0.1"


def _near(one: str, other: str) -> bool:
    return one == other or (one.count(".") == 3 and one.split(".")[:3] == other.split(".")[:3])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - what the API takes
