"""An episode as marks on three lanes: what clients asked and heard, what went on the wire, what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...effects import Effect
from ..entries import Answered, Asked, Attempted, Entry, Event, Journalled, Probed, Spent, Told, Wire
from ..history import History

Lane = Literal["clients", "wire", "effects"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing on a lane.

    Args:
        at: Seconds since the first entry.
        lane: Which lane.
        who: Whose column of the lane it is in; empty for everybody's.
        kind: Its class, which colours it.
        label: What is written beside it.
        title: All of it, shown when it is pointed at.
        begins: Names the span that begins here; empty for none.
        ends: Names the span that ends here.
    """

    at: float
    lane: Lane
    who: str
    kind: str
    label: str
    title: str
    begins: str = ""
    ends: str = ""


def marks(history: History, effects: Mapping[str, Sequence[Effect]]) -> list[Mark]:
    """Everything that is worth a mark, in order; an effect stands after the request that it may come from.

    Args:
        history: The history.
        effects: System → its effect log.
    """
    start = history.entries[0].at if history.entries else 0.0
    workers = {entry.attempt: entry.worker for entry in history.of(Attempted)}
    workers |= {entry.attempt: entry.worker for entry in history.of(Probed)}
    asked = {entry.call: entry for entry in history.of(Asked)}
    placed: list[tuple[float, float, Mark]] = []
    arrived: list[tuple[float, int]] = []
    seen: set[tuple[type[Entry], int]] = set()
    for place, entry in enumerate(history.entries):
        if isinstance(entry, Wire) and entry.lane != "client":
            arrived.append((entry.at, place))
        if isinstance(entry, (Attempted, Answered)):
            if (type(entry), entry.attempt) in seen:  # one of the other items of a batch
                continue
            seen.add((type(entry), entry.attempt))
        mark = _mark(entry, entry.at - start, asked, workers)
        if mark is not None:
            placed.append((entry.at, place, mark))
    for system, log in effects.items():
        for effect in log:
            after = max((place for at, place in arrived if at <= effect.at), default=-1)
            placed.append((effect.at, after + 0.5, _effect(effect, system, effect.at - start)))
    return [mark for _, _, mark in sorted(placed, key=lambda one: one[:2])]


def _mark(entry: Entry, at: float, asked: Mapping[int, Asked], workers: Mapping[int, str]) -> Mark | None:
    match entry:
        case Asked():
            what = _without_system(entry.operation, entry.system) or f"{entry.action} ({len(entry.items) or 'read'})"
            title = f"{entry.client} asks for {entry.system}.{entry.action}, within {entry.deadline:g} s"
            label = f"{entry.client} asks {what}{', reworded' if entry.reworded else ''}"
            return Mark(at, "clients", entry.client, "asked", label, title, begins=f"call {entry.call}")
        case Told():
            who = asked[entry.call].client
            word = entry.word.replace("_", " ")
            label = f"{who} is told {word}" if entry.word != "cut_off" else f"{who} hears nothing any more"
            title = entry.text or f"call {entry.call}: {word}"
            error = f" ({entry.error})" if entry.error else ""
            return Mark(at, "clients", who, entry.word, f"{label}{error}", title, ends=f"call {entry.call}")
        case Attempted():
            title = f"attempt {entry.attempt} of {entry.operation or 'a read'} under key {entry.key or 'none'}"
            label = f"{entry.worker} sends {entry.action}" + (f" key …{entry.key[-6:]}" if entry.key else "")
            return Mark(at, "wire", entry.worker, "sent", label, title, begins=f"attempt {entry.attempt}")
        case Answered():
            kind = entry.effect if entry.error else "applied"
            title = f"attempt {entry.attempt} of {entry.operation or 'a read'}: effect {entry.effect}"
            return Mark(
                at,
                "wire",
                workers.get(entry.attempt, ""),
                kind,
                entry.error or "acknowledged",
                title,
                ends=f"attempt {entry.attempt}",
            )
        case Probed():
            title = f"{entry.worker} looked for {entry.operation} for {entry.at - entry.began:.2f} s"
            label = f"{entry.worker} looks: {entry.finding.replace('_', ' ')}"
            return Mark(at, "wire", entry.worker, "probe", label, title)
        case Wire() if entry.fault:
            title = f"fault {entry.fault} befalls {entry.request}"
            where = "" if entry.request == entry.point else f" at {entry.request}"
            label = f"{entry.point}/{entry.kind}{where}"
            return Mark(at, "wire", workers.get(entry.attempt, ""), "fault", label, title)
        case Journalled():
            title = f"the ledger has {entry.operation} as {entry.status}, epoch {entry.epoch}"
            return Mark(at, "wire", entry.worker, f"ledger {entry.status}", f"ledger: {entry.status}", title)
        case Spent():
            title = f"{entry.approval} lets {entry.operation} run"
            return Mark(at, "clients", "", "approved", "people approved it", title)
        case Event():
            label = f"{entry.what} {entry.who}".strip()
            return Mark(at, "wire", entry.who, f"event {entry.what}", label, label)
        case _:
            return None


def _effect(effect: Effect, system: str, at: float) -> Mark:
    cause = "" if effect.cause == "request" else f", {effect.cause.replace('_', ' ')}"
    title = f"{system}: " + (", ".join(f"{name}={value}" for name, value in effect.fields.items()) or "no fields")
    label = f"{effect.kind} {effect.object} {effect.record_id}{cause}"
    return Mark(at, "effects", "", f"effect {effect.cause}", label, title)


def _without_system(operation: str, system: str) -> str:
    return operation.removeprefix(f"{system}.")
