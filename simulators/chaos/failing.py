"""A failure, looked into: played again, shrunk, and the smallest form of it kept as a file."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .entries import Wire
from .episode import Episode, Prepare, play
from .scenario import Scenario
from .shrink import Shrunk, shrink
from .subject import Subject
from .verdicts import Invariant, Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """A scenario that breaks an invariant, and the smallest one that still does.

    Args:
        invariant: The first invariant that it breaks; None where it breaks none.
        episode: The smallest scenario, played.
        shrunk: How small it became, and from what.
        seconds: How long that took, in real time.
    """

    invariant: Invariant | None
    episode: Episode
    shrunk: Shrunk
    seconds: float = 0.0

    @classmethod
    def as_it_is(cls, episode: Episode) -> Found:
        """An episode that is not shrunk."""
        struck = sum(1 for wire in episode.history.of(Wire) if wire.fault)
        shrunk = Shrunk(episode.scenario, len(episode.scenario.calls), struck, 1)
        return cls(next(iter(episode.judgement.broken), None), episode, shrunk)

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on its invariant."""
        if self.invariant is None:
            return None
        return next(one for one in self.episode.judgement.verdicts if one.invariant is self.invariant)

    @property
    def digest(self) -> str:
        """Names the smallest scenario, whatever the seed by which it was found."""
        return hashlib.sha256(json.dumps(_essence(self.shrunk.scenario)).encode()).hexdigest()[:8]

    def keep(self, folder: Path) -> Path:
        """Write the smallest scenario into a folder, which is made if it is not there; the answer is its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.shrunk.scenario.subject.rpartition(':')[2]}-{self.digest}.yaml"
        self.shrunk.scenario.save(path)
        return path


def _essence(scenario: Scenario) -> dict[str, Any]:
    """What is the same in scenarios that come to the same: names, and seeds of which nothing is drawn, are not."""
    shown = scenario.model_dump(mode="json", exclude={"note", "seed"})
    plan = shown["plan"]
    draws = any(fault.trigger.probability or fault.kind == "partial_batch" for fault in scenario.plan.faults)
    del plan["description"]
    for number, fault in enumerate(plan["faults"]):
        fault["id"] = fault["id"] if draws else number
    plan["seed"] = plan["seed"] if draws else 0
    for name in ("client", "sample"):
        numbers = {number: place for place, number in enumerate(dict.fromkeys(call[name] for call in shown["calls"]))}
        for call in shown["calls"]:
            call[name] = numbers[call[name]]
    return shown


def investigate(
    scenario: Scenario, subject: Subject | None = None, *, prepare: Prepare | None = None, most_runs: int = 400
) -> Found:
    """Play a scenario, and if it breaks an invariant find the smallest one that still breaks the same.

    Args:
        scenario: The scenario.
        subject: What is tried; the scenario's own if None.
        prepare: Changes each stage before anything happens on it.
        most_runs: How many scenarios may be played to shrink it.
    """
    began = time.perf_counter()
    episode = play(scenario, subject, prepare=prepare)
    found = Found.as_it_is(episode)
    if found.invariant is None:
        return found
    broken = found.invariant

    def fails(candidate: Scenario) -> bool:
        return broken in play(candidate, subject, prepare=prepare).judgement.broken

    shrunk = shrink(scenario, episode.history, fails, most_runs=most_runs)
    chosen = shrunk.scenario.plan.model_copy(update={"description": ""})  # each of its faults is needed
    smallest = shrunk.scenario.model_copy(update={"broke": (int(broken),), "plan": chosen})
    shrunk = replace(shrunk, scenario=smallest)
    return Found(broken, play(smallest, subject, prepare=prepare), shrunk, time.perf_counter() - began)
