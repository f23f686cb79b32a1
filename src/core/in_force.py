"""What people have stopped, as this process knows it: asked right before each call goes out, answered from memory."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .clock import Sources
from .errors import LedgerUnavailable, Paused
from .ledger.override_records import Override, OverrideKind

if TYPE_CHECKING:
    from .ledger.overriding import Overriding

_log = logging.getLogger("seawall.overrides")

_PATIENCE = 0.4  # seconds that a call waits for a ledger that does not say how things stand
_STRONGEST_FIRST = (OverrideKind.STOP, OverrideKind.TRIP, OverrideKind.PAUSE_ALL, OverrideKind.PAUSE_WRITES)


class InForce:
    """The overrides in force.

    Nothing goes out by a view that is older than two intervals: a process that was held still, or that does not look
    by itself, looks before it sends. While the ledger cannot be read, the last known state stays in force.

    Args:
        ledger: The overrides in the ledger.
        sources: The clock.
        interval: Seconds between two looks.
        reset: Closes the breaker of a system, given its name and why.
    """

    def __init__(
        self, ledger: Overriding, sources: Sources, interval: float, reset: Callable[[str, str], None]
    ) -> None:
        self.one_at_a_time = asyncio.Lock()
        """Held while the ledger is asked or told, so that no look overtakes an act of this process."""
        self._ledger = ledger
        self._clock = sources.clock
        self._interval = interval
        self._reset = reset
        self._found: tuple[Override, ...] = ()
        self._after: int | None = None
        self._done: set[str] = set()  # resets that this process made and need not make again
        self._tried_at = -math.inf
        self._gone = False

    @property
    def stale(self) -> bool:
        """Whether the last look is too long ago to send anything by it."""
        return self._clock.monotonic() - self._tried_at > 2 * self._interval

    @property
    def standing(self) -> list[Override]:
        """What is in force, as far as this process knows."""
        now = self._clock.now()
        return [one for one in self._found if one.stands(now)]

    def refusal(self, system: str, *, writes: bool) -> Paused | None:
        """Why nothing may be sent to a system now; None when it may.

        Args:
            system: The system.
            writes: Whether what is to be sent may change something.
        """
        if not self._found:
            return None
        now = self._clock.now()
        for one in self._found:
            if one.forbids(system, writes=writes) and one.stands(now):
                return _refused(one, system, now)
        return None

    async def look(self) -> None:
        """Look into the ledger. Called while `one_at_a_time` is held.

        Raises:
            LedgerUnavailable: It cannot be read; what was known stays in force.
        """
        began = self._clock.monotonic()
        try:
            stand = await self._ledger.look(self._after)
        except LedgerUnavailable as error:
            self._tried_at = self._clock.monotonic()
            if not self._gone:
                _log.warning("what people pause or resume is not known while the ledger is away: %s", error)
            self._gone = True
            raise
        self._tried_at, self._gone, self._after = began, False, stand.after
        self._found = _in_order(stand.in_force)
        for one in stand.resets:
            if one.id in self._done:
                self._done.discard(one.id)
            else:
                self._reset(one.scope, _reset_by(one))

    async def catch_up(self) -> None:
        """Look, unless that was done a moment ago; waits for the ledger no longer than `_PATIENCE`."""
        try:
            async with asyncio.timeout(_PATIENCE), self.one_at_a_time:
                if self.stale:
                    await self.look()
        except (LedgerUnavailable, TimeoutError):
            self._tried_at = self._clock.monotonic()

    async def run(self) -> None:
        """Look again and again, until cancelled. Nothing that fails is a reason to end."""
        while True:
            await self._clock.sleep(self._interval)
            try:
                async with self.one_at_a_time:
                    await self.look()
            except LedgerUnavailable:
                continue
            except Exception:  # noqa: BLE001 -- whatever it was, the next look must come
                _log.exception("a look for overrides failed; the next one goes on")

    def put(self, one: Override) -> None:
        """An override of this process is in force from now on."""
        self._found = _in_order([*(other for other in self._found if other.id != one.id), one])

    def drop(self, which: Collection[str]) -> None:
        """Overrides were ended by this process."""
        self._found = tuple(one for one in self._found if one.id not in which)

    def reset(self, one: Override) -> None:
        """This process recorded a reset."""
        self._done.add(one.id)
        self._reset(one.scope, _reset_by(one))


def _in_order(found: Collection[Override]) -> tuple[Override, ...]:
    return tuple(sorted(found, key=lambda one: (_STRONGEST_FIRST.index(one.kind), one.seq)))


def _reset_by(one: Override) -> str:
    return f"reset by {one.by}: {one.reason}"


def _refused(one: Override, system: str, now: float) -> Paused:
    until = "" if one.until is None else f" until {moment(one.until)}"
    return Paused(
        f"{subject(one.kind, system)} by {one.by} since {moment(one.at)}{until} ({one.reason}); nothing was sent",
        code=str(one.kind),
        retry_after=None if one.until is None else max(0.0, one.until - now),
        evidence={"kind": str(one.kind), "by": one.by, "reason": one.reason, "since": one.at, "until": one.until},
    )


def subject(kind: OverrideKind, system: str) -> str:
    """What is held back, as the beginning of a sentence that goes on with by whom.

    Args:
        kind: How.
        system: The system.
    """
    match kind:
        case OverrideKind.PAUSE_WRITES:
            return f"writes to {system} are paused"
        case OverrideKind.PAUSE_ALL:
            return f"calls to {system} are paused"
        case OverrideKind.TRIP:
            return f"the breaker of {system} is held open"
        case _:
            return "all calls to all systems are stopped"


def moment(at: float) -> str:
    """A time for people.

    Args:
        at: Seconds since the epoch.
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
