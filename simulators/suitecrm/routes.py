"""From a request to the operation that answers it: v4_1 by the method's name in the form, v8 by path and verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..kinds import Lane
from ..request import HttpRequest
from ..wire import Reply
from . import v4, v4_writes, v8, v8_related
from .arguments import METHODS
from .call import Call
from .suite import Suite

V4: Mapping[str, v4.Responder] = {
    "login": v4.login,
    "logout": v4.logout,
    "seamless_login": v4.seamless_login,
    "get_server_info": v4.get_server_info,
    "get_user_id": v4.get_user_id,
    "get_available_modules": v4.get_available_modules,
    "get_module_fields": v4.get_module_fields,
    "get_entry": v4.get_entry,
    "get_entries": v4.get_entries,
    "get_entry_list": v4.get_entry_list,
    "get_entries_count": v4.get_entries_count,
    "get_relationships": v4.get_relationships,
    "set_entry": v4_writes.set_entry,
    "set_entries": v4_writes.set_entries,
    "set_relationship": v4_writes.set_relationship,
    "set_relationships": v4_writes.set_relationships,
}
"""The methods of v4_1; an operation has the method's name."""

V8: Mapping[str, tuple[Lane, Callable[[Suite, Call], Reply]]] = {
    "v8_token": ("auth", v8.token),
    "v8_logout": ("auth", v8.logout),
    "v8_current_user": ("read", v8.current_user),
    "v8_modules": ("read", v8.modules),
    "v8_fields": ("read", v8.fields),
    "v8_get": ("read", v8.get),
    "v8_list": ("read", v8.listed),
    "v8_create": ("write", v8.create),
    "v8_update": ("write", v8.update),
    "v8_delete": ("write", v8.delete),
    "v8_related": ("read", v8_related.get),
    "v8_relate": ("write", v8_related.create),
    "v8_unrelate": ("write", v8_related.delete),
}
"""The operations of v8."""

OPERATIONS: Mapping[str, Lane] = {name: METHODS[name].lane for name in V4} | {
    name: lane for name, (lane, _) in V8.items()
}
"""The names that a plan can match on, and the lane of each."""

BATCHES = ("set_entries", "set_relationships")
"""Operations that have several items."""

Route: TypeAlias = tuple[str, dict[str, Any]]


def is_v4(request: HttpRequest) -> bool:
    """Whether a request is for v4_1, below the root or below ``legacy`` as in SuiteCRM 8."""
    return _below_root(request) == ("service", "v4_1", "rest.php")


def v8_route(request: HttpRequest) -> Route | int:
    """The operation of a v8 request with the variable segments of its path, or the status where there is none."""
    verbs: Mapping[str, str]
    args: dict[str, Any] = {}
    match _below_root(request):
        case ("Api", "access_token") | ("Api", "index.php", "access_token"):
            verbs = {"POST": "v8_token"}
        case ("Api", "V8", *rest) | ("Api", "index.php", "V8", *rest):
            verbs, args = _resource(tuple(rest))
        case _:
            verbs = {}
    if not verbs:
        return 404
    return (verbs[request.method], args) if request.method in verbs else 405


def _below_root(request: HttpRequest) -> tuple[str, ...]:
    return request.path[1:] if request.path[:1] == ("legacy",) else request.path


def _resource(rest: tuple[str, ...]) -> tuple[Mapping[str, str], dict[str, Any]]:
    match rest:
        case ("logout",):
            return {"POST": "v8_logout"}, {}
        case ("current-user",):
            return {"GET": "v8_current_user"}, {}
        case ("meta", "modules"):
            return {"GET": "v8_modules"}, {}
        case ("meta", "fields", module):
            return {"GET": "v8_fields"}, {"module": module}
        case ("module",):
            return {"POST": "v8_create", "PATCH": "v8_update"}, {}
        case ("module", module):
            return {"GET": "v8_list"}, {"module": module}
        case ("module", module, record_id):
            return {"GET": "v8_get", "DELETE": "v8_delete"}, {"module": module, "id": record_id}
        case ("module", module, record_id, "relationships"):
            return {"POST": "v8_relate"}, {"module": module, "id": record_id, "link": ""}
        case ("module", module, record_id, "relationships", link):
            return {"GET": "v8_related", "POST": "v8_relate"}, {"module": module, "id": record_id, "link": link}
        case ("module", module, record_id, "relationships", link, other):
            args = {"module": module, "id": record_id, "link": link, "related_id": other}
            return {"DELETE": "v8_unrelate"}, args
    return {}, {}
