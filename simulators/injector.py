"""Chooses the fault that befalls each request, repeatably, and counts which faults fired."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from .faults import Fault, Plan, PlanError, nearest
from .kinds import KINDS, Lane


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a fault can be chosen by.

    Args:
        system: Name of the simulator.
        operation: Its name of the operation.
        lane: read, write or auth.
        batch: Number of items, or 0 when the call is no batch.
    """

    system: str
    operation: str
    lane: Lane
    batch: int = 0


class FaultInjector:
    """Chooses the fault, if any, that befalls each request, and keeps count.

    Args:
        plan: The plan, or None for no faults.
        system: Name of the simulator; faults that name another system are left to that one.
        operations: The simulator's operations and the lane of each; names are checked against it.
        batches: Those of them that can have several items.
        now: The simulator's clock, in seconds; windows and `heal_at` count from the creation of the injector.

    Raises:
        PlanError: A fault names an operation that the simulator does not have, or that its kind never befalls.
    """

    def __init__(
        self,
        plan: Plan | None,
        *,
        system: str,
        operations: Mapping[str, Lane],
        batches: Collection[str] = (),
        now: Callable[[], float],
    ) -> None:
        self.plan = plan or Plan()
        self._now = now
        self._started = now()
        self._healed = False
        own = [fault for fault in self.plan.faults if fault.match.system in (None, system)]
        for fault in own:
            _check(fault, system, operations, batches)
        self._watched = [_Watched(fault, self.plan.seed) for fault in own]
        self.watch: Callable[[RequestFacts, Fault | None], None] | None = None
        """Told each request and the fault that it gets, if there is one to tell."""
        self.suspended = False
        """While it is True no request counts or meets a fault: for whoever prepares something."""

    @property
    def fired(self) -> dict[str, int]:
        """How often each fault of this system fired, by its id; 0 for those that never did."""
        return {watched.fault.id: watched.fired for watched in self._watched}

    def never_fired(self) -> tuple[str, ...]:
        """Ids of the faults that were planned and never fired, so that no one counts them as survived."""
        return tuple(name for name, count in self.fired.items() if count == 0)

    def select(self, facts: RequestFacts) -> Fault | None:
        """The fault for this request, or None. Every matching fault draws, whoever is chosen."""
        if self.suspended:
            return None
        age = self._now() - self._started
        if self.plan.heal_at is not None and age >= self.plan.heal_at:
            self._healed = True
        chosen: _Watched | None = None
        for watched in self._watched:
            if (
                watched.matches(facts)
                and watched.triggers(age)
                and chosen is None
                and not self._healed
                and watched.left
            ):
                chosen = watched
        if chosen is not None:
            chosen.fired += 1
        fault = None if chosen is None else chosen.fault
        if self.watch is not None:
            self.watch(facts, fault)
        return fault

    def heal(self) -> None:
        """Let no fault fire any more, from now on."""
        self._healed = True

    def victims(self, fault: Fault, batch: int) -> tuple[int, ...]:
        """Which items of a batch a ``partial_batch`` fault fails: `k` of them or a `fraction`, drawn from the seed."""
        k = fault.param("k")
        count = round(fault.param("fraction") * batch) if k is None else k
        count = min(batch, max(1, count))
        watched = next(w for w in self._watched if w.fault is fault)
        return tuple(sorted(watched.items_stream.sample(range(batch), count)))


class _Watched:
    """A fault with its counters and its two random streams: one for its trigger, one for its choice of items."""

    def __init__(self, fault: Fault, seed: int) -> None:
        self.fault = fault
        self.seen = 0
        self.fired = 0
        self.trigger_stream = random.Random(f"{seed}/{fault.id}")  # noqa: S311 - repeatable on purpose
        self.items_stream = random.Random(f"{seed}/{fault.id}/items")  # noqa: S311 - repeatable on purpose
        self._lanes = KINDS[fault.kind].lanes
        self._batches = KINDS[fault.kind].batches

    @property
    def left(self) -> bool:
        return self.fault.times is None or self.fired < self.fault.times

    def matches(self, facts: RequestFacts) -> bool:
        match = self.fault.match
        return (
            facts.lane in self._lanes
            and match.lane in (None, facts.lane)
            and (match.operation is None or facts.operation in match.operations)
            and (facts.batch > 0 or not self._batches)
        )

    def triggers(self, age: float) -> bool:
        self.seen += 1
        trigger = self.fault.trigger
        if trigger.nth is not None:
            return self.seen == trigger.nth
        if trigger.every is not None:
            return self.seen % trigger.every == 0
        if trigger.first is not None:
            return self.seen <= trigger.first
        if trigger.window is not None:
            return trigger.window[0] <= age < trigger.window[1]
        if trigger.probability is not None:
            return self.trigger_stream.random() < trigger.probability
        return True


def _check(fault: Fault, system: str, operations: Mapping[str, Lane], batches: Collection[str]) -> None:
    if KINDS[fault.kind].databases and "commit" not in operations:
        raise PlanError(f"fault {fault.id!r} can never fire: {fault.kind} befalls databases, and {system} is none")
    for name in fault.match.operations:
        if name not in operations:
            raise PlanError(
                f"fault {fault.id!r} can never fire: {system} has no operation {name!r}{nearest(name, operations)}"
            )
        lanes = KINDS[fault.kind].lanes if fault.match.lane is None else (fault.match.lane,)
        if operations[name] not in lanes:
            raise PlanError(
                f"fault {fault.id!r} can never fire: {name} is in the {operations[name]} lane "
                f"and the fault is for {' or '.join(lanes)}; change match or kind"
            )
        if KINDS[fault.kind].batches and name not in batches:
            raise PlanError(
                f"fault {fault.id!r} can never fire: {name} has no items; "
                f"set match.operation to one of {', '.join(sorted(batches))}"
            )
