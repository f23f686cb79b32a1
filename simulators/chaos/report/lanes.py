"""An episode as three lanes over virtual time: what clients asked and heard, what went on the wire, what happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from ...effects import Effect
from ..entries import Answered, Asked, Attempted, Event, Journalled, Probed, Told, Wire
from ..history import History

_LANES = ("clients", "wire", "effects")
_WIDTH, _LEFT, _ROW = 980, 70, 15
_HEIGHT = 118  # of one lane
_ROWS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing on a lane.

    Args:
        at: Seconds since the first entry.
        lane: Which lane.
        kind: Its class, which colours it.
        label: A word beside it.
        title: All of it, shown when it is pointed at.
    """

    at: float
    lane: str
    kind: str
    label: str
    title: str


def lanes(history: History, effects: Mapping[str, Sequence[Effect]]) -> str:
    """The lanes as an SVG drawing.

    Args:
        history: The history.
        effects: System → its effect log.
    """
    marks = sorted(_marks(history, effects), key=lambda mark: mark.at)
    if not marks:
        return ""
    places = _places(sorted({mark.at for mark in marks}))
    height = len(_LANES) * _HEIGHT + 30
    drawn = [f'<svg class="lanes" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="clients, wire and effects">']
    for number, lane in enumerate(_LANES):
        top = number * _HEIGHT
        drawn.append(f'<rect class="lane l{number % 2}" x="0" y="{top}" width="{_WIDTH}" height="{_HEIGHT}"/>')
        drawn.append(f'<text class="name" x="8" y="{top + 20}">{lane}</text>')
    rows: dict[tuple[str, float], int] = {}
    for mark in marks:
        row = rows[mark.lane, mark.at] = rows.get((mark.lane, mark.at), -1) + 1
        if row < _ROWS:
            drawn.append(_drawn(mark, places[mark.at], row))
    drawn += _axis(places, height)
    return "".join([*drawn, "</svg>"])


def _drawn(mark: Mark, x: float, row: int) -> str:
    y = _LANES.index(mark.lane) * _HEIGHT + 32 + row * _ROW
    return (
        f'<g class="mark {mark.kind}"><title>t={mark.at:.2f} s: {escape(mark.title)}</title>'
        f'<circle cx="{x:.1f}" cy="{y - 4}" r="4"/>'
        f'<text x="{x + 7:.1f}" y="{y}">{escape(mark.label)}</text></g>'
    )


def _places(times: Sequence[float]) -> dict[float, float]:
    """Where each time lies: things that follow each other closely are drawn apart, and long waits are cut short."""
    spaces = [0.0] + [min(max(later - before, 0.4) ** 0.5, 6.0) for before, later in pairwise(times)]
    whole = sum(spaces) or 1.0
    places, at = {}, 0.0
    for time, space in zip(times, spaces, strict=True):
        at += space
        places[time] = _LEFT + at / whole * (_WIDTH - _LEFT - 120)
    return places


def _axis(places: Mapping[float, float], height: int) -> Iterator[str]:
    last = -100.0
    for time, x in places.items():
        if x - last >= 46:
            last = x
            yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 24}"/>'
            yield f'<text class="time" x="{x:.1f}" y="{height - 8}">{time:.4g} s</text>'


def _marks(history: History, effects: Mapping[str, Sequence[Effect]]) -> Iterator[Mark]:
    entries = history.entries
    start = entries[0].at if entries else 0.0
    calls = {entry.call: entry for entry in history.of(Asked)}
    for entry in entries:
        at = entry.at - start
        match entry:
            case Asked():
                title = f"{entry.client} asks for {entry.action} ({entry.operation or 'batch or read'})"
                yield Mark(at, "clients", "asked", f"{entry.client} {entry.action}", title)
            case Told():
                error = f" ({entry.error})" if entry.error else ""
                title = f"{calls[entry.call].client} is told {entry.word}{error}"
                yield Mark(at, "clients", f"told {entry.word}", entry.word, title)
            case Attempted():
                title = f"{entry.worker} sends attempt {entry.attempt} of {entry.operation} under {entry.key}"
                yield Mark(at, "wire", "sent", f"{entry.worker} #{entry.attempt}", title)
            case Answered() if entry.error:
                yield Mark(at, "wire", f"answer {entry.effect}", entry.error, f"attempt {entry.attempt}: {entry.error}")
            case Probed():
                title = f"{entry.worker} looks for {entry.operation}: {entry.finding}"
                yield Mark(at, "wire", "probe", f"{entry.finding}?", title)
            case Wire() if entry.fault:
                title = f"fault {entry.fault}: {entry.point}/{entry.kind} at {entry.request}"
                yield Mark(at, "wire", "fault", f"{entry.point}/{entry.kind}", title)
            case Journalled() if entry.status in ("parked", "unknown"):
                yield Mark(at, "clients", f"told {entry.status}", f"ledger: {entry.status}", entry.operation)
            case Event():
                yield Mark(at, "wire", "event", f"{entry.what} {entry.who}".strip(), f"{entry.what} {entry.who}")
            case _:
                pass
    for system, log in effects.items():
        for effect in log:
            title = f"{effect.kind} {effect.object} {effect.record_id} in {system}: {dict(effect.fields)}"
            label = f"{effect.kind} {effect.object}"
            yield Mark(effect.at - start, "effects", f"effect {effect.cause}", label, title)
