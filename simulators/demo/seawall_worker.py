"""The contestant `seawall`: a process that does jobs through a `Seawall`. Argument: URL and ledger as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from ... import Applied, Outcome, Partial, Pending, Rejected, Seawall
from ...explain import explain
from .lines import Message, serve_jobs
from .org import KEY_FIELD, MARKER_FIELD

DEADLINE = 8.0
SETTLED_WITHIN = 90.0


def config(told: Message) -> dict[str, Any]:
    """A configuration with short horizons: the plan's latest commit comes 3 seconds after its request."""
    return {
        "ledger": {"path": told["ledger"], "lease": 2.0},
        "systems": {
            "crm": {
                "connector": "salesforce",
                "attempt_timeout": 1.0,
                "deadline": DEADLINE,
                "horizon": 4.0,
                "breaker": {"failures": 20, "reset_after": 1.0},
                "retry": {"budget_ratio": 0.3, "budget_reserve": 30},
                "recovery": {"interval": 0.2, "first_probe": 0.2, "longest_wait": 2.0, "concurrency": 8},
                "settings": {
                    "url": told["url"],
                    "auth": {
                        "flow": "client_credentials",
                        "client_id": told["client_id"],
                        "client_secret": told["client_secret"],
                    },
                    "external_id_fields": {"Case": KEY_FIELD},
                    "marker_fields": {"Case": MARKER_FIELD},
                },
            }
        },
        "policy": [{"name": "demo agents", "decision": "allow", "principals": ["agent:*"], "actions": ["crm.*"]}],
    }


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


async def main(facts: Message) -> None:
    """Do jobs until told to finish; then settle everything and tell the last word on each operation."""
    async with Seawall.from_config(config(facts)) as wall:

        async def do(job: Message) -> Message:
            return told(await wall.call(f"crm.{job['action']}", job["request"], principal=job["agent"]))

        async def finish() -> Message:
            await wall.settle(SETTLED_WITHIN)
            operations = await wall.ledger.find(limit=1_000_000)
            return {
                "operations": [
                    {"id": one.id, "action": one.action, "request": json.loads(one.request), "status": one.status}
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
    async with Seawall.from_config(config(facts), recovery=False) as wall:
        found = [await wall.story(one) for one in operations]
    return {story.operation.id: explain(story, time.time()).text() for story in found if story is not None}


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
