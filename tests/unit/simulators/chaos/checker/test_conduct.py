"""What waits for people, what is sent unknown to the ledger, and late answers, held against hand-made histories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import (
    ActionFacts,
    Answered,
    Asked,
    Attempted,
    EffectWord,
    Entry,
    Event,
    FindingWord,
    Journalled,
    Probed,
    Setting,
    Status,
    SystemFacts,
    Told,
    Wire,
)
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.verdicts import Invariant

NAME = "toy.add/1"
FACTS = {
    "add": ActionFacts("create", "Marker", probe=True, horizon=60.0),
    "get": ActionFacts("read", "NoDedupe", probe=False),
}
SETTING = Setting("toy", 0, {}, {"toy": SystemFacts(FACTS, 4, 0.1, 10.0)}, resolve_within=7200.0)
HEAL = Event(50, "heal")


def broken(*entries: Entry) -> tuple[Invariant, ...]:
    return check(History(SETTING, list(entries)), {"toy": []}).broken


def state(at: float, status: Status, worker: str = "w1") -> Journalled:
    return Journalled(at, worker, NAME, "op_1", "k", status, 1)


def looked(at: float, finding: FindingWord) -> Probed:
    return Probed(at, at, "w1", "toy", "add", NAME, "op_1", finding)


def attempted(operation: str, action: str, operation_id: str = "op_1") -> Attempted:
    return Attempted(2, 1, "w1", "toy", action, operation, operation_id, "k", "d", 1)


def parked_after(*findings: FindingWord, then: tuple[Entry, ...] = ()) -> bool:
    """Whether it is a finding that people must decide after these looks."""
    looks = [looked(10.0 + place, finding) for place, finding in enumerate(findings)]
    found = broken(state(1, "running"), attempted(NAME, "add"), *looks, state(20, "parked"), HEAL, *then)
    return Invariant.EVENTUAL_RESOLUTION in found


@pytest.mark.parametrize("finding", ["many", "differs", "cannot_tell", "error"])
def test_people_decide_what_the_last_look_could_not_tell(finding: FindingWord) -> None:
    assert not parked_after(finding)
    assert not parked_after("absent", finding)


@pytest.mark.parametrize("finding", ["present", "absent"])
def test_people_are_not_asked_for_what_the_last_look_found(finding: FindingWord) -> None:
    assert parked_after(finding)
    assert parked_after("error", "many", finding)
    assert parked_after(finding, then=(looked(60, "many"),))  # looked at after it was left to people


def parked_after_looks(looks: int, *, last: EffectWord = "maybe", finding: FindingWord = "absent") -> bool:
    """Whether it is a finding that people must decide when the second look was the last one that may be had."""
    tried: list[Entry] = []
    for number in range(2, looks + 2):
        at = 10.0 * number
        again = replace(attempted(NAME, "add"), at=at + 1, attempt=number, maybe_applied=True)
        answer = Answered(at + 2, number, NAME, "maybe" if number <= looks else last, "Ambiguous")
        tried += [looked(at, finding), again, answer, state(at + 3, "unknown")]
    first: list[Entry] = [state(1, "running"), attempted(NAME, "add"), Answered(3, 1, NAME, "maybe", "Ambiguous")]
    two = replace(SETTING, systems={"toy": SystemFacts(FACTS, 4, 0.1, 10.0, recovery_attempts=2)})
    entries: list[Entry] = [*first, state(4, "unknown"), *tried, state(90, "parked"), Event(95, "heal")]
    return Invariant.EVENTUAL_RESOLUTION in check(History(two, entries), {"toy": []}).broken


def test_people_decide_what_so_many_repetitions_left_open_as_may_be_made() -> None:
    assert not parked_after_looks(2)
    assert not parked_after_looks(2, last="none")  # a refusal of that one says nothing of the first
    assert parked_after_looks(1)  # one more may have settled it
    assert parked_after_looks(2, last="applied")
    assert parked_after_looks(2, finding="present")


def unknown_to_the_ledger(*entries: Entry) -> bool:
    return Invariant.KEY_DISCIPLINE in broken(*entries)


def test_write_that_the_ledger_hears_of_later_or_never_is_a_finding() -> None:
    sent = attempted(NAME, "add")
    assert not unknown_to_the_ledger(state(1, "running"), sent)
    assert unknown_to_the_ledger(sent, state(3, "running"))
    assert unknown_to_the_ledger(state(1, "running"), attempted(NAME, "add", "op_2"))
    assert unknown_to_the_ledger(attempted("", "add"))


def test_read_that_writes_is_a_finding() -> None:
    read = attempted("", "get")
    assert not unknown_to_the_ledger(read, Wire(2, "toy", "find", "read", attempt=1))
    assert unknown_to_the_ledger(read, Wire(2, "toy", "create", "write", attempt=1))


def test_commit_of_a_transaction_that_only_read_is_no_write() -> None:
    read = attempted("", "get")
    selects = [Wire(2, "toy", name, "read", attempt=1) for name in ("begin", "select")]
    commit = Wire(2, "toy", "commit", "write", attempt=1)
    assert not unknown_to_the_ledger(read, *selects, commit)
    assert unknown_to_the_ledger(read, *selects, Wire(2, "toy", "update", "write", attempt=1), commit)


def test_probe_may_commit_and_must_not_write() -> None:
    probe = Probed(4, 3, "w1", "toy", "add", NAME, "op_1", "absent", attempt=2)
    commit = Wire(3, "toy", "commit", "write", attempt=2)
    before: list[Entry] = [state(1, "running"), attempted(NAME, "add")]
    assert not unknown_to_the_ledger(*before, Wire(3, "toy", "select", "read", attempt=2), commit, probe)
    assert unknown_to_the_ledger(*before, Wire(3, "toy", "insert", "write", attempt=2), commit, probe)


def late(worker: str, *between: Entry, pauses: str = "") -> bool:
    """Whether it is a finding that a call of 30 seconds is answered after 100, while a process stood still."""
    asked = Asked(1, 1, "c1", "toy", "add", NAME, "d", 30.0, worker=worker)
    still = [Event(5, "pause", pauses), Event(90, "resume", pauses)] if pauses else []
    return Invariant.DEADLINE in broken(asked, *between, *still, Told(101, 1, "pending", "maybe", "op_1"))


def test_process_that_was_asked_may_answer_late_because_it_stood_still() -> None:
    assert late("w1")
    assert not late("w1", pauses="w1")


def test_process_that_holds_the_operation_may_keep_another_waiting() -> None:
    assert not late("w1", state(2, "running", "w2"), pauses="w2")


def test_process_that_has_nothing_to_do_with_a_call_excuses_nothing() -> None:
    assert late("w1", pauses="w2")
    assert late("w1", state(2, "running", "w1"), pauses="w2")
    assert late("w1", state(2, "running", "w1"), state(3, "applied", "w2"), pauses="w2")


def test_history_that_does_not_know_who_was_asked_excuses_with_any_process() -> None:
    assert not late("", pauses="w2")
