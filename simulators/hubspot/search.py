"""Search: it sees the records as they were a while ago, and its results end at 10,000.

Source: "Search the CRM": newly created or updated records may take a few moments to appear; at most 200 results a page,
10,000 in all (paging beyond is a 400), 3,000 characters of query; it has a limit of calls of its own, and its answers
carry no rate limit headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..request import json_reply
from ..wire import Reply
from .call import Call, number_of, object_type
from .errors import invalid
from .filters import comparable, parse_filters, tokens_of, value_of
from .objects import shown
from .record import Record
from .schema import ObjectType
from .transaction import Transaction

if TYPE_CHECKING:
    from .portal import Portal

MOST_ON_PAGE = 200
MOST_RESULTS = 10_000
LONGEST_QUERY = 3_000


def search(portal: Portal, call: Call, _tx: Transaction) -> Reply:
    """POST /crm/v3/objects/{type}/search."""
    obj = object_type(portal.schema, call.args[0])
    body = call.json_object()
    limit = number_of(str(body.get("limit") or 10), "limit", MOST_ON_PAGE)
    start = _start(body, limit)
    passes = parse_filters(obj, body)
    words = _words(body)
    found = [
        record
        for record in portal.records.seen_by_search(obj.name)
        if passes(record) and _has_words(obj, record, words)
    ]
    _sort(obj, found, body)
    wanted = list(map(str, body.get("properties") or []))
    page = found[start : start + limit]
    content: dict[str, Any] = {"total": len(found), "results": [shown(obj, record, wanted) for record in page]}
    if start + limit < len(found):
        content["paging"] = {"next": {"after": str(start + limit)}}
    return json_reply(200, content)


def _start(body: Mapping[str, Any], limit: int) -> int:
    after = str(body.get("after") or "0")
    if not after.isdecimal():
        raise invalid(f"{after} is not a valid paging cursor")
    if int(after) + limit > MOST_RESULTS:
        raise invalid(f"Paging through more than {MOST_RESULTS} results of a search is not possible")
    return int(after)


def _words(body: Mapping[str, Any]) -> list[str]:
    query = str(body.get("query") or "")
    if len(query) > LONGEST_QUERY:
        raise invalid(f"The query is longer than {LONGEST_QUERY} characters")
    return query.lower().split()


def _has_words(obj: ObjectType, record: Record, words: list[str]) -> bool:
    tokens = [token for name in obj.searched for token in tokens_of(record.properties.get(name, ""))]
    return all(any(token.startswith(word) for token in tokens) for word in words)


def _sort(obj: ObjectType, found: list[Record], body: Mapping[str, Any]) -> None:
    sorts = body.get("sorts") or []
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise invalid("Invalid input JSON: sorts must be a list of at most one")
    if not sorts:
        return
    given = sorts[0]
    if isinstance(given, dict):
        name, descending = str(given.get("propertyName")), given.get("direction") == "DESCENDING"
    else:
        name, descending = str(given).removeprefix("-"), str(given).startswith("-")
    prop = obj.properties.get(name)
    if prop is None:
        raise invalid(f'Property "{name}" does not exist', context={"propertyName": [name]})

    def key(record: Record) -> Any:
        return comparable(prop, str(value_of(obj, record, name)))

    filled = [record for record in found if value_of(obj, record, name) is not None]
    empty = [record for record in found if value_of(obj, record, name) is None]
    found[:] = [*sorted(filled, key=key, reverse=descending), *empty]
