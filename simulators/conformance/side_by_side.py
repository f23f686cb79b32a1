"""Two different requests at once through one adapter: what belongs to one call is never kept where another finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

from ...core.outcome import Applied, Outcome, Partial
from ..chaos.subject import Sample
from ..faults import Fault
from .cases import Case, Check
from .contract import tried
from .play import Play
from .probing import Looking
from .trial import Trial

_SLOW = 1.0  # virtual seconds by which one of them is overtaken
_HOWS = ("at_once", "overtaken", "slow_login")


def _cases(trial: Trial) -> Iterator[Case]:
    for name in tried(trial):
        for how in _HOWS:
            yield Case(f"{name}-{how}", partial(_both, trial, name, name, how))
        if trial.actions[name].probe is not None:
            yield Case(f"{name}-probes", partial(_probes, trial, name))
    for name, other in zip(tried(trial), tried(trial)[1:], strict=False):
        yield Case(f"{name}-beside-{other}", partial(_both, trial, name, other, "at_once"))


def _both(trial: Trial, name: str, other: str, how: str) -> None:
    faults: list[Fault] = []
    if how == "overtaken":
        faults = [trial.fault(name, "apply", "slow", {"seconds": _SLOW})]
    elif how == "slow_login":
        faults = [trial.fault(name, "apply", "slow", {"seconds": _SLOW}, lane="auth")]

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        asked = [(name, await play.sample(name, 1)), (other, await play.sample(other, 2))]
        outcomes = await asyncio.gather(
            *(play.ask(worker, one, sample, client=f"c{place}") for place, (one, sample) in enumerate(asked, 1))
        )
        records = [_records(play, one, sample) for one, sample in asked]
        for place, (one, sample) in enumerate(asked):
            mine, theirs = records[place], records[1 - place]
            for answer in _answers(outcomes[place]) if name == other else ():
                told = answer.receipt.record
                play.expect(
                    told not in theirs - mine, f"{one} is told as record {told}, which is that of the other request"
                )
            if not trial.actions[one].writes:
                await _reads_as_alone(play, worker, one, sample, outcomes[place])
        await play.conclude()

    trial.play(script, faults)


def _probes(trial: Trial, name: str) -> None:
    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        samples = [await play.sample(name, number) for number in (1, 2)]
        began = play.stage.clock.now()
        for sample in samples:
            await play.ask(worker, name, sample)
        looks = [Looking(play, trial, name, sample, began) for sample in samples]
        alone = [await one.look() for one in looks]
        beside = await asyncio.gather(*(one.look() for one in looks))
        for one, two in zip(alone, beside, strict=True):
            play.expect(one == two, f"a probe of {name} finds {one} alone, and {two} beside another one")

    trial.play(script)


def _records(play: Play, name: str, sample: Sample) -> set[str]:
    return {record for one in sample.items or (sample,) for record in play.truth(name, one).records}


def _answers(outcome: Outcome[Any] | None) -> list[Applied[Any]]:
    parts = outcome.items if isinstance(outcome, Partial) else (outcome,)
    return [part for part in parts if isinstance(part, Applied)]


async def _reads_as_alone(play: Play, worker: Any, name: str, sample: Sample, beside: Outcome[Any] | None) -> None:
    outcome = await play.ask(worker, name, sample)
    alone = _values(outcome)
    await play.stage.clock.sleep(_SLOW)
    again = _values(await play.ask(worker, name, sample))
    kept = {field for field, value in alone.items() if again.get(field) == value}  # others tell the time, for instance
    one, two = ({field: values.get(field) for field in kept} for values in (_values(beside), alone))
    same = one == two and len(_answers(beside)) == len(_answers(outcome))
    play.expect(same, f"{name} answers {one} beside another request, and {two} alone")


def _values(outcome: Outcome[Any] | None) -> dict[str, Any]:
    return {field: value for answer in _answers(outcome) for field, value in answer.value.model_dump().items()}


SIDE_BY_SIDE = Check(
    "side_by_side",
    "Two different requests at once through one adapter stay apart: each has its own effect and its own answer.",
    _cases,
)
