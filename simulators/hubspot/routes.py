"""Where each operation lies in the API, its lane, and the scopes that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from ..kinds import Lane
from ..request import HttpRequest
from ..wire import HTML, Reply
from . import account, associations, batches, objects, search
from .call import Call
from .transaction import Transaction

if TYPE_CHECKING:
    from .portal import Portal

Responder: TypeAlias = Callable[["Portal", Call, Transaction], Reply]

RESPONDERS: Mapping[str, tuple[Lane, Responder]] = {
    "token": ("auth", account.token),
    "token_info": ("read", account.token_info),
    "account": ("read", account.details),
    "me": ("read", account.me),
    "owners": ("read", account.owners),
    "properties": ("read", account.properties),
    "property": ("read", account.one_property),
    "create_property": ("write", account.create_property),
    "create": ("write", objects.create),
    "get": ("read", objects.get),
    "list": ("read", objects.listing),
    "update": ("write", objects.update),
    "archive": ("write", objects.archive),
    "search": ("read", search.search),
    "batch_create": ("write", batches.create),
    "batch_read": ("read", batches.read),
    "batch_update": ("write", batches.update),
    "batch_upsert": ("write", batches.upsert),
    "batch_archive": ("write", batches.archive),
    "associations": ("read", associations.listing),
    "associate": ("write", associations.associate),
    "dissociate": ("write", associations.dissociate),
    "associations_v4": ("read", associations.listing_v4),
    "associate_default": ("write", associations.associate_default),
    "associate_v4": ("write", associations.associate_v4),
    "dissociate_v4": ("write", associations.dissociate_v4),
    "associations_batch_read": ("read", associations.batch_read),
    "associations_batch_create": ("write", associations.batch_create),
    "associations_batch_archive": ("write", associations.batch_archive),
}
"""Operations by name, with their lanes."""

OPEN = frozenset({"token", "token_info"})
"""Operations that need no access token."""

_BATCH_VERBS = ("create", "read", "update", "upsert", "archive")
_LINK_BATCH_VERBS = ("create", "read", "archive")
_SCOPES = {"contacts": "crm.objects.contacts", "companies": "crm.objects.companies", "notes": "crm.objects.contacts"}

Verbs: TypeAlias = Mapping[str, str]


class NoRoute(Exception):
    """The path or its method is nothing that HubSpot knows: a page of its web server and not of the API.

    Args:
        status: 404 or 405.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    def reply(self) -> Reply:
        """The page."""
        text = {404: "Not Found", 405: "Method Not Allowed"}[self.status]
        page = f"<html><head><title>Error {self.status} {text}</title></head><body><h2>HTTP ERROR {self.status}</h2>"
        return Reply(self.status, f"{page}<p>{text}</p></body></html>".encode(), HTML)


def route(request: HttpRequest) -> Call:
    """The place of a request in the API.

    Raises:
        NoRoute: There is none.
    """
    found = _place(request.path)
    if found is None:
        raise NoRoute(404)
    verbs, args = found
    if request.method not in verbs:
        raise NoRoute(405)
    return Call(request, verbs[request.method], args)


def scopes(call: Call, names: Mapping[str, str]) -> set[str]:
    """The scopes that a call needs; `names` has the plural name of an object by every name it may have in a path."""
    lane = RESPONDERS[call.operation][0]
    match call.operation:
        case "account" | "me":
            return set()
        case "owners":
            return {"crm.objects.owners.read"}
        case "properties" | "property" | "create_property":
            obj = names.get(call.args[0].lower(), "")
            kind = "companies" if obj == "companies" else "contacts"
            return {"tickets"} if obj == "tickets" else {f"crm.schemas.{kind}.{lane}"}
    objects_of_call = {names.get(arg.lower(), "") for arg in (call.args[0], *_second_object(call))} - {""}
    return {"tickets" if obj == "tickets" else f"{_SCOPES[obj]}.{lane}" for obj in objects_of_call}


def _second_object(call: Call) -> tuple[str, ...]:
    if call.operation.startswith("associations_batch"):
        return (call.args[1],)
    linking = call.operation.startswith(("associat", "dissociat"))
    return (call.args[2],) if linking else ()


def _place(path: tuple[str, ...]) -> tuple[Verbs, tuple[str, ...]] | None:
    match path:
        case ("crm", "v3", "objects", *rest):
            return _objects(tuple(rest))
        case ("crm", "v4", "objects", kind, record_id, "associations", *rest):
            return _associations_v4((kind, record_id), tuple(rest))
        case ("crm", "v3", "associations", one, other, "batch", verb) if verb in _LINK_BATCH_VERBS:
            return {"POST": f"associations_batch_{verb}"}, (one, other)
        case ("crm", "v3", "properties", kind):
            return {"GET": "properties", "POST": "create_property"}, (kind,)
        case ("crm", "v3", "properties", kind, name):
            return {"GET": "property"}, (kind, name)
        case ("crm", "v3", "owners"):
            return {"GET": "owners"}, ()
        case ("oauth", "v1", "token"):
            return {"POST": "token"}, ()
        case ("oauth", "v1", "access-tokens", given):
            return {"GET": "token_info"}, (given,)
        case ("account-info", "v3", "details"):
            return {"GET": "account"}, ()
        case ("integrations", "v1", "me"):
            return {"GET": "me"}, ()
    return None


def _objects(rest: tuple[str, ...]) -> tuple[Verbs, tuple[str, ...]] | None:
    match rest:
        case (kind,):
            return {"GET": "list", "POST": "create"}, (kind,)
        case (kind, "search"):
            return {"POST": "search"}, (kind,)
        case (kind, "batch", verb) if verb in _BATCH_VERBS:
            return {"POST": f"batch_{verb}"}, (kind,)
        case (_, _):
            return {"GET": "get", "PATCH": "update", "DELETE": "archive"}, rest
        case (kind, record_id, "associations", to):
            return {"GET": "associations"}, (kind, record_id, to)
        case (kind, record_id, "associations", to, to_id, name):
            return {"PUT": "associate", "DELETE": "dissociate"}, (kind, record_id, to, to_id, name)
    return None


def _associations_v4(one: tuple[str, str], rest: tuple[str, ...]) -> tuple[Verbs, tuple[str, ...]] | None:
    match rest:
        case ("default", to, to_id):
            return {"PUT": "associate_default"}, (*one, to, to_id)
        case (to,):
            return {"GET": "associations_v4"}, (*one, to)
        case (_, _):
            return {"PUT": "associate_v4", "DELETE": "dissociate_v4"}, (*one, *rest)
    return None
