"""Episodes in files, and the page about them: whole, self-contained, and safe to open."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from chaos.broken import RepeatingSubject
from typer.testing import CliRunner

from seawall.cli import app
from seawall.simulators.chaos.episode import Episode, play
from seawall.simulators.chaos.failing import investigate
from seawall.simulators.chaos.kept import load, save
from seawall.simulators.chaos.report import Shown, render
from seawall.simulators.chaos.report.lanes import lanes
from seawall.simulators.chaos.reporting import shown_episode, write_report
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.tally import Tally
from seawall.simulators.faults import Plan

LOST = {"id": "lost", "point": "after_commit", "kind": "reset", "match": {"lane": "write"}, "trigger": {"nth": 1}}
SCENARIO = Scenario(
    subject="soap", plan=Plan.model_validate({"faults": [LOST]}), calls=(PlannedCall(action="book_credit", sample=1),)
)


@pytest.fixture(name="episode", scope="module")
def _episode() -> Episode:
    return play(SCENARIO)


def tallied(*episodes: Episode) -> Tally:
    tally = Tally()
    for episode in episodes:
        tally.add(episode)
    return tally


class _Open(HTMLParser):
    """Counts what is opened and not closed, and what points elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elsewhere += [f"{name}={value}" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "circle", "rect", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("circle", "rect", "line"):
            assert self.open.pop() == tag


def test_page_is_well_formed_and_needs_nothing_from_elsewhere(episode: Episode) -> None:
    page = render("Report", {"soap": tallied(episode)}, [shown_episode(episode)])
    parser = _Open()
    parser.feed(page)
    assert parser.open == []
    assert parser.elsewhere == []
    assert "url(" not in page
    assert "Every promise held" in page


def test_page_shows_what_struck_what_was_reached_and_all_invariants(episode: Episode) -> None:
    page = render("Report", {"soap": tallied(episode)}, [])
    assert "title='1 valid'>1</td>" in page
    assert all(f"<b>I{number}</b>" in page for number in range(1, 16))
    assert re.search(r"<td>applied</td><td>no reply</td>.*?<td class='n'>1</td>", page)


def test_text_from_targets_cannot_break_the_page(episode: Episode) -> None:
    shown = Shown("<script>alert(1)</script>", episode.history, episode.effects, episode.judgement, "a </pre> b")
    page = render("<b>", {"<i>": tallied(episode)}, [shown])
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a &lt;/pre&gt; b" in page
    assert "&lt;i&gt;" in page


def test_lanes_show_calls_faults_and_effects(episode: Episode) -> None:
    drawn = lanes(episode.history, episode.effects)
    assert "c1 book_credit" in drawn
    assert "after_commit/reset" in drawn
    assert "insert Credit" in drawn
    assert drawn.count("<title>") > 5


def test_report_of_a_failure_shows_its_smallest_form(tmp_path: Path) -> None:
    found = investigate(SCENARIO.model_copy(update={"subject": "chaos.broken:RepeatingSubject"}), RepeatingSubject())
    tally = tallied(found.episode)
    write_report(tmp_path / "deep" / "report.html", {"repeating": tally}, [found])
    page = (tmp_path / "deep" / "report.html").read_text(encoding="utf-8")
    assert "Promises were broken" in page
    assert "minimal: 1 op, 1 fault" in page


def test_episode_is_read_back_from_its_file_and_judged_the_same(episode: Episode, tmp_path: Path) -> None:
    save(tmp_path / "one.jsonl", episode.history, episode.effects)
    history, effects, judgement = load(tmp_path / "one.jsonl")
    assert history == episode.history
    assert effects == {system: list(log) for system, log in episode.effects.items()}
    assert judgement == episode.judgement


def test_report_command_draws_kept_episodes(episode: Episode, tmp_path: Path) -> None:
    save(tmp_path / "one.jsonl", episode.history, episode.effects)
    out = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["chaos", "report", str(tmp_path / "one.jsonl"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "one.jsonl: soap" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "says"), [("{", "is no episode"), ('{"a": 1}', "its first line has no schema")])
def test_file_that_is_no_episode_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "one.jsonl").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["chaos", "report", str(tmp_path / "one.jsonl")])
    assert result.exit_code == 2
    assert says in result.output
