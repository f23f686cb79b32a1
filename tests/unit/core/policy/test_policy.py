from __future__ import annotations

import pytest
from support.toy import ADD

from seawall.core.action import EffectClass
from seawall.core.policy import Policy, Rule


def test_policy_without_rules_denies() -> None:
    decision = Policy().decide("agent:a", "crm", ADD)
    assert (decision.allowed, decision.rule) == (False, "default")


def test_first_matching_rule_decides() -> None:
    policy = Policy(
        (
            Rule(name="no notes for b", decision="deny", principals=("agent:b",)),
            Rule(name="agents", decision="allow", principals=("agent:*",), actions=("crm.*",)),
        )
    )
    assert policy.decide("agent:a", "crm", ADD).rule == "agents"
    assert policy.decide("agent:b", "crm", ADD).rule == "no notes for b"
    assert not policy.decide("agent:a", "erp", ADD).allowed
    assert not policy.decide("person:a", "crm", ADD).allowed


@pytest.mark.parametrize(("effects", "allowed"), [((EffectClass.READ,), False), ((EffectClass.CREATE,), True)])
def test_rule_speaks_only_of_its_effect_classes(effects: tuple[EffectClass, ...], allowed: bool) -> None:
    policy = Policy((Rule(name="some", decision="allow", effects=effects),))
    assert policy.decide("agent:a", "crm", ADD).allowed is allowed


def test_version_changes_with_the_rules_and_is_in_the_record() -> None:
    one = Policy((Rule(name="one", decision="allow"),))
    two = Policy((Rule(name="two", decision="allow"),))
    assert one.version != two.version
    assert one.version in one.decide("agent:a", "crm", ADD).record
