"""A simulated HubSpot portal with a client that has a token, in-process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from seawall.simulators.faults import Plan
from seawall.simulators.hubspot import HubSpotSettings, HubSpotSimulator
from seawall.simulators.inprocess import InProcessTransport

from .org import faults_of

TOKEN = "pat-na1-seawall"


class Client:
    """A client of one portal, with paths relative to the objects of the v3 API unless they start with a slash."""

    def __init__(self, portal: HubSpotSimulator, http: httpx.AsyncClient) -> None:
        self.portal = portal
        self.http = http

    async def __call__(self, method: str, path: str, **how: Any) -> httpx.Response:
        return await self.http.request(method, path if path.startswith("/") else f"/crm/v3/objects/{path}", **how)

    async def create(self, name: str = "contacts", /, **properties: Any) -> str:
        """A new record; the answer is its id."""
        answer = await self("POST", name, json={"properties": properties})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def seen(self, name: str, record_id: str, **query: str) -> Any:
        """A record as GET shows it, or the status."""
        answer = await self("GET", f"{name}/{record_id}", params=query)
        return answer.json() if answer.status_code == 200 else answer.status_code

    async def found(self, name: str = "contacts", /, **body: Any) -> list[str]:
        """Ids of what a search finds."""
        answer = await self("POST", f"{name}/search", json=body)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["results"]]

    def happened(self, name: str = "contacts") -> list[str]:
        """What really happened to an object, in order."""
        return [effect.kind for effect in self.portal.effects.of(name)]


@asynccontextmanager
async def connected(
    *faults: dict[str, Any], simulator: dict[str, Any] | None = None, plan: Plan | None = None, **settings: Any
) -> AsyncIterator[Client]:
    """An open portal. `simulator` goes to the simulator, the rest into its settings."""
    given = plan or faults_of(*faults)
    portal = HubSpotSimulator(HubSpotSettings.model_validate(settings), given, **(simulator or {}))
    headers = {"authorization": f"Bearer {TOKEN}"}
    try:
        async with httpx.AsyncClient(
            base_url="http://portal.test", transport=InProcessTransport(portal), headers=headers
        ) as http:
            yield Client(portal, http)
    finally:
        portal.close()


def refusal(answer: httpx.Response) -> tuple[int, str | None]:
    """Status and category of a refusal."""
    body = answer.json()
    assert body["status"] == "error"
    return answer.status_code, body.get("category")


def detail(answer: httpx.Response) -> str:
    """Code of the first detail of a refusal."""
    return str(answer.json()["errors"][0]["code"])
