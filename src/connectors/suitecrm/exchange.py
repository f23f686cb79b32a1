"""The requests of one attempt, whichever wire carries them: their time, their session, what they may write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ...core.adapter import Secrets
from ...core.clock import Clock
from ...core.errors import IntegrationError, Unauthenticated
from .._flight import SingleFlight
from .._http import HttpClient
from .classify import SESSION_ENDED
from .kinds import Module
from .records import Record


@dataclass(frozen=True, slots=True)
class Line:
    """What all requests to one SuiteCRM share.

    Args:
        url: Where it is installed.
        http: The client.
        sessions: The session id (v4_1) or access token (v8).
        clock: Time.
        secrets: Removed from what SuiteCRM tells.
    """

    url: str
    http: HttpClient
    sessions: SingleFlight[str]
    clock: Clock
    secrets: Secrets


class Condition(NamedTuple):
    """What a field of the records to be found must be.

    Args:
        field: SuiteCRM's name.
        comparison: Equal, or greater.
        value: As SuiteCRM writes it.
    """

    field: str
    comparison: Literal["eq", "gt"]
    value: str


class Exchange(ABC):
    """The requests of one attempt: they share its time and its one new login.

    Args:
        line: The SuiteCRM.
        timeout: Seconds for all of them.
        relogin: Whether a write that met an ended session may be sent once more under a new one; reads always may.
        may_write: Asked right before each request that is no read.
    """

    def __init__(
        self, line: Line, timeout: float, *, relogin: bool, may_write: Callable[[], bool] | None = None
    ) -> None:
        self.line = line
        self.may_write = may_write
        self._ends_at = line.clock.monotonic() + timeout
        self._relogin = relogin
        self._renewed = False

    def left(self) -> float:
        """Seconds that are left."""
        return self._ends_at - self.line.clock.monotonic()

    async def with_session(self, send: Callable[[str], Awaitable[Any]], *, writes: bool) -> Any:
        """Send one request under the session; logs in where there is none.

        SuiteCRM looks at the session before anything else: what was refused for it has not been done.

        Args:
            send: Sends it, given the session; returns the answer's content, or the error that it stands for.
            writes: Whether it may change something.

        Raises:
            IntegrationError: What the answer, or its absence, means.
        """
        sessions = self.line.sessions
        while True:
            session = await sessions.get(self.left())
            answer = await send(session)
            if not isinstance(answer, IntegrationError):
                sessions.confirm(session)
                return answer
            answer.message = self.line.secrets.scrub(answer.message)
            answer.evidence = self.line.secrets.scrub_all(answer.evidence)
            if not (isinstance(answer, Unauthenticated) and answer.code in SESSION_ENDED):
                raise answer
            worked = sessions.drop(session)
            if self._renewed or (writes and not self._relogin):
                # The next attempt logs in anew. A session that was refused from its first use on did not end.
                answer.transient = worked or not self._renewed
                raise answer
            self._renewed = True

    @abstractmethod
    async def read(self, module: Module, record: str, fields: Sequence[str]) -> Record | None:
        """One record by its id; None if SuiteCRM says that there is none, or that it was deleted."""

    @abstractmethod
    async def read_many(self, module: Module, records: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record]:
        """Several records by their ids, as far as they are there."""

    @abstractmethod
    async def was_deleted(self, module: Module, record: str) -> bool:
        """Whether there is a record with this id that is marked as deleted."""

    @abstractmethod
    async def find(
        self, module: Module, conditions: Sequence[Condition], fields: Sequence[str], limit: int
    ) -> Sequence[Record]:
        """Records that meet all the conditions, newest first, at most `limit` of them."""

    @abstractmethod
    async def create(self, module: Module, record: str, content: Mapping[str, str]) -> None:
        """Insert a record under an id of ours. An id that is taken is not written to."""

    @abstractmethod
    async def update(self, module: Module, record: str, content: Mapping[str, str]) -> None:
        """Change fields of a record. What SuiteCRM answers does not prove that the record exists."""

    @abstractmethod
    async def describe(self, module: Module) -> Mapping[str, Mapping[str, Any]]:
        """The fields of a module, by name."""
