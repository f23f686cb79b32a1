"""Which scenarios to play: every single fault, then pairs, then random schedules."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from ..faults import DRAWN, Fault, Match, Plan, PlanError, Trigger, nearest
from ..kinds import KINDS
from ..virtual_time import LoopClock, run
from .entries import Attempted, Wire
from .episode import play
from .exhaustive import single_client_faults, single_faults
from .parameters import varied
from .scenario import PlannedCall, Scenario, drawn
from .subject import Subject, SubjectError, Target
from .subjects import load_subject

T = TypeVar("T")

_ASKS = 2  # how often a client asks again after an answer that leaves it in doubt


def followed_of(subject: Subject) -> tuple[str, ...]:
    """The actions whose samples have something newer to follow them."""

    def followed(target: Any) -> tuple[str, ...]:
        samples = enumerate(subject.samples(target).items(), 1)  # each its own number, as in an episode
        return tuple(name for n, (name, make) in samples if make(n).newer is not None)

    return _of_target(subject, followed)


def asked_of(subject: Subject) -> tuple[str, ...]:
    """The actions of which a subject makes samples.

    Raises:
        SubjectError: It makes none.
    """
    if not (found := _of_target(subject, lambda target: tuple(subject.samples(target)))):
        raise SubjectError(
            f"{subject.name}: the subject makes no samples, so that nothing can be tried: let its samples() make some"
        )
    return found


def check_systems(plan: Plan, subjects: Iterable[Subject]) -> None:
    """Refuse a plan with a fault of a system that none of the subjects is.

    A fault of the client side names the subject, as its calls do; any other names the simulator.

    Args:
        plan: The plan.
        subjects: The subjects that it is for.

    Raises:
        PlanError: There is one, so that it could never fire.
    """
    named = [fault for fault in plan.faults if fault.match.system is not None]
    some = list(subjects) if named else []
    called = {subject.name for subject in some}
    simulated = {_of_target(subject, _system_of) for subject in some}
    for fault in named:
        system = str(fault.match.system)
        known, others = (called, simulated) if fault.client_side else (simulated, called)
        if system in known:
            continue
        says = f"there is no system {system!r}{nearest(system, known)}"
        if system in others:
            one = "subject" if fault.client_side else "simulator"
            says = f"{fault.kind} goes by the name of the {one}: set match.system to {' or '.join(sorted(known))}"
        raise PlanError(f"fault {fault.id!r} can never fire: {says}")


def _system_of(target: Target) -> str:
    return target.faults.system


def _of_target(subject: Subject, ask: Callable[[Any], T]) -> T:
    """What is asked of a simulator of the subject, which is there for that alone."""

    async def answer() -> T:
        target = subject.target(Plan(), LoopClock())
        try:
            return ask(target)
        finally:
            target.close()

    return run(answer())


@dataclass(frozen=True, slots=True)
class Course:
    """What an action comes to on the wire.

    Args:
        plain: The requests that it makes when nothing goes wrong.
        in_doubt: Those that come when a reply was lost or a row was locked: probes, retries.
        writes: Whether it changes anything.
        guarded: Whether the target itself keeps a second delivery of the same request from having an effect.
        horizon: Seconds within which a late commit of it must land, and of a batch those of its items as well; None
            where nothing is said.
        leads: Request → the fault after which it comes, for those that come when something went wrong.
        again: Request → the fault after which it comes a second time; None where it needs none.
    """

    plain: frozenset[str]
    in_doubt: frozenset[str]
    writes: bool
    guarded: bool
    horizon: float | None = None
    leads: Mapping[str, Fault] = field(default_factory=dict)
    again: Mapping[str, Fault | None] = field(default_factory=dict)


def course_of(name: str, subject: Subject, action: str) -> Course:
    """What an action comes to on the wire, seen by playing it."""
    calm = play(_one_call(name, action, ()), subject).history
    plain = Counter(wire.request for wire in calm.of(Wire))
    leads: dict[str, Fault] = {}
    again: dict[str, Fault | None] = {request: None for request, count in plain.items() if count > 1}
    for fault in (_LOST, _LOCKED):
        if fault.kind in (subject.kinds or KINDS):
            played = play(_one_call(name, action, (fault,)), subject).history
            for request, count in Counter(wire.request for wire in played.of(Wire)).items():
                if request not in plain:
                    leads.setdefault(request, fault)
                if count > 1:
                    again.setdefault(request, fault)
    declared = calm.setting.systems[subject.name].actions
    facts = declared[action]
    writes = facts.effect != "read"
    guarded = not writes or facts.dedupe in _ENFORCED
    single = {action, *(one.action for one in calm.of(Attempted))}
    horizon = _least(declared[one].horizon for one in single)
    return Course(frozenset(plain), frozenset(leads), writes, guarded, horizon, leads, again)


Courses: TypeAlias = dict[tuple[type[Subject], str], Course]
"""A subject's class and an action → what this comes to on the wire."""


