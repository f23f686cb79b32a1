"""Runs the cases of an adapter, in a test suite or without one."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

from ..chaos.subject import Subject
from .cases import Case, Check, Exempt, Todo
from .checks import CHECKS
from .ladder import CaseResult
from .trial import Trial


@cache
def trial_of(subject: type[Subject]) -> Trial:
    """The trial of a subject, made once in a process."""
    return Trial(subject())


def cases_of(trial: Trial, check: Check) -> tuple[Case, ...]:
    """The cases of a check for one adapter; at least one, which says so if the check cannot apply."""
    found = tuple(check.cases(trial))
    return found or (Case("adapter", _nothing_to_try),)


def _nothing_to_try() -> None:
    raise Exempt("nothing that is tried is of the kind that this is about")


def expected_of(trial: Trial) -> dict[str, tuple[str, ...]]:
    """Rule → ids of all its cases for one adapter."""
    return {check.name: tuple(case.id for case in cases_of(trial, check)) for check in CHECKS}


def result_of(check: Check, case: Case) -> CaseResult:
    """Run a case."""
    try:
        case.run()
    except Exempt as exempt:
        return CaseResult(check.name, case.id, "exempt", exempt.reason)
    except Todo as todo:
        return CaseResult(check.name, case.id, "todo", todo.what)
    except (Exception, CancelledError) as error:  # noqa: BLE001 -- whatever an adapter raises is a result of its trial
        cause = _cause(error)
        seen = str(cause) if isinstance(cause, AssertionError) else f"{type(cause).__name__}: {cause}"
        return CaseResult(check.name, case.id, "failed", seen)
    return CaseResult(check.name, case.id, "done")


def _cause(error: BaseException) -> BaseException:
    """What went wrong first, where an episode that broke off cancelled what was still going on."""
    while isinstance(error, CancelledError) and error.__context__ is not None:
        error = error.__context__
    return error


def run_all(
    trial: Trial,
    *,
    only: Collection[str] = (),
    on_result: Callable[[CaseResult], None] = lambda _: None,
) -> Sequence[CaseResult]:
    """Run everything.

    Args:
        trial: The adapter on trial.
        only: Names of checks; all if empty.
        on_result: Told each result.
    """
    results = []
    for check in CHECKS:
        if only and check.name not in only:
            continue
        for case in cases_of(trial, check):
            results.append(result_of(check, case))
            on_result(results[-1])
    return results


BY_NAME: Mapping[str, Check] = {check.name: check for check in CHECKS}
"""The checks by name."""
