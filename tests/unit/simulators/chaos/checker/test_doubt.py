"""What explains an answer of unknown, and what does not."""

from __future__ import annotations

import pytest

from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import (
    ActionFacts,
    Answered,
    Asked,
    Attempted,
    Entry,
    Event,
    Setting,
    SystemFacts,
    Told,
    Wire,
)
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.verdicts import Invariant

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
    ],
)
def test_unknown_after_what_shows_that_nothing_was_done_or_befell_others_is_unexplained(between: list[Entry]) -> None:
    assert unexplained(*between)
