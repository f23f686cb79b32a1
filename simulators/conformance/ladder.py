"""From cases to rules: what a run made of each rule of the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...conformance import LADDER, RuleResult, State
from ...core.tiers import Tier


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case.

    Args:
        rule: The rule, which has the name of its check.
        case: The case's id.
        state: What became of it.
        reason: Why it is exempt, what is to be done, or what was seen.
    """

    rule: str
    case: str
    state: State
    reason: str = ""


def judge(expected: Mapping[str, Sequence[str]], results: Sequence[CaseResult]) -> tuple[RuleResult, ...]:
    """What became of each rule. What was not run is to be done: a rule is never kept by leaving cases out.

    Args:
        expected: Rule → ids of all its cases.
        results: The cases that were run.
    """
    by_place = {(one.rule, one.case): one for one in results}
    rules = []
    for tier, names in LADDER.items():
        for name in names:
            cases = [by_place.get((name, case)) for case in expected.get(name, ())]
            rules.append(_rule(name, tier, [one for one in cases if one is not None], cases.count(None)))
    return tuple(rules)


def _rule(name: str, tier: Tier, ran: Sequence[CaseResult], missing: int) -> RuleResult:
    failed = tuple(one.case for one in ran if one.state == "failed")
    passed = sum(one.state == "done" for one in ran)
    open_ = [one.reason for one in ran if one.state == "todo"]
    if missing or not ran:
        open_.append(f"{missing} of its cases were not run" if missing else "none of its cases was run")
    exempt = [one.reason for one in ran if one.state == "exempt"]
    state: State = "failed" if failed else "todo" if open_ else "done" if passed else "exempt"
    reasons = tuple(dict.fromkeys([*open_, *exempt]))
    return RuleResult(rule=name, tier=tier, state=state, passed=passed, failed=failed, reasons=reasons)
