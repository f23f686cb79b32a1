"""What can be looked up in a ledger."""

from __future__ import annotations

from . import reads
from .job import Writer
from .records import Operation, Status, Story
from .times import in_our_time


class Lookups:
    """Questions to a ledger that change nothing. Each raises `LedgerUnavailable` when it cannot be read.

    Args:
        writer: Asks the database.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def get(self, operation_id: str) -> Operation | None:
        """One operation."""
        found: Operation | None = await self._writer.submit(lambda db: reads.by_id(db, operation_id), writes=False)
        return None if found is None else self._in_our_time(found)

    async def standing(self, system: str, key: str) -> Operation | None:
        """The operation that has an idempotency key."""
        found: Operation | None = await self._writer.submit(lambda db: reads.standing(db, system, key), writes=False)
        return None if found is None else self._in_our_time(found)

    async def undoing(self, operation_id: str) -> Operation | None:
        """The operation that compensates `operation_id`, or is about to; None if there is none, or it was rejected."""
        found: Operation | None = await self._writer.submit(lambda db: reads.undoing(db, operation_id), writes=False)
        return None if found is None else self._in_our_time(found)

    async def find(
        self,
        *,
        system: str | None = None,
        action: str | None = None,
        status: Status | None = None,
        batch_id: str | None = None,
        principal: str | None = None,
        limit: int = 100,
    ) -> list[Operation]:
        """Operations that match everything given, newest first."""
        only = {
            "system": system,
            "action": action,
            "status": None if status is None else status.value,
            "batch_id": batch_id,
            "principal": principal,
        }
        found: list[Operation] = await self._writer.submit(lambda db: reads.find(db, only, limit), writes=False)
        return [self._in_our_time(operation) for operation in found]

    async def story(self, operation_id: str) -> Story | None:
        """Everything about one operation."""
        found: Story | None = await self._writer.submit(lambda db: reads.story(db, operation_id), writes=False)
        return None if found is None else in_our_time(found, self._writer.shift)

    def _in_our_time(self, operation: Operation) -> Operation:
        return in_our_time(operation, self._writer.shift)

    async def counts(self) -> dict[tuple[str, Status], int]:
        """How many operations there are, by system and status."""
        found: dict[tuple[str, Status], int] = await self._writer.submit(reads.counts, writes=False)
        return found

    async def unsettled(self) -> dict[tuple[str, Status], tuple[int, float]]:
        """How many operations are not settled, and when the oldest was begun (by our clock), by system and status."""
        found: dict[tuple[str, Status], tuple[int, float]] = await self._writer.submit(reads.unsettled, writes=False)
        return {which: (count, oldest - self._writer.shift) for which, (count, oldest) in found.items()}
