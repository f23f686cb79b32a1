"""A scenario: everything that an episode needs to happen again. A file of it replays a failure with one command."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...policies.plain_yaml import resolve_scalars
from ..faults import Plan, PlanError, read_yaml

_ASKED = 0.25  # of the drawn scenarios have people
_FOLLOWED = 0.5  # of the calls that can be are followed by a newer one


class _Dumper(yaml.SafeDumper):
    """Puts into quotes what would be read as something else: YAML 1.1, which it writes, takes `7e12` for a text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # U+0085 is a line break to YAML, and would be read as a space.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\x85" in text else None)


resolve_scalars(_Dumper)
_Dumper.add_representer(str, _text)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PlannedCall(_Frozen):
    """One call that a client makes.

    Args:
        client: The client's number; a client makes one call after the other.
        at: Virtual seconds after the start at which it is made at the earliest.
        action: The action.
        sample: Number of the sample: calls with one action and number ask for the same thing.
        worker: The process that is asked, by its place among those alive.
        again: How often the client asks again after an answer that leaves it in doubt.
        reworded: Whether it asks in the sample's other wording, if there is one.
        deadline: Seconds; the system's default if None.
        gives_up_after: Seconds after which the client goes away; None to wait.
        system: The system, where a scenario has several.
        newer: It asks for what the sample has to follow it, as one who has seen the sample's own answer and read the
            record again; nothing is asked by a client that has not.
    """

    client: int = 1
    at: float = Field(default=0.0, ge=0)
    action: str
    sample: int = Field(ge=0)
    worker: int = 0
    again: int = Field(default=0, ge=0)
    reworded: bool = False
    deadline: float | None = Field(default=None, gt=0)
    gives_up_after: float | None = Field(default=None, gt=0)
    system: str = ""
    newer: bool = False


class Mishap(_Frozen):
    """Something that happens to a process at a time. What happens at a step of an operation is a fault of the plan.

    Args:
        what: `crash`: it is killed. `pause`: it is held still.
        at: Virtual seconds after the start.
        worker: Which, by its place among those alive.
        seconds: Until it runs again, or until another one takes its place.
    """

    what: Literal["crash", "pause"]
    at: float = Field(default=0.0, ge=0)
    worker: int = 0
    seconds: float = Field(default=1.0, ge=0)


class People(_Frozen):
    """People who must approve some writes before they are sent, and how they go about it.

    Args:
        actions: The writes that they are asked about; all if empty.
        after: Virtual seconds until somebody decides.
        rejects: How likely they say no, from 0 to 1.
    """

    actions: tuple[str, ...] = ()
    after: float = Field(default=30.0, ge=0)
    rejects: float = Field(default=0.0, ge=0, le=1)


