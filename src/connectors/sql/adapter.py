"""A database behind the adapter interface, by declared actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ...core.adapter import (
    Action,
    Adapter,
    Attempt,
    CannotTell,
    Finding,
    Sent,
    Surroundings,
)
from ...core.errors import (
    CommitUnknown,
    ConnectFailed,
    IntegrationError,
    InvalidRequest,
    PoolExhausted,
    ReplyTimeout,
)
from .._modules import load_module, sources_of
from . import check, probes, reads, upkeep
from .declare import Facts
from .limits import EXAMPLES, LIMITS
from .loading import load
from .models import SqlAction
from .settings import SqlSettings
from .threads import Flight, Stage, Threads, TimeIsUp
from .wire import Wire
from .writes import Write

T = TypeVar("T")

_CHECK_TIMEOUT = 30.0
_PRUNE_TIMEOUT = 600.0
_PROBES = 4  # threads that no write can take away


class SqlAdapter(Adapter):
    """Declared actions on one database, in any dialect of SQLAlchemy.

    Args:
        settings: The connector's settings.
        surroundings: Clock and ids, and where secrets are registered.
        inline: Whether blocking work is done in the calling thread (simulated time).

    Raises:
        UnusableActions: The declared actions cannot be used.
    """

    kind: ClassVar[str] = "sql"
    version: ClassVar[str] = "1"
    settings_model = SqlSettings
    examples = EXAMPLES
    limits = LIMITS

    def __init__(self, settings: SqlSettings, surroundings: Surroundings, *, inline: bool = False) -> None:
        self._clock = surroundings.sources.clock
        self._settings = settings
        self.wire = Wire(settings, surroundings)
        facts = Facts(
            has_effects=settings.effects_table is not None,
            locks=self.wire.locks,
            tells_fate=self.wire.family.tells_fate,
            horizon=settings.late_commit_horizon,
        )
        self._declared = load(settings, facts)
        self._actions = {name: one.action for name, one in self._declared.items()}
        name = f"seawall-sql-{surroundings.system}"
        self._writing = Threads(settings.pool_size, f"{name}-write", inline=inline)
        self._reading = Threads(settings.pool_size, f"{name}-read", inline=inline)
        self._probing = Threads(_PROBES, f"{name}-probe", inline=inline)

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings, *, inline: bool = False) -> SqlAdapter:
        """Make one from `SqlSettings`. Connects to nothing yet."""
        return cls(settings, surroundings, inline=inline)

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name."""
        return self._actions

    def definitions(self) -> Mapping[str, bytes]:
        """The declarations of the settings, or the module of actions with what it imports."""
        actions = self._settings.actions
        if isinstance(actions, Path):
            return sources_of([load_module(actions).__name__])
        return {name: declared.model_dump_json().encode() for name, declared in actions.items()}

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Do it once, in one transaction."""
        declared = self._declared[action.name]
        _refuse_unstorable(attempt)
        flight: Flight[Sent[Any]] = Flight()
        left = self._countdown(attempt.timeout)
        if not action.writes:
            return await self._run(
                self._reading, flight, lambda: reads.read(self.wire, declared, attempt, flight, left), attempt.timeout
            )
        write = Write(self.wire, declared, attempt, flight, left)
        return await self._run(self._writing, flight, write.run, attempt.timeout, writes=True)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """Look whether an earlier attempt landed, on a fresh connection to the primary."""
        declared: SqlAction = self._declared[action.name]
        if action.probe is None:
            return CannotTell(f"{action.name} declares no way to look")
        flight: Flight[Finding] = Flight()
        left = self._countdown(attempt.timeout)
        return await self._run(
            self._probing, flight, lambda: probes.probe(self.wire, declared, attempt, flight, left), attempt.timeout
        )

    async def check(self) -> list[str]:
        """See whether the database has what the settings count on.

        Returns:
            Problems, a sentence each; empty if there are none.

        Raises:
            IntegrationError: It cannot be reached, or does not let us in.
        """
        flight: Flight[list[str]] = Flight()
        needs_effects = any(one.in_effects for one in self._declared.values())
        return await self._run(
            self._probing,
            flight,
            lambda: check.problems(self.wire, flight, needs_effects=needs_effects),
            _CHECK_TIMEOUT,
        )

    def effects_ddl(self) -> str:
        """The statement that makes the `effects` table.

        Raises:
            InvalidRequest: The system has none in its settings.
        """
        return upkeep.effects_of(self.wire).ddl(self.wire.writer.dialect)

    async def install_effects(self) -> bool:
        """Make the `effects` table if it is not there.

        Returns:
            Whether it was made.

        Raises:
            IntegrationError: It cannot be made.
        """
        flight: Flight[bool] = Flight()
        return await self._run(self._probing, flight, lambda: upkeep.install(self.wire, flight), _CHECK_TIMEOUT)

    async def prune_effects(self, keep: frozenset[str]) -> int:
        """Delete the rows of the `effects` table that are older than `effects_retention`.

        Args:
            keep: Keys of operations that are not settled; their rows stay, however old they are.

        Returns:
            How many rows were deleted.

        Raises:
            IntegrationError: It failed.
        """
        flight: Flight[int] = Flight()
        return await self._run(self._probing, flight, lambda: upkeep.prune(self.wire, flight, keep), _PRUNE_TIMEOUT)

    async def close(self) -> None:
        """Release connections. What hangs in a driver goes with the process."""
        for threads in (self._writing, self._reading, self._probing):
            threads.close()
        self.wire.close()

    def _countdown(self, timeout: float) -> Callable[[], float]:
        until = self._clock.monotonic() + timeout
        return lambda: max(until - self._clock.monotonic(), 0.001)

    async def _run(
        self, threads: Threads, flight: Flight[T], work: Callable[[], T], timeout: float, *, writes: bool = False
    ) -> T:
        try:
            return await threads.run(flight, work, timeout, self._settings.pool_patience)
        except TimeIsUp as up:
            raise self._too_late(up.stage, flight, timeout, writes=writes) from None

    def _too_late(self, stage: Stage, flight: Flight[Any], timeout: float, *, writes: bool) -> IntegrationError:
        """What it means that the time was up at a stage. From there the work does not go on."""
        if stage is Stage.WAITING:
            return PoolExhausted(
                f"all {self._settings.pool_size} connections were busy for {self._settings.pool_patience:.1f} s",
                code="pool_exhausted",
            )
        if stage is Stage.CONNECTING:
            return ConnectFailed(f"no connection within {timeout:.1f} s", code="timeout")
        if stage is Stage.COMMITTING:
            return CommitUnknown(
                f"COMMIT was sent, and no answer came within {timeout:.1f} s", code="timeout", evidence=flight.evidence
            )
        error = ReplyTimeout(f"no answer within {timeout:.1f} s", code="timeout", evidence=flight.evidence)
        if not writes:
            return error.without_effect("a read changes nothing")
        if flight.evidence.get("certain"):
            return error.without_effect("COMMIT was not sent, and is not sent any more")
        return error


def _refuse_unstorable(attempt: Attempt) -> None:
    """Refuse texts that no database takes, before anything is sent.

    Raises:
        InvalidRequest: With the field to mend.
    """
    for name, value in attempt.request.model_dump().items():
        if isinstance(value, str) and ("\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise InvalidRequest(f"{name} has characters that no database keeps; nothing was sent", code="unstorable")
