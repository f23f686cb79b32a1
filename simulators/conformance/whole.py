"""What is asked of the adapter as a whole, beyond single faults: exactly once for all writes, and random episodes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...core.action import NoDedupe
from ..chaos.episode import play
from .cases import Case, Check, Todo
from .trial import Trial

SEEDS = 10


def _once(trial: Trial) -> Iterator[Case]:
    yield Case("adapter", partial(_exactly_once, trial))


def _exactly_once(trial: Trial) -> None:
    guessing = [name for name in trial.writes if isinstance(trial.single(name).dedupe, NoDedupe)]
    if guessing:
        raise Todo(f"nobody can find out what became of a lost reply: {', '.join(guessing)}")


def _seeds(trial: Trial) -> Iterator[Case]:
    for seed in range(SEEDS if trial.tried else 0):
        yield Case(f"seed={seed}", partial(_episode, trial, seed))


def _episode(trial: Trial, seed: int) -> None:
    episode = play(trial.schedules(SEEDS)[seed], trial.subject)
    broken = [verdict for verdict in episode.judgement.verdicts if verdict.result == "invalid"]
    told = [
        "\n".join((f"invariant {int(one.invariant)} ({one.invariant.title}): {witness.says}", *witness.lines))
        for one in broken
        for witness in one.witnesses[:1]
    ]
    assert not broken, "\n".join(told)


EXACTLY_ONCE = Check(
    "exactly_once", "Every write has means by which a lost reply is cleared up without a person.", _once
)
CHAOS = Check(
    "chaos",
    "Random episodes with several clients, processes that die and many faults hold all invariants.",
    _seeds,
)
