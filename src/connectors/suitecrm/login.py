"""Logging in: v4_1's `login`, and two OAuth 2.0 grants for v8.

Sources: `service/v4/SugarWebServiceImplv4.php`; `Api/V8/Config/routes.php` (`/Api/access_token`), RFC 6749.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from ...core.adapter import Surroundings
from ...core.errors import ContractBroken, GatewayError, IntegrationError, Unauthenticated
from .._http import HttpClient, HttpReply
from .classify import gateway_error, rest_answer
from .rest import call
from .settings import ClientCredentials, PasswordGrant, SuiteCrmSettings, UserLogin

_APPLICATION: Final = "seawall"
_MAY_PASS: Final = frozenset({"server_error", "temporarily_unavailable"})


class Login:
    """Fetches sessions of one SuiteCRM.

    Args:
        settings: The connector's settings.
        surroundings: Clock, and where secrets are registered.
        http: The client to log in with.
    """

    def __init__(self, settings: SuiteCrmSettings, surroundings: Surroundings, http: HttpClient) -> None:
        self._settings = settings
        self._secrets = surroundings.secrets
        self._clock = surroundings.sources.clock
        self._http = http
        auth = settings.auth
        if isinstance(auth, UserLogin):
            self._secrets.add(auth.password.get_secret_value(), _md5(auth))
        else:
            self._secrets.add(auth.client_secret.get_secret_value())
        if isinstance(auth, PasswordGrant):
            self._secrets.add(auth.password.get_secret_value())

    async def __call__(self) -> str:
        """A new session id (v4_1) or access token (v8).

        Raises:
            IntegrationError: The login failed.
        """
        auth = self._settings.auth
        try:
            session = await (self._log_in(auth) if isinstance(auth, UserLogin) else self._token(auth))
        except IntegrationError as error:
            error.message = self._secrets.scrub(error.message)
            raise
        self._secrets.add(session)
        return session

    async def _log_in(self, auth: UserLogin) -> str:
        user: dict[str, str] = {"user_name": auth.username}
        if auth.encryption == "plain":
            user |= {"password": auth.password.get_secret_value(), "encryption": "PLAIN"}
        else:
            user["password"] = _md5(auth)
        timeout = self._settings.login_timeout
        reply = await call(self._http, self._settings.url, "login", [user, _APPLICATION, []], timeout=timeout)
        answer = rest_answer(reply, self._clock.now())
        if isinstance(answer, IntegrationError):
            raise answer
        return _session(answer, "id", reply)

    async def _token(self, auth: ClientCredentials | PasswordGrant) -> str:
        form = {
            "grant_type": auth.flow,
            "client_id": auth.client_id,
            "client_secret": auth.client_secret.get_secret_value(),
        }
        if isinstance(auth, PasswordGrant):
            form |= {"username": auth.username, "password": auth.password.get_secret_value()}
        reply = await self._http.send(
            "POST",
            f"{self._settings.url}/Api/access_token",
            timeout=self._settings.login_timeout,
            headers={"Accept": "application/json"},
            form=form,
        )
        if reply.status != 200:
            raise self._refused(reply)
        return _session(reply.json(), "access_token", reply)

    def _refused(self, reply: HttpReply) -> IntegrationError:
        try:
            body: Any = reply.json()
        except IntegrationError:
            body = None
        code = body.get("error") if isinstance(body, dict) else None
        if not isinstance(code, str) or reply.status not in (400, 401, 403):
            return gateway_error(reply, self._clock.now())
        told = body.get("error_description") or body.get("message") or code
        refusal = GatewayError if code in _MAY_PASS else Unauthenticated
        return refusal(f"the login was refused: {told}", code=f"login_{code}", evidence=reply.facts())


def _md5(auth: UserLogin) -> str:
    """What v4_1 takes for a password; it is as good as one, and guarded like one."""
    return hashlib.md5(auth.password.get_secret_value().encode(), usedforsecurity=False).hexdigest()


def _session(answer: Any, name: str, reply: HttpReply) -> str:
    session = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(session, str) or not session or session == "-1":
        raise ContractBroken("the answer to a login holds no session", code="login", evidence=reply.facts())
    return session
