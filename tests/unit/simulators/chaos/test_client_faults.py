"""Faults in the client's own process: which step of which operation they strike, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from seawall.simulators.chaos.client_faults import ClientFaults
from seawall.simulators.faults import Plan, PlanError
from seawall.simulators.injector import FaultInjector
from seawall.simulators.kinds import KINDS
from seawall.simulators.vocabulary import CLIENT_POINTS

ACTIONS = {"crm": ("create_case", "get_case"), "erp": ("book",)}


def faults(*some: dict[str, Any], seed: int | None = None, **plan: Any) -> ClientFaults:
    given = [{"id": f"f{n}", "point": "after_send", "kind": "crash", **fault} for n, fault in enumerate(some)]
    return ClientFaults(Plan.model_validate({"faults": given, **plan}), seed=seed, actions=ACTIONS, started=100.0)


def struck(chooser: ClientFaults, count: int = 6, **where: Any) -> list[int]:
    place = {"step": "after_send", "worker": "w1", "system": "crm", "operation": "create_case", "now": 100.0, **where}
    return [n for n in range(1, count + 1) if chooser.at(**place) is not None]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 3}, [3]),
        ({"every": 2}, [2, 4, 6]),
        ({"first": 2}, [1, 2]),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_trigger_fires_at_its_steps(trigger: dict[str, Any], expected: list[int]) -> None:
    assert struck(faults({"trigger": trigger})) == expected


def test_times_limits_how_often_it_fires() -> None:
    assert struck(faults({"times": 2})) == [1, 2]


@pytest.mark.parametrize(("age", "fires"), [(4.9, False), (5.0, True), (9.9, True), (10.0, False)])
def test_window_counts_from_the_start(age: float, *, fires: bool) -> None:
    assert bool(struck(faults({"trigger": {"window": [5, 10]}}), 1, now=100.0 + age)) is fires


@pytest.mark.parametrize(
    ("match", "where", "strikes"),
    [
        ({}, {}, True),
        ({}, {"step": "before_send"}, False),
        ({"worker": "w1"}, {}, True),
        ({"worker": "w2"}, {}, False),
        ({"system": "crm"}, {}, True),
        ({"system": "erp"}, {}, False),
        ({"operation": "create_case"}, {}, True),
        ({"operation": ["get_case", "create_case"]}, {}, True),
        ({"operation": "get_case"}, {}, False),
    ],
)
def test_match_selects_by_step_worker_system_and_action(
    match: dict[str, Any], where: dict[str, Any], *, strikes: bool
) -> None:
    assert bool(struck(faults({"match": match}), 1, **where)) is strikes


def test_only_matching_steps_count() -> None:
    chooser = faults({"match": {"worker": "w1"}, "trigger": {"nth": 2}})
    struck(chooser, worker="w2")
    assert struck(chooser) == [2]


def test_first_fault_of_the_plan_wins_and_the_other_is_reported_as_never_fired() -> None:
    chooser = faults({"id": "a", "kind": "pause"}, {"id": "b"})
    found = chooser.at("after_send", "w1", "crm", "create_case", 100.0)
    assert found is not None
    assert (found.kind, found.param("seconds")) == ("pause", 45.0)
    assert chooser.fired == {"a": 1, "b": 0}
    assert chooser.never_fired() == ("b",)


def test_heal_stops_every_fault() -> None:
    chooser = faults({})
    assert struck(chooser, 1) == [1]
    chooser.heal()
    assert struck(chooser) == []


def test_heal_at_stops_every_fault_for_good() -> None:
    chooser = faults({}, heal_at=5)
    assert struck(chooser, 1, now=104.0) == [1]
    assert struck(chooser, 1, now=105.0) == []
    assert struck(chooser, 1, now=104.0) == []


def test_while_suspended_nothing_counts() -> None:
    chooser = faults({"trigger": {"nth": 1}})
    chooser.suspended = True
    assert struck(chooser) == []
    chooser.suspended = False
    assert struck(chooser) == [1]


def test_draws_are_the_seeds_own_and_no_other_fault_moves_them() -> None:
    def drawn(seed: int, *others: dict[str, Any]) -> list[int]:
        chance = {"id": "wanted", "trigger": {"probability": 0.4}}
        return struck(faults(chance, *others, seed=seed), 60)

    other = {"id": "other", "point": "before_send", "trigger": {"probability": 0.5}}
    assert drawn(1) == drawn(1) == drawn(1, other)
    assert drawn(1) != drawn(2)


def test_faults_of_systems_and_of_clients_are_left_to_those_who_carry_them_out() -> None:
    plan = Plan.model_validate(
        {
            "faults": [
                {"id": "there", "point": "apply", "kind": "reset"},
                {"id": "here", "point": "before_send", "kind": "crash"},
            ]
        }
    )
    assert [fault.id for fault in ClientFaults(plan).own] == ["here"]
    injector = FaultInjector(plan, system="crm", operations={"create": "write"}, now=lambda: 0.0)
    assert [fault.id for fault in injector.own] == ["there"]
    assert injector.never_fired() == ("there",)


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({"system": "cmr"}, "there is no system 'cmr'; did you mean 'crm'?"),
        ({"operation": "create_cases"}, "there is no action 'create_cases'; did you mean 'create_case'?"),
        ({"system": "erp", "operation": "get_case"}, "erp has no action 'get_case'; there are: book"),
    ],
)
def test_fault_that_can_never_fire_is_refused(match: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError) as refused:
        faults({"match": match})
    assert str(refused.value) == f"fault 'f0' can never fire: {message}"


def test_without_actions_names_are_not_checked() -> None:
    plan = Plan.model_validate(
        {"faults": [{"id": "a", "point": "call", "kind": "cancel", "match": {"operation": "anything"}}]}
    )
    assert ClientFaults(plan).never_fired() == ("a",)


@pytest.mark.parametrize("kind", [name for name, one in KINDS.items() if one.client_side])
def test_kind_of_the_client_side_strikes_at_each_of_its_points(kind: str) -> None:
    assert set(KINDS[kind].points) <= set(CLIENT_POINTS)
    for point in KINDS[kind].points:
        chooser = faults({"kind": kind, "point": point})
        assert struck(chooser, 1, step=point) == [1]


def test_planted_fault_strikes_until_it_is_taken_out_and_is_counted() -> None:
    chooser = faults()
    planted = Plan.model_validate({"faults": [{"id": "late", "point": "after_send", "kind": "crash"}]}).faults[0]
    take_out = chooser.plant(planted)
    assert chooser.never_fired() == ("late",)
    assert struck(chooser, 2) == [1, 2]
    take_out()
    assert struck(chooser, 2) == []
    assert chooser.fired == {"late": 2}
