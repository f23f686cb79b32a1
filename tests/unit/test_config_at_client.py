"""What a configuration may say of people at clients, and of what clients carry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from seawall.cli import app
from seawall.config import ConfigError, load_config
from seawall.core.redaction import MASK, Secrets

KEY = "k" * 32
TOKEN = {"token": "token-of-ada-0123456789", "principal": "agent:ada"}
PEOPLE = {"eve": {"roles": ["lead"]}}
OAUTH = {"issuer": "https://auth.example.com", "audience": "https://seawall.example.com/mcp"}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"agents": {"tokens": [{**TOKEN, "person": "eve"}]}}, "the person 'eve' is none of"),
        (
            {"agents": {"tokens": [{**TOKEN, "principal": "eve"}]}, "people": PEOPLE},
            "the principal 'eve' is one of",
        ),
        ({"agents": {"oauth": OAUTH}, "people": {"agent:eve": {"roles": ["lead"]}}}, "'agent:eve' begins with"),
        ({"agents": {"state_key": "short"}}, "at least 32 bytes"),
        ({"agents": {"state_key": [KEY, "short"]}}, "at least 32 bytes"),
        ({"agents": {"state_key": [KEY, KEY]}}, "twice"),
        ({"agents": {"hold": 20, "elicit_within": 20}}, "elicit_within must be less than hold"),
    ],
)
def test_config_that_would_mix_up_people_and_agents_is_refused(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        load_config(config, Secrets())
    assert KEY not in str(refused.value)


def test_config_takes_one_key_or_several_and_keeps_them_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_STATE_KEY", KEY)
    secrets = Secrets()
    one = load_config({"agents": {"state_key": {"env": "SEAWALL_STATE_KEY"}}}, secrets).agents
    two = load_config({"agents": {"state_key": ["o" * 32, {"env": "SEAWALL_STATE_KEY"}]}}, secrets).agents
    assert [key.get_secret_value() for key in one.state_key] == [KEY]
    assert [key.get_secret_value() for key in two.state_key] == ["o" * 32, KEY]
    assert secrets.scrub(json.dumps([KEY, "o" * 32])) == json.dumps([MASK, MASK])
    assert KEY not in repr(two)


def test_config_with_a_short_hold_window_needs_no_word_about_answers() -> None:
    assert load_config({"agents": {"hold": 1}}, Secrets()).agents.hold == 1


def test_command_with_a_person_whom_nobody_configured_says_so(tmp_path: Path) -> None:
    (tmp_path / "seawall.toml").write_text("")
    done = CliRunner().invoke(app, ["mcp", "--person", "eve", "--config", str(tmp_path / "seawall.toml")])
    assert done.exit_code == 2
    assert "--person: 'eve' is none of [people]" in done.stderr
