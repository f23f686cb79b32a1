"""Faults and plans: what goes wrong, where, for which calls, and when.

One fault is a point (where) x a kind (what) x a match (which calls) x a trigger (when). A plan is a list of faults
with one seed. Each fault draws from a random stream of its own, so adding a fault moves no other fault's draws.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ..policies.plain_yaml import Unreadable, load
from .kinds import KINDS, Lane, Point
from .vocabulary import CLIENT_POINTS

DRAWN = "drawn"
"""Description of plans whose faults nobody chose one by one: what is said of them is said of their points and kinds."""


class PlanError(ValueError):
    """A plan that cannot be used; the message says what to do."""


def _seconds(value: object) -> object:
    """Durations may be written as numbers or as ``"120s"``, ``"250ms"``, ``"2m"``."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*([\d.]+)\s*(ms|s|m)?\s*", value)):
        return float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}[found[2]]
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Match(_Frozen):
    """Which calls a fault is for; what is left out matches everything.

    Args:
        system: Name of the simulator, for example ``salesforce``.
        operation: The simulator's name of the operation, for example ``create``, or a list of them; for a fault of the
            client side, the action.
        lane: ``read``, ``write`` or ``auth``.
        worker: The process that a fault of the client side is for, for example ``w1``.
    """

    system: str | None = None
    operation: str | tuple[str, ...] | None = None
    lane: Lane | None = None
    worker: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Match:
        for name, value in (("system", self.system), ("operation", self.operation), ("worker", self.worker)):
            if value is not None and not all((value,) if isinstance(value, str) else value or ("",)):
                raise ValueError(f"{name} names nothing, so nothing would match: leave it out, or name what is meant")
        return self

    @property
    def operations(self) -> tuple[str, ...]:
        """The named operations, as a tuple."""
        return (self.operation,) if isinstance(self.operation, str) else self.operation or ()


class Trigger(_Frozen):
    """When a fault fires, among the calls that match it. Exactly one of the fields; none means at every call.

    Args:
        nth: At the n-th matching call only, from 1.
        every: At each n-th matching call.
        first: At the first n matching calls.
        window: While the simulator is between t0 and t1 seconds old.
        probability: With this chance, drawn from the fault's own seeded stream.
        key: At each matching request that holds this text, in its address or in its body.
    """

    nth: int | None = Field(default=None, ge=1)
    every: int | None = Field(default=None, ge=1)
    first: int | None = Field(default=None, ge=1)
    window: tuple[Seconds, Seconds] | None = None
    probability: float | None = Field(default=None, gt=0, le=1)
    key: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_of(self) -> Trigger:
        if len(self.model_fields_set) > 1:
            raise ValueError("name one trigger only: nth, every, first, window, probability or key")
        if self.window is not None and self.window[1] <= self.window[0]:
            raise ValueError("a window that ends before it starts never fires: write [t0, t1] with t0 < t1")
        return self

    def fires(self, seen: int, age: float, draw: Callable[[], float], holds: Callable[[str], bool]) -> bool:
        """Whether it fires at a call.

        Args:
            seen: The number of the call among those that match, from 1.
            age: Seconds since the start.
            draw: Draws a number from 0 to 1.
            holds: Whether a text is in what was sent.
        """
        if self.nth is not None:
            return seen == self.nth
        if self.every is not None:
            return seen % self.every == 0
        if self.first is not None:
            return seen <= self.first
        if self.window is not None:
            return self.window[0] <= age < self.window[1]
        if self.probability is not None:
            return draw() < self.probability
        return self.key is None or holds(self.key)


class Fault(_Frozen):
    """One thing that goes wrong.

    Args:
        id: Unique name within the plan; also names the fault's random stream.
        match: Which calls.
        point: Where in the call, see `kinds`.
        kind: What happens, see `kinds`.
        params: The kind's parameters; what is left out has the kind's default.
        trigger: When.
        times: How often at most; None is without limit.
    """

    id: str = Field(min_length=1)
    match: Match = Match()
    point: Point
    kind: str
    params: Mapping[str, Any] = Field(default_factory=dict)
    trigger: Trigger = Trigger()
    times: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _can_happen(self) -> Fault:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault kind {self.kind!r}{nearest(self.kind, KINDS)}")
        kind = KINDS[self.kind]
        if self.point not in kind.points:
            raise ValueError(f"{self.kind} cannot happen at {self.point}: set point to {' or '.join(kind.points)}")
        lanes = kind.lanes_at(self.point)
        if self.match.lane is not None and self.match.lane not in lanes:
            where = "" if lanes == kind.lanes else f" {self.point}"
            raise ValueError(
                f"{self.kind} never happens{where} to the {self.match.lane} lane: "
                f"set match.lane to {' or '.join(lanes)}"
            )
        for name, value in self.params.items():
            if isinstance(value, float) and not isfinite(value):
                raise ValueError(f"{self.kind}: {name} must be a finite number, not {value}")
        if problem := kind.problem_with(self.point, self.params):
            raise ValueError(f"{self.kind}: {problem}")
        if self.client_side and self.match.lane is not None:
            raise ValueError(f"{self.kind} happens to actions, which have no lane: set match.operation to their names")
        if self.client_side and self.trigger.key is not None:
            raise ValueError(f"{self.kind} happens before there is a request that could hold a key: use nth or first")
        if not self.client_side and self.match.worker is not None:
            raise ValueError(f"{self.kind} happens at the system, which knows no workers: leave match.worker out")
        return self

    @property
    def client_side(self) -> bool:
        """Whether it happens in the client's own process and not at the system or on the way to it."""
        return self.point in CLIENT_POINTS

    def param(self, name: str) -> Any:
        """A parameter of the kind, or its default."""
        return self.params.get(name, KINDS[self.kind].params[name])


