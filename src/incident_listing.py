"""Incidents as a table, as a record, and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from .core.incidents import Incident
from .core.ledger.records import Operation
from .explain import when
from .listing import age

_MOST = 20  # operations, principals and records that are named; the rest is counted


def incidents_table(found: Sequence[Incident], now: float, clean: Callable[[str], str]) -> Table:
    """A table for a terminal.

    Args:
        found: The incidents, in the order to show.
        now: Seconds since the epoch.
        clean: Makes a text fit to be shown; cells are cleaned one by one, because a table breaks long ones.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("incident", "system", "operations", "since", "last seen"):
        table.add_column(name, no_wrap=True)
    for name in ("cause", "asked by", "blocks", "next"):
        table.add_column(name, overflow="fold")
    for incident in found:
        table.add_row(
            incident.id,
            Text(clean(incident.system)),
            Text(_counts(incident.counts), style="red" if incident.kind == "parked" else "yellow"),
            age(now - incident.first_seen),
            age(now - incident.last_seen),
            Text(clean(incident.cause)),
            Text(clean(_some(incident.principals, 3))),
            Text(clean(_some(incident.blocked, 3))),
            Text(clean(incident.next_step)),
        )
    return table


def incident_record(incident: Incident) -> dict[str, Any]:
    """An incident as JSON values."""
    counts = {str(status): count for status, count in incident.counts.items()}
    return {**asdict(incident), "counts": counts, "total": incident.total}


def incident_line(incident: Incident, became: str) -> str:
    """An incident in one line.

    Args:
        incident: The incident.
        became: What became of it: `opened`, `is open` or `ended`.
    """
    return (
        f"{incident.id} {became}: {incident.system}: {incident.cause}; {_counts(incident.counts)}, "
        f"asked by {_some(incident.principals, 3)}. {'' if became == 'ended' else incident.next_step}"
    ).rstrip()


def incident_text(incident: Incident, operations: Sequence[Operation]) -> str:
    """All about an incident in words.

    Args:
        incident: The incident.
        operations: Its operations.
    """
    named = sorted(operations, key=lambda operation: operation.created_at)[:_MOST]
    sections = (
        (
            f"{incident.id}: {incident.system}: {incident.cause}",
            (
                f"{_counts(incident.counts)}; first seen {when(incident.first_seen)}, last {when(incident.last_seen)}.",
                f"Actions: {_some([f'{name} ({count})' for name, count in incident.actions.items()], _MOST)}.",
                f"Asked by: {_some(incident.principals, _MOST)}.",
                f"Other writes wait to these records: {_some(incident.blocked, _MOST)}.",
            ),
        ),
        ("What happens next", (incident.next_step,)),
        ("What you can do", incident.advice),
        (
            "Its operations, those first asked for first",
            (
                *(f"{one.id} {one.action} {one.status}: {one.identity}" for one in named),
                *([f"and {incident.total - len(named)} more"] if incident.total > len(named) else []),
            ),
        ),
    )
    return "\n\n".join("\n".join((f"{title}:", *(f"  {line}" for line in lines))) for title, lines in sections)


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def _some(names: Sequence[str], most: int) -> str:
    shown = ", ".join(names[:most]) or "none"
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
