from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from support.asking import MANAGER, ORDER, Line, Order, allow, decided, deny, hold, word
from support.toy import ADD

from seawall.core.action import EffectClass
from seawall.core.policy import Condition, Demand, Policy, Question, Rate, Rule


def test_policy_without_rules_denies() -> None:
    decision = decided(Policy())
    assert (decision.allowed, decision.rule, decision.reason) == (False, "default", "no rule allows it")


def test_first_matching_rule_decides() -> None:
    policy = Policy((deny("no notes for b", principals=("agent:b",)), allow("agents", principals=("agent:*",))))
    assert decided(policy, principal="agent:a").rule == "agents"
    assert decided(policy, principal="agent:b").rule == "no notes for b"
    assert not decided(policy, principal="person:a").allowed


@pytest.mark.parametrize(
    ("patterns", "allowed"),
    [(("crm",), True), (("c*",), True), (("erp",), False), (("erp", "crm"), True), (("CRM",), False)],
)
def test_rule_speaks_only_of_its_systems(patterns: tuple[str, ...], allowed: bool) -> None:
    assert decided(Policy((allow(systems=patterns),))).allowed is allowed


def test_rule_speaks_only_of_its_actions() -> None:
    assert decided(Policy((allow(actions=("crm.ord*",)),))).allowed
    assert not decided(Policy((allow(actions=("erp.*", "order")),))).allowed


@pytest.mark.parametrize(("effects", "allowed"), [((EffectClass.READ,), False), ((EffectClass.CREATE,), True)])
def test_rule_speaks_only_of_its_effect_classes(effects: tuple[EffectClass, ...], allowed: bool) -> None:
    assert decided(Policy((allow(effects=effects),))).allowed is allowed


def test_roles_are_those_of_every_pattern_that_fits() -> None:
    roles = {"agent:*": ("reader",), "agent:ada": ("support", "reader"), "person:*": ("manager",)}
    policy = Policy((allow(roles=("support", "sales")),), roles=roles)
    assert policy.roles_of("agent:ada") == ("reader", "support")
    assert policy.roles_of("nobody") == ()
    assert decided(policy, principal="agent:ada").allowed
    assert not decided(policy, principal="agent:bob").allowed


def test_version_changes_with_rules_and_with_roles_that_a_rule_names() -> None:
    one, two = (allow("one"),), (allow("two"),)
    named = (allow("one", roles=("support",)),)
    assert Policy(one).version != Policy(two).version
    assert Policy(one, roles={"a": ("x",)}).version == Policy(one).version
    assert Policy(named, roles={"a": ("x",)}).version != Policy(named).version


def test_decision_has_an_id_of_its_own_and_says_in_its_record_what_decided() -> None:
    ids = iter(("decision_1", 'decision_"2"'))
    policy = Policy((allow('the "best" rule'),), new_id=lambda prefix: next(ids) if prefix == "decision" else "")
    first, second = decided(policy), decided(policy)
    assert (first.id, second.id) == ("decision_1", 'decision_"2"')
    for decision in (first, second):
        assert json.loads(decision.record) == {
            "decision": "allow", "id": decision.id, "rule": 'the "best" rule', "version": policy.version,
        }  # fmt: skip


def test_denial_and_approval_carry_their_reason() -> None:
    assert decided(Policy((deny(reason="ask the desk"),))).reason == "ask the desk"
    held = decided(Policy((hold(reason="large"),)))
    assert (held.decision, held.reason, held.approval, held.allowed) == ("require_approval", "large", MANAGER, False)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two rules are named 'same'"):
        Policy((allow("same"), deny("same")))


def test_unreadable_policy_denies_everything_and_says_why() -> None:
    policy = Policy.unreadable("line 3: what is this?")
    decision = decided(policy)
    assert (decision.decision, decision.rule, decision.version) == ("deny", "unreadable", "unreadable")
    assert "the policy cannot be read, so everything is denied (line 3: what is this?)" in decision.reason
    assert not policy.may_ever("agent:ada", "crm", ADD)
    assert json.loads(decision.record)["version"] == "unreadable"


