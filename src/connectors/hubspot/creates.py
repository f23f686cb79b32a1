"""Creating records once: the key goes into the record, and is looked for there.

Search is seconds behind, so it is never taken for a fresh look: where the key is in a unique property the record is
read by it, a contact by its e-mail address, a note through the record that it is about. Only what is left is searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ...core.adapter import Absent, Attempt, CannotTell, Finding, ItemResult, Many, Present, Sent
from ...core.clock import Clock
from ...core.errors import Ambiguous, Conflict, ContractBroken, IntegrationError, NotFound, Refused
from .classify import CONFLICT, error_body, refusal, says_taken
from .kinds import Kind
from .places import UniqueProperty
from .wire import Exchange, Record, record_of

_LOOKED_AT = 100  # notes of a record that are read at a time


async def send(exchange: Exchange, kind: Kind, attempt: Attempt, clock: Clock) -> Sent[Any]:
    """Create the record, or find that an earlier attempt or delivery did."""
    body = kind.body(attempt)
    if kind.about:
        body["properties"]["hs_timestamp"] = datetime.fromtimestamp(clock.now(), UTC).isoformat()
    try:
        record = await exchange.create(kind.object_type, body)
    except Refused as error:
        if not _may_be_ours(error, kind):
            raise
        return await _found_instead(exchange, kind, attempt, error)
    return Sent(kind.reply(record.id), record.id)


async def send_many(exchange: Exchange, kind: Kind, items: Sequence[Attempt]) -> Sequence[ItemResult]:
    """Create many records in one call, and answer for each in order.

    Each input has a trace id of its own, so that HubSpot answers item by item (207); results come in any order.
    """
    inputs = [{**kind.body(item), "objectWriteTraceId": item.key} for item in items]
    path = f"/crm/v3/objects/{kind.object_type}/batch/create"
    reply = await exchange.call("POST", path, body={"inputs": inputs})
    answers = by_trace(reply.json(), kind, items)
    results: list[ItemResult] = []
    for item in items:
        answer = answers.get(item.key)
        if answer is None:
            results.append(
                ContractBroken("the batch's answer names neither a record nor an error for this item", code="unmatched")
            )
        elif isinstance(answer, Record):
            results.append(Sent(kind.reply(answer.id), answer.id))
        elif isinstance(answer, Refused) and _may_be_ours(answer, kind):
            results.append(await _settled(exchange, kind, item, answer))
        else:
            results.append(answer)
    return results


async def probe(exchange: Exchange, kind: Kind, attempt: Attempt) -> Finding:
    """Look for the record that an earlier attempt may have created."""
    if isinstance(kind.place, UniqueProperty):
        record = await exchange.read(kind.object_type, attempt.key, kind.read(), by=kind.place.field)
        if record is None:
            return Absent({"looked_by": kind.place.field})
        if not kind.place.carries(record.properties, attempt.key):
            return CannotTell(f"the record that was found holds another key in {kind.place.field}")
        return kind.present(attempt, record)
    if kind.about:
        return await _among_notes(exchange, kind, attempt)
    if kind.unique is not None:
        return await _by_unique(exchange, kind, kind.unique, attempt)
    found = await exchange.search(kind.object_type, [kind.place.condition(attempt.key)], kind.read(), _LOOKED_AT)
    return _one_of(kind, attempt, found.records, complete=found.complete)


def by_trace(answer: Any, kind: Kind | None, items: Sequence[Attempt]) -> dict[str, Record | IntegrationError]:
    """What the answer of a batch says of each item, by its key.

    Args:
        answer: The whole answer.
        kind: Where the key is a property, records are known by it, too.
        items: The items.

    Raises:
        ContractBroken: It is no answer of a batch.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise ContractBroken("the batch's answer has no results", code="schema")
    found: dict[str, Record | IntegrationError] = {}
    for raw in answer["results"]:
        record = record_of(raw)
        keys = [raw.get("objectWriteTraceId")]
        if kind is not None:
            keys += [item.key for item in items if kind.place.carries(record.properties, item.key)]
        found |= {key: record for key in keys if isinstance(key, str)}
    for raw in answer.get("errors") or []:
        body = error_body(raw)
        traces = (raw.get("context") or {}).get("objectWriteTraceId") if isinstance(raw, dict) else None
        for trace in traces if isinstance(traces, list) else [traces]:
            if body is not None and isinstance(trace, str):
                found[trace] = refusal(body, _status(body))
    return found


