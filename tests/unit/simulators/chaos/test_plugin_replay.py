"""The pytest plugin: what failed is kept once, and the command that is told plays it again."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.failing import Found
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.faults import Plan

PLAYS = """
    import pytest
    from broken import RepeatingSubject

    @pytest.mark.chaos(scenarios="lost.yaml", seeds=0)
    @pytest.mark.parametrize("currency", ["EUR", "a b"])
    def test_it(chaos, currency):
        chaos.episode(RepeatingSubject)

    def test_other(chaos):
        chaos.episode("soap")
"""
OTHER = "*lost.yaml: the scenario is of broken:RepeatingSubject, and what is tried here is soap"
LOST = """
subject: broken:RepeatingSubject
calls: [{action: book_credit, sample: 1}]
plan: {faults: [{id: lost, point: after_commit, kind: reset, match: {operation: BookCredit}}]}
"""


@pytest.fixture(name="plays")
def _plays(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.syspath_prepend(suite.path)
    (suite.path / "my tests").mkdir()
    (suite.path / "lost.yaml").write_text(LOST, encoding="utf-8")
    made = suite.makepyfile(PLAYS)
    made.rename(suite.path / "my tests" / "test_plays.py")
    return suite


def test_command_that_is_told_plays_that_test_again_wherever_one_works(
    plays: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plays.path / "my tests")
    told = plays.runpytest_inprocess("test_plays.py", "-k", "not other")
    # With CI=true pytest tells each failure once more, whole, in its summary.
    lines = list(dict.fromkeys(line for line in told.outlines if line.startswith("replay:")))
    assert len(lines) == 2
    (kept,) = (plays.path / ".chaos").iterdir()
    for line, currency in zip(lines, ("EUR", "a b"), strict=True):
        _, command, *arguments = shlex.split(line)
        assert command == "pytest"
        assert f"[{kept.name}-{currency}]" in line or f"[{currency}-{kept.name}]" in line
        again = plays.runpytest_inprocess(*arguments)
        again.assert_outcomes(failed=1)
        again.stdout.fnmatch_lines(["I2 no duplicate*"])


def test_tests_of_other_subjects_leave_a_replayed_scenario_alone(plays: pytest.Pytester) -> None:
    result = plays.runpytest_inprocess("--chaos-replay", "lost.yaml", "-rs")
    result.assert_outcomes(failed=2, skipped=1)
    result.stdout.fnmatch_lines(
        ["*lost.yaml: the scenario is of broken:RepeatingSubject, and what is tried here is soap"]
    )


def test_scenario_that_no_test_plays_is_no_success(plays: pytest.Pytester) -> None:
    result = plays.runpytest_inprocess("--chaos-replay", "lost.yaml", "-k", "other")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["chaos: lost.yaml was played by no test: name one that plays episodes of its subject"])


def test_scenario_of_another_subject_in_a_mark_is_a_mistake(suite: pytest.Pytester) -> None:
    (suite.path / "lost.yaml").write_text(LOST, encoding="utf-8")
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.chaos(scenarios="lost.yaml", seeds=0)
        def test_it(chaos):
            chaos.episode("soap")
        """
    )
    result = suite.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*lost.yaml: the scenario is of broken:RepeatingSubject, and what is tried here is soap"]
    )
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--chaos-replay", "gone.yaml"), "--chaos-replay names gone.yaml, and there is no such file"),
        (("--chaos-plan", "gone.yaml"), "--chaos-plan names gone.yaml, and there is no such file"),
        (("--chaos-keep", "my tests"), "--chaos-keep would keep scenarios in *my tests: write --chaos-keep=FOLDER"),
        (("--chaos-keep", "lost.yaml"), "--chaos-keep would keep scenarios in *: write --chaos-keep=FOLDER"),
    ],
)
def test_flag_that_cannot_be_meant_so_is_refused_at_the_start(
    plays: pytest.Pytester, flags: tuple[str, str], says: str
) -> None:
    result = plays.runpytest_inprocess(*flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {says}"])


def test_folder_that_is_named_is_from_where_one_works_and_the_usual_one_of_the_suite(
    plays: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plays.path / "my tests")
    plays.runpytest_inprocess("test_plays.py", "-k", "EUR", "--chaos-keep=kept")
    plays.runpytest_inprocess("test_plays.py", "-k", "EUR", "--chaos-keep")
    for folder in ("my tests/kept", "tests/chaos/regressions"):
        assert len(list((plays.path / folder).glob("RepeatingSubject-*.yaml"))) == 1


def kept(folder: Path, name: str, seed: int, sample: int, *, kind: str = "reset", **trigger: float) -> Path:
    fault = {"id": name, "point": "after_commit", "kind": kind, "match": {"operation": "BookCredit"}}
    plan = Plan.model_validate({"seed": seed, "faults": [{**fault, "trigger": trigger or {"nth": 1}}]})
    calls = (PlannedCall(action="book_credit", sample=sample),)
    scenario = Scenario(subject="chaos.broken:RepeatingSubject", seed=seed, plan=plan, calls=calls)
    return Found.as_it_is(play(scenario)).keep(folder)


def test_same_smallest_scenario_is_kept_once_whatever_the_seed_unless_something_is_drawn(tmp_path: Path) -> None:
    one = kept(tmp_path, "f0", 1, 1)
    assert kept(tmp_path, "f7", 9, 5) == one
    assert kept(tmp_path, "f0", 1, 1, kind="hang") != one
    drawn = kept(tmp_path, "f0", 1, 1, probability=0.5)
    assert kept(tmp_path, "f0", 2, 1, probability=0.5) != drawn
    assert len(list(tmp_path.iterdir())) == 4
