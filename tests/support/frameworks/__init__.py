"""Scripted models that call tools through the real packages, and the wall and the org that their calls reach."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from seawall import Config, Seawall
from seawall.agents import Dispatcher, Reach
from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.core.adapter import Surroundings
from seawall.simulators.faults import Plan
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.salesforce import SalesforceSettings, SalesforceSimulator
from support.agents import ADA
from support.salesforce import BY_ID, settings
from support.salesforce_world import FIELDS, LOGIN
from support.virtual import sources

CREATE, GET_CASE, ASK = "crm__create_case", "crm__get_case", "operation_get"
CASE = {"reference": "order-4711", "subject": "Parcel lost"}
LOST = {"kind": "reset", "point": "after_commit", "match": {"operation": "create"}}
NOTHING_FOUND_OUT = {"kind": "reset", "point": "apply", "match": {"lane": "read"}}


class Ask(NamedTuple):
    """One call, as a model writes it; arguments that are text are written as they are."""

    call_id: str
    name: str
    arguments: dict[str, Any] | str

    @property
    def written(self) -> str:
        """The arguments as text."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


class Told(NamedTuple):
    """What a model was told of one call: the whole text, and whether it was marked as an error, where that is told."""

    call_id: str
    text: str
    marked: bool | None

    @property
    def envelope(self) -> dict[str, Any]:
        """The first line."""
        found: dict[str, Any] = json.loads(self.text.partition("\n")[0])
        return found

    @property
    def facts(self) -> tuple[str, str]:
        return self.envelope["status"], self.envelope["effect"]


class Seen(NamedTuple):
    """What a model saw: the tools by name with their schemas, at each of its turns, and the results."""

    tools: list[dict[str, Any]]
    told: list[Told]


class Drive(Protocol):
    """Runs a scripted model through a framework: each turn makes calls at once, and a last one ends it."""

    async def __call__(self, agent: Dispatcher, *turns: list[Ask]) -> Seen: ...


@asynccontextmanager
async def crm_agent(
    folder: Path,
    *faults: dict[str, Any],
    policy: list[dict[str, Any]] | None = None,
    agents: dict[str, Any] | None = None,
    scopes: tuple[Reach, ...] = tuple(Reach),
    **system: Any,
) -> AsyncIterator[tuple[Dispatcher, SalesforceSimulator]]:
    """A dispatcher for `agent:ada` and the simulated org in this process that its calls reach."""
    given = sources()
    plan = Plan.model_validate({"faults": [{"id": f"f{n}", **fault} for n, fault in enumerate(faults)]})
    fields = {"Case": FIELDS, "Task": FIELDS}
    org = SalesforceSimulator(SalesforceSettings.model_validate({"custom_fields": fields}), plan, now=given.clock.now)
    crm = SalesforceAdapter.open(
        settings(auth=LOGIN, **BY_ID), Surroundings("crm", given), transport=InProcessTransport(org)
    )
    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db"), "lease": 30.0},
            "systems": {"crm": {"connector": "salesforce", **system}},
            "agents": agents or {},
            "policy": policy or [{"name": "everything", "decision": "allow"}],
        }
    )
    async with Seawall(config, adapters={"crm": crm}, sources=given, recovery=False, inline_ledger=True) as wall:
        yield Dispatcher(wall, ADA, scopes=scopes), org


def cases(org: SalesforceSimulator) -> list[str]:
    """Subjects of the cases that were really opened."""
    return [str(effect.fields["Subject"]) for effect in org.effects if effect.object == "Case"]
