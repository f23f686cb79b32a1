"""What a subject leaves out: exemptions are to follow from what the adapter declares and what its simulator can do."""

from __future__ import annotations

import random
from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import unquote, unquote_plus

from ... import Sources
from ...core.adapter import Surroundings
from ...core.redaction import SHORTEST, Secrets
from ..chaos.subject import Subject
from ..faults import Fault, Match, Plan, PlanError
from ..kinds import KINDS, KindOfFault
from ..virtual_time import LoopClock, run
from .cases import Case, Check, Todo
from .contract import tried
from .play import Play
from .trial import Trial


def _cases(trial: Trial) -> Iterator[Case]:
    yield Case("faults", partial(_faults, trial))
    yield Case("lanes", partial(_lanes, trial))
    yield Case("canaries", partial(_canaries, trial))


def _faults(trial: Trial) -> None:
    async def find() -> list[str]:
        return list(_left_out(trial))

    if left := run(find()):
        raise Todo(
            f"the simulator carries out {', '.join(left)}, and the subject leaves that out: name it in `kinds`, "
            "`traits`, `batches` or `values`, or let the simulator refuse plans with it"
        )


def _left_out(trial: Trial) -> Iterator[str]:
    """The kinds of fault that the simulator carries out at a request, and that the subject keeps from being tried."""
    for name, kind in KINDS.items():
        if kind.client_side or kind.deceives:
            continue
        for fault in _untried(trial, name, kind):
            if _takes(trial.subject, fault):
                told = "".join(f" with {param} {value}" for param, value in fault.params.items())
                yield f"{name}{told} (at {fault.point} of {fault.match.operation})"
                break


def _untried(trial: Trial, name: str, kind: KindOfFault) -> Iterator[Fault]:
    subject = trial.subject
    for params in _variants(subject, kind):
        for point in kind.points:
            if kind.problem_with(point, params) is not None:
                continue
            for request, lane in subject.lanes.items():
                if lane in kind.lanes_at(point) and not trial.tries(request, point, name, params):
                    yield Fault(id="asked", match=Match(operation=request), point=point, kind=name, params=dict(params))


def _variants(subject: Subject, kind: KindOfFault) -> Iterator[Mapping[str, Any]]:
    """Parameters of a kind: its own, and each value of those of which the subject knows some only."""
    yield {}
    for name in subject.values.keys() & kind.params.keys():
        yield from ({name: value} for value in kind.choices.get(name, ()))


def _takes(subject: Subject, fault: Fault) -> bool:
    """Whether the simulator carries out a fault: it refuses plans that it cannot carry out."""
    try:
        target = subject.target(Plan(faults=(fault,)), LoopClock())
    except PlanError:
        return False
    target.close()
    return True


def _lanes(trial: Trial) -> None:
    for name in tried(trial):
        for request, lane in trial.requests(name).items():
            told = trial.subject.lanes[request]
            assert told == lane, (
                f"{name} makes the request {request}, which the simulator has in its {lane} lane and the subject's "
                f"`lanes` in the {told} lane: faults would miss it"
            )


class _Heard(Secrets):
    """Keeps what is registered, as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.values: set[str] = set()

    def add(self, *values: str | None) -> None:
        """Register secrets, and remember them."""
        self.values.update(value for value in values if value)
        super().add(*values)


def _canaries(trial: Trial) -> None:
    """What an adapter registers as a secret is to be looked for; not what is another one with each simulator."""

    async def registered(play: Play) -> set[str]:
        heard, numbers = _Heard(), count(1)
        drawn = random.Random("canaries")  # noqa: S311 -- repeatable on purpose
        sources = Sources(play.stage.clock, drawn, lambda prefix: f"{prefix}_canary_{next(numbers)}")
        adapter = trial.subject.adapter(play.target, Surroundings(play.system, sources, heard))
        await adapter.close()
        return heard.values

    secrets = trial.play(registered) & trial.play(registered)
    if left := sorted(len(secret) for secret in secrets if not _is_looked_for(secret, trial.subject.canaries)):
        raise Todo(
            f"the subject's `canaries` leave out {len(left)} of the secrets that the adapter registers "
            f"({len(secrets)}), of {', '.join(map(str, left))} characters: name them, or nobody looks for them"
        )


def _is_looked_for(secret: str, canaries: Collection[str]) -> bool:
    """Whether a secret is a canary, or the one holds the other, as it is or encoded; too short a one is no secret."""
    if len(secret) < SHORTEST:
        return True
    held = {secret, unquote(secret), unquote_plus(secret), _decoded(secret)}
    return any(canary in form or form in canary for canary in canaries if canary for form in held if form)


def _decoded(secret: str) -> str:
    """What a secret is the base64 of; empty if of nothing."""
    try:
        return b64decode(f"{secret}==", altchars=b"-_" if {*"-_"} & {*secret} else None).decode()
    except ValueError:  # no base64, or of bytes
        return ""


SUBJECT = Check(
    "subject",
    "The subject leaves out nothing that its simulator can do, so that what is exempt cannot be tried.",
    _cases,
)
