"""Whether a rule speaks of a call: condition by condition, for deciding and for explaining alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from ..action import Action
from ..tiers import Standing
from .conditions import fulfilled
from .decision import Question
from .rule import Rule

Matched: TypeAlias = Literal["yes", "partly", "no"]
"""`partly` is a rule that demands approval, and whose conditions only part of a request fulfils, or perhaps."""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a rule beside what was asked.

    Args:
        name: Such as `principals`, or `where.amount`.
        wanted: What the rule says.
        found: What was asked.
        holds: Whether it holds; None where that cannot be told.
    """

    name: str
    wanted: str
    found: str
    holds: bool | None


def speaks_of(
    rule: Rule, principal: str, roles: Sequence[str], system: str, action: Action, standing: Standing
) -> bool:
    """Whether a rule speaks of who asks for what, whatever the request."""
    return all(check.holds for check in fixed_checks(rule, principal, roles, system, action, standing))


def fixed_checks(
    rule: Rule, principal: str, roles: Sequence[str], system: str, action: Action, standing: Standing
) -> Iterator[Check]:
    """The conditions that do not depend on the request.

    Args:
        rule: The rule.
        principal: Who asks.
        roles: The principal's roles.
        system: The system's name.
        action: The action.
        standing: What is proven of the system's adapter.
    """
    target = f"{system}.{action.name}"
    yield _fits("principals", rule.principals, principal)
    if rule.roles:
        yield Check("roles", _listed(rule.roles), _listed(roles) or "none", bool(set(rule.roles) & set(roles)))
    yield _fits("systems", rule.systems, system)
    yield _fits("actions", rule.actions, target)
    if rule.effects:
        yield Check("effects", _listed(rule.effects), str(action.effect), action.effect in rule.effects)
    if rule.min_tier is not None:
        tried = "" if action.name in standing.actions else f", {action.name} was not tried"
        reached = standing.reaches(rule.min_tier, action)
        yield Check("min_tier", str(rule.min_tier), f"{standing.tier or 'nothing'} is proven{tried}", reached)


def matched(rule: Rule, question: Question) -> Matched:
    """Whether a rule that speaks of who asks for what matches this one call.

    Args:
        rule: The rule.
        question: The call.
    """
    if rule.name in question.exhausted or (rule.repeat is not None and rule.repeat is not question.repeat):
        return "no"
    if rule.when is not None and not rule.when.holds(question.now):
        return "no"
    if not rule.where:
        return "yes"
    found = fulfilled(rule.where, question.request, question.principal)
    if rule.decision == "deny":
        return "yes" if found.possibly else "no"
    if found.certainly:
        return "yes"
    return "partly" if found.possibly and rule.decision == "require_approval" else "no"


def _fits(name: str, patterns: Sequence[str], found: str) -> Check:
    return Check(name, _listed(patterns), found, any(fnmatchcase(found, pattern) for pattern in patterns))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(str, names))
