"""The ladder: a tier is computed from what was run, and leaving something out never helps."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Sequence

import pytest

from seawall.conformance import LADDER, RuleResult, State, tier_of
from seawall.core.tiers import Tier
from seawall.simulators.conformance.cases import Case
from seawall.simulators.conformance.checks import CHECKS
from seawall.simulators.conformance.ladder import CaseResult, judge
from seawall.simulators.conformance.running import result_of

RULES = [rule for rules in LADDER.values() for rule in rules]
EXPECTED = dict.fromkeys(RULES, ("one", "two"))
GREEN = [CaseResult(rule, case, "done") for rule in RULES for case in ("one", "two")]


def but(rule: str, state: State, reason: str = "because") -> list[CaseResult]:
    return [CaseResult(rule, "two", state, reason) if (one.rule, one.case) == (rule, "two") else one for one in GREEN]


def rule_of(results: Sequence[CaseResult], name: str) -> RuleResult:
    (found,) = [rule for rule in judge(EXPECTED, results) if rule.rule == name]
    return found


def test_every_check_is_a_rule_of_the_ladder_and_every_rule_has_its_check() -> None:
    assert [check.name for check in CHECKS] == RULES


def test_all_done_is_platinum() -> None:
    assert tier_of(judge(EXPECTED, GREEN)) is Tier.PLATINUM


@pytest.mark.parametrize("state", ["failed", "todo"])
@pytest.mark.parametrize(
    ("rule", "tier"),
    [
        ("error_map", None),
        ("ambiguity_crash", Tier.BRONZE),
        ("probe_honesty", Tier.SILVER),
        ("exactly_once", Tier.GOLD),
    ],
)
def test_rule_that_is_not_kept_holds_the_tier_below_its_own(rule: str, tier: Tier | None, state: State) -> None:
    assert tier_of(judge(EXPECTED, but(rule, state))) is tier


def test_exempt_case_keeps_the_rule_and_its_reason() -> None:
    found = rule_of(but("breaker", "exempt"), "breaker")
    assert (found.state, found.passed, found.reasons) == ("done", 1, ("because",))


def test_rule_with_exempt_cases_only_is_exempt() -> None:
    results = [CaseResult(one.rule, one.case, "exempt", "none") if one.rule == "breaker" else one for one in GREEN]
    assert rule_of(results, "breaker").state == "exempt"
    assert tier_of(judge(EXPECTED, results)) is Tier.PLATINUM


def test_case_that_was_not_run_is_to_be_done() -> None:
    results = [one for one in GREEN if (one.rule, one.case) != ("ambiguity_retry", "two")]
    found = rule_of(results, "ambiguity_retry")
    assert (found.state, found.reasons) == ("todo", ("1 of its cases were not run",))
    assert tier_of(judge(EXPECTED, results)) is Tier.BRONZE


def test_rule_without_cases_is_to_be_done() -> None:
    assert rule_of([one for one in GREEN if one.rule != "facts"], "facts").state == "todo"
    assert tier_of(judge({}, [])) is None


def test_case_that_breaks_off_is_failed_with_what_went_wrong_first() -> None:
    def breaks() -> None:
        try:
            raise KeyError("asked_at")
        finally:
            raise CancelledError

    result = result_of(CHECKS[0], Case("one", breaks))
    assert (result.state, result.reason) == ("failed", "KeyError: 'asked_at'")


def test_failure_is_named_even_where_something_is_exempt() -> None:
    results = [*but("secrets", "failed")[:-1], CaseResult("chaos", "two", "exempt", "none")]
    assert rule_of(results, "secrets").failed == ("two",)
