"""Reading `seawall.toml`: one clear message for each mistake, and secrets that are registered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seawall.config import Config, ConfigError, load_config
from seawall.core.redaction import MASK, Secrets

CANARY = "canary-7c2e-password"

GOOD = """
principal = "agent:support"

[ledger]
path = "data/seawall.db"

[systems.crm]
connector = "salesforce"
attempt_timeout = 5.0

[systems.crm.settings]
url = "https://crm.example"

[[policy]]
name = "reads"
decision = "allow"
effects = ["read"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "seawall.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load_config(write(folder, text), Secrets())
    return str(raised.value)


def test_good_file_is_read_with_its_systems_policy_and_defaults(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), Secrets())
    crm = config.systems["crm"]
    assert (crm.connector, crm.settings, crm.attempt_timeout) == ("salesforce", {"url": "https://crm.example"}, 5.0)
    assert crm.for_calls().deadline == 30.0
    assert config.principal == "agent:support"
    assert [rule.name for rule in config.policy] == ["reads"]


def test_relative_ledger_path_starts_at_the_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), Secrets())
    assert Path(config.ledger.path) == tmp_path / "data" / "seawall.db"


def test_absolute_ledger_path_stays(tmp_path: Path) -> None:
    config = load_config({"ledger": {"path": str(tmp_path / "x.db")}}, Secrets())
    assert config.ledger.path == str(tmp_path / "x.db")


def test_empty_configuration_has_no_systems_and_denies_everything() -> None:
    config = load_config({}, Secrets())
    assert isinstance(config, Config)
    assert (config.systems, config.policy) == ({}, ())


def test_missing_file_says_which_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no file .*nowhere\.toml; name one with --config"):
        load_config(tmp_path / "nowhere.toml", Secrets())


def test_folder_instead_of_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, Secrets())


def test_file_that_is_not_text_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "seawall.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path, Secrets())


def test_broken_toml_names_the_place(tmp_path: Path) -> None:
    assert "is not valid TOML" in problem(tmp_path, "[systems\n")
    assert "line 1" in problem(tmp_path, "[systems\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("colour = 1", "colour: Extra inputs are not permitted"),
        ("[systems.crm]\nconector = 'x'", "systems.crm.connector: Field required"),
        (
            "[systems.crm]\nconnector = 'x'\nattempt_timeout = -1",
            "systems.crm.attempt_timeout: Input should be greater",
        ),
        (
            "[systems.crm]\nconnector = 'x'\n[systems.crm.retry]\nattempts = 0",
            "systems.crm.retry.attempts: Input should",
        ),
        (
            "[[policy]]\nname = 'p'\ndecision = 'maybe'",
            "policy.0.decision: Input should be 'allow', 'require_approval' or 'deny'",
        ),
        ("[systems.'my-crm']\nconnector = 'x'", "systems.my-crm: a system's name must be a Python identifier"),
        ("[systems._crm]\nconnector = 'x'", "systems._crm: a system's name must be a Python identifier"),
        ("[ledger]\nlease = 5\n[systems.crm]\nconnector = 'x'", "must be shorter than the ledger's lease"),
    ],
)
def test_mistake_is_named_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problem(tmp_path, text)


def test_environment_value_is_resolved_and_registered_as_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_PASSWORD", CANARY)
    secrets = Secrets()
    source = {"systems": {"crm": {"connector": "x", "settings": {"auth": {"password": {"env": "CRM_PASSWORD"}}}}}}
    config = load_config(source, secrets)
    assert config.systems["crm"].settings["auth"]["password"] == CANARY
    assert secrets.scrub(f"it is {CANARY}") == f"it is {MASK}"


def test_environment_value_inside_a_list_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOPE", "api-all")
    source = {"systems": {"crm": {"connector": "x", "settings": {"scopes": ["a", {"env": "SCOPE"}]}}}}
    assert load_config(source, Secrets()).systems["crm"].settings["scopes"] == ["a", "api-all"]


@pytest.mark.parametrize("value", [None, ""])
def test_unset_or_empty_variable_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("CRM_PASSWORD", raising=False)
    else:
        monkeypatch.setenv("CRM_PASSWORD", value)
    with pytest.raises(
        ConfigError, match=r"^systems\.crm\.settings\.p: the environment variable CRM_PASSWORD is not set"
    ):
        load_config({"systems": {"crm": {"connector": "x", "settings": {"p": {"env": "CRM_PASSWORD"}}}}}, Secrets())


