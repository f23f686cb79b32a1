"""A simulated HubSpot portal in virtual time with the adapter connected to it, judged by its effect log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from seawall.connectors.hubspot import models
from seawall.connectors.hubspot.adapter import HubSpotAdapter
from seawall.connectors.hubspot.settings import HubSpotSettings
from seawall.core.adapter import Attempt, Surroundings
from seawall.core.clock import Sources
from seawall.simulators.faults import Plan
from seawall.simulators.hubspot import CustomProperty, HubSpotSimulator
from seawall.simulators.hubspot import HubSpotSettings as Portal
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.virtual_time import LoopClock, run

KEY = "sw-" + "a" * 26
OTHER_KEY = "sw-" + "b" * 26
OBJECTS = ("contacts", "companies", "tickets", "notes")
TOKEN = {"flow": "private_app", "token": "pat-na1-seawall"}
OAUTH = {
    "flow": "oauth",
    "client_id": "seawall-client",
    "client_secret": "seawall-secret",
    "refresh_token": "seawall-refresh",
}
PLACES: dict[str, dict[str, Any]] = {
    "unique": {"unique_properties": dict.fromkeys(OBJECTS, "seawall_key")},
    "marker": {"marker_properties": dict.fromkeys(OBJECTS, "seawall_mark")},
    "text": {},
}
_PROPERTIES = (CustomProperty(name="seawall_key", unique=True), CustomProperty(name="seawall_mark"))


def settings(**changes: Any) -> HubSpotSettings:
    return HubSpotSettings.model_validate({"url": "https://portal.example", "auth": TOKEN, **changes})


def attempt(request: BaseModel, key: str = KEY, **changes: Any) -> Attempt:
    return Attempt(**{"operation_id": "op_1", "key": key, "request": request, "timeout": 10.0, **changes})


class World(NamedTuple):
    """The portal as it is, and the adapter that reaches it."""

    portal: HubSpotSimulator
    crm: HubSpotAdapter
    clock: LoopClock
    contact_id: str
    ticket_id: str

    def truth(self, *objects: str) -> int:
        """How many writes to objects really happened."""
        return sum(1 for effect in self.portal.effects if effect.object in objects)

    async def send(self, name: str, request: Any, key: str = KEY, **how: Any) -> Any:
        return await self.crm.send(self.crm.actions[name], attempt(request, key, **how))

    async def send_many(self, name: str, request: Any, items: Sequence[BaseModel], **how: Any) -> Sequence[Any]:
        action = self.crm.actions[name]
        attempts = [attempt(item, f"sw-{number:026d}", **how) for number, item in enumerate(items)]
        return await self.crm.send_batch(action, request, attempts)

    async def probe(self, name: str, request: Any, key: str = KEY) -> Any:
        return await self.crm.probe(self.crm.actions[name], attempt(request, key, maybe_applied=True))

    async def contact(self) -> models.Contact:
        sent = await self.send("get_contact", models.GetContact(contact_id=self.contact_id), key="")
        found: models.Contact = sent.value
        return found

    async def ticket(self) -> models.Ticket:
        sent = await self.send("get_ticket", models.GetTicket(ticket_id=self.ticket_id), key="")
        found: models.Ticket = sent.value
        return found


def in_a_portal(
    test: Callable[[World], Awaitable[None]],
    *faults: dict[str, Any],
    adapter: dict[str, Any] = PLACES["unique"],
    portal: dict[str, Any] | None = None,
) -> None:
    """Run a test in virtual time against a new portal with one contact and one ticket in it."""

    async def main() -> None:
        clock = LoopClock()
        plan = Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)]})
        given = {"custom_properties": dict.fromkeys(OBJECTS, _PROPERTIES), **(portal or {})}
        simulator = HubSpotSimulator(Portal.model_validate(given), plan, now=clock.now)
        contact_id = simulator.add_record("contacts", {"email": "old@example.com", "firstname": "Old"})
        stage = {"hs_pipeline": "0", "hs_pipeline_stage": "1"}
        ticket_id = simulator.add_record("tickets", {"subject": "Old ticket", **stage})
        crm = HubSpotAdapter.open(
            settings(**adapter), Surroundings("crm", Sources(clock=clock)), transport=InProcessTransport(simulator)
        )
        await clock.sleep(10)
        try:
            await test(World(simulator, crm, clock, contact_id, ticket_id))
        finally:
            await crm.close()
        assert simulator.faults.never_fired() == ()

    run(main())
