"""Chooses the fault that befalls each request, repeatably, and counts which faults fired."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from .faults import Fault, Plan, PlanError, nearest
from .kinds import KINDS, Lane
from .origin import PREPARING
from .vocabulary import HTTP, NOUNS, SQL, Traits


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a fault can be chosen by.

    Args:
        system: Name of the simulator.
        operation: Its name of the operation.
        lane: read, write or auth.
        batch: Number of items, or 0 when the call is no batch.
        sent: What was sent, in parts: address and body. Faults that are triggered by a key look for it there.
        number: Number of the request, as its effects name it; 0 where they name none.
    """

    system: str
    operation: str
    lane: Lane
    batch: int = 0
    sent: tuple[str | bytes, ...] = ()
    number: int = 0

    def holds(self, key: str) -> bool:
        """Whether a text is in what was sent."""
        raw = key.encode()
        return any(key in part if isinstance(part, str) else raw in part for part in self.sent)


class FaultInjector:
    """Chooses the fault, if any, that befalls each request, and keeps count.

    Args:
        plan: The plan, or None for no faults.
        system: Name of the simulator; faults that name another system are left to that one.
        operations: The simulator's operations and the lane of each; names are checked against it.
        batches: Those of them that can have several items.
        traits: What the simulator is; if None a database where it has a ``commit``, and else a system behind HTTP.
        now: The simulator's clock, in seconds; windows and `heal_at` count from the creation of the injector.

    Raises:
        PlanError: A fault names an operation that the simulator does not have, or that its kind never befalls, or is
            of a kind that the simulator cannot carry out.
    """

    def __init__(
        self,
        plan: Plan | None,
        *,
        system: str,
        operations: Mapping[str, Lane],
        batches: Collection[str] = (),
        traits: Traits | None = None,
        now: Callable[[], float],
    ) -> None:
        self.plan = plan or Plan()
        self._now = now
        self._started = now()
        self._healed = False
        known = traits if traits is not None else SQL if "commit" in operations else HTTP
        self._system, self._operations, self._batches, self._traits = system, operations, batches, known
        own = [
            fault
            for fault in self.plan.faults
            if fault.match.system in (None, system) and not KINDS[fault.kind].client_side
        ]
        for fault in own:
            _check(fault, system, operations, batches, known)
        self.own = tuple(own)
        """The plan's faults for this system."""
        self._watched = [_Watched(fault, self.plan.seed, known) for fault in own]
        self.watch: Callable[[RequestFacts, Fault | None], None] | None = None
        """Told each request and the fault that it gets, if there is one to tell."""
        self.suspended = False
        """While it is True no request counts or meets a fault: for whoever prepares something."""

    @property
    def system(self) -> str:
        """The name by which a plan may mean this system."""
        return self._system

    @property
    def fired(self) -> dict[str, int]:
        """How often each fault of this system fired, by its id; 0 for those that never did."""
        return {watched.fault.id: watched.fired for watched in self._watched}

    def never_fired(self) -> tuple[str, ...]:
        """Ids of the faults that were planned and never fired, so that no one counts them as survived."""
        return tuple(name for name, count in self.fired.items() if count == 0)

    def select(self, facts: RequestFacts) -> Fault | None:
        """The fault for this request, or None. Every matching fault draws, whoever is chosen."""
        if self.suspended or PREPARING.get():
            return None
        age = self._now() - self._started
        if self.plan.heal_at is not None and age >= self.plan.heal_at:
            self._healed = True
        chosen: _Watched | None = None
        for watched in self._watched:
            if (
                watched.matches(facts)
                and watched.triggers(age, facts)
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

    def plant(self, fault: Fault) -> Callable[[], None]:
        """Add a fault while the system runs; the answer takes it out again.

        Raises:
            PlanError: It can never befall this system.
        """
        _check(fault, self._system, self._operations, self._batches, self._traits)
        planted = _Watched(fault, self.plan.seed, self._traits)
        self._watched.append(planted)

        def take_out() -> None:
            planted.over = True

        return take_out

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

    def __init__(self, fault: Fault, seed: int, traits: Traits) -> None:
        self.fault = fault
        self._traits = traits
        self.seen = 0
        self.fired = 0
        self.over = False
        self.trigger_stream = random.Random(f"{seed}/{fault.id}")  # noqa: S311 - repeatable on purpose
        self.items_stream = random.Random(f"{seed}/{fault.id}/items")  # noqa: S311 - repeatable on purpose
        self._kind = KINDS[fault.kind]
        self._lanes = self._kind.lanes_at(fault.point)
        self._known: dict[tuple[str, Lane, bool], bool] = {}

    @property
    def left(self) -> bool:
        return not self.over and (self.fault.times is None or self.fired < self.fault.times)

    def matches(self, facts: RequestFacts) -> bool:
        what = (facts.operation, facts.lane, facts.batch > 0)
        if (known := self._known.get(what)) is None:  # every request is held against every fault
            known = self._known[what] = self._befalls(*what)
        return known

    def _befalls(self, operation: str, lane: Lane, batch: bool) -> bool:  # noqa: FBT001 -- a part of a key
        match = self.fault.match
        return (
            lane in self._lanes
            and match.lane in (None, lane)
            and (match.operation is None or operation in match.operations)
            and (batch or not self._kind.batches)
            and self._kind.befalls(self._traits, operation, self.fault.point)
        )

    def triggers(self, age: float, facts: RequestFacts) -> bool:
        self.seen += 1
        return self.fault.trigger.fires(self.seen, age, self.trigger_stream.random, facts.holds)


def _check(fault: Fault, system: str, operations: Mapping[str, Lane], batches: Collection[str], traits: Traits) -> None:
    if problem := _misfit(fault, system, operations, batches, traits):
        raise PlanError(f"fault {fault.id!r} can never fire: {problem}")


def _misfit(
    fault: Fault, system: str, operations: Mapping[str, Lane], batches: Collection[str], traits: Traits
) -> str | None:
    """Why a fault can never befall a system, as a sentence that says what to do; None if it can."""
    kind = KINDS[fault.kind]
    if traits.keys().isdisjoint(kind.traits):
        nouns = " or ".join(NOUNS[trait] for trait in kind.traits)
        return f"{fault.kind} befalls {nouns}, and {system} is none"
    if fault.point == "before_commit" and "transactions" not in traits:
        return f"{system} has no transactions that could be rolled back; set point to apply or after_commit"
    if fault.trigger.key is not None and "sql" in traits:
        return "the values of a statement are not searched for a key; use nth, first or probability"
    able = [name for name in operations if kind.befalls(traits, name, fault.point)]
    for name in fault.match.operations:
        if name not in operations:
            return f"{system} has no operation {name!r}{nearest(name, operations)}"
        lanes = kind.lanes_at(fault.point) if fault.match.lane is None else (fault.match.lane,)
        if operations[name] not in lanes:
            return (
                f"{name} is in the {operations[name]} lane and the fault is for {' or '.join(lanes)}; "
                "change match or kind"
            )
        if kind.batches and name not in batches:
            return f"{name} has no items; set match.operation to one of {', '.join(sorted(batches))}"
        if name not in able:
            return f"{fault.kind} at {fault.point} never befalls {name}; set match.operation to {' or '.join(able)}"
    return None