def _seen(name: str, subject: Subject, action: str, known: Courses | None) -> Course:
    key = (type(subject), action)
    if known is None or vars(subject):  # another of its class may be made otherwise
        return course_of(name, subject, action)
    if key not in known:
        known[key] = course_of(name, subject, action)
    return known[key]


def _least(horizons: Iterable[float | None]) -> float | None:
    return min((one for one in horizons if one is not None), default=None)


_LOST = Fault(id="lost", match=Match(lane="write"), point="after_commit", kind="reset", trigger=Trigger(nth=1))
_LOCKED = Fault(id="lock", match=Match(lane="write"), point="apply", kind="lock_error", trigger=Trigger(nth=1))
_SECOND = ("reset", "status", "late_commit", "duplicate_delivery", "lock_error", "sql_error")
"""Kinds that are also tried with the second request of a name."""
_CALM = 0.1  # of the schedules have no faults: what happens is what clients do to each other
_NUMBERS = (1, 1, 2, 2, 3, 4, 6, 9)  # which request or step of a name is struck
_ENFORCED = ("NativeKey", "Upsert", "ClientId", "Transactional")
_TWICE = "duplicate_delivery"
"""Where nothing unique is written, no client can keep a proxy from making two: docs/guarantees.md, G1."""


def faults_of(
    subject: Subject, requests: Collection[str] | None = None, *, more: bool = False, horizon: float | None = None
) -> list[Fault]:
    """Every single fault that can befall a subject.

    Args:
        subject: The subject.
        requests: Only what befalls these; None for all.
        more: Each also with the other parameters that are chosen for its kind.
        horizon: Seconds within which a late commit must land, for these.
    """
    lanes = {name: lane for name, lane in subject.lanes.items() if requests is None or name in requests}
    found = single_faults(
        lanes,
        subject.batches,
        kinds=subject.kinds,
        traits=subject.traits,
        values=subject.values,
        more=more,
        horizon=horizon,
    )
    return list(found)


def singles(name: str, subject: Subject | None = None) -> Iterator[Scenario]:
    """Every action under every single fault that can befall it; what only a lost reply leads to, after one."""
    subject = subject or load_subject(name)
    logins: set[str] = set()
    for action in asked_of(subject):
        course = course_of(name, subject, action)
        for fault in _possible(subject, course, more=course.writes):
            (request,) = fault.match.operations
            if subject.lanes[request] == "auth":
                if fault.id in logins:
                    continue  # a login is the same whatever it is for
                logins.add(fault.id)
            yield _one_call(name, action, (fault,) if request in course.plain else (course.leads[request], fault))
            if request in course.again and fault.kind in _SECOND and not fault.params:
                lead = course.again[request]
                second = fault.model_copy(update={"id": f"{fault.id}-second", "trigger": Trigger(nth=2)})
                yield _one_call(name, action, (second,) if lead is None else (lead, second))
        for fault in single_client_faults({action: course.writes}, more=course.writes):
            yield _one_call(name, action, (fault,))
            if course.writes and not fault.params:
                yield _one_call(name, action, (_LOST, fault))


def pairs(name: str, seed: int, count: int, subject: Subject | None = None) -> Iterator[Scenario]:
    """Actions under two faults, the second after the first; so many of all pairs, drawn.

    Args:
        name: The subject's name.
        seed: Seeds the choice.
        count: How many.
        subject: The subject, if it is not one of those that come with Seawall.
    """
    subject = subject or load_subject(name)
    draw = random.Random(f"{seed}/pairs/{name}")  # noqa: S311 -- repeatable on purpose
    courses = {action: course_of(name, subject, action) for action in asked_of(subject)}
    possible = {
        action: [*_possible(subject, course), *single_client_faults({action: course.writes})]
        for action, course in courses.items()
    }
    actions = [action for action, faults in possible.items() if faults]
    for _ in range(count if actions else 0):
        action = draw.choice(actions)
        first, second = (
            varied(draw.choice(possible[action]), draw, horizon=courses[action].horizon, values=subject.values)
            for _ in range(2)
        )
        later = second.model_copy(update={"trigger": Trigger(nth=draw.choice([1, 2, 2, 3]))})
        yield _one_call(name, action, (_named(first, "first"), _named(later, "second")), DRAWN)


