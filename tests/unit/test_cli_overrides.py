"""What people stop at the command line, and that it is stopped."""

from __future__ import annotations

import json

import pytest
from support.shell import CANARY, NOTE, Shell

from seawall.envelope import ExitCode

WHO = ("--by", "ann", "--reason", "it doubles invoices")


@pytest.fixture
def known(shell: Shell) -> Shell:
    """A folder whose ledger is there."""
    shell.call('{"reference": "A-0"}')
    shell.target.effects.clear()
    shell.target.sends = 0
    return shell


def test_pause_keeps_writes_from_being_sent_until_resume(known: Shell) -> None:
    result = known.run("overrides", "pause", "toy", *WHO)
    assert (result.exit_code, result.stdout) == (
        0,
        "toy: writes are paused, by ann (it doubles invoices). In every process within a second.\n",
    )
    code, told = known.call()
    assert (code, told["error"]["type"]) == (ExitCode.REJECTED, "Paused")
    assert "by ann since" in told["summary"]
    assert "Do not make this change by another route." in told["summary"]
    assert known.target.sends == 0
    assert known.run("call", "toy.get_note", '{"note_id": "n1"}').exit_code == 0
    result = known.run("overrides", "resume", "toy", "--by", "bob", "--reason", "mended")
    assert result.stdout == "toy: writes are paused no more; ended by bob (mended).\n"
    assert known.call()[0] == ExitCode.OK


@pytest.mark.parametrize(
    ("begin", "end"),
    [(("pause", "toy", "--all"), ("resume", "toy")), (("trip", "toy"), ("reset", "toy")), (("stop",), ("start",))],
)
def test_what_stops_everything_holds_reads_back_until_its_own_end(
    known: Shell, begin: tuple[str, ...], end: tuple[str, ...]
) -> None:
    assert known.run("overrides", *begin, *WHO).exit_code == 0
    read = ("call", "toy.get_note", '{"note_id": "n1"}')
    assert known.run(*read).exit_code == ExitCode.REJECTED
    assert known.call()[0] == ExitCode.REJECTED
    assert known.target.sends == 0
    assert known.run("overrides", *end, *WHO).exit_code == 0
    assert known.run(*read).exit_code == 0
    assert known.target.sends == 1


def test_list_shows_what_is_in_force_and_what_was(known: Shell) -> None:
    assert known.run("overrides", "list").stdout == "Nothing is in force: all systems may be called.\n"
    known.run("overrides", "pause", "toy", "--for", "2h", *WHO)
    known.run("overrides", "stop", "--by", "bob", "--reason", "all of it")
    known.run("overrides", "reset", "toy", "--by", "bob", "--reason", "well again")
    known.run("overrides", "start", "--by", "eve", "--reason", "checked")
    text = known.run("overrides", "list").stdout
    now, _, before = text.partition("Before:")
    for part in ("In force:", "toy", "pause_writes", "ann", "it doubles invoices", "in "):
        assert part in now
    for part in ("stop", "all of it", "by eve: checked", "reset", "well again"):
        assert part in before
        assert part not in now
    code, told = known.json("overrides", "list")
    assert code == 0
    assert [one["kind"] for one in told["in_force"]] == ["pause_writes"]
    assert told["in_force"][0]["until"] == pytest.approx(told["in_force"][0]["at"] + 7200)
    assert [one["kind"] for one in told["history"]] == ["reset", "stop"]
    assert [one["in_force"] for one in told["history"]] == [False, False]


def test_act_in_json_is_one_object(known: Shell) -> None:
    code, told = known.json("overrides", "trip", "toy", *WHO)
    (one,) = told["overrides"]
    assert (code, one["scope"], one["kind"], one["by"], one["in_force"]) == (0, "toy", "trip", "ann", True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pause", "nope", *WHO), "there is no system 'nope'; known: toy"),
        (("pause", "toy", "--for", "soon", *WHO), "say it as 90s, 15m, 2h or 1d"),
        (("pause", "toy", "--for", "9999d", *WHO), "no more than a year"),
        (("pause", "toy", "--by", "ann", "--reason", " "), "say who does it"),
        (("resume", "toy", *WHO), "toy is not paused"),
        (("start", *WHO), "nothing is stopped"),
    ],
)
def test_act_that_cannot_be_right_is_one_clear_error_and_changes_nothing(
    known: Shell, arguments: tuple[str, ...], message: str
) -> None:
    result = known.run("overrides", *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert message in result.stderr
    assert known.json("overrides", "list")[1] == {"in_force": [], "history": []}


def test_pausing_twice_says_it_is_paused_already_and_by_whom(known: Shell) -> None:
    known.run("overrides", "pause", "toy", *WHO)
    result = known.run("overrides", "pause", "toy", "--by", "bob", "--reason", "me too")
    assert result.exit_code == ExitCode.USAGE
    assert "writes to toy are paused already: by ann since" in result.stderr
    assert known.run("overrides", "pause", "toy", "--all", "--by", "bob", "--reason", "reads, too").exit_code == 0


@pytest.mark.parametrize("missing", ["--by", "--reason"])
def test_name_and_reason_are_demanded(known: Shell, missing: str) -> None:
    given = {"--by": "ann", "--reason": "why"}
    del given[missing]
    result = known.run("overrides", "stop", *(word for pair in given.items() for word in pair))
    assert result.exit_code == ExitCode.USAGE
    assert missing in result.stderr
    assert known.call()[0] == ExitCode.OK


def test_without_a_ledger_nothing_is_made_and_one_error_says_so(shell: Shell) -> None:
    result = shell.run("overrides", "stop", *WHO)
    assert result.exit_code == ExitCode.USAGE
    assert "ledger.db yet: nothing was ever recorded" in result.stderr
    assert not shell.ledger.exists()


def test_stop_needs_no_connector_that_can_be_made(known: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(kind: str) -> None:
        raise LookupError(f"there is no connector {kind!r}")

    monkeypatch.setattr("seawall.wall.load_connector", broken)
    assert known.run("overrides", "stop", *WHO).exit_code == 0


def test_secret_in_a_reason_is_neither_stored_nor_shown(known: Shell) -> None:
    known.run("overrides", "pause", "toy", "--by", "ann", "--reason", f"its password {CANARY} leaked")
    outputs = [known.run("overrides", "list").output, known.run("call", "toy.add_note", NOTE).output]
    outputs.append(json.dumps(known.json("overrides", "list")[1]))
    assert [output for output in outputs if CANARY in output] == []
    assert CANARY.encode() not in b"".join(path.read_bytes() for path in known.folder.glob("ledger.db*"))


def test_recover_leaves_a_paused_system_alone(known: Shell) -> None:
    known.target.script = ["lost before"]
    assert known.call()[0] == ExitCode.UNKNOWN
    probes = known.target.probes
    known.run("overrides", "pause", "toy", "--all", *WHO)
    assert known.run("recover", "--timeout", "0.3").exit_code == ExitCode.UNKNOWN
    assert known.target.probes == probes
