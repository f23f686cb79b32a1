"""From a failure, or from kept episodes, to the report's page."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos.broken import RepeatingSubject
from typer.testing import CliRunner

from seawall.cli import app
from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.failing import investigate
from seawall.simulators.chaos.kept import save
from seawall.simulators.chaos.reporting import write_report
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.tally import Tally
from seawall.simulators.faults import Plan

LOST = {"id": "lost", "point": "after_commit", "kind": "reset", "match": {"lane": "write"}, "trigger": {"nth": 1}}
SCENARIO = Scenario(
    subject="soap", plan=Plan.model_validate({"faults": [LOST]}), calls=(PlannedCall(action="book_credit", sample=1),)
)


def test_report_of_a_failure_shows_its_smallest_form(tmp_path: Path) -> None:
    found = investigate(SCENARIO.model_copy(update={"subject": "chaos.broken:RepeatingSubject"}), RepeatingSubject())
    tally = Tally()
    tally.add(found.episode)
    write_report(tmp_path / "deep" / "report.html", {"repeating": tally}, [found])
    page = (tmp_path / "deep" / "report.html").read_text(encoding="utf-8")
    assert "Promises were broken" in page
    assert "minimal: 1 op, 1 fault" in page
    assert "I2 no duplicate (book_credit; after_commit/" in page


def test_report_command_draws_kept_episodes(tmp_path: Path) -> None:
    episode = play(SCENARIO)
    save(tmp_path / "one.jsonl", episode.history, episode.effects)
    out = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["chaos", "report", str(tmp_path / "one.jsonl"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "one.jsonl: soap" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "says"), [("{", "line 1, is no JSON"), ('{"a": 1}', "its first line has no schema")])
def test_file_that_is_no_episode_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "one.jsonl").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["chaos", "report", str(tmp_path / "one.jsonl")])
    assert result.exit_code == 2
    assert says in result.output
