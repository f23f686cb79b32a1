"""The contestant `seawall`: a process that does jobs through a `Seawall`. Argument: URL and ledger as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from ... import Applied, Outcome, Partial, Pending, Rejected, Seawall
from ...connectors.sql.adapter import SqlAdapter
from ...explain import explain
from ..sql.unreliable import register
from .lines import Message, serve_jobs

DEADLINE = 8.0
SETTLED_WITHIN = 90.0


def config(told: Message) -> dict[str, Any]:
    """A configuration with short horizons: the plan's latest commit comes 3 seconds after its request."""
    return {
        "ledger": {"path": told["ledger"], "lease": 2.0},
        "systems": {
            "crm": _system("salesforce", _salesforce(told["crm"])),
            "support": _system("suitecrm", _suitecrm(told["support"])),
            "sales": _system("hubspot", _hubspot(told["sales"])),
            "billing": _system("netsuite", _erp(told["billing"])),
            "orders": _system("sql", _orders(told["orders"])),
        },
        "policy": [{"name": "demo agents", "decision": "allow", "principals": ["agent:*"]}],
    }


def _system(connector: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "connector": connector,
        "attempt_timeout": 1.0,
        "deadline": DEADLINE,
        "horizon": 4.0,
        "breaker": {"failures": 20, "reset_after": 1.0},
        "retry": {"budget_ratio": 0.3, "budget_reserve": 30},
        "recovery": {"interval": 0.2, "first_probe": 0.2, "longest_wait": 2.0, "concurrency": 8},
        "settings": settings,
    }


def _salesforce(told: Message) -> dict[str, Any]:
    return {
        "url": told["url"],
        "auth": {"flow": "client_credentials", **_only(told, "client_id", "client_secret")},
        "external_id_fields": {"Case": told["key_field"]},
        "marker_fields": {"Case": told["marker_field"]},
    }


def _suitecrm(told: Message) -> dict[str, Any]:
    login = {"flow": "client_credentials", **_only(told, "client_id", "client_secret")}
    return {"url": told["url"], "api": "v8", "auth": login}


def _hubspot(told: Message) -> dict[str, Any]:
    return {
        "url": told["url"],
        "auth": {"flow": "private_app", "token": told["token"]},
        "unique_properties": {"notes": "seawall_key"},
    }


def _erp(told: Message) -> dict[str, Any]:
    login = {"how": "token", **told["token"]}
    return {"wsdl": f"{told['url']}?wsdl", "url": told["url"], "auth": login, "lists": False}


def _orders(told: Message) -> dict[str, Any]:
    return {
        "url": told["url"],
        "actions": {"get_order": _GET_ORDER, "change_order": _CHANGE_ORDER},
        "lock_timeout": 1.0,
    }


_GET_ORDER = {
    "description": "Reads an order, with the version that changing it needs.",
    "effect": "read",
    "parameters": {"order_no": "text"},
    "returns": {"order_no": "text", "status": "text", "version": "integer"},
    "statements": [{"sql": "SELECT order_no, status, version FROM orders WHERE order_no = :order_no"}],
}
_CHANGE_ORDER = {
    "description": "Writes a note on an order that was read at `version`, and enters it into the order's history.",
    "effect": "set",
    "parameters": {"reference": "text", "order_no": "text", "version": "integer", "note": "text"},
    "identity": ["reference"],
    "version": "version",
    "entity": "order_no",
    "statements": [
        {
            "sql": "UPDATE orders SET note = :note, version = version + 1 "
            "WHERE order_no = :order_no AND version = :version",
        },
        {
            "sql": "INSERT INTO order_history (order_no, what, entered_by) VALUES (:order_no, :note, 'agent')",
        },
    ],
}


def _only(told: Message, *names: str) -> dict[str, Any]:
    return {name: told[name] for name in names}


def told(outcome: Outcome[Any]) -> Message:
    """An outcome as the agent hears it."""
    match outcome:
        case Applied(value=value, receipt=receipt):
            return {"word": "applied", "record": receipt.record, "value": value.model_dump(mode="json")}
        case Rejected(error=error):
            return {"word": "rejected", "error": str(error), "transient": error.transient, "code": error.code}
        case Partial(items=items):
            return {"word": "partial", "items": [told(item) for item in items]}
        case Pending(waits_for="person", reason=reason):
            return {"word": "parked", "error": reason}
        case _:
            return {"word": "unknown"}


def _record(outcome: str | None) -> str | None:
    return None if outcome is None else json.loads(outcome)["receipt"]["record"]


async def prepare(facts: Message) -> None:
    """Make the table for keys in the orders database, as somebody does who sets Seawall up."""
    made = config(facts)
    made["systems"]["orders"]["settings"]["url"] = facts["orders"]["reliable_url"]
    wall = Seawall.from_config(made)
    adapter = wall.systems["orders"].adapter
    assert isinstance(adapter, SqlAdapter)
    await adapter.install_effects()
    for system in wall.systems.values():
        await system.adapter.close()


async def main(facts: Message) -> None:
    """Do jobs until told to finish; then settle everything and tell the last word on each operation."""
    register()
    await prepare(facts)
    async with Seawall.from_config(config(facts)) as wall:

        async def do(job: Message) -> Message:
            return told(await wall.call(job["action"], job["request"], principal=job["agent"]))

        async def finish() -> Message:
            await wall.settle(SETTLED_WITHIN)
            operations = await wall.ledger.find(limit=1_000_000)
            return {
                "operations": [
                    {
                        "id": one.id,
                        "system": one.system,
                        "action": one.action,
                        "request": json.loads(one.request),
                        "status": one.status,
                    }
                    | {"explained": one.error is not None, "record": _record(one.outcome)}
                    for one in operations
                ]
            }

        await serve_jobs(do, finish)


async def stories(facts: Message, operations: list[str]) -> dict[str, str]:
    """What the ledger tells of some operations, in words; nothing is sent.

    Args:
        facts: What the worker was told, which is gone by now.
        operations: Their ids.
    """
    register()
    async with Seawall.from_config(config(facts), recovery=False) as wall:
        found = [await wall.story(one) for one in operations]
    return {story.operation.id: explain(story, time.time()).text() for story in found if story is not None}


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
