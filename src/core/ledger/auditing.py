"""What a ledger offers to whoever keeps its audit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from . import checkpointing, erasing
from .audit import Chain, Scalar
from .checkpointing import Make
from .job import Writer
from .lookups import Lookups
from .records import DecisionRow
from .verdicts import note as record_decisions

_log = logging.getLogger("seawall.ledger")


class Auditing(Lookups):
    """A ledger's audit. Each method that asks the database raises `LedgerUnavailable` when it cannot.

    Args:
        writer: Asks the database.
        chain: The chain of this process.
    """

    def __init__(self, writer: Writer, chain: Chain) -> None:
        super().__init__(writer)
        self.chain = chain

    def introduce(self, configuration: Mapping[str, Scalar]) -> None:
        """Say what is in force in this process; recorded with the first thing that is written, if it is new.

        Args:
            configuration: Versions and digests, no secrets.
        """
        self.chain.configuration = dict(configuration)

    async def checkpoint(self, make: Make) -> str | None:
        """Make a checkpoint of all that is durable, and keep it.

        Args:
            make: Makes its line; None if there is nothing new to say.
        """
        line: str | None = await self._writer.submit(lambda db: checkpointing.add(db, make))
        return line

    async def unsent_checkpoints(self) -> list[tuple[int, str]]:
        """The oldest checkpoints that were not exported yet: number of the row, and line."""
        found: list[tuple[int, str]] = await self._writer.submit(checkpointing.unsent, writes=False)
        return found

    async def checkpoints_sent(self, rows: Sequence[int]) -> None:
        """These checkpoints were exported."""
        await self._writer.submit(lambda db: checkpointing.sent(db, rows))

    async def erase(self, operation_id: str, *, by: str, reason: str) -> bool:
        """Forget what a settled operation was about; the audit stays whole, and says that it was done.

        Args:
            operation_id: The operation.
            by: Who decides it; recorded.
            reason: Why; recorded.

        Returns:
            False if it was erased before.

        Raises:
            InvalidRequest: There is no such operation, or it is not settled.
        """
        erased: bool = await self._writer.submit(lambda db: erasing.erase(db, operation_id, by, reason))
        return erased

    async def note(self, decisions: Sequence[DecisionRow]) -> None:
        """Record decisions."""
        await self._writer.submit(lambda db: record_decisions(db, decisions))

    def note_soon(self, decisions: Sequence[DecisionRow]) -> None:
        """The same without waiting; a failure is logged."""
        future = self._writer.submit(lambda db: record_decisions(db, decisions))
        future.add_done_callback(_log_failure)


def _log_failure(finished: asyncio.Future[None]) -> None:
    if not finished.cancelled() and (error := finished.exception()) is not None:
        _log.error("a decision could not be recorded: %s", error)
