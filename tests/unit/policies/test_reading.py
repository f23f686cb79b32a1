"""Policies in files: YAML and Python, and one clear sentence for each that cannot be read."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from seawall.config import Config, ConfigError, load_config, names_a_file
from seawall.core.clock import Sources
from seawall.core.policy import Policy, Rule
from seawall.core.redaction import Secrets
from seawall.policies.plain_yaml import Unreadable, load
from seawall.policies.reading import PolicyFileError, policy_of, read_rules, rules_of

GOOD = """
rules:
  - name: small refunds
    decision: allow
    principals: ["agent:*"]
    roles: [support]
    actions: [billing.create_refund]
    where:
      amount: {max: 99.90}
      country: {in: [DE, NO]}
    when: {from: 10:30, to: 17:00, not_after: 2026-12-31}
    rate: {calls: 20, per: 1h}
  - name: larger refunds
    decision: require_approval
    actions: [billing.create_refund]
    approval: {role: manager, expires: 2d, quorum: 2}
"""


def test_policy_in_yaml_is_read_with_all_its_parts() -> None:
    first, second = rules_of(GOOD, "policy.yaml")
    assert first == Rule.model_validate(
        {
            "name": "small refunds",
            "decision": "allow",
            "principals": ("agent:*",),
            "roles": ("support",),
            "actions": ("billing.create_refund",),
            "where": {"amount": {"max": "99.90"}, "country": {"in": ["DE", "NO"]}},
            "when": {"from": "10:30", "to": "17:00", "not_after": "2026-12-31"},
            "rate": {"calls": 20, "per": 3600},
        }
    )
    assert second.approval is not None
    assert (second.approval.role, second.approval.expires, second.approval.quorum) == ("manager", 172_800.0, 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("where:", "wher:"),
            "policy.yaml: rule 'small refunds': wher: there is no 'wher' here; did you mean 'where'?",
        ),
        (
            ("{max: 99.90}", "{maxx: 1}"),
            "rule 'small refunds': where.amount.maxx: there is no 'maxx' here; did you mean",
        ),
        (("{max: 99.90}", "{max: lots}"), "rule 'small refunds': where.amount.max: 'lots' is no number"),
        (("{max: 99.90}", "{}"), "rule 'small refunds': where.amount: says nothing"),
        (("{max: 99.90}", "5"), "rule 'small refunds': where.amount: Input should be"),
        (("per: 1h", "pr: 1h"), "rule 'small refunds': rate.p"),
        (("from: 10:30", "form: 10:30"), "when.form: there is no 'form' here; did you mean 'from'?"),
        (("quorum: 2", "quorum: 0"), "rule 'larger refunds': approval.quorum: Input should be greater"),
        (("role: manager, ", ""), "rule 'larger refunds': approval.role: Field required"),
        (("decision: allow", "decision: alow"), "rule 'small refunds': decision: Input should be 'allow'"),
        (("- name: small refunds\n    decision", "- decision"), "rule 1: name: Field required"),
        (("name: larger refunds", "name: small refunds"), "two rules are named 'small refunds'"),
        (("rules:", "ruls:"), "ruls: there is no 'ruls' here; did you mean 'rules'?"),
        (("amount: {max", "amount: {max: 1, max"), "is not valid YAML: 'max' is given twice"),
        (("rules:", "rules: []\nrules:"), "'rules' is given twice"),
        (("[support]", "[support"), "is not valid YAML"),
        (("[support]", "!!python/object/apply:os.getcwd []"), "is not valid YAML: could not determine a constructor"),
        (("roles: [support]", "<<: {roles: [x]}"), "there is no '<<' here"),
        (("roles: [support]", "1: [x]"), "a name must be text"),
    ],
)
def test_mistake_in_a_policy_is_named_with_rule_and_field(change: tuple[str, str], says: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(PolicyFileError) as raised:
        rules_of(GOOD.replace(*change, 1), "policy.yaml")
    assert says in str(raised.value)
    assert "policy.yaml" in str(raised.value)


@pytest.mark.parametrize("text", ["", "- name: x", "rules", "5"])
def test_text_that_is_no_policy_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(PolicyFileError, match="must begin with `rules:`"):
        rules_of(text, "policy.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NO", "NO"), ("on", "on"), ("10:30", "10:30"), ("2026-12-31", "2026-12-31"), ("1_0", "1_0"), ("0x1F", "0x1F"),
        ("true", True), ("~", None), ("007", 7), ("-1.5", -1.5), (".5", 0.5), ("1e3", 1000.0), ("'5'", "5"),
    ],
)  # fmt: skip
def test_yaml_without_its_surprises(text: str, expected: object) -> None:
    found = load(text)
    assert (found, type(found)) == (expected, type(expected))


def test_yaml_that_nests_without_end_is_told() -> None:
    with pytest.raises(Unreadable):
        load("[" * 5000)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"rules: [\xe4]")
    for place, says in (
        (tmp_path / "gone.yaml", "there is no file"),
        (latin, "not UTF-8"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(PolicyFileError, match=says):
            read_rules(str(place))


PYTHON = """
from seawall.core.policy import Rule
RULES = [Rule(name="one", decision="allow")]
OTHERS = (Rule(name="two", decision="deny"),)
BROKEN = 5
TWICE = RULES * 2
"""


def test_policy_in_python_is_read_from_a_file_or_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rules_in_python.py"
    file.write_text(PYTHON)
    assert [rule.name for rule in read_rules(str(file))] == ["one"]
    assert [rule.name for rule in read_rules(f"{file}:OTHERS")] == ["two"]
    monkeypatch.syspath_prepend(tmp_path)
    assert [rule.name for rule in read_rules("rules_in_python:OTHERS")] == ["two"]
    sys.modules.pop("rules_in_python")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no RULES"),
        ("RULES = 5", "must be a sequence of Rule"),
        ("RULES = 'text'", "must be a sequence of Rule"),
        ("RULES = [", "cannot be run"),
        ("1 / 0", "cannot be run .ZeroDivisionError"),
        (
            "from seawall.core.policy import Rule\nRULES = [Rule(name='x', decision='alow')]",
            "decision: Input should be",
        ),
        (PYTHON + "RULES = TWICE", "two rules are named 'one'"),
    ],
)
def test_policy_in_python_that_cannot_be_used_is_told(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "policy.py"
    file.write_text(text)
    with pytest.raises(PolicyFileError, match=says):
        read_rules(str(file))


def test_module_that_is_not_there_is_told() -> None:
    with pytest.raises(PolicyFileError, match=r"cannot be run .ModuleNotFoundError"):
        read_rules("no_such_module_of_rules:RULES")


@pytest.mark.parametrize(
    ("place", "file"),
    [
        ("p.yaml", True),
        ("p.py", True),
        ("p.py:NAME", True),
        ("rules", True),
        ("acme.rules:RULES", False),
        ("C:p.yaml", True),
    ],
)
def test_place_names_a_file_or_a_module(place: str, file: bool) -> None:
    assert names_a_file(place) is file


def test_configuration_names_a_policy_file_beside_it_and_roles(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(GOOD)
    path = tmp_path / "seawall.toml"
    path.write_text('policy_file = "policy.yaml"\n[principals."agent:*"]\nroles = ["support"]\n')
    config = load_config(path, Secrets())
    assert config.policy_file == str(tmp_path / "policy.yaml")
    policy, why = policy_of(config, {}, Sources(), Secrets())
    assert why is None
    assert [rule.name for rule in policy.rules] == ["small refunds", "larger refunds"]
    assert policy.roles_of("agent:ada") == ("support",)


def test_two_policies_in_one_configuration_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "seawall.toml"
    path.write_text('policy_file = "policy.yaml"\n[[policy]]\nname = "x"\ndecision = "allow"\n')
    with pytest.raises(ConfigError, match="two policies; leave one of them out"):
        load_config(path, Secrets())


def test_two_rules_of_one_name_in_a_configuration_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "seawall.toml"
    path.write_text('[[policy]]\nname = "x"\ndecision = "allow"\n' * 2)
    with pytest.raises(ConfigError, match=r"policy: .*two rules are named 'x'"):
        load_config(path, Secrets())


def test_inline_rules_in_toml_have_the_same_language(tmp_path: Path) -> None:
    path = tmp_path / "seawall.toml"
    path.write_text(
        '[[policy]]\nname = "x"\ndecision = "require_approval"\napproval = { role = "lead", expires = "2h" }\n'
        'where = { amount = { above = 99.90 } }\nwhen = { from = 09:00:00, to = "17:00", not_after = 2026-12-31 }\n'
    )
    (rule,) = load_config(path, Secrets()).policy
    assert rule.approval is not None
    assert rule.approval.expires == 7200.0
    assert rule.when is not None
    assert rule.when.in_words() == "from: 09:00:00, to: 17:00:00, not_after: 2026-12-31, zone: UTC"


def test_policy_that_cannot_be_read_is_said_without_secrets(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("rules:\n  - hunter2secret: 1\n")
    secrets = Secrets()
    secrets.add("hunter2secret")
    config = Config(policy_file=str(tmp_path / "policy.yaml"))
    with caplog.at_level(logging.WARNING):
        policy, why = policy_of(config, {}, Sources(), secrets)
    assert isinstance(policy, Policy)
    assert policy.version == "unreadable"
    assert "hunter2secret" not in f"{why}{caplog.text}"
    assert "everything is denied" in caplog.text
