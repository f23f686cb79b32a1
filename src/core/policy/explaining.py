"""Why a policy decides as it does: every rule, condition by condition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .decision import Decision, Question
from .matching import Check, Matched, fixed_checks, matched
from .policy import Policy
from .rule import Rule
from .values import found_at


@dataclass(frozen=True, slots=True)
class Weighed:
    """One rule beside a question.

    Args:
        rule: The rule.
        matched: Whether it matches.
        checks: Its conditions.
        decides: Whether the decision is this rule's.
    """

    rule: Rule
    matched: Matched
    checks: tuple[Check, ...]
    decides: bool


@dataclass(frozen=True, slots=True)
class Reasons:
    """A decision and the way to it.

    Args:
        decision: The decision.
        weighed: The rules in order, up to the last one that was looked at.
    """

    decision: Decision
    weighed: tuple[Weighed, ...]


def explain(policy: Policy, question: Question) -> Reasons:
    """The decision on one call, and why each rule before it did not match.

    Args:
        policy: The policy.
        question: The call.
    """
    decision = policy.decide(question)
    weighed = []
    for rule in policy.rules:
        checks = _checks(policy, rule, question)
        fixed = fixed_checks(
            rule,
            question.principal,
            policy.roles_of(question.principal),
            question.system,
            question.action,
            policy.standing_of(question.system),
        )
        how: Matched = matched(rule, question) if all(one.holds for one in fixed) else "no"
        weighed.append(Weighed(rule, how, checks, rule.name == decision.rule))
        if how == "yes":
            break
    return Reasons(decision, tuple(weighed))


def _checks(policy: Policy, rule: Rule, question: Question) -> tuple[Check, ...]:
    roles, standing = policy.roles_of(question.principal), policy.standing_of(question.system)
    fixed = fixed_checks(rule, question.principal, roles, question.system, question.action, standing)
    return (*fixed, *_open_checks(rule, question))


def _open_checks(rule: Rule, question: Question) -> Iterator[Check]:
    if rule.repeat is not None:
        said, found = (str(one).lower() for one in (rule.repeat, question.repeat))
        yield Check("repeat", said, found, rule.repeat is question.repeat)
    if rule.rate is not None:
        used = rule.name in question.exhausted
        yield Check("rate", rule.rate.in_words(), "used up" if used else "not counted here", not used)
    if rule.when is not None:
        yield Check("when", rule.when.in_words(), f"{question.now:.0f}", rule.when.holds(question.now))
    for path, condition in rule.where.items():
        values = found_at(question.request, path)
        for place, value in enumerate(values, 1):
            name = f"where.{path}" + (f" (item {place})" if len(values) > 1 else "")
            for wanted, holds in condition.tests(value, question.principal):
                yield Check(name, wanted, "nothing" if value is None else repr(value), holds)