class Scenario(_Frozen):
    """What an episode is made of.

    Args:
        subject: Name of the subject, or `module:Class`.
        seed: Seeds the jitter of the processes.
        plan: The faults.
        calls: The calls.
        mishaps: What happens to the processes.
        people: Who must approve writes; nobody if None.
        workers: Processes at the start.
        broke: Numbers of the invariants that it broke when it was written down.
        note: What a person should know of it.
    """

    subject: str
    seed: int = 0
    plan: Plan = Plan()
    calls: tuple[PlannedCall, ...]
    mishaps: tuple[Mishap, ...] = ()
    people: People | None = None
    workers: int = Field(default=1, ge=1)
    broke: tuple[int, ...] = ()
    note: str = ""

    def save(self, path: str | Path) -> None:
        """Write it as YAML."""
        shown = self.model_dump(mode="json", exclude_defaults=True)
        Path(path).write_text(yaml.dump(shown, Dumper=_Dumper, sort_keys=False, allow_unicode=True), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Scenario:
        """Read what `save` wrote.

        Raises:
            PlanError: It cannot be read, or is no scenario.
        """
        try:
            return cls.model_validate(read_yaml(Path(path).read_text(encoding="utf-8"), str(path)))
        except (OSError, UnicodeDecodeError) as error:
            raise PlanError(f"cannot read the scenario {path}: {error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise PlanError(f"{path} is no scenario: {where}: {first['msg'].removeprefix('Value error, ')}") from error


def drawn(
    subject: str,
    seed: int,
    plan: Plan,
    actions: Sequence[str],
    *,
    operations: int = 8,
    clients: int = 3,
    workers: int = 2,
    mishaps: int = 2,
    approved: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    followed: Collection[str] = (),
) -> Scenario:
    """A random scenario: clients that repeat themselves, reword, go away and share requests; processes that die.

    Each stream of draws has a name of its own, so that a draw more in one place moves no other.

    Args:
        subject: The subject.
        seed: The seed.
        plan: The faults; gets the same seed.
        actions: The actions to choose from.
        operations: How many different things are asked for.
        clients: How many clients at most.
        workers: How many processes at most.
        mishaps: How many mishaps at most.
        approved: Writes about which people may be asked: about one or two of them, in one scenario of four.
        weights: How likely each action is; 1 where nothing is said.
        followed: Actions whose samples have something newer to follow them, which is asked for now and then.
    """
    draw = _stream(seed, "calls")
    said = weights or {}
    chosen = draw.choices(list(actions), weights=[said.get(action, 1.0) for action in actions], k=operations)
    calls: list[PlannedCall] = []
    for number, action in enumerate(chosen, 1):
        calls.append(_call(draw, clients, workers, action, number))
        while draw.random() < 0.3:  # the same thing again, by whom it may be
            calls.append(_call(draw, clients, workers, action, number, reworded=draw.random() < 0.2))
    calls += _newer(_stream(seed, "newer"), calls, followed)
    ill = _stream(seed, "mishaps")
    happened: list[Mishap] = []
    for _ in range(ill.randint(0, mishaps)):
        what: Any = ill.choice(["crash", "crash", "pause"])
        at, seconds = round(ill.uniform(0, 30), 2), round(ill.choice([0.0, 1.0, 5.0, 45.0]), 2)
        happened.append(Mishap(what=what, seconds=seconds, at=at, worker=ill.randrange(workers)))
    return Scenario(
        subject=subject,
        seed=seed,
        plan=plan.with_seed(seed),
        calls=tuple(sorted(calls, key=lambda call: call.at)),
        mishaps=tuple(sorted(happened, key=lambda one: one.at)),
        people=_people(_stream(seed, "people"), approved),
        workers=ill.randint(1, workers),
    )


def _newer(draw: random.Random, calls: Sequence[PlannedCall], followed: Collection[str]) -> list[PlannedCall]:
    """Calls for what is newer, each by a client that asked for the older first."""
    found = [call for call in calls if call.action in followed and not call.reworded]
    return [
        call.model_copy(update={"newer": True, "at": round(call.at + draw.uniform(0.01, 10), 2), "again": 3})
        for call in found
        if draw.random() < _FOLLOWED
    ]


def _people(draw: random.Random, approved: Sequence[str]) -> People | None:
    if not approved or draw.random() >= _ASKED:
        return None
    actions = draw.sample(list(approved), k=min(len(approved), draw.choice([1, 2])))
    after = round(draw.choice([0.0, draw.uniform(0, 5), draw.uniform(0, 120)]), 2)
    return People(actions=tuple(sorted(actions)), after=after, rejects=draw.choice([0.0, 0.0, 0.3]))


def _call(
    draw: random.Random, clients: int, workers: int, action: str, number: int, *, reworded: bool = False
) -> PlannedCall:
    return PlannedCall(
        client=draw.randint(1, clients),
        at=round(draw.choice([0.0, draw.uniform(0, 5), draw.uniform(0, 60)]), 2),
        action=action,
        sample=number,
        worker=draw.randrange(workers),
        again=draw.choice([0, 0, 1, 3]),
        reworded=reworded,
        deadline=draw.choice([None, None, None, 3.0, 12.0]),
        gives_up_after=round(draw.uniform(0.1, 15), 2) if draw.random() < 0.1 else None,
    )


def _stream(seed: int, name: str) -> random.Random:
    return random.Random(f"{seed}/{name}")  # noqa: S311 -- repeatable on purpose
