"""Overrides for people and for machines: a table, a sentence, and the same as JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .core.in_force import moment
from .core.ledger.override_records import EVERYWHERE, Override, OverrideKind
from .listing import age

if TYPE_CHECKING:
    from rich.table import Table

_WHAT = {
    OverrideKind.PAUSE_WRITES: "writes are paused",
    OverrideKind.PAUSE_ALL: "all calls are paused",
    OverrideKind.TRIP: "the breaker is held open",
    OverrideKind.STOP: "everything is stopped",
    OverrideKind.RESET: "its breakers were closed",
}


def override_record(one: Override, now: float) -> dict[str, Any]:
    """An override as JSON values.

    Args:
        one: The override.
        now: Seconds since the epoch.
    """
    told = asdict(one)
    del told["seq"]
    return {**told, "kind": str(one.kind), "in_force": _in_force(one, now)}


def override_text(one: Override, now: float) -> str:
    """An override, or its end, in a sentence.

    Args:
        one: The override.
        now: Seconds since the epoch.
    """
    where = "All systems" if one.scope == EVERYWHERE else one.scope
    until = f" until {moment(one.until)}" if one.until is not None and one.ended_at is None else ""
    if _in_force(one, now):
        return f"{where}: {_WHAT[one.kind]}{until}, by {one.by} ({one.reason}). In every process within a second."
    if one.kind is OverrideKind.RESET:
        return f"{where}: {_WHAT[one.kind]} by {one.by} ({one.reason}). In every process within a second."
    return f"{where}: {_WHAT[one.kind]} no more; ended by {one.ended_by} ({one.ended_reason})."


def overrides_table(found: Iterable[Override], now: float, clean: Callable[[str], str]) -> Table:
    """Overrides as a table.

    Args:
        found: The overrides.
        now: Seconds since the epoch.
        clean: Makes text safe to show.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold")
    for heading in ("system", "what", "by", "reason", "since", "ends"):
        table.add_column(heading, overflow="fold")
    for one in found:
        cells = (
            "all" if one.scope == EVERYWHERE else one.scope,
            str(one.kind),
            one.by,
            one.reason,
            moment(one.at),
            _end(one, now),
        )
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def _in_force(one: Override, now: float) -> bool:
    return one.kind is not OverrideKind.RESET and one.stands(now)


def _end(one: Override, now: float) -> str:
    if one.kind is OverrideKind.RESET:
        return "-"
    if one.ended_at is not None:
        return f"ended {moment(one.ended_at)} by {one.ended_by}: {one.ended_reason}"
    if one.until is None:
        return "when a person ends it"
    return f"in {age(one.until - now)}" if now < one.until else f"ended by itself {moment(one.until)}"
