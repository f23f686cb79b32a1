"""The fence is asked right before the bytes leave: after logins and reads, and again before what is sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import takewhile
from typing import TypeAlias

from ...core.adapter import Attempt
from ...core.errors import IntegrationError
from ...core.identity import identify
from ..chaos.samples import as_model
from ..chaos.subject import Sample
from ..faults import Fault
from ..injector import RequestFacts
from .cases import Case, Check, Exempt
from .play import Play
from .trial import Trial

_When: TypeAlias = Callable[[RequestFacts, Fault | None], bool]
_AGAIN = ("session_expired", "ws_security_expired")
"""Refusals after which an adapter may log in and send the same once more by itself."""


def _cases(trial: Trial) -> Iterator[Case]:
    for name in trial.writes:
        yield Case(name, partial(_never, trial, name))
        yield Case(f"{name}-lost_before", partial(_lost_before, trial, name))
        yield Case(f"{name}-lost_between", partial(_lost_between, trial, name))


def _never(trial: Trial, name: str) -> None:
    """Another process has taken over before the adapter is asked."""
    trial.play(partial(_taken_over, trial=trial, name=name, when=None, certain=True))


def _lost_before(trial: Trial, name: str) -> None:
    """Another process takes over while the adapter logs in, or reads what it needs for the write."""
    before = tuple(takewhile(lambda request: trial.subject.lanes[request] != "write", trial.requests(name)))
    if not before:
        raise Exempt(f"nothing is asked of the target before the write of {name}")
    script = partial(_taken_over, trial=trial, name=name, when=lambda facts, _: facts.operation in before, certain=True)
    trial.play(script)


def _lost_between(trial: Trial, name: str) -> None:
    """Another process takes over when a write was refused, before the adapter sends it once more."""
    for kind in _AGAIN:
        if trial.targets(name, "apply", kind, "write"):
            script = partial(_taken_over, trial=trial, name=name, when=_struck, certain=False)
            trial.play(script, [trial.fault(name, "apply", kind)])
            return
    raise Exempt(f"the simulator has nothing after which the write of {name} would be sent once more")


def _struck(_: RequestFacts, fault: Fault | None) -> bool:
    return fault is not None


async def _taken_over(play: Play, *, trial: Trial, name: str, when: _When | None, certain: bool) -> None:
    """Try to send what is lost on the way.

    Args:
        play: The episode.
        trial: Whose adapter is on trial.
        name: The action.
        when: By which request it is lost; from the beginning if None.
        certain: Whether nothing of a write has left until then, so that its error must say so. What was refused once
            may be called doubtful: that is careful, and not wrong.
    """
    worker = await play.stage.start_worker()
    action, sample = trial.actions[name], await play.sample(name)
    held = _Held(play, when)
    attempts = [held.attempt(play, trial, name, one) for one in sample.items or (sample,)]
    adapter = worker.wall.systems[play.system].adapter
    wrong = f"{name} was sent after another process had taken it over: ask attempt.may_send() right before each write"
    said = f"{name} was not sent, and says that it may have happened"
    try:
        if action.batch is None:
            await adapter.send(action, attempts[0])
            play.wrong(wrong)
        else:
            answers = await adapter.send_batch(action, as_model(action, sample.request), attempts)
            errors = [one for one in answers if isinstance(one, IntegrationError)]
            play.expect(len(errors) == len(answers), wrong)
            play.expect(not certain or all(one.effect == "none" for one in errors), f"{said}: {errors}")
    except IntegrationError as error:
        play.expect(not certain or error.effect == "none", f"{said}: {error}")
    if held.still:
        raise Exempt(f"an attempt of {name} did not come to where another process would have taken it over")
    play.expect(not any(play.truth(name, one).copies for one in sample.items or (sample,)), wrong)


class _Held:
    """Whether the operations are still ours: until a request comes by which they are lost.

    Args:
        play: The episode.
        when: Says by which request, before any write; None if they never are.
    """

    def __init__(self, play: Play, when: _When | None) -> None:
        self.still = when is not None
        watch = play.target.faults.watch

        def watching(facts: RequestFacts, fault: Fault | None) -> None:
            watch(facts, fault)
            if when is not None and when(facts, fault):
                self.still = False

        play.target.faults.watch = watching

    def attempt(self, play: Play, trial: Trial, name: str, sample: Sample) -> Attempt:
        """An attempt that may be sent as long as the operation is ours."""
        single = trial.single(name)
        request = as_model(single, sample.request)
        key = identify(play.system, single, request).key
        return Attempt("op_taken_over", key, request, may_send=lambda: self.still)


FENCE = Check(
    "fence",
    "Nothing is sent once another process holds the operation: the adapter asks right before its bytes leave.",
    _cases,
)
