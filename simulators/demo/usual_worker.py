"""The contestants `retry` and `retry_and_breaker`: each system in the usual way, with tenacity and pybreaker."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Protocol

from .lines import Message, serve_jobs
from .usual.calling import Do, Failed
from .usual.erp import Erp
from .usual.hubspot import HubSpot
from .usual.orders import Orders
from .usual.salesforce import Salesforce
from .usual.suitecrm import SuiteCrm


class Client(Protocol):
    """A client of one system."""

    def actions(self) -> dict[str, Do]:
        """What it can do."""
        ...


class UsualWay:
    """A client of each system.

    Args:
        facts: Where they are, and credentials.
        breaker: Whether calls go through a breaker; each system has its own.
    """

    def __init__(self, facts: Message, *, breaker: bool) -> None:
        clients: dict[str, Client] = {
            "crm": Salesforce(facts["crm"], breaker=breaker),
            "support": SuiteCrm(facts["support"], breaker=breaker),
            "sales": HubSpot(facts["sales"], breaker=breaker),
            "billing": Erp(facts["billing"], breaker=breaker),
            "orders": Orders(facts["orders"], breaker=breaker),
        }
        self._actions: dict[str, Do] = {
            f"{system}.{name}": action
            for system, client in clients.items()
            for name, action in client.actions().items()
        }

    async def do(self, job: Message) -> Message:
        """One job; an exception is what the agent is told as a failure."""
        try:
            return await self._actions[job["action"]](job["request"])
        except Exception as error:  # noqa: BLE001 -- the usual way: whatever went wrong, it failed
            sure = isinstance(error, Failed) and error.refused
            return {"word": "rejected", "error": f"{type(error).__name__}: {error}"[:200], "sure": sure}


async def main(facts: Message, *, breaker: bool) -> None:
    """Do jobs until told to finish. There is nothing to settle: what was told was told."""
    client = UsualWay(facts, breaker=breaker)

    async def nothing() -> Message:
        return {}

    await serve_jobs(client.do, nothing)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[2]), breaker=sys.argv[1] == "retry_and_breaker"))
