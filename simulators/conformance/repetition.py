"""Asking for the same thing again changes nothing; asking for something else under the same name is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

from ...core.action import NativeKey
from ...core.outcome import Applied, Rejected
from ...core.replay import OTHER_CONTENT
from ..chaos.samples import as_model
from .cases import Case, Check
from .play import Play, parts
from .rewording import other_wording
from .trial import Trial

_HOWS = ("again", "after_restart", "by_two_at_once", "much_later")
_LATER = 3600.0  # virtual seconds: longer than anything is on its way, or than the target remembers a key


def _cases(trial: Trial) -> Iterator[Case]:
    for name in trial.writes:
        for how in _HOWS:
            yield Case(f"{name}-{how}", partial(_twice, trial, name, how))


def _twice(trial: Trial, name: str, how: str) -> None:
    async def script(play: Play) -> None:
        first = await play.stage.start_worker()
        sample = await play.sample(name)
        if how == "by_two_at_once":
            second = await play.stage.start_worker()
            await asyncio.gather(
                play.ask(first, name, sample, client="c1"), play.ask(second, name, sample, client="c2")
            )
            await play.insist([first, second], name, sample)
            await play.conclude()
            return
        before = await play.insist([first], name, sample)
        worker = first
        if how == "after_restart":
            play.stage.kill(first)
            worker = await play.stage.start_worker()
        if how == "much_later":
            dedupe = trial.single(name).dedupe
            await play.stage.clock.sleep(max(_LATER, dedupe.ttl + 1.0 if isinstance(dedupe, NativeKey) else 0.0))
        sent = play.stage.journal.attempts
        again = await play.ask(worker, name, sample)
        play.expect(play.stage.journal.attempts == sent, f"{name} was sent again although it was done")
        for one, other in zip(parts(before), parts(again), strict=True):
            if isinstance(one, Applied):
                same = isinstance(other, Applied) and other.replayed and other.value == one.value
                play.expect(same, f"{name} answered {one} and then, asked again, {other}")
        await play.conclude()

    trial.play(script)


def _rewordings(trial: Trial) -> Iterator[Case]:
    for name in trial.writes:
        if trial.actions[name].batch is None:
            yield Case(name, partial(_reworded, trial, name))


def _reworded(trial: Trial, name: str) -> None:
    async def script(play: Play) -> None:
        worker = await play.stage.start_worker()
        action, sample = trial.actions[name], await play.sample(name)
        reworded = sample.reworded or other_wording(play.system, action, as_model(action, sample.request))
        await play.insist([worker], name, sample)
        sent = play.stage.journal.attempts
        outcome = await play.ask(worker, name, sample, request=reworded)
        play.expect(play.stage.journal.attempts == sent, f"{name} was sent with another content under one identity")
        conflict = isinstance(outcome, Rejected) and outcome.error.code == OTHER_CONTENT
        play.expect(conflict, f"{name} with another content under one identity is no conflict, but {outcome}")
        await play.conclude()

    trial.play(script)


APPLY_TWICE = Check(
    "apply_twice",
    "The same request again, after a restart, by another process or long after, changes nothing.",
    _cases,
)
REWORDING = Check("rewording", "Another content under the same identity is a conflict, and is not sent.", _rewordings)
