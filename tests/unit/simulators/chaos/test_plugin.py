"""The pytest plugin: fixtures, and tests that plant faults themselves."""

from __future__ import annotations

import pytest

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
    result.stdout.fnmatch_lines(
        [
            "I2 no duplicate: Credit was changed 2 times*",
            "*EFFECT insert Credit*",
            "FAILED *::test_it - Failed: I2 no *",
        ]
    )


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
        result.stdout.re_match_lines([f"(FAILED|ERROR) .*{name} - Failed: I2 no .*"])


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


def test_budget_that_is_used_up_skips_the_rest_and_says_so(suite: pytest.Pytester) -> None:
    suite.makepyfile(SCRIPTED)
    result = suite.runpytest_subprocess("--chaos-budget", "1ms", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*the chaos budget is used up*"])


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


INTERRUPTED = """
    import os, signal, time
    from broken import RepeatingSubject
    from seawall.simulators.chaos import scripted

    def interrupt(*_):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(9)

    def test_before(chaos):
        chaos.call("soap", "book_credit", 1)

    def test_it(chaos, monkeypatch):
        monkeypatch.setattr(scripted, "investigate", interrupt)
        chaos.episode(RepeatingSubject)
"""


def test_what_an_interrupted_test_had_found_is_kept_told_and_reported(suite: pytest.Pytester) -> None:
    suite.makepyfile(INTERRUPTED)
    text = "subject: broken:RepeatingSubject\ncalls: [{action: book_credit, sample: 1}]\nplan:\n"
    text += "  faults: [{id: lost, point: after_commit, kind: reset, match: {operation: BookCredit}}]\n"
    (suite.path / "lost.yaml").write_text(text, encoding="utf-8")
    result = suite.runpytest_subprocess("--chaos-report", "out.html", "--chaos-replay", "lost.yaml")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    (kept,) = (suite.path / ".chaos").iterdir()
    result.stdout.fnmatch_lines(["*test_it  I2 no duplicate*", f"replay: *{kept.name}", "chaos report: out.html *"])
    assert "INTERNALERROR" not in result.stdout.str()


def test_test_that_is_interrupted_in_the_middle_of_a_call_is_not_accused(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import os, signal, threading

        def test_it(chaos):
            with chaos.fault("connect", "dns", subject="soap"):
                threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
                for number in range(1, 9_000):
                    chaos.call("soap", "book_credit", number)
        """
    )
    result = suite.runpytest_subprocess("--chaos-report", "out.html")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["chaos report: out.html (0 episodes)"])
    assert "test_it  I" not in result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str()


LOOKED = """
    import pytest
    from seawall.simulators.chaos.subjects.soap import BillingSubject

    made, counts = [], {}

    class Counted(BillingSubject):
        def target(self, plan, clock):
            made.append(plan)
            return super().target(plan, clock)

    @pytest.mark.parametrize("other", ["a", "b"])
    @pytest.mark.chaos(seeds=3)
    def test_it(chaos, other):
        made.clear()
        chaos.episode(Counted)
        counts.setdefault(other, []).append(len(made))

    def test_counts():
        for first, second, third in counts.values():
            assert first > 6 > second == third
"""


def test_what_actions_come_to_is_looked_at_once_for_all_seeds_of_a_test(suite: pytest.Pytester) -> None:
    suite.makepyfile(LOOKED)
    suite.runpytest_subprocess().assert_outcomes(passed=7)
