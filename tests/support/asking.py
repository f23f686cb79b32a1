"""Questions to policies, and requests with fields of all kinds to ask them about."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from seawall.core.action import Action, Reply, Request
from seawall.core.policy import Decision, Demand, Policy, Question, Rule

from .toy import ADD


class Kind(StrEnum):
    """An enum of a request."""

    GIFT = "gift"
    SALE = "sale"


class Line(BaseModel):
    """A line of an order."""

    amount: Decimal | None = None
    kind: Kind = Kind.SALE


class Customer(BaseModel):
    """A nested model."""

    country: str | None = None


class Order(Request[Reply]):
    """A request with fields of all kinds."""

    reference: str = "R-1"
    amount: Decimal | str | float | int | None = None
    owner: str | None = None
    urgent: bool | None = None
    customer: Customer | None = None
    lines: tuple[Line, ...] = ()
    more: dict[str, Any] = Field(default_factory=dict)


ORDER = replace(ADD, name="order", request=Order, identity=("reference",))
MANAGER = Demand(role="manager")


def allow(name: str = "allow", **changes: Any) -> Rule:
    """A rule that allows."""
    return Rule.model_validate({"name": name, "decision": "allow", **changes})


def hold(name: str = "hold", **changes: Any) -> Rule:
    """A rule that requires an approval."""
    return Rule.model_validate({"name": name, "decision": "require_approval", "approval": MANAGER, **changes})


def deny(name: str = "deny", **changes: Any) -> Rule:
    """A rule that denies."""
    return Rule.model_validate({"name": name, "decision": "deny", **changes})


def decided(policy: Policy, order: Order | None = None, principal: str = "agent:ada", **changes: Any) -> Decision:
    """What a policy says of an order."""
    action: Action = changes.pop("action", ORDER)
    return policy.decide(Question(principal, "crm", action, order or Order(), **changes))


def word(rules: tuple[Rule, ...], **order: Any) -> str:
    """What rules say of an order with these fields."""
    return decided(Policy(rules), Order(**order)).decision
