"""Marks: what of an episode is drawn, on which lane, and in which order."""

from __future__ import annotations

from seawall.simulators.chaos import entries
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.report.marks import Mark, marks
from seawall.simulators.effects import Effect

SETTING = entries.Setting(name="toy", seed=1, plan={}, systems={})


def drawn(*happened: entries.Entry, effects: tuple[Effect, ...] = ()) -> list[Mark]:
    return marks(History(SETTING, list(happened)), {"toy": effects})


def test_call_begins_and_ends_a_span_of_its_client() -> None:
    asked = entries.Asked(10.0, 1, "c1", "toy", "add", "toy.add/1", "d", 30.0, reworded=True)
    first, last = drawn(asked, entries.Told(12.5, 1, "applied", "applied"))
    assert (first.lane, first.who, first.begins, first.at) == ("clients", "c1", "call 1", 0.0)
    assert (last.lane, last.who, last.ends, last.at) == ("clients", "c1", "call 1", 2.5)
    assert first.label == "c1 asks add/1, reworded"
    assert last.label == "c1 is told applied"


def test_client_that_was_cut_off_is_not_said_to_have_been_told() -> None:
    asked = entries.Asked(0.0, 1, "c1", "toy", "get", "", "d", 30.0)
    _, last = drawn(asked, entries.Told(1.0, 1, "cut_off", "maybe"))
    assert last.label == "c1 hears nothing any more"


def test_items_of_one_call_to_the_target_are_one_mark() -> None:
    sent = [entries.Attempted(0.0, 7, "w1", "toy", "add", f"toy.add/{n}", f"op{n}", "key-abc", "d", 1) for n in (1, 2)]
    answers = [entries.Answered(1.0, 7, f"toy.add/{n}", "applied") for n in (1, 2)]
    assert [(mark.label, mark.begins or mark.ends) for mark in drawn(*sent, *answers)] == [
        ("w1 sends add key …ey-abc", "attempt 7"),
        ("acknowledged", "attempt 7"),
    ]


def test_answer_stands_with_the_process_that_sent() -> None:
    sent = entries.Attempted(0.0, 7, "w2", "toy", "add", "toy.add/1", "op1", "k", "d", 1)
    _, answer = drawn(sent, entries.Answered(1.0, 7, "toy.add/1", "maybe", "ReplyTimeout"))
    assert (answer.who, answer.kind, answer.label) == ("w2", "maybe", "ReplyTimeout")


def test_request_without_a_fault_has_no_mark_and_one_with_a_fault_does() -> None:
    plain = entries.Wire(0.0, "toy", "create", "write", attempt=1)
    struck = entries.Wire(1.0, "toy", "create", "write", "f1", "after_commit", "reset", 1)
    assert [mark.label for mark in drawn(plain, struck)] == ["after_commit/reset at create"]


def test_effect_at_the_time_of_a_request_stands_right_after_it() -> None:
    at_once = (
        entries.Wire(0.0, "toy", "create", "write", "f1", "after_commit", "reset", 1),
        entries.Answered(0.0, 1, "toy.add/1", "maybe", "ConnectionLost"),
        entries.Wire(0.0, "toy", "after_send", "client", "f2", "after_send", "crash", 1),
    )
    effect = Effect(1, 0.0, "insert", "Note", "N1", {"text": "hello"}, cause="late")
    found = drawn(*at_once, effects=(effect,))
    assert [mark.lane for mark in found] == ["wire", "effects", "wire", "wire"]
    assert (found[1].label, found[1].title) == ("insert Note N1, late", "toy: text=hello")


def test_ledger_looks_and_events_are_shown() -> None:
    found = drawn(
        entries.Journalled(0.0, "w1", "toy.add/1", "op1", "k", "unknown", 2),
        entries.Probed(1.0, 0.5, "w1", "toy", "add", "toy.add/1", "op1", "cannot_tell"),
        entries.Event(2.0, "crash", "w1"),
        entries.Event(3.0, "heal"),
    )
    assert [mark.label for mark in found] == ["ledger: unknown", "w1 looks: cannot tell", "crash w1", "heal"]


def test_episode_without_entries_has_no_marks() -> None:
    assert drawn() == []
