"""The test class that an adapter's author inherits from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import pytest

from ..chaos.subject import Subject
from .cases import Case, Check
from .checks import CHECKS
from .running import BY_NAME, cases_of, result_of, trial_of

if TYPE_CHECKING:
    from .trial import Trial

PROPERTY = "seawall-conformance"
"""The property of a test's report under which its result is found."""


class Conformance:
    """Everything that an adapter claims, as tests.

    Name the subject and inherit; pytest does the rest::

        class TestAcme(Conformance):
            subject = AcmeSubject

    What is declared selects the tests. A case that cannot apply is skipped with its reason, and the report lists it.
    """

    subject: ClassVar[type[Subject]]
    """The adapter with its simulator."""

    @classmethod
    def trial(cls) -> Trial:
        """The adapter on trial.

        Raises:
            UsageError: The class names no subject.
        """
        if not hasattr(cls, "subject"):
            raise pytest.UsageError(f"{cls.__name__} names no subject: write `subject = …` in its body")
        return trial_of(cls.subject)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each case."""
        name = metafunc.function.__name__.removeprefix("test_")
        if "conformance_case" in metafunc.fixturenames and name in BY_NAME:
            cases = cases_of(self.trial(), BY_NAME[name])
            metafunc.parametrize("conformance_case", cases, ids=[case.id for case in cases])


def _test(check: Check) -> Callable[..., None]:
    def test(
        self: Conformance,  # noqa: ARG001 -- a method's
        conformance_case: Case,
        request: pytest.FixtureRequest,
        record_property: Callable[[str, object], None],
    ) -> None:
        result = result_of(check, conformance_case)
        record_property(PROPERTY, [result.rule, result.case, result.state, result.reason])
        if result.state == "exempt":
            pytest.skip(f"exempt: {result.reason}")
        if result.state == "todo":
            pytest.skip(f"to do: {result.reason}")
        if result.state == "failed":
            told = (
                f"{check.name}: {check.proves}",
                result.reason,
                f'again: pytest "{request.node.nodeid}"',
                f"what it is about: docs/conformance.md#{check.name}",
            )
            pytest.fail("\n".join(told), pytrace=False)

    test.__name__, test.__qualname__, test.__doc__ = (
        f"test_{check.name}",
        f"Conformance.test_{check.name}",
        check.proves,
    )
    return test


for _check in CHECKS:
    setattr(Conformance, f"test_{_check.name}", _test(_check))
