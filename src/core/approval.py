"""What an approval is bound to: all that people are shown, and what must still be so when it is spent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .action import Action
from .doubt import recorded_version
from .errors import Denied, IntegrationError
from .identity import canonical_json, digest
from .ledger.approval_records import Approval, ApprovalStatus, Ask
from .outcome import Pending, Waiting
from .policy import Decision, Demand
from .system import System

if TYPE_CHECKING:
    from .ledger.records import Operation

REJECTED, EXPIRED = "approval_rejected", "approval_expired"
"""Codes of the error of an operation that people did not approve, or not in time."""

NOBODY = Demand(role="nobody", quorum=1)
"""What is asked where the policy asks for nobody any more; its quorum is then 0."""


def shown_for(
    system: System,
    action: Action,
    request: BaseModel,
    principal: str,
    policy_version: str,
    observed: dict[str, Any] | IntegrationError | None,
) -> dict[str, Any]:
    """All that people are shown before they decide.

    Args:
        system: The system.
        action: The action.
        request: The request.
        principal: Who asks.
        policy_version: The version of the policy that wants their approval.
        observed: What is there now, as `before_image` found it.
    """
    if isinstance(observed, IntegrationError):
        observed = {"state": "unknown", "why": system.secrets.scrub(observed.message)}
    return {
        "system": system.name,
        "action": action.name,
        "adapter_version": recorded_version(system, action),
        "arguments": request.model_dump(mode="json"),
        "principal": principal,
        "policy_version": policy_version,
        "observed": observed,
    }


def digest_of(shown: Mapping[str, Any]) -> str:
    """The digest that an approval is bound to: of everything that is shown, what is there now included.

    Args:
        shown: See `shown_for`.
    """
    return digest(canonical_json(shown))


def ask_for(decision: Decision, shown: Mapping[str, Any], approval_id: str) -> Ask:
    """What to ask people.

    Args:
        decision: The policy's decision on what is shown; one that allows it asks for nobody.
        shown: See `shown_for`.
        approval_id: The id of the approval.
    """
    demand = decision.approval or NOBODY
    return Ask(
        id=approval_id,
        role=demand.role,
        quorum=0 if decision.allowed else demand.quorum,
        executed_by=demand.executed_by,
        lasts=demand.expires,
        reason=decision.reason,
        shown=canonical_json(shown),
        digest=digest_of(shown),
    )


def ask_again(decision: Decision, standing: Approval, shown: Mapping[str, Any], approval_id: str) -> Ask:
    """What to ask people in the place of an approval that does not hold any more.

    The decision is on the request alone. Where that allows it, people were asked for another reason, such as a rate
    that was used up or the rule of a batch, and the same people are asked again.

    Args:
        decision: The policy's decision on what is shown.
        standing: The approval whose place it takes.
        shown: See `shown_for`.
        approval_id: The id of the new approval.
    """
    asked = ask_for(decision, shown, approval_id)
    if not decision.allowed:
        return asked
    return replace(
        asked,
        role=standing.role,
        quorum=standing.quorum,
        executed_by=standing.executed_by,
        lasts=standing.expires_at - standing.requested_at,
        reason=standing.reason,
    )


_MISMATCH = {
    "adapter_version": "adapter_version_mismatch",
    "policy_version": "policy_version_mismatch",
    "arguments": "action_digest_mismatch",
}


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is not any more as it was shown: a code, and what it was then and is now.

    Args:
        then: What was shown.
        now: What would be shown now.
    """
    found: list[dict[str, Any]] = []
    for name, code in _MISMATCH.items():
        if then[name] != now[name]:
            found += _told(code, then[name], now[name], name)
    was, present = then["observed"] or {}, now["observed"] or {}
    for name in ("state", "version"):
        if was.get(name) != present.get(name):
            found += _told("target_version_mismatch", was.get(name), present.get(name), f"observed {name}")
    found += _told("target_version_mismatch", was.get("fields"), present.get("fields"), "observed")
    return found


def _told(code: str, then: Any, now: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        return [{"code": code, "what": name, "then": then, "now": now}] if then != now else []
    return [
        {"code": code, "what": field, "then": then.get(field), "now": now.get(field)}
        for field in sorted({*then, *now})
        if then.get(field) != now.get(field)
    ]


def pending(operation: Operation, found: Approval | None) -> Pending:
    """What an operation that is held waits for.

    Args:
        operation: The row.
        found: Its newest approval.
    """
    if found is None:
        return Pending(operation.id, "approval", "People must approve it first; nothing was sent.")
    if found.status not in (ApprovalStatus.WAITING, ApprovalStatus.APPROVED):  # it ended since the row was read
        return Pending(operation.id, "operation", "It was decided just now; ask again to learn what became of it.")
    approved = found.status is not ApprovalStatus.WAITING
    waiting = Waiting(found.id, found.role, found.quorum, found.expires_at, approved, found.executed_by)
    if not approved:
        until = moment(found.expires_at)
        return Pending(
            operation.id, "approval", f"Waits for {found.role} until {until}; nothing was sent.", None, waiting
        )
    if found.executed_by == "caller":
        reason = "Approved; make the same request again to have it carried out."
        return Pending(operation.id, "approval", reason, None, waiting)
    return Pending(operation.id, "operation", "Approved; Seawall is about to carry it out.", None, waiting)


def refusal(code: str, message: str, operation: Operation, *, transient: bool, stands_for: float | None = None) -> str:
    """JSON of the error that an operation ends with when it is not approved.

    Args:
        code: See the constants of this module.
        message: In words.
        operation: The row.
        transient: Whether the same request may be asked for again at once.
        stands_for: Seconds for which the same request is answered by this, and asks nobody anew.
    """
    error = Denied(message, code=code, transient=transient, retry_after=stands_for)
    return json.dumps(error.at(operation.system, operation.action, 0).to_record())


def moment(at: float) -> str:
    """A time, for people."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
