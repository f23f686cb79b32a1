"""People on the stage of the chaos kit: writes wait for them, and the checker knows what they said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seawall import Pending
from seawall.simulators.chaos.entries import Attempted, Journalled, Setting, Spent
from seawall.simulators.chaos.episode import Episode, play
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.scenario import Mishap, People, PlannedCall, Scenario
from seawall.simulators.chaos.stage import Stage
from seawall.simulators.chaos.subjects import load_subject
from seawall.simulators.faults import Plan
from seawall.simulators.virtual_time import run

CASE = PlannedCall(action="create_case", sample=1)


def scenario(people: People, *faults: dict[str, Any], **how: Any) -> Scenario:
    plan = Plan.model_validate({"faults": [{"id": f"f{n}", **one} for n, one in enumerate(faults)]})
    return Scenario.model_validate({"subject": "salesforce", "plan": plan, "calls": (CASE,), "people": people, **how})


def states(episode: Episode) -> list[str]:
    return [entry.status for entry in episode.history.of(Journalled)]


@pytest.mark.parametrize("actions", [(), ("create_case",)])
def test_write_that_people_approve_is_held_and_then_sent_once(actions: tuple[str, ...]) -> None:
    episode = play(scenario(People(actions=actions, after=30.0)))
    assert states(episode) == ["held", "running", "applied"]
    (spent,), (sent,) = episode.history.of(Spent), episode.history.of(Attempted)
    assert spent.digest == spent.approved
    assert spent.at >= 30.0 + episode.history.entries[0].at
    assert spent.at <= sent.at
    assert "create_case" in episode.history.setting.approved["salesforce"]
    assert "get_case" not in episode.history.setting.approved["salesforce"]
    assert episode.judgement.worst == "valid"


def test_write_that_people_reject_is_not_sent() -> None:
    episode = play(scenario(People(rejects=1.0)))
    assert states(episode) == ["held", "rejected"]
    assert (episode.history.of(Attempted), list(episode.effects["salesforce"])) == ([], [])
    assert episode.judgement.broken == ()


def test_write_that_nobody_is_asked_about_goes_its_way() -> None:
    episode = play(scenario(People(actions=("update_case",))))
    assert states(episode) == ["running", "applied"]
    assert not episode.history.of(Spent)


def test_approval_whose_write_met_a_passing_outage_is_given_back_and_spent_again() -> None:
    down = {"match": {"lane": "write"}, "point": "connect", "kind": "refused", "trigger": {"first": 12}}
    episode = play(scenario(People(after=0.0), down, calls=(CASE, CASE.model_copy(update={"at": 600.0}))))
    assert len(episode.history.of(Spent)) > 1
    assert len({one.approval for one in episode.history.of(Spent)}) == 1
    assert len(episode.effects["salesforce"]) == 1
    assert episode.judgement.broken == ()


def test_people_hear_of_what_a_process_asked_right_before_it_died() -> None:
    crash = {"point": "after_journal", "kind": "crash", "params": {"seconds": 5}, "times": 1}
    episode = play(scenario(People(), crash, mishaps=(Mishap(what="pause", seconds=60.0),), workers=2))
    assert states(episode) == ["held", "running", "applied"]
    assert episode.judgement.broken == ()


def test_pending_answer_names_the_approval_that_people_decide(tmp_path: Path) -> None:
    async def main() -> tuple[object, int]:
        stage = Stage(load_subject("salesforce"), folder=tmp_path, people=People(after=5.0))
        async with stage:
            worker = await stage.start_worker()
            outcome = await stage.call(worker, "create_case", await stage.sample("create_case", 1))
            return outcome, await stage.settle()

    outcome, left = run(main())
    assert isinstance(outcome, Pending)
    assert outcome.approval is not None
    assert left == 0


def test_history_with_people_reads_back_as_it_was_written() -> None:
    history = play(scenario(People())).history
    again = History.parse(history.lines())
    assert isinstance(again.setting, Setting)
    assert again.setting.approved == history.setting.approved
    assert list(again.lines()) == list(history.lines())
