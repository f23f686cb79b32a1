"""Times of the ledger and of this process, where the process's clock is known to be wrong.

The ledger on PostgreSQL goes by the server's clock, which is one for all. What a process with a wrong clock writes is
put into the ledger's time, and what it reads into its own, so that to it a minute ago is a minute ago.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from .records import AttemptRow, DecisionRow, Operation, ProbeRow, Story, Verdict

T = TypeVar("T", Operation, Story, Verdict, DecisionRow)

_TIMES: dict[type, tuple[str, ...]] = {
    Operation: ("deadline_at", "created_at", "updated_at", "sent_at", "last_sent_at", "next_check_at"),
    Verdict: ("sent_at", "last_sent_at", "next_check_at"),
    AttemptRow: ("started_at", "ended_at"),
    ProbeRow: ("at",),
    DecisionRow: ("at",),
}
_PARTS = ("operation", "attempts", "probes", "decisions")


def in_ledger_time(record: T, shift: float) -> T:
    """A record of this process, as the ledger is to keep it.

    Args:
        record: The record.
        shift: How far the ledger's time is ahead of this process's clock.
    """
    return _moved(record, shift) if shift else record


def in_our_time(record: T, shift: float) -> T:
    """The inverse: a record of the ledger, as this process is to read it."""
    return _moved(record, -shift) if shift else record


def _moved(record: Any, seconds: float) -> Any:
    changes = {name: at + seconds for name in _TIMES.get(type(record), ()) if (at := getattr(record, name)) is not None}
    for name in _PARTS:
        part = getattr(record, name, None)
        if isinstance(part, tuple):
            changes[name] = tuple([_moved(one, seconds) for one in part])
        elif part is not None:
            changes[name] = _moved(part, seconds)
    return replace(record, **changes)
