"""One episode: a scenario is played in virtual time, and judged."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.outcome import Applied, Outcome, Partial, Pending, Unknown
from ..effects import Effect
from ..virtual_time import run
from .history import History
from .memory import in_memory
from .recording import Step, nothing
from .scenario import Mishap, PlannedCall, Scenario
from .stage import Stage
from .strict import strict
from .subject import Sample, Subject
from .subjects import load_subject
from .verdicts import Judgement

Prepare = Callable[[Stage], None]
"""Changes a stage before anything happens on it: for planting bugs."""

_ASKS_AGAIN_AFTER = 5.0  # seconds
OLDER = 2.0  # seconds by which what is there is older than any call: vendors tell times apart by whole seconds


@dataclass(frozen=True, slots=True)
class Episode:
    """What became of a scenario.

    Args:
        scenario: The scenario.
        history: What was asked, told and sent.
        effects: What really happened, for each system.
        judgement: The checker's word.
    """

    scenario: Scenario
    history: History
    effects: Mapping[str, Sequence[Effect]]
    judgement: Judgement


def play(
    scenario: Scenario,
    subject: Subject | Mapping[str, Subject] | None = None,
    *,
    step: Step = nothing,
    prepare: Prepare | None = None,
) -> Episode:
    """Play a scenario to its end, heal everything, let recovery finish, and judge.

    Args:
        scenario: The scenario.
        subject: What is tried; the scenario's own, loaded by its name, if None.
        step: Awaited at each named step of an operation.
        prepare: Changes the stage before anything happens.

    Raises:
        LookupError: There is no such subject.
        NotInjectedError: Something took time, chance, an id or a connection from outside.
        SimulationStuckError: Something waits for ever.
    """
    given = load_subject(scenario.subject) if subject is None else subject
    tried = given.values() if isinstance(given, Mapping) else [given]
    packages = {type(one).__module__.partition(".")[0] for one in tried}
    with tempfile.TemporaryDirectory(prefix="seawall-chaos-", dir=in_memory()) as folder, strict(*sorted(packages)):
        return run(_Play(scenario, given, Path(folder), step, prepare).run())


class _Play:
    def __init__(self, scenario: Scenario, subject: Any, folder: Path, step: Step, prepare: Prepare | None) -> None:
        self.scenario = scenario
        self.stage = Stage(subject, scenario.plan, folder=folder, seed=scenario.seed, step=step, people=scenario.people)
        self._prepare = prepare

    async def run(self) -> Episode:
        scenario, stage = self.scenario, self.stage
        async with stage:
            if self._prepare is not None:
                self._prepare(stage)
            samples = [await stage.sample(call.action, call.sample, call.system) for call in scenario.calls]
            for _ in range(scenario.workers):
                await stage.start_worker()
            await stage.clock.sleep(OLDER)
            began = stage.clock.monotonic()
            clients: dict[int, list[tuple[PlannedCall, Sample]]] = {}
            for call, sample in zip(scenario.calls, samples, strict=True):
                clients.setdefault(call.client, []).append((call, sample))
            for mishap in scenario.mishaps:
                stage.client.begin(self._mishap(mishap, began))
            await asyncio.gather(*(self._client(number, todo, began) for number, todo in clients.items()))
            await stage.client.over()
            stage.heal()
            await stage.settle()
            history, effects = stage.history(), stage.effects()
            return Episode(scenario, history, effects, stage.judge())

    async def _client(self, number: int, todo: list[tuple[PlannedCall, Sample]], began: float) -> None:
        seen: dict[Any, str] = {}
        for call, planned in todo:
            await self._until(began + call.at)
            place, sample = (call.system, call.action, call.sample), planned
            if call.newer:
                await self.stage.clock.sleep(OLDER)
                following = None if place not in seen else await self.stage.newer(call.action, call.sample, call.system)
                if following is None:
                    continue
                sample = following
            for turn in range(call.again + 1):
                worker = await self.stage.client.alive(call.worker + turn)
                outcome = await self.stage.call(
                    worker,
                    call.action,
                    sample,
                    system=call.system,
                    client=f"c{number}",
                    deadline=call.deadline,
                    request=sample.reworded if call.reworded else None,
                    gives_up_after=call.gives_up_after,
                    supersedes=(seen[place],) if call.newer else (),
                )
                if isinstance(outcome, Applied) and not call.newer:
                    seen[place] = self.stage.journal.operation(outcome.operation_id)
                if outcome is not None and not _in_doubt(outcome):
                    break
                await self.stage.clock.sleep(_ASKS_AGAIN_AFTER)

    async def _mishap(self, mishap: Mishap, began: float) -> None:
        client = self.stage.client
        await self._until(began + mishap.at)
        worker = await client.alive(mishap.worker)
        if mishap.what == "pause":
            await client.pause(worker, mishap.seconds)
        else:
            await client.crash(worker, mishap.seconds)

    async def _until(self, moment: float) -> None:
        await self.stage.clock.sleep(moment - self.stage.clock.monotonic())


def _in_doubt(outcome: Outcome[Any]) -> bool:
    if isinstance(outcome, Partial):
        return any(_in_doubt(item) for item in outcome.items)
    return isinstance(outcome, Unknown | Pending)
