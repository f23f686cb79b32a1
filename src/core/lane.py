"""Recovery of one system: takes up what is due, a few operations at a time, and sees each through one look."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .clock import Sources
from .company import Company
from .errors import LedgerUnavailable
from .events import InCall
from .examination import Examination
from .ledger.records import Operation, Status, Verdict
from .observing import watched_look
from .pace import Pace
from .policy import Policy
from .recording import Recording, Told
from .system import System

if TYPE_CHECKING:
    from .ledger.store import Ledger

_log = logging.getLogger("seawall.recovery")

_BEHIND = 4  # verdicts that may wait for the ledger, for each place on the wire
_GRACE = 1.0  # seconds for looks to let go when recovery is cancelled


class Lane:
    """Recovery of one system, at its own pace.

    It holds no more than it is about to look at, so that other workers find the rest. While the system does not
    answer it takes up one operation at a time, and between two of those it waits longer and longer: one look is
    enough to find out whether the system is back. Probes draw on no retry budget; growing waits, `recovery.concurrency`
    and the rate limit bound them. A repetition is paid for like any retry.

    An operation whose processes ended while they held it, so often that once more would be one too many, is looked at
    when this process's recovery holds nothing else: should it end this process too, no other is blamed for it.

    Args:
        system: The system.
        ledger: The ledger.
        policy: What is sent again must still be allowed.
        sources: Clock, randomness and ids.
        company: Shared by all lanes of a process.
        told: Told of each verdict.
    """

    def __init__(
        self, system: System, ledger: Ledger, policy: Policy, sources: Sources, company: Company, told: Told
    ) -> None:
        self.system = system
        self._ledger = ledger
        self._policy = policy
        self._sources = sources
        self._clock = sources.clock
        self._company = company
        self._recording = Recording(ledger, sources.clock, told, self._cannot_record)
        self._settings = system.settings.recovery
        self._at_it = asyncio.Lock()
        self._woken = asyncio.Event()
        self._stopping = False
        self._waiting: deque[Operation] = deque()
        self._looks: set[asyncio.Task[None]] = set()
        self._under_way = 0  # looks whose verdict is not known yet; the others only wait for the ledger
        self._moved = asyncio.Event()
        self._suspects = False
        self._ledger_gone: LedgerUnavailable | None = None
        self._pace = Pace(system, sources, self.wake)

    def wake(self) -> None:
        """There is something new to look at, or a reason to stop."""
        self._woken.set()

    def stop(self) -> None:
        """Begin no further look."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Look again and again, until stopped or cancelled. Nothing that fails is a reason to end."""
        while not self._stopping:
            self._woken.clear()
            try:
                await self.round()
            except LedgerUnavailable as error:
                _log.warning("recovery of %s waits for the ledger: %s", self.system.name, error)
            except Exception:  # noqa: BLE001 -- whatever it was, the next round must come
                _log.exception("a round of recovery of %s failed; the next one goes on", self.system.name)
            await self._rest()

    async def round(self, most: int | None = None) -> int:
        """Look at what is due, until nothing is or the system does not answer.

        Args:
            most: Look at no more than so many.

        Returns:
            How many operations were looked at.

        Raises:
            LedgerUnavailable: The ledger cannot be read or written.
        """
        async with self._at_it:
            self._ledger_gone = None
            await self.system.paused(writes=False)  # looks, where nothing else does
            async with self._company.among():
                looked = await self._look_around(most)
            if self._suspects and self._may_go_on():
                async with self._company.alone():
                    looked += await self._look_at_a_suspect()
            if self._ledger_gone is not None:
                raise self._ledger_gone
            return looked

    async def _look_around(self, most: int | None) -> int:
        taken, ask_at = 0, 0.0
        try:
            while True:
                while self._waiting and self._has_place() and self._may_begin():
                    self._begin(self._waiting.popleft())
                left = 1 if most is None else most - taken
                if self._has_place() and left > 0 and self._may_claim() and self._clock.monotonic() >= ask_at:
                    if claimed := await self._claim(most=most and left):
                        taken += claimed
                        continue
                    ask_at = self._clock.monotonic() + self._settings.interval
                if not self._looks:
                    return taken
                await self._until_something_moved()
        except asyncio.CancelledError:
            await self._abandon()
            raise
        finally:
            left_over, self._waiting = list(self._waiting), deque()
            await self._release(left_over)

    def _has_place(self) -> bool:
        places = self._pace.places()
        return self._under_way < places and len(self._looks) < places + self._settings.concurrency * _BEHIND

    async def _until_something_moved(self) -> None:
        self._moved.clear()
        try:
            async with asyncio.timeout(self._settings.interval):
                await self._moved.wait()
        except TimeoutError:
            pass

    def _may_go_on(self) -> bool:
        return not self._stopping and self._ledger_gone is None and self._pace.held_back() <= 0

    def _may_begin(self) -> bool:
        return not self._company.wanted and self._may_go_on()

    def _may_claim(self) -> bool:
        return not (self._waiting or self._suspects) and self._may_begin()

    async def _claim(self, most: int | None) -> int:
        """Take up a handful; what must be looked at alone is given back."""
        limit = self._pace.handful()
        claimed = await self._claim_due(limit if most is None else min(limit, most))
        suspects = [operation for operation in claimed if self._is_suspect(operation)]
        self._suspects = bool(suspects)
        self._waiting.extend(operation for operation in claimed if not self._is_suspect(operation))
        await self._release(suspects)
        return len(claimed) - len(suspects)

    async def _claim_due(self, limit: int) -> list[Operation]:
        try:
            return await self._ledger.claim_due(
                limit=limit, system=self.system.name, attempt_timeout=self.system.settings.attempt_timeout
            )
        except LedgerUnavailable as error:
            self._ledger_gone = error
            return []

    def _is_suspect(self, operation: Operation) -> bool:
        return operation.orphaned == self._settings.crashes - 1

    async def _look_at_a_suspect(self) -> int:
        claimed = await self._claim_due(self._settings.batch)
        suspects = [operation for operation in claimed if self._is_suspect(operation)]
        await self._release([operation for operation in claimed if operation not in suspects[:1]])
        self._suspects = len(suspects) > 1
        for operation in suspects[:1]:
            self._begin(operation)
            try:
                await asyncio.wait(self._looks)
            except asyncio.CancelledError:
                await self._abandon()
                raise
        return len(suspects[:1])

    def _begin(self, operation: Operation) -> None:
        look = Examination(self.system, operation, self._ledger, self._policy, self._sources, self._pace.pay)
        concluded = False

        async def conclude() -> None:
            nonlocal concluded
            try:
                verdict = await watched_look(self.system.observer, self._seen(operation), look.verdict(), self._clock)
            except Exception as mistake:  # noqa: BLE001 -- one poisonous operation must not stop the others
                _log.exception("recovery of %s failed", operation.id)
                verdict = look.failed(mistake)
            concluded = True
            over_with()
            self._pace.heed(look.trouble, answered=look.answered)
            await self._recording.record(operation, verdict)

        def over_with() -> None:
            self._under_way -= 1
            self._moved.set()

        def over(task: asyncio.Task[None]) -> None:
            self._looks.discard(task)
            if not concluded:  # cancelled, perhaps before it began
                over_with()
                self._ledger.finish_soon([look.abandoned()])
            self._moved.set()

        task = asyncio.create_task(conclude(), name=f"seawall look at {operation.id}")
        self._looks.add(task)
        self._under_way += 1
        task.add_done_callback(over)

    def _seen(self, operation: Operation) -> InCall:
        action = self.system.adapter.actions.get(operation.action)
        return InCall(
            operation.system,
            operation.action,
            "" if action is None else str(action.effect),
            operation.principal,
            operation.trace_id,
            operation_id=operation.id,
        )

    def _cannot_record(self, error: LedgerUnavailable) -> None:
        self._ledger_gone = error

    async def _release(self, operations: Sequence[Operation]) -> None:
        """Give operations back as they were, due as before."""
        if not operations:
            return
        try:
            await self._ledger.finish([_untouched(operation) for operation in operations])
        except LedgerUnavailable as error:
            self._ledger_gone = error

    async def _abandon(self) -> None:
        """Let go of everything at once."""
        if self._waiting:
            self._ledger.finish_soon([_untouched(operation) for operation in self._waiting])
            self._waiting.clear()
        for look in self._looks:
            look.cancel()
        self._recording.hurry()
        if self._looks:
            await asyncio.wait(self._looks, timeout=_GRACE)

    async def _rest(self) -> None:
        if self._stopping or (self._suspects and self._may_go_on()):
            return
        pause = self._settings.interval * self._sources.random.uniform(0.8, 1.2)
        shortest = pause / 10
        due = await self._next_due()
        if (held_back := self._pace.held_back()) > 0:
            pause = min(pause, max(held_back, shortest))
            if due is not None and due <= self._clock.now():
                self._pace.announce()
        elif due is not None:
            # Not all at once, where several processes wait for the same moment.
            late = self._sources.random.uniform(0.0, shortest)
            pause = min(pause, max(due - self._clock.now() + late, shortest))
        # What was just recorded is due only after its first wait; looking at once would find nothing.
        await self._clock.sleep(shortest)
        try:
            async with asyncio.timeout(pause - shortest):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _next_due(self) -> float | None:
        try:
            return await self._ledger.next_due(system=self.system.name)
        except LedgerUnavailable:
            return None


def _untouched(operation: Operation) -> Verdict:
    return Verdict(
        operation_id=operation.id,
        epoch=operation.epoch,
        status=Status.UNKNOWN,
        error=operation.error,
        next_check_at=operation.next_check_at,
    )
