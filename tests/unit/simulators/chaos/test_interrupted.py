"""Ctrl-C in the middle of a run: what was found until then is kept, told and reported."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from chaos.broken import RepeatingSubject
from typer.testing import CliRunner, Result

from seawall.cli import app
from seawall.simulators.chaos import campaign, commands, findings
from seawall.simulators.chaos.episode import play
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.tally import Tally
from seawall.simulators.faults import Plan

LOST = {"id": "lost", "point": "after_commit", "kind": "reset", "match": {"operation": "BookCredit"}}
PLAN = Plan.model_validate({"faults": [LOST]})
CALL = PlannedCall(action="book_credit", sample=1)
BROKEN = "chaos.broken:RepeatingSubject"


def failing() -> Tally:
    tally = Tally()
    tally.add(play(Scenario(subject=BROKEN, plan=PLAN, calls=(CALL, CALL)), RepeatingSubject()))
    return tally


def interrupt(*_: object, **__: object) -> NoReturn:
    raise KeyboardInterrupt


def run(folder: Path) -> Result:
    arguments = ["run", "soap", "--runs", "9", "--keep", str(folder), "--report", str(folder / "report.html")]
    return CliRunner().invoke(app, ["chaos", *arguments])


def holds_the_finding(folder: Path, result: Result) -> None:
    assert result.exit_code == 130, result.output
    assert "I2 no duplicate" in result.output
    assert "as it is: 2 ops, 1 fault" in result.output
    assert "interrupted: 1 of 9 episodes were played" in " ".join(result.output.split())
    (kept,) = folder.glob("*.yaml")
    assert CliRunner().invoke(app, ["chaos", "replay", str(kept)]).exit_code == 1
    assert "Promises were broken" in (folder / "report.html").read_text(encoding="utf-8")


def test_findings_of_an_interrupted_run_are_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object, **__: object) -> NoReturn:
        raise campaign.Interrupted({BROKEN: failing()})

    monkeypatch.setattr(commands, "run_all", cut)
    holds_the_finding(tmp_path, run(tmp_path))


def test_failure_that_was_being_made_small_is_kept_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "run_all", lambda *_, **__: {BROKEN: failing()})
    monkeypatch.setattr(findings, "investigate", interrupt)
    holds_the_finding(tmp_path, run(tmp_path))


@pytest.mark.slow
def test_figures_until_an_interrupt_are_handed_over() -> None:
    scenarios = (Scenario(subject="soap", plan=PLAN, calls=(CALL,)) for _ in range(10_000))
    told: list[str] = []

    def once(name: str, _: Tally) -> None:
        told.append(name)
        if len(told) == 1:
            raise KeyboardInterrupt

    with pytest.raises(campaign.Interrupted) as cut:
        campaign.run_all(scenarios, processes=1, on_progress=once)
    assert 0 < cut.value.tallies["soap"].episodes < 100