def _status(body: Mapping[str, Any]) -> int:
    return 409 if body.get("category") == CONFLICT else 400


def _may_be_ours(error: Refused, kind: Kind) -> bool:
    """Whether a refusal may have met the record that an earlier delivery of this very request made."""
    if isinstance(kind.place, UniqueProperty) and says_taken(error, kind.place.field):
        return True
    return kind.unique is not None and isinstance(error, Conflict) and not error.transient


async def _found_instead(exchange: Exchange, kind: Kind, attempt: Attempt, refused: Refused) -> Sent[Any]:
    result = await _settled(exchange, kind, attempt, refused)
    if isinstance(result, IntegrationError):
        raise result from None
    return result


async def _settled(exchange: Exchange, kind: Kind, attempt: Attempt, refused: Refused) -> ItemResult:
    """What a refusal that names a taken value comes to, once the record in the way was read."""
    ours = isinstance(kind.place, UniqueProperty) and says_taken(refused, kind.place.field)
    existing = refused.evidence.get("existing")
    try:
        if ours or not isinstance(existing, str):
            finding = await probe(exchange, kind, attempt)
        else:
            record = await exchange.read(kind.object_type, existing, kind.read())
            carried = record is not None and kind.place.carries(record.properties, attempt.key)
            finding = kind.present(attempt, record) if carried and record is not None else Absent()
    except IntegrationError as failed:
        return Ambiguous(
            f"HubSpot says that it is already there, but reading it failed: {failed.message}",
            code="read_back",
            outage=failed.outage,
            evidence={"read_back": failed.to_record()},
        )
    if isinstance(finding, Present):
        if finding.differs and not finding.superseded:
            names = ", ".join(finding.differs)
            return ContractBroken(f"a record with this key is there, but with other content: {names}", code="content")
        return Sent(finding.value, finding.record, {"already_there": True, **finding.facts})
    if ours:
        return Ambiguous("HubSpot says that the key is already there, but no record with it was found", code="hidden")
    return refused


async def _among_notes(exchange: Exchange, kind: Kind, attempt: Attempt) -> Finding:
    request: Any = attempt.request
    try:
        ids = await exchange.associated(request.record_type, request.record_id, kind.object_type)
    except NotFound:
        return CannotTell(f"the record {request.record_id} is no longer there")
    records = await exchange.read_many(kind.object_type, ids, kind.read())
    return _one_of(kind, attempt, list(records.values()), complete=len(records) == len(set(ids)))


async def _by_unique(exchange: Exchange, kind: Kind, unique: str, attempt: Attempt) -> Finding:
    value = str(kind.properties(attempt)[unique])
    record = await exchange.read(kind.object_type, value, kind.read(), by=unique)
    if record is None:
        return Absent({"looked_by": unique})
    if not kind.place.carries(record.properties, attempt.key):
        return CannotTell(f"a record with this {unique} is there, but nothing says that it is ours")
    return kind.present(attempt, record)


def _one_of(kind: Kind, attempt: Attempt, records: Sequence[Record], *, complete: bool) -> Finding:
    ours = [record for record in records if kind.place.carries(record.properties, attempt.key)]
    if len(ours) > 1:
        return Many(tuple(record.id for record in ours))
    if ours:
        return kind.present(attempt, ours[0])
    if not complete:
        return CannotTell(f"only {len(records)} records could be looked at")
    return Absent({"looked_at": len(records)})
