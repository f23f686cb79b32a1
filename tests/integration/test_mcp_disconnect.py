"""Clients that are killed while a call runs: a write comes to its end and is found later; a read is given up."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from support.mcp import CREATE, SLOW, TOKENS, Org, client, org, serving, told, until
from support.own_process import children, ended

CASE = {"reference": "order-4711", "subject": "Parcel lost"}
FIND, ONE = "crm__find_cases", {"limit": 1}
SLOW_READ = {"match": {"lane": "read"}, "point": "apply", "kind": "slow", "params": {"seconds": 18}, "times": 1}
ONE_AT_A_TIME = "limits = { concurrency = 1, waiting = 0 }"  # a read that still runs lets no other one through


def started(behind: Org, how: str, *arguments: str) -> subprocess.Popen[str]:
    """A client in a process of its own, once it has asked for its call."""
    script = Path(__file__).with_name("mcp_client_process.py")
    process = subprocess.Popen(
        [sys.executable, str(script), how, *arguments], env=behind.environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "calling\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    rest, _ = process.communicate(timeout=30)
    assert rest == ""  # nobody was told anything


def by_stdio(behind: Org) -> str:
    return json.dumps(json.loads(behind.stdio("--as", "agent:ada").model_dump_json()))


async def found_applied(agent: Client) -> None:
    """See that a later session finds the operation, applied, and that asking again changes nothing."""
    (mine,) = told(await agent.call_tool("operations_mine", {}))["data"]["content"]["operations"]
    got = told(await agent.call_tool("operation_get", {"operation_id": mine["operation_id"]}))
    again = told(await agent.call_tool(CREATE, CASE))
    assert (mine["status"], got["status"], again["status"]) == ("succeeded", "succeeded", "replayed")
    assert got["records"] == again["records"] == mine["records"]


@pytest.mark.case(26)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_write_of_a_client_killed_over_http_has_one_effect_and_is_found_later(tmp_path: Path, mode: str) -> None:
    with org(tmp_path, SLOW) as behind, serving(behind) as served:
        login = f"{mode}:{TOKENS['ADA_TOKEN']}"
        process = started(behind, "http", served.url, login, CREATE, json.dumps(CASE))
        await asyncio.sleep(1)
        killed(process)
        assert behind.cases() == []
        await asyncio.to_thread(until, lambda: behind.cases() == ["Parcel lost"])
        await asyncio.sleep(1)
        async with client(served.url) as agent:
            await found_applied(agent)
        assert behind.cases() == ["Parcel lost"]


@pytest.mark.case(26)
async def test_write_of_a_host_killed_over_stdio_has_one_effect_and_is_found_later(tmp_path: Path) -> None:
    with org(tmp_path, SLOW) as behind:
        process = started(behind, "stdio", by_stdio(behind), CREATE, json.dumps(CASE))
        (seawall,) = children(process.pid)
        await asyncio.sleep(1)
        killed(process)
        assert behind.cases() == []
        await asyncio.to_thread(until, lambda: ended(seawall))  # by itself, once the result is recorded
        assert behind.cases() == ["Parcel lost"]
        async with Client(behind.stdio("--as", "agent:ada")) as agent:
            await found_applied(agent)
        assert behind.cases() == ["Parcel lost"]


@pytest.mark.case(26)
async def test_write_of_a_host_that_ends_its_server_by_a_signal_is_recorded_first(tmp_path: Path) -> None:
    with org(tmp_path, {**SLOW, "params": {"seconds": 4}}) as behind:
        async with Client(behind.stdio("--as", "agent:ada")) as agent:
            call = asyncio.create_task(agent.call_tool(CREATE, CASE))
            await asyncio.sleep(1)
            call.cancel()
        # This client closed stdin, waited for 2 s, and sent SIGTERM.
        assert behind.cases() == ["Parcel lost"]
        async with Client(behind.stdio("--as", "agent:ada")) as agent:
            await found_applied(agent)
        assert behind.cases() == ["Parcel lost"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_read_of_a_client_killed_over_http_is_given_up(tmp_path: Path, mode: Any) -> None:
    with org(tmp_path, SLOW_READ, system=ONE_AT_A_TIME) as behind, serving(behind) as served:
        login = f"{mode}:{TOKENS['ADA_TOKEN']}"
        process = started(behind, "http", served.url, login, FIND, json.dumps(ONE))
        await asyncio.sleep(1)
        async with client(served.url) as agent:
            busy = told(await agent.call_tool(FIND, ONE))
            killed(process)
            for _ in range(50):
                free = told(await agent.call_tool(FIND, ONE))
                if free["status"] == "succeeded":
                    break
                await asyncio.sleep(0.1)
    assert busy["status"] == "failed"
    assert free["status"] == "succeeded"


async def test_read_that_is_cancelled_over_stdio_is_given_up(tmp_path: Path) -> None:
    with org(tmp_path, SLOW_READ, system=ONE_AT_A_TIME) as behind:
        async with Client(behind.stdio("--as", "agent:ada")) as agent:
            reading = asyncio.create_task(agent.call_tool(FIND, ONE))
            await asyncio.sleep(1)
            busy = told(await agent.call_tool(FIND, ONE))
            reading.cancel()
            for _ in range(50):
                free = told(await agent.call_tool(FIND, ONE))
                if free["status"] == "succeeded":
                    break
                await asyncio.sleep(0.1)
    assert busy["status"] == "failed"
    assert free["status"] == "succeeded"


async def test_host_killed_while_it_reads_leaves_no_process_behind(tmp_path: Path) -> None:
    with org(tmp_path, SLOW_READ) as behind:
        process = started(behind, "stdio", by_stdio(behind), FIND, json.dumps(ONE))
        (seawall,) = children(process.pid)
        await asyncio.sleep(1)
        killed(process)
        await asyncio.to_thread(until, lambda: ended(seawall), 10)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_agents_that_wait_when_the_server_ends_are_told_so_and_their_writes_are_recorded(
    tmp_path: Path, mode: Any
) -> None:
    with org(tmp_path, {**SLOW, "params": {"seconds": 4}}, SLOW_READ) as behind:
        with serving(behind) as served:
            async with client(served.url, mode=mode) as agent:
                await agent.list_tools()  # or this client would ask for it afterwards, to check the result
                writing = asyncio.create_task(agent.call_tool(CREATE, CASE))
                reading = asyncio.create_task(agent.call_tool(FIND, ONE))
                await asyncio.sleep(1.5)
                served.process.terminate()
                wrote, read = told(await writing), told(await reading)
        assert served.process.returncode == 0
        assert behind.cases() == ["Parcel lost"]
        with serving(behind) as served:
            async with client(served.url) as agent:
                got = told(await agent.call_tool("operation_get", {"operation_id": wrote["operation_id"]}))
    assert (wrote["status"], wrote["effect"]) == ("in_progress", "unknown")
    assert (read["status"], read["error"]["code"]) == ("failed", "ending")
    assert got["status"] == "succeeded"


async def test_connections_beyond_the_limit_are_turned_away_and_those_within_it_work(tmp_path: Path) -> None:
    with org(tmp_path, agents="connections = 3") as behind, serving(behind) as served:
        address = httpx2.URL(served.url)
        idle = [await asyncio.open_connection(address.host, address.port) for _ in range(3)]
        headers = {"authorization": f"Bearer {TOKENS['ADA_TOKEN']}", "accept": "application/json, text/event-stream"}
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        async with httpx2.AsyncClient(headers=headers) as http:
            full = await http.post(served.url, json=ping)
            for _, writer in idle:
                writer.close()
                await writer.wait_closed()
            free = await http.post(served.url, json=ping)
    assert (full.status_code, free.status_code) == (503, 200)


async def test_connection_that_says_nothing_is_closed(tmp_path: Path) -> None:
    with org(tmp_path) as behind, serving(behind) as served:
        address = httpx2.URL(served.url)
        quiet, slow = [await asyncio.open_connection(address.host, address.port) for _ in range(2)]
        slow[1].write(b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n")

        async def trickle() -> None:
            while True:
                await asyncio.sleep(1)
                slow[1].write(b"x-more: of it\r\n")

        trickling = asyncio.create_task(trickle())
        async with asyncio.timeout(40):
            assert await quiet[0].read() == b""
            assert await slow[0].read() == b""
        trickling.cancel()
        for _, writer in (quiet, slow):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        async with client(served.url) as agent:
            assert (await agent.list_tools()).tools
