"""Brings unknown operations to an end: probe → finish, send again where that is allowed, or park with the reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .clock import Sources
from .company import Company
from .errors import LedgerUnavailable
from .lane import Lane
from .ledger.records import Operation, Verdict
from .policy import Policy
from .recording import Told
from .system import System

if TYPE_CHECKING:
    from .ledger.store import Ledger

_log = logging.getLogger("seawall.recovery")


class Recovery:
    """Takes operations whose holder is gone or whose outcome is unknown, and settles them.

    Each system has a lane of its own, so that one that hangs holds up no other.

    Args:
        systems: The systems by name.
        ledger: The ledger.
        policy: What is sent again must still be allowed.
        sources: Clock, randomness and ids.
    """

    def __init__(self, systems: Mapping[str, System], ledger: Ledger, policy: Policy, sources: Sources) -> None:
        self.systems = systems
        self.ledger = ledger
        self.policy = policy
        self.sources = sources
        self.listeners: list[Told] = []
        company = Company()
        self._lanes = [Lane(system, ledger, policy, sources, company, self._tell) for system in systems.values()]
        self._stopped = asyncio.Event()

    def wake(self) -> None:
        """There is something new to look at."""
        for lane in self._lanes:
            lane.wake()

    def stop(self) -> None:
        """Begin no further look; `run` ends as soon as those under way are over."""
        self._stopped.set()
        for lane in self._lanes:
            lane.stop()

    async def run(self) -> None:
        """Look again and again, until stopped or cancelled. A failing ledger is waited for, never a reason to end."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record_again(), name="seawall recovery: verdicts")
            for lane in self._lanes:
                group.create_task(lane.run(), name=f"seawall recovery: {lane.system.name}")

    async def run_once(self) -> int:
        """Take up what is due, at most `recovery.batch` of each system, and see each through one look.

        Returns:
            How many operations were looked at.

        Raises:
            LedgerUnavailable: The ledger cannot be read or written.
        """
        await self.ledger.retry_unrecorded()
        rounds = (lane.round(lane.system.settings.recovery.batch) for lane in self._lanes)
        found = await asyncio.gather(*rounds, return_exceptions=True)
        for failed in found:
            if isinstance(failed, BaseException):
                raise failed
        return sum(looked for looked in found if isinstance(looked, int))

    async def _record_again(self) -> None:
        """Record what could not be recorded when it was concluded."""
        interval = min((system.settings.recovery.interval for system in self.systems.values()), default=1.0)
        while not self._stopped.is_set():
            try:
                await self.ledger.retry_unrecorded()
            except LedgerUnavailable as error:
                _log.warning("verdicts wait for the ledger: %s", error)
            except Exception:  # noqa: BLE001 -- whatever it was, the next time must come
                _log.exception("verdicts could not be recorded; they are tried again")
            try:
                async with asyncio.timeout(interval):
                    await self._stopped.wait()
            except TimeoutError:
                pass

    def _tell(self, operation: Operation, verdict: Verdict) -> None:
        for listener in self.listeners:
            try:
                listener(operation, verdict)
            except Exception:  # noqa: BLE001 -- a listener must not disturb recovery
                _log.exception("a listener of recovery failed")
