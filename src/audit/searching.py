"""Looking through the audit, newest first, without reading more of it than is asked for."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.ledger.snapshot import AuditRow, Snapshot
from .scratch import Told

_PAGE = 256  # rows of one chain that are read together


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are looked for; None is any.

    Args:
        operation: The operation.
        principal: Who asked for it, or who decided.
        kind: The kind of event.
        since: Not before (seconds since the epoch).
        until: Not after.
        text: Somewhere in the event, whatever the case of its letters.
    """

    operation: str | None = None
    principal: str | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None
    text: str | None = None

    def matches(self, told: Told) -> bool:
        """Whether an event is wanted. Times are looked at before."""
        event = told.event
        return (
            (self.operation is None or event.get("operation") == self.operation)
            and (self.kind is None or event.get("kind") == self.kind)
            and (self.principal is None or self.principal in (event.get("principal"), event.get("by")))
            and (self.text is None or self.text.casefold() in json.dumps(event, ensure_ascii=False).casefold())
        )


def search(ledger: Snapshot, wanted: Wanted) -> Iterator[Told]:
    """Events that are wanted, newest first. A chain is read from its end, and only once its turn has come."""
    for row in _newest_first(ledger):
        if wanted.since is not None and row.at < wanted.since:
            return
        if wanted.until is not None and row.at > wanted.until:
            continue
        try:
            events = json.loads(row.body)
        except ValueError:
            continue  # verify tells of it
        for event in reversed(events):
            told = Told(row.chain, row.number, row.at, event)
            if wanted.matches(told):
                yield told


def _newest_first(ledger: Snapshot) -> Iterator[AuditRow]:
    waiting = [(-row.at, row.chain, -row.number, row) for row in ledger.heads()]
    heapq.heapify(waiting)
    pages: dict[str, list[AuditRow]] = {}
    while waiting:
        *_, row = heapq.heappop(waiting)
        yield row
        page = pages.get(row.chain) or ledger.audit_before(row.chain, row.number, _PAGE)
        if page:
            following = page[0]
            pages[row.chain] = page[1:]
            heapq.heappush(waiting, (-following.at, following.chain, -following.number, following))
