"""How the pipeline and recovery look into an operation that may have happened: one probe, one record of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from .action import Action
from .adapter import Absent, Attempt, CannotTell, Finding, Many, NativeKey, Present, Sent
from .errors import ContractBroken, IntegrationError, NotSent
from .ledger.records import Operation
from .outcome import Receipt
from .redaction import clean
from .system import System
from .trail import Trail


async def look(
    system: System,
    action: Action,
    attempt: Attempt,
    deadline_at: float,
    trail: Trail,
    *,
    recovery: bool = False,
) -> Finding | IntegrationError:
    """Probe once, through the system's limits and breaker, and record what was found.

    An answer that is no finding is recorded as one that cannot tell.

    Args:
        system: The system.
        action: The action; it has a probe.
        attempt: Key and request of the operation.
        deadline_at: Monotonic time by which this returns.
        trail: Where the finding is recorded.
        recovery: True for recovery's own probes, which have a lane of their own.
    """

    async def probe(number: int, timeout: float) -> Finding:
        timed = replace(attempt, number=number, timeout=timeout, maybe_applied=True)
        return _finding(action, await system.adapter.probe(action, timed))

    found = await system.attempt(probe, 1, deadline_at, writes=False, recovery=recovery, probe=True)
    if isinstance(found, CannotTell):
        found = replace(found, reason=clean(system.secrets.scrub(found.reason)))
    name, detail = _describe(found)
    trail.probed(
        name, system.secrets.scrub_all(detail), counts=not (isinstance(found, IntegrationError) and is_passing(found))
    )
    return found


def checked(action: Action, sent: Any) -> Sent[Any]:
    """Refuse an answer that is not what the action promises.

    Raises:
        ContractBroken: The adapter returned something else; the write may have landed.
    """
    if not isinstance(sent, Sent) or not isinstance(sent.value, action.reply):
        got = type(sent.value if isinstance(sent, Sent) else sent).__name__
        raise ContractBroken(f"{action.name} promises {action.reply.__name__}, but the answer is {got}", code="reply")
    return sent


def is_passing(error: IntegrationError) -> bool:
    """Whether a probe failed for a reason that lies in the system and not in the operation it asked about."""
    return error.outage or error.transient or isinstance(error, NotSent)


def is_final(error: IntegrationError) -> bool:
    """Whether the last answer makes sending again pointless: a refusal for good, or a broken contract."""
    return isinstance(error, ContractBroken) or error.effect == "none"


def receipt_of(proven: Sent[Any] | Present[Any]) -> Receipt:
    """The receipt for an acknowledged or a found effect."""
    if isinstance(proven, Sent):
        return Receipt(proven.record, "reply", proven.facts)
    facts = dict(proven.facts)
    if proven.differs:
        facts["changed_since"] = list(proven.differs)
    return Receipt(proven.record, "probe", facts)


def place_of(action: Action) -> str:
    """Where an action leaves its key, in words that fit the ledger; changes when the configuration moves it."""
    if isinstance(action.dedupe, NativeKey):
        return "NativeKey"
    place = repr(action.dedupe)
    return place if len(place) <= _LONGEST else hashlib.sha256(place.encode()).hexdigest()


def recorded_version(system: System, action: Action) -> str:
    """What an intent records of the adapter that will send it: kind, version, and the place of its key."""
    return f"{system.adapter.kind} {system.adapter.version} {place_of(action)}"


def moved(system: System, action: Action, operation: Operation) -> str | None:
    """Why a probe of today would look for an operation's key in the wrong place; None when it would not.

    Args:
        system: The system as configured now.
        action: The operation's action, as true for these settings.
        operation: The row; it was sent under `adapter_version`.
    """
    kind, _, rest = operation.adapter_version.partition(" ")
    place = rest.partition(" ")[2]
    if kind != system.adapter.kind:
        return f"it was sent by the connector {kind!r}, and {system.name} now has {system.adapter.kind!r}"
    if place and place != place_of(action):
        return f"its key was left as {place}, and the configuration now says {place_of(action)}: a probe cannot find it"
    return None


_LONGEST = 150  # characters of a place that are kept as they are


def _finding(action: Action, found: Any) -> Finding:
    """What a probe answered, if it is a finding whose value is the action's reply."""
    if isinstance(found, Absent | CannotTell | Many):
        return found
    if isinstance(found, Present) and isinstance(found.value, action.reply):
        return found
    got = type(found.value if isinstance(found, Present) else found).__name__
    return CannotTell(f"the probe of {action.name} promises a finding, but its answer is {got}")


def _describe(found: Finding | IntegrationError) -> tuple[str, dict[str, Any]]:
    match found:
        case Present():
            shown = found.value.model_dump(mode="json") if isinstance(found.value, BaseModel) else None
            return "present", {"record": found.record, "differs": list(found.differs), "value": shown}
        case Absent():
            return "absent", dict(found.facts)
        case CannotTell():
            return "cannot_tell", {"reason": found.reason, **found.facts}
        case Many():
            return "many", {"records": list(found.records)}
        case _:
            return "failed", found.to_record()
