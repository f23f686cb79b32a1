"""What must hold of every policy, whatever its rules: failing safe."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.asking import ORDER, Customer, Line, Order, allow, decided, deny, hold

from seawall.core.policy import Decision, Policy, Rule
from seawall.core.policy.coverage import covered_by

STRICTNESS = ("allow", "require_approval", "deny")
NUMBERS = st.integers(0, 4)
CONDITIONS = st.one_of(
    st.fixed_dictionaries({"max": NUMBERS}),
    st.fixed_dictionaries({"above": NUMBERS}),
    st.fixed_dictionaries({"present": st.booleans()}),
    st.fixed_dictionaries({"is": st.sampled_from(["DE", "FR", 2])}),
    st.fixed_dictionaries({"not_in": st.lists(st.sampled_from(["DE", 3]), min_size=1, max_size=2)}),
)
WHERE = st.dictionaries(st.sampled_from(["amount", "customer.country", "lines.amount"]), CONDITIONS, max_size=2)
TIMES = st.sampled_from([None, {"days": ["thu"]}, {"from": "00:00", "to": "12:00"}])
PARTS = st.fixed_dictionaries(
    {
        "where": WHERE,
        "when": TIMES,
        "principals": st.sampled_from([("*",), ("agent:*",), ("agent:ada",), ("person:*",)]),
        "systems": st.sampled_from([("*",), ("crm",), ("erp",)]),
        "repeat": st.sampled_from([None, True, False]),
        "roles": st.sampled_from([(), ("support",), ("sales",)]),
    }
)
MAKERS = st.sampled_from([allow, hold, deny])
AMOUNTS = st.one_of(st.none(), NUMBERS, st.sampled_from(["2", "much", 2.5]))
ORDERS = st.builds(
    Order,
    amount=AMOUNTS,
    customer=st.one_of(st.none(), st.builds(Customer, country=st.sampled_from([None, "DE", "FR"]))),
    lines=st.lists(st.builds(Line, amount=st.one_of(st.none(), NUMBERS)), max_size=3).map(tuple),
)
QUESTIONS = st.fixed_dictionaries(
    {
        "repeat": st.booleans(),
        "now": st.sampled_from([0.0, 50_000.0, 100_000.0]),
        "principal": st.sampled_from(["agent:ada", "x"]),
    }
)


@st.composite
def policies(draw: st.DrawFn) -> tuple[Rule, ...]:
    made = draw(st.lists(st.tuples(MAKERS, PARTS), max_size=4))
    return tuple(make(f"r{place}", **parts) for place, (make, parts) in enumerate(made))


def ask(rules: tuple[Rule, ...], order: Order, question: dict[str, Any]) -> Decision:
    return decided(Policy(rules, roles={"agent:*": ("support",)}), order, **question)


def strictness(decision: Decision) -> int:
    return STRICTNESS.index(decision.decision)


@given(policies(), ORDERS, QUESTIONS)
def test_what_no_rule_gives_leave_for_is_denied(
    rules: tuple[Rule, ...], order: Order, question: dict[str, Any]
) -> None:
    decision = ask(rules, order, question)
    named = {rule.name: rule for rule in rules}
    if decision.decision != "deny":
        assert named[decision.rule].decision == decision.decision
    assert ask(tuple(rule for rule in rules if rule.decision == "deny"), order, question).decision == "deny"


@given(policies(), ORDERS, QUESTIONS, st.data())
def test_condition_that_is_added_to_a_rule_that_allows_never_allows_more(
    rules: tuple[Rule, ...], order: Order, question: dict[str, Any], data: st.DataObject
) -> None:
    allowing = [place for place, rule in enumerate(rules) if rule.decision == "allow"]
    if not allowing:
        return
    place = data.draw(st.sampled_from(allowing))
    path, condition = data.draw(st.tuples(st.sampled_from(["amount", "customer.country", "reference"]), CONDITIONS))
    if path in rules[place].where:
        return
    where = rules[place].model_dump(by_alias=True, exclude_none=True)["where"] | {path: condition}
    narrowed = allow(
        rules[place].name, **(rules[place].model_dump(exclude={"name", "decision", "where"}) | {"where": where})
    )
    before, after = ask(rules, order, question), ask((*rules[:place], narrowed, *rules[place + 1 :]), order, question)
    if after.decision == "allow":
        assert before.decision == "allow"


@given(policies(), ORDERS, QUESTIONS, st.sampled_from(["amount", "customer", "lines"]))
def test_field_that_is_left_out_gives_no_leave_that_no_value_would_give(
    rules: tuple[Rule, ...], order: Order, question: dict[str, Any], name: str
) -> None:
    if any("present" in condition.model_fields_set for rule in rules for condition in rule.where.values()):
        return  # a rule may say that leaving it out is fine
    blank = order.model_copy(update={name: () if name == "lines" else None})
    values: dict[str, list[Any]] = {
        "amount": [0, 1, 2, 3, 4, 5],
        "customer": [Customer(country=country) for country in ("DE", "FR", "2", "3")],
        "lines": [(Line(amount=amount),) for amount in range(6)],
    }
    filled = [order.model_copy(update={name: value}) for value in values[name]]
    loosest = min(strictness(ask(rules, one, question)) for one in filled)
    assert strictness(ask(rules, blank, question)) >= loosest


@given(policies(), ORDERS, QUESTIONS)
def test_rule_that_is_covered_never_decides(rules: tuple[Rule, ...], order: Order, question: dict[str, Any]) -> None:
    decision = ask(rules, order, question)
    assert decision.rule not in {later.name for later, _ in covered_by(rules)}


@given(policies(), ORDERS, QUESTIONS)
def test_what_is_allowed_was_listed(rules: tuple[Rule, ...], order: Order, question: dict[str, Any]) -> None:
    policy = Policy(rules, roles={"agent:*": ("support",)})
    if decided(policy, order, **question).decision != "deny":
        assert policy.may_ever(question["principal"], "crm", ORDER)
