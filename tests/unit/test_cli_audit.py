"""`seawall audit` at the command line, and that no secret gets into what it keeps and exports."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.shell import CANARY, CONFIG, Shell
from support.toy import ToyAdapter

from seawall.core.adapter import Action, Attempt, Sent
from seawall.core.errors import BusinessRule
from seawall.envelope import ExitCode

PLANTED = "planted-5e3c-token"


@pytest.fixture
def audited(shell: Shell) -> Shell:
    """A shell whose checkpoints are signed, after two calls and a denied one."""
    public = shell.run("audit", "key", "audit.pem").stdout.strip()
    audit = f'\n[audit]\nkey = "audit.pem"\ncheckpoints = "checkpoints.jsonl"\n# public {public}\n'
    shell.config.write_text(CONFIG + audit, encoding="utf-8")
    for number in (1, 2):
        shell.call(f'{{"reference": "A-{number}", "text": "hello"}}')
    shell.call('{"reference": "A-3", "text": "hello"}', "--as", "intern")
    return shell


def public_of(shell: Shell) -> str:
    return shell.config.read_text().partition("# public ")[2].strip()


def edit(shell: Shell, statement: str) -> None:
    with sqlite3.connect(shell.ledger) as raw:
        assert raw.execute(statement).rowcount > 0
    raw.close()


def operation_of(shell: Shell, status: str = "applied") -> str:
    _, told = shell.json("ops", "list", "--status", status)
    found: str = told["operations"][0]["id"]
    return found


def test_verify_says_intact_and_what_it_cannot_know(audited: Shell) -> None:
    result = audited.run("audit", "verify")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Intact: ")
    assert "2 operations agree with them" in result.stdout
    assert "could be cut off" in result.stdout
    code, told = audited.json("audit", "verify", "--key", public_of(audited))
    assert (code, told["intact"], told["faults"], told["key_confirmed"]) == (0, True, [], True)
    assert told["checkpoints"] == 3


@pytest.mark.case(53)
def test_verify_of_an_edited_audit_exits_with_1_and_says_where(audited: Shell) -> None:
    edit(audited, "UPDATE audit SET body = replace(body, 'agent:test', 'agent:other') WHERE body LIKE '%intent%'")
    result = audited.run("audit", "verify")
    assert result.exit_code == 1
    assert "TAMPERED WITH" in result.stdout
    assert "was altered: its content does not have its hash" in result.stdout
    assert "principal" in result.stdout
    code, told = audited.json("audit", "verify")
    assert (code, told["intact"]) == (1, False)
    assert {"altered", "row_altered"} <= {fault["kind"] for fault in told["faults"]}


@pytest.mark.case(53)
def test_verify_with_another_key_believes_no_checkpoint(audited: Shell) -> None:
    other = audited.run("audit", "key", "other.pem").stdout.strip()
    code, told = audited.json("audit", "verify", "--key", other)
    assert code == 1
    assert {fault["kind"] for fault in told["faults"]} == {"checkpoint_forged"}


def test_search_shows_what_is_asked_for_newest_first(audited: Shell) -> None:
    lines = [json.loads(line) for line in audited.run("audit", "search", "--json").stdout.splitlines()]
    assert [line["sealed_at"] for line in lines] == sorted((line["sealed_at"] for line in lines), reverse=True)
    assert {"intent", "attempt", "verdict", "decision", "opened", "configuration"} <= {line["kind"] for line in lines}
    operation = operation_of(audited)
    found = audited.run("audit", "search", "--operation", operation).stdout.splitlines()
    assert [line.split()[3] for line in found] == ["verdict", "attempt", "intent"]
    assert all(operation in line for line in found)
    assert len(audited.run("audit", "search", "--kind", "intent").stdout.splitlines()) == 2
    assert len(audited.run("audit", "search", "--principal", "agent:test").stdout.splitlines()) == 2
    assert len(audited.run("audit", "search", "--text", "DENY").stdout.splitlines()) == 1
    assert len(audited.run("audit", "search", "--limit", "3").stdout.splitlines()) == 3
    assert audited.run("audit", "search", "--since", "2100-01-01").stdout == ""
    assert audited.run("audit", "search", "--until", "2001-01-01").stdout == ""


def test_search_with_a_time_that_is_none_is_told(audited: Shell) -> None:
    result = audited.run("audit", "search", "--since", "yesterday")
    assert result.exit_code == ExitCode.USAGE
    assert "--since 'yesterday' is no time" in result.output


@pytest.mark.case(53)
def test_exported_audit_is_verified_without_the_ledger(audited: Shell) -> None:
    code, manifest = audited.json("audit", "export", "audit.jsonl")
    assert (code, manifest["checkpoints"], manifest["keys"]) == (0, 3, [public_of(audited)])
    public = public_of(audited)
    audited.ledger.unlink()
    audited.config.unlink()
    code, told = audited.json("audit", "verify", "--bundle", "audit.jsonl", "--key", public)
    assert (code, told["intact"], told["rows"]) == (0, True, manifest["rows"])
    assert "Only the audit was looked at" in " ".join(told["limits"])
    bundle = Path("audit.jsonl")
    whole = bundle.read_text()
    for changed in (whole.replace("agent:test", "agent:other"), whole.replace('"number":2', '"number":7', 1)):
        bundle.write_text(changed)
        code, told = audited.json("audit", "verify", "--bundle", "audit.jsonl")
        assert code == 1
        assert "bundle_altered" in {fault["kind"] for fault in told["faults"]}
    bundle.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    assert "has no manifest in its last line" in audited.run("audit", "verify", "--bundle", "audit.jsonl").output
    bundle.write_text("nonsense")
    result = audited.run("audit", "verify", "--bundle", "audit.jsonl")
    assert (result.exit_code, "is no audit" in result.output) == (ExitCode.USAGE, True)


def test_nothing_is_written_over(audited: Shell) -> None:
    for arguments in (("export", "audit.pem"), ("key", "audit.pem")):
        result = audited.run("audit", *arguments)
        assert (result.exit_code, "is there already" in result.output) == (ExitCode.USAGE, True)


def test_checkpoint_is_made_now_and_exported(audited: Shell) -> None:
    code, told = audited.json("audit", "checkpoint")
    assert (code, told["checkpoint"]["checkpoint"], told["waiting"]) == (0, 4, 0)
    assert told["checkpoint"]["complete"] is True
    assert len(Path("checkpoints.jsonl").read_text().splitlines()) == 4
    assert audited.run("audit", "verify").exit_code == 0


def test_checkpoint_without_a_key_says_what_to_do(shell: Shell) -> None:
    shell.call()
    result = shell.run("audit", "checkpoint")
    assert result.exit_code == ExitCode.USAGE
    assert "seawall audit key FILE" in result.output


def test_verify_without_any_checkpoint_says_that_all_could_be_written_anew(shell: Shell) -> None:
    shell.call()
    result = shell.run("audit", "verify")
    assert result.exit_code == 0
    assert "There is no checkpoint: whoever can write the ledger could have written it all anew" in result.stdout


def test_erase_forgets_and_the_same_request_is_not_sent_again(audited: Shell) -> None:
    operation, sends = operation_of(audited), audited.target.sends
    arguments = ("audit", "erase", operation, "--by", "dpo", "--reason", "she asked for it")
    assert audited.json(*arguments) == (0, {"operation": operation, "erased": True})
    assert audited.json(*arguments) == (0, {"operation": operation, "erased": False})
    assert audited.run("audit", "verify").exit_code == 0
    for number in (1, 2):
        audited.call(f'{{"reference": "A-{number}", "text": "hello"}}')
    assert audited.target.sends == sends
    assert audited.run("ops", "show", operation).exit_code == 0
    assert audited.run("audit", "erase", "op_x", "--by", "dpo", "--reason", "x").exit_code == ExitCode.USAGE


def test_ledger_that_is_not_there_is_told(shell: Shell) -> None:
    for arguments in (("verify",), ("search",), ("export", "x"), ("erase", "op_1", "--by", "a", "--reason", "b")):
        result = shell.run("audit", *arguments)
        assert (result.exit_code, "there is no ledger" in result.output) == (ExitCode.USAGE, True), result.output


class Telling(ToyAdapter):
    """Repeats in its errors what it should keep to itself."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        if attempt.request.text == PLANTED:  # type: ignore[attr-defined]  # a note
            raise BusinessRule(f"the session {CANARY} may not", code="no", evidence={"header": f"Bearer {CANARY}"})
        return await super().send(action, attempt)


