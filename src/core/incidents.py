"""Incidents: open operations that share a system and a cause, so that one outage reads as one thing to see to.

Nothing of it is stored. An incident is what the ledger's open rows come to, and it is over when none is left.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from .ledger.records import Operation, Status

Kind: TypeAlias = Literal["no_answer", "holder_gone", "unclear", "parked"]
"""What sort of trouble it is; what happens next follows from it."""

_DETAILS = re.compile(r"[:;(].*", re.DOTALL)  # what follows the gist of a reason: names, numbers, ids
_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")


class Cause(NamedTuple):
    """Why an operation is open: the sort of trouble, and the words for it; equal words are one cause."""

    kind: Kind
    words: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Open operations with one cause.

    Args:
        id: The same for the same system and cause.
        system: The system.
        kind: What sort of trouble it is.
        cause: In words.
        first_seen: When the first of its operations was sent.
        last_seen: When something was last recorded about one of them.
        counts: How many operations it has, by status.
        actions: How many of each action.
        principals: Who asked for them.
        blocked: Records to which other writes wait until these operations are settled.
        operations: Their ids, those first asked for first.
        due: How many recovery may look at now.
        next_look_at: When it looks at the next one after that, else None.
        next_step: What happens next by itself, in words.
        advice: What a person can do.
    """

    id: str
    system: str
    kind: Kind
    cause: str
    first_seen: float
    last_seen: float
    counts: Mapping[Status, int]
    actions: Mapping[str, int]
    principals: tuple[str, ...]
    blocked: tuple[str, ...]
    operations: tuple[str, ...]
    due: int
    next_look_at: float | None
    next_step: str
    advice: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many operations it has."""
        return len(self.operations)


def incidents(operations: Iterable[Operation], now: float, pauses: Mapping[str, float] | None = None) -> list[Incident]:
    """Group open operations into incidents, the oldest first.

    Args:
        operations: Rows of the ledger; settled ones, and those whose caller still waits, belong to none.
        now: Seconds since the epoch.
        pauses: Seconds for which an open breaker holds calls back, by system, where that is known.
    """
    grouped: dict[tuple[str, Cause], list[Operation]] = {}
    for operation in operations:
        cause = cause_of(operation, now)
        if cause is not None:
            grouped.setdefault((operation.system, cause), []).append(operation)
    found = [
        _incident(
            system, cause, sorted(group, key=lambda one: (one.created_at, one.id)), now, (pauses or {}).get(system)
        )
        for (system, cause), group in grouped.items()
    ]
    return sorted(found, key=lambda incident: (incident.first_seen, incident.id))


def incident_id(system: str, cause: Cause) -> str:
    """The id of the incident that a system and a cause make."""
    named = "\0".join((system, *cause)).encode(errors="replace")
    return f"inc_{hashlib.sha256(named).hexdigest()[:10]}"


def cause_of(operation: Operation, now: float) -> Cause | None:
    """Why an operation is open; None when it is settled, or nothing is wrong with it so far.

    Args:
        operation: The row.
        now: Seconds since the epoch.
    """
    match operation.status:
        case Status.PARKED:
            return Cause("parked", _gist(operation.parked_because or "a person must decide"))
        case Status.RUNNING:
            return None if operation.deadline_at >= now else _HOLDER_GONE
        case Status.UNKNOWN:
            return _cause_of_error(operation)
        case _:
            return None


_HOLDER_GONE = Cause("holder_gone", "the process that held it ended before it recorded an outcome")


def _cause_of_error(operation: Operation) -> Cause:
    try:
        error = json.loads(operation.error or "{}")
    except ValueError:
        error = None
    error = error if isinstance(error, dict) else {}
    if error.get("code") == "holder_gone":
        return _HOLDER_GONE
    if error.get("outage"):
        # However it showed: a timeout here and a 503 there are one outage.
        return Cause("no_answer", "no answer came, or none that says what happened")
    name = str(error.get("type") or "no error was recorded")
    return Cause("unclear", f"{name} [{error['code']}]" if error.get("code") else name)


def _gist(reason: str) -> str:
    """A reason without what belongs to one operation alone."""
    return _VARIABLE.sub("…", _DETAILS.sub("", reason)).strip() or reason


def _incident(system: str, cause: Cause, group: list[Operation], now: float, pause: float | None) -> Incident:
    looks = [at for one in group if one.status is Status.UNKNOWN and (at := one.next_check_at) is not None]
    due = sum(1 for at in looks if at <= now) + sum(1 for one in group if one.status is Status.RUNNING)
    next_look_at = min((at for at in looks if at > now), default=None)
    return Incident(
        id=incident_id(system, cause),
        system=system,
        kind=cause.kind,
        cause=cause.words,
        first_seen=min(one.sent_at or one.created_at for one in group),
        last_seen=max(one.updated_at for one in group),
        counts=dict(Counter(one.status for one in group)),
        actions=dict(Counter(one.action for one in group)),
        principals=tuple(sorted({one.principal for one in group})),
        blocked=tuple(sorted({one.entity for one in group if one.entity is not None})),
        operations=tuple(one.id for one in group),
        due=due,
        next_look_at=next_look_at,
        next_step=_next_step(system, cause, due, None if next_look_at is None else next_look_at - now, pause),
        advice=_ADVICE[cause.kind],
    )


def _next_step(system: str, cause: Cause, due: int, wait: float | None, pause: float | None) -> str:
    if cause.kind == "parked":
        return "Nothing happens by itself: each waits for a person."
    if pause:
        return f"Calls to {system} pause for {pause:.0f} s; then one look finds out whether it answers again."
    if due:
        return f"Recovery looks at {due} of them as soon as a process runs it, a few at a time."
    if wait is None:
        return "Recovery is looking at them now."
    return f"Recovery looks again in {wait:.0f} s, if a process runs it."


_UNTIL_THEN = "Do not make these changes by another route: they may be there already."
_ADVICE: Mapping[Kind, tuple[str, ...]] = {
    "no_answer": (
        "See whether the system works. Nothing is lost meanwhile: once it answers, recovery settles what it can.",
        "Recovery runs in every process that has Seawall open, and in `seawall recover`.",
        _UNTIL_THEN,
    ),
    "holder_gone": (
        "See why processes end. Recovery takes up what they held, in any process, or with `seawall recover`.",
        _UNTIL_THEN,
    ),
    "unclear": (
        "Read what one of them says: `seawall ops explain OPERATION`. Recovery goes on looking.",
        _UNTIL_THEN,
    ),
    "parked": (
        "Look in the system for what `seawall ops explain OPERATION` names.",
        "Record what you find: `seawall ops resolve OPERATION --applied RECORD` or `--not-applied`, --by and --reason.",
        "Where you have mended what stood in the way: `seawall ops retry OPERATION`, with --by and --reason.",
        _UNTIL_THEN,
    ),
}
