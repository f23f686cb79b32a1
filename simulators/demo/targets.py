"""The simulated systems as one process. `python -m seawall.simulators.demo.targets SEED FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from ..effects import EffectLog
from ..faults import Plan
from ..hubspot import HubSpotSettings, HubSpotSimulator
from ..salesforce import CustomField, SalesforceSettings, SalesforceSimulator
from ..server import serve
from ..soap import ErpSettings, ErpSimulator
from ..sql.legacy import LegacyDatabase
from ..suitecrm import SuiteCrmSettings, SuiteCrmSimulator
from ..systems import Simulated
from .lines import Message, read_lines, say
from .truth import log_of
from .workload import CUSTOMERS

KEY_FIELD: Final = "Seawall_Key__c"
MARKER_FIELD: Final = "Seawall_Marks__c"
DATABASE_PLAN: Final = Path(__file__).parents[1] / "plans" / "harsh-sql.yaml"

_SALESFORCE: Final = SalesforceSettings(
    custom_fields={
        "Case": (
            CustomField(name=KEY_FIELD, external_id=True, unique=True, case_sensitive=True),
            CustomField(name=MARKER_FIELD),
        )
    },
    session_life=30.0,
)


class Targets:
    """All systems, with the customers that they know from the start.

    Args:
        seed: Seeds their faults.
        folder: Where effect logs, and the orders database, are.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        plan = Plan.bundled("harsh").with_seed(seed)
        self._seed = seed
        self._folder = folder
        self._salesforce = SalesforceSimulator(_SALESFORCE, plan, effects_path=log_of(folder, "crm"))
        self._suitecrm = SuiteCrmSimulator(SuiteCrmSettings(), plan, effects_path=log_of(folder, "support"))
        self._hubspot = HubSpotSimulator(HubSpotSettings(), plan, effects_path=log_of(folder, "sales"))
        self._erp = ErpSimulator(ErpSettings(), plan, effects_path=log_of(folder, "billing"))
        self._orders = LegacyDatabase(f"sqlite:///{folder / 'orders.db'}")
        self._orders.create(seed=seed, customers=CUSTOMERS)
        self.simulators: Mapping[str, Simulated] = {
            "crm": self._salesforce,
            "support": self._suitecrm,
            "sales": self._hubspot,
            "billing": self._erp,
        }

    def customers(self) -> list[Message]:
        """What each customer has in each system."""
        return [
            {
                "case": self._suitecrm.add_record("Cases", {"name": f"Complaint {number}", "status": "Open_New"}),
                "contact": self._hubspot.add_record("contacts", {"email": f"c{number}@example.com"}),
                "customer": self._erp.add_record("Customer", {"companyName": f"Customer {number}"}),
                "order": f"O{number:04d}",
            }
            for number in range(1, CUSTOMERS + 1)
        ]

    def facts(self, urls: Mapping[str, str]) -> Message:
        """What a worker must know to reach them."""
        app, suite = _SALESFORCE.clients[0], self._suitecrm.settings.clients[0]
        token = self._erp.settings.tokens[0]
        database = f"{self._folder / 'orders.db'}?plan={DATABASE_PLAN}&seed={self._seed}&tally={self._tally}"
        return {
            "crm": {
                "url": urls["crm"],
                "client_id": app.client_id,
                "client_secret": app.client_secret,
                "key_field": KEY_FIELD,
                "marker_field": MARKER_FIELD,
            },
            "support": {"url": urls["support"], "client_id": suite.client_id, "client_secret": suite.client_secret},
            "sales": {"url": urls["sales"], "token": self._hubspot.settings.private_apps[0].token},
            "billing": {"url": f"{urls['billing']}/services/ErpPort", "token": token.model_dump()},
            "orders": {
                "url": f"sqlite+unreliable:///{database}",
                "reliable_url": f"sqlite:///{self._folder / 'orders.db'}",
            },
            "customers": self.customers(),
        }

    async def settle(self) -> Message:
        """Wait for late commits; then write down what happened in the database, and tell what reached each system."""
        for simulator in self.simulators.values():
            await simulator.settle()
        log = EffectLog(log_of(self._folder, "orders"))
        for one in self._orders.effects():
            log.append(
                at=one.at,
                kind=one.kind,
                object=one.object,
                record_id=one.record_id,
                fields=one.fields,
                changed=one.changed,
                request_id=one.request_id,
                cause=one.cause,
            )
        log.close()
        counted: dict[str, dict[str, Any]] = {
            system: {"calls": simulator.requests, "faults": sum(simulator.faults.fired.values())}
            for system, simulator in self.simulators.items()
        }
        marks = self._tally.read_bytes() if self._tally.exists() else b""
        counted["orders"] = {"calls": len(marks) - marks.count(b"f"), "faults": marks.count(b"f")}
        return counted

    def close(self) -> None:
        """Close the files."""
        for simulator in self.simulators.values():
            simulator.close()
        self._orders.close()

    @property
    def _tally(self) -> Path:
        return self._folder / "orders.tally"


async def main(seed: int, folder: Path) -> None:
    """Serve until standard input ends; asked to, wait for late commits and tell how many calls came."""
    targets = Targets(seed, folder)
    async with AsyncExitStack() as stack:
        urls = {
            system: await stack.enter_async_context(serve(simulator))
            for system, simulator in targets.simulators.items()
        }
        say(targets.facts(urls))
        async for _ in read_lines():
            say(await targets.settle())
    targets.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
