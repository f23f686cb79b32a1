"""Agents that come over HTTP: to `seawall serve`, and to the least that could stand in its place."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from .agents_serving import POOL, Call, bare_client, reading, rounds
from .agents_target import CLIENT, Target

_TOML = """
[ledger]
path = "served.db"

[systems.crm]
connector = "salesforce"
attempt_timeout = 25
deadline = 60
limits = {{ concurrency = {pool}, waiting = 10000 }}

[systems.crm.settings]
url = "{url}"
auth = {{ flow = "client_credentials", client_id = "{client_id}", client_secret = "{client_secret}" }}
external_id_fields = {{ Case = "Seawall_Key__c" }}
max_connections = {pool}

[[policy]]
name = "all"
decision = "allow"
"""


class Served(NamedTuple):
    """A process that serves agents."""

    url: str
    pid: int


@contextmanager
def served_by_seawall(folder: Path, url: str, agents: int, pool: int = POOL) -> Iterator[Served]:
    """`seawall serve`, with a token for each agent."""
    config = folder / "seawall.toml"
    tokens = "".join(f'[[agents.tokens]]\ntoken = "{token(one)}"\nprincipal = "agent:{one}"\n' for one in range(agents))
    config.write_text(_TOML.format(url=url, pool=pool, **CLIENT) + tokens)
    code = "from seawall.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--port", "0", "--json", "--config", str(config)]
    with _process(command) as (process, line):
        yield Served(json.loads(line)["url"], process.pid)


@contextmanager
def served_by_relay(url: str, case: str, pool: int = POOL) -> Iterator[Served]:
    """Starlette and httpx, and nothing between them."""
    with _process([sys.executable, "-m", "benchmarks.agents_http", url, case, str(pool)]) as (process, line):
        yield Served(line.strip(), process.pid)


@contextmanager
def _process(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def token(agent: int) -> str:
    """The bearer token of an agent."""
    return f"token-of-agent-number-{agent:06d}"


def asking(case: str) -> bytes:
    """The body of a tool call that reads a case."""
    params = {"name": "crm__get_case", "arguments": {"case_id": case}}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


@asynccontextmanager
async def agents_of(url: str, case: str) -> AsyncIterator[Call]:
    """Agents with a connection each, which cost this process as little as possible."""
    address, body = urlsplit(url), asking(case)
    lines: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def call(agent: int) -> None:
        if agent not in lines or lines[agent][0].at_eof():  # servers close what is idle for some seconds
            lines[agent] = await asyncio.open_connection(address.hostname, address.port)
        reader, writer = lines[agent]
        head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token(agent)}\r\n"
            "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await _answer(reader)
        assert case.encode() in answer, answer

    try:
        yield call
    finally:
        for _, writer in lines.values():
            writer.transport.abort()


async def rates(folder: Path, target: Target, case: str, agents: int, scale: float) -> dict[str, float]:
    """Reads a second by agents with a connection each.

    Args:
        folder: Where the ledger is put.
        target: The simulator.
        case: What they read.
        agents: How many come at the same time.
        scale: 1 for 10 seconds.
    """
    with served_by_relay(target.url, case) as relay, served_by_seawall(folder, target.url, agents) as seawall:
        async with agents_of(relay.url, case) as relayed, agents_of(seawall.url, case) as told:
            subjects = {"starlette and bare httpx over HTTP, reads": relayed, "MCP over HTTP, reads": told}
            return await rounds(subjects, agents, 10 * scale)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head
    if b"transfer-encoding: chunked" not in head:
        return await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)


async def _relay(url: str, case: str, pool: int) -> None:
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async with bare_client(url, pool=pool) as client:
        read = reading(client, case)

        async def relayed(request: Request) -> JSONResponse:
            asked = await request.json()
            await read(0)
            return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": {"case": case}})

        app = Starlette(routes=[Route("/mcp", relayed, methods=["POST"])])
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(2048)
            print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
            config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", lifespan="off")
            await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(_relay(sys.argv[1], sys.argv[2], int(sys.argv[3])))
