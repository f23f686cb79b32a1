"""What many episodes came to, in figures that can be added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .entries import Wire
from .episode import Episode
from .history import History
from .scenario import Scenario
from .verdicts import Invariant, Judgement, Reached, Result

MOST_KEPT = 20
"""Failing scenarios that are kept; the others are only counted."""

ENOUGH_CALLS = 20
"""A write that never happens in so many calls is one of which nothing was proven."""


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
        planned: How often faults were planned, by point and kind.
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
    planned: Counter[tuple[str, str]] = field(default_factory=Counter)
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
        self.struck.update((wire.point, wire.kind, worst) for wire in wires if wire.fault)
        self.planned.update((fault["point"], fault["kind"]) for fault in history.setting.plan.get("faults", ()))
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
        self.reached.update(other.reached)
        self.failures += other.failures[: MOST_KEPT - len(self.failures)]

    @property
    def green(self) -> bool:
        """Whether every promise held."""
        return not self.broken

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
