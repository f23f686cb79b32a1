"""`seawall mcp` in a process of its own, called by the SDK's client over stdin and stdout."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.mcp import COMMAND, CREATE, GET_CASE, SLOW, org, told

CASE = {"reference": "order-4711", "subject": "Parcel lost"}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_agent_lists_calls_and_sees_a_replay(tmp_path: Path, mode: Any) -> None:
    with org(tmp_path) as behind:
        async with Client(behind.stdio("--as", "agent:ada"), mode=mode) as client:
            tools = (await client.list_tools()).tools
            first = told(await client.call_tool(CREATE, CASE))
            again = told(await client.call_tool(CREATE, CASE))
            seen = told(await client.call_tool(GET_CASE, {"case_id": first["records"][0]["id"]}))
            asked = told(await client.call_tool("operation_get", {"operation_id": first["operation_id"]}))
            wrong = told(await client.call_tool(CREATE, {"subject": "without a reference"}))
            nothing = told(await client.call_tool("crm__no_such", {}))
        assert behind.cases() == ["Parcel lost"]
    names = [tool.name for tool in tools]
    assert names[-4:] == ["operation_get", "operation_wait", "operation_cancel", "operations_mine"]
    assert names[:-4] == sorted(names[:-4])
    assert "crm__run_flow" not in names  # denied by policy: what is sent
    (create,) = [tool for tool in tools if tool.name == CREATE]
    assert create.annotations is not None
    assert create.annotations.model_dump(exclude_none=True) == {
        "read_only_hint": False,
        "destructive_hint": False,
        "idempotent_hint": True,
        "open_world_hint": True,
    }
    assert (create.meta or {})["seawall/effect-class"] == "create"
    assert [told["status"] for told in (first, again, seen, asked)] == [
        "succeeded",
        "replayed",
        "succeeded",
        "succeeded",
    ]
    assert again["operation_id"] == first["operation_id"]
    assert seen["data"]["content"]["subject"] == "Parcel lost"
    assert (wrong["status"], wrong["error"]["fields"][0]["field"]) == ("invalid", "reference")
    assert nothing["status"] == "invalid"


@pytest.mark.case(26)
async def test_repeats_of_agents_in_several_sessions_have_one_effect(tmp_path: Path) -> None:
    with org(tmp_path, SLOW) as behind:
        async with Client(behind.stdio("--as", "agent:ada")) as client:
            doubled = await asyncio.gather(*(client.call_tool(CREATE, CASE) for _ in range(4)))
            reworded = told(await client.call_tool(CREATE, {**CASE, "subject": "A parcel was lost"}))
        async with Client(behind.stdio("--as", "agent:ada")) as client:
            later = told(await client.call_tool(CREATE, CASE))
            listed = told(await client.call_tool("operations_mine", {}))
        async with Client(behind.stdio("--as", "agent:bob")) as client:
            others = told(await client.call_tool("operation_get", {"operation_id": later["operation_id"]}))
        assert behind.cases() == ["Parcel lost"]
    statuses = sorted(told(result)["status"] for result in doubled)
    assert statuses == ["replayed", "replayed", "replayed", "succeeded"]
    assert (reworded["status"], reworded["effect"]) == ("conflict", "not_applied")
    assert later["status"] == "replayed"
    assert [one["operation_id"] for one in listed["data"]["content"]["operations"]] == [later["operation_id"]]
    assert others["status"] == "invalid"


async def test_call_beyond_the_hold_window_tells_its_progress_and_is_found_later(tmp_path: Path) -> None:
    heard: list[float] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    slow = {**SLOW, "params": {"seconds": 8}}
    with org(tmp_path, slow, hold=6) as behind:
        async with Client(behind.stdio("--as", "agent:ada")) as client:
            first = told(await client.call_tool(CREATE, CASE, progress_callback=listen))
            waited = told(await client.call_tool("operation_wait", first["next"]["arguments"]))
        assert behind.cases() == ["Parcel lost"]
    assert (first["status"], first["effect"]) == ("in_progress", "unknown")
    assert len(heard) == 1
    assert waited["status"] == "succeeded"


async def test_host_that_goes_away_cancels_the_wait_and_never_the_write(tmp_path: Path) -> None:
    with org(tmp_path, SLOW) as behind:
        async with Client(behind.stdio("--as", "agent:ada")) as client:
            call = asyncio.create_task(client.call_tool(CREATE, CASE))
            await asyncio.sleep(1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            again = told(await client.call_tool(CREATE, CASE))
        assert behind.cases() == ["Parcel lost"]
    assert (again["status"], again["effect"]) == ("replayed", "applied")


def test_stdout_carries_nothing_but_the_protocol(tmp_path: Path) -> None:
    opening = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "by hand", "version": "1"},
        },
    }
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": CREATE, "arguments": CASE}}
    with org(tmp_path) as behind:
        lines: list[dict[str, Any]] = [opening, {"jsonrpc": "2.0", "method": "notifications/initialized"}, call]
        with subprocess.Popen(
            [*COMMAND, "--verbose", "mcp"],
            cwd=tmp_path,
            env=behind.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            answers = []
            for line in lines:
                process.stdin.write(json.dumps(line) + "\n")
                process.stdin.flush()
                if "id" in line:
                    answers.append(json.loads(process.stdout.readline()))
            rest, errors = map(str, process.communicate(timeout=60))
        assert behind.cases() == ["Parcel lost"]
    assert [answer["id"] for answer in answers] == [1, 2]
    assert answers[0]["result"]["protocolVersion"] == "2025-06-18"
    assert answers[1]["result"]["structuredContent"]["status"] == "succeeded"
    assert rest == ""
    assert "Traceback" not in errors
    assert process.returncode == 0
