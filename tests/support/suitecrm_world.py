"""A simulated SuiteCRM in virtual time with the adapter connected to it, judged by its effect log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from seawall.connectors.suitecrm import models
from seawall.connectors.suitecrm.adapter import SuiteCrmAdapter
from seawall.core.adapter import Surroundings
from seawall.core.clock import Sources
from seawall.simulators.faults import Plan
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.suitecrm import CustomField, SuiteCrmSimulator
from seawall.simulators.suitecrm import SuiteCrmSettings as Instance
from seawall.simulators.virtual_time import LoopClock, run

from .suitecrm import KEY, MARKS, attempt, settings

USER = {"user_name": "integration", "password": "correct-horse"}
CLIENTS = (
    {"client_id": "seawall-client", "client_secret": "seawall-secret"},
    {"client_id": "seawall-people", "client_secret": "seawall-secret", "grant": "password"},
)
WIRES: dict[str, dict[str, Any]] = {
    "v4_1": {
        "api": "v4_1",
        "auth": {"flow": "login", "username": USER["user_name"], "password": USER["password"]},
    },
    "v8": {
        "api": "v8",
        "auth": {"flow": "client_credentials", "client_id": "seawall-client", "client_secret": "seawall-secret"},
    },
}
FIELDS = {"Cases": (CustomField(name=MARKS),)}


class World(NamedTuple):
    """The instance as it is, and the adapter that reaches it."""

    suite: SuiteCrmSimulator
    crm: SuiteCrmAdapter
    case_id: str
    contact_id: str

    def truth(self, *objects: str) -> int:
        """How many writes to modules really happened."""
        return sum(1 for effect in self.suite.effects if effect.object in objects)

    async def send(self, name: str, request: Any, key: str = KEY, **how: Any) -> Any:
        return await self.crm.send(self.crm.actions[name], attempt(request, key, **how))

    async def probe(self, name: str, request: Any, key: str = KEY) -> Any:
        return await self.crm.probe(self.crm.actions[name], attempt(request, key, maybe_applied=True))

    async def seen(self) -> models.Case:
        sent = await self.send("get_case", models.GetCase(case_id=self.case_id), key="")
        case: models.Case = sent.value
        return case


def in_a_suite(
    test: Callable[[World], Awaitable[None]],
    *faults: dict[str, Any],
    adapter: dict[str, Any],
    suite: dict[str, Any] | None = None,
) -> None:
    """Run a test in virtual time against a new instance with one case and one contact in it."""

    async def main() -> None:
        clock = LoopClock()
        plan = Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)]})
        instance = Instance.model_validate(
            {"users": (USER,), "clients": CLIENTS, "custom_fields": FIELDS, **(suite or {})}
        )
        simulator = SuiteCrmSimulator(instance, plan, now=clock.now)
        case_id = simulator.add_record("Cases", {"name": "Old case", "priority": "P3", "status": "Open_New"})
        contact_id = simulator.add_record("Contacts", {"last_name": "O'Brien"})
        crm = SuiteCrmAdapter.open(
            settings(**adapter),
            Surroundings("crm", Sources(clock=clock)),
            transport=InProcessTransport(simulator),
        )
        await clock.sleep(5)
        try:
            await test(World(simulator, crm, case_id, contact_id))
        finally:
            await crm.close()
        assert simulator.faults.never_fired() == ()

    run(main())
