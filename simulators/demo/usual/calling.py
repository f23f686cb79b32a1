"""What a careful team writes in an afternoon: a timeout, a few retries with jitter, and, if wanted, a breaker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import httpx
import pybreaker
import tenacity

from ..lines import Message

Do: TypeAlias = Callable[[Message], Awaitable[Message]]
"""Does one job."""


class Again(Exception):
    """An answer that is worth another try."""


class Failed(Exception):
    """An answer that is final.

    Args:
        message: What it says.
        refused: Whether the target itself refused it.
    """

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


class Guarded:
    """Retries what is worth another try: timeouts, broken connections, 5xx, throttling.

    Args:
        breaker: Whether calls also go through a breaker.
    """

    def __init__(self, *, breaker: bool) -> None:
        self._breaker = pybreaker.CircuitBreaker(fail_max=20, reset_timeout=1) if breaker else None

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(4),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
        retry=tenacity.retry_if_exception_type((httpx.TransportError, Again, pybreaker.CircuitBreakerError)),
        reraise=True,
    )
    async def call(self, once: Callable[[], Awaitable[Any]]) -> Any:
        """Do it, with retries."""
        if self._breaker is None:
            return await once()
        with self._breaker.calling():
            return await once()


class RestApi:
    """A client of a REST API with bearer tokens.

    Args:
        url: Where it is.
        breaker: Whether calls go through a breaker.
    """

    def __init__(self, url: str, *, breaker: bool) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=1.0)
        self._guarded = Guarded(breaker=breaker)
        self._token: str | None = None

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call, with retries.

        Returns:
            The answer's JSON; None if it is empty.
        """
        return await self._guarded.call(lambda: self._send(method, path, body, headers))

    async def log_in(self) -> str:
        """A new token."""
        raise NotImplementedError

    def problem(self, answer: httpx.Response) -> Exception | None:  # noqa: ARG002 - for those that know more
        """What an answer with an error status is, if it is not for everybody to know."""
        return None

    async def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        self._token = self._token or await self.log_in()
        all_headers = {"Authorization": f"Bearer {self._token}", **headers}
        answer = await self.http.request(method, path, json=body, headers=all_headers)
        if answer.status_code == 401:
            self._token = None
            raise Again("session expired")
        if (problem := self.problem(answer)) is not None:
            raise problem
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Again(f"HTTP {answer.status_code}")
        if answer.status_code >= 400:
            raise Failed(answer.text[:200], refused=True)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise Failed("the answer is not JSON", refused=False) from error


async def token_of(http: httpx.AsyncClient, path: str, form: Mapping[str, str]) -> str:
    """The token that an OAuth endpoint gives."""
    answer = await http.post(path, data=dict(form))
    if answer.status_code != 200:
        raise Again("login failed")
    return str(answer.json()["access_token"])


def applied(record: str | None, value: Message | None = None) -> Message:
    """What an agent is told of something done."""
    return {"word": "applied", "record": record, "value": value or {}}
