"""A history and its effect logs, indexed once by logical operation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...effects import Effect
from ..entries import (
    ActionFacts,
    Answered,
    Asked,
    Attempted,
    Compensated,
    Event,
    Journalled,
    Probed,
    Setting,
    Told,
    Wanted,
    Wire,
    Word,
)
from ..history import History
from .attribution import Senders

EPSILON = 1e-6  # seconds; virtual times are sums of floating-point numbers


@dataclass(frozen=True, slots=True)
class Claim:
    """What one client was told of one operation.

    Args:
        asked: The call.
        told: Its answer.
        word: What was said of this operation; for a batch, of its item.
        item: Whether it is an item of a batch.
        error: Class of the error.
        record: The record that its receipt names.
        place: Place of the answer in the history: virtual times are often the same.
    """

    asked: Asked
    told: Told
    word: Word
    item: bool
    error: str
    record: str
    place: int


@dataclass(slots=True)
class Operation:
    """One logical operation.

    Args:
        name: Its name.
        system: Its system.
        action: Its single action.
        wanted: By which effects it is known.
        asked: The calls for it.
        begun: Places of these in the history, by the number of the call.
        claims: What clients were told.
        attempts: What was sent for it.
        places: Places of these in the history.
        answers: What became of each attempt, by its number.
        probes: The looks for it.
        journal: Its states in the ledger.
        course: Attempts and states, in order, each with its place.
        rejections: Places of the states that reject it.
        effects: Its effects, for each of `wanted`.
    """

    name: str
    system: str = ""
    action: str = ""
    wanted: tuple[Wanted, ...] = ()
    asked: list[Asked] = field(default_factory=list)
    begun: dict[int, int] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    attempts: list[Attempted] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    answers: dict[int, Answered] = field(default_factory=dict)
    probes: list[Probed] = field(default_factory=list)
    journal: list[Journalled] = field(default_factory=list)
    course: list[tuple[int, Attempted | Journalled]] = field(default_factory=list)
    rejections: list[int] = field(default_factory=list)
    effects: list[list[Effect]] = field(default_factory=list)

    @property
    def happened(self) -> list[Effect]:
        """Its effects in order, each once."""
        return sorted({effect.seq: effect for some in self.effects for effect in some}.values(), key=lambda e: e.seq)

    @property
    def first(self) -> float | None:
        """When the last of the effects that it needs was there for the first time; None while one is missing."""
        if not self.effects or not all(self.effects):
            return None
        return max(min(effect.at for effect in some) for some in self.effects)

    @property
    def status(self) -> str:
        """The last state in the ledger; empty if it has none."""
        return self.journal[-1].status if self.journal else ""


class Record:
    """The index.

    Args:
        history: The history.
        effects: System → its effect log.
    """

    def __init__(self, history: History, effects: Mapping[str, Sequence[Effect]]) -> None:
        self.history = history
        self.setting: Setting = history.setting
        self.effects = effects
        self.start = history.entries[0].at if history.entries else 0.0
        self.calls: dict[int, Asked] = {}
        self.told: dict[int, Told] = {}
        self.wires: list[Wire] = []
        self.writes: dict[int, dict[int, Wire]] = defaultdict(dict)
        """Attempt → its requests on the wire that write, by their places."""
        self.events: list[Event] = []
        self.compensated: list[Compensated] = []
        self.operations: dict[str, Operation] = {}
        self.attempts: dict[int, list[Attempted]] = defaultdict(list)
        self._index(history.entries)
        for name, wanted in self.setting.wanted.items():
            self._operation(name).wanted = wanted
        for operation in self.operations.values():
            operation.effects = [[] for _ in operation.wanted]
        self.unasked: dict[str, list[Effect]] = {}
        """System → its effects that no operation wanted."""
        senders = Senders(history.entries)
        for system, log in effects.items():
            self.unasked[system] = [effect for effect in log if self._is_unasked(system, effect, senders)]

    def facts(self, operation: Operation) -> ActionFacts | None:
        """What is declared of an operation's action."""
        system = self.setting.systems.get(operation.system)
        return None if system is None else system.actions.get(operation.action)

    def event(self, what: str) -> Event | None:
        """The first event of a kind."""
        return next((event for event in self.events if event.what == what), None)

    def _is_unasked(self, system: str, effect: Effect, senders: Senders) -> bool:
        """Give an effect to the operations whose it is; whether it is no operation's, as far as that can be told."""
        here = [one for one in self.operations.values() if one.system == system]
        takers = [one for one in here if any(matches(wanted, effect) for wanted in one.wanted)]
        own = senders.of(system, effect)
        if own is not None:
            # An adapter may send for several attempts from a task that belongs to the first of them.
            takers = [one for one in takers if one.name in own] or [
                one for one in takers if senders.was_sending(one.attempts, effect.at)
            ]
        for taker in takers:
            for wanted, effects in zip(taker.wanted, taker.effects, strict=True):
                if matches(wanted, effect):
                    effects.append(effect)
        askers = here if own is None else [one for one in here if one.name in own]
        if takers or not all(one.wanted for one in askers) or (effect.kind == "update" and not effect.changed):
            return False
        about = [wanted for one in here for wanted in one.wanted if wanted.object == effect.object]
        if own is None:
            return any(effect.kind in wanted.kinds for wanted in about)
        # What a system makes beside what was asked for is often its own; what it had is nobody's to change.
        return bool(about) or effect.kind in ("update", "delete")

    def _operation(self, name: str) -> Operation:
        if name not in self.operations:
            self.operations[name] = Operation(name)
        return self.operations[name]

    def _index(self, entries: Iterable[object]) -> None:
        for place, entry in enumerate(entries):
            match entry:
                case Asked():
                    self.calls[entry.call] = entry
                    for name in _named(entry):
                        operation = self._operation(name)
                        operation.asked.append(entry)
                        operation.begun[entry.call] = place
                        operation.system = entry.system
                        operation.action = operation.action or ("" if entry.items else entry.action)
                case Told():
                    self.told[entry.call] = entry
                    self._claim(self.calls[entry.call], entry, place)
                case Attempted():
                    self.attempts[entry.attempt].append(entry)
                    if entry.operation:
                        operation = self._operation(entry.operation)
                        operation.attempts.append(entry)
                        operation.places.append(place)
                        operation.course.append((place, entry))
                        operation.system, operation.action = entry.system, entry.action
                case Answered() if entry.operation:
                    self._operation(entry.operation).answers[entry.attempt] = entry
                case Probed() if entry.operation:
                    self._operation(entry.operation).probes.append(entry)
                case Journalled() if entry.operation:
                    operation = self._operation(entry.operation)
                    operation.journal.append(entry)
                    operation.course.append((place, entry))
                    if entry.status == "rejected":
                        operation.rejections.append(place)
                case Wire():
                    self.wires.append(entry)
                    if entry.lane == "write":
                        self.writes[entry.attempt][place] = entry
                case Event():
                    self.events.append(entry)
                case Compensated():
                    self.compensated.append(entry)
                case _:
                    pass

    def _claim(self, asked: Asked, told: Told, place: int) -> None:
        if asked.items:
            for item in told.items:
                self._operation(item.operation).claims.append(
                    Claim(asked, told, item.word, item=True, error=item.error, record=item.record, place=place)
                )
        elif asked.operation:
            claim = Claim(asked, told, told.word, item=False, error=told.error, record=told.record, place=place)
            self._operation(asked.operation).claims.append(claim)