class Plan(_Frozen):
    """Faults with a seed.

    Args:
        seed: Root of every random stream.
        faults: The faults; where several want the same call, the first one has it.
        heal_at: Seconds after the simulator's start from which no fault fires any more; None is never.
        description: What the plan is for.
    """

    seed: int = 0
    faults: tuple[Fault, ...] = ()
    heal_at: Seconds | None = None
    description: str = ""

    @model_validator(mode="after")
    def _every_fault_can_fire(self) -> Plan:
        seen: set[str] = set()
        for fault in self.faults:
            if fault.id in seen:
                raise ValueError(f"two faults have the id {fault.id!r}: give each its own")
            seen.add(fault.id)
            window = fault.trigger.window
            if self.heal_at is not None and self.heal_at <= (window[0] if window else 0.0):
                raise ValueError(f"fault {fault.id!r} can never fire: heal_at ({self.heal_at} s) comes before it")
        return self

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a plan from a YAML file.

        Raises:
            PlanError: The file cannot be read, is no plan, or holds a fault that can never fire.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PlanError(f"cannot read the plan {path}: {error}") from error
        return cls.parse(text, name=str(path))

    @classmethod
    def bundled(cls, name: str) -> Plan:
        """A plan that ships with the package: ``calm`` or ``harsh``.

        Raises:
            PlanError: There is no such plan.
        """
        folder = Path(__file__).parent / "plans"
        file = folder / f"{name}.yaml"
        if not file.is_file():
            known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
            raise PlanError(f"there is no bundled plan {name!r}; there are: {known}")
        return cls.load(file)

    @classmethod
    def parse(cls, text: str, *, name: str = "plan") -> Plan:
        """Read a plan from YAML text; `name` is used in messages.

        Raises:
            PlanError: The text is no plan, or holds a fault that can never fire.
        """
        content = read_yaml(text, name)
        try:
            return cls.model_validate({} if content is None else content)
        except ValidationError as error:
            raise PlanError(f"{name}: {_first_problem(error, content)}") from error

    def with_seed(self, seed: int) -> Plan:
        """The same plan with other draws."""
        return self.model_copy(update={"seed": seed})


def read_yaml(text: str, name: str) -> Any:
    """What a YAML text says: mappings, lists, texts, numbers, and nothing else.

    Args:
        text: The text.
        name: What it is called in messages.

    Raises:
        PlanError: It is no YAML, says something twice, or holds something else.
    """
    try:
        content = load(text)
    except Unreadable as error:
        raise PlanError(f"{name} is not YAML: {error}") from error
    if (strange := _strange(content)) is not None:
        raise PlanError(f"{name} holds {strange}: write texts, numbers, lists and mappings only")
    return content


def _strange(content: Any) -> str | None:
    """What a plan cannot hold, if there is anything."""
    if isinstance(content, dict | list):
        inside = content.values() if isinstance(content, dict) else content
        return next(filter(None, map(_strange, inside)), None)
    return None if content is None or isinstance(content, str | int | float) else f"a {type(content).__name__}"


def _first_problem(error: ValidationError, content: object) -> str:
    first = error.errors(include_url=False)[0]
    place = list(first["loc"])
    if place[:1] == ["faults"] and len(place) > 1 and isinstance(content, dict):
        fault = content["faults"][place[1]]
        place[:2] = [f"fault {fault['id']!r}" if isinstance(fault, dict) and "id" in fault else f"fault {place[1]}"]
    where = " ".join(str(part) for part in place)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "no such field; remove it or correct its name"
    return f"{where}: {message}" if where else message


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the known one it comes close to, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(names)}"