def test_file_value_is_read_beside_the_configuration_and_registered(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text(f"{CANARY}\n", encoding="utf-8")
    secrets = Secrets()
    text = "[systems.crm]\nconnector = 'x'\n[systems.crm.settings]\nkey = { file = 'key.txt' }"
    config = load_config(write(tmp_path, text), secrets)
    assert config.systems["crm"].settings["key"] == CANARY
    assert CANARY not in secrets.scrub(CANARY)


def test_missing_file_value_is_named_with_its_place(tmp_path: Path) -> None:
    text = "[systems.crm]\nconnector = 'x'\n[systems.crm.settings]\nkey = { file = 'key.txt' }"
    assert problem(tmp_path, text).startswith("systems.crm.settings.key: ")
    assert "key.txt cannot be read" in problem(tmp_path, text)


def test_secret_in_a_wrong_place_does_not_reach_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_PASSWORD", CANARY)
    source = {"systems": {"crm": {"connector": "x", "attempt_timeout": {"env": "CRM_PASSWORD"}}}}
    with pytest.raises(ConfigError) as raised:
        load_config(source, Secrets())
    assert CANARY not in str(raised.value)
    assert "systems.crm.attempt_timeout" in str(raised.value)


def test_password_of_the_ledgers_address_is_a_secret(tmp_path: Path) -> None:
    secrets = Secrets()
    url = "postgresql://user:canary%2Dpassword@host/db"
    config = load_config({"ledger": {"url": url}}, secrets)
    assert "canary" not in secrets.scrub("it says canary-password")
    assert "canary" not in repr(config)


OAUTH = {"issuer": "https://auth.example.com", "audience": "https://seawall.example.com/mcp"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"audience": None}, "agents.oauth.audience"),
        ({"audience": "seawall"}, "no absolute URL"),
        ({"audience": "https://seawall.example.com/mcp#part"}, "fragment"),
        ({"issuer": "http://auth.example.com"}, "https"),
        ({"issuer": "https://me:secret@auth.example.com"}, "no absolute URL"),
        ({"jwks_url": "ftp://auth.example.com/keys"}, "no absolute URL"),
        ({"jwks_url": "https://auth.example.com:port/keys"}, "no URL"),
        ({"jwks_url": "https://auth.example.com/keys", "jwks_file": "keys.json"}, "leave one of them out"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": ["RS256", "none"]}, "algorithms"),
        ({"algorithms": []}, "algorithms"),
        ({"principal_prefix": ""}, "principal_prefix"),
        ({"principal_prefix": "agent"}, "principal_prefix"),
        ({"principal_prefix": "Person:"}, "must not name a person"),
        ({"scopes": {}}, "scopes"),
        ({"scopes": {'say "x"': "read"}}, "no scope"),
        ({"scopes": {"all": "everything"}}, "scopes"),
        ({"keys_retry": 0}, "keys_retry"),
        ({"key": "x"}, "agents.oauth.key"),
    ],
)
def test_authorization_server_that_cannot_be_trusted_is_refused_with_the_reason(
    changes: dict[str, Any], told: str
) -> None:
    given = {name: value for name, value in {**OAUTH, **changes}.items() if value is not None}
    with pytest.raises(ConfigError, match=re.escape(told)):
        load_config({"agents": {"oauth": given}}, Secrets())


def test_files_of_the_authorization_server_lie_beside_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "seawall.toml"
    file.write_text(
        '[agents.oauth]\nissuer = "http://localhost:8080"\naudience = "https://seawall.example.com/mcp"\n'
        'jwks_file = "keys.json"\nca_file = "/etc/ca.pem"\n'
    )
    oauth = load_config(file, Secrets()).agents.oauth
    assert oauth is not None
    assert (oauth.jwks_file, oauth.ca_file) == (str(tmp_path / "keys.json"), "/etc/ca.pem")


@pytest.mark.parametrize(
    "agents",
    [
        {"allowed_hosts": ["*"]},
        {"allowed_hosts": ["https://seawall.example.com"]},
        {"allowed_hosts": [""]},
        {"allowed_origins": ["*"]},
        {"allowed_origins": ["console.example.com"]},
        {"allowed_origins": ["https://console.example.com/"]},
        {"connections": 0},
    ],
)
def test_hosts_and_origins_are_names_and_never_everything(agents: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="agents"):
        load_config({"agents": agents}, Secrets())
