"""The same with processes of their own: over stdio, and over HTTP with two instances that share a ledger and a key."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import ElicitResult, InputRequiredResult
from support.at_client import Person
from support.mcp import CREATE, Org, client, org, serving, told

CASE = {"reference": "order-4711", "subject": "Parcel lost"}
BEA = "token-of-bea-0123456789"
KEY, OLD = "a" * 40, "b" * 40
APPROVE: Any = {"approval": ElicitResult(action="accept", content={"decision": "approve"})}
ASK = """
[[policy]]
name = "cases"
decision = "require_approval"
actions = ["crm.create_case"]
approval = { role = "lead", elicit = true }

[[policy]]
name = "agents"
"""
MORE = f"""
[[agents.tokens]]
token = "{BEA}"
principal = "agent:bea"
scopes = ["write"]
person = "eve"

[people.eve]
roles = ["lead"]
"""


@contextmanager
def asking(folder: Path) -> Iterator[Org]:
    """An org whose cases eve must approve; she sits at the clients of ada and of bea."""
    with org(folder, agents='state_key = { env = "SEAWALL_STATE_KEY" }') as behind:
        file = folder / "seawall.toml"
        text = file.read_text()
        text = text.replace('[[policy]]\nname = "agents"\n', ASK)
        text = text.replace('scopes = ["read", "write"]\n', 'scopes = ["read", "write"]\nperson = "eve"\n', 1)
        file.write_text(text + MORE)
        yield behind


def votes(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "ledger.db")) as db:
        (found,) = db.execute("SELECT count(*) FROM votes").fetchone()
    return int(found)


async def question(url: str, **options: Any) -> InputRequiredResult:
    async with client(url, elicitation_callback=Person(), **options) as agent:
        asked = await agent.session.call_tool(CREATE, CASE, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult)
    assert asked.input_requests is not None
    assert "May agent:ada do crm.create_case?" in asked.input_requests["approval"].model_dump()["params"]["message"]
    return asked


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_person_approves_over_stdio(tmp_path: Path, mode: Any) -> None:
    eve = Person()
    with asking(tmp_path) as behind:
        (tmp_path / "seawall.toml").write_text(
            (tmp_path / "seawall.toml").read_text().replace('{ env = "SEAWALL_STATE_KEY" }', f'"{KEY}"')
        )
        async with Client(
            behind.stdio("--as", "agent:ada", "--person", "eve"), mode=mode, elicitation_callback=eve
        ) as agent:
            done = told(await agent.call_tool(CREATE, CASE))
        assert (done["status"], behind.cases(), votes(tmp_path)) == ("succeeded", ["Parcel lost"], 1)
        assert len(eve.asked) == 1


async def test_one_instance_asks_and_another_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_STATE_KEY", KEY)
    with asking(tmp_path) as behind, serving(behind) as one, serving(behind) as other:
        asked = await question(one.url)
        assert behind.cases() == []
        async with client(other.url, elicitation_callback=Person()) as agent:
            first = told(
                await agent.call_tool(CREATE, CASE, input_responses=APPROVE, request_state=asked.request_state)
            )
        async with client(one.url, elicitation_callback=Person()) as agent:
            again = told(
                await agent.call_tool(CREATE, CASE, input_responses=APPROVE, request_state=asked.request_state)
            )
        assert (first["status"], again["status"]) == ("succeeded", "succeeded")
        assert first["operation_id"] == again["operation_id"]
        assert (behind.cases(), votes(tmp_path)) == (["Parcel lost"], 1)


async def test_state_that_is_foreign_tampered_or_of_another_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asking(tmp_path) as behind:
        monkeypatch.setenv("SEAWALL_STATE_KEY", OLD)
        with serving(behind) as one:
            asked = await question(one.url)
            monkeypatch.setenv("SEAWALL_STATE_KEY", KEY)
            with serving(behind) as other:
                state = asked.request_state or ""
                middle = len(state) // 2
                turned = f"{state[:middle]}{'A' if state[middle] != 'A' else 'B'}{state[middle + 1 :]}"
                dearer = {**CASE, "subject": "Another subject"}
                for url, token, arguments, shown in (
                    (other.url, None, CASE, state),  # another key
                    (one.url, BEA, CASE, state),  # another principal
                    (one.url, None, dearer, state),  # another call
                    (one.url, None, CASE, turned),
                    (one.url, None, CASE, "approval_1"),
                ):
                    async with client(url, *([] if token is None else [token])) as agent:
                        with pytest.raises(MCPError, match="Invalid or expired requestState"):
                            await agent.call_tool(CREATE, arguments, input_responses=APPROVE, request_state=shown)
            assert (behind.cases(), votes(tmp_path)) == ([], 0)


async def test_keys_that_change_let_open_questions_be_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_STATE_KEY", OLD)
    with asking(tmp_path) as behind:
        with serving(behind) as before:
            asked = await question(before.url)
        file = tmp_path / "seawall.toml"
        file.write_text(
            file.read_text().replace("state_key = {", f'state_key = ["{KEY}", {{').replace('KEY" }', 'KEY" }]')
        )
        with serving(behind) as after:
            async with client(after.url, elicitation_callback=Person()) as agent:
                done = told(
                    await agent.call_tool(CREATE, CASE, input_responses=APPROVE, request_state=asked.request_state)
                )
        assert (done["status"], behind.cases(), votes(tmp_path)) == ("succeeded", ["Parcel lost"], 1)


async def test_older_client_over_http_gets_pending_approval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_STATE_KEY", KEY)
    eve = Person()
    with asking(tmp_path) as behind, serving(behind) as served:
        async with client(served.url, mode="legacy", elicitation_callback=eve) as agent:
            held = told(await agent.call_tool(CREATE, CASE))
        assert (held["status"], eve.asked, behind.cases()) == ("pending_approval", [], [])
