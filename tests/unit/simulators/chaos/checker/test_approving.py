"""Approvals, held against hand-made histories: who gave them, and when one may be spent again."""

from __future__ import annotations

import pytest

from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import (
    ActionFacts,
    Answered,
    Attempted,
    Decided,
    Entry,
    Journalled,
    Probed,
    Setting,
    Spent,
    SystemFacts,
)
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.verdicts import Invariant

NAME = "toy.add/1"
SETTING = Setting(
    name="toy",
    seed=0,
    plan={},
    systems={"toy": SystemFacts({"add": ActionFacts("create", "Marker", probe=True)}, 4, 0.1, 10.0)},
    approved={"toy": ("add",)},
)
YES = Decided(1.0, "ap_1", approved=True)
NO = Decided(1.0, "ap_1", approved=False)


def journalled(at: float, status: str) -> Journalled:
    return Journalled(at, "w1", NAME, "op_1", "k", status, 1)  # type: ignore[arg-type]


def spent(at: float) -> Spent:
    return Spent(at, "ap_1", NAME, "d", "d")


def sent(at: float, attempt: int, effect: str) -> list[Entry]:
    return [
        Attempted(at, attempt, "w1", "toy", "add", NAME, "op_1", "k", "d", attempt),
        Answered(at, attempt, NAME, effect, "Throttled"),  # type: ignore[arg-type]
    ]


def broken(*entries: Entry) -> bool:
    judgement = check(History(SETTING, list(entries)), {"toy": []})
    return Invariant.KEY_DISCIPLINE in judgement.broken


RUN: list[Entry] = [spent(2), journalled(2, "running")]


def test_approval_that_a_person_gave_may_be_spent() -> None:
    assert not broken(YES, *RUN, *sent(3, 1, "applied"))


@pytest.mark.parametrize("decided", [(), (NO,), (Decided(1.0, "ap_2", approved=True),)], ids=["none", "no", "another"])
def test_approval_that_nobody_gave_is_caught(decided: tuple[Entry, ...]) -> None:
    assert broken(*decided, *RUN, *sent(3, 1, "applied"))


def test_approval_that_is_spent_before_the_person_decided_is_caught() -> None:
    assert broken(*RUN, YES, *sent(3, 1, "applied"))


def test_approval_is_spent_again_where_nothing_had_happened() -> None:
    again: list[Entry] = [journalled(4, "held"), spent(5), journalled(5, "running")]
    assert not broken(YES, *RUN, *sent(3, 1, "none"), *again, *sent(6, 2, "applied"))


def test_approval_that_is_given_back_although_nobody_knows_what_happened_is_spent_twice() -> None:
    again: list[Entry] = [journalled(4, "held"), spent(5), journalled(5, "running")]
    assert broken(YES, *RUN, *sent(3, 1, "maybe"), *again, *sent(6, 2, "applied"))


def test_approval_is_spent_again_where_a_probe_saw_that_nothing_had_happened() -> None:
    looked = Probed(3.5, 9, "w1", "toy", "add", NAME, "op_1", "absent", 3.4)
    again: list[Entry] = [journalled(4, "held"), spent(5), journalled(5, "running")]
    assert not broken(YES, *RUN, *sent(3, 1, "maybe"), looked, *again, *sent(6, 2, "applied"))
