"""The plans that ship with the package."""

from __future__ import annotations

from math import prod

import pytest

from seawall.simulators.faults import Fault, Plan, PlanError
from seawall.simulators.kinds import KINDS, Lane
from seawall.simulators.salesforce import SalesforceSimulator


def share(plan: Plan, lane: Lane, operation: str) -> float:
    """The chance that a call for a single record meets a fault."""

    def meets(fault: Fault) -> bool:
        operations = fault.match.operations
        return (
            lane in KINDS[fault.kind].lanes
            and fault.match.lane in (None, lane)
            and (not operations or operation in operations)
            and not KINDS[fault.kind].batches
        )

    return 1 - prod(1 - (fault.trigger.probability or 1) for fault in plan.faults if meets(fault))


def test_a_fault_of_databases_is_refused_by_a_simulator_of_anything_else() -> None:
    plan = Plan.model_validate({"faults": [{"id": "a", "point": "apply", "kind": "sql_error"}]})
    with pytest.raises(PlanError, match="sql_error befalls databases, and salesforce is none"):
        SalesforceSimulator(plan=plan)


@pytest.mark.parametrize("name", ["calm", "harsh"])
def test_bundled_plan_fits_the_simulator(name: str) -> None:
    plan = Plan.bundled(name)
    assert plan.description
    assert SalesforceSimulator(plan=plan).faults.plan is plan


def test_calm_has_no_faults() -> None:
    assert Plan.bundled("calm").faults == ()


def test_harsh_has_every_kind_on_every_side_and_the_shares_it_promises() -> None:
    plan = Plan.bundled("harsh")
    # What a system shows that is itself behind HTTP. A list that is cut is in the manner of NetSuite, whose lists the
    # demonstration does not use; it serves on sockets, where nobody can refuse a connection to some requests only;
    # and the plan has one kind of spoilt reply for each way in which a client can meet one.
    expected = {"hang", "reset", "status", "slow", "lock_error", "throttle", "session_expired", "html_200", "truncate"}
    expected |= {"empty", "garbage", "late_commit", "duplicate_delivery", "partial_batch"}
    assert {fault.kind for fault in plan.faults} == expected
    for kind in ("hang", "reset", "status", "slow"):
        assert {f.point for f in plan.faults if f.kind == kind and f.match.lane == "write"} >= {"apply", "after_commit"}
    assert 0.25 <= share(plan, "write", "create") <= share(plan, "write", "upsert") <= 0.35
    assert 0.08 <= share(plan, "read", "query") <= 0.12
    assert plan.heal_at is None


def test_harsh_delivers_twice_only_what_the_vendor_can_tell_apart() -> None:
    found = [fault.match for fault in Plan.bundled("harsh").faults if fault.kind == "duplicate_delivery"]
    assert {match.system for match in found} == {"salesforce", "hubspot", "erp"}
    for match in found:
        assert not {"create", "collections_create", "invoke", "batch_create", "add"} & set(match.operations)
        assert match.operations
