"""Seeded schedules of faults, agents and crashes in virtual time; judged by the effects in the target.

Each seed is a world of its own: many agents that repeat themselves, a wire that loses, delays and refuses, workers
that are cut off in the middle of anything, and recovery. At the end, what callers were told is held against what
happened.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.toy import VARIANTS, AddNote, AddNotes, Target, variant
from support.virtual import sources, toy_wall, virtual

from seawall import Applied, Partial, Rejected
from seawall.core.adapter import Absent, Finding
from seawall.core.decide import Doubt, SendAgain, Step, next_step
from seawall.core.identity import identify
from seawall.core.ledger.records import Status
from seawall.core.outcome import Outcome

SHORT, LONG = 6, 60  # seeds for each dedupe means

FAULTS = {
    "ok": 40,
    "lost before": 10,
    "lost after": 12,
    "late:2": 6,
    "late:40": 4,
    "no connection": 6,
    "refused": 4,
    "throttled:1": 4,
    "hang": 4,
    "hang after": 4,
    "bug": 2,
    "nonsense": 2,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        count = LONG if metafunc.config.getoption("--chaos-long") else SHORT
        metafunc.parametrize("seed", range(count))


class World:
    """One seed: what was asked, what was told, and what happened."""

    def __init__(self, folder: Path, name: str, seed: int) -> None:
        self.folder = folder
        self.name = name
        self.random = random.Random(f"{name} {seed}")
        self.target = Target(sources().clock)
        self.told: dict[str, list[Outcome[Any]]] = {}
        self.lives = 0

    def wall(self, **settings: Any) -> Any:
        """A new life of the process, on the same ledger and target."""
        self.lives += 1
        return toy_wall(
            self.folder,
            target=self.target,
            action=variant(self.name),
            seed=self.random.randrange(2**32),
            attempt_timeout=5.0,
            horizon=None if variant(self.name).horizon is None else 60.0,
            breaker={"failures": 20, "reset_after": 5.0},
            **settings,
        )

    def faults(self, count: int) -> list[str]:
        return self.random.choices(list(FAULTS), weights=list(FAULTS.values()), k=count)

    async def agent(self, wall: Any, references: list[str]) -> None:
        """Asks, repeats itself, rewords, and asks in batches."""
        for reference in references:
            await asyncio.sleep(self.random.uniform(0, 3))
            if self.random.random() < 0.2:
                chosen = [reference, *self.random.sample(references, k=min(2, len(references)))]
                notes = tuple(AddNote(reference=one) for one in dict.fromkeys(chosen))
                whole = self.random.random() < 0.3
                outcome = await wall.toy.add_notes(AddNotes(notes=notes, all_or_none=whole), deadline=20.0)
                if isinstance(outcome, Partial):
                    for note, item in zip(notes, outcome.items, strict=True):
                        self.told.setdefault(note.reference, []).append(item)
                continue
            self.told.setdefault(reference, []).append(
                await wall.toy.add_note(AddNote(reference=reference), deadline=20.0)
            )

    async def live(self, references: list[str], *, cut_off_after: float | None) -> None:
        """Let agents work in one process; it may be cut off, and what it was about to record is lost."""
        async with self.wall(background=True) as (wall, _, _):
            agents = [asyncio.ensure_future(self.agent(wall, self.random.sample(references, 6))) for _ in range(5)]
            _, running = await asyncio.wait(agents, timeout=cut_off_after)
            if running:
                wall.ledger.finish_soon = lambda verdicts: None  # the cut
            for agent in running:
                agent.cancel()
            await asyncio.gather(*agents, return_exceptions=True)

    def violations(self, operations: list[Any], ids: dict[str, str]) -> list[str]:
        """What is not as it was told; empty when every promise held."""
        effects = Counter(effect.key for effect in self.target.effects)
        found = [f"duplicate: {key} happened {count} times" for key, count in effects.items() if count > 1]
        for operation in operations:
            if operation.status in (Status.RUNNING, Status.UNKNOWN):
                found.append(f"unresolved: {operation.identity}")
            if operation.status is Status.APPLIED and not effects[operation.key]:
                found.append(f"lost: {operation.identity}")
            if operation.status is Status.REJECTED and effects[operation.key]:
                found.append(f"phantom failure: {operation.identity}")
        for reference, outcomes in self.told.items():
            if any(isinstance(outcome, Applied) for outcome in outcomes) and not effects[ids[reference]]:
                found.append(f"told applied, but nothing happened: {reference}")
            if outcomes and isinstance(outcomes[-1], Rejected) and outcomes[-1].error.code != "all_or_nothing_mixed":
                last = next(operation for operation in operations if operation.key == ids[reference])
                if effects[ids[reference]] and last.epoch == 1:
                    found.append(f"told rejected, but it happened: {reference}")
        return found


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_no_schedule_breaks_a_promise(tmp_path: Path, name: str, seed: int) -> None:
    @virtual
    async def scenario() -> None:
        world = World(tmp_path, name, seed)
        references = [f"R-{number}" for number in range(12)]
        for _ in range(world.random.randint(1, 3)):
            world.target.script = world.faults(60)
            await world.live(references, cut_off_after=world.random.choice([None, 2.0, 7.0, 15.0]))
        world.target.script = []
        async with world.wall(background=True, recovery={"attempts": 5}) as (wall, _, _):
            await wall.settle(timeout=3600.0)
            operations = await wall.ledger.find(limit=1000)
        ids = {one: identify("toy", variant(name), AddNote(reference=one)).key for one in references}
        assert world.violations(operations, ids) == []

    scenario()


def test_pipeline_that_sends_again_inside_the_horizon_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge's own test: a planted bug must be found by the same schedules."""

    def hasty(doubt: Doubt, finding: Finding | None) -> Step:
        return SendAgain("it is not there") if isinstance(finding, Absent) else next_step(doubt, finding)

    monkeypatch.setattr("seawall.core.write.next_step", hasty)
    monkeypatch.setattr("seawall.core.examination.next_step", hasty)

    def all_seeds() -> None:
        for seed in range(SHORT):
            folder = tmp_path / str(seed)
            folder.mkdir()
            test_no_schedule_breaks_a_promise(folder, "marker", seed)

    with pytest.raises(AssertionError, match="duplicate"):
        all_seeds()
