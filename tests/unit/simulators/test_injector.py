"""Which fault befalls which request: triggers, limits, order, and draws that do not disturb each other."""

from __future__ import annotations

from typing import Any

import pytest

from seawall.simulators.faults import Plan, PlanError
from seawall.simulators.injector import FaultInjector, RequestFacts
from seawall.simulators.kinds import Lane
from seawall.simulators.vocabulary import Traits

OPERATIONS: dict[str, Lane] = {"create": "write", "import": "write", "get": "read", "token": "auth"}


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def injector(*faults: dict[str, Any], clock: Clock | None = None, seed: int = 1, **plan: Any) -> FaultInjector:
    given = [{"id": f"f{n}", "point": "apply", "kind": "reset", **fault} for n, fault in enumerate(faults)]
    return FaultInjector(
        Plan.model_validate({"seed": seed, "faults": given, **plan}),
        system="crm",
        operations=OPERATIONS,
        batches={"import"},
        now=clock or Clock(),
    )


def hits(chooser: FaultInjector, count: int = 10, operation: str = "create", batch: int = 0) -> list[int]:
    facts = RequestFacts("crm", operation, OPERATIONS[operation], batch)
    return [n for n in range(1, count + 1) if chooser.select(facts) is not None]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"nth": 3}, [3]),
        ({"every": 4}, [4, 8]),
        ({"first": 2}, [1, 2]),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ],
)
def test_trigger_fires_at_its_calls(trigger: dict[str, Any], expected: list[int]) -> None:
    assert hits(injector({"trigger": trigger})) == expected


def test_window_fires_between_its_ends_only() -> None:
    clock = Clock()
    chooser = injector({"trigger": {"window": [5, 10]}}, clock=clock)
    found = []
    for age in (0, 4.9, 5, 9.9, 10):
        clock.seconds = 1000.0 + age
        found.append(bool(hits(chooser, 1)))
    assert found == [False, False, True, True, False]


def test_times_limits_how_often_it_fires() -> None:
    assert hits(injector({"times": 2})) == [1, 2]


def test_heal_at_stops_every_fault_from_then_on() -> None:
    clock = Clock()
    chooser = injector({}, clock=clock, heal_at=5)
    assert hits(chooser, 1) == [1]
    clock.seconds += 5
    assert hits(chooser) == []


def test_heal_stops_every_fault_at_once() -> None:
    chooser = injector({})
    chooser.heal()
    assert hits(chooser) == []


def test_probability_gives_its_share() -> None:
    assert 240 <= len(hits(injector({"trigger": {"probability": 0.3}}), 1000)) <= 360


def test_probability_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    def drawn(seed: int) -> list[int]:
        return hits(injector({"trigger": {"probability": 0.3}}, seed=seed), 100)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_adding_a_fault_moves_no_draw_of_another() -> None:
    wanted = {"id": "wanted", "trigger": {"probability": 0.3}}
    other = {"id": "other", "kind": "hang", "trigger": {"probability": 0.5}}

    def of_wanted(chooser: FaultInjector) -> set[int]:
        facts = RequestFacts("crm", "create", "write")
        chosen = [(n, chooser.select(facts)) for n in range(100)]
        return {n for n, fault in chosen if fault is not None and fault.id == "wanted"}

    alone = of_wanted(injector(wanted))
    assert of_wanted(injector(wanted, other)) == alone
    # Where the other one comes first it takes some of the calls, but those that are left are drawn as before.
    assert of_wanted(injector(other, wanted)) < alone


def test_first_fault_of_the_plan_wins_and_the_other_is_reported_as_never_fired() -> None:
    chooser = injector({"id": "a"}, {"id": "b"})
    hits(chooser)
    assert chooser.fired == {"a": 10, "b": 0}
    assert chooser.never_fired() == ("b",)


@pytest.mark.parametrize(
    ("match", "befallen"),
    [
        ({}, {"create", "import", "get", "token"}),
        ({"system": "crm"}, {"create", "import", "get", "token"}),
        ({"system": "erp"}, set()),
        ({"lane": "write"}, {"create", "import"}),
        ({"operation": "get"}, {"get"}),
        ({"operation": ["get", "token"]}, {"get", "token"}),
    ],
)
def test_match_selects_by_system_lane_and_operation(match: dict[str, Any], befallen: set[str]) -> None:
    chooser = injector({"match": match})
    assert {operation for operation in OPERATIONS if hits(chooser, 1, operation)} == befallen


@pytest.mark.parametrize("kind", ["lock_error", "duplicate_delivery"])
def test_kind_for_writes_leaves_other_lanes_alone(kind: str) -> None:
    chooser = injector({"kind": kind})
    assert {operation for operation in OPERATIONS if hits(chooser, 1, operation)} == {"create", "import"}


