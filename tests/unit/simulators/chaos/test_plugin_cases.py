"""The pytest plugin: marks and flags, the cases that they make, and what becomes of failures."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

RANDOM = """
    import pytest
    from broken import RepeatingSubject

    @pytest.mark.chaos(seeds=3)
    def test_sound(chaos):
        chaos.episode("soap")

    @pytest.mark.chaos(seeds=25)
    def test_broken(chaos):
        chaos.episode(RepeatingSubject)
"""


@pytest.mark.slow
def test_marked_test_is_played_for_each_seed_and_a_failure_is_shrunk_kept_and_replayed(suite: pytest.Pytester) -> None:
    suite.makepyfile(RANDOM)
    result = suite.runpytest_subprocess("--chaos-report", "out/chaos.html", "--junitxml", "junit.xml")
    told = result.parseoutcomes()
    assert told["failed"] >= 1
    assert told["passed"] + told["failed"] == 28
    result.stdout.fnmatch_lines(["chaos: soap: planned, and never struck: *"])
    result.stdout.fnmatch_lines(["minimal: 1 op, 1 fault (from *", "replay: *--chaos-replay*", "chaos report: *"])
    page = (suite.path / "out" / "chaos.html").read_text(encoding="utf-8")
    assert "Promises were broken" in page
    assert "http" not in page.split("</style>")[0]
    junit = (suite.path / "junit.xml").read_text(encoding="utf-8")
    assert 'name="chaos_invariant" value="I2' in junit
    assert 'name="chaos_seed"' in junit
    assert 'name="chaos_plan"' in junit
    assert 'name="chaos_minimal"' in junit
    (kept, *_) = sorted((suite.path / ".chaos").glob("*.yaml"))
    # Several seeds may come to the same smallest scenario.
    (line, *_) = [line for line in result.outlines if line.startswith("replay:") and kept.name in line]
    again = suite.runpytest_subprocess(*shlex.split(line)[2:])
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*I2 no duplicate*"])


def test_flags_choose_seeds_and_plan(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.chaos(seeds=50)
        def test_it(chaos):
            assert chaos.plan.faults[0].id == "only"
            print("seed", chaos.seed)
        """
    )
    (suite.path / "plan.yaml").write_text("faults: [{id: only, point: apply, kind: reset}]", encoding="utf-8")
    result = suite.runpytest_subprocess("-s", "--chaos-seed", "7", "--chaos-runs", "2", "--chaos-plan", "plan.yaml")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*seed 7*", "*seed 8*"])


@pytest.mark.parametrize("flags", [("--chaos-budget", "0"), ("--chaos-budget", "soon"), ("--chaos-runs", "0")])
def test_flag_under_which_nothing_would_be_tried_is_refused_once(
    suite: pytest.Pytester, flags: tuple[str, str]
) -> None:
    suite.makepyfile("def test_it(chaos): pass")
    result = suite.runpytest_subprocess(*flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {flags[0]} takes *, not *"])


@pytest.mark.parametrize("flag", ["--chaos-report", "--chaos-keep"])
def test_findings_that_could_not_be_written_are_refused_before_anything_is_played(
    suite: pytest.Pytester, flag: str
) -> None:
    suite.makepyfile("def test_it(chaos): pass")
    result = suite.runpytest_subprocess(flag, "/dev/null/there")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {flag} names what cannot be written: *"])
    assert "Traceback" not in result.stderr.str()


def test_scenarios_that_were_kept_become_tests(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.chaos(seeds=0, scenarios="regressions/*.yaml")
        def test_it(chaos):
            chaos.episode("soap")
        """
    )
    (suite.path / "regressions").mkdir()
    text = "subject: soap\ncalls: [{action: book_credit, sample: 1}]\n"
    (suite.path / "regressions" / "lost.yaml").write_text(text, encoding="utf-8")
    result = suite.runpytest_subprocess("-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_it[[]lost[]]*"])


def test_plan_in_a_file_that_can_never_strike_is_one_sentence_that_names_the_file(suite: pytest.Pytester) -> None:
    suite.makefile(".yaml", lost="faults: [{id: f1, match: {operation: book}, point: after_commit, kind: reset}]\n")
    suite.makefile(".yaml", torn="faults: [{id: f1, point: nowhere")
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.chaos(plans=("lost.yaml", "torn.yaml"))
        def test_it(chaos):
            chaos.episode("soap")
        """
    )
    result = suite.runpytest_subprocess()
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*lost.yaml: fault 'f1' can never fire: billing has no operation 'book'*"])
    result.stdout.fnmatch_lines(["*torn.yaml is not YAML*"])
    assert "Traceback" not in result.stdout.str()
    assert "def _check" not in result.stdout.str()


def test_failure_of_an_own_subject_is_kept_so_that_the_command_line_finds_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        from broken import RepeatingSubject

        @pytest.mark.chaos(seeds=8)
        def test_it(chaos):
            chaos.episode(RepeatingSubject)
        """
    )
    plan = "faults: [{id: lost, point: after_commit, kind: reset, times: 4}]"
    (suite.path / "plan.yaml").write_text(plan, encoding="utf-8")
    told = suite.runpytest_subprocess("--chaos-seed", "1", "--chaos-plan", "plan.yaml")
    assert told.parseoutcomes()["failed"] >= 1
    (kept, *_) = sorted((suite.path / ".chaos").iterdir())
    assert kept.name.startswith("RepeatingSubject-")
    assert "subject: broken:RepeatingSubject" in kept.read_text(encoding="utf-8")
    replayed = suite.run(Path(sys.executable).with_name("seawall"), "chaos", "replay", str(kept))
    assert replayed.ret == 1
    replayed.stdout.fnmatch_lines(["broken:RepeatingSubject  I2 no duplicate*"])


def test_report_is_of_all_workers_of_xdist(suite: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.chaos(seeds=4)
        def test_it(chaos):
            chaos.episode("soap")
        """
    )
    result = suite.runpytest_subprocess("-n", "2", "--chaos-report", "out.html")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["chaos report: out.html (4 episodes)"])
    assert "soap" in (suite.path / "out.html").read_text(encoding="utf-8")
