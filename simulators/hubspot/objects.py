"""The resources of single records: create, read by id or unique value, list, update, archive.

Source: "CRM objects" (``/crm/v3/objects/{objectType}``). Not documented and chosen here: archiving what is archived is
a 204 again, archiving what never was is a 404.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..request import flag, json_reply
from ..wire import Reply
from .association_types import ASSOCIATION_TYPES
from .call import Call, number_of, object_type, properties_of
from .errors import not_found
from .record import Record
from .schema import ObjectType
from .transaction import Transaction
from .values import stamp
from .writes import unique_property

if TYPE_CHECKING:
    from .portal import Portal

MOST_LISTED = 100


def create(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """POST /crm/v3/objects/{type}."""
    obj = object_type(portal.schema, call.args[0])
    body = call.json_object()
    record = portal.writer.create(tx, obj, properties_of(body), body.get("associations"))
    return json_reply(201, shown(obj, record, record.properties))


def get(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """GET /crm/v3/objects/{type}/{id}."""
    obj = object_type(portal.schema, call.args[0])
    id_property = call.request.query.get("idProperty")
    archived = flag(call.request.query.get("archived"))
    if archived:
        if id_property not in (None, "", "hs_object_id"):
            unique_property(obj, id_property)
            raise not_found(call.args[1])
        record = portal.records.get(obj.name, call.args[1])
        if record is None or not record.archived:
            raise not_found(call.args[1])
    else:
        record = portal.writer.live(obj, call.args[1], id_property)
    return json_reply(200, _with_associations(portal, call, obj, record))


def listing(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """GET /crm/v3/objects/{type}: all records in the order of their ids, page by page."""
    obj = object_type(portal.schema, call.args[0])
    limit = number_of(call.request.query.get("limit") or "10", "limit", MOST_LISTED)
    after = call.request.query.get("after") or "0"
    start = int(after) if after.isdecimal() else 0
    archived = flag(call.request.query.get("archived"))
    found = [row for row in portal.records.rows(obj.name) if row.archived == archived and int(row.id) > start]
    content: dict[str, Any] = {"results": [_with_associations(portal, call, obj, row) for row in found[:limit]]}
    if len(found) > limit:
        last = found[limit - 1].id
        link = f"{call.request.base_url}/crm/v3/objects/{obj.name}?limit={limit}&after={last}"
        content["paging"] = {"next": {"after": last, "link": link}}
    return json_reply(200, content)


def update(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """PATCH /crm/v3/objects/{type}/{id}."""
    obj = object_type(portal.schema, call.args[0])
    properties = properties_of(call.json_object())
    record = portal.writer.live(obj, call.args[1], call.request.query.get("idProperty"))
    return json_reply(200, shown(obj, portal.writer.update(tx, obj, record, properties), properties))


def archive(portal: Portal, call: Call, tx: Transaction) -> Reply:
    """DELETE /crm/v3/objects/{type}/{id}."""
    obj = object_type(portal.schema, call.args[0])
    record = portal.records.get(obj.name, call.args[1])
    if record is None:
        raise not_found(call.args[1])
    if not record.archived:
        tx.archive(obj, record)
    return Reply(204)


def shown(obj: ObjectType, record: Record, names: Iterable[str] = ()) -> dict[str, Any]:
    """A record as an answer has it: the named properties it knows, or those shown by default, and its own."""
    times = {obj.created: stamp(record.created), obj.modified: stamp(record.updated), "hs_object_id": record.id}
    wanted = [name for name in names if name in obj.properties] or obj.shown
    content: dict[str, Any] = {
        "id": record.id,
        "properties": {name: record.properties.get(name) for name in wanted} | times,
        "createdAt": stamp(record.created),
        "updatedAt": stamp(record.updated),
        "archived": record.archived,
    }
    if record.archived_at is not None:
        content["archivedAt"] = stamp(record.archived_at)
    return content


def associations_of(portal: Portal, record: Record, to_object: str) -> list[dict[str, str]]:
    """The associations of a record as the v3 API has them: one entry for each type."""
    return [
        {"id": to_id, "type": ASSOCIATION_TYPES[number].name}
        for to_id, types in portal.records.associated(record, to_object)
        for number in sorted(types)
    ]


def _with_associations(portal: Portal, call: Call, obj: ObjectType, record: Record) -> dict[str, Any]:
    content = shown(obj, record, call.listed("properties"))
    wanted = {object_type(portal.schema, name).name for name in call.listed("associations")}
    found = {name: associations_of(portal, record, name) for name in sorted(wanted)}
    if any(found.values()):
        content["associations"] = {name: {"results": entries} for name, entries in found.items() if entries}
    return content
