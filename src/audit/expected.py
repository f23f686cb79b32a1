"""What the row of an operation must be, given its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.ledger.audit import commitment
from ..core.ledger.erasing import NO_OUTCOME
from ..core.ledger.events import allowed, private_of_intent
from ..core.ledger.records import ERASED, Operation
from ..core.redaction import clean
from .scratch import Told

_PLAIN = ("system", "action", "principal", "adapter_version", "batch_id", "undoes", "created_at")
_POLICY = {"decision": "decision", "rule": "rule", "policy_version": "version", "decision_id": "id"}
_OF_INTENT = ("key", "identity", "request", "digest", "entity", "policy", "trace_id")
_OF_EDIT = ("request", "digest", "entity")
_OF_RESULT = ("outcome", "error", "parked_because")
_STAYS = frozenset({"policy", *_POLICY})


@dataclass(slots=True)
class Expected:
    """Columns of a row as its events leave them.

    Args:
        facts: Column → value.
        private: Column → commitment, None where it must be empty.
        erased: The event that erased it, if nothing began anew since.
        erased_under: The highest epoch whose evidence was erased; -1 for none.
        last: The event that changed it last.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    private: dict[str, str | None] = field(default_factory=dict)
    erased: Told | None = None
    erased_under: int = -1
    last: Told | None = None


def expected_of(events: Iterable[Told]) -> Expected:
    """What follows from the events of an operation, in the order in which they took effect."""
    found = Expected()
    for told in events:
        step = _STEPS.get(told.event["kind"])
        if step is not None:
            step(found, told)
            found.last = told
    return found


def _intent(found: Expected, told: Told) -> None:
    event = told.event
    found.facts = {name: event.get(name) for name in (*_PLAIN, *_POLICY, "epoch", "sent_at", "last_sent_at")}
    found.facts |= {"atomic": event.get("atomic", False)}
    found.facts["status"] = "held" if event.get("held") else "running"
    found.private = dict.fromkeys((*_OF_INTENT, *_OF_RESULT)) | event.get("private", {})
    found.erased = None


def _claim(found: Expected, told: Told) -> None:
    event = told.event
    found.facts |= {"status": "unknown", "epoch": event.get("epoch")}
    found.facts |= {name: event.get(name) for name in ("sent_at", "last_sent_at")}
    found.private["error"] = event.get("private", {}).get("error")


def _verdict(found: Expected, told: Told) -> None:
    event = told.event
    found.facts |= {"status": event.get("status"), "epoch": event.get("epoch")}
    if "sent_at" in found.facts:  # else it is older than the audit
        found.facts["sent_at"] = found.facts["sent_at"] if found.facts["sent_at"] is not None else event.get("sent_at")
        found.facts["last_sent_at"] = event.get("last_sent_at", found.facts["last_sent_at"])
    found.private |= dict.fromkeys(_OF_RESULT) | event.get("private", {})


def _resolve(found: Expected, told: Told) -> None:
    event = told.event
    found.facts |= {"status": event.get("status"), "epoch": event.get("epoch")}
    found.private |= dict.fromkeys(_OF_RESULT) | event.get("private", {})


def _presumed(found: Expected, told: Told) -> None:
    event = told.event
    found.facts |= {name: event.get(name) for name in ("status", "epoch", "sent_at", "last_sent_at")}


def _released(found: Expected, told: Told) -> None:
    _decided_anew(found, told)
    found.facts["status"] = "running"


def _edited(found: Expected, told: Told) -> None:
    _decided_anew(found, told)
    found.private |= dict.fromkeys(_OF_EDIT) | told.event.get("private", {})


def _decided_anew(found: Expected, told: Told) -> None:
    found.facts |= {name: told.event.get(name) for name in (*_POLICY, "epoch")}
    found.private["policy"] = told.event.get("private", {}).get("policy")


def _refused(found: Expected, told: Told) -> None:
    found.facts |= {"status": told.event.get("status"), "epoch": told.event.get("epoch")}
    found.private["error"] = told.event.get("private", {}).get("error")


def _held_again(found: Expected, told: Told) -> None:
    found.facts |= {"status": "held", "epoch": told.event.get("epoch")}
    found.private["error"] = None


def _erased(found: Expected, told: Told) -> None:
    found.erased, found.erased_under = told, told.event.get("epoch", 0)


_STEPS = {
    "intent": _intent,
    "claim": _claim,
    "verdict": _verdict,
    "resolve": _resolve,
    "presumed": _presumed,
    "released": _released,
    "edited": _edited,
    "refused": _refused,
    "held_again": _held_again,
    "erased": _erased,
}


def differences(found: Expected, row: Operation) -> Iterator[str]:
    """The columns in which a row is not what its events say."""
    policy = allowed(row.policy)
    actual: dict[str, Any] = {name: getattr(row, name, None) for name in found.facts}
    actual |= {name: getattr(policy, part) for name, part in _POLICY.items()}
    for name, value in found.facts.items():
        told = clean(value) if isinstance(value, str) else value
        if told != actual[name]:
            yield "policy" if name in _POLICY else name
    if found.erased is None:
        values: Mapping[str, str | None] = {
            **private_of_intent(row),
            "outcome": row.outcome,
            "error": row.error,
            "parked_because": row.parked_because,
        }
        yield from differing(found.private, values, row.salt)
    else:
        yield from _left_over(found.erased, row)


def differing(told: Mapping[str, str | None], values: Mapping[str, str | None], salt: str | None) -> Iterator[str]:
    """The names of values that are not those that were committed to."""
    for name, known in told.items():
        value = values.get(name)
        if salt is None:
            yield "salt"
            return
        if (commitment(salt, name, value) if value else None) != known:
            yield name


def _left_over(erased: Told, row: Operation) -> Iterator[str]:
    """What is not as erasing leaves it."""
    blank = {"identity": "{}", "request": "{}", "entity": None, "trace_id": "", "salt": None, "parked_because": None}
    yield from (name for name, value in blank.items() if getattr(row, name) != value)
    if row.outcome not in (None, NO_OUTCOME):
        yield "outcome"
    known = erased.event.get("private", {}).get("key")
    salt = row.digest.removeprefix(ERASED)
    if not row.digest.startswith(ERASED) or known != commitment(salt, "key", row.key):
        yield "key or digest"
