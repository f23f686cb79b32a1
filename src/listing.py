"""Operations as a table, as a record, and as one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from .core.ledger.records import Operation, Status, Story
from .explain import when

_JSON_FIELDS = ("identity", "request", "policy", "outcome", "error", "detail")
_COLOURS = {
    Status.APPLIED: "green",
    Status.REJECTED: "default",
    Status.UNKNOWN: "yellow",
    Status.RUNNING: "yellow",
    Status.HELD: "cyan",
    Status.PARKED: "red",
}


def operations_table(operations: Sequence[Operation], now: float, clean: Callable[[str], str]) -> Table:
    """A table for a terminal.

    Args:
        operations: The operations, in the order to show.
        now: Seconds since the epoch.
        clean: Makes a text fit to be shown; cells are cleaned one by one, because a table breaks long ones.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("operation", no_wrap=True)
    for name in ("action", "status", "age"):
        table.add_column(name, no_wrap=True)
    for name in ("asked by", "known"):
        table.add_column(name, overflow="fold")
    for operation in operations:
        table.add_row(
            operation.id,
            Text(clean(f"{operation.system}.{operation.action}")),
            Text(str(operation.status), style=_COLOURS[operation.status]),
            age(now - operation.created_at),
            Text(clean(operation.principal)),
            Text(clean(_known(operation, now))),
        )
    return table


def as_record(row: Any) -> dict[str, Any]:
    """A row of the ledger as JSON values; what the ledger keeps as JSON text is opened."""
    told = asdict(row)
    told.pop("salt", None)  # whoever has it can try out what the audit only commits to
    for name in _JSON_FIELDS:
        if isinstance(told.get(name), str):
            told[name] = _opened(told[name])
    return told


def story_record(story: Story) -> dict[str, Any]:
    """A story as JSON values."""
    return {
        "operation": as_record(story.operation),
        "attempts": [as_record(row) for row in story.attempts],
        "probes": [as_record(row) for row in story.probes],
        "decisions": [as_record(row) for row in story.decisions],
    }


def story_text(told: dict[str, Any]) -> str:
    """A story's record as lines of `name: value`.

    Args:
        told: What `story_record` answers.
    """
    lines = [f"{name}: {_plain(name, value)}" for name, value in told["operation"].items() if value is not None]
    for kind in ("attempts", "probes", "decisions"):
        lines += ["", f"{kind}: {len(told[kind])}"]
        for row in told[kind]:
            facts = (f"{name}={_plain(name, value)}" for name, value in row.items() if name != "operation_id")
            lines.append(f"  {' '.join(facts)}")
    return "\n".join(lines)


def became(operation: Operation, now: float) -> str:
    """What became of an operation, in one line.

    Args:
        operation: The operation.
        now: Seconds since the epoch.
    """
    known = _known(operation, now)
    return f"{operation.id} {operation.system}.{operation.action}: {operation.status}{known and f', {known}'}"


def _known(operation: Operation, now: float) -> str:
    match operation.status:
        case Status.APPLIED:
            outcome = _opened(operation.outcome or "{}")
            record = (outcome.get("receipt") or {}).get("record") if isinstance(outcome, dict) else None
            return f"record {record}" if record else ""
        case Status.PARKED:
            return f"because {operation.parked_because or 'a person must decide'}"
        case Status.REJECTED:
            return _message(operation)
        case Status.UNKNOWN:
            return f"{_message(operation)}; {_next_look(operation, now)}"
        case Status.HELD:
            return "people must approve it first"
        case Status.RUNNING:
            return "or its process ended"


def _message(operation: Operation) -> str:
    error = _opened(operation.error or "{}")
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _next_look(operation: Operation, now: float) -> str:
    wait = (operation.next_check_at or now) - now
    return f"looked at again in {wait:.0f} s" if wait > 0 else "due, `seawall recover` looks again"


def age(seconds: float) -> str:
    """A length of time as a person says it."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _opened(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _plain(name: str, value: Any) -> str:
    if isinstance(value, float) and (name == "at" or name.endswith("_at")):
        return when(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
