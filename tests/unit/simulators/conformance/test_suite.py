"""The test class as an author's own suite uses it, with the plugin's flags and its summary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seawall.conformance import read_report, verify_report
from seawall.core.tiers import Tier
from seawall.simulators.conformance import Conformance
from seawall.simulators.conformance.checks import CHECKS
from seawall.simulators.conformance.reporting import make_key, public_key

PAGE = Path(__file__).parents[4] / "docs" / "conformance.md"
FIVE_LINES = """
    from seawall.simulators.chaos.subjects.soap import BillingSubject
    from seawall.simulators.conformance import Conformance

    class TestBilling(Conformance):
        subject = BillingSubject
"""
FORGETFUL = """
    from dataclasses import replace
    from seawall.simulators.chaos.subjects.soap import BillingSubject
    from seawall.simulators.conformance import Conformance

    class Forgetful(BillingSubject):
        def samples(self, target):
            made = super().samples(target)
            return {**made, "get_account": lambda n: replace(made["get_account"](n), reply={"name": "somebody else"})}

    class TestForgetful(Conformance):
        subject = Forgetful
"""


@pytest.fixture(name="suite")
def _suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


@pytest.mark.slow
def test_five_lines_reach_a_tier_and_a_signed_report(suite: pytest.Pytester) -> None:
    key = make_key(suite.path / "key.pem")
    suite.makepyfile(FIVE_LINES)
    result = suite.runpytest_subprocess("-q", "--conformance-report=reports", "--conformance-key=key.pem")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["soap (soap 1): gold; * cases held", "reports are in reports (signed)"])
    assert verify_report(suite.path / "reports" / "soap.json", [public_key(key)]).tier is Tier.GOLD


def test_part_of_a_run_proves_no_tier_and_says_what_was_left_out(suite: pytest.Pytester) -> None:
    suite.makepyfile(FIVE_LINES)
    result = suite.runpytest_subprocess("-q", "-k", "test_facts or test_calm", "--conformance-report=reports")
    result.stdout.fnmatch_lines(["soap (soap 1): no tier; 8 cases held, * were not run", "*not signed*"])
    file = read_report(suite.path / "reports" / "soap.json")
    assert (file.signature, file.report.tier) == (None, None)


def test_failure_says_what_is_proven_what_was_seen_and_how_to_see_it_again(suite: pytest.Pytester) -> None:
    suite.makepyfile(FORGETFUL)
    result = suite.runpytest_subprocess("-q", "-k", "test_calm")
    result.assert_outcomes(failed=1, passed=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "calm: When nothing goes wrong, each action does what it says, once.",
            "get_account answers name='Firm 1', and it is 'somebody else'",
            "what happened:",
            'again: pytest "*TestForgetful::test_calm?get_account?"',
            "what it is about: docs/conformance.md#calm",
            "  bronze asks for calm, and it failed: get_account",
        ]
    )


def test_exempt_case_is_skipped_with_its_reason(suite: pytest.Pytester) -> None:
    suite.makepyfile(FIVE_LINES)
    result = suite.runpytest_subprocess("-q", "-rs", "-k", "test_calm and notify_customer")
    result.stdout.fnmatch_lines(["*exempt: the target merely accepts notify_customer*"])


def test_class_that_names_no_subject_is_told_so(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        from seawall.simulators.conformance import Conformance

        class TestNothing(Conformance):
            pass
        """
    )
    suite.runpytest_subprocess("-q").stdout.fnmatch_lines(["*TestNothing names no subject*"])


def test_suite_without_conformance_tests_is_left_alone(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(): pass")
    result = suite.runpytest_subprocess("-q", "--conformance-report=reports")
    result.assert_outcomes(passed=1)
    assert not (suite.path / "reports").exists()
    assert "conformance" not in result.stdout.str()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_is_a_test_with_a_line_that_says_what_it_proves_and_a_section_of_the_page(check: object) -> None:
    name, proves = getattr(check, "name"), getattr(check, "proves")  # noqa: B009
    assert getattr(Conformance, f"test_{name}").__doc__ == proves
    page = PAGE.read_text(encoding="utf-8")
    section = re.search(rf"^### {name}\n\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/conformance.md has no section {name}"
    assert proves in " ".join(section[1].split())
