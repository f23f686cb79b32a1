"""Scenarios in which a planted bug shows, in few words."""

from __future__ import annotations

from typing import Any

from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.faults import Plan


def scenario(subject: str, *calls: PlannedCall, faults: tuple[dict[str, Any], ...] = (), **how: Any) -> Scenario:
    """A scenario with faults that each strike once, unless they say otherwise."""
    plan = Plan.model_validate(
        {"faults": [{"id": f"f{n}", "trigger": {"nth": 1}, **fault} for n, fault in enumerate(faults)]}
    )
    return Scenario(subject=subject, plan=plan, calls=calls, **how)


def once(action: str, **how: Any) -> PlannedCall:
    """One call."""
    return PlannedCall(action=action, sample=1, **how)


def on_write(point: str, kind: str, **params: Any) -> dict[str, Any]:
    """A fault of a write."""
    return {"match": {"lane": "write"}, "point": point, "kind": kind, "params": params}


ALL_READS = {"match": {"lane": "read"}, "point": "send", "kind": "reset", "trigger": {"first": 100}}
A_DATE = "Tue, 01 Jan 2030 00:00:00 GMT"
