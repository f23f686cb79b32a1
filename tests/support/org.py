"""A simulated Salesforce org with a client that is logged in, in-process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from seawall.simulators.faults import Plan
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.salesforce import SalesforceSettings, SalesforceSimulator

LOGIN = {"grant_type": "client_credentials", "client_id": "seawall-client", "client_secret": "seawall-secret"}
TOKEN_PATH = "/services/oauth2/token"


class LoggedIn:
    """A client of one org, with paths relative to the versioned API."""

    def __init__(self, org: SalesforceSimulator, http: httpx.AsyncClient, version: str = "v60.0") -> None:
        self.org = org
        self.http = http
        self.version = version

    async def login(self) -> None:
        answer = await self.http.post(TOKEN_PATH, data=LOGIN)
        self.http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"

    async def __call__(self, method: str, path: str, **how: Any) -> httpx.Response:
        return await self.http.request(method, f"/services/data/{self.version}{path}", **how)

    async def soql(self, text: str, **how: Any) -> httpx.Response:
        return await self("GET", "/query", params={"q": text}, **how)

    async def found(self, text: str) -> list[dict[str, Any]]:
        """Rows of a query, without what the API adds to each."""
        answer = await self.soql(text)
        assert answer.status_code == 200, answer.text
        return [{n: v for n, v in row.items() if n != "attributes"} for row in answer.json()["records"]]

    async def create(self, name: str = "Case", /, **fields: Any) -> str:
        answer = await self("POST", f"/sobjects/{name}", json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def happened(self, name: str = "Case") -> list[str]:
        """What really happened to an object, in order."""
        return [effect.kind for effect in self.org.effects.of(name)]


def faults_of(*faults: dict[str, Any], **plan: Any) -> Plan:
    """A plan of faults that are named f0, f1, … unless they have an id."""
    return Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)], **plan})


@asynccontextmanager
async def logged_in(
    *faults: dict[str, Any], version: str = "v60.0", simulator: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[LoggedIn]:
    """An open org. `simulator` goes to the simulator, the rest into its settings."""
    org = SalesforceSimulator(SalesforceSettings.model_validate(settings), faults_of(*faults), **(simulator or {}))
    try:
        async with httpx.AsyncClient(base_url="http://org.test", transport=InProcessTransport(org)) as http:
            client = LoggedIn(org, http, version)
            await client.login()
            yield client
    finally:
        org.close()


def first_error(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, str(answer.json()[0]["errorCode"])
