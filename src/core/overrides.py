"""What people stop and let go on: pause and resume, trip and reset, stop and start; each with a name and a reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from .clock import Sources
from .errors import InvalidRequest
from .in_force import InForce, moment, subject
from .ledger.override_records import EVERYWHERE, Override, OverrideKind
from .redaction import Secrets, clean

if TYPE_CHECKING:
    from .ledger.store import Ledger
    from .system import System

_LONGEST_NAME = 64  # characters
_LONGEST_REASON = 500  # characters; agents are told it
_LONGEST_PAUSE = 366 * 86_400.0  # seconds

_PAUSES = (OverrideKind.PAUSE_ALL, OverrideKind.PAUSE_WRITES)


class Overrides:
    """Overrides of this ledger's systems, in force in every process within a second, and in this one at once.

    Every act raises `InvalidRequest` when there is nothing to do or the request cannot be right, and
    `LedgerUnavailable` when it could not be recorded; then nothing has changed.

    Args:
        in_force: What this process goes by.
        ledger: Where they are recorded.
        systems: The names of the configured systems.
        sources: Ids.
        secrets: Removed from what is recorded.
    """

    def __init__(
        self, in_force: InForce, ledger: Ledger, systems: Collection[str], sources: Sources, secrets: Secrets
    ) -> None:
        self._in_force = in_force
        self._ledger = ledger
        self._systems = systems
        self._new_id = sources.new_id
        self._secrets = secrets

    async def pause(
        self, system: str, *, by: str, reason: str, everything: bool = False, lasts: float | None = None
    ) -> Override:
        """Send no more writes to a system; with `everything` no reads and probes either.

        Args:
            system: The system.
            by: Who pauses it.
            reason: Why; agents are told it.
            everything: Whether reads are held back, too.
            lasts: Seconds after which it goes on by itself; None for never.
        """
        self._known(system)
        kind = OverrideKind.PAUSE_ALL if everything else OverrideKind.PAUSE_WRITES
        covers = (kind,) if everything else _PAUSES  # whoever paused the writes may pause the rest
        return await self._impose(system, kind, by, reason, covers, lasts)

    async def resume(self, system: str, *, by: str, reason: str) -> list[Override]:
        """Let a paused system go on. Ends neither a trip nor a stop.

        Args:
            system: The system.
            by: Who resumes it.
            reason: Why.
        """
        self._known(system)
        return await self._end(system, _PAUSES, by, reason, "resume", f"{system} is not paused")

    async def trip(self, system: str, *, by: str, reason: str) -> Override:
        """Hold the breaker of a system open, until `reset`. Recovery's probes are held back like all calls.

        Args:
            system: The system.
            by: Who trips it.
            reason: Why; agents are told it.
        """
        self._known(system)
        return await self._impose(system, OverrideKind.TRIP, by, reason, (OverrideKind.TRIP,))

    async def reset(self, system: str, *, by: str, reason: str) -> Override:
        """Close the breakers of a system in every process, whether a person or failures opened them.

        Args:
            system: The system.
            by: Who resets it.
            reason: Why.
        """
        self._known(system)
        by, reason = self._checked(by, reason)
        wanted = Override(self._new_id("override"), system, OverrideKind.RESET, by, reason, 0.0)
        async with self._in_force.one_at_a_time:
            trips = [one.id for one in await self._standing() if self._is(one, system, (OverrideKind.TRIP,))]
            _, told = await self._ledger.overrides.end(trips, by, reason, "reset", reset=wanted)
            assert told is not None
            self._in_force.drop(trips)
            self._in_force.reset(told)
        return told

    async def stop(self, *, by: str, reason: str) -> Override:
        """Send nothing more to any system.

        Args:
            by: Who stops it all.
            reason: Why; agents are told it.
        """
        return await self._impose(EVERYWHERE, OverrideKind.STOP, by, reason, (OverrideKind.STOP,))

    async def start(self, *, by: str, reason: str) -> list[Override]:
        """End a stop. What is paused or tripped stays so.

        Args:
            by: Who lets it go on.
            reason: Why.
        """
        return await self._end(EVERYWHERE, (OverrideKind.STOP,), by, reason, "start", "nothing is stopped")

    async def in_force(self) -> list[Override]:
        """What is in force, as the ledger has it now."""
        return await self._standing()

    async def history(self, limit: int = 100) -> list[Override]:
        """All there were, newest first.

        Args:
            limit: At most so many.
        """
        return await self._ledger.overrides.history(limit)

    async def _impose(
        self,
        scope: str,
        kind: OverrideKind,
        by: str,
        reason: str,
        covers: Collection[OverrideKind],
        lasts: float | None = None,
    ) -> Override:
        by, reason = self._checked(by, reason)
        if lasts is not None and not 0 < lasts <= _LONGEST_PAUSE:
            raise InvalidRequest("a pause lasts more than 0 seconds and no more than a year", code="lasts")
        wanted = Override(self._new_id("override"), scope, kind, by, reason, 0.0)
        async with self._in_force.one_at_a_time:
            done, found = await self._ledger.overrides.impose(wanted, lasts=lasts, unless=covers)
            self._in_force.put(found)
        if not done:
            until = "" if found.until is None else f" until {moment(found.until)}"
            raise InvalidRequest(
                f"{subject(found.kind, scope)} already: by {found.by} since {moment(found.at)}{until} ({found.reason})",
                code="already_in_force",
            )
        return found

    async def _end(
        self, scope: str, kinds: Collection[OverrideKind], by: str, reason: str, decision: str, otherwise: str
    ) -> list[Override]:
        by, reason = self._checked(by, reason)
        async with self._in_force.one_at_a_time:
            standing = await self._standing()
            which = [one.id for one in standing if self._is(one, scope, kinds)]
            ends: list[Override] = []
            if which:
                ends, _ = await self._ledger.overrides.end(which, by, reason, decision)
                self._in_force.drop(which)
        if not which:
            others = [one for one in standing if one.scope in (scope, EVERYWHERE)]
            raise InvalidRequest("; ".join([otherwise, *map(_but, others)]), code="not_in_force")
        return ends

    async def _standing(self) -> list[Override]:
        return list((await self._ledger.overrides.look(None)).in_force)

    @staticmethod
    def _is(one: Override, scope: str, kinds: Collection[OverrideKind]) -> bool:
        return one.scope == scope and one.kind in kinds

    def _known(self, system: str) -> None:
        if system not in self._systems:
            known = ", ".join(sorted(self._systems)) or "none is configured"
            raise InvalidRequest(f"there is no system {system!r}; known: {known}", code="unknown_system")

    def _checked(self, by: str, reason: str) -> tuple[str, str]:
        by, reason = (" ".join(clean(self._secrets.scrub(text)).split()) for text in (by, reason))
        if not 0 < len(by) <= _LONGEST_NAME or not 0 < len(reason) <= _LONGEST_REASON:
            raise InvalidRequest(
                f"say who does it (in up to {_LONGEST_NAME} characters) and why (in up to {_LONGEST_REASON})",
                code="override",
            )
        return by, reason


def _but(one: Override) -> str:
    how = {OverrideKind.TRIP: "reset ends that", OverrideKind.STOP: "start ends that"}.get(one.kind, "resume ends that")
    return f"but {subject(one.kind, one.scope)} by {one.by} since {moment(one.at)} ({one.reason}), {how}"


async def in_force_now(systems: Mapping[str, System], ledger: Ledger, sources: Sources, interval: float) -> InForce:
    """What people have stopped, before anything can be sent; every system goes by it from now on.

    Args:
        systems: The systems by name.
        ledger: Where overrides are recorded.
        sources: The clock.
        interval: Seconds between two looks.

    Raises:
        LedgerUnavailable: It cannot be read.
    """

    def reset(name: str, why: str) -> None:
        if (system := systems.get(name)) is not None:
            system.breaker.reset(why)

    in_force = InForce(ledger.overrides, sources, interval, reset)
    async with in_force.one_at_a_time:
        await in_force.look()
    for system in systems.values():
        system.in_force = in_force
    return in_force
