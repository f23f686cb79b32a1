"""The access token: a private app's own, or one that is refreshed before it expires.

Source: HubSpot developer documentation, "OAuth quickstart guide" and "Manage OAuth access tokens". It advises to go
by `expires_in` and says that a 401 is no valid sign that a new token is needed.
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from pydantic import BaseModel, ValidationError

from ...core.adapter import Surroundings
from ...core.errors import ContractBroken, GatewayError, IntegrationError, Unauthenticated
from .._flight import SingleFlight
from .._http import HttpClient
from .._token_store import TokenStore
from .classify import classify
from .settings import HubSpotSettings, PrivateApp

_log = logging.getLogger("seawall.hubspot")

_TIMEOUT: Final = 30.0  # seconds for a refresh
_EARLY: Final = 60.0  # seconds before its end from which a token is not used any more


class Token(NamedTuple):
    """An access token, and the monotonic time until which it is used; None for one that does not expire."""

    access: str
    until: float | None


class _Answer(BaseModel):
    access_token: str
    expires_in: float
    refresh_token: str | None = None


class Auth:
    """Holds the token of one portal.

    Args:
        settings: The connector's settings.
        surroundings: Clock, and where secrets are registered.
        http: The client to refresh with.
    """

    def __init__(self, settings: HubSpotSettings, surroundings: Surroundings, http: HttpClient) -> None:
        self._settings = settings
        self._clock = surroundings.sources.clock
        self._secrets = surroundings.secrets
        self._http = http
        self._flight: SingleFlight[Token] = SingleFlight("the refresh of the token", self._fetch)
        self._refresh_token = ""
        self._store: TokenStore | None = None
        auth = settings.auth
        if isinstance(auth, PrivateApp):
            self._secrets.add(auth.token.get_secret_value())
            return
        configured = auth.refresh_token.get_secret_value()
        self._secrets.add(configured, auth.client_secret.get_secret_value())
        self._store = None if auth.token_store is None else TokenStore(auth.token_store, configured)
        self._refresh_token = (self._store.load() if self._store else None) or configured
        self._secrets.add(self._refresh_token)

    async def token(self, timeout: float) -> Token:
        """The token; refreshed when its time is nearly over.

        Args:
            timeout: Seconds to wait.

        Raises:
            IntegrationError: Always of effect none.
        """
        token = await self._flight.get(timeout)
        if token.until is not None and self._clock.monotonic() >= token.until:
            self._flight.drop(token)
            token = await self._flight.get(timeout)
        return token

    def confirm(self, token: Token) -> None:
        """HubSpot accepted it."""
        self._flight.confirm(token)

    def drop(self, token: Token) -> bool:
        """Forget a token that was refused.

        Returns:
            Whether a new one may work: it was accepted before, and it is not a private app's.
        """
        return self._flight.drop(token) and token.until is not None

    async def close(self) -> None:
        """End a refresh that still runs."""
        await self._flight.close()

    async def _fetch(self) -> Token:
        auth = self._settings.auth
        if isinstance(auth, PrivateApp):
            return Token(auth.token.get_secret_value(), None)
        started = self._clock.monotonic()
        form = {
            "grant_type": "refresh_token",
            "client_id": auth.client_id,
            "client_secret": auth.client_secret.get_secret_value(),
            "refresh_token": self._refresh_token,
        }
        reply = await self._http.send("POST", f"{self._settings.url}/oauth/v1/token", timeout=_TIMEOUT, form=form)
        if reply.status != 200:
            error: IntegrationError = classify(reply, self._clock.now())
            if not isinstance(error, GatewayError) and reply.status in (400, 401, 403):
                error = Unauthenticated(f"HubSpot refused the refresh token: {error.message}", code=error.code)
            error.message = self._secrets.scrub(error.message)
            raise error
        try:
            answer = _Answer.model_validate(reply.json())
        except ValidationError:
            raise ContractBroken("the answer to the refresh holds no token", code="schema") from None
        self._secrets.add(answer.access_token, answer.refresh_token)
        self._keep(answer.refresh_token)
        return Token(answer.access_token, started + max(0.0, answer.expires_in - _EARLY))

    def _keep(self, refreshed: str | None) -> None:
        if refreshed is None or refreshed == self._refresh_token:
            return
        self._refresh_token = refreshed
        if self._store is not None:
            try:
                self._store.save(refreshed)
            except OSError as error:
                _log.warning("the new refresh token could not be kept for the next start: %s", error.strerror)
