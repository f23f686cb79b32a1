"""What many calls need and one of them fetches: a session, a token, a description.

Nothing of the request behind it has been sent while it is fetched, so every error here has the effect `none`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from ..core.errors import IntegrationError, ReplyTimeout

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Fetches a value once, and keeps it until it is dropped.

    Args:
        what: Its name in messages, such as "the login".
        fetch: Fetches it. It is not stopped when the attempt that began it ends.
    """

    def __init__(self, what: str, fetch: Callable[[], Awaitable[T]]) -> None:
        self._what = what
        self._fetch = fetch
        self._value: T | None = None
        self._accepted: T | None = None
        self._running: asyncio.Task[T | IntegrationError] | None = None

    async def get(self, timeout: float) -> T:
        """The value; fetched if there is none. Callers that come together share one fetch.

        Args:
            timeout: Seconds to wait. The fetch goes on for those who come later.

        Raises:
            IntegrationError: Always of effect none.
        """
        if self._value is not None:
            return self._value
        first = self._running is None or self._running.done()
        if self._running is None or first:
            self._running = asyncio.create_task(self._fetched(), name=self._what)
        try:
            async with asyncio.timeout(max(timeout, 0.0)):
                answer = await asyncio.shield(self._running)
        except TimeoutError:
            late = ReplyTimeout(f"{self._what} took too long", code="timeout_before_send", outage=first)
            raise late.without_effect(self._proof) from None
        if isinstance(answer, IntegrationError):
            # Each caller gets an error of its own to write into; the breaker is charged once for one failure.
            own = IntegrationError.from_record(answer.to_record())
            own.outage = own.outage and first
            raise own
        return answer

    def confirm(self, value: T) -> None:
        """The target accepted it."""
        self._accepted = value

    def drop(self, value: T) -> bool:
        """Forget a value that is no longer accepted, unless it was replaced already.

        Returns:
            Whether it was ever accepted: then it ended, and a new one may work.
        """
        if self._value == value:
            self._value = None
        return self._accepted == value

    async def close(self) -> None:
        """End a fetch that still runs."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    @property
    def _proof(self) -> str:
        return f"only {self._what} was sent"

    async def _fetched(self) -> T | IntegrationError:
        try:
            self._value = await self._fetch()
        except IntegrationError as error:
            return error.without_effect(self._proof)
        return self._value