@pytest.mark.parametrize(
    ("rules", "ever"),
    [
        ((), False),
        ((deny(), allow()), False),
        ((deny(where={"amount": {"above": 5}}), allow()), True),
        ((hold(),), True),
        ((allow(where={"amount": {"max": 5}}), deny()), True),
        ((allow(principals=("person:*",)),), False),
    ],
)
def test_action_is_listed_if_some_request_could_be_allowed_or_held(rules: tuple[Rule, ...], ever: bool) -> None:
    assert Policy(rules).may_ever("agent:ada", "crm", ORDER) is ever


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"decision": "deny", "rate": {"calls": 1, "per": 1}}, "rate is for rules that allow"),
        ({"decision": "require_approval"}, "require_approval needs approval"),
        ({"decision": "allow", "name": "two\nlines"}, "without line breaks"),
        ({"decision": "allow", "approval": {"role": "x"}}, "approval is for require_approval"),
        ({"decision": "allow", "where": {"a b": {"min": 1}}}, "'a b' is no field"),
        ({"decision": "allow", "principals": ()}, "at least 1 item"),
        ({"decision": "allow", "rate": {"calls": 0, "per": 1}}, "greater than or equal to 1"),
        ({"decision": "allow", "rate": {"calls": 1, "per": "32d"}}, "less than or equal to"),
        ({"decision": "require_approval", "approval": {"role": "x", "quorum": 0}}, "greater than or equal to 1"),
        ({"decision": "require_approval", "approval": {"role": "x", "expires": "soon"}}, "no length of time"),
    ],
)
def test_rule_that_contradicts_itself_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Rule.model_validate({"name": "r", **changes})


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(90, 90.0), ("90s", 90.0), ("30m", 1800.0), ("2h", 7200.0), ("3d", 259200.0), ("1.5h", 5400)],
)
def test_lengths_of_time_are_written_as_people_do(written: Any, seconds: float) -> None:
    assert Demand(role="x", expires=written).expires == seconds


def test_repeat_is_a_condition() -> None:
    policy = Policy((hold("repeats", repeat=True), allow("first times", repeat=False)))
    assert decided(policy, repeat=True).rule == "repeats"
    assert decided(policy, repeat=False).rule == "first times"


def test_rule_whose_rate_is_used_up_does_not_match_and_the_denial_says_so() -> None:
    policy = Policy((allow("ten", rate={"calls": 10, "per": "1h"}),))
    decision = decided(policy)
    assert (decision.allowed, decision.rate) == (True, Rate(calls=10, per=3600.0))
    beyond = decided(policy, exhausted=frozenset({"ten"}))
    assert (beyond.allowed, beyond.rule) == (False, "default")
    assert beyond.reason == "the rate of 'ten' (10 in 1h) is used up; no other rule allows it"


def test_evaluation_goes_on_with_the_next_rule_beyond_a_rate() -> None:
    policy = Policy((allow("ten", rate={"calls": 10, "per": "1h"}), hold("more")))
    assert decided(policy, exhausted=frozenset({"ten"})).rule == "more"


BIG = {"amount": {"above": 100}}
LINES = {"lines.amount": {"above": 100}}


@pytest.mark.parametrize("amount", [None, "much", float("nan")])
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((allow(where=BIG),), "deny"),
        ((hold(where=BIG),), "deny"),
        ((deny(where=BIG), allow()), "deny"),
        ((hold(where=BIG), allow()), "require_approval"),
        ((hold(where=BIG), deny()), "deny"),
    ],
)
def test_comparison_that_cannot_be_made_never_gives_leave(amount: Any, rules: tuple[Rule, ...], expected: str) -> None:
    assert word(rules, amount=amount) == expected


@pytest.mark.parametrize(
    ("rules", "amounts", "expected"),
    [
        ((allow(where=LINES),), [101, 102], "allow"),
        ((allow(where=LINES),), [101, 5], "deny"),
        ((allow(where=LINES),), [], "deny"),
        ((hold(where=LINES),), [101, 5], "deny"),
        ((hold(where=LINES), allow()), [101, 5], "require_approval"),
        ((hold(where=LINES), allow()), [4, 5], "allow"),
        ((hold(where=LINES), allow()), [4, None], "require_approval"),
        ((deny(where=LINES), allow()), [4, 5], "allow"),
        ((deny(where=LINES), allow()), [4, 101], "deny"),
        ((deny(where=LINES), allow()), [4, None], "deny"),
        ((deny(where=LINES), allow()), [], "deny"),
    ],
)
def test_every_item_of_a_list_must_fulfil_what_gives_leave_and_any_item_what_denies(
    rules: tuple[Rule, ...], amounts: list[Any], expected: str
) -> None:
    assert word(rules, lines=tuple(Line(amount=amount) for amount in amounts)) == expected


def test_rule_that_denies_speaks_only_of_requests_with_the_field_if_it_says_present() -> None:
    rules = (deny(where={"amount": {"above": 100, "present": True}}), allow())
    assert word(rules, amount=None) == "allow"
    assert word(rules, amount=101) == "deny"
    assert word(rules, amount="much") == "deny"


def test_part_of_a_request_that_needs_an_approval_holds_it_before_a_later_lighter_approval() -> None:
    clerk = Demand(role="clerk")
    rules = (hold("large", where=LINES), hold("any", approval=clerk))
    order = Order(lines=(Line(amount=101), Line(amount=5)))
    assert decided(Policy(rules), order).rule == "large"


def test_question_without_a_request_fulfils_no_condition() -> None:
    question = Question("agent:ada", "crm", ORDER)
    assert Policy((allow(where={"reference": Condition(matches=("*",))}),)).decide(question).decision == "deny"
    assert Policy((deny(where={"reference": Condition(is_="x")}), allow())).decide(question).rule == "deny"
