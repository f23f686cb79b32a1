"""Recorded conversations, replayed: what the connector sends and how it reads the answers stay as they were."""

from __future__ import annotations

import socket

import pytest
from support import salesforce_cassettes as cassettes


@pytest.mark.parametrize("name", cassettes.SCENARIOS)
async def test_a_recorded_conversation_goes_as_it_went(name: str) -> None:
    await cassettes.replay(name)


async def test_a_replay_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a replay reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    await cassettes.replay("life_of_a_case")


@pytest.mark.parametrize("name", cassettes.SCENARIOS)
def test_a_cassette_holds_no_secret_and_no_address(name: str) -> None:
    tape = (cassettes.FOLDER / f"{name}.yaml").read_text()
    assert "left-out" in tape
    for secret in ("seawall-secret", "127.0.0.1", "Bearer ", "00DSW"):
        assert secret not in tape


def test_every_cassette_belongs_to_a_scenario() -> None:
    assert {path.stem for path in cassettes.FOLDER.iterdir()} == set(cassettes.SCENARIOS)
