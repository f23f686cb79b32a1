"""From method and path to the operation that answers, and its lane."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from ..kinds import Lane
from ..request import HttpRequest
from ..wire import Reply
from . import actions, auth, batches, describe, query, rows
from .call import Call
from .describe import VERSIONS
from .errors import ApiError, not_found
from .org import Org
from .records import Transaction

Responder: TypeAlias = Callable[[Org, Call, Transaction], Reply]

RESPONDERS: Mapping[str, tuple[Lane, Responder]] = {
    "token": ("auth", auth.token),
    "soap_login": ("auth", auth.soap_login),
    "revoke": ("auth", auth.revoke),
    "userinfo": ("read", describe.userinfo),
    "versions": ("read", describe.versions),
    "resources": ("read", describe.resources),
    "objects": ("read", describe.objects),
    "basic_info": ("read", describe.basic),
    "describe": ("read", describe.describe),
    "limits": ("read", describe.limits),
    "get": ("read", rows.get),
    "create": ("write", rows.create),
    "update": ("write", rows.update),
    "upsert": ("write", rows.upsert),
    "delete": ("write", rows.delete),
    "query": ("read", query.query),
    "query_all": ("read", query.query),
    "query_more": ("read", query.query_more),
    "collections_create": ("write", batches.create),
    "collections_update": ("write", batches.update),
    "collections_upsert": ("write", batches.upsert),
    "collections_delete": ("write", batches.delete),
    "collections_get": ("read", batches.retrieve),
    "invoke": ("write", actions.invoke),
    "describe_action": ("read", actions.describe),
}
"""Operations that can also be a part of a composite request, by name."""

OPEN = frozenset({"token", "soap_login", "revoke", "versions"})
"""Operations that need no session."""

_VERSION = re.compile(r"v(\d\d)\.\d")

Verbs: TypeAlias = Mapping[str, str]


def route(request: HttpRequest) -> Call:
    """The place of a request in the API.

    Raises:
        ApiError: ``NOT_FOUND`` or ``METHOD_NOT_ALLOWED``.
    """
    version = 0.0
    verbs: Verbs
    args: tuple[str, ...] = ()
    match request.path:
        case ("services", "data"):
            verbs = {"GET": "versions"}
        case ("services", "data", number, *rest):
            found = _VERSION.fullmatch(number)
            if found is None or int(found[1]) not in VERSIONS:
                raise not_found()
            version = float(number[1:])
            verbs, args = _data(tuple(rest))
        case ("services", "oauth2", "token"):
            verbs = {"POST": "token"}
        case ("services", "oauth2", "revoke"):
            verbs = {"POST": "revoke", "GET": "revoke"}
        case ("services", "oauth2", "userinfo"):
            verbs = {"GET": "userinfo", "POST": "userinfo"}
        case ("services", "Soap", "u", number, *_):
            verbs, args = {"POST": "soap_login"}, (number,)
        case _:
            raise not_found()
    # Clients that cannot send PATCH say so in a parameter.
    method = request.query.get("_HttpMethod", request.method) if request.method == "POST" else request.method
    if method not in verbs:
        allowed = ",".join(verbs)
        raise ApiError("METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}", 405)
    return Call(request, verbs[method], version, args)


def _data(rest: tuple[str, ...]) -> tuple[Verbs, tuple[str, ...]]:
    match rest:
        case ("sobjects", name, "describe"):
            return {"GET": "describe"}, (name,)
        case ("sobjects", _, _) | ("sobjects", _, _, _):
            patch = "update" if len(rest) == 3 else "upsert"
            return {"GET": "get", "PATCH": patch, "DELETE": "delete"}, rest[1:]
        case ("sobjects", name):
            return {"GET": "basic_info", "POST": "create"}, (name,)
        case ("query" | "queryAll" as verb,):
            return {"GET": "query" if verb == "query" else "query_all"}, ()
        case ("query" | "queryAll", locator):
            return {"GET": "query_more"}, (locator,)
        case ("composite", "sobjects"):
            return (
                {"POST": "collections_create", "PATCH": "collections_update", "DELETE": "collections_delete"},
                (),
            )
        case ("composite", "sobjects", name):
            return {"GET": "collections_get", "POST": "collections_get"}, (name,)
        case ("composite", "sobjects", name, field):
            return {"PATCH": "collections_upsert"}, (name, field)
        case ("composite",):
            return {"POST": "composite"}, ()
        case ("actions", "custom", "flow"):
            return {"GET": "describe_action"}, ()
        case ("actions", "custom", "flow", name) | ("actions", "standard", name):
            return {"GET": "describe_action", "POST": "invoke"}, (name,)
        case ("sobjects",):
            return {"GET": "objects"}, ()
        case ("limits",):
            return {"GET": "limits"}, ()
        case ():
            return {"GET": "resources"}, ()
    raise not_found()
