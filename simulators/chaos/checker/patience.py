"""A part of I7: whether a target is left alone when it asked for that, and after so many outages in a row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import inf, isfinite

from ..entries import Answered, Attempted, Probed, Replied, Wire
from ..setting import SystemFacts
from ..verdicts import Witness
from .record import EPSILON, Record, still

_OUTAGES = ("refused", "dns", "reset")
"""Kinds of fault that no client can take for an answer, or for a lack of time of its own."""

_NOT_OPEN = "its breaker is not open, or the adapter's errors do not say that they are outages"

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)

_ROUNDED = 1.0  # seconds: a date has no fractions of them


@dataclass(slots=True)
class _Try:
    """An attempt or a look, as the breaker of its process meets it."""

    number: int
    worker: str
    system: str
    operation: str
    began: float
    place: int | None
    ended: float = inf
    end_place: int = 0
    failed: bool = False

    def came_after(self, other: _Try) -> bool:
        """Whether it began when the other one had ended. A look is written down at its end only."""
        return self.began > other.ended if self.place is None else self.place > other.end_place


@dataclass(frozen=True, slots=True)
class _Early:
    """Something that was sent before the time that a target had asked for.

    What was let through before its process stood still may go out when it runs again.

    Args:
        number: Of the attempt or look.
        worker: The process.
        system: The system.
        operation: The logical operation.
        known: Since when the process knew of that time.
        at: When it was sent.
        until: The time.
    """

    number: int
    worker: str
    system: str
    operation: str
    known: float
    at: float
    until: float


def inside_retry_after(record: Record) -> list[Witness]:
    """Requests to a target that had asked to be left alone, by an error or by the header of a reply."""
    found: dict[tuple[int, float], Witness] = {}
    for one in (*_before_the_errors_time(record), *_before_the_headers_time(record)):
        if not _overlaps(_pauses(record, one.worker), one.known, one.at):
            says = f"{one.worker} sent to {one.system} {one.until - one.at:.1f} s before it was asked to"
            found.setdefault((one.number, one.at), Witness(says, one.operation))
    return [*found.values()]


def _before_the_errors_time(record: Record) -> Iterator[_Early]:
    asked: dict[tuple[str, str], tuple[float, float]] = {}
    by_number = {number: attempts[0] for number, attempts in record.attempts.items()}
    for entry in record.history.entries:
        if isinstance(entry, Attempted):
            place = (entry.worker, entry.system)
            known, until = asked.get(place, (0.0, 0.0))
            if entry.at < until - EPSILON:
                yield _Early(entry.attempt, *place, entry.operation, known, entry.at, until)
                asked.pop(place)
        elif isinstance(entry, Answered) and entry.retry_after:
            attempt = by_number[entry.attempt]
            asked[attempt.worker, attempt.system] = entry.at, entry.at + entry.retry_after


def _before_the_headers_time(record: Record) -> Iterator[_Early]:
    """What went out while a header held that the process had read: whatever its adapter made of it."""
    headers = [reply for reply in record.history.of(Replied) if reply.retry_after and reply.status >= 400]
    places = {id(entry): place for place, entry in enumerate(record.history.entries)} if headers else {}
    tries = {one.number: one for one in _tries(record)} if headers else {}
    for header in headers:
        system, own = record.setting.systems.get(header.system), tries.get(header.attempt)
        if system is None or own is None or (seconds := _seconds(record, header, system)) is None:
            continue
        until = header.at + seconds
        mine = [wire for wire in record.wires if wire.attempt == header.attempt and wire.lane != "client"]
        heard = places[id(header)]
        asked = next((wire for wire in reversed(mine) if places[id(wire)] < heard), None)
        for wire in mine:
            again = wire.at > header.at + EPSILON or (asked is not None and wire.digest == asked.digest != "")
            if places[id(wire)] > heard and again and wire.at < until - EPSILON:
                yield _Early(own.number, own.worker, own.system, own.operation, header.at, wire.at, until)
                break
        later = (
            one
            for one in tries.values()
            if (one.worker, one.system) == (own.worker, own.system)
            and own.ended + EPSILON < one.began < until - EPSILON
        )
        if (one := next(later, None)) is not None:
            yield _Early(one.number, one.worker, one.system, one.operation, own.ended, one.began, until)


def _seconds(record: Record, header: Replied, system: SystemFacts) -> float | None:
    """How long a header asks for; None for nonsense, and for a date that a clock was moved against."""
    if _SECONDS.fullmatch(header.retry_after):
        seconds = float(header.retry_after)
    else:
        try:
            moment = parsedate_to_datetime(header.retry_after)
        except (TypeError, ValueError, OverflowError, IndexError):
            return None
        if any(wire.kind == "clock_jump" for wire in record.wires):
            return None
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - header.at - _ROUNDED
    return min(seconds, system.longest_retry_after) if isfinite(seconds) and seconds > 0 else None


def past_the_breaker(record: Record) -> list[Witness]:
    """What a process sent although so many of its requests had failed in a row that its breaker must be open.

    Only requests count that nobody can take for anything but an outage, one begun after the other had ended: of those
    that overlap, a breaker may rightly count some only.
    """
    found: list[Witness] = []
    lines: dict[tuple[str, str], list[_Try]] = defaultdict(list)
    for one in _tries(record):
        lines[one.worker, one.system].append(one)
    for (worker, name), tries in lines.items():
        system = record.setting.systems.get(name)
        if system is None or not system.breaker_reset:
            continue
        pauses = _pauses(record, worker)
        for opened in _openings(tries, system, pauses):
            until = opened + system.breaker_reset
            for one in tries:
                if not opened + EPSILON < one.began < until - EPSILON or _overlaps(pauses, opened, one.began):
                    continue
                says = f"{worker} sent to {name} {one.began - opened:.1f} s after {system.breaker_failures} outages"
                found.append(Witness(f"{says} in a row: {_NOT_OPEN}", one.operation))
                break
    return found


def _openings(tries: list[_Try], system: SystemFacts, pauses: list[list[float]]) -> Iterator[float]:
    """When a breaker opens, whatever else it may have counted."""
    in_a_row, until = 0, inf
    last: _Try | None = None
    for one in sorted((one for one in tries if one.ended < inf), key=lambda one: one.end_place):
        alone = last is None or one.came_after(last)
        last = one
        if not one.failed or not alone or _overlaps(pauses, one.began, one.ended):
            in_a_row, until = 0, inf
            continue
        in_a_row += 1
        if in_a_row >= system.breaker_failures or one.began > until:
            yield one.ended
            in_a_row, until = 0, one.ended + system.breaker_reset


def _pauses(record: Record, worker: str) -> list[list[float]]:
    return [pause for who, *pause in still(record.events) if who == worker]


def _overlaps(pauses: list[list[float]], began: float, ended: float) -> bool:
    return any(start <= ended and end >= began for start, end in pauses)


def _tries(record: Record) -> Iterator[_Try]:
    """The attempts, reads and looks of a history, in order of their beginning; one for all the items of a batch."""
    wires: dict[int, list[Wire]] = defaultdict(list)
    for wire in record.wires:
        wires[wire.attempt].append(wire)
    known: dict[int, _Try] = {}
    for place, entry in enumerate(record.history.entries):
        match entry:
            case Attempted():
                one = _Try(entry.attempt, entry.worker, entry.system, entry.operation, entry.at, place)
                known.setdefault(entry.attempt, one)
            case Answered() if entry.attempt in known:
                one = known[entry.attempt]
                one.ended, one.end_place = entry.at, place
                one.failed = bool(entry.error) and _is_outage(wires[entry.attempt])
            case Probed() if entry.attempt:
                one = _Try(entry.attempt, entry.worker, entry.system, entry.operation, entry.began, None)
                one.ended, one.end_place = entry.at, place
                one.failed = entry.finding == "error" and _is_outage(wires[entry.attempt])
                known[entry.attempt] = one
            case _:
                pass
    yield from sorted(known.values(), key=lambda one: one.began)


def _is_outage(wires: list[Wire]) -> bool:
    """Whether all that a try asked for was lost in a way that can be nothing but an outage, past any login."""
    asked = [wire for wire in wires if wire.lane != "auth"]
    return bool(asked) and wires[-1].lane != "auth" and all(wire.kind in _OUTAGES for wire in asked)
