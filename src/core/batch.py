"""A batch: many operations, one call on the wire. Each item has its own key, its own row and its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from .action import Action, Batch
from .adapter import Attempt, ItemResult, Sent
from .doubt import checked, receipt_of
from .errors import (
    Cancelled,
    Conflict,
    ContractBroken,
    IntegrationError,
    InvalidRequest,
    LedgerUnavailable,
    NotSent,
)
from .identity import Identity, identify
from .intake import RECORDING, Asked
from .ledger.records import Begun, Operation, Status, Verdict
from .outcome import Applied, Outcome, Partial, Pending, Rejected, Unknown
from .replay import encode_applied, identity_conflict, outcome_of
from .trail import Trail


class Item:
    """One item while its batch is carried out.

    Args:
        operation: Its row, held by us.
        request: Its request.
        asked: What was asked, for the clock.
    """

    def __init__(self, operation: Operation, request: BaseModel, asked: Asked) -> None:
        self.operation = operation
        self.request = request
        self.trail = Trail(operation.id, operation.epoch, asked.sources.clock)
        self.result: ItemResult = NotSent("the batch was not sent", code="not_sent", transient=True)


async def call_batch(asked: Asked, request: BaseModel) -> Outcome[Any]:
    """Carry a batch out: only what was never applied is sent, and only what may be is sent again.

    Items that may have landed stay `Unknown`; recovery settles each of them by itself.

    Args:
        asked: What was asked.
        request: The validated batch request.
    """
    batch = asked.action.batch
    assert batch is not None
    requests: Sequence[BaseModel] = getattr(request, batch.items)
    if not 0 < len(requests) <= batch.max_size:
        return Rejected(_wrong_size(asked.action, batch, len(requests)).at(asked.system.name, asked.action.name, 0))
    atomic = bool(batch.atomic and getattr(request, batch.atomic))
    batch_id = asked.sources.new_id("batch")
    identities = [identify(asked.system.name, batch.of, item) for item in requests]
    begun = await asked.intake.begin(
        [
            asked.intent(batch.of, item, identity, batch_id=batch_id, atomic=atomic)
            for item, identity in zip(requests, identities, strict=True)
        ],
        asked.deadline_at,
    )
    if isinstance(begun, IntegrationError):
        return Rejected(begun.at(asked.system.name, asked.action.name, 0))
    items = [Item(one.operation, item, asked) if one.fresh else None for one, item in zip(begun, requests, strict=True)]
    fresh = [item for item in items if item is not None]
    if atomic and fresh and len(fresh) < len(items):
        for item in fresh:
            item.result = _mixed()
    elif fresh:
        await _send_until_known(asked, request, fresh, atomic=atomic)
    settled = await _record(asked, batch, fresh)
    outcomes = [
        settled[id(item)] if item is not None else _earlier(asked, batch, one, identity)
        for item, one, identity in zip(items, begun, identities, strict=True)
    ]
    return Partial(tuple(outcomes), batch_id)


async def _send_until_known(asked: Asked, request: BaseModel, items: list[Item], *, atomic: bool) -> None:
    system = asked.system
    number, todo = 1, items
    system.budget.deposit()
    try:
        while todo:
            sending = todo

            async def send(attempt: int, timeout: float, sending: list[Item] = sending) -> Sequence[ItemResult]:
                return await _send_batch(asked, request, sending, attempt, timeout)

            results = await system.attempt(send, number, asked.deadline_at)
            _note(asked, sending, results, number)
            todo = _worth_repeating(sending, atomic=atomic)
            if not todo:
                return
            slowest = max((_error(item) for item in todo), key=lambda error: error.retry_after or 0.0)
            pause = system.pause(slowest, number, asked.deadline_at)
            if isinstance(pause, IntegrationError):
                return
            await asked.sources.clock.sleep(pause)
            number += 1
    except asyncio.CancelledError:
        for item in items:
            if item.trail.in_flight:
                item.result = Cancelled("the caller stopped waiting", code="cancelled")
                item.trail.ended(item.result)
        asked.ledger.finish_soon([_verdict(asked, item) for item in items])
        asked.on_doubt()
        raise


async def _send_batch(
    asked: Asked, request: BaseModel, items: list[Item], number: int, timeout: float
) -> Sequence[ItemResult]:
    ledger = asked.ledger
    if not ledger.lease_is_fresh():
        for item in items:
            if not await ledger.hold(item.operation.id, item.operation.epoch):
                raise NotSent("another process took the batch over while this one was paused", code="lost_lease")
    for item in items:
        item.trail.dispatch()
    attempts = [
        Attempt(item.operation.id, item.operation.key, item.request, number, timeout, item.trail.maybe_applied)
        for item in items
    ]
    results = await asked.system.adapter.send_batch(asked.action, request, attempts)
    if len(results) != len(items):
        raise ContractBroken(f"{len(items)} items were sent, {len(results)} were answered for", code="batch_length")
    return results


def _note(asked: Asked, items: list[Item], results: Sequence[ItemResult] | IntegrationError, number: int) -> None:
    assert asked.action.batch is not None
    for position, item in enumerate(items):
        result = results if isinstance(results, IntegrationError) else results[position]
        if isinstance(result, Sent):
            try:
                result = checked(asked.action.batch.of, result)
            except ContractBroken as broken:
                result = broken
        if isinstance(result, IntegrationError):
            result.at(asked.system.name, asked.action.name, number)
            item.trail.ended(result)
        else:
            item.trail.ended(None)
        item.result = result


def _worth_repeating(items: list[Item], *, atomic: bool) -> list[Item]:
    """Items that had no effect and may have one later. An all-or-nothing batch is repeated whole or not at all."""
    errors = [item.result for item in items if isinstance(item.result, IntegrationError)]
    if atomic:
        whole = len(errors) == len(items) and all(error.effect == "none" for error in errors)
        return items if whole and any(error.transient for error in errors) else []
    return [
        item
        for item in items
        if isinstance(item.result, IntegrationError) and item.result.effect == "none" and item.result.transient
    ]


async def _record(asked: Asked, batch: Batch, items: list[Item]) -> dict[int, Outcome[Any]]:
    """Make all verdicts durable at once, and tell the outcome of each item by its identity."""
    outcomes = {id(item): _outcome(asked, item) for item in items}
    if not items:
        return outcomes
    verdicts = [_verdict(asked, item) for item in items]
    try:
        recorded = await asked.ledger.finish(verdicts, within=max(asked.left(), RECORDING))
    except LedgerUnavailable:
        asked.ledger.finish_soon(verdicts)
        return outcomes
    except TimeoutError:
        return outcomes  # still queued; the ledger goes on with it
    if any(verdict.status is Status.UNKNOWN for verdict in verdicts):
        asked.on_doubt()
    for item, in_time in zip(items, recorded, strict=True):
        if not in_time and (current := await asked.ledger.get(item.operation.id)) is not None:
            outcomes[id(item)] = outcome_of(current, batch.of, asked.sources.clock.now())
    return outcomes


def _outcome(asked: Asked, item: Item) -> Outcome[Any]:
    result = item.result
    if isinstance(result, Sent):
        return Applied(result.value, receipt_of(result), item.operation.id)
    if item.trail.maybe_applied:
        return Unknown(result, item.operation.id, asked.system.settings.recovery.first_probe)
    return Rejected(result, item.operation.id)


def _verdict(asked: Asked, item: Item) -> Verdict:
    result = item.result
    if isinstance(result, Sent):
        return item.trail.verdict(Status.APPLIED, outcome=encode_applied(result.value, receipt_of(result)))
    if item.trail.maybe_applied:
        soon = asked.system.settings.recovery.first_probe
        return item.trail.verdict(Status.UNKNOWN, error=result, next_check_in=soon)
    return item.trail.verdict(Status.REJECTED, error=result)


def _earlier(asked: Asked, batch: Batch, begun: Begun, identity: Identity) -> Outcome[Any]:
    """The outcome of an item whose operation was there before."""
    operation = begun.operation
    if begun.blocked_by is not None:
        return Pending(operation.id, "operation", "An earlier operation on the same record is not settled.")
    if operation.digest != identity.digest:
        return identity_conflict(operation)
    return outcome_of(operation, batch.of, asked.sources.clock.now())


def _error(item: Item) -> IntegrationError:
    assert isinstance(item.result, IntegrationError)
    return item.result


def _wrong_size(action: Action, batch: Batch, size: int) -> InvalidRequest:
    return InvalidRequest(
        f"{action.name} takes 1 to {batch.max_size} items, not {size}; nothing was sent", code="batch_size"
    )


def _mixed() -> Conflict:
    return Conflict(
        "some items of this all-or-nothing batch were requested before; nothing was sent. "
        "Ask for the others alone, or without all-or-nothing",
        code="all_or_nothing_mixed",
    )
