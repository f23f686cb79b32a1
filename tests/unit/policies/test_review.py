"""What is odd about a policy."""

from __future__ import annotations

from typing import Any

import pytest
from support.asking import ORDER, allow, deny, hold
from support.toy import Target, ToyAdapter

from seawall.core.clock import Sources
from seawall.core.policy import Rule
from seawall.core.policy.coverage import covered_by
from seawall.policies.review import has_field, review

TOY = ToyAdapter(Target(Sources().clock)).actions
ACTIONS = {"crm": {"order": ORDER}, "toy": TOY}


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        (allow("a"), deny("b"), True),
        (allow("a", principals=("agent:*",)), allow("b", principals=("agent:ada",)), True),
        (allow("a", principals=("agent:*",)), allow("b", principals=("agent:x*",)), True),
        (allow("a", principals=("agent:ada",)), allow("b", principals=("agent:*",)), False),
        (allow("a", principals=("a?",)), allow("b", principals=("a*",)), False),
        (allow("a", actions=("crm.*",)), allow("b", actions=("crm.order", "erp.order")), False),
        (allow("a", effects=("create", "set")), allow("b", effects=("set",)), True),
        (allow("a", effects=("create",)), allow("b"), False),
        (allow("a", roles=("x",)), allow("b"), False),
        (allow("a", roles=("x", "y")), allow("b", roles=("x",)), True),
        (allow("a", rate={"calls": 1, "per": 1}), allow("b"), False),
        (allow("a", min_tier="gold"), allow("b"), False),
        (allow("a", when={"days": ["mon"]}), allow("b"), False),
        (allow("a", repeat=True), allow("b"), False),
        (allow("a", where={"amount": {"max": 5}}), allow("b"), False),
        (allow("a", where={"amount": {"max": 5}}), hold("b", where={"amount": {"max": 5}, "owner": {"is": "x"}}), True),
        (allow("a", where={"amount": {"max": 5}}), deny("b", where={"amount": {"max": 5}}), False),
        (deny("a", where={"amount": {"max": 5}}), allow("b", where={"amount": {"max": 5}}), True),
    ],
)
def test_rule_is_covered_by_an_earlier_one(earlier: Rule, later: Rule, covered: bool) -> None:
    assert bool(covered_by((earlier, later))) is covered


def test_rule_that_is_covered_is_a_warning() -> None:
    (found,) = review((allow("a"), deny("b")))
    assert (found.rule, found.wrong) == ("b", False)
    assert "can never match: rule 'a' comes first" in found.said


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (allow(systems=("cmr",)), "systems: there is no 'cmr'; did you mean 'crm'?"),
        (allow(actions=("crm.ordr",)), "actions: there is no 'crm.ordr'; did you mean 'crm.order'?"),
        (allow(actions=("order",)), "actions: 'order' names no system"),
        (allow(roles=("suport",)), "roles: nobody has the role 'suport'; did you mean 'support'?"),
        (hold(), "approval.role: nobody has the role 'manager'"),
        (
            allow(actions=("crm.*",), where={"amout": {"min": 1}}),
            "where.amout: no request has this field; did you mean",
        ),
        (allow(actions=("crm.*",), where={"lines.amout": {"min": 1}}), "where.lines.amout: no request has this field"),
    ],
)
def test_name_of_nothing_is_a_mistake(rule: Rule, says: str) -> None:
    found = review((rule,), ACTIONS, ("support",))
    assert any(says in one.said and one.wrong for one in found), found


def test_rule_that_denies_requests_without_its_field_is_a_warning() -> None:
    found = review((deny(where={"amount": {"above": 5}}),), ACTIONS)
    (warning,) = found
    assert not warning.wrong
    assert "denies every request of toy.add_note" in warning.said
    assert review((deny(where={"amount": {"above": 5, "present": True}}),), ACTIONS) == []


def test_policy_that_names_what_there_is_is_fine() -> None:
    rules = (
        deny("no", effects=("send",)),
        hold("large", actions=("crm.order",), where={"lines.amount": {"above": 5}}, approval={"role": "support"}),
        allow("rest", roles=("support",), systems=("crm", "to*")),
    )
    assert review(rules, ACTIONS, ("support",)) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("amount", True), ("customer.country", True), ("customer.city", False), ("lines.amount", True),
        ("lines.kind", True), ("lines.0", False), ("more.anything.at.all", True), ("amount.x", False),
    ],
)  # fmt: skip
def test_field_of_a_request_is_found_through_models_and_lists(path: str, expected: Any) -> None:
    assert has_field(ORDER.request, path) is expected
