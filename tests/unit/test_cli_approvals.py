"""What people do at the command line with approvals, and what becomes of them."""

from __future__ import annotations

import json

import pytest
from support.shell import CONFIG, NOTE, Shell

from seawall.envelope import ExitCode

ASK = """
[people.eve]
roles = ["lead"]

[people.kim]
roles = ["clerk"]

[[policy]]
name = "ask"
decision = "require_approval"
effects = ["create"]
approval = { role = "lead", expires = 3600 }
"""


@pytest.fixture
def asking(shell: Shell) -> Shell:
    head, _, rest = CONFIG.partition("[[policy]]")
    shell.config.write_text(f"{head}{ASK}\n[[policy]]{rest}", encoding="utf-8")
    return shell


def held(shell: Shell, request: str = NOTE) -> str:
    code, told = shell.call(request)
    assert code == ExitCode.HELD
    assert told["summary"].startswith("NOT DONE YET")
    return str(told["approval"]["approval_id"])


def test_call_that_people_must_approve_ends_with_an_exit_code_of_its_own(asking: Shell) -> None:
    held(asking)
    assert asking.target.effects == []


def test_list_shows_what_waits_and_nothing_that_is_over(asking: Shell) -> None:
    approval = held(asking)
    text = asking.run("approvals", "list").stdout
    for part in (approval, "toy.add_note", 'reference = "A-1"', "agent:test", "lead", "0 of 1"):
        assert part in text
    asking.run("approvals", "reject", approval, "--by", "eve", "--reason", "no")
    assert asking.run("approvals", "list").stdout == "Nothing waits.\n"
    assert approval in asking.run("approvals", "list", "--all").stdout


def test_approve_shows_it_asks_and_recover_carries_it_out_once(asking: Shell) -> None:
    approval = held(asking)
    result = asking.run("approvals", "approve", approval, "--by", "eve", stdin="y\n")
    assert result.exit_code == 0
    assert "agent:test asks toy for add_note" in result.stdout
    assert "Approve this? [y/N]" in result.stdout
    assert asking.target.effects == [], "this command sends nothing"
    assert asking.run("recover").exit_code == 0
    assert len(asking.target.effects) == 1
    assert asking.run("recover").exit_code == 0
    assert len(asking.target.effects) == 1
    code, told = asking.call()
    assert (code, told["status"], told["replayed"]) == (0, "applied", True)


def test_approve_shows_long_text_to_its_end_and_in_its_order(asking: Shell) -> None:
    text = f"{'x' * 300} and \u202ereversed\u202c, at the end"
    approval = held(asking, json.dumps({"reference": "A-1", "text": text}))
    shown = asking.run("approvals", "approve", approval, "--by", "eve", stdin="n\n").stdout
    assert "at the end" in shown, "nobody approves what they were not shown"
    assert "\u202e" not in shown


def test_list_has_a_line_for_what_was_erased(asking: Shell) -> None:
    approval = held(asking)
    _, told = asking.json("approvals", "reject", approval, "--by", "eve", "--reason", "no")
    asking.run("audit", "erase", told["operation_id"], "--by", "eve", "--reason", "asked for")
    for command in (("list", "--all"), ("show", approval)):
        result = asking.run("approvals", *command)
        assert (result.exit_code, approval in result.stdout) == (0, True)
        assert "A-1" not in result.stdout


def test_person_who_says_no_at_the_prompt_approves_nothing(asking: Shell) -> None:
    approval = held(asking)
    assert asking.run("approvals", "approve", approval, "--by", "eve", stdin="n\n").exit_code != 0
    _, told = asking.json("approvals", "show", approval)
    assert (told["status"], told["votes"]) == ("waiting", [])


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("approve", "APPROVAL", "--by", "kim", "--yes"), "does not have the role 'lead'"),
        (("approve", "APPROVAL", "--by", "zoe", "--yes"), "none of the people in the configuration"),
        (("approve", "approval_0", "--by", "eve", "--yes"), "knows no approval"),
        (("approve", "APPROVAL", "--by", "eve", "--digest", "00"), "not what this approval is bound to"),
        (("reject", "APPROVAL", "--by", "eve", "--reason", " "), "say why"),
        (("edit", "APPROVAL", "{", "--by", "eve", "--reason", "x"), "no JSON"),
        (("edit", "APPROVAL", "[1]", "--by", "eve", "--reason", "x"), "must be a JSON object"),
        (("edit", "APPROVAL", '{"colour": 1}', "--by", "eve", "--reason", "x"), "does not fit: colour"),
    ],
)
def test_decision_that_cannot_be_made_is_one_clear_error(asking: Shell, arguments: tuple[str, ...], part: str) -> None:
    approval = held(asking)
    result = asking.run("approvals", *(approval if word == "APPROVAL" else word for word in arguments))
    assert result.exit_code == ExitCode.USAGE
    assert part in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert asking.json("approvals", "show", approval)[1]["status"] == "waiting"


def test_rejection_is_told_to_whoever_asks_again(asking: Shell) -> None:
    approval = held(asking)
    _, told = asking.json("approvals", "reject", approval, "--by", "eve", "--reason", "not now")
    assert (told["status"], told["operation_status"]) == ("rejected", "rejected")
    code, again = asking.call()
    assert (code, again["error"]["code"]) == (ExitCode.REJECTED, "approval_rejected")
    assert "not now" in again["summary"]


def test_edit_shows_what_differs_and_asks_anew(asking: Shell) -> None:
    approval = held(asking)
    _, told = asking.json(
        "approvals", "edit", approval, json.dumps({"text": "shorter"}), "--by", "eve", "--reason", "x"
    )
    assert (told["status"], told["replaces"]) == ("waiting", approval)
    text = asking.run("approvals", "show", told["approval_id"]).stdout
    assert 'text: was "hello", is "shorter" (edited)' in text
    asking.run("approvals", "approve", told["approval_id"], "--by", "eve", "--yes")
    asking.run("recover")
    assert [effect.text for effect in asking.target.effects] == ["shorter"]


def test_explain_says_that_it_waits_for_people(asking: Shell) -> None:
    _, told = asking.call()
    text = asking.run("ops", "explain", told["operation_id"]).stdout
    assert "was not done. People must approve it first; nothing was sent." in text
    assert "approvals list" in text
