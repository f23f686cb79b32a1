"""Faults in the client's own process: a plan's faults at `call` and at the steps of an operation, chosen and counted.

This module chooses; whoever runs the processes carries out:

`crash` at a step
    The process is killed right there: nothing that comes after the step happens, nothing is tidied up, and what was
    sent goes on at the target. A new process on the same ledger takes its place after `seconds`.
`pause` at a step
    No task of the process runs for `seconds`; timers that come due meanwhile wait. Then it goes on with the step. It is
    the whole process, not the one operation.
`cancel` at `call` or at a step
    The task that the caller waits on is cancelled `seconds` later. What was sent stays sent, and the caller hears
    nothing.
`short_deadline` at `call`
    The call gets `seconds` as its deadline in place of what the client wanted.
`two_workers` at `call`
    The same request is made to another process `seconds` later, and both are waited for.
`ledger_write_fails` at `before_journal` and `before_record`
    The write raises the ledger's own error (`error`: `disk_full`, `locked`, `io_error`), and nothing of it is kept.
`clock_jump` at `call` or at a step
    The machine's wall clock is `by` seconds ahead of what it was from there on, for all of its processes; their
    monotonic clocks are as they were.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping

from ..faults import Fault, Plan, PlanError, nearest
from ..vocabulary import Point


class ClientFaults:
    """Chooses the fault, if any, that befalls each step of an operation in the client's process, and keeps count.

    Args:
        plan: The plan; its faults at systems are left to those.
        seed: Seed in place of the plan's own.
        actions: System name → its actions; names are checked against them. None leaves them unchecked.
        started: The time from which windows and `heal_at` count, in seconds.

    Raises:
        PlanError: A fault names a system or an action that is not there.
    """

    def __init__(
        self,
        plan: Plan | None,
        *,
        seed: int | None = None,
        actions: Mapping[str, Collection[str]] | None = None,
        started: float = 0.0,
    ) -> None:
        self.plan = plan or Plan()
        own = tuple(fault for fault in self.plan.faults if fault.client_side)
        self._actions = actions
        for fault in own:
            self._check(fault)
        self._watched = [_Watched(fault, self.plan.seed if seed is None else seed) for fault in own]
        self._started = started
        self._healed = False
        self.suspended = False
        """While it is True no step counts or meets a fault: for whoever prepares something."""

    @property
    def own(self) -> tuple[Fault, ...]:
        """The plan's faults of the client side."""
        return tuple(watched.fault for watched in self._watched)

    @property
    def fired(self) -> dict[str, int]:
        """How often each fault fired, by its id; 0 for those that never did."""
        return {watched.fault.id: watched.fired for watched in self._watched}

    def never_fired(self) -> tuple[str, ...]:
        """Ids of the faults that were planned and never fired."""
        return tuple(name for name, count in self.fired.items() if count == 0)

    def at(self, step: Point, worker: str, system: str, operation: str, now: float) -> Fault | None:
        """The fault that strikes at a step, or None. Every matching fault draws, whoever is chosen.

        Args:
            step: `call`, or a step of an operation.
            worker: Name of the process.
            system: Name of the system that is called.
            operation: Name of the action.
            now: The time, in seconds, on the clock of `started`.
        """
        if self.suspended:
            return None
        age = now - self._started
        if self.plan.heal_at is not None and age >= self.plan.heal_at:
            self._healed = True
        chosen: _Watched | None = None
        for watched in self._watched:
            wants = watched.matches(step, worker, system, operation) and watched.triggers(age)
            if wants and chosen is None and not self._healed and watched.left:
                chosen = watched
        if chosen is None:
            return None
        chosen.fired += 1
        return chosen.fault

    def plant(self, fault: Fault) -> Callable[[], None]:
        """Add a fault while the processes run; the answer takes it out again.

        Raises:
            PlanError: It names a system or an action that is not there.
        """
        self._check(fault)
        planted = _Watched(fault, self.plan.seed)
        self._watched.append(planted)

        def take_out() -> None:
            planted.over = True

        return take_out

    def heal(self) -> None:
        """Let no fault fire any more, from now on."""
        self._healed = True

    def _check(self, fault: Fault) -> None:
        if self._actions is not None:
            _check(fault, self._actions)


class _Watched:
    """A fault with its counters and its random stream."""

    def __init__(self, fault: Fault, seed: int) -> None:
        self.fault = fault
        self.seen = 0
        self.fired = 0
        self.over = False
        self._stream = random.Random(f"{seed}/{fault.id}")  # noqa: S311 - repeatable on purpose

    @property
    def left(self) -> bool:
        return not self.over and (self.fault.times is None or self.fired < self.fault.times)

    def matches(self, step: Point, worker: str, system: str, operation: str) -> bool:
        match = self.fault.match
        return (
            step == self.fault.point
            and match.worker in (None, worker)
            and match.system in (None, system)
            and (match.operation is None or operation in match.operations)
        )

    def triggers(self, age: float) -> bool:
        self.seen += 1
        return self.fault.trigger.fires(self.seen, age, self._stream.random, lambda _: False)


def _check(fault: Fault, actions: Mapping[str, Collection[str]]) -> None:
    system = fault.match.system
    if system is not None and system not in actions:
        raise PlanError(f"fault {fault.id!r} can never fire: there is no system {system!r}{nearest(system, actions)}")
    known = {name for one in actions if system in (None, one) for name in actions[one]}
    for name in fault.match.operations:
        if name not in known:
            where = f"{system} has" if system is not None else "there is"
            raise PlanError(f"fault {fault.id!r} can never fire: {where} no action {name!r}{nearest(name, known)}")
