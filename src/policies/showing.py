"""Policies and what they decide, as text and tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.table import Table
from rich.text import Text

from ..core.policy import Reasons

_HOLDS = {True: "holds", False: "does not hold", None: "cannot be told"}
_MATCHED = {"yes": "matches", "no": "does not match", "partly": "matches a part only, so nothing is allowed past it"}
_COLOURS = {"allow": "green", "require_approval": "yellow", "deny": "red"}


def reasons_record(reasons: Reasons) -> dict[str, Any]:
    """The reasons for a decision as JSON values."""
    decision = reasons.decision
    return {
        "decision": decision.decision,
        "rule": decision.rule,
        "version": decision.version,
        "reason": decision.reason,
        "approval": None if decision.approval is None else decision.approval.model_dump(mode="json"),
        "rules": [
            {
                "name": one.rule.name,
                "decision": one.rule.decision,
                "matches": one.matched,
                "decides": one.decides,
                "conditions": [
                    {"name": check.name, "wanted": check.wanted, "found": check.found, "holds": check.holds}
                    for check in one.checks
                ],
            }
            for one in reasons.weighed
        ],
    }


def reasons_text(told: dict[str, Any]) -> str:
    """The same as lines.

    Args:
        told: What `reasons_record` answers.
    """
    lines = [f"{told['decision']}: {told['reason']} (rule {told['rule']!r}, policy version {told['version']})"]
    if told["approval"]:
        lines.append("  needs: " + ", ".join(f"{name} {value}" for name, value in told["approval"].items()))
    for place, rule in enumerate(told["rules"], 1):
        decides = ", and decides" if rule["decides"] else ""
        lines.append(f"{place}. {rule['decision']} {rule['name']!r} {_MATCHED[rule['matches']]}{decides}")
        lines += [
            f"     {one['name']}: {one['wanted']}; asked: {one['found']}; {_HOLDS[one['holds']]}"
            for one in rule["conditions"]
        ]
    if told["rule"] == "default":
        lines.append("No rule decided: what no rule allows is denied.")
    return "\n".join(lines)


def replayed_table(told: dict[str, Any], clean: Callable[[str], str]) -> Table:
    """What a dry run came to, as a table.

    Args:
        told: What `Replayed.told` answers.
        clean: Makes a text fit to be shown.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("operations", "was", "would be", "by rule", "before by rule"):
        table.add_column(name, no_wrap=name == "operations", overflow="fold")
    table.add_column("such as", overflow="fold")
    for one in told["changes"]:
        style = _COLOURS.get(one["would_be"], "") if one["changed"] else "dim"
        table.add_row(
            str(one["count"]),
            one["was"],
            Text(one["would_be"], style=style),
            Text(clean(one["would_be_by"])),
            Text(clean(one["was_by"])),
            Text(clean(" ".join(one["examples"]))),
        )
    return table
