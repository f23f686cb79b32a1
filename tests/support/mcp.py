"""A Seawall that serves MCP in a process of its own, a simulated Salesforce behind it, and clients before it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from seawall.simulators.faults import Plan
from seawall.simulators.salesforce import SalesforceSettings, SalesforceSimulator
from seawall.simulators.server import serve_in_thread

CREATE, GET_CASE = "crm__create_case", "crm__get_case"
SLOW = {"match": {"lane": "write"}, "point": "apply", "kind": "slow", "params": {"seconds": 2}}
TOKENS = {"ADA_TOKEN": "token-of-ada-0123456789", "VIEWER_TOKEN": "token-of-viewer-0123456789"}
COMMAND = [sys.executable, "-c", "from seawall.cli import main; main()"]

CONFIG = """
principal = "agent:default"

[ledger]
path = "ledger.db"

[agents]
hold = {hold}
{agents}

[[agents.tokens]]
token = {{ env = "ADA_TOKEN" }}
principal = "agent:ada"
scopes = ["read", "write"]

[[agents.tokens]]
token = {{ env = "VIEWER_TOKEN" }}
principal = "agent:ada"
scopes = ["read"]

[systems.crm]
connector = "salesforce"
attempt_timeout = 20
deadline = 25
{system}

[systems.crm.settings]
url = "{url}"
auth = {{ flow = "client_credentials", client_id = "seawall-client", client_secret = "seawall-secret" }}
external_id_fields = {{ Case = "Seawall_Key__c" }}

[[policy]]
name = "nothing is sent"
decision = "deny"
effects = ["send"]

[[policy]]
name = "agents"
decision = "allow"
principals = ["agent:*"]
"""


class Org(NamedTuple):
    """A simulated org and a folder with the configuration that reaches it."""

    simulator: SalesforceSimulator
    folder: Path

    def cases(self) -> list[str]:
        """Subjects of the cases that were really opened."""
        return [str(effect.fields["Subject"]) for effect in self.simulator.effects if effect.object == "Case"]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **TOKENS}

    def stdio(self, *options: str) -> StdioServerParameters:
        """How a host starts `seawall mcp`."""
        return StdioServerParameters(
            command=COMMAND[0], args=[*COMMAND[1:], "mcp", *options], cwd=self.folder, env=TOKENS
        )


@contextmanager
def org(folder: Path, *faults: dict[str, Any], hold: float = 45, system: str = "", agents: str = "") -> Iterator[Org]:
    """Serve an org from a thread, with a configuration in `folder`."""
    plan = Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)]})
    simulator = SalesforceSimulator(SalesforceSettings(), plan)
    with serve_in_thread(simulator) as url:
        (folder / "seawall.toml").write_text(CONFIG.format(url=url, hold=hold, system=system, agents=agents))
        yield Org(simulator, folder)


class Served(NamedTuple):
    """A running `seawall serve`."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def serving(org: Org, port: int = 0) -> Iterator[Served]:
    """Run `seawall serve`, and end it in good order afterwards."""
    command = [*COMMAND, "serve", "--port", str(port), "--json"]
    log = (org.folder / "serve.log").open("w")
    with (
        log,
        subprocess.Popen(
            command, cwd=org.folder, env=org.environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], 30)
            assert ready, (org.folder / "serve.log").read_text()
            line = process.stdout.readline()
            assert line, (org.folder / "serve.log").read_text()
            yield Served(json.loads(line)["url"], process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@asynccontextmanager
async def client(url: str, token: str = TOKENS["ADA_TOKEN"], **options: Any) -> AsyncIterator[Client]:
    """The SDK's own client, with a token."""
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), **options) as found,
    ):
        yield found


def told(result: Any) -> dict[str, Any]:
    """The envelope, after seeing that the text tells the same."""
    envelope: dict[str, Any] = result.structured_content
    mirrored = json.loads(result.content[0].text)
    assert {**mirrored, "data": None} == {**envelope, "data": None}
    if envelope["data"] is not None:
        inside = result.content[1].text.partition(">\n")[2].rpartition("\n</untrusted-data>")[0]
        assert json.loads(inside) == envelope["data"]["content"]
    assert result.is_error == (envelope["status"] not in ("succeeded", "replayed", "pending_approval", "in_progress"))
    return envelope


def until(condition: Any, seconds: float = 20) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
