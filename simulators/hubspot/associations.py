"""Associations between records: the v3 resources below a record, the v3 batches, and the v4 resources.

Source: "Associations v3" and "Associations v4". Associating again what is associated changes nothing and succeeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..request import json_reply
from ..wire import Reply
from .association_types import ASSOCIATION_TYPES, AssociationType, between
from .batches import MOST_INPUTS
from .call import Call, object_type
from .errors import HubSpotError, invalid, missing
from .objects import associations_of, shown
from .record import Place, Record
from .transaction import Transaction
from .values import stamp

if TYPE_CHECKING:
    from .portal import Portal


def listing(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """GET /crm/v3/objects/{type}/{id}/associations/{to}."""
    record, to_object = _record(portal, call.args[0], call.args[1]), object_type(portal.schema, call.args[2])
    return json_reply(200, {"results": associations_of(portal, record, to_object.name)})


def associate(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """PUT /crm/v3/objects/{type}/{id}/associations/{to}/{id}/{association type, by name or number}."""
    record, other, kind = _named(portal, call)
    tx.link(_place(record), _place(other), kind.number)
    obj = portal.schema.objects[record.object]
    entries = associations_of(portal, record, other.object)
    return json_reply(200, {**shown(obj, record), "associations": {other.object: {"results": entries}}})


def dissociate(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """DELETE of the same; a 204 whether or not there was one."""
    record, other, _ = _named(portal, call)
    tx.unlink(_place(record), _place(other))
    return Reply(204)


def listing_v4(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """GET /crm/v4/objects/{type}/{id}/associations/{to}."""
    record, to_object = _record(portal, call.args[0], call.args[1]), object_type(portal.schema, call.args[2])
    results = [
        {"toObjectId": int(to_id), "associationTypes": [_type_v4(number) for number in sorted(types)]}
        for to_id, types in portal.records.associated(record, to_object.name)
    ]
    return json_reply(200, {"results": results})


def associate_default(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """PUT /crm/v4/objects/{type}/{id}/associations/default/{to}/{id}: the unlabelled type, in both directions."""
    record, other = _pair(portal, call)
    kind = _between(record.object, other.object)[0]
    tx.link(_place(record), _place(other), kind.number)
    now = stamp(portal.records.now())
    results = [
        {
            "from": {"id": one.id},
            "to": {"id": two.id},
            "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number},
        }
        for one, two, number in ((record, other, kind.number), (other, record, kind.opposite))
    ]
    return json_reply(200, {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now})


def associate_v4(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """PUT /crm/v4/objects/{type}/{id}/associations/{to}/{id}: the types are in the body."""
    record, other = _pair(portal, call)
    labels = []
    for number in _numbers(call):
        kind = ASSOCIATION_TYPES.get(number)
        if kind is None or kind not in _between(record.object, other.object):
            raise invalid(f"{number} is no association type from {record.object} to {other.object}")
        tx.link(_place(record), _place(other), number)
        labels.append(kind.label)
    content = {
        "fromObjectTypeId": portal.schema.objects[record.object].type_id,
        "fromObjectId": int(record.id),
        "toObjectTypeId": portal.schema.objects[other.object].type_id,
        "toObjectId": int(other.id),
        "labels": [label for label in labels if label is not None],
    }
    return json_reply(201, content)


def dissociate_v4(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """DELETE /crm/v4/objects/{type}/{id}/associations/{to}/{id}: every type; a 204 whether or not there was one."""
    record, other = _pair(portal, call)
    tx.unlink(_place(record), _place(other))
    return Reply(204)


def batch_read(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """POST /crm/v3/associations/{from}/{to}/batch/read."""
    to_object = object_type(portal.schema, call.args[1])
    results: list[dict[str, Any]] = []
    absent: list[str] = []
    for item in _inputs(call):
        record_id = str(item.get("id"))
        try:
            record = _record(portal, call.args[0], record_id)
        except HubSpotError:
            absent.append(record_id)
            continue
        if entries := associations_of(portal, record, to_object.name):
            results.append({"from": {"id": record_id}, "to": entries})
    singular = object_type(portal.schema, call.args[0]).singular
    return _batch(portal, results, [missing(singular, absent).item(None)] if absent else [], 200)


def batch_create(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """POST /crm/v3/associations/{from}/{to}/batch/create."""
    results = []
    for item in _inputs(call):
        record, other = _ends(portal, call, item)
        kind = _by_name(record.object, other.object, str(item.get("type")))
        tx.link(_place(record), _place(other), kind.number)
        results.append({"from": {"id": record.id}, "to": {"id": other.id}, "type": kind.name})
    return _batch(portal, results, [], 201)


def batch_archive(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """POST /crm/v3/associations/{from}/{to}/batch/archive."""
    for item in _inputs(call):
        record, other = _ends(portal, call, item)
        tx.unlink(_place(record), _place(other))
    return Reply(204)


def _batch(portal: Portal, results: list[dict[str, Any]], errors: list[dict[str, Any]], status: int) -> Reply:
    now = stamp(portal.records.now())
    content: dict[str, Any] = {"status": "COMPLETE", "results": results}
    if errors:
        content |= {"numErrors": len(errors), "errors": errors}
    return json_reply(207 if errors else status, {**content, "startedAt": now, "completedAt": now})


def _record(portal: Portal, object_name: str, record_id: str) -> Record:
    return portal.writer.live(object_type(portal.schema, object_name), record_id)


def _pair(portal: Portal, call: Call) -> tuple[Record, Record]:
    return _record(portal, call.args[0], call.args[1]), _record(portal, call.args[2], call.args[3])


def _named(portal: Portal, call: Call) -> tuple[Record, Record, AssociationType]:
    record, other = _pair(portal, call)
    return record, other, _by_name(record.object, other.object, call.args[4])


def _by_name(from_object: str, to_object: str, name: str) -> AssociationType:
    for kind in _between(from_object, to_object):
        if name in (kind.name, str(kind.number)):
            return kind
    raise invalid(f"{name} is no association type from {from_object} to {to_object}", context={"type": [name]})


def _between(from_object: str, to_object: str) -> tuple[AssociationType, ...]:
    kinds = between(from_object, to_object)
    if not kinds:
        raise invalid(f"There is no association from {from_object} to {to_object}")
    return kinds


def _ends(portal: Portal, call: Call, item: dict[str, Any]) -> tuple[Record, Record]:
    ends = [item.get("from"), item.get("to")]
    found = [end.get("id") if isinstance(end, dict) else None for end in ends]
    if None in found:
        raise invalid("Invalid input JSON on line 1, column 1. Some required fields were not set: [from, to]")
    return _record(portal, call.args[0], str(found[0])), _record(portal, call.args[1], str(found[1]))


def _inputs(call: Call) -> list[dict[str, Any]]:
    inputs = call.json_object().get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(item, dict) for item in inputs) or len(inputs) > MOST_INPUTS:
        raise invalid(f"Invalid input JSON: inputs must be a list of at most {MOST_INPUTS} objects")
    return inputs


def _numbers(call: Call) -> list[int]:
    kinds = call.json_list()
    try:
        return [int(kind["associationTypeId"]) for kind in kinds]
    except (KeyError, TypeError, ValueError):
        raise invalid("Invalid input JSON: each type needs associationCategory and associationTypeId") from None


def _place(record: Record) -> Place:
    return record.object, record.id


def _type_v4(number: int) -> dict[str, Any]:
    return {"category": "HUBSPOT_DEFINED", "typeId": number, "label": ASSOCIATION_TYPES[number].label}
