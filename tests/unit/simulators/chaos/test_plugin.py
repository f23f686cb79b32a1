"""The pytest plugin, as somebody's own suite uses it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BROKEN = Path(__file__).parents[3] / "chaos" / "broken.py"


@pytest.fixture(name="suite")
def _suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(broken=BROKEN.read_text(encoding="utf-8"))
    return pytester


SCRIPTED = """
    from seawall import Applied

    def test_lost_reply(chaos, effect_log):
        with chaos.fault("after_commit", "reset", subject="soap"):
            told = chaos.call("soap", "book_credit", 1)
        assert isinstance(told, Applied)
        assert told.receipt.proof == "probe"
        chaos.crash()
        again = chaos.call("soap", "book_credit", 1)
        assert isinstance(again, Applied)
        assert again.replayed
        chaos.heal()
        assert chaos.settle() == 0
        assert [effect.object for effect in effect_log["soap"]] == ["Credit"]
"""


def test_scripted_fault_in_a_plain_test_is_played_and_judged(suite: pytest.Pytester) -> None:
    suite.makepyfile(SCRIPTED)
    suite.runpytest_subprocess().assert_outcomes(passed=1)


def test_broken_adapter_fails_at_the_end_with_the_invariant_and_the_story(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        from broken import RepeatingSubject

        def test_it(chaos):
            with chaos.fault("after_commit", "reset"):
                chaos.call(RepeatingSubject, "book_credit", 1)
        """
    )
    result = suite.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_it*I2 no duplicate: Credit was changed 2 times*", "*EFFECT insert Credit*"])


def test_checker_has_its_say_beside_an_assertion_that_failed(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        from broken import RepeatingSubject

        def test_it(chaos):
            with chaos.fault("after_commit", "reset"):
                told = chaos.call(RepeatingSubject, "book_credit", 1)
            assert told is None, "the test's own word"
        """
    )
    result = suite.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the test's own word*", "*I2 no duplicate*"])


LATE = """
    import unittest
    import pytest
    from broken import RepeatingSubject

    def twice(chaos):
        with chaos.fault("after_commit", "reset"):
            chaos.call(RepeatingSubject, "book_credit", 1)

    def test_fetched_by_name(request):
        twice(request.getfixturevalue("chaos"))

    class TestUnit(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def _chaos(self, chaos):
            self.chaos = chaos

        def test_method(self):
            twice(self.chaos)

    @pytest.fixture
    def late(chaos):
        yield
        twice(chaos)

    def test_called_after_the_test(late):
        pass

    def test_skipped_in_the_middle(chaos):
        twice(chaos)
        pytest.skip("not today")
"""


def test_checker_has_its_say_however_the_fixture_was_come_by(suite: pytest.Pytester) -> None:
    suite.makepyfile(LATE)
    result = suite.runpytest_subprocess("-rA")
    result.assert_outcomes(failed=1, passed=2, skipped=1, errors=3)
    for name in ("test_fetched_by_name", "test_method", "test_called_after_the_test", "test_skipped_in_the_middle"):
        result.stdout.fnmatch_lines([f"*{name}  I2 no duplicate: Credit was changed 2 times*"])


def test_failure_that_was_told_at_the_end_of_a_test_is_not_told_again(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        from broken import RepeatingSubject

        def test_it(chaos):
            with chaos.fault("after_commit", "reset"):
                chaos.call(RepeatingSubject, "book_credit", 1)
        """
    )
    suite.runpytest_subprocess().assert_outcomes(failed=1, errors=0)


def test_fault_without_a_subject_befalls_every_one_that_is_called(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_it(chaos):
            with chaos.fault("after_commit", "reset", times=None) as fault:
                for subject, action in (("soap", "book_credit"), ("salesforce", "create_case")):
                    chaos.call(subject, action, 1)
                    struck = chaos.stage_of(subject).targets[subject].faults.fired
                    assert struck[fault.id] == 1, subject
        """
    )
    suite.runpytest_subprocess().assert_outcomes(passed=1)


def test_fault_in_the_process_itself_kills_it_at_that_step(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        from seawall import Applied

        def test_it(chaos, effect_log):
            with chaos.fault("after_send", "crash", subject="soap", operation="book_credit"):
                assert chaos.call("soap", "book_credit", 1) is None
            assert len(effect_log["soap"]) == 1
            assert chaos.settle() == 0
            assert isinstance(chaos.call("soap", "book_credit", 1), Applied)
            assert len(effect_log["soap"]) == 1
        """
    )
    suite.runpytest_subprocess().assert_outcomes(passed=1)


def test_fault_that_can_never_strike_is_refused_in_words(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        from seawall.simulators.faults import PlanError

        def test_it(chaos):
            with pytest.raises(PlanError, match="cannot be planted: .*did you mean 'reset'"):
                chaos.fault("apply", "rest").__enter__()
            with pytest.raises(PlanError, match="never fire: sql_error befalls databases"):
                chaos.fault("apply", "sql_error", subject="soap").__enter__()
        """
    )
    suite.runpytest_subprocess().assert_outcomes(passed=1)


def test_planted_fault_that_never_struck_is_a_failure(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_it(chaos):
            with chaos.fault("apply", "slow", subject="soap", operation="FindCredits"):
                chaos.call("soap", "book_credit", 1)
        """
    )
    result = suite.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*planted, and never struck: apply/slow*"])


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
    test = line.split('"')[1]
    again = suite.runpytest_subprocess(test, "--chaos-replay", str(kept))
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


def test_budget_that_is_used_up_skips_the_rest_and_says_so(suite: pytest.Pytester) -> None:
    suite.makepyfile(SCRIPTED)
    result = suite.runpytest_subprocess("--chaos-budget", "1ms", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*the chaos budget is used up*"])


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


@pytest.mark.parametrize(
    ("fixture", "attribute"),
    [
        ("salesforce_simulator", "add_record"),
        ("hubspot_simulator", "add_record"),
        ("suitecrm_simulator", "add_record"),
        ("erp_simulator", "add_record"),
        ("billing_simulator", "add_account"),
        ("legacy_database", "database"),
    ],
)
def test_simulator_of_each_kind_is_there(request: pytest.FixtureRequest, fixture: str, attribute: str) -> None:
    simulator = request.getfixturevalue(fixture)
    assert hasattr(simulator, attribute)
    assert list(simulator.effects) == []


def test_virtual_clock_lets_an_hour_pass_at_once(virtual_clock: object) -> None:
    from seawall.simulators.chaos.virtual_clock import VirtualClock

    assert isinstance(virtual_clock, VirtualClock)
    before = virtual_clock.now()
    virtual_clock.advance(3600)
    assert virtual_clock.now() == before + 3600


def test_suite_that_does_not_use_the_kit_does_not_load_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import sys

        def test_it():
            loaded = [name for name in sys.modules if name.startswith(("sqlalchemy", "zeep", "seawall.core"))]
            assert loaded == []
        """
    )
    suite.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


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


def test_story_of_a_scripted_failure_counts_what_was_written(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)  # there pytest tells the whole failure twice
    suite.makepyfile(
        """
        from broken import RepeatingSubject

        def test_it(chaos):
            with chaos.fault("after_commit", "reset"):
                chaos.call(RepeatingSubject, "book_credit", 1)
            chaos.heal()
        """
    )
    result = suite.runpytest_subprocess()
    result.stdout.fnmatch_lines(["as written: 1 op, 1 fault"])
    assert result.stdout.str().count(" heal") == 1


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
