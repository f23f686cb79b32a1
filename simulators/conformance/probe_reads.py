"""What a probe makes of a target that does not answer it, refuses it, or spoils its answer: nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ...core.adapter import Present
from ...core.outcome import Applied
from ..chaos.entries import Wire
from ..chaos.exhaustive import single_faults
from ..faults import Fault, Trigger
from ..kinds import KINDS, Lane
from .cases import Case, Exempt
from .error_map import REFUSALS, SPOILT
from .play import Play
from .probing import MOMENT, Looking
from .trial import Trial

_GROUPS: Mapping[str, Sequence[str]] = {
    "unanswered": ("refused", "connect_timeout", "pool_exhausted", "hang", "reset"),
    "refused": REFUSALS,
    "spoilt": SPOILT,
}
_FURTHER: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "status": ({"status": 500}, {"status": 502, "body": "html"}, {"status": 504, "body": "empty"}),
    "refusal": tuple({"status": code} for code in (400, 403, 404, 411)),
    "throttle": ({"status": 429}, {"status": 503}),
    "soap_fault": ({"code": "Client", "detail": "vendor"}, {"detail": "html"}),
}
"""Beside each kind as it is by itself."""


def cases(trial: Trial, name: str) -> Iterator[Case]:
    """The cases of one action: each group of faults at what its probe reads, and all of them at a login.

    Args:
        trial: The adapter on trial.
        name: The action; no batch.
    """
    for group in _GROUPS:
        yield Case(f"{name}-read_{group}", partial(_reads, trial, name, _GROUPS[group], "read"))
    if "auth" in trial.subject.lanes.values():
        every = [kind for kinds in _GROUPS.values() for kind in kinds]
        yield Case(f"{name}-login", partial(_reads, trial, name, every, "auth"))


def _reads(trial: Trial, name: str, kinds: Sequence[str], lane: Lane) -> None:
    if trial.actions[name].probe is None:
        raise Exempt(f"{name} declares no probe")

    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        sample = await play.sample(name)
        looking = Looking(play, trial, name, sample, play.stage.clock.now())
        requests = await _requests(looking)
        faults = [one for one in _faults(trial, kinds) if requests.get(one.match.operations[0]) == lane]
        if not faults:
            raise Exempt(f"nothing of this kind can befall the {lane} requests of a probe of {name}")
        for fault in faults:
            found, struck = await _under(looking, fault)
            play.expect(
                not isinstance(found, Present), f"the probe finds what was never sent, under {fault.id}: {found}"
            )
            play.expect(struck, f"{fault.id} was planned and never happened")
        done = await play.ask(worker, name, sample)
        if not isinstance(done, Applied):
            raise Exempt(f"{name} is not known to be done when the target answers, so that there is nothing to find")
        await play.stage.clock.sleep(MOMENT + looking.lag)
        for fault in faults:
            found, _ = await _under(looking, fault)
            looking.hold(found, done, f"under {fault.id}")

    trial.play(script)


async def _requests(looking: Looking) -> Mapping[str, Lane]:
    """The requests that a probe makes in a process that has made none, and their lanes."""
    play = looking.play
    fresh = await play.stage.start_worker()
    since = len(play.stage.journal.entries)
    await looking.look_anyhow(fresh)
    seen = [one.request for one in play.stage.journal.entries[since:] if isinstance(one, Wire)]
    return {request: looking.trial.lane_at(request, f"the probe of {looking.name}") for request in seen}


async def _under(looking: Looking, fault: Fault) -> tuple[Any, bool]:
    """What a probe finds while a fault strikes each of its requests, and whether it struck.

    In a process that has made none: one that has may be logged in, and know what others look up.
    """
    play = looking.play
    worker = await play.stage.start_worker()
    since = len(play.stage.journal.entries)
    take_out = play.target.faults.plant(fault)
    try:
        found = await looking.look_anyhow(worker)
    finally:
        take_out()
    struck = any(isinstance(one, Wire) and one.fault == fault.id for one in play.stage.journal.entries[since:])
    return found, struck


def _faults(trial: Trial, kinds: Sequence[str]) -> Iterator[Fault]:
    subject = trial.subject
    able = [kind for kind in kinds if subject.kinds is None or kind in subject.kinds]
    lanes = {request: lane for request, lane in subject.lanes.items() if lane != "write"}
    for fault in single_faults(lanes, subject.batches, kinds=able, traits=trial.traits, values=subject.values):
        always = fault.model_copy(update={"trigger": Trigger(), "times": None})
        yield always
        for params in _FURTHER.get(fault.kind, ()) if not fault.params else ():
            known = all(value in subject.values.get(one, (value,)) for one, value in params.items())
            if known and KINDS[fault.kind].problem_with(fault.point, params) is None:
                words = "-".join(str(value) for value in params.values())
                yield always.model_copy(update={"id": f"{fault.id}-{words}", "params": dict(params)})
