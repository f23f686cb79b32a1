"""An episode as lines that an adapter's author can follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..chaos.entries import Answered, Asked, Attempted, Entry, Event, Journalled, Probed, Told, Wire
from ..effects import Effect

_MOST = 60  # lines


def story(entries: Sequence[Entry], effects: Iterable[Effect]) -> list[str]:
    """What happened, in order of time.

    Args:
        entries: The journal.
        effects: The effect log.
    """
    lines = [(entry.at, line) for entry in entries if (line := _line(entry))]
    lines += [(one.at, f"EFFECT {one.seq}: {one.kind} {one.object} {one.record_id} ({one.cause})") for one in effects]
    lines.sort(key=lambda line: line[0])
    began = lines[0][0] if lines else 0.0
    shown = [f"  t={at - began:8.2f}  {line}" for at, line in lines[:_MOST]]
    return shown if len(lines) <= _MOST else [*shown, f"  … and {len(lines) - _MOST} lines more"]


def _line(entry: Entry) -> str:
    match entry:
        case Asked():
            return f"{entry.client} asks for {entry.action} {entry.operation or ', '.join(entry.items)}"
        case Told():
            error = f" {entry.error}" if entry.error else ""
            return f"call {entry.call} is told: {entry.word}{error}{' (replayed)' if entry.replayed else ''}"
        case Attempted():
            return f"{entry.worker} attempt {entry.attempt}: {entry.action} key …{entry.key[-6:]}"
        case Answered():
            return f"attempt {entry.attempt} came to: {entry.effect} {entry.error} {entry.code}".rstrip()
        case Probed():
            return f"{entry.worker} probe {entry.attempt}: {entry.finding}"
        case Wire():
            return f"request {entry.request}" + (f" meets {entry.kind} at {entry.point}" if entry.fault else "")
        case Journalled():
            return f"ledger: {entry.operation} is {entry.status}"
        case Event():
            return f"{entry.what} {entry.who}".rstrip()
    return ""
