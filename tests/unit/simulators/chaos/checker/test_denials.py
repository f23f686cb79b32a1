"""Rejections, held against hand-made histories: what a call may deny, and what another call's attempt excuses."""

from __future__ import annotations

import pytest

from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import (
    ActionFacts,
    Answered,
    Asked,
    Attempted,
    Entry,
    Journalled,
    Setting,
    SystemFacts,
    Told,
    Wanted,
    Word,
)
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.verdicts import Invariant
from seawall.simulators.effects import Effect

NAME = "toy.add/1"
SETTING = Setting(
    name="toy",
    seed=0,
    plan={},
    systems={"toy": SystemFacts({"add": ActionFacts("create", "Marker", probe=True)}, 4, 0.1, 10.0)},
    wanted={NAME: (Wanted("Note", ("insert",), {"text": "A"}),)},
)


def asked(at: float, call: int) -> Asked:
    return Asked(at, call, f"c{call}", "toy", "add", NAME, "d", 30.0)


def told(at: float, call: int, word: Word, error: str = "", operation_id: str = "") -> Told:
    return Told(at, call, word, "none" if word == "rejected" else "maybe", operation_id, error)


def running(at: float) -> Journalled:
    return Journalled(at, "w1", NAME, "op_1", "k", "running", 1)


def rejected(at: float) -> Journalled:
    return Journalled(at, "w1", NAME, "op_1", "k", "rejected", 1)


def sent(at: float, attempt: int) -> list[Entry]:
    return [
        Attempted(at, attempt, "w1", "toy", "add", NAME, "op_1", "k", "d", attempt),
        Answered(at, attempt, NAME, "maybe", "ReplyTimeout"),
    ]


def broken(*entries: Entry, happened_at: float) -> tuple[Invariant, ...]:
    effect = Effect(1, happened_at, "insert", "Note", "n1", {"text": "A"}, ("text",), 0)
    return check(History(SETTING, list(entries)), {"toy": [effect]}).broken


@pytest.mark.parametrize("error", ["LedgerUnavailable", "Denied", "InvalidRequest"])
def test_call_that_sent_and_blames_what_comes_before_sending_is_a_phantom_failure(error: str) -> None:
    found = broken(asked(1, 1), running(1), *sent(2, 1), told(3, 1, "rejected", error), happened_at=2)
    assert found == (Invariant.NO_PHANTOM_FAILURE,)


def test_rejection_for_want_of_the_ledger_that_names_an_operation_is_about_that_operation() -> None:
    first: list[Entry] = [asked(1, 1), running(1), *sent(2, 1), told(3, 1, "unknown", "ReplyTimeout", "op_1")]
    again: list[Entry] = [asked(4, 2), told(5, 2, "rejected", "LedgerUnavailable", "op_1")]
    assert Invariant.NO_PHANTOM_FAILURE in broken(*first, *again, happened_at=2)


@pytest.mark.parametrize("answer", ["applied", "unknown", "pending", "cut_off", None])
def test_call_without_a_ledger_beside_one_that_sends_says_nothing_of_it(answer: Word | None) -> None:
    other: list[Entry] = [asked(1, 1), running(1), *([] if answer is None else [told(2.5, 1, answer)])]
    refused = [asked(2, 2), *sent(3, 1), told(4, 2, "rejected", "LedgerUnavailable")]
    order = [*other, *refused] if answer != "applied" else [*other[:-1], *refused, other[-1]]
    assert Invariant.NO_PHANTOM_FAILURE not in broken(*order, happened_at=3)


def test_call_without_a_ledger_after_another_was_answered_for_good_sent_itself() -> None:
    other: list[Entry] = [asked(1, 1), running(1), told(2, 1, "rejected", "Denied")]
    refused: list[Entry] = [asked(3, 2), *sent(4, 1), told(5, 2, "rejected", "LedgerUnavailable")]
    assert Invariant.NO_PHANTOM_FAILURE in broken(*other, *refused, happened_at=4)


@pytest.mark.parametrize("before", [[], [asked(0.5, 2), told(0.7, 2, "unknown")]])
def test_attempt_after_a_rejection_that_nobody_asked_for_again_does_not_excuse_it(before: list[Entry]) -> None:
    entries = [asked(1, 1), running(1), *sent(2, 1), rejected(3), told(3, 1, "rejected", "BusinessRule")]
    found = broken(*before, *entries, running(4), *sent(4, 2), happened_at=5)
    assert Invariant.NO_PHANTOM_FAILURE in found


def test_own_attempt_after_an_older_rejection_does_not_excuse_a_call() -> None:
    older = [asked(1, 1), running(1), *sent(2, 1), rejected(3), told(3, 1, "rejected", "BusinessRule")]
    call = [asked(4, 2), running(4), *sent(5, 2), told(6, 2, "rejected", "BusinessRule")]
    assert Invariant.NO_PHANTOM_FAILURE in broken(*older, *call, happened_at=7)


@pytest.mark.parametrize("asks_at", [1.5, 3.5])
def test_attempt_for_another_call_after_the_rejection_is_a_new_request(asks_at: float) -> None:
    first: list[Entry] = [asked(1, 1), running(1), *sent(2, 1), rejected(3), told(3, 1, "rejected", "BusinessRule")]
    second: list[Entry] = [running(4), *sent(4, 2), told(6, 2, "applied")]
    entries = sorted([*first, asked(asks_at, 2)], key=lambda entry: entry.at)
    applied = Journalled(6, "w1", NAME, "op_1", "k", "applied", 1)
    assert Invariant.NO_PHANTOM_FAILURE not in broken(*entries, *second, applied, happened_at=5)
