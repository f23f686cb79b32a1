"""What the ledger remembers of what people stopped, as plain values. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

EVERYWHERE = "*"
"""The scope of what holds for all systems."""


class OverrideKind(StrEnum):
    """What a person says of a system, or of all of them."""

    PAUSE_WRITES = "pause_writes"  # reads and probes go on
    PAUSE_ALL = "pause_all"
    TRIP = "trip"  # a breaker that is held open until it is reset
    STOP = "stop"  # of all systems
    RESET = "reset"  # closes the breakers of a system, once; over as soon as it is said


@dataclass(frozen=True, slots=True)
class Override:
    """One act of a person, and its end.

    Args:
        id: Its id.
        scope: The system, or `EVERYWHERE`.
        kind: What holds.
        by: Who did it.
        reason: Why.
        at: Since when.
        until: When it ends by itself, if it does.
        ended_at: When a person ended it, if one did.
        ended_by: Who ended it.
        ended_reason: Why it was ended.
        seq: Its place in the order in which they came.
    """

    id: str
    scope: str
    kind: OverrideKind
    by: str
    reason: str
    at: float
    until: float | None = None
    ended_at: float | None = None
    ended_by: str | None = None
    ended_reason: str | None = None
    seq: int = 0

    def stands(self, now: float) -> bool:
        """Whether it is in force.

        Args:
            now: Seconds since the epoch.
        """
        return self.ended_at is None and (self.until is None or now < self.until)

    def forbids(self, system: str, *, writes: bool) -> bool:
        """Whether it keeps a call from being sent while it is in force.

        Args:
            system: Where the call goes.
            writes: Whether it may change something.
        """
        if self.scope not in (system, EVERYWHERE) or self.kind is OverrideKind.RESET:
            return False
        return writes or self.kind is not OverrideKind.PAUSE_WRITES


@dataclass(frozen=True, slots=True)
class Stand:
    """How things stand.

    Args:
        in_force: What is in force, in the order in which it came.
        resets: Resets since the last look.
        after: The place in the order after which the next look asks for resets.
    """

    in_force: tuple[Override, ...]
    resets: tuple[Override, ...]
    after: int