def _named(asked: Asked) -> Iterator[str]:
    if asked.items:
        yield from asked.items
    elif asked.operation:
        yield asked.operation


def still(events: Sequence[Event]) -> list[tuple[str, float, float]]:
    """Which processes stood still, from when and until when."""
    began: dict[str, float] = {}
    found: list[tuple[str, float, float]] = []
    for event in events:
        if event.what == "pause":
            began.setdefault(event.who, event.at)
        elif event.what in ("resume", "crash") and event.who in began:
            found.append((event.who, began.pop(event.who), event.at))
    return found + [(who, at, float("inf")) for who, at in began.items()]


def matches(wanted: Wanted, effect: Effect) -> bool:
    """Whether an effect is one by which an operation is known."""
    return (
        effect.object == wanted.object
        and effect.kind in wanted.kinds
        and all(
            text == effect.record_id if name == "id" else text in str(effect.fields.get(name, ""))
            for name, text in wanted.where.items()
        )
    )


def counts(wanted: Wanted, effect: Effect) -> bool:
    """Whether an effect changed anything that the operation is about: writing the same again is no second effect."""
    if effect.kind != "update":
        return True
    about = {*wanted.content, *wanted.contains}
    return not about.isdisjoint(effect.changed) if about else bool(effect.changed)


def as_asked(wanted: Wanted, effect: Effect) -> bool:
    """Whether an effect wrote what was asked for. An update may leave out what was so already."""
    if effect.kind == "delete":
        return True
    fields, may_lack = effect.fields, effect.kind == "update"
    return all(
        str(fields[name]) == str(value) if name in fields else may_lack for name, value in wanted.content.items()
    ) and all(text in str(fields[name]) if name in fields else may_lack for name, text in wanted.contains.items())


def unasked(wanted: Wanted, effect: Effect) -> set[str]:
    """Fields that an effect wrote or changed although nobody had asked for it."""
    if wanted.beside is None:
        return set()
    written = set(effect.changed) if effect.kind == "update" else {*effect.fields}
    return written - {*wanted.content, *wanted.contains, *wanted.where, *wanted.beside}
