"""Every single fault that can befall a system, once."""

from __future__ import annotations

import pytest

from seawall.simulators.chaos.client_faults import ClientFaults
from seawall.simulators.chaos.exhaustive import single_client_faults, single_faults
from seawall.simulators.faults import Plan
from seawall.simulators.hubspot.app import OPERATIONS, TRAITS
from seawall.simulators.hubspot.batches import BATCHES
from seawall.simulators.injector import FaultInjector
from seawall.simulators.kinds import KINDS, Lane
from seawall.simulators.sql.statements import OPERATIONS as STATEMENTS
from seawall.simulators.vocabulary import HTTP, SQL, Traits

LANES: dict[str, Lane] = {"create": "write", "import": "write", "get": "read", "token": "auth"}
SOAP: Traits = {"http": None, "soap": None, "transactions": None}


@pytest.mark.parametrize(
    ("lanes", "batches", "traits"),
    [(LANES, {"import"}, HTTP), (LANES, {"import"}, SOAP), (STATEMENTS, set(), SQL), (OPERATIONS, BATCHES, TRAITS)],
    ids=["http", "soap", "sql", "hubspot"],
)
def test_each_fault_is_one_that_the_system_takes(lanes: dict[str, Lane], batches: set[str], traits: Traits) -> None:
    found = tuple(single_faults(lanes, batches, traits=traits, more=True, horizon=300.0))
    plan = Plan.model_validate(
        {"faults": [fault.model_dump(exclude_defaults=True) for fault in found]}
    )  # ids are unique, kinds fit points
    injector = FaultInjector(plan, system="x", operations=lanes, batches=batches, traits=traits, now=lambda: 0.0)
    assert injector.own == plan.faults
    for fault in found:
        (request,) = fault.match.operations
        kind = KINDS[fault.kind]
        assert lanes[request] in kind.lanes_at(fault.point)
        assert request in batches or not kind.batches
        assert (fault.trigger.nth, fault.times) == (1, 1)


def points(kind: str, traits: Traits | None = None) -> set[tuple[str, str]]:
    found = single_faults(LANES, {"import"}, traits=traits)
    return {(fault.match.operations[0], fault.point) for fault in found if fault.kind == kind}


def test_point_with_two_names_is_tried_once() -> None:
    assert points("html_200") == {(request, "after_commit") for request in LANES}


def test_before_commit_is_tried_only_of_writes_and_where_there_are_transactions() -> None:
    assert ("create", "before_commit") not in points("reset")
    assert ("create", "before_commit") in points("reset", traits=SOAP)
    assert ("get", "before_commit") not in points("reset", traits=SOAP)


def test_kinds_that_nobody_sees_through_and_those_of_the_client_are_left_out() -> None:
    found = {fault.kind for fault in single_faults(LANES, {"import"})}
    left_out = {name for name, kind in KINDS.items() if kind.deceives or kind.client_side}
    assert left_out >= {"wrong_reply", "crash"}
    assert found == {name for name, kind in KINDS.items() if "http" in kind.traits} - left_out


def test_only_the_named_kinds_and_requests_are_tried() -> None:
    found = list(single_faults(LANES, kinds={"reset", "hang"}, operations={"get"}))
    assert {fault.kind for fault in found} == {"reset", "hang"}
    assert {fault.match.operations for fault in found} == {("get",)}


def test_parameters_that_make_another_fault_are_each_tried() -> None:
    found = [fault for fault in single_faults(STATEMENTS, traits=SQL) if fault.kind == "sql_error"]
    at_commit = {(fault.point, fault.param("error")) for fault in found if fault.match.operations == ("commit",)}
    assert {("before_commit", "in_doubt"), ("after_commit", "in_doubt"), ("apply", "serialization")} <= at_commit
    assert ("apply", "in_doubt") not in at_commit
    assert {fault.point for fault in found if fault.match.operations == ("insert",)} == {"apply"}


def test_values_that_a_system_does_not_know_are_left_out() -> None:
    found = single_faults(STATEMENTS, traits=SQL, kinds={"sql_error"}, values={"error": {"deadlock", "read_only"}})
    assert {fault.param("error") for fault in found} == {"deadlock", "read_only"}


def test_more_adds_other_parameters_of_the_same_kinds_and_few_of_them() -> None:
    plain = list(single_faults(LANES, {"import"}))
    more = list(single_faults(LANES, {"import"}, more=True))
    assert [fault for fault in more if fault in plain] == plain
    assert len(plain) < len(more) <= 2 * len(plain)
    statuses = {(fault.point, fault.param("status")) for fault in more if fault.kind in ("status", "refusal")}
    assert statuses >= {("admit", code) for code in (400, 403, 404, 409, 412, 408, 500, 502, 503, 504)}
    assert len({(fault.match.operations, fault.point, fault.kind, str(fault.params)) for fault in more}) == len(more)


@pytest.mark.parametrize(("horizon", "latest"), [(600.0, 599.0), (None, 59.0), (20.0, 19.0)])
def test_late_commit_lands_within_the_horizon_and_as_late_as_it_may(horizon: float | None, latest: float) -> None:
    found = single_faults(LANES, kinds={"late_commit"}, more=True, horizon=horizon)
    assert max(fault.param("delay") for fault in found) == latest


@pytest.mark.parametrize("more", [False, True])
def test_nothing_lands_after_a_short_horizon_by_its_own_parameters_either(more: bool) -> None:
    found = list(single_faults(LANES, kinds={"late_commit", "slow"}, more=more, horizon=1.5))
    late = [one.param("delay") for one in found if one.kind == "late_commit"]
    slow = [one.param("seconds") for one in found if one.kind == "slow" and one.point == "apply"]
    assert max([*late, *slow], default=0.0) <= 0.5
    assert {one.param("seconds") for one in found if one.point == "after_commit"} >= {1.0}


def test_values_that_a_system_does_not_know_are_left_out_of_more() -> None:
    found = single_faults(LANES, kinds={"status", "refusal"}, values={"status": {503, 404}}, more=True)
    assert {fault.param("status") for fault in found} == {503, 404}


ACTIONS = {"create_case": True, "get_case": False}


def test_each_fault_of_the_client_is_one_that_a_plan_takes_and_strikes_at_its_step() -> None:
    found = tuple(single_client_faults(ACTIONS, more=True))
    assert {fault.param("by") for fault in found if fault.kind == "clock_jump"} == {3600.0, -3600.0}
    Plan.model_validate({"faults": [fault.model_dump(exclude_defaults=True) for fault in found]})
    for fault in found:
        (action,) = fault.match.operations
        chooser = ClientFaults(Plan(faults=(fault,)), actions={"crm": tuple(ACTIONS)})
        assert [chooser.at(fault.point, "w1", "crm", action, 0.0) for _ in range(2)] == [fault, None]
    assert {fault.kind for fault in found} == {name for name, kind in KINDS.items() if kind.client_side}


def test_what_only_reads_meets_no_fault_of_the_ledger() -> None:
    found = [fault for fault in single_client_faults(ACTIONS) if fault.match.operations == ("get_case",)]
    assert {fault.point for fault in found} == {"call", "before_send", "after_send"}
    assert not {"two_workers", "ledger_write_fails"} & {fault.kind for fault in found}


def test_only_the_named_steps_and_kinds_of_the_client_are_tried() -> None:
    found = list(single_client_faults(ACTIONS, points={"after_send"}, kinds={"crash", "pause", "short_deadline"}))
    assert {(fault.point, fault.kind) for fault in found} == {("after_send", "crash"), ("after_send", "pause")}
