"""The command line: what it prints, how it ends, and that nothing is sent where nothing may be."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from support.shell import CANARY, CONFIG, NOTE, Shell, start
from support.toy import Noted, variant

from seawall.core.action import Action
from seawall.core.adapter import Attempt, Sent
from seawall.core.errors import ConnectionLost, LedgerUnavailable
from seawall.envelope import ExitCode

# call


def test_call_applied_answers_one_json_object_and_exit_0(shell: Shell) -> None:
    code, told = shell.call()
    assert (code, told["status"], told["effect"]) == (0, "applied", "applied")
    assert told["value"] == {"id": "n1", "text": "hello"}
    assert told["operation_id"].startswith("op_")
    assert len(shell.target.effects) == 1


def test_call_applied_as_text_says_so_in_its_first_line(shell: Shell) -> None:
    result = shell.run("call", "toy.add_note", NOTE)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "Applied: toy.add_note as record n1."
    assert result.stderr == ""


def test_call_repeated_in_another_run_replays_and_sends_nothing(shell: Shell) -> None:
    shell.call()
    code, told = shell.call()
    assert (code, told["replayed"], len(shell.target.effects)) == (0, True, 1)
    assert told["summary"].startswith("Already done earlier; this is that result: ")


def test_call_same_identity_other_content_is_a_conflict(shell: Shell) -> None:
    shell.call()
    code, told = shell.call('{"reference": "A-1", "text": "reworded"}')
    assert (code, told["error"]["type"], shell.target.sends) == (ExitCode.REJECTED, "Conflict", 1)


def test_call_refused_by_the_target_exits_1(shell: Shell) -> None:
    shell.target.script = ["refused"]
    code, told = shell.call()
    assert (code, told["status"], told["effect"], told["error"]["code"]) == (1, "rejected", "none", "RULE")


def test_call_to_an_unreachable_server_exits_1_and_says_that_it_is_not_done(shell: Shell) -> None:
    shell.target.script = ["no connection"] * 9
    result = shell.run("call", "toy.add_note", NOTE)
    assert result.exit_code == 1
    assert result.stdout.startswith("Not done: toy.add_note, because refused")
    assert shell.target.effects == []


def test_call_with_a_lost_reply_and_no_trace_exits_3(shell: Shell) -> None:
    shell.target.script = ["lost before"]
    code, told = shell.call()
    assert (code, told["status"], told["effect"]) == (3, "unknown", "maybe")
    assert told["resolve_after"] > 500
    assert told["summary"].startswith("It is not known whether this was applied")


def test_call_with_a_lost_reply_that_is_found_exits_0(shell: Shell) -> None:
    shell.target.script = ["lost after"]
    code, told = shell.call()
    assert (code, told["receipt"]["proof"], len(shell.target.effects)) == (0, "probe", 1)


def test_call_that_nobody_can_find_out_about_exits_4(shell: Shell) -> None:
    shell.uses(variant("nothing"))
    shell.target.script = ["lost after"]
    code, told = shell.call()
    assert (code, told["status"]) == (4, "pending")
    assert "a person must decide" in told["summary"]


def test_call_beyond_its_deadline_exits_3(shell: Shell) -> None:
    shell.target.script = ["hang after"]
    code, told = shell.call(NOTE, "--deadline", "0.2")
    assert (code, told["effect"]) == (3, "maybe")


def test_call_batch_with_a_refused_item_exits_5_and_tells_each(shell: Shell) -> None:
    shell.adapter.item_script = {"A-2": ["rejected"]}
    request = json.dumps({"notes": [{"reference": "A-1"}, {"reference": "A-2"}]})
    code, told = shell.call(request, action="toy.add_notes")
    assert (code, told["status"]) == (5, "partial")
    assert [item["status"] for item in told["items"]] == ["applied", "rejected"]


def test_call_batch_as_text_lists_its_items(shell: Shell) -> None:
    request = json.dumps({"notes": [{"reference": "A-1"}, {"reference": "A-2"}]})
    result = shell.run("call", "toy.add_notes", request)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "Applied: toy.add_notes, all 2 items.",
        "  1. Applied: toy.add_notes, item 1 as record n1.",
    ]


def test_call_read_is_answered_without_an_operation(shell: Shell) -> None:
    code, told = shell.call('{"note_id": "n1"}', action="toy.get_note")
    assert (code, told["operation_id"]) == (0, None)


def test_call_reads_its_request_from_a_file_and_from_stdin(shell: Shell) -> None:
    (shell.folder / "note.json").write_text(NOTE, encoding="utf-8")
    assert shell.call("@note.json")[0] == 0
    code, told = shell.json("call", "toy.add_note", "-", stdin=NOTE)
    assert (code, told["replayed"]) == (0, True)


def test_call_as_somebody_is_decided_by_policy_and_recorded(shell: Shell) -> None:
    code, told = shell.call(NOTE, "--as", "intern")
    assert (code, told["error"]["type"], shell.target.sends) == (ExitCode.REJECTED, "Denied", 0)
    assert "interns only look" in told["summary"]
    shell.call(NOTE, "--as", "agent:7")
    _, listed = shell.json("ops", "list")
    assert [operation["principal"] for operation in listed["operations"]] == ["agent:7"]


# mistakes: one clear message, nothing sent


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nowhere.add_note", NOTE), "there is no system 'nowhere'; known: toy"),
        (("add_note", NOTE), "there is no system 'add_note'"),
        (("toy.fly", NOTE), "toy has no action 'fly'; it has: add_note, add_notes, delete_note, get_note, set_note"),
        (("toy.add_note", '{"reference": "A", "txt": "x"}'), "txt: Extra inputs are not permitted"),
        (("toy.add_note", "{}"), "reference: Field required"),
        (("toy.add_note", "{reference"), "the request is not valid JSON"),
        (("toy.add_note", "[1]"), "the request must be a JSON object"),
        (("toy.add_note", "[" * 100_000), "the request is not valid JSON"),
        (("toy.add_note", "@nothing.json"), "nothing.json cannot be read: No such file or directory"),
        (("toy.add_notes", json.dumps({"notes": [{"reference": str(n)} for n in range(101)]})), "takes 1 to 100 items"),
        (("toy.add_note", NOTE, "--config", "other.toml"), "there is no file other.toml"),
    ],
)
def test_call_with_a_mistake_exits_2_with_one_message_and_sends_nothing(
    shell: Shell, arguments: tuple[str, ...], expected: str
) -> None:
    result = shell.run("call", *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert shell.target.sends == 0
    code, told = shell.json("call", *arguments)
    assert (code, told["status"], told["effect"]) == (ExitCode.USAGE, "rejected", "none")
    assert expected in told["error"]["message"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('connector = "toy"', 'connector = "fax"', "systems.toy.connector: there is no connector 'fax'"),
        ("greeting =", "greting =", "systems.toy.settings.greting: Extra inputs are not permitted"),
        ("TOY_PASSWORD", "NOT_SET", "the environment variable NOT_SET is not set"),
        ("[ledger]", "[ledger", "is not valid TOML"),
        ("deadline = 2.0", "deadline = 'soon'", "systems.toy.deadline: Input should be a valid number"),
    ],
)
@pytest.mark.parametrize("command", [("call", "toy.add_note", NOTE), ("recover",), ("check-config",)])
def test_command_with_a_bad_configuration_exits_2_with_one_message(
    shell: Shell, command: tuple[str, ...], old: str, new: str, expected: str
) -> None:
    shell.config.write_text(CONFIG.replace(old, new, 1), encoding="utf-8")
    result = shell.run(*command)
    assert result.exit_code == ExitCode.USAGE
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert (result.stdout, shell.target.sends) == ("", 0)


@pytest.mark.parametrize("deadline", ["0", "-1", "soon"])
def test_call_with_an_impossible_deadline_is_a_usage_error(shell: Shell, deadline: str) -> None:
    assert shell.run("call", "toy.add_note", NOTE, "--deadline", deadline).exit_code == ExitCode.USAGE
    assert shell.target.sends == 0


# the ledger in trouble


def corrupt(shell: Shell) -> None:
    shell.ledger.write_bytes(b"this is no database, and never was one" * 200)


def missing_folder(shell: Shell) -> None:
    shell.config.write_text(CONFIG.replace('"ledger.db"', '"gone/ledger.db"'), encoding="utf-8")


@pytest.mark.parametrize("trouble", [corrupt, missing_folder])
@pytest.mark.parametrize("command", [("call", "toy.add_note", NOTE), ("recover",)])
def test_command_with_an_unusable_ledger_exits_6_and_sends_nothing(
    shell: Shell, trouble: Callable[[Shell], None], command: tuple[str, ...]
) -> None:
    trouble(shell)
    result = shell.run(*command)
    assert result.exit_code == ExitCode.LEDGER
    assert len(result.stderr.splitlines()) == 1
    assert "ledger" in result.stderr
    assert (result.stdout, shell.target.sends) == ("", 0)


def test_call_with_a_ledger_locked_by_another_program_exits_6_and_sends_nothing(shell: Shell) -> None:
    shell.call('{"reference": "first"}')
    other = sqlite3.connect(shell.ledger, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        result = shell.run("call", "toy.add_note", NOTE)
    finally:
        other.close()
    assert result.exit_code == ExitCode.LEDGER
    assert shell.target.sends == 1


def test_ops_with_a_corrupt_ledger_exits_6(shell: Shell) -> None:
    corrupt(shell)
    result = shell.run("ops", "list")
    assert result.exit_code == ExitCode.LEDGER
    assert len(result.stderr.splitlines()) == 1


def test_error_of_another_command_is_one_json_object_too(shell: Shell) -> None:
    corrupt(shell)
    code, told = shell.json("ops", "list")
    assert (code, told["error"]["type"]) == (ExitCode.LEDGER, LedgerUnavailable.__name__)


# ops


def test_ops_list_shows_operations_newest_first_with_what_is_known(shell: Shell) -> None:
    shell.call()
    shell.target.script = ["refused"]
    shell.call('{"reference": "A-2"}')
    result = shell.run("ops", "list")
    header, newest, oldest = result.stdout.splitlines()
    assert header.split()[:3] == ["operation", "action", "status"]
    assert "rejected" in newest
    assert "the target does not want it" in newest
    assert "record n1" in oldest
    assert "agent:test" in oldest


def test_ops_list_json_filters_by_status_system_and_limit(shell: Shell) -> None:
    shell.call()
    shell.target.script = ["refused", "lost before"]
    shell.call('{"reference": "A-2"}')
    shell.call('{"reference": "A-3"}')

    def statuses(*options: str) -> list[str]:
        return [operation["status"] for operation in shell.json("ops", "list", *options)[1]["operations"]]

    assert statuses() == ["unknown", "rejected", "applied"]
    assert statuses("--limit", "1") == ["unknown"]
    assert statuses("--status", "applied") == ["applied"]
    assert statuses("--status", "applied", "--status", "unknown") == ["unknown", "applied"]
    assert statuses("--system", "other") == []


def test_ops_list_without_operations_says_so(shell: Shell) -> None:
    shell.run("recover")
    result = shell.run("ops", "list")
    assert (result.exit_code, result.stdout) == (0, "No operations.\n")


def test_ops_without_a_ledger_exits_2_and_makes_none(shell: Shell) -> None:
    result = shell.run("ops", "list")
    assert result.exit_code == ExitCode.USAGE
    assert "nothing was ever recorded" in result.stderr
    assert not shell.ledger.exists()


def test_ops_show_has_the_record_with_attempts_probes_and_decisions(shell: Shell) -> None:
    shell.target.script = ["lost after"]
    _, called = shell.call()
    code, told = shell.json("ops", "show", called["operation_id"])
    assert code == 0
    assert told["operation"]["request"]["text"] == "hello"
    assert [attempt["effect"] for attempt in told["attempts"]] == ["maybe"]
    assert told["attempts"][0]["error"]["type"] == "ReplyTimeout"
    assert [probe["finding"] for probe in told["probes"]] == ["present"]
    assert [decision["decision"] for decision in told["decisions"]] == ["ProvenApplied"]
    text = shell.run("ops", "show", called["operation_id"]).stdout
    assert "status: applied" in text
    assert "finding=present" in text


def test_ops_explain_tells_the_whole_story(shell: Shell) -> None:
    shell.target.script = ["lost after"]
    _, called = shell.call()
    result = shell.run("ops", "explain", called["operation_id"])
    assert result.exit_code == 0
    for part in (
        "toy.add_note is applied.",
        "agent:test asked toy for add_note",
        "The rule 'all' of policy version",
        "ReplyTimeout: no answer [timeout]; it may have happened",
        "Looked in the target: it is there",
        "proven by a probe",
    ):
        assert part in result.stdout
    code, told = shell.json("ops", "explain", called["operation_id"])
    assert (code, told["status"]) == (0, "applied")


@pytest.mark.parametrize("command", ["show", "explain"])
def test_ops_of_an_unknown_operation_exits_2(shell: Shell, command: str) -> None:
    shell.call()
    result = shell.run("ops", command, "op_none")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr == "seawall: the ledger knows no operation 'op_none'\n"


def test_control_codes_of_a_target_do_not_reach_the_terminal(shell: Shell) -> None:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        raise ConnectionLost("gone\x1b[2J\x07", code="reset")

    shell.adapter.send = send  # type: ignore[method-assign]  # a wire of this test's own
    shell.target.probe_script = ["fails"] * 9
    result = shell.run("call", "toy.add_note", NOTE)
    operation_id = shell.json("ops", "list")[1]["operations"][0]["id"]
    outputs = [result.output, *(shell.run("ops", *it).output for it in (("list",), ("explain", operation_id)))]
    assert all("gone" in output for output in outputs)
    assert not any("\x1b" in output or "\x07" in output for output in outputs)


# secrets


@pytest.mark.parametrize("verbose", [(), ("--verbose",)])
def test_secret_of_the_configuration_appears_nowhere(shell: Shell, verbose: tuple[str, ...]) -> None:
    async def send(action: Action, attempt: Attempt) -> Sent[Any]:
        if attempt.number > 1 or attempt.maybe_applied:
            return Sent(Noted(id=f"n1 {CANARY}", text="hello"), "n1")
        raise ConnectionLost(f"the session {CANARY} was cut", code="reset", evidence={"header": f"Bearer {CANARY}"})

    shell.adapter.send = send  # type: ignore[method-assign]  # a wire of this test's own
    shell.target.probe_script = ["fails"] * 9
    outputs = [shell.run(*verbose, "call", "toy.add_note", NOTE).output]
    operation_id = shell.json("ops", "list")[1]["operations"][0]["id"]
    written = b"".join(path.read_bytes() for path in shell.folder.glob("ledger.db*"))
    commands = (
        ("ops", "list"),
        ("ops", "show", operation_id),
        ("ops", "explain", operation_id),
        ("recover", "--timeout", "0.1"),
        ("check-config", "--connect"),
    )
    for command in commands:
        outputs += [shell.run(*verbose, *command).output, shell.run(*verbose, *command, "--json").output]
    assert "was cut" in outputs[0]
    assert [output for output in outputs if CANARY in output] == []
    assert CANARY.encode() not in written


# recover


def test_recover_finds_what_landed_and_exits_0(shell: Shell) -> None:
    shell.target.script = ["lost after"]
    shell.target.probe_script = ["fails"] * 2
    code, called = shell.call()
    assert code == 3
    result = shell.run("recover", "--timeout", "5")
    assert result.exit_code == 0
    assert f"{called['operation_id']} toy.add_note: applied, record n1" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 applied, 0 still open."
    assert shell.call()[1]["replayed"] is True


def test_recover_json_tells_what_became_of_each(shell: Shell) -> None:
    shell.target.script = ["lost after"]
    shell.target.probe_script = ["fails"] * 2
    shell.call()
    code, told = shell.json("recover", "--timeout", "5")
    assert (code, told["counts"]) == (0, {"applied": 1, "still open": 0})
    assert [operation["status"] for operation in told["ended"]] == ["applied"]


def test_recover_with_something_that_must_wait_exits_3(shell: Shell) -> None:
    shell.target.script = ["lost before"]
    shell.call()
    result = shell.run("recover", "--timeout", "0.1")
    assert result.exit_code == ExitCode.UNKNOWN
    assert "toy.add_note: unknown" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 still open."


def test_recover_that_leaves_something_to_a_person_exits_4(shell: Shell) -> None:
    shell.target.script = ["lost after"]
    shell.target.probe_script = ["fails"] * 2
    shell.call()
    shell.target.apply(shell.target.effects[0].key, "hello")
    result = shell.run("recover", "--timeout", "5")
    assert result.exit_code == ExitCode.PARKED
    assert "parked, because duplicate: 2 records" in result.stdout


def test_recover_does_not_wait_for_a_system_that_is_not_configured(shell: Shell) -> None:
    shell.target.script = ["lost before"]
    shell.call()
    shell.config.write_text(CONFIG.replace("systems.toy", "systems.other"), encoding="utf-8")
    result = shell.run("recover", "--timeout", "60")
    assert result.exit_code == ExitCode.UNKNOWN
    assert "1 still open." in result.stdout


def test_recover_with_nothing_to_do_exits_0(shell: Shell) -> None:
    shell.call()
    assert shell.run("recover").exit_code == 0


# check-config


def test_check_config_lists_actions_with_the_facts_that_matter(shell: Shell) -> None:
    result = shell.run("check-config")
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if line.startswith("add_note "))
    for fact in ("create", "Marker(marker)", "fresh", "600 s", "sent again once proven absent", "allow (all)"):
        assert fact in row
    assert "The configuration is valid." in result.stdout
    assert not shell.ledger.exists()


def test_check_config_json_tells_batches_reads_and_what_is_parked(shell: Shell) -> None:
    shell.uses(variant("nothing"))
    code, told = shell.json("check-config")
    actions = {action["name"]: action for action in told["systems"]["toy"]["actions"]}
    assert code == 0
    assert actions["add_note"]["after_ambiguous"] == "parked for a person"
    assert actions["add_notes"]["batch"] == {"of": "add_note", "max_size": 100}
    assert actions["get_note"]["dedupe"] is None
    assert told["problems"] == []


def test_check_config_connect_tells_what_the_connector_finds_wrong(shell: Shell) -> None:
    async def check() -> list[str]:
        return ["the field Key__c is not unique"]

    shell.adapter.check = check  # type: ignore[attr-defined]  # what connectors may offer
    assert shell.run("check-config").exit_code == 0
    result = shell.run("check-config", "--connect")
    assert result.exit_code == ExitCode.USAGE
    assert "problem: toy: the field Key__c is not unique" in result.stdout


def test_check_config_connect_to_an_unreachable_server_is_a_problem_not_a_crash(shell: Shell) -> None:
    async def check() -> list[str]:
        raise ConnectionLost("nobody answers")

    shell.adapter.check = check  # type: ignore[attr-defined]  # what connectors may offer
    code, told = shell.json("check-config", "--connect")
    assert (code, told["problems"]) == (ExitCode.USAGE, ["toy: nobody answers"])


@pytest.mark.parametrize(("trouble", "expected"), [(corrupt, "ledger: "), (missing_folder, "does not exist")])
def test_check_config_sees_a_ledger_that_cannot_be_used(
    shell: Shell, trouble: Callable[[Shell], None], expected: str
) -> None:
    trouble(shell)
    code, told = shell.json("check-config")
    assert code == ExitCode.USAGE
    assert expected in told["problems"][0]


# commands of other packages


class Entry:
    """An entry point that says whether it was loaded."""

    def __init__(self, name: str, target: object) -> None:
        self.name = name
        self.target = target
        self.loaded = False

    def load(self) -> object:
        self.loaded = True
        if isinstance(self.target, Exception):
            raise self.target
        return self.target


def add_entries(monkeypatch: pytest.MonkeyPatch, *entries: Entry) -> None:
    monkeypatch.setattr("seawall.terminal.entry_points", lambda group: entries)


def test_command_of_an_entry_point_runs_as_function_and_as_typer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def wave(times: int = 1) -> None:
        """Wave."""
        typer.echo("~" * times)

    nested = typer.Typer()
    nested.command("one")(wave)
    nested.command("two")(wave)
    add_entries(monkeypatch, Entry("wave", wave), Entry("waves", nested))
    assert shell.run("wave", "--times", "3").stdout == "~~~\n"
    assert shell.run("waves", "two").stdout == "~\n"
    listed = shell.run("--help").stdout
    assert "wave" in listed
    assert "Wave." in listed


def test_entry_point_is_not_loaded_by_other_commands(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry("demo", AssertionError("must not be loaded"))
    add_entries(monkeypatch, entry)
    assert shell.call()[0] == 0
    assert not entry.loaded


def test_command_whose_packages_are_missing_says_what_to_install(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def late() -> None:
        raise ModuleNotFoundError("No module named 'yaml'", name="yaml")

    early = ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
    add_entries(monkeypatch, Entry("demo", early), Entry("late", late))
    for arguments, package in ((("demo", "--seed", "7"), "uvicorn"), (("late",), "yaml")):
        result = shell.run(*arguments)
        assert result.exit_code == ExitCode.USAGE
        assert package in result.stderr
        assert "pip install 'seawall[simulators]'" in result.stderr
    assert "pip install 'seawall[simulators]'" in shell.run("--help").stdout


# the whole


def test_version_and_exit_codes_are_told(shell: Shell) -> None:
    assert shell.run("--version").stdout == f"seawall {version('seawall')}\n"
    text = shell.run("call", "--help").stdout
    assert {code for code in ExitCode if not re.search(rf"\b{code.value}\s", text)} == set()


def test_a_mistake_in_seawall_itself_does_not_look_like_a_rejection(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"oops {CANARY}")

    monkeypatch.setattr("seawall.wall.Seawall.call", broken)
    result = shell.run("call", "toy.add_note", NOTE)
    assert result.exit_code == ExitCode.BUG
    assert "RuntimeError: oops" in result.stderr
    assert CANARY not in result.output


# real processes


@pytest.mark.parametrize(
    ("script", "code"), [((), ExitCode.OK), (("refused",), ExitCode.REJECTED), (("lost before",), ExitCode.UNKNOWN)]
)
def test_process_ends_with_the_exit_code_of_the_outcome(shell: Shell, script: tuple[str, ...], code: ExitCode) -> None:
    process = start(shell, "call", "toy.add_note", NOTE, "--json", script=script)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert json.loads(out)["summary"]
    assert "Traceback" not in err


@pytest.mark.case(14)
def test_process_on_a_full_disk_exits_6_and_sends_nothing(shell: Shell) -> None:
    process = start(shell, "call", "toy.add_note", NOTE, limit="ulimit -f 0")
    out, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.LEDGER, err
    assert "sending" not in err
    assert len(err.splitlines()) == 1
    assert out == ""


@pytest.mark.case(9)
def test_interrupted_process_exits_130_reports_nothing_and_keeps_the_operation(shell: Shell) -> None:
    process = start(shell, "call", "toy.add_note", NOTE, "--json", script=("hang after",))
    assert process.stderr.readline() == "sending\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (ExitCode.INTERRUPTED, "")
    assert err.startswith("seawall: interrupted.")
    assert "Traceback" not in err
    _, listed = shell.json("ops", "list")
    assert [operation["status"] for operation in listed["operations"]] == ["unknown"]


def test_watching_process_runs_until_interrupted(shell: Shell) -> None:
    shell.target.script = ["lost before"]
    shell.call()
    process = start(shell, "recover", "--watch", "--json")
    line = process.stdout.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.send_signal(signal.SIGINT)
    more, err = process.communicate(timeout=60)
    assert (process.returncode, more) == (ExitCode.INTERRUPTED, ""), err
    told = json.loads(line)
    assert (told["incident"], told["kind"], told["counts"]) == ("opened", "no_answer", {"unknown": 1})


def test_process_whose_reader_went_away_ends_quietly(shell: Shell) -> None:
    shell.call()
    reader, writer = os.pipe()
    os.close(reader)
    process = start(shell, "ops", "list", stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (ExitCode.BROKEN_PIPE, "")


def test_process_that_cannot_write_its_answer_says_so(shell: Shell) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = start(shell, "call", "toy.add_note", NOTE, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.BROKEN_PIPE
    assert "the output cannot be written" in err
    _, listed = shell.json("ops", "list")
    assert [operation["status"] for operation in listed["operations"]] == ["applied"]


def test_call_imports_no_simulator(shell: Shell) -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print([m for m in sys.modules if m.startswith('seawall.simulators')]))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code + "from seawall.cli import main\nmain()", "call", "toy.x", "{}"],
        cwd=shell.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout == "[]\n"


def test_command_line_loads_nothing_heavy_before_a_command_needs_it() -> None:
    heavy = ["tenacity", "pybreaker", "sqlalchemy", "httpx", "rich.table", "seawall.core.system", "seawall.wall"]
    code = f"import seawall.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
