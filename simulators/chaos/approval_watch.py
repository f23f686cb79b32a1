"""Writes down what a worker's ledger makes durable about approvals: who is asked, what is held, and what was spent."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from ...core.identity import canonical_json, digest
from ...core.ledger import Ledger
from ...core.ledger.approval_records import Approval, Ask, Released
from ...core.ledger.records import Begun, Intent, Operation, Status
from .entries import Spent
from .recording import Journal

Durable: TypeAlias = Callable[[Operation, Status, int], None]
"""Writes down that an operation durably has a status, under an epoch."""


def held(begun: Sequence[Begun], intents: Sequence[Intent], journal: Journal, durable: Durable) -> None:
    """Write down what waits for people from now on, and let them know.

    Args:
        begun: What the ledger made of the intents.
        intents: The intents.
        journal: Where it is written down.
        durable: Writes down a state.
    """
    for one, intent in zip(begun, intents, strict=True):
        ours = (one.operation.intent_id or one.operation.id) == intent.id
        if one.operation.status is Status.HELD and ours and intent.ask is not None:
            durable(one.operation, Status.HELD, one.operation.epoch)
            _let_know(journal, intent.ask)


def watch_approvals(ledger: Ledger, journal: Journal, durable: Durable) -> None:
    """Write down each approval that is asked for anew, spent, given back, or ended.

    Args:
        ledger: A worker's open ledger.
        journal: Where it is written down.
        durable: Writes down a state.
    """
    seen: Any = ledger.approvals
    real_substitute: Callable[..., Awaitable[Approval | None]] = seen.substitute
    real_release: Callable[..., Awaitable[Released]] = seen.release
    real_give_back: Callable[..., Awaitable[bool]] = seen.give_back
    real_end: Callable[..., Awaitable[bool]] = seen.end

    async def substitute(approval_id: str, wanted: Ask, *args: Any, **how: Any) -> Approval | None:
        made = await real_substitute(approval_id, wanted, *args, **how)
        if made is not None:
            _let_know(journal, wanted)
        return made

    async def release(approval_id: str, *args: Any) -> Released:
        released = await real_release(approval_id, *args)
        if (begun := released.operation) is not None:
            durable(begun, Status.RUNNING, begun.epoch)
            name, content = journal.operation(begun.id), digest(begun.request)
            journal.write(Spent(journal.clock.now(), approval_id, name, content, journal.shown[approval_id]))
        return released

    async def give_back(approval_id: str, epoch: int) -> bool:
        given = await real_give_back(approval_id, epoch)
        if given:
            await write_down(approval_id, Status.HELD)
        return given

    async def end(approval_id: str, *args: Any, **how: Any) -> bool:
        ended = await real_end(approval_id, *args, **how)
        if ended:
            await write_down(approval_id, Status.REJECTED)
        return ended

    async def write_down(approval_id: str, status: Status) -> None:
        approval = await seen.get(approval_id)
        operation = None if approval is None else await ledger.get(approval.operation_id)
        assert operation is not None
        durable(operation, status, operation.epoch)

    seen.substitute, seen.release, seen.give_back, seen.end = substitute, release, give_back, end


def _let_know(journal: Journal, wanted: Ask) -> None:
    journal.shown[wanted.id] = digest(canonical_json(json.loads(wanted.shown)["arguments"]))
    journal.asked(wanted.id)
