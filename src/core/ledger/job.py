"""A job that was given to the ledger's writer, and who is told what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

_log = logging.getLogger("seawall.ledger")

ROW = "ledger_row"
"""Code of the error when the database is well, and refuses what it was given."""


@dataclass(slots=True, eq=False)
class Job:
    """See `Writer.submit`."""

    run: Callable[[Any], Any]
    writes: bool
    future: asyncio.Future[Any]
    orphaned: Callable[[Any], None] | None = None
    failed: Callable[[BaseException], None] | None = None
    lonely: bool = False
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        """Tell the caller, or who is to be told in its place."""
        try:
            self._tell()
        except Exception:  # noqa: BLE001 -- a mistake of whoever is told must not stop the others
            _log.exception("a result of the ledger could not be told")

    def _tell(self) -> None:
        if self.error is not None and self.failed is not None:
            self.failed(self.error)
        if self.future.done():
            # Its caller stopped waiting; the job is done all the same.
            if self.orphaned is not None and self.error is None:
                self.orphaned(self.result)
        elif self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer(Protocol):
    """Runs jobs in transactions that queued jobs share. Used from one event loop."""

    def submit(
        self,
        run: Callable[[Any], Any],
        *,
        writes: bool = True,
        orphaned: Callable[[Any], None] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        lonely: bool = False,
    ) -> asyncio.Future[Any]:
        """Queue a job. The future resolves when its transaction is durable; cancelling it undoes nothing.

        Args:
            run: The job, given a `Database`; it may run twice if a neighbour in its transaction fails.
            writes: False for a job that only reads.
            orphaned: Told the result if nobody waits for it any more.
            failed: Told the error, whether or not somebody waits.
            lonely: True when no other operation is under way, and so nobody could share the flush.
        """
        ...

    def listen(self) -> None:
        """From now on be told of what other processes change, where the database can tell."""
        ...

    @property
    def shift(self) -> float:
        """How far the ledger's time is ahead of this process's clock (seconds); 0 unless that clock is wrong."""
        ...

    async def close(self) -> None:
        """Finish what is queued, then close the connection."""
        ...
