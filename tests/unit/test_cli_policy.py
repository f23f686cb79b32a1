"""`seawall policy`: what it answers, how it ends, and that it changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.json_schema import fits
from support.shell import CONFIG, NOTE, Shell
from support.toy import ADD

from seawall.cli.policy import _with_bar
from seawall.policies.plain_yaml import load

POLICY = """
rules:
  - name: interns only look
    decision: deny
    principals: [intern]
    effects: [create, set]
    reason: interns do not write
  - name: loud notes
    decision: require_approval
    actions: [toy.add_note]
    where: {priority: {is: high}}
    approval: {role: lead, expires: 2h}
  - name: notes
    decision: allow
    actions: [toy.add_note, toy.add_notes]
    where: {reference: {matches: "A-*"}}
    when: {from: 09:00, to: 17:00}
    rate: {calls: 2, per: 1h}
"""


@pytest.fixture
def policy(shell: Shell) -> Path:
    path = shell.folder / "policy.yaml"
    path.write_text(POLICY)
    return path


def configured(shell: Shell, policy: str = "policy.yaml", roles: str = "lead") -> None:
    """Let the configuration name the policy file in place of its own rules."""
    head, _, _ = CONFIG.partition("[[policy]]")
    shell.config.write_text(f'policy_file = "{policy}"\n{head}\n[principals."person:lead"]\nroles = ["{roles}"]\n')


def test_check_of_a_good_policy_needs_no_configuration(shell: Shell, policy: Path) -> None:
    shell.config.unlink()
    code, told = shell.json("policy", "check", str(policy))
    assert (code, told["rules"], told["problems"], told["warnings"]) == (0, 3, [], [])
    assert "3 rules, nothing is wrong" in shell.run("policy", "check", str(policy)).stdout


def test_check_of_a_broken_policy_ends_with_1_and_names_the_place(shell: Shell, policy: Path) -> None:
    policy.write_text(POLICY.replace("matches:", "match:"))
    code, told = shell.json("policy", "check", str(policy))
    assert (code, told["version"]) == (1, None)
    assert (
        "rule 'notes': where.reference.match: there is no 'match' here; did you mean 'matches'?" in told["problems"][0]
    )


def test_check_with_a_configuration_looks_whether_what_is_named_exists(shell: Shell, policy: Path) -> None:
    configured(shell, roles="boss")
    policy.write_text(
        POLICY + "  - name: late\n    decision: deny\n    actions: [toy.ad_note]\n    principals: [intern]\n"
    )
    code, told = shell.json("policy", "check", str(policy), "--config", str(shell.config))
    assert code == 1
    assert told["problems"] == [
        "rule 'loud notes': approval.role: nobody has the role 'lead'; there are: boss",
        "rule 'late': actions: there is no 'toy.ad_note'; did you mean 'toy.add_note'?",
    ]
    configured(shell)
    policy.write_text(POLICY)
    code, told = shell.json("policy", "check", str(policy), "--config", str(shell.config))
    # the batch has no reference of its own, so no batch is ever allowed by this rule; that is no mistake of names
    assert (code, told["problems"]) == (0, [])


def test_explain_tells_which_rule_decides_and_why_each_earlier_one_does_not(shell: Shell, policy: Path) -> None:
    configured(shell)
    code, told = shell.json("policy", "explain", "--as", "agent:ada", "toy.add_note", NOTE, "--at", "2026-11-23T12:00Z")
    assert (code, told["decision"], told["rule"]) == (0, "allow", "notes")
    first, second, third = told["rules"]
    assert [one["matches"] for one in told["rules"]] == ["no", "no", "yes"]
    assert {"name": "principals", "wanted": "intern", "found": "agent:ada", "holds": False} in first["conditions"]
    assert {
        "name": "where.priority", "wanted": "is: high", "found": "'normal'", "holds": False,
    } in second["conditions"]  # fmt: skip
    assert third["decides"]
    text = shell.run("policy", "explain", "toy.add_note", NOTE, "--at", "2026-11-23T12:00Z").stdout
    assert text.startswith("allow: the rule allows it (rule 'notes', policy version")
    assert "where.priority: is: high; asked: 'normal'; does not hold" in text
    assert not shell.ledger.exists(), "explaining opens no ledger"


@pytest.mark.parametrize(
    ("arguments", "decision", "rule"),
    [
        (("--as", "intern", NOTE), "deny", "interns only look"),
        ((NOTE, "--at", "2026-11-23T18:00Z"), "deny", "default"),
        (('{"reference": "A-1", "priority": "high"}',), "require_approval", "loud notes"),
        (('{"reference": "B-1"}', "--at", "2026-11-23T12:00Z"), "deny", "default"),
    ],
)
def test_explain_of_other_questions(
    shell: Shell,
    policy: Path,
    arguments: tuple[str, ...],
    decision: str,
    rule: str,
) -> None:
    configured(shell)
    code, told = shell.json("policy", "explain", "toy.add_note", *arguments)
    assert (code, told["decision"], told["rule"]) == (0, decision, rule)


def test_explain_of_a_batch_tells_of_its_items_too(shell: Shell, policy: Path) -> None:
    notes = '{"notes": [{"reference": "A-1", "priority": "high"}, {"reference": "B-1"}]}'
    code, told = shell.json("policy", "explain", "toy.add_notes", notes, "--policy", str(policy))
    assert code == 0
    assert [one["rule"] for one in told["items"]] == ["loud notes", "default"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("toy.nothing", NOTE), "there is no action 'toy.nothing'"),
        (("toy.add_note", "{}"), "the request does not fit: reference: Field required"),
        (("toy.add_note", "[]"), "must be a JSON object"),
        (("toy.add_note", NOTE, "--at", "soon"), "is no time"),
        (("toy.add_note", NOTE, "--policy", "gone.yaml"), "there is no file gone.yaml"),
    ],
)
def test_explain_of_what_cannot_be_asked_says_why(shell: Shell, arguments: tuple[str, ...], says: str) -> None:
    result = shell.run("policy", "explain", *arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_replay_shows_what_another_policy_would_have_decided(shell: Shell, policy: Path) -> None:
    for request in (NOTE, '{"reference": "A-2"}', '{"reference": "A-3"}', '{"reference": "A-4", "priority": "high"}'):
        assert shell.call(request)[0] == 0
    policy.write_text(POLICY.replace("    when: {from: 09:00, to: 17:00}\n", ""))
    before = shell.ledger.read_bytes()
    code, told = shell.json("policy", "replay", "--policy", str(policy))
    assert (code, told["operations"], told["changed"]) == (0, 4, 2)
    changes = {one["would_be_by"]: one for one in told["changes"]}
    assert (changes["default"]["count"], changes["default"]["was"]) == (1, "allow"), "the third one is beyond the rate"
    assert (changes["loud notes"]["would_be"], changes["loud notes"]["was_by"]) == ("require_approval", "all")
    assert (changes["notes"]["count"], changes["notes"]["changed"]) == (2, False)
    assert all(one.startswith("op_") for change in told["changes"] for one in change["examples"])
    assert shell.ledger.read_bytes() == before, "a dry run changes nothing"
    text = shell.run("policy", "replay", "--policy", str(policy)).stdout
    assert text.startswith("2 of 4 operations would have been decided otherwise.")
    assert "loud notes" in text


def test_replay_of_many_shows_a_bar_on_stderr_and_asks_about_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(_with_bar([1, 2, 3])) == [1, 2, 3]
    assert capsys.readouterr().out == ""


def test_replay_reads_what_was_asked_for(shell: Shell, policy: Path) -> None:
    shell.call(NOTE)
    shell.call('{"reference": "A-2"}', "--as", "agent:b")
    for options, expected in (
        ((), 2), (("--principal", "agent:b"), 1), (("--limit", "1"), 1), (("--since", "1h"), 2), (("--since", "0s"), 0),
    ):  # fmt: skip
        code, told = shell.json("policy", "replay", "--policy", str(policy), *options)
        assert (code, told["operations"]) == (0, expected), options
    assert told["cut_off"] is False
    assert "no length of time" in shell.run("policy", "replay", "--since", "soon").stderr


def test_replay_of_the_configured_policy_changes_nothing_for_what_it_allowed(shell: Shell) -> None:
    shell.call(NOTE)
    code, told = shell.json("policy", "replay")
    assert (code, told["operations"], told["changed"], told["changes"]) == (0, 1, 0, [])


def test_replay_says_what_it_could_not_ask_about(shell: Shell) -> None:
    shell.call(NOTE)
    shell.uses(replace(ADD, name="add_remark"))
    _, told = shell.json("policy", "replay")
    assert (told["operations"], told["skipped"]) == (0, {"there is no toy.add_note any more": 1})


def test_schema_accepts_good_policies_and_refuses_others(shell: Shell) -> None:
    schema: dict[str, Any] = json.loads(shell.run("policy", "schema").stdout)
    good = load(POLICY)
    assert fits(schema, good)
    good["rules"][1]["where"]["priority"] = {"iss": "high"}
    assert not fits(schema, good)


def test_unreadable_policy_fails_check_config_and_denies_each_call(shell: Shell) -> None:
    configured(shell, "gone.yaml")
    code, told = shell.json("check-config")
    assert code == 2
    assert any(problem.startswith("policy: there is no file") for problem in told["problems"])
    code, told = shell.call(NOTE)
    assert code == 1
    assert "the policy cannot be read, so everything is denied" in told["summary"]
    assert shell.target.sends == 0


def test_check_config_shows_that_a_decision_depends_on_the_request(shell: Shell, policy: Path) -> None:
    configured(shell)
    _, told = shell.json("check-config")
    actions = {action["name"]: action["policy"] for action in told["systems"]["toy"]["actions"]}
    assert actions["add_note"] == "by request: require_approval (loud notes), allow (notes), deny (default)"
    assert actions["get_note"] == "deny (default)"
