"""One SuiteCRM: its connections, its session, and the wire that its settings choose."""

from __future__ import annotations

from collections.abc import Callable

from ...core.adapter import Surroundings
from .._flight import SingleFlight
from .._http import HttpClient
from .exchange import Exchange, Line
from .json_api import JsonApiExchange
from .login import Login
from .rest import RestExchange
from .settings import SuiteCrmSettings


class Wire:
    """One SuiteCRM.

    Args:
        settings: The connector's settings.
        surroundings: Clock, and what must not be written down.
        http: The client.
    """

    def __init__(self, settings: SuiteCrmSettings, surroundings: Surroundings, http: HttpClient) -> None:
        sessions = SingleFlight("the login", Login(settings, surroundings, http))
        self._line = Line(settings.url, http, sessions, surroundings.sources.clock, surroundings.secrets)
        self._exchange: type[Exchange] = RestExchange if settings.api == "v4_1" else JsonApiExchange

    def begin(self, timeout: float, *, relogin: bool, may_write: Callable[[], bool] | None = None) -> Exchange:
        """The requests of one attempt.

        Args:
            timeout: Seconds for all of them.
            relogin: Whether a write that an ended session refused may be sent once more under a new one.
            may_write: Asked right before each request that is no read.
        """
        return self._exchange(self._line, timeout, relogin=relogin, may_write=may_write)

    async def close(self) -> None:
        """Release connections."""
        await self._line.sessions.close()
        await self._line.http.close()
