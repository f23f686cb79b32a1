"""Changing a record that the caller saw at a version.

HubSpot has no conditional write. So the record is read, and compared with what the caller saw; then it is written.
Between the two somebody else may still come in: nothing on the wire closes that gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.adapter import Absent, Attempt, CannotTell, Finding, ItemResult, Present, Sent
from ...core.errors import Conflict, ContractBroken, IntegrationError, NotFound, PreconditionFailed
from . import models
from .creates import by_trace
from .records import CONTACT_FIELDS, TICKET_FIELDS, asked, differing, modified
from .settings import ObjectType
from .wire import Exchange, Record, unsent


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a record.

    Args:
        object_type: Plural name of the object.
        record_id: The record.
        version: What the caller saw: when it was last changed.
        wanted: The new content, by HubSpot's names.
        names: Our names of the fields.
        doubtful: Whether an earlier attempt may have landed.
    """

    object_type: ObjectType
    record_id: str
    version: str
    wanted: Mapping[str, str]
    names: Mapping[str, str]
    doubtful: bool

    @classmethod
    def of(cls, attempt: Attempt) -> Change:
        """What an `update_contact` or `update_ticket` asks for."""
        request = attempt.request
        if isinstance(request, models.UpdateContact):
            wanted = asked(request, CONTACT_FIELDS)
            return cls("contacts", request.contact_id, request.version, wanted, CONTACT_FIELDS, attempt.maybe_applied)
        assert isinstance(request, models.UpdateTicket)
        wanted = asked(request, TICKET_FIELDS)
        return cls("tickets", request.ticket_id, request.version, wanted, TICKET_FIELDS, attempt.maybe_applied)

    @property
    def read(self) -> list[str]:
        """The properties that tell whether it was done."""
        return [*self.wanted, modified(self.object_type)]

    def judge(self, record: Record) -> Finding:
        """What the record, as it was read, says about this change."""
        facts = {"last_modified_at": str(record.properties.get(modified(self.object_type)))}
        differs = differing(self.wanted, record, self.names)
        if self.still_seen(record):
            return Absent(facts)
        if differs:
            return CannotTell(f"the record changed since, but not as asked for: {', '.join(differs)}", facts)
        return Present(models.Updated(record_id=self.record_id), self.record_id, facts=facts)

    def still_seen(self, record: Record) -> bool:
        """Whether the record is as the caller saw it."""
        return record.properties.get(modified(self.object_type)) == self.version

    def stale(self, record: Record | None) -> ItemResult | None:
        """Why it must not be written, or that it is done; None if it may be written."""
        if record is None:
            return NotFound(f"there is no record {self.record_id} in {self.object_type}", code="not_found")
        if self.still_seen(record):
            return None
        finding = self.judge(record)
        if self.doubtful and isinstance(finding, Present):
            return Sent(finding.value, finding.record, {"already_there": True, **finding.facts})
        return PreconditionFailed(
            "the record changed since it was read: read it again, decide again",
            code="version",
            evidence={"last_modified_at": str(record.properties.get(modified(self.object_type)))},
        )


async def send(exchange: Exchange, change: Change) -> Sent[Any]:
    """Change the record if it is still as the caller saw it."""
    try:
        record = await exchange.read(change.object_type, change.record_id, change.read)
    except IntegrationError as error:
        raise unsent(error) from None
    if (settled := change.stale(record)) is not None:
        if isinstance(settled, IntegrationError):
            raise settled
        return settled
    try:
        written = await exchange.update(change.object_type, change.record_id, change.wanted)
    except Conflict as error:
        if error.transient:
            raise
        error.transient = False  # another record has the unique value that was asked for
        raise
    return _done(change, written)


async def send_many(exchange: Exchange, items: Sequence[Attempt]) -> Sequence[ItemResult]:
    """Change many records in one call, those that are still as the caller saw them; answer for each in order."""
    changes = [Change.of(item) for item in items]
    object_type = changes[0].object_type
    read = sorted({name for change in changes for name in change.read})
    try:
        seen = await exchange.read_many(object_type, [change.record_id for change in changes], read)
    except IntegrationError as error:
        raise unsent(error) from None
    results: list[ItemResult | None] = [change.stale(seen.get(change.record_id)) for change in changes]
    todo = [place for place, result in enumerate(results) if result is None]
    if todo:
        inputs = [
            {
                "id": changes[place].record_id,
                "properties": dict(changes[place].wanted),
                "objectWriteTraceId": items[place].key,
            }
            for place in todo
        ]
        reply = await exchange.call("POST", f"/crm/v3/objects/{object_type}/batch/update", body={"inputs": inputs})
        raw = reply.json()
        answers = by_trace(raw, None, [items[place] for place in todo])
        by_id = {str(one.get("id")): one for one in raw["results"] if isinstance(one, dict)}
        for place in todo:
            results[place] = _answered(changes[place], answers.get(items[place].key), by_id)
    return [result if result is not None else _unmatched() for result in results]


async def probe(exchange: Exchange, change: Change) -> Finding:
    """Look whether an earlier attempt changed the record."""
    record = await exchange.read(change.object_type, change.record_id, change.read)
    if record is None:
        return CannotTell("the record is no longer there")
    return change.judge(record)


def _answered(change: Change, answer: Record | IntegrationError | None, by_id: Mapping[str, Any]) -> ItemResult:
    if isinstance(answer, IntegrationError):
        return answer
    if answer is None and change.record_id in by_id:
        answer = Record(change.record_id, by_id[change.record_id].get("properties") or {})
    if answer is None:
        return _unmatched()
    try:
        return _done(change, answer)
    except IntegrationError as error:
        return error


def _done(change: Change, written: Record) -> Sent[Any]:
    told = Record(written.id, {name: value for name, value in written.properties.items() if name in change.wanted})
    shown = {name: value for name, value in change.wanted.items() if name in told.properties}
    if differs := differing(shown, told, change.names):
        raise ContractBroken(
            f"HubSpot acknowledged the change, but shows other content: {', '.join(differs)}",
            code="content",
            evidence={"differs": list(differs)},
        )
    when = written.properties.get(modified(change.object_type))
    return Sent(models.Updated(record_id=change.record_id), change.record_id, {"last_modified_at": str(when)})


def _unmatched() -> ContractBroken:
    return ContractBroken("the batch's answer names neither a record nor an error for this item", code="unmatched")
