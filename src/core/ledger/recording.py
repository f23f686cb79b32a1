"""Recording verdicts, however often that takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ..clock import Clock
from ..errors import LedgerUnavailable
from .database import Database, Many
from .job import ROW, Writer
from .lease import Lease
from .records import Verdict
from .unrecorded import Unrecorded

_log = logging.getLogger("seawall.ledger")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds between two tries while the ledger is away

Work = Callable[[Database, Sequence[Verdict]], Coroutine[Any, Any, list[bool]]]


class Recording:
    """Hands verdicts to the writer, and keeps those that could not be written.

    Args:
        writer: Runs jobs.
        clock: For the pauses.
        lease: Told what is no longer held.
        work: Records verdicts inside a transaction.
        on_failure: Called when there is something to try again.
    """

    def __init__(self, writer: Writer, clock: Clock, lease: Lease, work: Work, on_failure: Callable[[], None]) -> None:
        self.unrecorded = Unrecorded()
        self._writer = writer
        self._clock = clock
        self._lease = lease
        self._work = work
        self._on_failure = on_failure

    def record(self, verdicts: Sequence[Verdict]) -> asyncio.Future[list[bool]]:
        """Record verdicts in one transaction; when that fails, keep them."""
        for verdict in verdicts:
            self._lease.drop(verdict.operation_id, verdict.epoch)
        again = bool(self.unrecorded)
        if again:
            self.unrecorded.take(verdicts)

        def failed(error: BaseException) -> None:
            away = isinstance(error, LedgerUnavailable) and error.code != ROW
            level = logging.DEBUG if away and self.unrecorded else logging.ERROR  # an outage is told once
            _log.log(level, "a verdict could not be recorded yet: %s", error if away else repr(error))
            # Of several, nobody knows which one was refused; each is tried for itself next.
            refused_at = None if away or len(verdicts) > 1 else self._clock.monotonic()
            self.unrecorded.keep(verdicts, refused_at=refused_at)
            self._on_failure()

        def done(finished: asyncio.Future[list[bool]]) -> None:
            if not finished.cancelled() and finished.exception() is None:
                self.unrecorded.recorded(verdicts)

        run = Many(self._work, verdicts, early=True)
        future = self._writer.submit(run, failed=failed, lonely=not self._lease.held)
        if again:
            future.add_done_callback(done)
        return future

    async def record_due(self) -> None:
        """Try those again whose time has come.

        Raises:
            LedgerUnavailable: The ledger is still away.
        """
        await self._record_again(self.unrecorded.due(self._clock.monotonic()))

    async def record_the_rest(self) -> None:
        """Try all of them once more."""
        await self._record_again(list(self.unrecorded))

    async def record_until_done(self) -> None:
        """Try again, with growing pauses, until nothing is left."""
        pause = _FIRST_PAUSE
        while self.unrecorded:
            await self._clock.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
            try:
                await self.record_due()
            except LedgerUnavailable as error:
                _log.debug("%d verdicts wait for the ledger: %s", len(self.unrecorded), error)

    async def _record_again(self, verdicts: Sequence[Verdict]) -> None:
        # The first one shows whether the ledger is back; until then the others need not try.
        for some in (verdicts[:1], verdicts[1:]):
            trying = [self.record([verdict]) for verdict in some]
            for future in trying:
                future.add_done_callback(look_away)
            for error in await asyncio.gather(*trying, return_exceptions=True):
                if isinstance(error, LedgerUnavailable) and error.code != ROW:
                    raise error


def look_away(finished: asyncio.Future[Any]) -> None:
    """Take note of an exception that nobody waits for: what failed is kept in `unrecorded`."""
    if not finished.cancelled():
        finished.exception()
