"""One rule: of whom and what it speaks, and what it decides."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from ..action import EffectClass
from ..settings import Settings
from ..tiers import Tier
from .conditions import Condition
from .durations import Seconds, duration_in_words
from .when import When

Patterns: TypeAlias = Annotated[tuple[str, ...], Field(min_length=1)]

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
LONGEST_RATE = 31 * 86_400.0
"""Seconds for which uses of a rate are counted at most."""


class Demand(Settings):
    """What an approval needs.

    Args:
        role: The role that an approver must have.
        expires: Seconds until it expires; also written as `2h` or `3d`.
        quorum: How many people must approve.
        executed_by: Who carries it out once it is approved: `seawall` itself, or the `caller` who asks again.
        elicit: Whether the person at the agent's client may be asked there, too (MCP elicitation).
    """

    role: str = Field(min_length=1)
    expires: Seconds = Field(default=86400.0, gt=0)
    quorum: int = Field(default=1, ge=1)
    executed_by: Literal["seawall", "caller"] = "seawall"
    elicit: bool = False


class Rate(Settings):
    """How often a principal may use a rule.

    Args:
        calls: New operations within `per`, for each principal by itself; for reads, calls of one process.
        per: Seconds of a window that slides; also written as `10m` or `1h`.
    """

    calls: int = Field(ge=1)
    per: Seconds = Field(gt=0, le=LONGEST_RATE)

    def in_words(self) -> str:
        """Such as `10 in 1h`."""
        return f"{self.calls} in {duration_in_words(self.per)}"


class Rule(Settings):
    """One rule. All of its conditions must hold; the first rule that matches decides.

    Args:
        name: Named in each decision it makes; unique in its policy.
        decision: `allow`, `require_approval` or `deny`.
        principals: Patterns such as `agent:*` for who asks.
        roles: Roles of which the principal has at least one; empty for all.
        systems: Patterns for the system.
        actions: Patterns such as `crm.create_*` for what is asked.
        effects: Effect classes it speaks of; empty for all.
        min_tier: Only systems whose conformance report proves at least this tier, and only the actions that were
            tried for it; None for all. Not for rules that deny.
        where: Conditions on the request: field, or path such as `customer.country` → `Condition`.
        when: The time at which it holds; None for always.
        repeat: True: only deliberate repeats; False: none of them; None for both.
        rate: How often each principal may use it; beyond that, evaluation goes on with the next rule. Not for rules
            that deny.
        reason: Told with each denial, or to whoever is to approve.
        approval: What an approval needs; for `require_approval`, and there only.
    """

    name: str = Field(min_length=1, max_length=200)
    decision: Literal["allow", "require_approval", "deny"]
    principals: Patterns = ("*",)
    roles: tuple[str, ...] = ()
    systems: Patterns = ("*",)
    actions: Patterns = ("*",)
    effects: tuple[EffectClass, ...] = ()
    min_tier: Tier | None = None
    where: dict[str, Condition] = Field(default_factory=dict)
    when: When | None = None
    repeat: bool | None = None
    rate: Rate | None = None
    reason: str = ""
    approval: Demand | None = None

    @field_validator("name")
    @classmethod
    def _can_be_shown(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("must be text without line breaks and control characters")
        return name

    @field_validator("where")
    @classmethod
    def _are_paths(cls, where: dict[str, Condition]) -> dict[str, Condition]:
        for path in where:
            if not _PATH.fullmatch(path):
                raise ValueError(f"{path!r} is no field; write the name of one, or a path such as customer.country")
        return where

    @model_validator(mode="after")
    def _fits_its_decision(self) -> Rule:
        if self.decision == "deny" and self.min_tier is not None:
            raise ValueError("min_tier is for rules that allow: what is not proven is denied by default")
        if self.decision == "deny" and self.rate is not None:
            raise ValueError("rate is for rules that allow: what goes beyond it is denied by default")
        if self.decision == "require_approval" and self.approval is None:
            raise ValueError("require_approval needs approval: { role: … }, which says who may approve")
        if self.decision != "require_approval" and self.approval is not None:
            raise ValueError(f"approval is for require_approval, and this rule says {self.decision}")
        return self

    @property
    def depends(self) -> bool:
        """Whether it depends on more than who asks for which action of which system."""
        return bool(self.where) or self.when is not None or self.repeat is not None or self.rate is not None
