"""What the checker says: for each invariant whether it held, and if not, what a person can see of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

Result = Literal["valid", "unknown", "invalid"]
_WORST: Mapping[Result, int] = {"valid": 0, "unknown": 1, "invalid": 2}


class Invariant(IntEnum):
    """The fifteen, by the numbers under which the pages speak of them."""

    NO_LOST_WRITE = 1
    NO_DUPLICATE = 2
    NO_PHANTOM_SUCCESS = 3
    NO_PHANTOM_FAILURE = 4
    NO_UNEXPLAINED_OUTCOME = 5
    EXACT_PARTIALS = 6
    BOUNDED_AMPLIFICATION = 7
    EVENTUAL_RESOLUTION = 8
    KEY_DISCIPLINE = 9
    DEADLINE = 10
    READ_HONESTY = 11
    ISOLATION = 12
    ORDER = 13
    NO_SECRETS = 14
    NOT_VACUOUS = 15

    @property
    def title(self) -> str:
        """Its name in words."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Witness:
    """One violation, told so that a person can follow it.

    Args:
        says: What is wrong, in one sentence.
        operation: The logical operation, where it is one's.
        lines: What happened to it, in order of time, one line each.
    """

    says: str
    operation: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one invariant.

    Args:
        invariant: Which.
        result: `unknown` where the history does not allow a word on it.
        witnesses: The violations, or why nothing can be said.
    """

    invariant: Invariant
    result: Result
    witnesses: tuple[Witness, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """A row of the truth table that a history reached: what happened, what the client saw, what was reported.

    Args:
        action: `system.action`.
        truth: `applied`, `not applied`, `some of them`, or `applied later`.
        saw: What the last attempt came to: `ack`, `no reply`, `refusal`, `not sent`, `unreadable`.
        told: The word that the client was told.
    """

    action: str
    truth: str
    saw: str
    told: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The checker's word on one episode.

    Args:
        verdicts: One for each invariant, in order.
        reached: How often each row of the truth table was reached.
        parked: Logical operations that wait for a person.
        calls: How many calls clients made.
        sent: How many write attempts went to the adapter.
    """

    verdicts: tuple[Verdict, ...]
    reached: Mapping[Reached, int] = field(default_factory=dict)
    parked: tuple[str, ...] = ()
    calls: int = 0
    sent: int = 0

    @property
    def worst(self) -> Result:
        """The worst result of any."""
        return max((verdict.result for verdict in self.verdicts), key=_WORST.__getitem__, default="valid")

    @property
    def broken(self) -> tuple[Invariant, ...]:
        """The invariants that did not hold."""
        return tuple(verdict.invariant for verdict in self.verdicts if verdict.result == "invalid")
