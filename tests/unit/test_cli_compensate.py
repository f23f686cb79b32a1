"""Undoing at the command line."""

from __future__ import annotations

import pytest
from support.shell import NOTE, Shell
from support.toy import ADD, UNDOABLE

from seawall.envelope import ExitCode

WHY = ("--reason", "the customer called")


def test_what_was_done_is_undone_and_cannot_be_taken_for_done_any_more(shell: Shell) -> None:
    shell.uses(UNDOABLE)
    _, done = shell.call()
    code, told = shell.json("ops", "compensate", done["operation_id"], *WHY)
    assert (code, told["status"]) == (ExitCode.OK, "applied")
    assert shell.target.effects == []
    code, again = shell.call(NOTE)
    assert (code, again["error"]["code"]) == (ExitCode.REJECTED, "undone")
    assert "the customer called" in shell.run("ops", "explain", done["operation_id"]).stdout


def test_undoing_that_is_lost_is_not_told_as_done(shell: Shell) -> None:
    shell.uses(UNDOABLE)
    _, done = shell.call()
    shell.target.script = ["lost before"]
    code, _ = shell.json("ops", "compensate", done["operation_id"], *WHY)
    assert code == ExitCode.UNKNOWN
    assert len(shell.target.effects) == 1


@pytest.mark.parametrize(("action", "code"), [(ADD, "no_compensation"), (UNDOABLE, "unknown_operation")])
def test_what_cannot_be_undone_exits_with_the_reason(shell: Shell, action: object, code: str) -> None:
    shell.uses(UNDOABLE if code == "unknown_operation" else ADD)
    _, done = shell.call()
    operation = "op_unheard_of" if code == "unknown_operation" else done["operation_id"]
    result = shell.run("ops", "compensate", operation, *WHY)
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith("seawall: ")
    assert len(shell.target.effects) == 1
