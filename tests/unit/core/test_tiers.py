"""Tiers: a rule that demands one matches only what was tried and proven."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from support.toy import ADD, AddNote

from seawall.core.action import Mapped, fresh
from seawall.core.errors import NotFound
from seawall.core.policy import Policy, Question, Rule
from seawall.core.tiers import Standing, Tier, facts_digest

GOLD_ONLY = (Rule(name="proven", decision="allow", min_tier=Tier.GOLD),)
TRIED = {ADD.name: facts_digest(ADD)}


def allowed(standing: Standing | None) -> bool:
    standings = {} if standing is None else {"crm": standing}
    return Policy(GOLD_ONLY, standings).decide(Question("agent:a", "crm", ADD)).allowed


@pytest.mark.parametrize(
    ("tier", "expected"), [(None, False), (Tier.BRONZE, False), (Tier.SILVER, False), (Tier.GOLD, True)]
)
def test_rule_with_min_tier_matches_only_from_that_tier_up(tier: Tier | None, expected: bool) -> None:
    assert allowed(Standing(tier, TRIED)) is expected


def test_rule_with_min_tier_matches_a_higher_tier() -> None:
    assert allowed(Standing(Tier.PLATINUM, TRIED))


def test_rule_with_min_tier_does_not_match_a_system_without_report() -> None:
    assert not allowed(None)


def test_rule_with_min_tier_does_not_match_an_action_that_was_not_tried() -> None:
    assert not allowed(Standing(Tier.GOLD, {"something_else": facts_digest(ADD)}))


class Longer(AddNote):
    """A request with one more field."""

    title: str = ""


@pytest.mark.parametrize(
    "facts",
    [
        {"probe": fresh(absent_is_final=True)},
        {"errors": {"GONE": Mapped(NotFound)}},
        {"commutative": True},
        {"request": Longer},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_rule_with_min_tier_does_not_match_an_action_that_was_tried_under_other_facts(facts: dict[str, Any]) -> None:
    other = replace(ADD, **facts)
    assert not allowed(Standing(Tier.GOLD, {ADD.name: facts_digest(other)}))


def test_proof_of_one_system_says_nothing_of_another() -> None:
    policy = Policy(GOLD_ONLY, {"erp": Standing(Tier.GOLD, TRIED)})
    assert not policy.decide(Question("agent:a", "crm", ADD)).allowed


def test_rule_that_denies_takes_no_min_tier() -> None:
    with pytest.raises(ValidationError, match="min_tier is for rules that allow"):
        Rule(name="no", decision="deny", min_tier=Tier.GOLD)


def test_policy_version_changes_with_what_is_proven_where_a_rule_demands_it() -> None:
    proven = {"crm": Standing(Tier.GOLD, TRIED)}
    assert Policy(GOLD_ONLY).version != Policy(GOLD_ONLY, proven).version


def test_policy_version_is_unmoved_by_what_is_proven_where_no_rule_demands_it() -> None:
    rules = (Rule(name="all", decision="allow"),)
    assert Policy(rules).version == Policy(rules, {"crm": Standing(Tier.GOLD, TRIED)}).version