def test_fault_of_another_system_is_not_counted_as_planned_here() -> None:
    assert injector({"match": {"system": "erp", "operation": "unheard_of"}}).never_fired() == ()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"match": {"operation": "creat"}}, "crm has no operation 'creat'; did you mean 'create'?"),
        (
            {"kind": "lock_error", "match": {"operation": "get"}},
            "get is in the read lane and the fault is for write; change match or kind",
        ),
        (
            {"match": {"operation": "create", "lane": "read"}},
            "create is in the write lane and the fault is for read; change match or kind",
        ),
        (
            {"kind": "partial_batch", "match": {"operation": "create"}},
            "create has no items; set match.operation to one of import",
        ),
    ],
)
def test_fault_that_the_system_can_never_show_is_refused(fault: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError) as refused:
        injector(fault)
    assert str(refused.value) == f"fault 'f0' can never fire: {message}"


def test_partial_batch_needs_a_batch() -> None:
    chooser = injector({"kind": "partial_batch"})
    assert hits(chooser, 1) == []
    assert hits(chooser, 1, batch=3) == [1]


@pytest.mark.parametrize(
    ("params", "batch", "count"),
    [
        ({"k": 2}, 5, 2),
        ({"k": 9}, 5, 5),
        ({"fraction": 0.4}, 5, 2),
        ({"fraction": 0.01}, 5, 1),
        ({}, 4, 2),
    ],
)
def test_victims_are_as_many_as_asked_and_repeatable(params: dict[str, Any], batch: int, count: int) -> None:
    def drawn(seed: int) -> list[tuple[int, ...]]:
        chooser = injector({"kind": "partial_batch", "params": params}, seed=seed)
        return [chooser.victims(chooser.plan.faults[0], batch) for _ in range(20)]

    assert drawn(1) == drawn(1)
    for victims in drawn(1):
        assert len(victims) == len(set(victims)) == count
        assert set(victims) <= set(range(batch))


def having(traits: Traits, **fault: Any) -> FaultInjector:
    plan = Plan.model_validate({"faults": [{"id": "f0", "point": "apply", "kind": "reset", **fault}]})
    return FaultInjector(plan, system="crm", operations=OPERATIONS, traits=traits, now=Clock())


@pytest.mark.parametrize(
    ("traits", "fault", "message"),
    [
        ({"http": None}, {"kind": "soap_fault"}, "soap_fault befalls SOAP services, and crm is none"),
        ({"sql": None}, {"kind": "throttle"}, "throttle befalls systems behind HTTP, and crm is none"),
        (
            {"http": None},
            {"point": "before_commit"},
            "crm has no transactions that could be rolled back; set point to apply or after_commit",
        ),
        (
            {"sql": None, "transactions": ("create",)},
            {"point": "before_commit", "match": {"operation": "import"}},
            "reset at before_commit never befalls import; set match.operation to create",
        ),
        (
            {"sql": None},
            {"trigger": {"key": "order-7"}},
            "the values of a statement are not searched for a key; use nth, first or probability",
        ),
    ],
)
def test_fault_that_a_system_cannot_carry_out_is_refused(traits: Traits, fault: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError) as refused:
        having(traits, **fault)
    assert str(refused.value) == f"fault 'f0' can never fire: {message}"


def test_before_commit_befalls_only_what_has_something_to_commit() -> None:
    everywhere = having({"http": None, "transactions": None}, point="before_commit")
    assert {one for one in OPERATIONS if hits(everywhere, 1, one)} == {"create", "import"}
    at_one = having({"sql": None, "transactions": ("create",)}, point="before_commit")
    assert {one for one in OPERATIONS if hits(at_one, 1, one)} == {"create"}


@pytest.mark.parametrize(
    ("sent", "fires"),
    [(("/case/k7?a=b", b""), True), (("/case", b'{"ref":"k7"}'), True), (("/case", b"k8"), False), ((), False)],
)
def test_key_fires_where_it_was_sent(sent: tuple[str | bytes, ...], *, fires: bool) -> None:
    chooser = injector({"trigger": {"key": "k7"}})
    assert (chooser.select(RequestFacts("crm", "create", "write", sent=sent)) is not None) is fires


def test_planted_fault_strikes_until_it_is_taken_out_and_is_counted() -> None:
    chooser = injector()
    fault = Plan.model_validate({"faults": [{"id": "late", "point": "apply", "kind": "reset"}]}).faults[0]
    assert hits(chooser, 2) == []
    take_out = chooser.plant(fault)
    assert chooser.never_fired() == ("late",)
    assert hits(chooser, 2) == [1, 2]
    take_out()
    assert hits(chooser, 2) == []
    assert chooser.fired == {"late": 2}


def test_planted_fault_that_can_never_befall_the_system_is_refused() -> None:
    written = {"id": "late", "point": "apply", "kind": "reset", "match": {"operation": "creat"}}
    fault = Plan.model_validate({"faults": [written]}).faults[0]
    with pytest.raises(PlanError, match="did you mean 'create'"):
        injector().plant(fault)
