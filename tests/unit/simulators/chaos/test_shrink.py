"""Shrinking: what does not matter goes, what matters stays, and the budget is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seawall.simulators.chaos.entries import Setting, Wire
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.scenario import Mishap, People, PlannedCall, Scenario
from seawall.simulators.chaos.shrink import pinned, shrink
from seawall.simulators.faults import Fault, Plan


def fault(name: str, **how: Any) -> Fault:
    return Fault.model_validate({"id": name, "point": "after_commit", "kind": "reset", **how})


def scenario(faults: int = 6, calls: int = 12) -> Scenario:
    return Scenario(
        subject="toy",
        plan=Plan(faults=tuple(fault(f"f{n}", trigger={"probability": 0.5}) for n in range(faults))),
        calls=tuple(
            PlannedCall(client=n % 3 + 1, at=float(n), action="add", sample=n, again=2, deadline=5.0)
            for n in range(calls)
        ),
        mishaps=(Mishap(what="crash", at=1.0), Mishap(what="pause", at=2.0)),
        people=People(),
        workers=3,
    )


def history(*struck: tuple[str, str]) -> History:
    wires = [
        Wire(float(n), "toy", request, "write", name, "after_commit", "reset")
        for n, (request, name) in enumerate(struck)
    ]
    return History(Setting("toy", 0, {}, {}), list(wires))


STRUCK = history(("create", "f0"), ("create", ""), ("create", "f3"), ("update", "f3"))


def test_fault_with_a_chance_is_pinned_to_each_request_that_it_struck() -> None:
    faults = pinned(scenario(), STRUCK).plan.faults
    assert [(one.id, one.match.operations, one.trigger.nth, one.times) for one in faults] == [
        ("f0-1", ("create",), 1, 1),
        ("f3-2", ("create",), 3, 1),
        ("f3-3", ("update",), 1, 1),
    ]


def test_one_call_and_one_fault_that_matter_are_what_is_left() -> None:
    def fails(candidate: Scenario) -> bool:
        sevens = [call for call in candidate.calls if call.sample == 7]
        return bool(sevens) and any(one.match.operations == ("update",) for one in candidate.plan.faults)

    shrunk = shrink(scenario(), STRUCK, fails)
    (call,) = shrunk.scenario.calls
    assert call == PlannedCall(action="add", sample=7)
    (left,) = shrunk.scenario.plan.faults
    assert left.id == "f3-3"
    assert shrunk.scenario.mishaps == ()
    assert shrunk.scenario.workers == 1
    assert shrunk.scenario.people is None
    assert (shrunk.calls, shrunk.faults) == (12, 3)


def test_two_calls_that_matter_only_together_both_stay() -> None:
    def fails(candidate: Scenario) -> bool:
        return {3, 11} <= {call.sample for call in candidate.calls}

    shrunk = shrink(scenario(), STRUCK, fails)
    assert sorted(call.sample for call in shrunk.scenario.calls) == [3, 11]
    assert shrunk.scenario.plan.faults == ()


def test_one_call_whose_first_request_fails_is_found_though_no_single_step_leads_there() -> None:
    def fails(candidate: Scenario) -> bool:
        numbers = [one.trigger.nth for one in candidate.plan.faults]
        return len(numbers) > 2 if len(candidate.calls) > 1 else numbers == [1]

    shrunk = shrink(scenario(), STRUCK, fails)
    assert (len(shrunk.scenario.calls), len(shrunk.scenario.plan.faults)) == (1, 1)


def test_people_who_matter_stay() -> None:
    assert shrink(scenario(), STRUCK, lambda one: one.people is not None).scenario.people == People()


def test_mishap_and_number_of_workers_that_matter_stay() -> None:
    def fails(candidate: Scenario) -> bool:
        return candidate.workers > 1 and any(one.what == "pause" for one in candidate.mishaps)

    shrunk = shrink(scenario(), STRUCK, fails)
    assert [one.what for one in shrunk.scenario.mishaps] == ["pause"]
    assert shrunk.scenario.workers == 3


def test_what_a_call_does_besides_stays_only_if_it_matters() -> None:
    shrunk = shrink(scenario(), STRUCK, lambda one: any(call.deadline for call in one.calls))
    (call,) = shrunk.scenario.calls
    assert call.model_copy(update={"sample": 0}) == PlannedCall(action="add", sample=0, deadline=5.0)


LATE = {"delay": 200.0, "reply": "504", "seconds": 9.0, "locks": True}


def late(fails_from: float) -> dict[str, Any]:
    """What is left of the parameters of a late commit that fails from a delay on."""
    plan = Plan(faults=(fault("late", point="later", kind="late_commit", params=LATE),))
    calls = (PlannedCall(action="add", sample=1),)

    def fails(candidate: Scenario) -> bool:
        return any(one.param("delay") >= fails_from and one.param("locks") for one in candidate.plan.faults)

    wire = Wire(0.0, "toy", "create", "write", "late", "later", "late_commit")
    one = Scenario(subject="toy", plan=plan, calls=calls)
    (left,) = shrink(one, History(Setting("toy", 0, {}, {}), [wire]), fails).scenario.plan.faults
    return dict(left.params)


def test_parameters_that_do_not_matter_are_the_kinds_own_again_and_numbers_come_near_to_it() -> None:
    left = late(40.0)
    assert set(left) == {"delay", "locks"}
    assert 40.0 <= left["delay"] < 50.0
    assert late(0.0) == {"locks": True}


def test_whole_number_stays_one() -> None:
    plan = Plan(faults=(fault("cut", point="apply", kind="cut_batch", params={"k": 4}),))
    one = Scenario(subject="toy", plan=plan, calls=(PlannedCall(action="add", sample=1),))
    wire = Wire(0.0, "toy", "create", "write", "cut", "apply", "cut_batch")
    shrunk = shrink(
        one,
        History(Setting("toy", 0, {}, {}), [wire]),
        lambda candidate: any(one.params.get("k", 1) >= 2 for one in candidate.plan.faults),
    )
    assert shrunk.scenario.plan.faults[0].params == {"k": 2}


def parameters_left(point: str, kind: str, params: dict[str, Any], fails: Callable[[Fault], bool]) -> dict[str, Any]:
    """What is left of a fault's parameters; each scenario that is tried is one that can be read back."""
    one = Scenario(
        subject="toy",
        plan=Plan(faults=(fault("f", point=point, kind=kind, params=params),)),
        calls=(PlannedCall(action="add", sample=1),),
    )
    wire = Wire(0.0, "toy", "create", "write", "f", point, kind)

    def still_fails(candidate: Scenario) -> bool:
        assert Scenario.model_validate(candidate.model_dump(exclude_defaults=True)) == candidate
        return any(fails(left) for left in candidate.plan.faults)

    shrunk = shrink(one, History(Setting("toy", 0, {}, {}), [wire]), still_fails).scenario
    return dict(shrunk.plan.faults[0].params)


