"""Changing a case that the caller saw at a version.

`If-Unmodified-Since` has a resolution of one second: a change in the very second of the last one would pass it
unseen. So a case is read first, and written only when the server's clock has left that second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import Any, get_args

from pydantic import BaseModel

from ...core.adapter import Absent, Attempt, CannotTell, Finding, Present, Sent
from ...core.clock import Clock
from ...core.errors import (
    Ambiguous,
    ContractBroken,
    IntegrationError,
    NotFound,
    NotSent,
    PreconditionFailed,
)
from . import models
from .keys import IN_SUBJECT, MarkerField
from .records import CASE_FIELDS, Seen, asked, case_from, differing
from .settings import SalesforceSettings
from .wire import Exchange, Row

_WRITABLE = {ours: theirs for ours, theirs in CASE_FIELDS.items() if ours in get_args(models.CaseField)}


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a case.

    Args:
        case_id: The case.
        seen: The version that the caller saw.
        wanted: The new content, by Salesforce's names.
        marker: Where the key is left, if the org has a field for it.
        key: The key.
        repeated: Whether an earlier attempt was made.
    """

    case_id: str
    seen: Seen
    wanted: Mapping[str, Any]
    marker: MarkerField | None
    key: str
    repeated: bool

    @classmethod
    def of(cls, attempt: Attempt, settings: SalesforceSettings) -> Change:
        """What an `update_case` or `close_case` asks for."""
        request = attempt.request
        assert isinstance(request, models.UpdateCase | models.CloseCase)
        field = settings.marker_fields.get("Case")
        return cls(
            case_id=request.case_id,
            seen=Seen.parse(request.version),
            wanted=_wanted(request, settings),
            marker=MarkerField(field) if field else None,
            key=attempt.key,
            repeated=attempt.maybe_applied or attempt.number > 1,
        )

    def content(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What to write into the record, which may be marked by its creation."""
        content = dict(self.wanted)
        if "Subject" in content:
            content["Subject"] = IN_SUBJECT.keep(content["Subject"], record.get("Subject"))
        return content

    def judge(self, record: Mapping[str, Any]) -> Finding:
        """What the case, as it was read, says about this change."""
        differs = differing(self.content(record), record, CASE_FIELDS)
        facts = {"last_modified_at": record.get("LastModifiedDate")}
        value = models.CaseUpdated(case_id=self.case_id)
        if self.seen.still_holds(record):
            return Absent(facts)
        if self.marker is not None:
            if self.marker.carries(record, self.key):
                later = self.marker.keys(record[self.marker.field])[-1] != self.key
                return Present(value, self.case_id, differs, superseded=later, facts=facts)
            if self.marker.may_have_dropped(record, self.key):
                return CannotTell("so many changes were made since that our marker may have been pushed out", facts)
            return Absent(facts)
        if differs:
            return CannotTell(f"the case changed since, but not as asked for: {', '.join(differs)}", facts)
        return Present(value, self.case_id, facts=facts)


def _wanted(request: BaseModel, settings: SalesforceSettings) -> dict[str, Any]:
    if isinstance(request, models.UpdateCase):
        return asked(request, _WRITABLE) | {CASE_FIELDS[field]: None for field in request.clear}
    return {"Status": settings.closed_status}


async def send(exchange: Exchange, change: Change, clock: Clock) -> Sent[Any]:
    """Change the case if it is still as the caller saw it."""
    try:
        record = await _read_settled(exchange, change, clock)
    except IntegrationError as error:
        raise error.without_effect("only a read was sent") from None
    if not change.seen.still_holds(record):
        if (change.marker or change.repeated) and (sent := _already_there(change, record)):
            return sent
        raise PreconditionFailed(
            "the case changed since it was read: read it again, decide again",
            code="version",
            evidence={"last_modified_at": record.get("LastModifiedDate")},
        )
    body = change.content(record)
    if change.marker is not None:
        change.marker.write(body, change.key, record.get(change.marker.field))
    since = format_datetime(change.seen.at.astimezone(UTC), usegmt=True)
    try:
        await exchange.update("Case", change.case_id, body, {"If-Unmodified-Since": since})
    except PreconditionFailed as error:
        # A proxy may have delivered it twice: then the first delivery is the change that this one met.
        if sent := _already_there(change, await _read_back(exchange, change)):
            return sent
        raise error from None
    return Sent(models.CaseUpdated(case_id=change.case_id), change.case_id)


async def probe(exchange: Exchange, change: Change) -> Finding:
    """Look whether an earlier attempt changed the case."""
    try:
        row = await _read(exchange, change)
    except NotFound:
        return CannotTell("the case is no longer there")
    return change.judge(row.record)


def _already_there(change: Change, record: Mapping[str, Any]) -> Sent[Any] | None:
    finding = change.judge(record)
    if not isinstance(finding, Present):
        return None
    if finding.differs and not finding.superseded:
        names = ", ".join(finding.differs)
        raise ContractBroken(f"the case carries this key, but other content: {names}", code="content")
    facts = {"already_there": True, "changed_since": list(finding.differs)}
    return Sent(finding.value, finding.record, facts)


async def _read_settled(exchange: Exchange, change: Change, clock: Clock) -> Mapping[str, Any]:
    """Read the case; if it is as the caller saw it, then after the server's clock left that second."""
    waited = False
    while True:
        row = await _read(exchange, change)
        modified = int(change.seen.at.timestamp())
        ahead = None if row.server_time is None else int(row.server_time) - modified
        later = ahead > 0 if ahead is not None else waited
        if later or not change.seen.still_holds(row.record):
            return row.record
        wait = 1.0 - min(ahead or 0, 0)
        if wait >= exchange.left():
            raise NotSent(
                f"the case was changed within the last second, and there was no time to wait {wait:.0f} s for a "
                "later change to be told from it",
                code="same_second",
                retry_after=wait,
                transient=True,
            )
        await clock.sleep(wait)
        waited = True


async def _read_back(exchange: Exchange, change: Change) -> Mapping[str, Any]:
    try:
        return (await _read(exchange, change)).record
    except IntegrationError as error:
        raise Ambiguous(
            f"the case was changed before this write came, perhaps by itself; reading it back failed: {error.message}",
            code="read_back",
            outage=error.outage,
            evidence={"read_back": error.to_record()},
        ) from None


async def _read(exchange: Exchange, change: Change) -> Row:
    fields = [*CASE_FIELDS.values(), *([change.marker.field] if change.marker else [])]
    row = await exchange.row(f"/sobjects/Case/{change.case_id}", fields)
    case_from(row.record)
    if change.marker is not None and change.marker.field not in row.record:
        raise ContractBroken(f"the case came without {change.marker.field}", code="schema")
    return row
