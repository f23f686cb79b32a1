"""What a person sees of a violation: the sentence, and what happened to the operation in order of time."""

from __future__ import annotations

from ..entries import Answered, Asked, Attempted, Event, Journalled, Probed, Spent, Told, Wire
from ..verdicts import Invariant, Verdict, Witness
from .record import Operation, Record


def verdict(invariant: Invariant, witnesses: list[Witness]) -> Verdict:
    """Invalid with these witnesses, or valid if there are none."""
    return Verdict(invariant, "invalid" if witnesses else "valid", tuple(witnesses))


def witness(record: Record, operation: Operation, says: str) -> Witness:
    """A violation by one operation, with its story."""
    return Witness(says, operation.name, story(record, operation))


def story(record: Record, operation: Operation) -> tuple[str, ...]:
    """What happened to an operation: one line for each thing, with seconds since the first entry."""
    calls = {asked.call for asked in operation.asked}
    numbers = {attempt.attempt for attempt in operation.attempts} | {probe.attempt for probe in operation.probes}
    lines: list[tuple[float, float, str]] = []
    arrivals: list[tuple[float, int]] = []  # what happens at the same time as a request happens after it
    for place, entry in enumerate(record.history.entries):
        line = ""
        if isinstance(entry, Wire) and entry.lane != "client" and entry.attempt in numbers:
            arrivals.append((entry.at, place))
        match entry:
            case Asked() if entry.call in calls:
                line = f"{entry.client} asks for {entry.action} (call {entry.call})"
            case Told() if entry.call in calls:
                line = f"{record.calls[entry.call].client} is told: {_told(entry, operation)} (call {entry.call})"
            case Attempted() if entry.operation == operation.name:
                line = f"{entry.worker} sends attempt {entry.attempt} k={entry.key[-6:]}"
            case Answered() if entry.operation == operation.name:
                line = f"attempt {entry.attempt}: {entry.error or 'acknowledged'}, effect {entry.effect}"
            case Probed() if entry.operation == operation.name:
                line = f"{entry.worker} looks: {entry.finding}"
            case Journalled() if entry.operation == operation.name:
                line = f"{entry.worker} writes down: {entry.status} (epoch {entry.epoch})"
            case Spent() if entry.operation == operation.name:
                line = f"{entry.approval} is spent"
            case Wire() if entry.fault and entry.attempt in numbers:
                line = f"FAULT {entry.point}/{entry.kind} at {entry.request}"
            case Event():
                line = f"{entry.what} {entry.who}".strip()
        if line:
            lines.append((entry.at, place, line))
    lines += [
        (
            effect.at,
            _after(arrivals, effect.at),
            f"EFFECT {effect.kind} {effect.object} {effect.record_id} ({effect.cause})",
        )
        for effect in operation.happened
    ]
    return tuple(f"t={at - record.start:.2f} {line}" for at, _, line in sorted(lines))


def _after(arrivals: list[tuple[float, int]], at: float) -> float:
    return max((place for arrived, place in arrivals if arrived <= at), default=-1) + 0.5


def _told(told: Told, operation: Operation) -> str:
    item = next((item for item in told.items if item.operation == operation.name), None)
    word, error = (told.word, told.error) if item is None else (item.word, item.error)
    return f"{word} ({error})" if error else word
