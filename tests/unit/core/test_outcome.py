from __future__ import annotations

import pytest

from seawall.core.errors import BusinessRule, ReplyTimeout
from seawall.core.outcome import Applied, Outcome, Partial, Pending, Rejected, Unknown, UnprovenOutcome

APPLIED: Outcome[int] = Applied(7)
REJECTED: Outcome[int] = Rejected(BusinessRule("no"))
UNKNOWN: Outcome[int] = Unknown(ReplyTimeout("no answer"), "op_1", 2.0)
PENDING: Outcome[int] = Pending("op_1", "person", "parked")


def test_applied_unwraps_to_its_value() -> None:
    assert APPLIED.unwrap() == 7


@pytest.mark.parametrize(("outcome", "error"), [(REJECTED, BusinessRule), (UNKNOWN, ReplyTimeout)])
def test_unproven_outcome_unwraps_to_its_error(outcome: Outcome[int], error: type[Exception]) -> None:
    with pytest.raises(error):
        outcome.unwrap()


def test_pending_has_no_value_to_unwrap() -> None:
    with pytest.raises(UnprovenOutcome, match="op_1"):
        PENDING.unwrap()


@pytest.mark.parametrize(
    ("outcome", "effect"),
    [
        (APPLIED, "applied"),
        (REJECTED, "none"),
        (UNKNOWN, "maybe"),
        (PENDING, "maybe"),
        (Partial((APPLIED, APPLIED)), "applied"),
        (Partial((REJECTED, REJECTED)), "none"),
        (Partial((APPLIED, REJECTED)), "maybe"),
        (Partial((UNKNOWN, UNKNOWN)), "maybe"),
    ],
)
def test_effect_says_no_more_than_is_proven(outcome: Outcome[int], effect: str) -> None:
    assert outcome.effect == effect


def test_partial_unwraps_only_when_all_items_are_applied() -> None:
    assert Partial((APPLIED, APPLIED)).unwrap() == (7, 7)
    with pytest.raises(BusinessRule):
        Partial((APPLIED, REJECTED)).unwrap()
