"""Limits of calls: ten seconds by app, one second for searches, a day for the portal.

Source: "Usage guidelines and limits": the ten-second limit does not count searches; searches have a limit of their own
and carry no rate limit headers. Documented for the daily limit: it starts anew at midnight in the portal's time zone,
which is UTC here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .errors import search_throttled, throttled
from .settings import HubSpotSettings

_DAY = 86_400.0
_INTERVAL = 10.0

Header = tuple[bytes, bytes]


class _Window:
    """Counts calls in a rolling window of some seconds."""

    def __init__(self, limit: int, seconds: float, now: Callable[[], float]) -> None:
        self.limit = limit
        self._seconds = seconds
        self._now = now
        self._calls: deque[float] = deque()

    def take(self) -> bool:
        start = self._now() - self._seconds
        while self._calls and self._calls[0] <= start:
            self._calls.popleft()
        if len(self._calls) >= self.limit:
            return False
        self._calls.append(self._now())
        return True

    @property
    def left(self) -> int:
        return max(0, self.limit - len(self._calls))


class Limits:
    """Counts the calls of a portal.

    Args:
        settings: The limits.
        now: The portal's clock, in seconds since 1970.
    """

    def __init__(self, settings: HubSpotSettings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._apps: dict[str, _Window] = {}
        self._searches = _Window(settings.search_limit, 1.0, now)
        self._day = now() // _DAY
        self.used_today = 0

    def count(self, app: str, *, searching: bool) -> None:
        """Take one call of an app from what is allowed.

        Raises:
            HubSpotError: 429.
        """
        day = self._now() // _DAY
        if day != self._day:
            self._day, self.used_today = day, 0
        if self.used_today >= self._settings.daily_limit:
            raise throttled("DAILY")
        if searching and not self._searches.take():
            raise search_throttled()
        if not searching and not self._window(app).take():
            raise throttled("TEN_SECONDLY_ROLLING")
        self.used_today += 1

    def headers(self, app: str) -> list[Header]:
        """The rate limit headers of an answer to an app."""
        window = self._window(app)
        numbers = {
            "daily": self._settings.daily_limit,
            "daily-remaining": max(0, self._settings.daily_limit - self.used_today),
            "interval-milliseconds": int(_INTERVAL * 1000),
            "max": window.limit,
            "remaining": window.left,
            "secondly": max(1, window.limit // 10),
            "secondly-remaining": min(max(1, window.limit // 10), window.left),
        }
        return [(f"x-hubspot-ratelimit-{name}".encode(), b"%d" % number) for name, number in numbers.items()]

    def _window(self, app: str) -> _Window:
        if app not in self._apps:
            self._apps[app] = _Window(self._settings.ten_secondly_limit, _INTERVAL, self._now)
        return self._apps[app]
