"""Histories: kept as lines, read back as they were, refused when they are something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seawall.simulators.chaos import entries
from seawall.simulators.chaos.entries import ENTRIES
from seawall.simulators.chaos.history import SCHEMA, History

SETTING = entries.Setting(
    name="toy",
    seed=3,
    plan={"faults": [{"id": "f1", "kind": "reset", "point": "after_commit"}]},
    systems={
        "toy": entries.SystemFacts(
            actions={"add": entries.ActionFacts("create", "Marker", probe=True, read_lag=1.0, horizon=60.0)},
            attempts=4,
            retry_ratio=0.1,
            retry_reserve=10.0,
        )
    },
    wanted={"toy.add/1": (entries.Wanted("Note", ("insert",), {"text": "A"}, {"text": "A-1"}),)},
    reads={2: {"text": "A"}},
    planned=("f1",),
    resolve_within=60.0,
    canaries=("hunter2",),
)
ONE_OF_EACH: list[entries.Entry] = [
    entries.Asked(1.0, 1, "c1", "toy", "add_many", "", "d", 30.0, ("toy.add/1", "toy.add/2"), ("toy.add/0",)),
    entries.Told(
        2.0, 1, "partial", "maybe", items=(entries.Item("toy.add/1", "applied", "applied"),), value={"a": [1]}
    ),
    entries.Attempted(1.1, 1, "w1", "toy", "add", "toy.add/1", "op_1", "k", "d", 1),
    entries.Answered(1.2, 1, "toy.add/1", "maybe", "ReplyTimeout", "timeout", 3.0),
    entries.Probed(1.4, 1.3, "w1", "toy", "add", "toy.add/1", "op_1", "absent", 1.0, 2),
    entries.Wire(1.15, "toy", "create", "write", "f1", "after_commit", "reset", 1),
    entries.Replied(1.18, "w1", "toy", 1, 429, 10, "30"),
    entries.Journalled(1.05, "w1", "toy.add/1", "op_1", "k", "running", 1),
    entries.Compensated(1.5, "toy.undo/1", "toy.add/1"),
    entries.Decided(1.5, "ap_1", approved=True),
    entries.Spent(1.6, "ap_1", "toy.add/1", "d", "d"),
    entries.Event(1.7, "heal"),
    entries.Stored(1.8, "operations", "op_1\nhunter2"),
]


def test_history_with_each_kind_of_entry_is_read_back_as_it_was(tmp_path: Path) -> None:
    assert {type(entry).__name__ for entry in ONE_OF_EACH} == set(ENTRIES)
    history = History(SETTING, list(ONE_OF_EACH))
    history.save(tmp_path / "history.jsonl")
    assert History.load(tmp_path / "history.jsonl") == history


def test_each_line_names_its_kind_and_the_first_one_the_schema() -> None:
    head, *rest = [json.loads(line) for line in History(SETTING, list(ONE_OF_EACH)).lines()]
    assert head["schema"] == SCHEMA
    assert [line["event"] for line in rest] == [type(entry).__name__ for entry in ONE_OF_EACH]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "its first line has no schema"),
        (['{"event": "Told"}'], "its first line has no schema"),
        ([json.dumps({"schema": SCHEMA + 1, "setting": {}})], f"this Seawall reads schema {SCHEMA}"),
        ([json.dumps({"schema": 1, "setting": {}})], "schema 1; this Seawall reads schema 2"),
    ],
)
def test_what_is_no_history_is_refused_in_one_sentence(lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        History.parse(lines)


def test_entry_of_an_unknown_kind_is_refused() -> None:
    head = next(History(SETTING).lines())
    with pytest.raises(ValueError, match="unknown kind: 'Dreamt'"):
        History.parse([head, '{"event": "Dreamt"}'])


def test_text_that_ends_lines_elsewhere_is_read_back_as_it_was(tmp_path: Path) -> None:
    asked = entries.Asked(1.0, 1, "c1", "toy", "add", "toy.add/1\u2028\x85", "d", 30.0)
    History(SETTING, [asked]).save(tmp_path / "h.jsonl")
    assert History.load(tmp_path / "h.jsonl").entries == [asked]
