"""Creating records once: the key goes into the record, and is looked for there.

A record is created by POST with its key in a unique field, never by a PATCH upsert: an upsert that commits late
would overwrite newer changes, a late POST is refused with DUPLICATE_VALUE.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.adapter import Absent, Attempt, CannotTell, Finding, ItemResult, Many, Present, Sent
from ...core.errors import Ambiguous, Conflict, ContractBroken, IntegrationError, NotFound, Refused
from . import soql
from .classify import DUPLICATE_VALUE, DUPLICATES_DETECTED, ROLLED_BACK, names_field
from .keys import ExternalId, KeyPlace
from .kinds import Kind, record_id
from .wire import Exchange, by_external_id


async def send(exchange: Exchange, kind: Kind, attempt: Attempt) -> Sent[Any]:
    """Create the record, or find that an earlier attempt or delivery did."""
    try:
        record = await exchange.create(kind.sobject, kind.body(attempt))
    except Refused as error:
        ours = _is_ours(error, kind.place)
        # A duplicate rule may have met the first delivery of this very request.
        if not ours and error.code != DUPLICATES_DETECTED:
            raise
        try:
            finding = await probe(exchange, kind, attempt)
        except IntegrationError as failed:
            raise _not_read_back(failed) from None
        if isinstance(finding, Absent) and not ours:
            raise
        result = _already_there([finding] if isinstance(finding, Present) else [])
        if isinstance(result, IntegrationError):
            raise result from None
        return result
    return Sent(kind.reply(record), record)


async def send_many(
    exchange: Exchange, kind: Kind, items: Sequence[Attempt], *, all_or_none: bool
) -> Sequence[ItemResult]:
    """Create many records in one call, and answer for each in order."""
    bodies = [{"attributes": {"type": kind.sobject}, **kind.body(item)} for item in items]
    answers = await exchange.create_many(bodies, all_or_none=all_or_none)
    results: list[ItemResult] = [
        answer if isinstance(answer, IntegrationError) else Sent(kind.reply(answer), answer) for answer in answers
    ]
    if not isinstance(kind.place, ExternalId):
        return results
    there = [index for index, result in enumerate(results) if _is_ours(result, kind.place)]
    perhaps = {DUPLICATES_DETECTED}
    if there and all_or_none:
        # An earlier delivery of this very batch came through. Its neighbours report a rollback of this one only.
        perhaps |= ROLLED_BACK
    maybe = [index for index, result in enumerate(results) if getattr(result, "code", None) in perhaps]
    if there or maybe:
        found = await _read_back(exchange, kind, [items[index] for index in (*there, *maybe)])
        for index, result in zip((*there, *maybe), found, strict=True):
            if index in there or getattr(result, "code", None) != _NOT_FOUND:
                results[index] = result
    return results


_NOT_FOUND = "key_not_found"


def _is_ours(result: Any, place: KeyPlace) -> bool:
    """Whether a refusal says that a record with our own key is already there."""
    return (
        isinstance(place, ExternalId)
        and isinstance(result, Conflict)
        and result.code == DUPLICATE_VALUE
        and names_field(result.message, place.field)
    )


async def _read_back(exchange: Exchange, kind: Kind, attempts: Sequence[Attempt]) -> list[ItemResult]:
    """Look for the records that carry the keys of `attempts`; nothing short of finding one is a proof."""
    query = soql.select(
        kind.read(), kind.sobject, [soql.any_of(kind.place.field, [attempt.key for attempt in attempts])]
    )
    try:
        found = await exchange.query(query)
        return [
            _already_there(
                [kind.present(attempt, record) for record in found.records if kind.place.carries(record, attempt.key)]
            )
            for attempt in attempts
        ]
    except IntegrationError as error:
        return [_not_read_back(error) for _ in attempts]


def _not_read_back(error: IntegrationError) -> Ambiguous:
    return Ambiguous(
        f"the org says that it is already there, but reading it back failed: {error.message}",
        code="read_back",
        outage=error.outage,
        evidence={"read_back": error.to_record()},
    )


def _already_there(found: Sequence[Present[Any]]) -> ItemResult:
    if len(found) != 1:
        return Ambiguous(
            f"the org says that the key is already there, but {len(found)} records with it were found",
            code="several" if found else _NOT_FOUND,
            outage=False,
        )
    (present,) = found
    if present.differs and not present.superseded:
        names = ", ".join(present.differs)
        return ContractBroken(f"a record with this key is there, but with other content: {names}", code="content")
    return Sent(present.value, present.record, {"already_there": True, **present.facts})


async def probe(exchange: Exchange, kind: Kind, attempt: Attempt) -> Finding:
    """Look for the record that an earlier attempt may have created."""
    if isinstance(kind.place, ExternalId):
        return await _probe_by_id(exchange, kind, kind.place, attempt)
    conditions = [kind.place.condition(attempt.key)]
    if kind.parent is not None:
        conditions.insert(0, f"{kind.parent} = {soql.text(kind.parent_of(attempt))}")
    query = soql.select(kind.read(), kind.sobject, [condition for condition in conditions if condition])
    found = await exchange.query(query)
    if any(kind.place.field not in record for record in found.records):
        raise ContractBroken(
            f"records came without {kind.place.field}, so nothing can be told from them", code="schema"
        )
    ours = [record for record in found.records if kind.place.carries(record, attempt.key)]
    if len(ours) > 1:
        return Many(tuple(record_id(record) for record in ours))
    if not found.complete:
        return CannotTell(f"only {len(found.records)} of {found.total_size} records could be read")
    return kind.present(attempt, ours[0]) if ours else Absent({"looked_at": len(found.records)})


async def _probe_by_id(exchange: Exchange, kind: Kind, place: ExternalId, attempt: Attempt) -> Finding:
    try:
        row = await exchange.row(by_external_id(kind.sobject, place.field, attempt.key), kind.read())
    except NotFound as error:
        # The same code says that the field itself does not exist, which proves nothing about the record.
        if names_field(error.message, place.field) or "external id field" in error.message.lower():
            raise
        return Absent({"status": 404})
    except Conflict as error:
        records = error.evidence.get("records")
        if error.code != "MULTIPLE_CHOICES" or not isinstance(records, list):
            raise
        return Many(tuple(records))
    if not place.carries(row.record, attempt.key):
        return CannotTell(f"the record that was found holds another key in {place.field}")
    return kind.present(attempt, row.record)
