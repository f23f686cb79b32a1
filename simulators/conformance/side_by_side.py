"""Two different requests at once through one adapter: what belongs to one call is never kept where another finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel

from ...core.adapter import Present
from ...core.outcome import Applied, Outcome
from ..chaos.subject import Sample
from ..chaos.worker import Worker
from ..faults import Fault
from .cases import Case, Check
from .contract import tried
from .play import Play, parts
from .probing import MOMENT, Looking, untrue
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
        before: list[Outcome[Any] | None] = [None, None]
        if trial.actions[name].writes != trial.actions[other].writes:
            aside = await play.stage.start_worker()  # whose login is not the first one's
            before = [
                None if trial.actions[one].writes else await play.ask(aside, one, sample) for one, sample in asked
            ]
        began = play.stage.clock.now()
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
            if trial.actions[one].writes:
                _as_sampled(play, one, sample, outcomes[place])
            else:
                await _reads_as_alone(play, worker, one, sample, outcomes[place], before[place])
        if name == other and trial.actions[name].writes:
            await _as_probed(play, trial, name, [sample for _, sample in asked], outcomes, began)
        await play.conclude()

    trial.play(script, faults)


def _as_sampled(play: Play, name: str, sample: Sample, outcome: Outcome[Any] | None) -> None:
    for answer, one in zip(parts(outcome), sample.items or (sample,), strict=False):
        if not isinstance(answer, Applied):
            continue
        for field, value in one.reply.items():
            seen = getattr(answer.value, field, None)
            play.expect(
                str(seen) == str(value), f"{name} answers {field}={seen!r} beside another request, and it is {value!r}"
            )


async def _as_probed(
    play: Play,
    trial: Trial,
    name: str,
    samples: Sequence[Sample],
    outcomes: Sequence[Outcome[Any] | None],
    began: float,
) -> None:
    """No answer holds what the probe finds for the other request, and does not find for its own."""
    single = trial.single(name)
    if single.probe is None or single.name not in trial.actions:
        return
    await play.stage.clock.sleep(single.probe.read_lag + MOMENT)
    found: list[list[BaseModel | None]] = []
    for sample in samples:
        looks = [Looking(play, trial, single.name, one, began) for one in sample.items or (sample,)]
        seen = [await one.look_anyhow() for one in looks]
        found.append([one.value if isinstance(one, Present) else None for one in seen])
    for place, outcome in enumerate(outcomes):
        others = [one for one in found[1 - place] if one is not None]
        for answer, own in zip(parts(outcome), found[place], strict=False):
            if not isinstance(answer, Applied):
                continue
            for field, finds, told in untrue(own, answer.value):
                play.expect(
                    all(getattr(one, field, None) != told for one in others),
                    f"{name} answers {field}={told!r}, which is that of the other request: its own is {finds!r}",
                )


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
    return [part for part in parts(outcome) if isinstance(part, Applied)]


async def _reads_as_alone(
    play: Play, worker: Worker, name: str, sample: Sample, beside: Outcome[Any] | None, before: Outcome[Any] | None
) -> None:
    """What reads the same alone, twice, reads so beside another request.

    Args:
        play: The episode.
        worker: Whom to ask.
        name: The action.
        sample: The sample.
        beside: What it answered beside the other request.
        before: What it answered before that, if the other request is a write: what that changes reads otherwise after.
    """
    first = before or await play.ask(worker, name, sample)
    await play.stage.clock.sleep(_SLOW)
    again = await play.ask(worker, name, sample)
    alone, later = _values(first), _values(again)
    kept = {field for field, value in alone.items() if later.get(field) == value}  # others tell the time, for instance
    one, two = ({field: values.get(field) for field in kept} for values in (_values(beside), alone))
    changed = before is not None and len(_answers(first)) != len(_answers(again))
    same = one == two and len(_answers(beside)) == len(_answers(first))
    play.expect(changed or same, f"{name} answers {one} beside another request, and {two} alone")


def _values(outcome: Outcome[Any] | None) -> dict[str, Any]:
    return {field: value for answer in _answers(outcome) for field, value in answer.value.model_dump().items()}


SIDE_BY_SIDE = Check(
    "side_by_side",
    "Two different requests at once through one adapter stay apart: each has its own effect and its own answer.",
    _cases,
)
