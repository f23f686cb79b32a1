"""The error codes that actions declare: each that the target can be brought to say means what is declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ...core.action import Action
from ...core.errors import IntegrationError
from ...core.outcome import Rejected
from ..chaos.entries import Answered
from ..chaos.verdicts import Invariant
from ..faults import Fault
from .cases import Case, Exempt
from .play import Play
from .trial import Trial

_REFUSALS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("session_expired", {}),
    ("ws_security_expired", {}),
    ("lock_error", {}),
    *(("throttle", {"status": code}) for code in (403, 429, 503)),
    ("soap_fault", {"code": "Client", "detail": "vendor"}),
)
"""Faults that are the target's own word, with a code of its own."""


def cases(trial: Trial) -> Iterator[Case]:
    """A case for each code with which the subject can make the target refuse an action, and one for the others.

    Args:
        trial: The adapter on trial.
    """
    refusals = _refusals(trial)
    for name, codes in refusals.items():
        for code in codes:
            yield Case(f"{name}-code-{code}", partial(_refused, trial, name, code))
    if any(trial.actions[name].errors for name in (*trial.writes, *trial.reads)):
        tried = {code for codes in refusals.values() for code in codes}
        yield Case("codes", partial(_others, trial, tried))


def _refusals(trial: Trial) -> Mapping[str, Sequence[str]]:
    async def look(play: Play) -> Mapping[str, Sequence[str]]:
        made = play.stage.subjects[play.system].refusals(play.target)
        return {name: tuple(codes) for name, codes in made.items()}

    return trial.play(look)


def _refused(trial: Trial, name: str, code: str) -> None:
    """The subject makes a request that the target refuses with a code, without any fault."""
    assert name in trial.actions, f"the subject has refusals of {name}, which the adapter does not declare"
    action = trial.actions[name]

    async def script(play: Play) -> None:
        play.tolerated.add(Invariant.NO_UNEXPLAINED_OUTCOME)  # the cause is the request itself
        worker = await play.stage.start_worker()
        made = play.stage.subjects[play.system].refusals(play.target)[name][code](1)
        sample = await play.stage.samples.ready(play.system, action, made)
        outcome = await play.ask(worker, name, sample)
        said = [one for one in play.stage.journal.entries if isinstance(one, Answered)]
        told = ", ".join(f"{one.error or 'done'} [{one.code}]" for one in said) or "nothing"
        play.expect(
            any(one.code == code for one in said), f"the target refuses {name} with {code}, and the adapter says {told}"
        )
        _mean_what_is_declared(play, action, said)
        error = outcome.error if isinstance(outcome, Rejected) else None
        if error is not None and error.code == code and (declared := action.errors.get(code)) is not None:
            for fact in ("transient", "outage"):
                word, seen = getattr(declared, fact), getattr(error, fact)
                play.expect(
                    word is None or word == seen, f"{name} declares {code} with {fact}={word}, and it comes as {seen}"
                )
        await play.conclude()

    trial.play(script)


def _others(trial: Trial, tried: set[str]) -> None:
    """What faults make the target say; and which codes no case has heard."""
    heard, declared = (
        set(tried),
        dict.fromkeys(code for name in (*trial.writes, *trial.reads) for code in trial.actions[name].errors),
    )
    for name in (*trial.writes, *trial.reads):
        for fault in _faults(trial, name):
            heard |= trial.play(partial(_hears, trial=trial, name=name), [fault])
    if untried := [code for code in declared if code not in heard]:
        raise Exempt(f"declared, and never heard of the target: {', '.join(untried)}")


async def _hears(play: Play, *, trial: Trial, name: str) -> set[str]:
    worker, action = await play.stage.start_worker(), trial.single(name)
    await play.ask(worker, name, await play.sample(name))
    said = [one for one in play.stage.journal.entries if isinstance(one, Answered)]
    _mean_what_is_declared(play, action, said, careful=True)
    return {one.code for one in said}


def _faults(trial: Trial, name: str) -> Iterator[Fault]:
    action = trial.actions[name]
    refusals = [*_REFUSALS, *(("partial_batch", {"k": 1, "code": code}) for code in action.errors if action.batch)]
    for kind, params in refusals if action.errors else ():
        try:
            yield trial.fault(name, "apply", kind, params)
        except Exempt:
            continue


def _mean_what_is_declared(play: Play, action: Action, said: Sequence[Answered], *, careful: bool = False) -> None:
    """Hold the adapter's words against its action's.

    Args:
        play: The episode.
        action: The action.
        said: What the adapter said of each attempt.
        careful: Whether a refusal may also be called doubtful, as under a status that gateways use, too.
    """
    for one in said:
        declared = action.errors.get(one.code)
        if declared is None or (careful and one.effect == "maybe" and declared.error.default_effect == "none"):
            continue
        if one.error not in _names(declared.error):
            play.wrong(f"{action.name} declares {one.code} as {declared.error.__name__}, and it comes as {one.error}")


def _names(error: type[IntegrationError]) -> set[str]:
    """The names of a class and of those that are made from it."""
    return {error.__name__}.union(*(_names(one) for one in error.__subclasses__()))
