"""A simulated org in virtual time with the adapter connected to it, judged by the org's effect log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from seawall.connectors.salesforce import models
from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.core.adapter import Surroundings
from seawall.core.clock import Sources
from seawall.simulators.faults import Plan
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.salesforce import CustomField, SalesforceSimulator
from seawall.simulators.salesforce import SalesforceSettings as Org
from seawall.simulators.virtual_time import LoopClock, run

from .salesforce import BY_ID, FIELD, KEY, MARKS, attempt, settings

LOGIN = {"flow": "client_credentials", "client_id": "seawall-client", "client_secret": "seawall-secret"}
FIELDS = (CustomField(name=FIELD, external_id=True, unique=True), CustomField(name=MARKS))


class World(NamedTuple):
    """The org as it is, and the adapter that reaches it."""

    org: SalesforceSimulator
    crm: SalesforceAdapter
    case_id: str

    def truth(self, *objects: str) -> int:
        """How many writes to objects, or runs of flows, really happened."""
        return sum(1 for effect in self.org.effects if effect.object in objects)

    async def send(self, name: str, request: Any, key: str = KEY, **how: Any) -> Any:
        return await self.crm.send(self.crm.actions[name], attempt(request, key, **how))

    async def probe(self, name: str, request: Any, key: str = KEY) -> Any:
        return await self.crm.probe(self.crm.actions[name], attempt(request, key, maybe_applied=True))

    async def seen(self) -> models.Case:
        sent = await self.send("get_case", models.GetCase(case_id=self.case_id), key="")
        case: models.Case = sent.value
        return case


def in_an_org(
    test: Callable[[World], Awaitable[None]],
    *faults: dict[str, Any],
    adapter: dict[str, Any] = BY_ID,
    org: dict[str, Any] | None = None,
) -> None:
    """Run a test in virtual time against a new org with one case in it."""

    async def main() -> None:
        clock = LoopClock()
        plan = Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)]})
        simulator = SalesforceSimulator(
            Org.model_validate({"custom_fields": {"Case": FIELDS, "Task": FIELDS}, **(org or {})}), plan, now=clock.now
        )
        case_id = simulator.add_record("Case", {"Subject": "Old case", "Priority": "Low"})
        crm = SalesforceAdapter.open(
            settings(**{"auth": LOGIN, **adapter}),
            Surroundings("crm", Sources(clock=clock)),
            transport=InProcessTransport(simulator),
        )
        await clock.sleep(5)
        try:
            await test(World(simulator, crm, case_id))
        finally:
            await crm.close()
        assert simulator.faults.never_fired() == ()

    run(main())
