"""What a check is: one promise, and the cases in which it is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .trial import Trial


class Exempt(Exception):
    """A case that cannot apply to what an adapter declares, or to what its simulator can do.

    Args:
        reason: Why, for the report.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Todo(Exception):
    """Something that is missing for a rule of the ladder, without being wrong.

    Args:
        what: What is to be done.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class Case:
    """One way to try a promise.

    Args:
        id: Unique within its check, for example `create_case-late_commit`.
        run: Tries it. It raises `AssertionError` where the promise is broken, with what was seen; `Exempt` where it
            cannot apply; and `Todo` where something is missing.
    """

    id: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Check:
    """A promise.

    Args:
        name: Its id, and the rule's of the ladder; the test is `test_NAME`.
        proves: What it proves, in one sentence.
        cases: The cases for one adapter.
    """

    name: str
    proves: str
    cases: Callable[[Trial], Iterator[Case]]


def together(runs: Sequence[Callable[[], None]], names: Sequence[str]) -> None:
    """Try several things as one case, all of them whatever becomes of each.

    Args:
        runs: The things.
        names: A name for each, for messages.

    Raises:
        AssertionError: Some of them did not hold.
    """
    broken = []
    for run, name in zip(runs, names, strict=True):
        try:
            run()
        except AssertionError as error:
            broken.append(f"under {name}: {error}")
    if broken:
        raise AssertionError("\n".join(broken))
