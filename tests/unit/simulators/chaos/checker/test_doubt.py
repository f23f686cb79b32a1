"""What explains an answer of unknown, or a doubt that is left to people, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import (
    ActionFacts,
    Answered,
    Asked,
    Attempted,
    Entry,
    Event,
    Journalled,
    Replied,
    Setting,
    SystemFacts,
    Told,
    Wanted,
    Wire,
)
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.verdicts import Invariant
from seawall.simulators.effects import Effect

NAME = "toy.add/1"
FACTS = SystemFacts({"add": ActionFacts("create", "NoDedupe", probe=False)}, 4, 0.1, 10.0)
WROTE = Wire(1.2, "toy", "create", "write", attempt=1)


def struck(lane: str, point: str, *, at: float = 1.5, attempt: int = 1, kind: str = "reset") -> Wire:
    return Wire(at, "toy", "create", lane, "f1", point, kind, attempt)


def unexplained(*between: Entry) -> bool:
    entries = [
        Asked(1, 1, "c1", "toy", "add", NAME, "d", 30.0),
        Attempted(1.1, 1, "w1", "toy", "add", NAME, "op_1", "k", "d", 1),
        *between,
        Answered(1.8, 1, NAME, "maybe", "Ambiguous"),
        Told(2, 1, "unknown", "maybe", "op_1", "Ambiguous"),
        struck("write", "after_commit", at=3.0),
    ]
    judged = check(History(Setting("toy", 0, {}, {"toy": FACTS}), list(entries)), {"toy": []})
    return Invariant.NO_UNEXPLAINED_OUTCOME in judged.broken


@pytest.mark.parametrize(
    "between",
    [
        [struck("write", "send")],
        [struck("write", "after_commit")],
        [struck("read", "respond")],
        [WROTE, struck("read", "connect")],
        [WROTE, struck("write", "connect")],
        [WROTE, struck("auth", "apply", attempt=7)],
        [WROTE, struck("read", "apply", attempt=7, kind="session_expired")],
        [Event(1.5, "crash", "w1")],
        [Event(1.5, "pause", "w1")],
        [WROTE, Replied(1.5, "w1", "toy", 1, 202, 0)],
    ],
)
def test_unknown_after_what_leaves_a_client_in_doubt_is_explained(between: list[Entry]) -> None:
    assert not unexplained(*between)


@pytest.mark.parametrize(
    "between",
    [
        [],
        [struck("write", "connect")],
        [struck("read", "connect"), WROTE],
        [struck("auth", "after_commit")],
        [struck("write", "after_commit", attempt=7)],
        [struck("write", "later", attempt=7, kind="late_commit")],
        [struck("read", "apply", attempt=7, kind="session_expired")],
        [Event(1.5, "crash", "w2")],
        [WROTE, Replied(1.5, "w1", "toy", 1, 201, 20)],
        [WROTE, Replied(1.5, "w1", "toy", 7, 202, 0)],
    ],
)
def test_unknown_after_what_shows_that_nothing_was_done_or_befell_others_is_unexplained(between: list[Entry]) -> None:
    assert unexplained(*between)


DONE = Effect(1, 1.2, "insert", "Note", "n1", {"text": "A"}, ("text",), 7)


def replied(status: int, size: int = 20, at: float = 1.5) -> Replied:
    return Replied(at, "w1", "toy", 1, status, size)


def left_to_people(*between: Entry, effect: str = "maybe", happened: bool = True, answered: bool = True) -> bool:
    """Whether it is a finding that a person must decide what became of an attempt."""
    entries = [
        Asked(1, 1, "c1", "toy", "add", NAME, "d", 30.0),
        Journalled(1, "w1", NAME, "op_1", "k", "running", 1),
        Attempted(1.1, 1, "w1", "toy", "add", NAME, "op_1", "k", "d", 1),
        Wire(1.2, "toy", "create", "write", attempt=1, number=7),
        *between,
        *([Answered(1.8, 1, NAME, effect, "Ambiguous")] if answered else []),  # type: ignore[arg-type]
        Journalled(2, "w1", NAME, "op_1", "k", "parked", 1),
        Told(2, 1, "pending", "maybe", "op_1"),
    ]
    setting = Setting("toy", 0, {}, {"toy": FACTS}, {NAME: (Wanted("Note", ("insert",), {"text": "A"}),)})
    judged = check(History(setting, entries), {"toy": [DONE] if happened else []})
    return Invariant.NO_UNEXPLAINED_OUTCOME in judged.broken


@pytest.mark.parametrize("reply", [replied(200), replied(201), replied(204, 0)])
def test_answer_that_shows_what_was_done_leaves_nothing_to_people(reply: Replied) -> None:
    assert left_to_people(reply)
    assert not left_to_people(reply, happened=False)
    assert not left_to_people(reply, effect="applied")  # its process may have ended before that was written down


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_refusal_of_the_targets_own_leaves_nothing_to_people(status: int) -> None:
    assert left_to_people(replied(status), happened=False)
    assert not left_to_people(replied(status))
    assert not left_to_people(replied(status, 0), happened=False)


@pytest.mark.parametrize("reply", [replied(202), replied(200, 0), replied(500), replied(503), replied(409)])
def test_answer_that_may_mean_either_may_be_left_to_people(reply: Replied) -> None:
    assert not left_to_people(reply)
    assert not left_to_people(reply, happened=False)


def test_doubt_that_something_else_explains_may_be_left_to_people() -> None:
    assert not left_to_people()
    assert not left_to_people(replied(200), answered=False)
    assert not left_to_people(replied(200, at=1.1))  # it was done after that
    assert not left_to_people(struck("read", "respond"), replied(200))
    assert not left_to_people(Event(1.3, "pause", "w1"), replied(200), Event(1.8, "resume", "w1"))
    assert left_to_people(Event(1.3, "pause", "w2"), replied(200), Event(1.8, "resume", "w2"))


def test_answer_to_an_earlier_request_of_the_attempt_answers_no_later_one() -> None:
    read, again = Wire(1.3, "toy", "find", "read", attempt=1), Wire(1.6, "toy", "create", "write", attempt=1)
    assert left_to_people(replied(200), again, replied(200, at=1.7))
    assert not left_to_people(replied(200), again)
    assert not left_to_people(replied(200), replace(read, at=1.6))
    assert left_to_people(read, replied(200), replace(again, attempt=7))


def test_answer_to_a_login_is_none_to_the_request() -> None:
    login = Wire(1.4, "toy", "token", "auth", attempt=1)
    assert not left_to_people(login, replied(200))
    assert left_to_people(replied(200, at=1.3), login, replied(200))
