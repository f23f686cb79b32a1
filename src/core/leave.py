"""Leave for a whole call: the policy's word on it, and on each item of a batch; the strictest counts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from .action import Action
from .errors import Denied
from .identity import DISTINCT_FROM
from .ledger.records import Operation, Usage
from .policy import Decision, Policy, Question


@dataclass(frozen=True, slots=True)
class Leave:
    """What the policy says of a call.

    Args:
        decision: The strictest of all decisions; of several, that on the call itself, or on the first item.
        call: The decision on the call itself.
        items: For a batch: the decision on each item, in order. Empty when the call itself is denied.
    """

    decision: Decision
    call: Decision
    items: tuple[Decision, ...] = ()

    @property
    def places(self) -> tuple[int, ...]:
        """The items of a batch, counted from 1, on which the decision is the strictest; empty if that is the call's."""
        if self.call.decision == self.decision.decision:
            return ()
        return tuple(place for place, one in enumerate(self.items, 1) if one.decision == self.decision.decision)

    def record(self, place: int | None = None) -> str:
        """JSON for the ledger: the decision on one item, beside that on its batch, or that on the call.

        Args:
            place: The item, counted from 0; None for the call.
        """
        if place is None:
            return self.call.record
        return f'{self.items[place].record[:-1]},"batch":{self.call.record}}}'

    def demanded(self, place: int | None = None) -> Decision | None:
        """The decision by which people must approve one operation before it is sent; None if they need not.

        Args:
            place: The item, counted from 0; None for the call.
        """
        decided = (self.call,) if place is None else (self.items[place], self.call)
        return next((one for one in decided if one.approval is not None), None)

    def usages(self, place: int | None = None) -> tuple[Usage, ...]:
        """The rules with a rate that one operation uses if it is new, each once.

        Args:
            place: The item, counted from 0; None for the call.
        """
        if place is None:
            return _usages((self.call,)) if self.call.rate is not None else ()
        return _usages((self.call, self.items[place]))


def leave_for(
    policy: Policy,
    principal: str,
    system: str,
    action: Action,
    request: BaseModel,
    *,
    now: float,
    repeat: bool,
    exhausted: Collection[str] = (),
) -> Leave:
    """Ask the policy about a call.

    Args:
        policy: The policy.
        principal: Who asks.
        system: The system's name.
        action: The action.
        request: The validated request.
        now: Seconds since the epoch.
        repeat: Whether it is a deliberate repeat.
        exhausted: Rules whose rate the principal has used up.
    """
    used = frozenset(exhausted)
    call = policy.decide(Question(principal, system, action, request, now, repeat, used))
    batch = action.batch
    if batch is None or call.decision == "deny":
        return Leave(call, call)
    items: Sequence[BaseModel] = getattr(request, batch.items)
    if len(items) > batch.max_size:  # refused for its size, before anything is done with it
        items = items[: batch.max_size]
    decided = tuple([policy.decide(Question(principal, system, batch.of, item, now, repeat, used)) for item in items])
    return Leave(min((call, *decided), key=lambda one: _STRICTEST.index(one.decision)), call, decided)


def leave_to_send_again(policy: Policy, operation: Operation, action: Action, request: BaseModel) -> Decision:
    """Ask the policy about an operation that began, and may have to be sent again.

    The rules are those of now, the time is that at which it began: an operation that was allowed in its hours is
    brought to its end outside of them, too. Rates do not count, because sending it again begins nothing.

    Args:
        policy: The policy.
        operation: The operation.
        action: Its action.
        request: Its request, as recorded.
    """
    began = operation.sent_at or operation.created_at
    repeat = DISTINCT_FROM in json.loads(operation.identity)
    return policy.decide(Question(operation.principal, operation.system, action, request, began, repeat))


def may_send_again(decision: Decision, operation: Operation) -> bool:
    """Whether recovery may send an operation again.

    Args:
        decision: What the policy says of it now.
        operation: The operation.
    """
    if decision.decision == "require_approval":
        return carries_approval(operation)
    return decision.allowed


def carries_approval(operation: Operation) -> bool:
    """Whether an operation began with an approval, whose id is then in its recorded decision.

    Args:
        operation: The operation.
    """
    return bool(json.loads(operation.policy).get("approval_id"))


_STRICTEST = ("deny", "require_approval", "allow")


def _usages(decisions: Sequence[Decision]) -> tuple[Usage, ...]:
    rated = {one.rule: one.rate for one in decisions if one.rate is not None}
    return tuple([Usage(rule, rate.calls, rate.per) for rule, rate in rated.items()])


def denied(leave: Leave, principal: str, target: str, free_at: Mapping[str, float], now: float) -> Denied:
    """The error for a call that the policy denies.

    Args:
        leave: What the policy says.
        principal: Who asks.
        target: `system.action`.
        free_at: Rules whose rate is used up → when it is free again (seconds since the epoch).
        now: Seconds since the epoch.
    """
    again = min((at - now for at in free_at.values()), default=None)
    free = "" if again is None else f"; it is free again in {max(0.0, again):.0f} s"
    evidence = {} if again is None else {"free_at": dict(free_at)}
    reason = f"{principal} may not call {_said(leave, target)}{free}; nothing was sent"
    return Denied(reason, code="denied", evidence=evidence | _evidence(leave))


def needs_approval(leave: Leave, principal: str, target: str) -> Denied:
    """The error for a call that the policy allows with an approval only.

    Args:
        leave: What the policy says.
        principal: Who asks.
        target: `system.action`.
    """
    reason = f"{principal} needs an approval to call {_said(leave, target)}; nothing was sent"
    return Denied(reason, code="approval_required", evidence=_evidence(leave))


def _evidence(leave: Leave) -> dict[str, Any]:
    decision = leave.decision
    return {"rule": decision.rule, "policy": decision.version, "decision": decision.id}


def _said(leave: Leave, target: str) -> str:
    places = leave.places
    items = f" (item{'s'[: len(places) > 1]} {', '.join(map(str, places[:_SHOWN]))})" if places else ""
    more = f" and {len(places) - _SHOWN} more items" if len(places) > _SHOWN else ""
    return f"{target}{items}{more}: {leave.decision.reason} (rule {leave.decision.rule!r})"


_SHOWN = 20
