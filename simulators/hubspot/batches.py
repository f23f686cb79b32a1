"""The batch resources: up to 100 records in a call.

Source: "CRM objects", "Error handling" (multi-status errors) and the changelog of June 2020 on batch updates. If every
input carries a unique ``objectWriteTraceId``, the good inputs are written and the bad ones are told in ``errors`` of a
207; the documentation says so of creations, and recordings of updates and upserts are alike. Otherwise one bad input
has the whole call refused and nothing is written. The order of results is documented nowhere, so it is shuffled here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..request import json_reply
from ..wire import Reply
from .call import Call, object_type, properties_of
from .errors import HubSpotError, invalid, item_error, missing
from .objects import shown
from .record import Record
from .schema import ObjectType
from .transaction import Transaction
from .values import stamp
from .writes import unique_property

if TYPE_CHECKING:
    from .portal import Portal

BATCHES = frozenset({"batch_create", "batch_update", "batch_upsert", "batch_archive"})
"""Operations with several items."""

MOST_INPUTS = 100

Input = Mapping[str, Any]
Result = dict[str, Any]


def batch_size(call: Call) -> int:
    """Number of inputs of a batch that writes, or 0 for any other call; malformed bodies count as none."""
    if call.operation not in BATCHES:
        return 0
    try:
        return len(_inputs(call))
    except HubSpotError:
        return 0


def create(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """POST /crm/v3/objects/{type}/batch/create."""
    obj = object_type(portal.schema, call.args[0])

    def one(item: Input) -> Result:
        record = portal.writer.create(tx, obj, properties_of(item), item.get("associations"))
        return shown(obj, record, record.properties)

    return _each(portal, call, tx, one, 201)


def update(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """POST /crm/v3/objects/{type}/batch/update."""
    obj = object_type(portal.schema, call.args[0])
    _check_ids(call)

    def one(item: Input) -> Result:
        properties = properties_of(item)
        record = _record(portal, obj, item, item.get("idProperty"))
        return shown(obj, portal.writer.update(tx, obj, record, properties), properties)

    return _each(portal, call, tx, one, 200, tells_missing=portal.settings.missing_in_updates)


def upsert(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """POST /crm/v3/objects/{type}/batch/upsert."""
    obj = object_type(portal.schema, call.args[0])
    _check_ids(call)

    def one(item: Input) -> Result:
        properties = properties_of(item)
        id_property = item.get("idProperty")
        if id_property in (None, "", "hs_object_id"):
            record, new = _record(portal, obj, item, None), False
            record = portal.writer.update(tx, obj, record, properties)
        else:
            prop = unique_property(obj, str(id_property))
            record, new = portal.writer.upsert(tx, obj, prop, str(item["id"]), properties)
        return {**shown(obj, record, {**properties, str(id_property): ""}), "new": new}

    return _each(portal, call, tx, one, 200)


def archive(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """POST /crm/v3/objects/{type}/batch/archive: ids that name nothing are passed over."""
    obj = object_type(portal.schema, call.args[0])
    for place, item in enumerate(_inputs(call)):
        if place in call.failing:
            raise item_error(call.failing[place])
        record = portal.records.get(obj.name, str(item.get("id")))
        if record is not None and not record.archived:
            tx.archive(obj, record)
    return Reply(204)


def read(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """POST /crm/v3/objects/{type}/batch/read: missing ids make it a 207 with one error for all of them."""
    obj = object_type(portal.schema, call.args[0])
    body = call.json_object()
    wanted = list(map(str, body.get("properties") or []))
    absent: list[str] = []
    results: list[Result] = []
    for record_id in dict.fromkeys(str(item.get("id")) for item in _inputs(call)):
        try:
            record = portal.writer.live(obj, record_id, body.get("idProperty"))
        except HubSpotError as error:
            if error.status != 404:
                raise
            absent.append(record_id)
        else:
            results.append(shown(obj, record, wanted))
    errors = [missing(obj.singular, absent).item(None)] if absent else []
    return _answer(portal, results, errors, 200)


def _each(
    portal: Portal,
    call: Call,
    tx: Transaction,
    one: Callable[[Input], Result],
    status: int,
    *,
    tells_missing: bool = False,
) -> Reply:
    inputs = _inputs(call)
    traced = _traced(inputs)
    results: list[Result] = []
    errors: list[Result] = []
    for place, item in enumerate(inputs):
        trace_id = item.get("objectWriteTraceId")
        try:
            with tx.part():
                if place in call.failing:
                    raise item_error(call.failing[place])
                result = one(item)
        except HubSpotError as error:
            if not traced and not (tells_missing and error.status == 404):
                raise
            errors.append(error.item(trace_id))
        else:
            if trace_id is not None and portal.settings.echo_trace_ids:
                result["objectWriteTraceId"] = trace_id
            results.append(result)
    return _answer(portal, results, errors, status)


def _answer(portal: Portal, results: list[Result], errors: list[Result], status: int) -> Reply:
    if portal.settings.shuffle_results:
        portal.order.shuffle(results)
    now = stamp(portal.records.now())
    content: dict[str, Any] = {"status": "COMPLETE", "results": results}
    if errors:
        content |= {"numErrors": len(errors), "errors": errors}
    content |= {"startedAt": now, "completedAt": now}
    return json_reply(207 if errors else status, content)


def _record(portal: Portal, obj: ObjectType, item: Input, id_property: Any) -> Record:
    record_id = str(item.get("id"))
    try:
        return portal.writer.live(obj, record_id, None if id_property is None else str(id_property))
    except HubSpotError as error:
        raise missing(obj.singular, [record_id]) if error.status == 404 else error from None


def _inputs(call: Call) -> list[Input]:
    inputs = call.json_object().get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(item, dict) for item in inputs):
        raise invalid("Invalid input JSON on line 1, column 1. Some required fields were not set: [inputs]")
    if len(inputs) > MOST_INPUTS:
        kind = call.args[0]
        message = f"The maximum number of inputs supported in a batch request for {kind} is {MOST_INPUTS}."
        raise invalid(f"{message} Received {len(inputs)}.")
    return inputs


def _traced(inputs: list[Input]) -> bool:
    ids = [item.get("objectWriteTraceId") for item in inputs]
    return all(isinstance(trace_id, str) and trace_id for trace_id in ids) and len(set(ids)) == len(ids)


def _check_ids(call: Call) -> None:
    """Every input of an update or upsert names its record, and no two the same: refused whole otherwise."""
    inputs = _inputs(call)
    if any(item.get("id") in (None, "") for item in inputs):
        raise invalid("Invalid input JSON on line 1, column 1. Some required fields were not set: [id]")
    counts = Counter((str(item.get("idProperty")), str(item["id"])) for item in inputs)
    twice = [record_id for (_, record_id), count in counts.items() if count > 1]
    if twice:
        message = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise invalid(message, context={"ids": twice})
