"""The two systems of the support case, the configuration in front of them, and the process that serves it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...faults import Plan
from ...salesforce import SalesforceSimulator
from ...server import serve
from ...soap import ErpSettings, ErpSimulator

TOKEN: Final = "the-token-of-agent-ada"  # noqa: S105 -- of a simulation on loopback
LIMIT, REFUND = 100, 240
PERSON: Final = "eve"
_CLI: Final = (sys.executable, "-c", "from seawall.cli import main; main()")
_READY, _ENDING = 60.0, 15.0  # seconds for the process to come up, and to end

_CONFIG: Final = """\
[ledger]
path = "ledger.db"

[agents]
tokens = [{{ token = "{token}", principal = "agent:ada", scopes = ["read", "write"] }}]

[people.{person}]
roles = ["support-lead"]

[systems.crm]
connector = "salesforce"

[systems.crm.settings]
url = "{crm}"
auth = {{ flow = "client_credentials", client_id = "{app}", client_secret = "{secret}" }}

[systems.billing]
connector = "netsuite"
attempt_timeout = 1
horizon = 3
recovery = {{ interval = 0.2, first_probe = 0.2 }}

[systems.billing.settings]
wsdl = "{billing}?wsdl"
url = "{billing}"
lists = false
auth = {auth}

[[policy]]
name = "agents read"
decision = "allow"
principals = ["agent:*"]
effects = ["read"]

[[policy]]
name = "agents comment on cases"
decision = "allow"
principals = ["agent:*"]
actions = ["crm.add_case_comment"]

[[policy]]
name = "small refunds"
decision = "allow"
principals = ["agent:*"]
actions = ["billing.create_credit_memo"]
where = {{ "lines.amount" = {{ max = {limit} }} }}

[[policy]]
name = "larger refunds"
decision = "require_approval"
principals = ["agent:*"]
actions = ["billing.create_credit_memo"]
approval = {{ role = "support-lead", expires = 3600 }}
reason = "refunds above {limit}.00 are for a support lead to decide"
"""

# The refund is booked, and its answer gets lost: what was approved once must be booked once.
_PLAN: Final = {
    "faults": [
        {
            "id": "lost answer",
            "match": {"operation": ["add", "upsert"], "lane": "write"},
            "point": "after_commit",
            "kind": "reset",
            "trigger": {"nth": 1},
        }
    ]
}


@dataclass(frozen=True, slots=True)
class Case:
    """The support case, and where it is worked.

    Args:
        folder: Where configuration and ledger are.
        url: Where Seawall serves MCP.
        case_id: The case in the CRM.
        customer_id: The customer in the ERP.
        invoice_id: What the customer complains about.
        erp: The simulated ERP, whose effect log is the judge.
    """

    folder: Path
    url: str
    case_id: str
    customer_id: str
    invoice_id: str
    erp: ErpSimulator

    def refunds(self) -> list[str]:
        """The credit memos that were really booked."""
        return [effect.record_id for effect in self.erp.effects if effect.object == "CreditMemo"]


@asynccontextmanager
async def open_case(folder: Path) -> AsyncIterator[Case]:
    """Start both systems and a process that serves Seawall in front of them; end all that was started.

    Args:
        folder: An empty folder of its own.

    Raises:
        RuntimeError: The process did not come up; its log is in the folder.
    """
    crm, erp = SalesforceSimulator(), ErpSimulator(ErpSettings(), Plan.model_validate(_PLAN))
    customer = erp.add_record("Customer", {"companyName": "Harbour Books"})
    invoice = erp.add_record("Invoice", {"entity": customer, "memo": "Order 4711"})
    case = crm.add_record("Case", {"Subject": "Order 4711 arrived soaked", "Status": "New"})
    async with serve(crm) as crm_url, serve(erp) as erp_url:
        app, login = crm.settings.clients[0], erp.settings.tokens[0]
        config = _CONFIG.format(
            token=TOKEN,
            person=PERSON,
            crm=crm_url,
            app=app.client_id,
            secret=app.client_secret,
            billing=f"{erp_url}/services/ErpPort",
            auth=_toml({"how": "token", **login.model_dump()}),
            limit=LIMIT,
        )
        folder.joinpath("seawall.toml").write_text(config, encoding="utf-8")
        async with _serving(folder) as url:
            yield Case(folder, url, case, customer, invoice, erp)
    crm.close()
    erp.close()


@asynccontextmanager
async def _serving(folder: Path) -> AsyncIterator[str]:
    with folder.joinpath("serve.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *_CLI,
            "serve",
            "--port",
            "0",
            "--json",
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            process_group=0,  # an interrupt from the terminal is for the parent, which ends its children itself
        )
    try:
        assert process.stdout is not None
        line = b""
        async with asyncio.timeout(_READY):
            line = await process.stdout.readline()
        told = json.loads(line or "{}")
        if "url" not in told:
            raise RuntimeError(f"seawall serve did not start: {told.get('error') or folder / 'serve.log'}")
        yield str(told["url"])
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_ENDING):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def command(folder: Path, *arguments: str, fine: tuple[int, ...] = (os.EX_OK,)) -> dict[str, Any]:
    """Run a command of `seawall` in the folder, and return what it answers as JSON.

    Args:
        folder: Where the configuration is.
        arguments: The command line, without `--json`.
        fine: Exit codes that are no failure.

    Raises:
        RuntimeError: It failed; with what it said.
    """
    process = await asyncio.create_subprocess_exec(
        *_CLI, *arguments, "--json", cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await process.communicate()
    if process.returncode not in fine:
        raise RuntimeError(f"seawall {' '.join(arguments)} failed: {complained.decode(errors='replace')}")
    answer: dict[str, Any] = json.loads(said)
    return answer


def _toml(values: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items()) + " }"
