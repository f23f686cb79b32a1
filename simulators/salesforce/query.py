"""The query resources: pages of rows behind a locator that lives for a while.

Source: REST API Developer Guide, "Query" and "Query More Results": at most 2000 rows a page, a locator of the form
``01g…-2000`` in ``nextRecordsUrl``, two days of life.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..request import json_reply
from ..wire import Reply
from .call import Call
from .errors import ApiError
from .records import Record, Transaction
from .selection import Selection
from .soql import parse
from .syntax import malformed
from .values import make_id

if TYPE_CHECKING:
    from .org import Org

_MOST_CURSORS = 1000


@dataclass(frozen=True, slots=True)
class _Cursor:
    selection: Selection
    rows: list[Record]
    page: int
    opened: float


class Cursors:
    """Open query results by locator.

    Args:
        life: Seconds that a locator lives.
        now: The org's clock.
    """

    def __init__(self, life: float, now: Callable[[], float]) -> None:
        self._life = life
        self._now = now
        self._open: OrderedDict[str, _Cursor] = OrderedDict()
        self._count = 0

    def open(self, selection: Selection, rows: list[Record], page: int) -> str:
        """Keep a result; the answer is its locator."""
        self._count += 1
        locator = make_id("01g", self._count)
        self._open[locator] = _Cursor(selection, rows, page, self._now())
        if len(self._open) > _MOST_CURSORS:
            self._open.popitem(last=False)
        return locator

    def find(self, locator: str) -> _Cursor:
        """The result of a locator.

        Raises:
            ApiError: ``INVALID_QUERY_LOCATOR``: there is none, or it is too old.
        """
        cursor = self._open.get(locator)
        if cursor is None or self._now() - cursor.opened > self._life:
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return cursor


def query(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /query?q= and /queryAll?q=."""
    text = call.request.query.get("q")
    if not text or not text.strip():
        raise malformed("SOQL statements cannot be empty or null")
    select = parse(text)
    selection = Selection(select, org.records, deleted=call.operation == "query_all")
    rows = selection.rows()
    if select.counts:
        return json_reply(200, {"totalSize": len(rows), "done": True, "records": []})
    page = _page_size(org, call)
    locator = org.cursors.open(selection, rows, page) if len(rows) > page else ""
    return _answer(call, selection, rows, 0, page, locator)


def query_more(org: Org, call: Call, _tx: Transaction) -> Reply:
    """GET /query/<locator>-<first row>."""
    locator, _, start = call.args[0].rpartition("-")
    cursor = org.cursors.find(locator)
    if not start.isdecimal() or not 0 < int(start) < len(cursor.rows):
        raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
    return _answer(call, cursor.selection, cursor.rows, int(start), cursor.page, locator)


def _answer(call: Call, selection: Selection, rows: list[Record], start: int, page: int, locator: str) -> Reply:
    end = start + page
    content: dict[str, Any] = {"totalSize": len(rows), "done": end >= len(rows)}
    if not content["done"]:
        verb = "queryAll" if "queryAll" in call.request.path else "query"
        content["nextRecordsUrl"] = f"{call.root}/{verb}/{locator}-{end}"
    content["records"] = [selection.show(row, call.root) for row in rows[start:end]]
    return json_reply(200, content)


def _page_size(org: Org, call: Call) -> int:
    asked = re.search(r"batchSize\s*=\s*(\d+)", call.request.headers.get("sforce-query-options", ""), re.IGNORECASE)
    if asked is None:
        return org.settings.page_size
    return min(org.settings.page_size, max(org.settings.smallest_page, int(asked[1])))
