"""Compensation: what was done is undone once, and not before it can no longer come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ...core.action import Action, EffectClass
from ...core.outcome import Applied, Outcome, Pending
from ..chaos.entries import Wanted
from ..chaos.subject import Sample
from ..chaos.verdicts import Invariant
from ..chaos.worker import Worker
from ..effects import Effect
from ..faults import Fault, Trigger
from .cases import Case, Check, Exempt, Todo
from .play import DEADLINE, Play, leaves_doubt
from .trial import Trial

_CAN_BE_UNDONE = (EffectClass.CREATE, EffectClass.SET, EffectClass.CHANGE, EffectClass.DELETE)
_HOWS = ("restores", "reply_lost", "waits_for_horizon")
_CHANGES = (EffectClass.SET, EffectClass.CHANGE, EffectClass.DELETE)
"""What had content before, which the undoing restores."""
_TURNS = 4
_PAUSE = 30.0  # virtual seconds between two questions
_PROMPT = 2.0  # virtual seconds


def _cases(trial: Trial) -> Iterator[Case]:
    able = [name for name in trial.writes if trial.actions[name].compensation is not None]
    for name in able:
        for how in _HOWS:
            yield Case(f"{name}-{how}", partial(_undo, trial, name, how))
        if trial.single(name).effect in _CHANGES:
            yield Case(f"{name}-content", partial(_undo, trial, name, "content"))
    if not able:
        yield Case("adapter", _none)


def _none() -> None:
    raise Exempt("no action that is tried declares a compensation")


def _undo(trial: Trial, name: str, how: str) -> None:
    action = trial.actions[name]
    faults: list[Fault] = []
    if how == "reply_lost":  # of the second write, which is the undoing
        requests = trial.fault(name, "after_commit", "reset").match
        undone_by = {request for request, lane in trial.subject.lanes.items() if lane == "write"}
        match = requests.model_copy(update={"operation": tuple(sorted(undone_by))})
        faults = [Fault(id="lost", match=match, point="after_commit", kind="reset", trigger=Trigger(nth=2), times=1)]
    if how == "waits_for_horizon":
        faults = [trial.fault(name, "after_commit", "reset")]

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        play.tolerated |= {Invariant.NO_LOST_WRITE, Invariant.EVENTUAL_RESOLUTION}  # it is to be gone
        was = _stored(play, name, sample) if how == "content" else {}
        done = await play.insist([worker], name, sample)
        if not isinstance(done, Applied):
            raise Exempt(f"{name} is not known to be done, so that there is nothing to undo")
        record = play.truth(name, sample).records[0]
        before, since = _of(play, record), play.effects()
        wanted = (Wanted(sample.wanted[0].object, ("insert", "update", "delete"), {"id": record}),)
        if how == "waits_for_horizon":
            early = await play.stage.compensate(worker, done, wanted, deadline=_PROMPT)
            waited = isinstance(early, Pending) and not _of(play, record)[len(before) :]
            play.expect(waited, f"{name} was undone although an earlier attempt may still commit: {early}")
            await play.stage.clock.sleep((trial.actions[name].horizon or 0.0) + _PAUSE)
        outcome = await _insist(play, worker, done, wanted)
        play.stage.heal()
        play.expect(not await play.stage.settle(), "operations are still open after the target has healed")
        _judge(play, record, len(before), outcome)
        if how == "content" and isinstance(outcome, Applied):
            _holds_again(play, action, sample, was)
        assert action.compensation is not None
        again = await play.stage.call(worker, name, sample, deadline=DEADLINE)
        play.expect(not isinstance(again, Applied), f"{name} was undone, and is told as Applied when it is asked again")
        await _insist(play, worker, done, wanted)
        _judge(play, record, len(before), outcome)
        _leaves_others(play, wanted[0].object, since)

    trial.play(script, faults)


async def _insist(play: Play, worker: Worker, done: Outcome[object], wanted: tuple[Wanted, ...]) -> Outcome[object]:
    outcome: Outcome[object] = done
    for _ in range(_TURNS):
        outcome = await play.stage.compensate(worker, done, wanted, deadline=DEADLINE)
        if not leaves_doubt(outcome):
            break
        await play.stage.clock.sleep(_PAUSE)
    return outcome


def _judge(play: Play, record: str, before: int, outcome: Outcome[object]) -> None:
    undone = len(_of(play, record)) - before
    play.expect(undone <= 1, f"it was undone {undone} times")
    if isinstance(outcome, Applied):
        play.expect(undone == 1, "the undoing is told as Applied, and the record is as it was")
    elif isinstance(outcome, Pending) and outcome.waits_for == "person":
        return  # its own reply was lost, and it declares no way to find out
    else:
        play.wrong(f"it was not undone: {outcome}")


def _leaves_others(play: Play, kind: str, since: list[Effect]) -> None:
    """The undoing changes no record of the same kind that the doing had not touched."""
    known = {one.record_id for one in since}
    for one in play.effects()[len(since) :]:
        if one.object == kind and one.kind != "insert" and one.record_id not in known:
            play.wrong(f"the undoing made an {one.kind} of {one.record_id}, which was not what was done")


def _stored(play: Play, name: str, sample: Sample) -> Mapping[str, Any]:
    """What a record holds that a sample is to change or delete.

    Raises:
        Exempt: The sample does not name the record beforehand.
        Todo: The subject does not say.
    """
    if not (record := sample.wanted[0].where.get("id", "")):
        raise Exempt(f"the sample names no record by its id, so that nobody knows what undoing {name} restores")
    if not (held := play.stage.subjects[play.system].stored(play.target, name, record)):
        raise Todo(f"write the subject's `stored`: it says nothing of {record}, which the sample of {name} is about")
    return dict(held)


def _holds_again(play: Play, action: Action, sample: Sample, was: Mapping[str, Any]) -> None:
    """The record is there and holds what it held, but for what a write may change beside what it was asked for.

    Raises:
        Todo: The sample names nothing that could be compared.
    """
    wanted = sample.wanted[0]
    record = wanted.where["id"]
    now = play.stage.subjects[play.system].stored(play.target, action.name, record)
    if not now:
        play.wrong(f"{action.name} was undone, and {record} is not there")
        return
    held, asked = was.keys() | now.keys(), {*wanted.content, *wanted.contains}
    if action.effect is EffectClass.DELETE:
        fields = held - set(wanted.beside or ())
    else:
        fields = held & asked if wanted.beside is None else held - (set(wanted.beside) - asked)
    if not fields:
        raise Todo(f"name in `content` or `beside` what {action.name} writes: without that nothing is compared")
    for field in sorted(fields):
        seen, before = now.get(field), was.get(field)
        play.expect(
            seen == before,
            f"{action.name} was undone, and {field} is {seen!r}: before it was done it was {before!r}",
        )


def _of(play: Play, record: str) -> list[Effect]:
    return [one for one in play.effects() if one.record_id == record]


def _can_be_undone(trial: Trial) -> None:
    undoing = {means.by for name in trial.writes if (means := trial.actions[name].compensation) is not None}
    missing = [
        name
        for name in trial.writes
        if trial.single(name).effect in _CAN_BE_UNDONE
        and trial.single(name).compensation is None
        and name not in undoing
    ]
    if missing:
        raise Todo(f"declare how it is undone: {', '.join(missing)}")


def _undoable(trial: Trial) -> Iterator[Case]:
    yield Case("adapter", partial(_can_be_undone, trial))


COMPENSATION = Check(
    "compensation",
    "What declares a compensation is undone once, not before it can no longer come back, and is not claimed after.",
    _cases,
)
UNDOABLE = Check("undoable", "Every write that can be undone declares how.", _undoable)
