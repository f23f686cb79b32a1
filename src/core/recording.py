"""Recording what recovery concludes, many verdicts in one transaction, so that other writers seldom wait for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from .clock import Clock
from .errors import LedgerUnavailable
from .ledger.records import Operation, Verdict

if TYPE_CHECKING:
    from .ledger.store import Ledger

Told: TypeAlias = Callable[[Operation, Verdict], None]
"""Told of each verdict that recovery recorded, with the operation as it was before."""

_log = logging.getLogger("seawall.recovery")

_TOGETHER = 0.05  # seconds in which verdicts are gathered; nobody waits for one of recovery's
_REFUSED_ROW = "ledger_row"  # the code of an error that lies in one verdict, and not in the ledger


class Recording:
    """Records verdicts together. For one event loop.

    Args:
        ledger: The ledger.
        clock: Waits for more of them.
        told: Told of each verdict that was recorded.
        gone: Told when the ledger cannot be written; it keeps the verdicts.
    """

    def __init__(self, ledger: Ledger, clock: Clock, told: Told, gone: Callable[[LedgerUnavailable], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._told = told
        self._gone = gone
        self._pending: list[tuple[Operation, Verdict]] = []
        self._gathering: asyncio.Task[None] | None = None

    async def record(self, operation: Operation, verdict: Verdict) -> None:
        """Record a verdict, with those that come in the next moment. Raises nothing."""
        self._pending.append((operation, verdict))
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._gather(), name="seawall recovery: verdicts")
        await asyncio.shield(self._gathering)

    def hurry(self) -> None:
        """Record what is pending at once, without waiting for it."""
        if self._pending:
            self._ledger.finish_soon([verdict for _, verdict in self._pending])
            self._pending = []

    async def _gather(self) -> None:
        await self._clock.sleep(_TOGETHER)
        self._gathering, pending, self._pending = None, self._pending, []
        await self._record(pending)

    async def _record(self, pending: Sequence[tuple[Operation, Verdict]]) -> None:
        if not pending:
            return
        try:
            recorded = await self._ledger.finish([verdict for _, verdict in pending])
        except LedgerUnavailable as error:
            # The ledger keeps the verdicts, and records them when it can. Where it refused one alone, others go on.
            if error.code != _REFUSED_ROW:
                self._gone(error)
        except Exception:  # noqa: BLE001 -- one verdict that cannot be recorded must not stop the others
            if len(pending) == 1:
                _log.exception("the verdict on %s could not be recorded", pending[0][0].id)
                return
            for one in pending:
                await self._record([one])
        else:
            for (operation, verdict), in_time in zip(pending, recorded, strict=True):
                if in_time:
                    self._told(operation, verdict)
