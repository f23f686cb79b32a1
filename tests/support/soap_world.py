"""Simulated SOAP services in virtual time with the connectors on them, judged by the services' effect logs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from seawall.connectors.soap.adapter import SoapAdapter, SoapPortAdapter
from seawall.connectors.soap.netsuite import models
from seawall.connectors.soap.netsuite.adapter import NetSuiteAdapter
from seawall.connectors.soap.netsuite.settings import NetSuiteSettings
from seawall.connectors.soap.settings import SoapSettings
from seawall.core.adapter import Surroundings
from seawall.core.clock import Sources
from seawall.simulators.faults import Plan
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.soap import BillingSettings, BillingSimulator, ErpSettings, ErpSimulator
from seawall.simulators.virtual_time import LoopClock, run

from .soap import KEY, attempt

WSDLS = Path(__file__).parents[2] / "simulators" / "soap"
ERP_URL = "http://erp.example.com/services/ErpPort"
BILLING_URL = "http://billing.example.com/billing"
TOKEN = {
    "how": "token",
    "account": "TSTDRV1",
    "consumer_key": "seawall-app",
    "consumer_secret": "app-secret",
    "token": "seawall-token",
    "token_secret": "token-secret",
}
PASSPORT = {
    "how": "passport",
    "account": "TSTDRV1",
    "email": "integration@example.com",
    "password": "correct-horse",
}


class World(NamedTuple):
    """A service as it is, and the adapter that reaches it."""

    target: Any
    adapter: SoapPortAdapter

    def truth(self, *objects: str) -> int:
        """How many writes, to objects of these names if any are named, really happened."""
        return sum(1 for effect in self.target.effects if not objects or effect.object in objects)

    async def send(self, name: str, request: Any, key: str = KEY, **how: Any) -> Any:
        return await self.adapter.send(self.adapter.actions[name], attempt(request, key, **how))

    async def probe(self, name: str, request: Any, key: str = KEY) -> Any:
        return await self.adapter.probe(self.adapter.actions[name], attempt(request, key, maybe_applied=True))

    async def customer(self, customer_id: str) -> models.Customer:
        sent = await self.send("get_customer", models.GetCustomer(customer_id=customer_id), key="")
        found: models.Customer = sent.value
        return found


Test = Callable[[World], Awaitable[None]]


def plan_of(*faults: dict[str, Any]) -> Plan:
    """A plan of these faults."""
    return Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)]})


def in_an_erp(test: Test, *faults: dict[str, Any], adapter: dict[str, Any] | None = None, **erp: Any) -> None:
    """Run a test in virtual time against a new ERP."""

    async def main() -> None:
        clock = LoopClock()
        target = ErpSimulator(ErpSettings.model_validate(erp), plan_of(*faults), now=clock.now)
        settings = NetSuiteSettings.model_validate(
            {"wsdl": str(WSDLS / "erp.wsdl"), "url": ERP_URL, "auth": TOKEN, **(adapter or {})}
        )
        around = Surroundings("erp", Sources(clock=clock))
        await _run(
            test, target, NetSuiteAdapter.open(settings, around, transport=InProcessTransport(target), inline=True)
        )

    run(main())


def in_billing(test: Test, *faults: dict[str, Any], adapter: dict[str, Any] | None = None, **billing: Any) -> None:
    """Run a test in virtual time against a new billing service."""

    async def main() -> None:
        clock = LoopClock()
        target = BillingSimulator(BillingSettings.model_validate(billing), plan_of(*faults), now=clock.now)
        target.add_account("A-1", "Acme")
        settings = SoapSettings.model_validate(
            {
                "wsdl": str(WSDLS / "billing.wsdl"),
                "url": BILLING_URL,
                "actions": "seawall.connectors.soap.example",
                **(adapter or {}),
            }
        )
        around = Surroundings("billing", Sources(clock=clock))
        opened = SoapAdapter.open(settings, around, transport=InProcessTransport(target), inline=True)
        await _run(test, target, opened)

    run(main())


async def _run(test: Test, target: Any, adapter: SoapPortAdapter) -> None:
    await LoopClock().sleep(5)
    try:
        await test(World(target, adapter))
    finally:
        await adapter.close()
        target.close()
    assert target.faults.never_fired() == ()
