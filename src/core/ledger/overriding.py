"""What a ledger does for overrides. Times are those of this process's clock."""

from __future__ import annotations

from collections.abc import Collection

from . import overrides
from .job import Writer
from .override_records import Override, OverrideKind, Stand


class Overriding:
    """Overrides in a ledger. Each method raises `LedgerUnavailable` when that cannot be read or written.

    Args:
        writer: Asks the database.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def _ours(self, found: Override) -> Override:
        return overrides.in_our_time(found, self._writer.shift)

    async def impose(
        self, wanted: Override, *, lasts: float | None = None, unless: Collection[OverrideKind] = ()
    ) -> tuple[bool, Override]:
        """Put an override in force, unless one of the same scope stands in its place.

        Args:
            wanted: The override; the ledger says since when it holds.
            lasts: Seconds after which it ends by itself; None for never.
            unless: Kinds in whose force it would say nothing new.

        Returns:
            True and the override; or False and the one that is in force already.
        """
        done, found = await self._writer.submit(lambda db: overrides.impose(db, wanted, lasts, unless))
        return done, self._ours(found)

    async def end(
        self, which: Collection[str], by: str, reason: str, decision: str, *, reset: Override | None = None
    ) -> tuple[list[Override], Override | None]:
        """End overrides, each once, and record a reset if there is one.

        Args:
            which: Their ids.
            by: Who ends them.
            reason: Why.
            decision: What is recorded of it, in a word.
            reset: The reset; the ledger says when it was.

        Returns:
            The overrides as they are now, and the reset. Whoever ended one before stays who ended it.
        """
        ends, told = await self._writer.submit(lambda db: overrides.end(db, which, by, reason, decision, reset))
        return [self._ours(one) for one in ends], None if told is None else self._ours(told)

    async def look(self, after: int | None) -> Stand:
        """What is in force, and what was reset since the last look.

        Args:
            after: As the last look said; None for the first one, which brings no resets.
        """
        found: Stand = await self._writer.submit(lambda db: overrides.look(db, after), writes=False)
        if not self._writer.shift:
            return found
        in_force = tuple(self._ours(one) for one in found.in_force)
        return Stand(in_force, tuple(self._ours(one) for one in found.resets), found.after)

    async def history(self, limit: int = 100) -> list[Override]:
        """All there were, newest first."""
        found = await self._writer.submit(lambda db: overrides.history(db, limit), writes=False)
        return [self._ours(one) for one in found]
