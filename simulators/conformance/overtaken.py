"""Records that others change before and after a write that names the version its caller saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from ...core.action import EffectClass, NaturalKey
from ...core.errors import Conflict, PreconditionFailed
from ...core.outcome import Rejected
from ..chaos.episode import OLDER
from ..chaos.subject import Change, Sample
from ..faults import Fault
from ..kinds import Point
from .cases import Case, Check, Exempt
from .play import Play
from .probing import change
from .trial import Trial

_HOWS: Mapping[str, Change] = {
    "before": "beside",
    "unsent": "beside",
    "unsent_alike": "alike",
    "lost_reply": "beside",
    "lost_reply_overwritten": "over",
}
"""When others change the record, and what of it."""


def _cases(trial: Trial) -> Iterator[Case]:
    for name in trial.writes:
        if trial.actions[name].version is not None and trial.actions[name].batch is None:
            for how in _HOWS:
                yield Case(f"{name}-{how}", partial(_changed, trial, name, how))


def _changed(trial: Trial, name: str, how: str) -> None:
    action = trial.actions[name]
    if action.effect is EffectClass.DELETE and how.startswith("lost_reply"):
        raise Exempt(f"{name} leaves nothing that others could change")
    if _HOWS[how] == "alike" and isinstance(action.dedupe, NaturalKey):
        raise Exempt(f"{name} is known by its content alone, which others can write as well")
    faults: list[Fault] = []
    if how != "before":
        point: Point = "apply" if how.startswith("unsent") else "after_commit"
        faults = [trial.fault(name, point, "reset")]

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        if how == "before":
            await _by_others(play, name, sample, _HOWS[how])
            answer = await play.ask(worker, name, sample)
            stale = isinstance(answer, Rejected) and isinstance(answer.error, PreconditionFailed | Conflict)
            play.expect(
                stale, f"others changed the record of {name} after it was read: raise PreconditionFailed, not {answer}"
            )
        else:

            async def overtake() -> None:
                play.stage.kill(worker)
                await _by_others(play, name, sample, _HOWS[how])
                await play.stage.start_worker()

            await play.meanwhile(play.struck, overtake, play.ask(worker, name, sample))
            await play.insist(play.stage.workers, name, sample)
        ended = await play.conclude()
        if not how.startswith("lost_reply"):
            written = any(truth.copies for _, truth in ended.values())
            play.expect(not written, f"{name} overwrites what others wrote after its caller had read the record")

    trial.play(script, faults)


async def _by_others(play: Play, name: str, sample: Sample, to: Change) -> None:
    await play.stage.clock.sleep(OLDER)
    change(play, name, sample, to)
    await play.stage.clock.sleep(OLDER)


OVERTAKEN = Check(
    "overtaken",
    "A write that names the version its caller saw never overwrites what others wrote since, and is not taken for "
    "theirs.",
    _cases,
)
