"""A batch: many operations, one call on the wire. Each item has its own key, its own row and its own outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from .action import Action, Batch
from .asking import Asking
from .errors import Conflict, ContractBroken, Denied, InvalidRequest
from .held import Conclusion, Held, see_through
from .identity import Identity, identify
from .intake import Asked
from .ledger.records import Begun, Status
from .outcome import Outcome, Partial, Rejected
from .release import Release
from .replay import entity_unsettled, identity_conflict
from .write import Wire, send_until_known


async def call_batch(asked: Asked, request: BaseModel, asking: Asking, release: Release) -> Outcome[Any]:
    """Carry a batch out: only what was never applied is sent, and only what may be is sent again.

    Items that may have landed stay `Unknown`; recovery settles each of them by itself. An item that is named twice
    is one operation. Items that people must approve are held, each by itself, and the others are sent.

    Args:
        asked: What was asked.
        request: The validated batch request.
        asking: Asks people.
        release: Carries out what was approved for its caller to come back for.
    """
    batch = asked.action.batch
    assert batch is not None
    items: Sequence[BaseModel] = getattr(request, batch.items)
    if not 0 < len(items) <= batch.max_size:
        return Rejected(_wrong_size(asked.action, batch, len(items)).at(asked.system.name, asked.action.name, 0))
    atomic = bool(batch.atomic and getattr(request, batch.atomic))
    batch_id = asked.sources.new_id("batch")
    identities = [identify(asked.system.name, batch.of, item) for item in items]
    first_of: dict[str, int] = {}
    for place, identity in enumerate(identities):
        first_of.setdefault(identity.key, place)
    if atomic and any(asked.leave.demanded(place) is not None for place in range(len(items))):
        return Rejected(_not_in_parts(asked).at(asked.system.name, asked.action.name, 0))
    asks = {
        place: await asking.ask(asked, batch.of, items[place], identities[place], place) for place in first_of.values()
    }
    begun = await asked.intake.begin(
        [
            asked.intent(
                batch.of, items[place], identities[place], batch_id=batch_id, atomic=atomic, place=place, ask=ask
            )
            for place, ask in asks.items()
        ],
        asked.deadline_at,
    )
    if not isinstance(begun, list):
        return begun
    known = dict(zip(first_of, begun, strict=True))
    held = {key: Held(asked, batch.of, items[first_of[key]], one.operation) for key, one in known.items() if one.fresh}
    fresh = list(held.values())

    async def work() -> Sequence[Conclusion]:
        # What the ledger may have forgotten, since it was restored, is looked up by recovery, each for itself.
        unsent = [one for one in fresh if not one.trail.maybe_applied]
        if atomic and len(unsent) < len(known):
            for one in unsent:
                one.result = _mixed()
        else:
            await send_until_known(asked, unsent, _together(asked, request), atomic=atomic)
        return [one.concluded() for one in fresh]

    settled = dict(zip(held, await see_through(asked, fresh, work()), strict=True))
    outcomes = [
        settled[identity.key]
        if identity.key in settled and held[identity.key].operation.digest == identity.digest
        else await _earlier(asked, batch, known[identity.key], identity, asking, release)
        for identity in identities
    ]
    return Partial(tuple(outcomes), batch_id)


def _together(asked: Asked, request: BaseModel) -> Wire:
    async def wire(held: Sequence[Held], number: int, timeout: float) -> Sequence[Any]:
        attempts = [one.attempt(number, timeout) for one in held]
        answers = await asked.system.adapter.send_batch(asked.action, request, attempts)
        if len(answers) != len(held):
            raise ContractBroken(f"{len(held)} items were sent, {len(answers)} were answered for", code="batch_length")
        return answers

    return wire


async def _earlier(
    asked: Asked, batch: Batch, begun: Begun, identity: Identity, asking: Asking, release: Release
) -> Outcome[Any]:
    """The outcome of an item whose operation was there before, or stands in its way."""
    operation = begun.operation
    if begun.blocked_by is not None:
        return entity_unsettled(operation, asked.system.name, batch.of.name)
    if operation.digest != identity.digest and not await asking.was_edited(asked, operation, identity):
        return identity_conflict(operation, identity.request, asked.principal)
    if operation.status is Status.HELD:
        carried_out = await asking.carry_out_approved(asked, operation, release)
        return carried_out or await asked.told_again(operation, batch.of)
    return await asked.told_again(operation, batch.of)


def _wrong_size(action: Action, batch: Batch, size: int) -> InvalidRequest:
    return InvalidRequest(
        f"{action.name} takes 1 to {batch.max_size} items, not {size}; nothing was sent", code="batch_size"
    )


def _not_in_parts(asked: Asked) -> Denied:
    return Denied(
        f"people must approve an item of this all-or-nothing batch (rule {asked.leave.decision.rule!r}), and what they "
        "approve is carried out item by item; nothing was sent. Ask for it without all-or-nothing",
        code="approval_in_parts",
    )


def _mixed() -> Conflict:
    return Conflict(
        "some items of this all-or-nothing batch were requested before; nothing was sent. "
        "Ask for the others alone, or without all-or-nothing",
        code="all_or_nothing_mixed",
    )
