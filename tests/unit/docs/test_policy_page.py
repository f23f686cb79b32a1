"""The page on the policy: its policies are read and decide as it says, and it names every key that there is."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.asking import ORDER, Line, Order
from support.toy import ADD

from seawall.config import Config
from seawall.core.action import Action, EffectClass
from seawall.core.policy import Condition, Demand, Policy, Question, Rate, Rule, When
from seawall.core.tiers import Standing, Tier, facts_digest
from seawall.policies.reading import rules_of
from seawall.policies.review import review

PAGE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
POLICIES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FIRST, LINES, DEFAULT = POLICIES


@pytest.mark.parametrize("text", POLICIES)
def test_policy_of_the_page_is_read_and_nothing_in_it_is_odd(text: str) -> None:
    assert review(rules_of(text, "docs/policy.md")) == []


@pytest.mark.parametrize("model", [Rule, Condition, When, Rate, Demand])
def test_page_names_every_key(model: Any) -> None:
    names = [field.alias or name for name, field in model.model_fields.items()]
    code = re.findall(r"`([^`\n]+)`", PAGE)
    words = {word for text in [*code, *POLICIES] for word in re.findall(r"\w+", text)}
    assert [name for name in names if name not in words] == []


def test_configuration_of_the_page_is_one() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    config = Config.model_validate(tomllib.loads(text))
    assert config.principals["agent:ada"].roles == ("support",)


@pytest.mark.parametrize(
    ("effect", "tier", "expected"),
    [
        ("read", None, "allow"),
        ("create", Tier.SILVER, "allow"),
        ("create", Tier.BRONZE, "require_approval"),
        ("create", None, "require_approval"),
        ("set", Tier.GOLD, "require_approval"),
        ("change", Tier.GOLD, "require_approval"),
        ("delete", Tier.GOLD, "require_approval"),
        ("send", Tier.GOLD, "require_approval"),
        ("opaque", Tier.GOLD, "deny"),
    ],
)
def test_default_policy_decides_as_its_table_says(effect: str, tier: Tier | None, expected: str) -> None:
    action = of(effect)
    standing = Standing(tier, {action.name: facts_digest(action)})
    policy = Policy(rules_of(DEFAULT, "docs/policy.md"), {"crm": standing})
    assert policy.decide(Question("agent:ada", "crm", action)).decision == expected
    assert policy.decide(Question("person:x", "crm", action)).decision == "deny"
    if effect == "create":
        assert policy.decide(Question("agent:ada", "crm", action, repeat=True)).decision == "require_approval"


def of(effect: str) -> Action:
    """An action of an effect class, as far as a policy looks at it."""
    action = replace(ADD)
    object.__setattr__(action, "effect", EffectClass(effect))
    return action


def test_one_large_line_holds_the_whole_order() -> None:
    policy = Policy(rules_of(LINES, "docs/policy.md"))
    action = replace(ORDER, name="create_order")

    def decision(*amounts: int) -> str:
        order = Order(lines=tuple(Line.model_validate({"amount": amount}) for amount in amounts))
        return policy.decide(Question("agent:ada", "orders", action, order)).decision

    assert decision(5, 1000) == "allow"
    assert decision(5, 1001, 5) == "require_approval"
    assert decision(1001) == "require_approval"
