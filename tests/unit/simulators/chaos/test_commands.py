"""`seawall chaos`: figures and an exit status that a pipeline can go by, and one clear sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from seawall.cli import app
from seawall.core.adapter import Action, Adapter, Attempt, Sent, Surroundings
from seawall.core.errors import BusinessRule
from seawall.simulators.chaos.scenario import PlannedCall, Scenario
from seawall.simulators.chaos.subjects.soap import BillingSubject
from seawall.simulators.faults import Plan


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["chaos", *arguments])


def scenario(**call: object) -> Scenario:
    plan = Plan.model_validate(
        {"faults": [{"id": "f", "point": "after_commit", "kind": "reset", "trigger": {"nth": 1}}]}
    )
    made = PlannedCall.model_validate({"action": "book_credit", "sample": 1, **call})
    return Scenario(subject="soap", plan=plan, calls=(made,))


@pytest.mark.slow
def test_run_prints_figures_and_ends_with_0_when_every_promise_held() -> None:
    result = run("run", "soap", "--runs", "3", "--processes", "1", "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout.splitlines()[-1])
    assert figures["soap"]["episodes"] == 3
    assert figures["soap"]["broken"] == {}


def test_replay_shows_that_every_promise_held(tmp_path: Path) -> None:
    scenario().save(tmp_path / "one.yaml")
    result = run("replay", str(tmp_path / "one.yaml"), "--history", str(tmp_path / "history.jsonl"))
    assert result.exit_code == 0
    assert "every promise held" in result.output
    assert (tmp_path / "history.jsonl").read_text(encoding="utf-8").count("\n") > 5


def test_replay_names_the_fault_that_never_struck_beside_another_of_its_kind(tmp_path: Path) -> None:
    first = {"id": "first", "point": "after_commit", "kind": "reset", "trigger": {"nth": 1}}
    ninth = {**first, "id": "ninth", "trigger": {"nth": 9}}
    both = Plan.model_validate({"faults": [first, ninth]})
    scenario().model_copy(update={"plan": both}).save(tmp_path / "one.yaml")
    result = run("replay", str(tmp_path / "one.yaml"))
    assert result.exit_code == 0
    assert "planned, and never struck: ninth (after_commit/reset)\n" in result.output


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"action": "book_credi"}, "makes samples of no action 'book_credi'; did you mean 'book_credit'?"),
        ({"system": "saop"}, "there is no system 'saop'; did you mean 'soap'?"),
    ],
)
def test_replay_of_a_call_that_cannot_be_made_is_refused(tmp_path: Path, call: dict[str, object], says: str) -> None:
    scenario(**call).save(tmp_path / "one.yaml")
    result = run("replay", str(tmp_path / "one.yaml"))
    assert result.exit_code == 2, result.output
    assert says in result.output


def test_replay_of_a_failure_ends_with_1_and_tells_the_story(tmp_path: Path) -> None:
    broken = scenario().model_copy(update={"subject": "chaos.broken:RepeatingSubject"})
    broken.save(tmp_path / "one.yaml")
    result = run("replay", str(tmp_path / "one.yaml"))
    assert result.exit_code == 1, result.output
    assert "I2 no duplicate" in result.output
    assert "EFFECT insert Credit" in result.output
    assert f"seawall chaos replay {tmp_path / 'one.yaml'}" in result.output.replace("\n", "")


@pytest.mark.slow
def test_run_that_finds_something_shrinks_it_and_keeps_it_and_ends_with_1(tmp_path: Path) -> None:
    result = run("run", "chaos.broken:RepeatingSubject", "--runs", "40", "--processes", "1", "--keep", str(tmp_path))
    assert result.exit_code == 1, result.output
    assert "minimal: 1 op, 1 fault" in result.output
    (kept, *_) = sorted(tmp_path.glob("*.yaml"))
    assert run("replay", str(kept)).exit_code == 1


def test_schema_is_json() -> None:
    assert json.loads(run("schema").stdout)["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nonsense"], "there is no subject 'nonsense'"),
        (["run", "soap", "--budget", "0"], "and more than none, not '0'"),
        (["run", "soap", "--report", "."], "is a folder"),
        (["run", "soap", "--report", "/dev/null/chaos.html"], "its findings could not be written"),
        (["run", "soap", "--keep", "/dev/null/kept"], "its findings could not be written"),
        (["run", "soap", "--budget", "soon"], "--budget takes seconds or minutes"),
        (["run", "soap", "--plan", "nowhere.yaml"], "cannot read the plan nowhere.yaml"),
        (["replay", "nowhere.yaml", "--history", "/dev/null/it"], "its findings could not be written"),
        (["report", "nowhere.jsonl", "--out", "."], "is a folder"),
        (["report", "nowhere.jsonl"], "nowhere.jsonl"),
        (["replay", "nowhere.yaml"], "cannot read the scenario nowhere.yaml"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence_and_ends_with_2(arguments: list[str], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("match: {system: billling}", "there is no system 'billling'; did you mean 'billing'?"),
        ("match: {system: salesforce}", "there is no system 'salesforce'; there are: billing"),
        ("match: {system: soap}", "reset goes by the name of the simulator: set match.system to billing"),
        (
            "point: after_send, kind: crash, match: {system: billing}",
            "crash goes by the name of the subject: set match.system to soap",
        ),
        (
            "point: after_send, kind: crash, match: {operation: book_credi}",
            "no action 'book_credi'; did you mean 'book_c",
        ),
        ("match: {operation: []}", "operation names nothing"),
        ("match: &a {system: *a}", "is not YAML"),
        ("kind: hang, params: {seconds: .inf}", "seconds must be a number"),
        ("id: f", "'id' is given twice"),
    ],
)
@pytest.mark.parametrize("command", ["run", "replay"])
def test_plan_with_a_fault_that_can_never_fire_is_refused(tmp_path: Path, command: str, fault: str, says: str) -> None:
    rest = "" if "kind" in fault else ", point: apply, kind: reset"
    rest = ", point: apply" if "hang" in fault else rest
    plan = f"faults: [{{id: f, {fault}{rest}}}]"
    path = tmp_path / "it.yaml"
    path.write_text(plan if command == "run" else f"subject: soap\ncalls: []\nplan: {{{plan}}}\n", encoding="utf-8")
    given = ["run", "soap", "--runs", "1", "--processes", "1", "--plan"] if command == "run" else ["replay"]
    result = run(*given, str(path))
    assert result.exit_code == 2, result.output
    assert says in result.output


@pytest.mark.parametrize(
    "fault",
    [
        {"point": "after_commit", "kind": "reset", "match": {"system": "billing"}},
        {"point": "after_send", "kind": "crash", "match": {"system": "soap"}},
    ],
    ids=["at the system", "of the client side"],
)
def test_fault_that_names_the_system_as_its_side_does_strikes(tmp_path: Path, fault: dict[str, object]) -> None:
    plan = Plan.model_validate({"faults": [{"id": "it", "trigger": {"nth": 1}, **fault}]})
    scenario().model_copy(update={"plan": plan}).save(tmp_path / "one.yaml")
    result = run("replay", str(tmp_path / "one.yaml"))
    assert result.exit_code == 0, result.output
    assert "never struck" not in result.output


@pytest.mark.slow
def test_run_that_its_budget_cuts_short_says_so() -> None:
    result = run("run", "soap", "--runs", "4000", "--processes", "1", "--budget", "2s")
    assert result.exit_code == 0, result.output
    assert "the budget of 2s is used up:" in result.output
    assert "of 4,000 episodes were played" in result.output


def test_run_in_which_no_episode_was_played_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seawall.simulators.chaos.commands.run_all", lambda *_, **__: {})
    result = run("run", "soap", "--budget", "1ms")
    assert result.exit_code == 2
    assert "nothing was tried" in result.output


class RefusingSubject(BillingSubject):
    """An adapter that refuses each credit before it sends anything."""

    def adapter(self, target: Any, around: Surroundings) -> Adapter:
        """The connector, without its heart."""
        adapter = super().adapter(target, around)
        real = adapter.send

        async def send(action: Action, attempt: Attempt) -> Sent[Any]:
            if action.name == "book_credit":
                raise BusinessRule("no credit today")
            return await real(action, attempt)

        adapter.send = send  # type: ignore[method-assign]
        return adapter


@pytest.mark.slow
def test_run_in_which_a_write_never_happened_is_no_success() -> None:
    name = f"{__name__}:RefusingSubject"
    result = run("run", name, "--runs", "40", "--processes", "1")
    assert result.exit_code == 2, result.output
    said = " ".join(result.output.split())
    assert "nothing is proven of " in said, said[-600:]
    assert "soap.book_credit (" in said, said[-600:]
    assert "soap.notify_customer" not in said
