"""Who may do what: typed rules, deny by default. Every write carries the decision that allowed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field, model_validator

from .action import Action, EffectClass
from .identity import canonical_json, digest
from .settings import Settings
from .tiers import NOTHING_PROVEN, Standing, Tier


class Demand(Settings):
    """What an approval needs."""

    role: str
    expires: float = 86400.0
    quorum: int = 1
    executed_by: Literal["seawall", "caller"] = "seawall"


@dataclass(frozen=True, slots=True)
class Question:
    """One."""

    principal: str
    system: str
    action: Action
    request: object = None
    now: float = 0.0
    repeat: bool = False
    exhausted: frozenset[str] = frozenset()


class Rule(Settings):
    """One rule. All of its conditions must hold; the first rule that matches decides.

    Args:
        name: Named in each decision it makes.
        decision: `allow` or `deny`.
        principals: Patterns such as `agent:*` for who asks.
        actions: Patterns such as `crm.create_*` for what is asked.
        effects: Effect classes it speaks of; empty for all.
        min_tier: Only systems whose conformance report proves at least this tier, and only the actions that were
            tried for it; None for all. For rules that allow.
    """

    name: str = Field(min_length=1)
    decision: Literal["allow", "require_approval", "deny"]
    approval: Demand | None = None
    principals: tuple[str, ...] = ("*",)
    actions: tuple[str, ...] = ("*",)
    effects: tuple[EffectClass, ...] = ()
    min_tier: Tier | None = None

    @model_validator(mode="after")
    def _proof_is_for_leave(self) -> Rule:
        if self.min_tier is not None and self.decision != "allow":
            raise ValueError("min_tier is for rules that allow: what is not proven is denied by default")
        return self

    def matches(self, principal: str, system: str, action: Action, standing: Standing = NOTHING_PROVEN) -> bool:
        """Whether the rule speaks of this call."""
        name = f"{system}.{action.name}"
        return (
            (not self.effects or action.effect in self.effects)
            and (self.min_tier is None or standing.reaches(self.min_tier, action))
            and any(fnmatchcase(name, pattern) for pattern in self.actions)
            and any(fnmatchcase(principal, pattern) for pattern in self.principals)
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says of one call.

    Args:
        decision: `allow` or `deny`.
        rule: The rule that decided, or `default`.
        version: Digest of the whole policy, shortened.
        record: The same as JSON, for the ledger.
    """

    decision: Literal["allow", "require_approval", "deny"]
    rule: str
    version: str
    record: str
    approval: Demand | None = None
    reason: str = ""
    id: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the call may run."""
        return self.decision == "allow"


class Policy:
    """An ordered set of rules.

    Args:
        rules: The rules; none at all denies everything.
        standings: System → what is proven of its adapter, for rules that demand a tier.
    """

    def __init__(self, rules: tuple[Rule, ...] = (), standings: Mapping[str, Standing] | None = None) -> None:
        self.rules = rules
        self._standings = dict(standings or {})
        self.version = digest(canonical_json(self._told()))[:12]
        self._known: dict[tuple[str, str, str], Decision] = {}

    def _told(self) -> list[object]:
        """All that decides: the rules, and what is proven where a rule asks for it."""
        told: list[object] = [
            rule.model_dump(mode="json", exclude={"min_tier"} if rule.min_tier is None else None) for rule in self.rules
        ]
        if any(rule.min_tier is not None for rule in self.rules):
            told += [[name, one.tier, dict(one.actions)] for name, one in sorted(self._standings.items())]
        return told

    @property
    def asks_people(self) -> bool:
        """Whether."""
        return any(rule.decision == "require_approval" for rule in self.rules)

    def may_ever(self, principal: str, system: str, action: Action) -> bool:
        """Some."""
        return self._decide(principal, system, action).decision != "deny"

    def decide(self, asked: Question) -> Decision:
        """The decision for one call. Pure: the same question has the same answer for the policy's life."""
        principal, system, action = asked.principal, asked.system, asked.action
        question = (principal, system, action.name)
        found = self._known.get(question)
        if found is None:
            found = self._decide(principal, system, action)
            if len(self._known) < _REMEMBERED:
                self._known[question] = found
        return found

    def _decide(self, principal: str, system: str, action: Action) -> Decision:
        standing = self._standings.get(system, NOTHING_PROVEN)
        for rule in self.rules:
            if rule.matches(principal, system, action, standing):
                return self._decided(rule.decision, rule.name, rule.approval)
        return self._decided("deny", "default")

    def _decided(
        self, decision: Literal["allow", "require_approval", "deny"], rule: str, approval: Demand | None = None
    ) -> Decision:
        record = canonical_json({"decision": decision, "rule": rule, "version": self.version})
        return Decision(decision, rule, self.version, record, approval)


_REMEMBERED = 10_000
