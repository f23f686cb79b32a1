"""Relationships over v8.

Source: ``Api/V8/Service/RelationshipService.php`` and ``Api/V8/Param``: both records must be there, and a relationship
that is made again is made again without a word.
"""

from __future__ import annotations

from ..wire import Reply
from .call import Call, v8_reply
from .errors import BadRequest
from .parameters import checked_id, related_of
from .related import relate, related, unrelate
from .schema import Link, Module
from .suite import Suite
from .v8 import found
from .values import id_key


def get(suite: Suite, call: Call) -> Reply:
    """GET /V8/module/{module}/{id}/relationships/{link}."""
    module, row = found(suite, call.args["module"], call.args["id"])
    link = _link(module, call.args["link"])
    others = related(suite, module, link, row)
    if not others:
        message = f"There is no relationship set in {module.bean} module with {link.name} link field"
        return v8_reply(200, {"meta": {"message": message}})
    bean = suite.modules[link.module].bean
    data = [
        {"type": bean, "id": other["id"], "links": {"self": f"/V8/module/{bean}/{other['id']}"}} for other in others
    ]
    return v8_reply(200, {"data": data})


def create(suite: Suite, call: Call) -> Reply:
    """POST /V8/module/{module}/{id}/relationships, with or without the link's name at the end."""
    module, row = found(suite, call.args["module"], call.args["id"])
    other, other_id = related_of(suite.modules, call.request)
    _, other_row = found(suite, other.name, other_id)
    name = call.args["link"]
    link = _link(module, name) if name else _only_link(module, other)
    if link.module != other.name:
        raise BadRequest(f"Cannot create relationship {link.name} between module {module.bean} and {other.bean}")
    relate(suite, call, module, link, row, other_row["id"] or "")
    message = f"{other.bean} with id {other_row['id']} has been added to {module.bean} with id {row['id']}"
    return v8_reply(201, {"meta": {"message": message}})


def delete(suite: Suite, call: Call) -> Reply:
    """DELETE /V8/module/{module}/{id}/relationships/{link}/{related id}."""
    module, row = found(suite, call.args["module"], call.args["id"])
    link, other_id = _link(module, call.args["link"]), checked_id(call.args["related_id"])
    if all(id_key(other["id"] or "") != id_key(other_id) for other in related(suite, module, link, row)):
        raise BadRequest(f"Module with {other_id} id is not related to {module.bean}")
    unrelate(suite, call, module, link, row, other_id)
    bean = suite.modules[link.module].bean
    message = f"Relationship has been deleted between {module.bean} with id {row['id']} and {bean} with id {other_id}"
    return v8_reply(200, {"meta": {"message": message}})


def _link(module: Module, name: str) -> Link:
    if name not in module.links:
        raise BadRequest(f"Cannot load relationship {name} for {module.bean} module")
    return module.links[name]


def _only_link(module: Module, other: Module) -> Link:
    links = [link for link in module.links.values() if link.module == other.name]
    if not links:
        raise BadRequest(f"Link field has not found in {module.bean} to determine relationship for {other.bean}")
    return links[-1]
