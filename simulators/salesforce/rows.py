"""The resources of single records: by id, by external id, and creation.

Source: REST API Developer Guide, "sObject Basic Information", "sObject Rows", "sObject Rows by External ID" and
"Conditional Request Headers". The text of a 412 is not documented; only its status should be relied on.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..request import json_reply
from ..wire import Reply
from .call import Call
from .errors import ApiError, MultipleMatches, not_found
from .records import Record, Transaction
from .schema import FieldDef, ObjectDef
from .values import as_id, from_stamp
from .writes import external_id

if TYPE_CHECKING:
    from .org import Org

UPSERT_TELLS_SINCE = 46.0
"""First API version whose upsert answers with a body, and ``created`` in it, whether it inserted or updated."""


def object_named(org: Org, name: str) -> ObjectDef:
    """The object of a path.

    Raises:
        ApiError: There is none.
    """
    found = org.schema.get(name)
    if found is None:
        raise not_found()
    return found


def create(org: Org, call: Call, tx: Transaction) -> Reply:
    """POST /sobjects/X."""
    obj = object_named(org, call.args[0])
    _since(call, "if-unmodified-since")
    record = org.writer.create(tx, obj, call.json_object(), allow_duplicates=allows_duplicates(call))
    location = f"{call.root}/sobjects/{obj.name}/{record['Id']}"
    body = {"id": record["Id"], "success": True, "errors": []}
    return json_reply(201, body, ((b"location", location.encode()),))


def get(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /sobjects/X/{id} and /sobjects/X/{field}/{value}."""
    obj = object_named(org, call.args[0])
    record = _by_id(org, obj, call.args[1]) if len(call.args) == 2 else _by_key(org, call, obj)
    _check_etag(obj, record, call, reading=True)
    modified = from_stamp(record["LastModifiedDate"])
    modified_since = _since(call, "if-modified-since")
    unmodified_since = _since(call, "if-unmodified-since")
    if unmodified_since is not None and modified > unmodified_since:
        raise _precondition_failed()
    if modified_since is not None and modified <= modified_since:
        return Reply(304)
    headers = [(b"last-modified", formatdate(modified, usegmt=True).encode())]
    if obj.name == "Account":
        headers.append((b"etag", etag(record).encode()))
    return json_reply(200, shown(obj, record, call), tuple(headers))


def update(org: Org, call: Call, tx: Transaction) -> Reply:
    """PATCH /sobjects/X/{id}."""
    obj = object_named(org, call.args[0])
    body = call.json_object()
    record = _by_id(org, obj, call.args[1], changing=True)
    unmodified_since = _since(call, "if-unmodified-since")
    if unmodified_since is not None and from_stamp(record["LastModifiedDate"]) > unmodified_since:
        raise _precondition_failed()
    _check_etag(obj, record, call, reading=False)
    org.writer.update(tx, obj, record, body)
    return Reply(204)


def upsert(org: Org, call: Call, tx: Transaction) -> Reply:
    """PATCH /sobjects/X/{field}/{value}: 201 inserted; 200 (204 before v46) updated; 300 several match."""
    obj = object_named(org, call.args[0])
    field = external_id(obj, call.args[1])
    if field.name == "Id":
        org.writer.update(tx, obj, _by_id(org, obj, call.args[2], changing=True), call.json_object())
        return Reply(204)
    record, created = org.writer.upsert(
        tx, obj, field, call.args[2], call.json_object(), allow_duplicates=allows_duplicates(call)
    )
    body: dict[str, Any] = {"id": record["Id"], "success": True, "errors": []}
    if call.version >= UPSERT_TELLS_SINCE:
        return json_reply(201 if created else 200, {**body, "created": created})
    return json_reply(201, body) if created else Reply(204)


def delete(org: Org, call: Call, tx: Transaction) -> Reply:
    """DELETE /sobjects/X/{id} and /sobjects/X/{field}/{value}; conditional headers are not supported."""
    obj = object_named(org, call.args[0])
    by_id = len(call.args) == 2
    tx.delete(obj, _by_id(org, obj, call.args[1], changing=True) if by_id else _by_key(org, call, obj))
    return Reply(204)


def shown(obj: ObjectDef, record: Record, call: Call, wanted: list[FieldDef] | None = None) -> dict[str, Any]:
    """A record as a row resource answers it: all fields, or those of the ``fields`` parameter."""
    chosen: list[FieldDef] | Mapping[str, FieldDef] = wanted or _wanted(obj, call)
    fields = chosen if isinstance(chosen, list) else list(chosen.values())
    attributes = {"type": obj.name, "url": f"{call.root}/sobjects/{obj.name}/{record['Id']}"}
    return {"attributes": attributes, "Id": record["Id"], **{f.name: record.get(f.name) for f in fields}}


def allows_duplicates(call: Call) -> bool:
    """Whether the client overrides duplicate rules."""
    header = call.request.headers.get("sforce-duplicate-rule-header", "")
    return any(part.replace(" ", "").lower() == "allowsave=true" for part in header.split(";"))


def etag(record: Record) -> str:
    """The entity tag of an Account; Salesforce gives none to other objects."""
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).digest()[:20]
    return f'"{base64.b64encode(digest).decode()}"'


def _wanted(obj: ObjectDef, call: Call) -> list[FieldDef]:
    names = call.request.query.get("fields")
    if not names:
        return list(obj.fields.values())
    wanted = []
    for name in names.split(","):
        field = obj.field(name.strip())
        if field is None:
            raise ApiError("INVALID_FIELD", f"No such column '{name}' on sobject of type {obj.name}")
        wanted.append(field)
    return wanted


def _by_id(org: Org, obj: ObjectDef, record_id: str, *, changing: bool = False) -> Record:
    if as_id(record_id) is None:
        external_id(obj, record_id)
        raise not_found()
    if changing:
        return org.writer.live(obj, record_id)
    record = org.records.get(obj.name, record_id)
    if record is None or record["IsDeleted"]:
        raise not_found()
    return record


def _by_key(org: Org, call: Call, obj: ObjectDef) -> Record:
    field = external_id(obj, call.args[1])
    if field.name == "Id":
        return _by_id(org, obj, call.args[2])
    matches = org.records.find(obj, field, call.args[2])
    if not matches:
        raise not_found()
    if len(matches) > 1:
        raise MultipleMatches([record["Id"] for record in matches])
    return matches[0]


def _since(call: Call, header: str) -> float | None:
    """The moment that a conditional header names; one that cannot be read is refused on writes, ignored on reads."""
    value = call.request.headers.get(header)
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        if call.request.method == "GET":
            return None
        raise ApiError("INVALID_HEADER", f"Invalid value for header {header}: {value}") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _check_etag(obj: ObjectDef, record: Record, call: Call, *, reading: bool) -> None:
    headers = call.request.headers
    if obj.name != "Account" or not ("if-match" in headers or "if-none-match" in headers):
        return
    own = etag(record)
    if "if-match" in headers and own not in headers["if-match"] and headers["if-match"].strip() != "*":
        raise _precondition_failed()
    if "if-none-match" in headers and own in headers["if-none-match"]:
        raise ApiError("NOT_MODIFIED", "", 304) if reading else _precondition_failed()


def _precondition_failed() -> ApiError:
    return ApiError("PRECONDITION_FAILED", "The record does not meet the precondition of the request", 412)
