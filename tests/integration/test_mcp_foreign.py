"""npm's official MCP client, unmodified, against both transports."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.authorization import CLIENTS, authorization_server
from support.mcp import COMMAND, CREATE, SLOW, TOKENS, org, serving
from support.needed import missing
from support.own_process import free_port

FOREIGN = Path(__file__).parents[1] / "foreign"


def seen_by_node(*arguments: str, script: str = "mcp_client.mjs") -> dict[str, Any]:
    """What the script prints."""
    node = shutil.which("node")
    if node is None:
        missing("node is not installed")
    if not (FOREIGN / "node_modules" / "@modelcontextprotocol" / "sdk").is_dir():
        missing("@modelcontextprotocol/sdk is not installed: run make foreign")
    command: Sequence[str] = [node, script, *arguments]
    run = subprocess.run(command, cwd=FOREIGN, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    printed: dict[str, Any] = json.loads(run.stdout)
    return printed


def check(seen: dict[str, Any]) -> None:
    assert CREATE in seen["names"]
    assert seen["create"]["annotations"] == {
        "readOnlyHint": False,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": True,
    }
    assert seen["create"]["_meta"]["seawall/effect-class"] == "create"
    operation = seen["first"].pop("id")
    assert {seen[name].pop("id") for name in ("again", "reworded", "asked")} == {operation}
    assert seen["first"] == {"status": "succeeded", "effect": "applied", "isError": False, "mirrored": "succeeded"}
    assert seen["again"] == {"status": "replayed", "effect": "applied", "isError": False, "mirrored": "replayed"}
    assert seen["reworded"] == {
        "status": "conflict",
        "effect": "not_applied",
        "isError": True,
        "mirrored": "conflict",
    }
    assert (seen["asked"]["status"], seen["unknown"]["status"]) == ("succeeded", "invalid")


@pytest.mark.case(26)
def test_client_that_is_not_python_sees_a_replay_over_stdio(tmp_path: Path) -> None:
    with org(tmp_path) as behind:
        started = {"command": COMMAND[0], "args": [*COMMAND[1:], "mcp"], "cwd": str(tmp_path), "env": TOKENS}
        seen = seen_by_node("stdio", json.dumps(started))
        assert behind.cases() == ["Parcel lost"]
    check(seen)


@pytest.mark.case(26)
def test_client_that_is_not_python_sees_a_replay_over_http(tmp_path: Path) -> None:
    with org(tmp_path) as behind, serving(behind) as served:
        seen = seen_by_node("http", served.url, TOKENS["ADA_TOKEN"])
        assert behind.cases() == ["Parcel lost"]
    check(seen)


@pytest.mark.case(26)
def test_client_that_is_not_python_finds_the_authorization_server_and_logs_in(tmp_path: Path) -> None:
    port = free_port()
    with authorization_server() as ours:
        settings = f'issuer = "{ours.url}"\naudience = "http://127.0.0.1:{port}/mcp"'
        with org(tmp_path, agents=f"[agents.oauth]\n{settings}") as behind, serving(behind, port) as served:
            known = {"clientId": "ada", "clientSecret": CLIENTS["ada"], "expectedIssuer": ours.url}
            login = {**known, "scope": "seawall:read seawall:write"}  # this client asks for no other scope later on
            seen = seen_by_node("oauth", served.url, json.dumps(login))
            assert behind.cases() == ["Parcel lost"]
        assert ours.asked.count("/token") == 1
    check(seen)


@pytest.mark.parametrize("how", ["stdio", "http"])
def test_client_that_is_not_python_hears_of_the_wait_and_finds_the_result(tmp_path: Path, how: str) -> None:
    with org(tmp_path, {**SLOW, "params": {"seconds": 8}}, hold=6) as behind:
        if how == "stdio":
            started = {"command": COMMAND[0], "args": [*COMMAND[1:], "mcp"], "cwd": str(tmp_path), "env": TOKENS}
            seen = seen_by_node("stdio", json.dumps(started), script="mcp_slow_client.mjs")
        else:
            with serving(behind) as served:
                seen = seen_by_node("http", served.url, TOKENS["ADA_TOKEN"], script="mcp_slow_client.mjs")
        assert behind.cases() == ["Parcel lost"]
    assert [one["message"] for one in seen["progress"]] == ["Still running; result not known."]
    assert (seen["first"]["status"], seen["first"]["next"]["tool"]) == ("in_progress", "operation_wait")
    assert (seen["last"]["status"], seen["last"]["operation_id"]) == ("succeeded", seen["first"]["operation_id"])
