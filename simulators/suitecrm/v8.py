"""The v8 API: JSON:API over HTTP, with all that a controller does not like worded as a 400.

Source: ``Api/V8/Controller`` and ``Api/V8/Service``. There is no ETag, POST and PATCH both answer 201, and the check
for an existing id is a query before the insert.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..wire import Reply
from .beans import Bean
from .call import Call, plain_json, v8_reply
from .database import Row
from .errors import AccessDenied, BadRequest, DatabaseFailure
from .parameters import (
    Data,
    bracketed,
    checked_id,
    data_of,
    fields_of,
    filtered,
    module_of,
    page_of,
    sorted_rows,
)
from .schema import Module
from .suite import Suite
from .values import as_text, atom, to_html


def token(suite: Suite, call: Call) -> Reply:
    """POST /access_token."""
    return plain_json(200, suite.tokens.grant(call.args["form"])).with_headers([(b"cache-control", b"no-store")])


def logout(suite: Suite, call: Call) -> Reply:
    """POST /V8/logout: ends the access token."""
    suite.tokens.revoke(call.request.headers.get("authorization", ""))
    return v8_reply(200, {"meta": {"message": "You have been successfully logged out"}, "data": []})


def current_user(_suite: Suite, call: Call) -> Reply:
    """GET /V8/current-user."""
    attributes = {"user_name": call.user.user_name, "is_admin": "1" if call.user.is_admin else "0"}
    return v8_reply(200, {"data": {"type": "User", "id": call.user.id, "attributes": attributes}})


def modules(suite: Suite, call: Call) -> Reply:
    """GET /V8/meta/modules."""
    allowed = [name for name in suite.modules if call.user.may("access", name)]
    attributes = {name: {"label": name, "access": _rights(call, name)} for name in allowed}
    return v8_reply(200, {"data": {"type": "modules", "id": "", "attributes": attributes}})


def fields(suite: Suite, call: Call) -> Reply:
    """GET /V8/meta/fields/{module}."""
    module = module_of(suite.modules, call.args["module"])
    if not call.user.may("access", module.name):
        raise BadRequest("The API user does not have access to this module.")
    attributes = {
        f.name: {"type": f.type, "dbType": f.type, "required": f.required} | ({"len": str(f.len)} if f.len else {})
        for f in module.fields.values()
    }
    return v8_reply(200, {"data": {"type": "fields", "id": "", "attributes": attributes}})


def get(suite: Suite, call: Call) -> Reply:
    """GET /V8/module/{module}/{id}."""
    wanted = fields_of(suite.modules, call.request)
    module, row = found(suite, call.args["module"], call.args["id"])
    if not call.user.may("view", module.name):
        raise AccessDenied
    return v8_reply(200, {"data": resource(suite, module, row, f"/V8/module/{module.name}/{row['id']}", wanted)})


def listed(suite: Suite, call: Call) -> Reply:
    """GET /V8/module/{module}: filtered, sorted and, if a size is asked for, in pages."""
    module = module_of(suite.modules, call.args["module"])
    wanted = fields_of(suite.modules, call.request)
    number, size = page_of(call.request)
    asked = bracketed(call.request, "filter")
    if not all(module.fields[path[0]].column for path in asked if path[0] in module.fields):
        raise DatabaseFailure
    rows = sorted_rows(
        module, filtered(module, list(suite.database.rows(module)), asked), call.request.query.get("sort")
    )
    if not call.user.may("view", module.name):
        raise AccessDenied
    start = max(0, number - 1) * (size or 0)
    page = rows[start : None if size is None else start + size]
    path = f"/V8/module/{module.name}"
    answer: dict[str, Any] = {
        "data": [resource(suite, module, row, f"{path}/{row['id']}", wanted) for row in page],
    }
    if page and size is not None:
        pages = math.ceil(len(rows) / size)
        answer["meta"] = {"total-pages": pages, "records-on-this-page": len(page)}
        answer["links"] = _links(call, path, number, pages)
    return v8_reply(200, answer)


def create(suite: Suite, call: Call) -> Reply:
    """POST /V8/module. Whether the id is taken was asked when the call came in; the insert finds out for itself."""
    data = data_of(suite.modules, call.request, create=True)
    if call.exists:
        raise BadRequest(f"Bean {data.module.name} with id {data.id} is already exist")
    bean = Bean(data.module)
    if data.id is not None:
        bean.set("id", data.id)
        bean.set("new_with_id", 1)
    return _saved(suite, call, bean, data)


def update(suite: Suite, call: Call) -> Reply:
    """PATCH /V8/module."""
    data = data_of(suite.modules, call.request, create=False)
    found(suite, data.module.name, data.id or "")
    return _saved(suite, call, suite.beans.retrieve(data.module, data.id or ""), data)


def delete(suite: Suite, call: Call) -> Reply:
    """DELETE /V8/module/{module}/{id}."""
    module, row = found(suite, call.args["module"], call.args["id"])
    if not call.user.may("delete", module.name):
        raise AccessDenied
    suite.beans.mark_deleted(call.origin, call.user, module, row["id"] or "")
    return v8_reply(200, {"meta": {"message": f"Record with id {row['id']} is deleted"}})


def found(suite: Suite, module_name: str, record_id: str) -> tuple[Module, Row]:
    """A record that is to be there.

    Raises:
        BadRequest: It is not.
    """
    if module_name not in suite.modules:
        raise BadRequest(f"Module with name {module_name} is not found")
    module = suite.modules[module_name]
    row = suite.database.live(module, checked_id(record_id))
    if row is None:
        raise BadRequest(f"{module_name} module with id {record_id} is not found")
    return module, row


def resource(suite: Suite, module: Module, row: Row, path: str, wanted: list[str] | None = None) -> dict[str, Any]:
    """A record as JSON:API shows it: its kind, and texts with entities for quotes and angle brackets."""
    shown = suite.shown(module, row)
    return {
        "type": module.bean,
        "id": row["id"],
        "attributes": _attributes(shown, wanted),
        "relationships": {
            link.module: {"links": {"related": f"{path}/relationships/{link.name}"}} for link in module.links.values()
        },
    }


def _attributes(shown: Mapping[str, str], wanted: list[str] | None) -> dict[str, str]:
    names = [name for name in shown if name != "id" and (wanted is None or name in wanted)]
    return {name: atom(to_html(shown[name])) for name in names}


def _saved(suite: Suite, call: Call, bean: Bean, data: Data) -> Reply:
    if not suite.beans.may_save(call.user, bean):
        raise AccessDenied
    for name, value in data.attributes.items():
        bean.set(name, value)
    record_id = suite.beans.save(call.origin, call.user, bean)
    # A bean whose update met no row, or that is deleted now, is answered as it is in memory.
    in_memory: Row = {name: as_text(value) for name, value in bean.values.items()}
    row = suite.database.live(data.module, record_id) or in_memory | {"id": record_id}
    return v8_reply(201, {"data": resource(suite, data.module, row, f"/V8/module/{record_id}")})


def _links(call: Call, path: str, number: int, pages: int) -> dict[str, str]:
    def link(to: int) -> str:
        return f"{path}?{urlencode({**call.request.query, 'page[number]': to}, safe='[]')}"

    links: dict[str, str] = {}
    if number > 1:
        links |= {"first": link(1), "prev": link(number - 1)}
    if number + 1 <= pages:
        links |= {"next": link(number + 1), "last": link(pages)}
    return links


def _rights(call: Call, module_name: str) -> list[str]:
    rights = {"view": "view", "list": "list", "edit": "save", "delete": "delete"}
    return ["access", *(shown for shown, right in rights.items() if call.user.may(right, module_name))]
