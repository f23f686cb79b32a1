"""A probe may say that it cannot tell; it never says absent while the effect is there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ...core.action import EffectClass, Transactional
from ...core.adapter import Absent, Many, Present
from ...core.outcome import Applied
from ..faults import Fault, Match
from . import other_content, probe_reads
from .cases import Case, Check, Exempt, Todo
from .play import Play
from .probing import MOMENT, Looking, change, is_done, record_of
from .trial import Trial

_HOWS = ("fresh", "not_there", "under_lag", "look_alike", "deleted_by_others", "changed_by_others", "changed_since")
_NEVER = {"changed_by_others": (EffectClass.CREATE,), "changed_since": (EffectClass.DELETE,)}
"""What has no record yet, and what has none any more, cannot be changed by others."""
_HAVE_RECORDS = (EffectClass.CREATE, EffectClass.SET, EffectClass.CHANGE, EffectClass.DELETE)
_LAG = 30.0  # seconds by which a search lags whose lag is not declared


def _cases(trial: Trial) -> Iterator[Case]:
    for name in trial.writes:
        if trial.actions[name].batch is None:
            for how in (how for how in _HOWS if trial.actions[name].effect not in _NEVER.get(how, ())):
                yield Case(f"{name}-{how}", partial(_probe, trial, name, how))
            yield Case(f"{name}-other_content", partial(other_content.look, trial, name))
            yield from probe_reads.cases(trial, name)


def _probe(trial: Trial, name: str, how: str) -> None:
    action = trial.actions[name]
    if action.probe is None:
        raise Exempt(f"{name} declares no probe")
    lag = action.probe.read_lag
    faults: list[Fault] = []
    if how == "under_lag":
        if "search" not in trial.traits:
            raise Exempt("the simulator has no search that lags behind")
        seconds = {"seconds": lag or _LAG}
        faults = [Fault(id="lag", match=Match(lane="read"), point="visible", kind="search_lag", params=seconds)]

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        looking = Looking(play, trial, name, sample, play.stage.clock.now())
        if how == "not_there":
            found = await looking.look()
            play.expect(not isinstance(found, Present), f"the probe finds what was never sent: {found}")
            return
        if how == "changed_by_others":
            if not record_of(sample) and any("insert" in one.kinds for one in sample.wanted):
                raise Exempt(f"{name} may make its record, so that there is none that others could change before")
            _change(looking)
            await play.stage.clock.sleep(lag + MOMENT)
            found = await looking.look()
            play.expect(not is_done(found), f"the probe takes what somebody else changed for ours: {found}")
            return
        if how == "look_alike":
            if not play.stage.subjects[play.system].look_alike(play.target, sample):
                raise _left_out(trial, name, "makes no look-alikes", "look_alike")
            await play.stage.clock.sleep(lag + MOMENT)
            found = await looking.look()
            play.expect(
                not isinstance(found, Present | Many), f"the probe takes somebody else's record for ours: {found}"
            )
        done = await play.ask(worker, name, sample)
        if not isinstance(done, Applied):
            raise Exempt(f"{name} is not known to be done when the target answers, so that there is nothing to find")
        await play.stage.clock.sleep(MOMENT)
        found = await looking.look()
        play.expect(lag or not isinstance(found, Absent), "the probe says absent right after the commit")
        await play.stage.clock.sleep(lag)
        if how == "deleted_by_others":
            await _deleted(looking, done, lag)
        elif how == "changed_since":
            await _changed(looking, done, lag)
        else:
            looking.hold(await looking.look(), done, "after its lag")

    trial.play(script, faults)


async def _deleted(looking: Looking, done: Applied[Any], lag: float) -> None:
    play, record = looking.play, _record(looking, done)
    if not record or not play.stage.subjects[play.system].remove(play.target, looking.name, record):
        raise _left_out(looking.trial, looking.name, "deletes no records", "remove")
    await play.stage.clock.sleep(lag + MOMENT)
    found = await looking.look()
    gone = not isinstance(found, Present) or found.superseded
    play.expect(gone, f"the probe finds a record that others have deleted: {found}")


async def _changed(looking: Looking, done: Applied[Any], lag: float) -> None:
    """The effect stays ours, and what it left is not what is there now."""
    play = looking.play
    _change(looking, _record(looking, done))
    await play.stage.clock.sleep(lag + MOMENT)
    found = await looking.look()
    play.expect(
        not isinstance(found, Absent), "the probe says absent after others have changed the record, and it was done"
    )


def _record(looking: Looking, done: Applied[Any]) -> str:
    """The record that an action made or changed: the adapter's receipt need not name it."""
    known = done.receipt.record or record_of(looking.sample)
    return known or next(iter(looking.play.truth(looking.name, looking.sample).records), "")


def _left_out(trial: Trial, name: str, what: str, by: str) -> Exception:
    """What follows from a subject that does not act as another party, or has no record to act on."""
    if trial.actions[name].effect is not EffectClass.CREATE:
        return Exempt(f"the subject {what} of {name}, which makes none")
    if by != "look_alike" and isinstance(trial.actions[name].dedupe, Transactional):
        return Exempt(f"the subject {what} of {name}, whose key in a row of its own tells nothing of them")
    return Todo(f"the subject {what} of {name}: write its `{by}`, as its simulator lets others act")


def _change(looking: Looking, record: str = "") -> None:
    name = looking.name
    action = looking.trial.actions[name]
    try:
        change(looking.play, name, looking.sample, "over", record)
    except Todo:
        if action.effect not in _HAVE_RECORDS:
            raise Exempt(f"{name} has no record that others could change") from None
        if isinstance(action.dedupe, Transactional):
            raise Exempt(f"the key of {name} is in a row of its own, which tells nothing of its record") from None
        raise


PROBES = Check(
    "probe_honesty",
    "A probe never says absent while the effect is there, and never takes another's record for ours.",
    _cases,
)
