"""The sObject collections resources: up to 200 records in a call, each with its own result.

Source: REST API Developer Guide, "sObject Collections": a well-formed call is answered with 200 whatever its items
did; results come in the order of the input; with allOrNone one failure rolls everything back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..request import flag, json_reply
from ..wire import Reply
from .call import Call
from .errors import ApiError, MultipleMatches, item_error
from .records import Transaction
from .rows import allows_duplicates, object_named, shown
from .schema import ObjectDef
from .writes import external_id

if TYPE_CHECKING:
    from .org import Org

BATCHES = frozenset({"collections_create", "collections_update", "collections_upsert", "collections_delete"})
"""Operations with several items."""

MOST_RECORDS = 200
MOST_CHUNKS = 10

_ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
    "fields": [],
}

Item = Mapping[str, Any]
Result = dict[str, Any]


def batch_size(call: Call) -> int:
    """Number of items in a collections call, or 0 for any other; malformed bodies count as none."""
    if call.operation not in BATCHES:
        return 0
    if call.operation == "collections_delete":
        return len(_ids(call))
    try:
        return len(_records(call)[0])
    except ApiError:
        return 0


def create(org: Org, call: Call, tx: Transaction) -> Reply:
    """POST /composite/sobjects."""

    def one(item: Item) -> Result:
        obj = _object_of(org, item)
        record = org.writer.create(tx, obj, item, allow_duplicates=allows_duplicates(call))
        return {"id": record["Id"], "success": True, "errors": []}

    items, all_or_none = _records(call)
    _check_chunks(items)
    return _each(call, tx, items, one, all_or_none=all_or_none)


def update(org: Org, call: Call, tx: Transaction) -> Reply:
    """PATCH /composite/sobjects."""

    def one(item: Item) -> Result:
        obj = _object_of(org, item)
        name = next((n for n in item if n.lower() == "id"), None)
        if name is None:
            raise ApiError("MISSING_ARGUMENT", "Id not specified in an update call", fields=("Id",))
        record = org.writer.live(obj, str(item[name]), status=400)
        org.writer.update(tx, obj, record, {n: v for n, v in item.items() if n != name})
        return {"id": record["Id"], "success": True, "errors": []}

    items, all_or_none = _records(call)
    _check_chunks(items)
    return _each(call, tx, items, one, all_or_none=all_or_none)


def upsert(org: Org, call: Call, tx: Transaction) -> Reply:
    """PATCH /composite/sobjects/X/{field}."""
    obj = object_named(org, call.args[0])
    field = external_id(obj, call.args[1])
    seen: set[str] = set()

    def one(item: Item) -> Result:
        if _object_of(org, item) is not obj:
            raise ApiError("INVALID_TYPE", f"the type of every record must be {obj.name}", fields=())
        name = next((n for n in item if n.lower() == field.name.lower()), None)
        value = item[name] if name is not None else None
        if value in (None, ""):
            raise ApiError("MISSING_ARGUMENT", f"{field.name} not specified", fields=())
        if str(value).lower() in seen:
            raise ApiError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", fields=(field.name,))
        seen.add(str(value).lower())
        body = {n: v for n, v in item.items() if n != name}
        if field.name == "Id":
            record, created = org.writer.live(obj, str(value), status=400), False
            org.writer.update(tx, obj, record, body)
        else:
            allow = allows_duplicates(call)
            record, created = org.writer.upsert(tx, obj, field, value, body, allow_duplicates=allow)
        return {"id": record["Id"], "success": True, "errors": [], "created": created}

    items, all_or_none = _records(call)
    return _each(call, tx, items, one, all_or_none=all_or_none)


def delete(org: Org, call: Call, tx: Transaction) -> Reply:
    """DELETE /composite/sobjects?ids=…&allOrNone=…."""

    def one(item: Item) -> Result:
        record_id = item["id"]
        obj = org.schema.of_id(record_id)
        if obj is None:
            raise ApiError("MALFORMED_ID", f"malformed id {record_id}", fields=())
        record = org.writer.live(obj, record_id, status=400)
        tx.delete(obj, record)
        return {"id": record["Id"], "success": True, "errors": []}

    ids = _ids(call)
    _check_count(len(ids))
    all_or_none = flag(call.request.query.get("allOrNone"))
    return _each(call, tx, [{"id": record_id} for record_id in ids], one, all_or_none=all_or_none)


def retrieve(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET and POST /composite/sobjects/X: records by id, with null for those that are not there."""
    obj = object_named(org, call.args[0])
    if call.request.method == "GET":
        ids, names = _ids(call), call.request.query.get("fields", "").split(",")
    else:
        body = call.json_object()
        ids, names = body.get("ids") or [], body.get("fields") or []
    fields = []
    for name in filter(None, names):
        field = obj.field(name.strip())
        if field is None:
            raise ApiError("INVALID_FIELD", f"No such column '{name}' on sobject of type {obj.name}")
        fields.append(field)
    if not fields:
        raise ApiError("MISSING_ARGUMENT", "The fields parameter is required")
    found = (org.records.get(obj.name, str(record_id)) for record_id in ids)
    return json_reply(200, [None if r is None or r["IsDeleted"] else shown(obj, r, call, fields) for r in found])


def _each(
    call: Call, tx: Transaction, items: Iterable[Item], one: Callable[[Item], Result], *, all_or_none: bool
) -> Reply:
    results: list[Result] = []
    start = tx.mark()
    for place, item in enumerate(items):
        before = tx.mark()
        try:
            if place in call.failing:
                raise item_error(call.failing[place])
            results.append(one(item))
        except ApiError as error:
            tx.rollback(before)
            results.append({"success": False, "errors": [error.item()]})
        except MultipleMatches as error:
            tx.rollback(before)
            duplicate = ApiError("DUPLICATE_EXTERNAL_ID", f"Multiple records match: {error.ids}", fields=())
            results.append({"success": False, "errors": [duplicate.item()]})
    if all_or_none and not all(result["success"] for result in results):
        tx.rollback(start)
        results = [{"success": False, "errors": [_ROLLED_BACK]} if r["success"] else r for r in results]
    return json_reply(200, results)


def _records(call: Call) -> tuple[list[Item], bool]:
    body = call.json_object()
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ApiError("JSON_PARSER_ERROR", "The request body must have a list of objects named records")
    _check_count(len(records))
    return records, flag(body.get("allOrNone"))


def _ids(call: Call) -> list[str]:
    return [part.strip() for part in call.request.query.get("ids", "").split(",") if part.strip()]


def _check_count(count: int) -> None:
    if count > MOST_RECORDS:
        message = f"record limit reached. cannot submit more than {MOST_RECORDS} records into this call"
        raise ApiError("EXCEEDED_ID_LIMIT", message)


def _check_chunks(items: list[Item]) -> None:
    if sum(1 for _ in groupby(items, key=_type_of)) > MOST_CHUNKS:
        raise ApiError(
            "LIMIT_EXCEEDED",
            f"Cannot have more than {MOST_CHUNKS} chunks in a single operation. "
            "Please rearrange the data to reduce chunking.",
        )


def _type_of(item: Item) -> str:
    attributes = item.get("attributes")
    return str(attributes.get("type") or "") if isinstance(attributes, dict) else ""


def _object_of(org: Org, item: Item) -> ObjectDef:
    name = _type_of(item)
    obj = org.schema.get(name)
    if obj is None:
        raise ApiError("INVALID_TYPE", f"sObject type '{name}' is not supported.", fields=())
    return obj
