"""What people do at the command line: see incidents, resolve and retry."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from support.shell import CANARY, CONFIG, NOTE, Shell, start
from support.toy import variant

from seawall.envelope import ExitCode

SAID = ("--by", "ann", "--reason", "she looked")


def parked(shell: Shell, request: str = NOTE) -> str:
    shell.uses(variant("nothing"))
    shell.target.script = ["lost after"]
    code, told = shell.call(request)
    assert code == ExitCode.PARKED
    return str(told["operation_id"])


def several_unknown(shell: Shell, count: int) -> None:
    shell.target.script = ["lost before"] * count
    for number in range(count):
        shell.call(json.dumps({"reference": f"A-{number}"}), "--as", f"agent:{number % 2}")


# incidents


def test_incidents_list_shows_one_outage_as_one_line(shell: Shell) -> None:
    several_unknown(shell, 3)
    result = shell.run("incidents", "list")
    assert result.exit_code == 0
    header, line = result.stdout.splitlines()
    assert header.split()[:3] == ["incident", "system", "operations"]
    for part in ("inc_", "toy", "3 unknown", "no answer came", "agent:0, agent:1", "Recovery looks again in"):
        assert part in line


def test_incidents_json_tells_all_of_each_and_can_be_filtered_by_system(shell: Shell) -> None:
    several_unknown(shell, 3)
    _, told = shell.json("incidents", "list")
    (incident,) = told["incidents"]
    assert (incident["total"], incident["counts"], incident["actions"]) == (3, {"unknown": 3}, {"add_note": 3})
    assert len(incident["operations"]) == 3
    assert shell.json("incidents", "list", "--system", "other")[1] == {"incidents": []}
    code, shown = shell.json("incidents", "show", incident["id"])
    assert (code, shown["id"]) == (0, incident["id"])


def test_incidents_show_tells_what_happens_next_and_what_a_person_can_do(shell: Shell) -> None:
    operation_id = parked(shell)
    _, told = shell.json("incidents", "list")
    text = shell.run("incidents", "show", told["incidents"][0]["id"]).stdout
    for part in (
        "the target offers no way to find out",
        "1 parked; first seen",
        "Asked by: agent:test.",
        "Nothing happens by itself: each waits for a person.",
        "seawall ops resolve",
        f"{operation_id} add_note parked",
    ):
        assert part in text


def test_incidents_without_any_says_so(shell: Shell) -> None:
    shell.call()
    result = shell.run("incidents", "list")
    assert (result.exit_code, result.stdout) == (0, "No incidents: nothing is open.\n")


def test_incidents_show_of_one_that_is_over_exits_2(shell: Shell) -> None:
    shell.call()
    result = shell.run("incidents", "show", "inc_none")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr == "seawall: there is no open incident 'inc_none'; it may be over\n"


def test_explain_of_an_open_operation_names_its_incident_and_how_many_share_the_cause(shell: Shell) -> None:
    several_unknown(shell, 3)
    operation_id = shell.json("ops", "list")[1]["operations"][0]["id"]
    text = shell.run("ops", "explain", operation_id).stdout
    assert "It is part of incident inc_" in text
    assert "2 other operations share the cause." in text


def test_recover_names_incidents_instead_of_each_of_many_operations(shell: Shell) -> None:
    several_unknown(shell, 25)
    result = shell.run("recover", "--timeout", "0.1")
    lines = result.stdout.splitlines()
    assert result.exit_code == ExitCode.UNKNOWN
    assert sum("toy.add_note: unknown" in line for line in lines) == 20
    assert "and 5 more" in lines
    assert any(line.startswith("inc_") and "25 unknown" in line for line in lines)
    assert lines[-1] == "25 still open."


def test_recover_says_which_system_this_configuration_lacks(shell: Shell) -> None:
    several_unknown(shell, 1)
    shell.config.write_text(CONFIG.replace("systems.toy", "systems.other"), encoding="utf-8")
    result = shell.run("recover", "--timeout", "60")
    assert "(this configuration has no system 'toy')" in result.stdout


def test_watching_process_tells_when_an_incident_opens_and_when_it_is_over(shell: Shell) -> None:
    shell.config.write_text(CONFIG.replace("deadline = 2.0", "deadline = 2.0\nhorizon = 2.5"), encoding="utf-8")
    several_unknown(shell, 2)
    process = start(shell, "recover", "--watch")
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if "ended" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert lines[0].startswith("incident inc_")
    assert "opened: toy: no answer came" in lines[0]
    assert "2 unknown, asked by agent:0, agent:1." in lines[0]
    assert sum("toy.add_note: applied, record n" in line for line in lines) == 2
    assert lines[-1].startswith(lines[0].split(" opened")[0])


# resolve


def test_resolve_applied_settles_it_and_the_same_request_is_answered_with_that(shell: Shell) -> None:
    operation_id = parked(shell)
    code, told = shell.json("ops", "resolve", operation_id, "--applied", "n1", *SAID, "--evidence", "a screenshot")
    assert (code, told["status"], told["outcome"]["receipt"]["proof"]) == (0, "applied", "person")
    code, called = shell.call()
    assert (code, called["replayed"], called["receipt"]["record"]) == (0, True, "n1")
    text = shell.run("ops", "explain", operation_id).stdout
    assert "Decision by ann: it happened, as a person found out, because: she looked" in text
    assert 'evidence = "a screenshot"' in text
    assert "proven by a person" in text


def test_resolve_not_applied_lets_the_same_request_be_made_again(shell: Shell) -> None:
    operation_id = parked(shell)
    result = shell.run("ops", "resolve", operation_id, "--not-applied", *SAID)
    assert result.exit_code == ExitCode.USAGE
    assert "--despite-horizon" in result.stderr
    code, told = shell.json("ops", "resolve", operation_id, "--not-applied", "--despite-horizon", *SAID)
    assert (code, told["status"], told["error"]["code"]) == (0, "rejected", "resolved_by_person")
    assert "The same request may be made again" in shell.run("ops", "explain", operation_id).stdout
    code, called = shell.call()
    assert (code, called["status"], shell.target.sends) == (0, "applied", 2)


def test_resolve_reads_evidence_from_a_file(shell: Shell) -> None:
    operation_id = parked(shell)
    (shell.folder / "seen.txt").write_text("line one\nline two", encoding="utf-8")
    shell.json("ops", "resolve", operation_id, "--applied", "n1", *SAID, "--evidence", "@seen.txt")
    _, shown = shell.json("ops", "show", operation_id)
    assert shown["decisions"][-1]["detail"]["evidence"] == "line one\nline two"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "say one of --applied RECORD and --not-applied"),
        (("--applied", "n1", "--not-applied"), "say one of --applied RECORD and --not-applied"),
        (("--applied", " "), "say which record it is"),
        (("--applied", "n1", "--evidence", "@nothing.txt"), "the evidence file nothing.txt cannot be read"),
    ],
)
def test_resolve_with_a_mistake_exits_2_with_one_message_and_changes_nothing(
    shell: Shell, options: tuple[str, ...], expected: str
) -> None:
    operation_id = parked(shell)
    result = shell.run("ops", "resolve", operation_id, *options, *SAID)
    assert result.exit_code == ExitCode.USAGE
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert shell.json("ops", "show", operation_id)[1]["operation"]["status"] == "parked"


@pytest.mark.parametrize("missing", ["--by", "--reason"])
def test_resolve_without_a_name_or_a_reason_is_a_usage_error(shell: Shell, missing: str) -> None:
    operation_id = parked(shell)
    said: list[Any] = [part for part in zip(SAID[::2], SAID[1::2], strict=True) if part[0] != missing]
    result = shell.run("ops", "resolve", operation_id, "--applied", "n1", *said[0])
    assert result.exit_code == ExitCode.USAGE
    assert shell.json("ops", "show", operation_id)[1]["operation"]["status"] == "parked"


@pytest.mark.parametrize("command", [("resolve", "op_1", "--applied", "n1"), ("retry", "op_1")])
def test_people_without_a_ledger_exit_2_and_make_none(shell: Shell, command: tuple[str, ...]) -> None:
    result = shell.run("ops", *command, *SAID)
    assert result.exit_code == ExitCode.USAGE
    assert "nothing was ever recorded" in result.stderr
    assert not shell.ledger.exists()


def test_secret_in_a_reason_appears_nowhere(shell: Shell) -> None:
    operation_id = parked(shell)
    result = shell.run(
        "ops", "resolve", operation_id, "--applied", "n1", "--by", "ann", "--reason", f"it said {CANARY}"
    )
    assert result.exit_code == 0
    outputs = [result.output, *(shell.run("ops", how, operation_id).output for how in ("show", "explain"))]
    assert [output for output in outputs if CANARY in output] == []
    assert CANARY.encode() not in b"".join(path.read_bytes() for path in shell.folder.glob("ledger.db*"))


# retry


def test_retry_lets_recovery_settle_what_a_person_mended(shell: Shell) -> None:
    shell.target.script = ["lost after"]
    shell.target.probe_script = ["fails"] * 2
    _, called = shell.call()
    shell.target.apply(shell.target.effects[0].key, "hello")
    assert shell.run("recover", "--timeout", "5").exit_code == ExitCode.PARKED
    shell.target.effects.pop()
    code, told = shell.json("ops", "retry", called["operation_id"], *SAID)
    assert (code, told["status"]) == (0, "unknown")
    assert shell.run("recover", "--timeout", "5").exit_code == 0
    assert (
        "Decision by ann: recovery may look at it again" in shell.run("ops", "explain", called["operation_id"]).stdout
    )
    assert (shell.target.sends, len(shell.target.effects)) == (1, 1)