def _possible(subject: Subject, course: Course, *, more: bool = False) -> list[Fault]:
    found = faults_of(subject, course.plain | course.in_doubt, more=more, horizon=course.horizon)
    return [fault for fault in found if course.guarded or fault.kind != _TWICE]


def schedules(
    name: str, seeds: Sequence[int], subject: Subject | None = None, known: Courses | None = None
) -> Iterator[Scenario]:
    """Random schedules: several clients and processes, some of them dying, under faults drawn for each seed.

    Args:
        name: The subject's name.
        seeds: One schedule each.
        subject: The subject, if it is not one of those that come with Seawall.
        known: What was seen of actions before; what is seen now is added. None to look anew.

    Raises:
        SubjectError: The subject makes no samples.
    """
    subject = subject or load_subject(name)
    actions = asked_of(subject)
    courses = [_seen(name, subject, action, known) for action in actions]
    seen = frozenset[str]().union(*(course.plain | course.in_doubt for course in courses))
    unguarded = frozenset[str]().union(*(course.plain for course in courses if not course.guarded))
    horizon = _least(course.horizon for course in courses)
    faults = [
        fault
        for fault in faults_of(subject, seen, horizon=horizon)
        if fault.kind != _TWICE or not unguarded & set(fault.match.operations)
    ]
    own = list(single_client_faults({one: course.writes for one, course in zip(actions, courses, strict=True)}))
    writes = [one for one, course in zip(actions, courses, strict=True) if course.writes]
    followed = followed_of(subject)
    for seed in seeds:
        if random.Random(f"{seed}/calm").random() < _CALM:  # noqa: S311 -- repeatable on purpose
            yield drawn(name, seed, Plan(), actions, approved=writes, followed=followed, mishaps=0)
            continue
        params = random.Random(f"{seed}/parameters")  # noqa: S311 -- repeatable on purpose
        plan = _plan(faults, own, seed)
        faulty = tuple(varied(fault, params, horizon=horizon, values=subject.values) for fault in plan.faults)
        plan = plan.model_copy(update={"faults": faulty})
        yield drawn(name, seed, plan, actions, approved=writes, followed=followed)


def _plan(faults: Sequence[Fault], own: Sequence[Fault], seed: int) -> Plan:
    """Faults of the target and of the client's own processes, drawn; each kind of draw from a stream of its own."""
    ill = random.Random(f"{seed}/own")  # noqa: S311 -- repeatable on purpose
    chosen = [
        ill.choice(own).model_copy(
            update={
                "id": f"own{number}",
                "trigger": Trigger(nth=ill.choice(_NUMBERS)),
                "match": Match() if ill.random() < 0.5 else ill.choice(own).match,
            }
        )
        for number in range(ill.randint(0, 3))
    ]
    draw = random.Random(f"{seed}/faults")  # noqa: S311 -- repeatable on purpose
    for number in range(draw.randint(1, 6)):
        fault = draw.choice(faults)
        trigger = draw.choice(
            [
                Trigger(nth=draw.choice(_NUMBERS)),
                Trigger(first=draw.randint(1, 3)),
                Trigger(probability=round(draw.uniform(0.05, 0.5), 2)),
            ]
        )
        anywhere = Match() if fault.kind != _TWICE and draw.random() < 0.3 else fault.match
        chosen.append(
            fault.model_copy(update={"id": f"f{number}", "trigger": trigger, "times": None, "match": anywhere})
        )
    return Plan(seed=seed, faults=tuple(chosen), description=DRAWN)


def _one_call(name: str, action: str, faults: tuple[Fault, ...], description: str = "") -> Scenario:
    call = PlannedCall(action=action, sample=1, again=_ASKS)
    return Scenario(subject=name, plan=Plan(faults=faults, description=description), calls=(call,))


def _named(fault: Fault, name: str) -> Fault:
    return fault.model_copy(update={"id": f"{name}-{fault.id}"})