@pytest.mark.case(53)
def test_no_secret_gets_into_the_audit_nor_into_what_is_exported(audited: Shell) -> None:
    audited.adapter = Telling(audited.target)
    code, told = audited.call(f'{{"reference": "A-7", "text": "{PLANTED}"}}', "--as", "agent:test")
    assert code == ExitCode.REJECTED
    operation = operation_of(audited, "rejected")
    audited.run("audit", "erase", operation, "--by", "dpo", "--reason", f"it had {CANARY} in it")
    audited.call(f'{{"reference": "A-8", "text": "{PLANTED}"}}')
    audited.json("audit", "checkpoint")
    audited.json("audit", "export", "audit.jsonl")
    assert audited.run("audit", "verify").exit_code == 0
    shown = audited.run("audit", "search").stdout
    with sqlite3.connect(audited.ledger) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        audit = str(raw.execute("SELECT body FROM audit").fetchall())
        assert PLANTED in str(raw.execute("SELECT request FROM operations").fetchall()), "as it was asked for"
    raw.close()
    exported = Path("audit.jsonl").read_text() + Path("checkpoints.jsonl").read_text()
    for secret in (CANARY, PLANTED):
        assert secret not in audit
        assert secret not in exported
        assert secret not in shown
    assert CANARY.encode() not in audited.ledger.read_bytes()
    assert "PRIVATE KEY" in Path("audit.pem").read_text()
    assert Path("audit.pem").read_text().splitlines()[1] not in exported + audit
