"""Lanes: a drawing in which every mark has a line of its own."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from seawall.simulators.chaos import entries
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.report.lanes import lanes
from seawall.simulators.effects import Effect

SETTING = entries.Setting(name="toy", seed=1, plan={}, systems={})
CALL = (
    entries.Asked(0.0, 1, "c1", "toy", "add", "toy.add/1", "d", 30.0),
    entries.Attempted(0.0, 1, "w1", "toy", "add", "toy.add/1", "op1", "k", "d", 1),
    entries.Answered(9.0, 1, "toy.add/1", "maybe", "ReplyTimeout"),
    entries.Told(9.0, 1, "unknown", "maybe"),
)


def drawing(*happened: entries.Entry, effects: tuple[Effect, ...] = ()) -> ET.Element:
    return ET.fromstring(lanes(History(SETTING, list(happened)), {"toy": effects}))


def classed(svg: ET.Element, kind: str) -> list[ET.Element]:
    return [one for one in svg.iter() if kind in (one.get("class") or "").split()]


def test_no_two_marks_are_on_one_line() -> None:
    svg = drawing(*CALL, effects=(Effect(1, 0.0, "insert", "Note", "N1"),))
    heights = [one.findtext("text") and one.find("text").get("y") for one in classed(svg, "mark")]  # type: ignore[union-attr]
    assert len(heights) == 5
    assert len(set(heights)) == 5


def test_bar_leads_from_each_question_to_its_answer_in_its_colour() -> None:
    bars = classed(drawing(*CALL), "bar")
    assert sorted(one.get("class", "") for one in bars) == ["bar maybe", "bar unknown"]
    assert all(int(one.get("height", "0")) > 0 for one in bars)


def test_what_a_killed_process_had_begun_ends_where_it_was_killed() -> None:
    (bar,) = classed(drawing(*CALL[:2], entries.Event(1.0, "crash", "w1")), "bar")
    assert bar.get("class") == "bar crashed"


def test_time_is_written_where_it_moves_on_and_a_pause_is_a_gap() -> None:
    svg = drawing(*CALL)
    assert [one.text for one in classed(svg, "time")] == ["0.00 s", "9.00 s"]
    assert len(classed(svg, "gap")) == 1


def test_label_that_is_too_long_is_cut_and_its_title_is_whole() -> None:
    name = "N" * 300
    svg = drawing(*CALL, effects=(Effect(1, 0.0, "insert", "Note", name),))
    (mark,) = classed(svg, "effect")
    assert len(mark.findtext("text") or "") < 60
    assert name in (mark.findtext("title") or "")


def test_what_a_target_wrote_is_escaped() -> None:
    svg = drawing(*CALL, effects=(Effect(1, 0.0, "insert", "<script>", "N1", {"text": "a & b < c"}),))
    (mark,) = classed(svg, "effect")
    assert mark.findtext("text") == "insert <script> N1"


def test_episode_that_is_too_long_says_what_is_left_out() -> None:
    many = [entries.Event(float(n), "heal") for n in range(300)]
    text = lanes(History(SETTING, list(many)), {})
    assert text.count('class="mark') == 250
    assert "And 50 more" in text


def test_empty_episode_is_not_drawn() -> None:
    assert lanes(History(SETTING), {}) == ""


def test_what_comes_from_a_file_can_open_no_tag() -> None:
    hostile: Any = '"/><script>alert(1)</script><g class="'
    told = entries.Told(9.0, 1, hostile, hostile, error=hostile, text=hostile)
    answered = entries.Answered(9.0, 1, hostile, hostile, error=hostile)
    wire = entries.Wire(1.0, hostile, hostile, hostile, hostile, hostile, hostile, 1)
    journalled = entries.Journalled(1.0, hostile, hostile, hostile, hostile, hostile, 1)
    effect = Effect(1, 0.0, hostile, hostile, hostile, {hostile: hostile}, cause=hostile)
    probed = entries.Probed(1.0, 1.0, hostile, hostile, hostile, hostile, hostile, hostile)
    event, spent = entries.Event(1.0, hostile, hostile), entries.Spent(1.0, hostile, hostile, hostile, hostile)
    rest = (answered, wire, journalled, probed, event, spent, told)
    svg = drawing(*CALL[:2], *rest, effects=(effect,))
    assert {one.tag for one in svg.iter()} <= {"svg", "g", "rect", "line", "circle", "text", "title"}


def test_bar_of_nobody_stands_beside_those_of_others() -> None:
    nobody = entries.Attempted(0.0, 2, "", "toy", "add", "toy.add/1", "op1", "k", "d", 1)
    svg = drawing(*CALL, nobody, entries.Answered(9.0, 2, "toy.add/1", "maybe", "ReplyTimeout"))
    assert len(classed(svg, "bar")) == 3