def test_parameter_that_is_limited_to_choices_stays_one_of_them() -> None:
    outage = {"status": 500, "body": "html"}
    assert parameters_left("apply", "status", outage, lambda one: one.params.get("status") == 500) == {"status": 500}


def test_parameters_that_the_kind_needs_at_its_point_are_not_taken_away() -> None:
    doubt = {"error": "in_doubt"}
    assert parameters_left("before_commit", "sql_error", doubt, lambda one: one.kind == "sql_error") == doubt


def test_scenario_whose_faults_cannot_be_pinned_is_shrunk_as_it_is() -> None:
    def fails(candidate: Scenario) -> bool:
        return all(one.trigger.probability for one in candidate.plan.faults) and len(candidate.plan.faults) >= 2

    shrunk = shrink(scenario(), STRUCK, fails)
    assert len(shrunk.scenario.plan.faults) == 2


def test_budget_is_kept_and_said() -> None:
    runs: list[Scenario] = []

    def fails(candidate: Scenario) -> bool:
        runs.append(candidate)
        return False

    shrunk = shrink(scenario(), STRUCK, fails, most_runs=5)
    assert (len(runs), shrunk.runs) == (5, 5)
    assert shrunk.scenario == scenario()
    assert "budget" in shrunk.notes[0]


def test_note_says_that_the_kind_does_not_matter_when_every_kind_fails() -> None:
    shrunk = shrink(scenario(), STRUCK, lambda one: bool(one.plan.faults))
    assert any("any kind at this point fails" in note for note in shrunk.notes)


def test_note_names_the_other_kinds_that_fail_when_only_some_do() -> None:
    def fails(candidate: Scenario) -> bool:
        return any(one.kind in ("reset", "hang") for one in candidate.plan.faults)

    assert "after_commit/reset: hang fails as well" in shrink(scenario(), STRUCK, fails).notes
