"""Scenarios: drawn from a seed, kept in a file, refused with a reason."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seawall.simulators.chaos.scenario import PlannedCall, Scenario, drawn
from seawall.simulators.faults import Fault, Plan, PlanError

PLAN = Plan(faults=(Fault(id="f", point="after_commit", kind="reset"),))
ACTIONS = ("create_case", "update_case", "get_case")


def test_same_seed_draws_the_same_scenario_and_another_one_another() -> None:
    assert drawn("toy", 7, PLAN, ACTIONS) == drawn("toy", 7, PLAN, ACTIONS)
    assert drawn("toy", 7, PLAN, ACTIONS).calls != drawn("toy", 8, PLAN, ACTIONS).calls


def test_more_mishaps_move_no_call() -> None:
    few, many = (drawn("toy", 3, PLAN, ACTIONS, mishaps=count) for count in (0, 6))
    assert few.calls == many.calls
    assert few.mishaps != many.mishaps


def test_some_scenarios_have_people_who_are_asked_about_writes_and_nothing_else_moves() -> None:
    without = [drawn("toy", seed, PLAN, ACTIONS) for seed in range(60)]
    made = [drawn("toy", seed, PLAN, ACTIONS, approved=ACTIONS[:2]) for seed in range(60)]
    people = [scenario.people for scenario in made if scenario.people is not None]
    assert 5 < len(people) < 30
    assert {action for one in people for action in one.actions} == set(ACTIONS[:2])
    assert {one.rejects > 0 for one in people} == {True, False}
    assert [one.model_copy(update={"people": None}) for one in made] == without


def test_scenarios_of_many_seeds_have_everything_in_them() -> None:
    made = [drawn("toy", seed, PLAN, ACTIONS) for seed in range(60)]
    calls = [call for scenario in made for call in scenario.calls]
    assert {call.action for call in calls} == set(ACTIONS)
    assert any(call.reworded for call in calls)
    assert any(call.gives_up_after for call in calls)
    assert any(call.deadline for call in calls)
    assert any(len({call.sample for call in one.calls}) < len(one.calls) for one in made)
    mishaps = [mishap for scenario in made for mishap in scenario.mishaps]
    assert {mishap.what for mishap in mishaps} == {"crash", "pause"}
    assert {scenario.workers for scenario in made} == {1, 2}


def test_scenario_is_read_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    scenario = drawn("toy", 5, PLAN, ACTIONS).model_copy(update={"broke": (2,), "note": "é"})
    scenario.save(tmp_path / "one.yaml")
    assert Scenario.load(tmp_path / "one.yaml") == scenario


@given(st.text(), st.integers(), st.floats(0, 1e9))
@example("08", 8, 0.5)
@example("+08", -8, 1e-7)
@example("+.5", 0, 7e12)
@example("a\x85b", 0, 0.0)
@example("\x85", 0, 0.0)
@example("\r\n", 0, 0.0)
@example("null", 0, 0.0)
def test_whatever_it_says_is_read_back_as_it_was(text: str, seed: int, at: float) -> None:
    fault = Fault(id=f"f{text}", point="apply", kind="throttle", params={"retry_after": text})
    call = PlannedCall(action=text, sample=1, at=at)
    scenario = Scenario(subject=text, seed=seed, plan=Plan(faults=(fault,)), calls=(call,), note=text)
    with TemporaryDirectory() as folder:
        scenario.save(f"{folder}/one.yaml")
        assert Scenario.load(f"{folder}/one.yaml") == scenario


def test_what_is_left_to_its_default_is_not_in_the_file(tmp_path: Path) -> None:
    Scenario(subject="toy", calls=(PlannedCall(action="add", sample=1),)).save(tmp_path / "one.yaml")
    text = (tmp_path / "one.yaml").read_text(encoding="utf-8")
    assert "deadline" not in text
    assert "mishaps" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("calls: [", "is not YAML"),
        ("subject: toy\ncalls: []\ncolour: red", "colour: Extra inputs"),
        ("subject: toy\ncalls: [{action: add, sample: -1}]", "calls.0.sample"),
        ("subject: toy\ncalls: []\nmishaps: [{what: melt, at: 1}]", "mishaps.0.what"),
        ("subject: toy\ncalls: []\nplan: {faults: [{id: f, point: apply, kind: rest}]}", "did you mean 'reset'"),
    ],
)
def test_file_that_is_no_scenario_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PlanError, match=message):
        Scenario.load(tmp_path / "one.yaml")


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot read the scenario"):
        Scenario.load(tmp_path / "none.yaml")
