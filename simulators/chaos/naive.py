"""The usual client, for comparison: it calls the same connector under the same faults, and retries what failed.

It knows nothing of effects: every error is a failure, a failure is tried again after a while, and when the tries are
used up it says that it failed. Each attempt has an identity of its own, as with a client that makes it up when it
sends. The same checker judges it.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from ...core.adapter import Adapter, Attempt, Sent
from ...core.errors import IntegrationError
from ..virtual_time import run
from .entries import Told
from .episode import OLDER, Episode
from .memory import in_memory
from .recording import RecordedAdapter
from .scenario import PlannedCall, Scenario
from .stage import Stage
from .subject import Sample, Subject
from .subjects import load_subject

TRIES = 4
_FIRST_WAIT = 0.2  # seconds; doubled at each try
_TIMEOUT = 10.0  # seconds for one attempt


def play_naively(scenario: Scenario, subject: Subject | None = None) -> Episode:
    """Play the calls of a scenario with the usual client. Its process does not die, and nobody recovers anything.

    Args:
        scenario: The scenario.
        subject: What is tried; the scenario's own if None.
    """
    given = load_subject(scenario.subject) if subject is None else subject
    with tempfile.TemporaryDirectory(prefix="seawall-naive-", dir=in_memory()) as folder:
        return run(_play(scenario, given, Path(folder)))


async def _play(scenario: Scenario, subject: Subject, folder: Path) -> Episode:
    stage = Stage(subject, scenario.plan, folder=folder, seed=scenario.seed, recovers_within=None)
    async with stage:
        calls = [call for call in scenario.calls if not call.newer]  # it sees no answers that it could go by
        samples = [await stage.sample(call.action, call.sample) for call in calls]
        adapter = RecordedAdapter(stage.reader(subject.name), subject.name, "naive", stage.journal)
        clients: dict[int, list[tuple[PlannedCall, Sample]]] = {}
        for call, sample in zip(calls, samples, strict=True):
            clients.setdefault(call.client, []).append((call, sample))
        await stage.clock.sleep(OLDER)
        began = stage.clock.monotonic()
        await asyncio.gather(*(_client(stage, adapter, number, todo, began) for number, todo in clients.items()))
        stage.heal()
        await stage.targets[subject.name].settle()
        return Episode(scenario, stage.history(), stage.effects(), stage.judge())


async def _client(
    stage: Stage, adapter: Adapter, number: int, todo: list[tuple[PlannedCall, Sample]], began: float
) -> None:
    (system,) = stage.subjects
    for call, sample in todo:
        await stage.clock.sleep(began + call.at - stage.clock.monotonic())
        action = adapter.actions[call.action]
        asked = stage.clients.ask(system, action, sample, client=f"c{number}", deadline=TRIES * _TIMEOUT * 2)
        operations = asked.items or (asked.operation,)
        for turn in range(TRIES):
            try:
                answers = await _attempt(stage, adapter, call, sample, operations, turn)
            except IntegrationError as error:
                answers = [error]
            failed = [answer for answer in answers if not isinstance(answer, Sent)]
            if not failed:
                break
            await stage.clock.sleep(_FIRST_WAIT * 2**turn)
        word, effect = ("rejected", "none") if failed else ("applied", "applied")
        stage.journal.write(Told(stage.clock.now(), asked.call, word, effect, text=str(failed)))  # type: ignore[arg-type]


async def _attempt(
    stage: Stage, adapter: Adapter, call: PlannedCall, sample: Sample, operations: tuple[str, ...], turn: int
) -> list[Any]:
    (system,) = stage.subjects
    action = adapter.actions[call.action]
    single = action if action.batch is None else action.batch.of
    requests = [item.request for item in sample.items] or [sample.request]
    attempts = []
    for place, (request, operation) in enumerate(zip(requests, operations, strict=True)):
        number = stage.journal.attempts + 1
        key = f"sw-{number:022d}{place:04d}"
        stage.journal.name(system, key, operation)
        stage.journal.begun(system, key, key)
        model = request if not isinstance(request, dict) else single.request.model_validate(request)
        attempts.append(Attempt(key if action.writes else "", key, model, turn + 1, _TIMEOUT))
    if action.batch is None:
        return [await adapter.send(action, attempts[0])]
    whole = sample.request if not isinstance(sample.request, dict) else action.request.model_validate(sample.request)
    return list(await adapter.send_batch(action, whole, attempts))
