"""How the pipeline and recovery look into an operation that may have happened: one probe, one record of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from .action import Action
from .adapter import Absent, Attempt, CannotTell, Finding, Many, Present, Sent
from .breaker import Permit
from .errors import ContractBroken, IntegrationError, NotSent
from .outcome import Receipt
from .system import System
from .trail import Trail


async def look(
    system: System,
    action: Action,
    attempt: Attempt,
    deadline_at: float,
    trail: Trail,
    *,
    admit: Callable[[], Permit | None] | None = None,
) -> Finding | IntegrationError:
    """Probe once, through the system's limits and breaker, and record what was found.

    Args:
        system: The system.
        action: The action; it has a probe.
        attempt: Key and request of the operation.
        deadline_at: Monotonic time by which this returns.
        trail: Where the finding is recorded.
        admit: Another door of the breaker.
    """

    async def probe(number: int, timeout: float) -> Finding:
        return await system.adapter.probe(action, _timed(attempt, number, timeout))

    found = await system.attempt(probe, 1, deadline_at, admit=admit)
    name, detail = _describe(found)
    trail.probed(name, detail, counts=not (isinstance(found, IntegrationError) and is_passing(found)))
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


def _timed(attempt: Attempt, number: int, timeout: float) -> Attempt:
    return Attempt(
        operation_id=attempt.operation_id,
        key=attempt.key,
        request=attempt.request,
        number=number,
        timeout=timeout,
        maybe_applied=True,
        sent_before=attempt.sent_before,
    )


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
