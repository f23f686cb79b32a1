"""What many episodes came to, in figures that can be added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..faults import DRAWN
from .entries import Wire
from .episode import Episode
from .history import History
from .scenario import Scenario
from .verdicts import Invariant, Judgement, Reached, Result

MOST_KEPT = 20
"""Failing scenarios that are kept; the others are only counted."""

ENOUGH_CALLS = 20
"""A write that never happens in so many calls is one of which nothing was proven."""


class Planned(NamedTuple):
    """A fault that was planned.

    Args:
        point: Where in the call.
        kind: What happens.
        name: Its id; empty for one that was drawn, which is told by its point and kind.
    """

    point: str
    kind: str
    name: str


def planned_in(history: History) -> Iterator[tuple[str, Planned]]:
    """The faults of an episode's plan, each with its id."""
    plan: Mapping[str, Any] = history.setting.plan
    for fault in plan.get("faults", ()):
        name = fault.get("id", "")
        yield name, Planned(fault["point"], fault["kind"], "" if plan.get("description") == DRAWN else name)


@dataclass(slots=True)
class Tally:
    """Figures of some episodes of one subject.

    Args:
        episodes: How many.
        operations: Logical writes that were asked for.
        calls: Calls of clients.
        sent: Write attempts given to the adapter.
        requests: Write requests that reached the target.
        parked: Operations that wait for a person at the end.
        broken: How often each invariant did not hold.
        struck: How often faults struck, by point, kind and the episode's verdict.
        planned: How often each fault was planned.
        fired: In how many episodes each of them struck.
        unclear: In how many episodes one could not say whether an invariant held.
        reached: How often each row of the truth table was reached.
        failures: Scenarios that broke something.
    """

    episodes: int = 0
    operations: int = 0
    calls: int = 0
    sent: int = 0
    requests: int = 0
    parked: int = 0
    broken: Counter[Invariant] = field(default_factory=Counter)
    struck: Counter[tuple[str, str, Result]] = field(default_factory=Counter)
    planned: Counter[Planned] = field(default_factory=Counter)
    fired: Counter[Planned] = field(default_factory=Counter)
    unclear: Counter[Invariant] = field(default_factory=Counter)
    reached: Counter[Reached] = field(default_factory=Counter)
    failures: list[Scenario] = field(default_factory=list)

    def add(self, episode: Episode) -> None:
        """Count one episode."""
        self.count(episode.history, episode.judgement)
        if (broken := episode.judgement.broken) and len(self.failures) < MOST_KEPT:
            self.failures.append(episode.scenario.model_copy(update={"broke": tuple(map(int, broken))}))

    def count(self, history: History, judgement: Judgement) -> None:
        """Count an episode of which only this is left."""
        worst = judgement.worst
        wires = history.of(Wire)
        self.episodes += 1
        self.operations += len(history.setting.wanted)
        self.calls += judgement.calls
        self.sent += judgement.sent
        self.requests += sum(1 for wire in wires if wire.lane == "write")
        self.parked += len(judgement.parked)
        for verdict in judgement.verdicts:
            if verdict.result == "invalid":
                self.broken[verdict.invariant] += max(1, len(verdict.witnesses))
            elif verdict.result == "unknown":
                self.unclear[verdict.invariant] += 1
        self.struck.update((wire.point, wire.kind, worst) for wire in wires if wire.fault)
        struck = {wire.fault for wire in wires if wire.fault}
        planned = list(planned_in(history))
        self.planned.update(fault for _, fault in planned)
        self.fired.update(fault for name, fault in planned if name in struck)
        self.reached.update(judgement.reached)

    def merge(self, other: Tally) -> None:
        """Add the figures of others."""
        self.episodes += other.episodes
        self.operations += other.operations
        self.calls += other.calls
        self.sent += other.sent
        self.requests += other.requests
        self.parked += other.parked
        self.broken.update(other.broken)
        self.struck.update(other.struck)
        self.planned.update(other.planned)
        self.fired.update(other.fired)
        self.unclear.update(other.unclear)
        self.reached.update(other.reached)
        self.failures += other.failures[: MOST_KEPT - len(self.failures)]

    @property
    def green(self) -> bool:
        """Whether every promise held."""
        return not self.broken

    @property
    def idle(self) -> list[str]:
        """The faults that were planned and struck in no episode: their ids.

        Of drawn ones it is the points and kinds of which no fault struck at all.
        """
        kinds = {(point, kind) for point, kind, _ in self.struck}
        return sorted(
            f"{one.name} ({one.point}/{one.kind})" if one.name else f"{one.point}/{one.kind}"
            for one in self.planned.keys() - self.fired.keys()
            if one.name or (one.point, one.kind) not in kinds
        )

    @property
    def never_happened(self) -> dict[str, int]:
        """Writes that never happened, as `system.action`, with the number of calls, where there were enough of them."""
        calls: Counter[str] = Counter()
        happened: set[str] = set()
        for row, count in self.reached.items():
            calls[row.action] += count
            if row.truth != "not applied":
                happened.add(row.action)
        return {action: count for action, count in calls.items() if count >= ENOUGH_CALLS and action not in happened}

    @property
    def parked_share(self) -> float:
        """Which part of the operations waits for a person."""
        return self.parked / self.operations if self.operations else 0.0

    @property
    def amplification(self) -> float:
        """Write attempts for each operation."""
        return self.sent / self.operations if self.operations else 0.0
