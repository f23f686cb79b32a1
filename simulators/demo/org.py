"""The simulated org as a process of its own. `python -m seawall.simulators.demo.org SEED PLAN EFFECTS`."""

from __future__ import annotations

import asyncio
import sys

from ..faults import Plan
from ..salesforce import CustomField, SalesforceSettings, SalesforceSimulator
from ..server import serve
from .lines import read_lines, say

KEY_FIELD = "Seawall_Key__c"
MARKER_FIELD = "Seawall_Marks__c"

SETTINGS = SalesforceSettings(
    custom_fields={
        "Case": (
            CustomField(name=KEY_FIELD, external_id=True, unique=True, case_sensitive=True),
            CustomField(name=MARKER_FIELD),
        )
    },
    session_life=30.0,
)


async def main(seed: int, plan: str, effects: str) -> None:
    """Serve until standard input ends; then wait for late commits and tell how many calls came."""
    simulator = SalesforceSimulator(SETTINGS, Plan.load(plan), seed=seed, effects_path=effects)
    async with serve(simulator) as url:
        client = SETTINGS.clients[0]
        say({"url": url, "client_id": client.client_id, "client_secret": client.client_secret})
        async for _ in read_lines():
            await simulator.settle()
            say({"calls": simulator.requests, "faults": sum(simulator.faults.fired.values())})
    simulator.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
