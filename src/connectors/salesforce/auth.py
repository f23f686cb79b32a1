"""Logging in to Salesforce: three OAuth 2.0 flows, one login at a time.

Source: Salesforce Help, "OAuth Authorization Flows"; errors are `{"error", "error_description"}`. Nothing of the
request behind a login has been sent while it runs, so every error here has the effect `none`.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from ...core.adapter import Surroundings
from ...core.errors import (
    ContractBroken,
    GatewayError,
    IntegrationError,
    InvalidRequest,
    NotSent,
    ReplyTimeout,
    Unauthenticated,
)
from .._http import HttpClient, HttpReply
from .._token_store import TokenStore
from .classify import classify
from .settings import ClientCredentials, JwtBearer, RefreshToken, SalesforceSettings

_LOGIN_TIMEOUT = 30.0  # seconds; a login outlives the attempt that began it
_JWT_LIFE = 180  # seconds; Salesforce takes no longer ones
_MAY_PASS = frozenset({"unknown_error", "server_error", "temporarily_unavailable"})


class Token(NamedTuple):
    """A session: its token and where to use it."""

    access: str
    url: str


class _TokenAnswer(BaseModel):
    access_token: str
    instance_url: str | None = None
    refresh_token: str | None = None


class Auth:
    """Holds the session of one system.

    Args:
        settings: The connector's settings.
        surroundings: Clock, and where secrets are registered.
        http: The client to log in with.
    """

    def __init__(self, settings: SalesforceSettings, surroundings: Surroundings, http: HttpClient) -> None:
        self._settings = settings
        self._clock = surroundings.sources.clock
        self._secrets = surroundings.secrets
        self._http = http
        self._token: Token | None = None
        self._confirmed: Token | None = None
        self._login: asyncio.Task[Token | IntegrationError] | None = None
        self._refresh_token = ""
        self._store: TokenStore | None = None
        self._unsaved: Token | None = None
        auth = settings.auth
        if isinstance(auth, ClientCredentials):
            self._secrets.add(auth.client_secret.get_secret_value())
        elif isinstance(auth, JwtBearer):
            self._secrets.add(auth.private_key.get_secret_value())
        else:
            self._refresh_token = auth.refresh_token.get_secret_value()
            secret = auth.client_secret.get_secret_value() if auth.client_secret else None
            self._secrets.add(self._refresh_token, secret)
            if auth.token_store is not None:
                self._store = TokenStore(auth.token_store, self._refresh_token)

    async def token(self, timeout: float) -> Token:
        """The session's token; logs in if there is none. Callers that come together share one login.

        Args:
            timeout: Seconds to wait. The login itself goes on: a refresh token that works once must not be lost.

        Raises:
            IntegrationError: Always of effect none.
        """
        if self._token is not None:
            return self._token
        first = self._login is None or self._login.done()
        if self._login is None or first:
            self._login = asyncio.create_task(self._log_in(), name="salesforce login")
        try:
            async with asyncio.timeout(max(timeout, 0.0)):
                answer = await asyncio.shield(self._login)
        except TimeoutError:
            waiting = ReplyTimeout("the login took too long", code="login_timeout", outage=first)
            raise waiting.without_effect("only a login was sent") from None
        if isinstance(answer, IntegrationError):
            # Waiters share the login, not the exception: each writes into its own where it happened. One login
            # failed, however many calls waited for it: only one of them charges the breaker.
            failed = IntegrationError.from_record(answer.to_record())
            failed.outage = failed.outage and first
            raise failed
        return answer

    def confirm(self, token: Token) -> None:
        """The org accepted a session."""
        self._confirmed = token

    def drop(self, token: Token) -> bool:
        """Forget a session that the org no longer accepts, unless it was renewed already.

        Returns:
            Whether the org ever accepted it: then it ended, and a new one may work.
        """
        if self._token == token:
            self._token = None
        return self._confirmed == token

    async def close(self) -> None:
        """End a login that still runs."""
        if self._login is not None and not self._login.done():
            self._login.cancel()
            await asyncio.gather(self._login, return_exceptions=True)

    async def _log_in(self) -> Token | IntegrationError:
        try:
            self._token = await self._flow()
        except IntegrationError as error:
            error.message = self._secrets.scrub(error.message)
            return error.without_effect("only a login was sent")
        return self._token

    async def _flow(self) -> Token:
        auth = self._settings.auth
        if isinstance(auth, RefreshToken):
            return await self._refresh(auth)
        if isinstance(auth, ClientCredentials):
            form = {
                "grant_type": "client_credentials",
                "client_id": auth.client_id,
                "client_secret": auth.client_secret.get_secret_value(),
            }
        else:
            assertion = self._assertion(auth)
            form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        return self._session(await self._post(form))

    def _assertion(self, auth: JwtBearer) -> str:
        import jwt  # loads the cryptography library: only for those who log in this way

        claims = {
            "iss": auth.client_id,
            "sub": auth.username,
            "aud": auth.audience,
            "exp": int(self._clock.now()) + _JWT_LIFE,
        }
        try:
            signed = jwt.encode(claims, auth.private_key.get_secret_value(), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise InvalidRequest("auth.private_key is no RSA key in PEM form", code="private_key") from None
        self._secrets.add(signed)
        return signed

    async def _refresh(self, auth: RefreshToken) -> Token:
        if self._unsaved is None:
            answer = await self._refreshed(auth)
            session = self._session(answer)
            if not answer.refresh_token or answer.refresh_token == self._refresh_token:
                return session
            self._refresh_token = answer.refresh_token
            self._unsaved = session
        if self._store is not None:
            try:
                await asyncio.to_thread(self._store.save, self._refresh_token)
            except OSError as error:
                raise NotSent(
                    f"the new refresh token cannot be stored in auth.token_store ({error.strerror}); without it a "
                    "restart could not log in, so the session is not used",
                    code="token_store",
                    transient=True,
                ) from None
        session, self._unsaved = self._unsaved, None
        return session

    async def _refreshed(self, auth: RefreshToken) -> _TokenAnswer:
        used = self._refresh_token = await self._newest()
        try:
            return await self._post(_refresh_form(auth, used))
        except Unauthenticated:
            # Another process that shares the store may have used the token up since we read it.
            newer = await self._newest()
            if newer == used:
                raise
            self._refresh_token = newer
            return await self._post(_refresh_form(auth, newer))

    async def _newest(self) -> str:
        stored = await asyncio.to_thread(self._store.load) if self._store is not None else None
        self._secrets.add(stored)
        return stored or self._refresh_token

    async def _post(self, form: dict[str, str]) -> _TokenAnswer:
        reply = await self._http.send(
            "POST",
            f"{self._settings.url}/services/oauth2/token",
            timeout=_LOGIN_TIMEOUT,
            headers={"Accept": "application/json"},
            form=form,
        )
        if reply.status != 200:
            raise self._refused(reply)
        try:
            answer = _TokenAnswer.model_validate(reply.json())
        except ValidationError:
            raise ContractBroken(
                "the answer to a login holds no access token", code="login", evidence=reply.facts()
            ) from None
        self._secrets.add(answer.access_token, answer.refresh_token)
        return answer

    def _session(self, answer: _TokenAnswer) -> Token:
        url = answer.instance_url if self._settings.use_instance_url else None
        return Token(answer.access_token, (url or self._settings.url).rstrip("/"))

    def _refused(self, reply: HttpReply) -> IntegrationError:
        try:
            body: Any = reply.json()
        except IntegrationError:
            body = None
        code = body.get("error") if isinstance(body, dict) else None
        if not isinstance(code, str) or reply.status not in (400, 401, 403):
            return classify(reply, self._clock.now())
        message = f"the login was refused: {body.get('error_description') or code}"
        refusal = GatewayError if code in _MAY_PASS else Unauthenticated
        return refusal(message, code=code, evidence=reply.facts())


def _refresh_form(auth: RefreshToken, token: str) -> dict[str, str]:
    form = {"grant_type": "refresh_token", "client_id": auth.client_id, "refresh_token": token}
    if auth.client_secret is not None:
        form["client_secret"] = auth.client_secret.get_secret_value()
    return form
