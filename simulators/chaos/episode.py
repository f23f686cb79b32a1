"""One episode: a scenario is played in virtual time, and judged."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.outcome import Outcome, Partial, Pending, Unknown
from ..effects import Effect
from ..origin import outside
from ..virtual_time import run
from .history import History
from .memory import in_memory
from .recording import Step, nothing
from .scenario import Mishap, PlannedCall, Scenario
from .stage import Stage
from .subject import Sample, Subject
from .subjects import load_subject
from .verdicts import Judgement
from .worker import Worker

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
        SimulationStuckError: Something waits for ever.
    """
    given = load_subject(scenario.subject) if subject is None else subject
    with tempfile.TemporaryDirectory(prefix="seawall-chaos-", dir=in_memory()) as folder:
        return run(_Play(scenario, given, Path(folder), step, prepare).run())


class _Play:
    def __init__(self, scenario: Scenario, subject: Any, folder: Path, step: Step, prepare: Prepare | None) -> None:
        self.scenario = scenario
        self.stage = Stage(subject, scenario.plan, folder=folder, seed=scenario.seed, step=self._at_step)
        self._prepare = prepare
        self._step = step
        self._revived = asyncio.Event()
        self._at_steps = [mishap for mishap in scenario.mishaps if mishap.step is not None]
        self._come_to: Counter[Mishap] = Counter()
        self._under_way: set[asyncio.Task[None]] = set()
        self._began = 0.0

    async def run(self) -> Episode:
        scenario, stage = self.scenario, self.stage
        async with stage:
            if self._prepare is not None:
                self._prepare(stage)
            samples = [await stage.sample(call.action, call.sample, call.system) for call in scenario.calls]
            for _ in range(scenario.workers):
                await stage.start_worker()
            await stage.clock.sleep(OLDER)
            began = self._began = stage.clock.monotonic()
            clients: dict[int, list[tuple[PlannedCall, Sample]]] = {}
            for call, sample in zip(scenario.calls, samples, strict=True):
                clients.setdefault(call.client, []).append((call, sample))
            for mishap in scenario.mishaps:
                if mishap.step is None:
                    self._begin(self._at_its_time(mishap))
            await asyncio.gather(*(self._client(number, todo, began) for number, todo in clients.items()))
            while self._under_way:
                await asyncio.gather(*self._under_way)
            stage.heal()
            self._at_steps.clear()
            await stage.settle()
            history, effects = stage.history(), stage.effects()
            return Episode(scenario, history, effects, stage.judge())

    async def _client(self, number: int, todo: list[tuple[PlannedCall, Sample]], began: float) -> None:
        for call, sample in todo:
            await self._until(began + call.at)
            for turn in range(call.again + 1):
                worker = await self._worker(call.worker + turn)
                outcome = await self.stage.call(
                    worker,
                    call.action,
                    sample,
                    system=call.system,
                    client=f"c{number}",
                    deadline=call.deadline,
                    request=sample.reworded if call.reworded else None,
                    gives_up_after=call.gives_up_after,
                )
                if outcome is not None and not _in_doubt(outcome):
                    break
                await self.stage.clock.sleep(_ASKS_AGAIN_AFTER)

    def _begin(self, mishap: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(mishap, context=outside())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _at_its_time(self, mishap: Mishap) -> None:
        await self._until(self._began + mishap.at)
        await self._happen(mishap, await self._worker(mishap.worker))

    async def _at_step(self, step: str, name: str, action: str) -> None:
        await self._step(step, name, action)
        for mishap in self._at_steps:
            if mishap.step != step or self.stage.clock.monotonic() < self._began + mishap.at:
                continue
            self._come_to[mishap] += 1
            if self._come_to[mishap] == mishap.nth:
                worker = next(worker for worker in self.stage.workers if worker.name == name)
                self._begin(self._happen(mishap, worker))
                await asyncio.sleep(0)  # it ends, or stands still, right here

    async def _happen(self, mishap: Mishap, worker: Worker) -> None:
        stage = self.stage
        if mishap.what == "pause":
            stage.pause(worker)
            await stage.clock.sleep(mishap.seconds)
            stage.resume(worker)
            return
        stage.kill(worker)
        await stage.clock.sleep(mishap.seconds)
        await stage.start_worker()
        self._revived.set()

    async def _worker(self, place: int) -> Worker:
        """One of the processes that are alive; waits for one if there is none."""
        while not (alive := [worker for worker in self.stage.workers if worker.alive]):
            self._revived.clear()
            await self._revived.wait()
        return alive[place % len(alive)]

    async def _until(self, moment: float) -> None:
        await self.stage.clock.sleep(moment - self.stage.clock.monotonic())


def _in_doubt(outcome: Outcome[Any]) -> bool:
    if isinstance(outcome, Partial):
        return any(_in_doubt(item) for item in outcome.items)
    return isinstance(outcome, Unknown | Pending)
