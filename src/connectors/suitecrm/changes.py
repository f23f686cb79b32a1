"""Changing a case that the caller saw at a version.

SuiteCRM has no conditional write, and acknowledges a change of a record that is not there. So the case is read, and
compared with what the caller saw; it is written; and it is read again. Between the first read and the write somebody
else may still come in: nothing on either wire closes that gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from ...core.adapter import Absent, Attempt, CannotTell, Finding, Present, Sent
from ...core.errors import Ambiguous, ContractBroken, IntegrationError, NotFound, PreconditionFailed
from . import models
from .exchange import Exchange
from .marker import Marker
from .records import CASE_FIELDS, MODIFIED, Record, Seen, asked, case_from, differing
from .settings import SuiteCrmSettings

_WRITABLE = {ours: theirs for ours, theirs in CASE_FIELDS.items() if ours in get_args(models.CaseField)}


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a case.

    Args:
        case_id: The case.
        seen: The version that the caller saw.
        wanted: The new content, by SuiteCRM's names.
        marker: Where the key is left, if there is a field for it.
        key: The key.
        doubtful: Whether an earlier attempt may have landed.
    """

    case_id: str
    seen: Seen
    wanted: Mapping[str, str]
    marker: Marker | None
    key: str
    doubtful: bool

    @classmethod
    def of(cls, attempt: Attempt, settings: SuiteCrmSettings) -> Change:
        """What an `update_case` or `close_case` asks for."""
        request = attempt.request
        assert isinstance(request, models.UpdateCase | models.CloseCase)
        return cls(
            case_id=request.case_id,
            seen=Seen.parse(request.version),
            wanted=_wanted(request, settings),
            marker=Marker(settings.case_marker_field) if settings.case_marker_field else None,
            key=attempt.key,
            doubtful=attempt.maybe_applied,
        )

    def differs(self, record: Record) -> tuple[str, ...]:
        """The fields that are not as asked for."""
        return differing(self.wanted, record, CASE_FIELDS)

    def marked(self, record: Record) -> bool:
        """Whether the case carries our key."""
        return self.marker is not None and self.key in self.marker.keys(record)

    def judge(self, record: Record) -> Finding:
        """What the case, as it was read, says about this change."""
        differs = self.differs(record)
        facts = {"last_modified_at": str(record.get(MODIFIED))}
        value = models.CaseUpdated(case_id=self.case_id)
        if self.seen.still_holds(record):
            return Absent(facts)
        if self.marker is None:
            if differs:
                return CannotTell(f"the case changed since, but not as asked for: {', '.join(differs)}", facts)
            return Present(value, self.case_id, facts=facts)
        if self.marked(record):
            later = self.marker.keys(record)[-1] != self.key
            return Present(value, self.case_id, differs, superseded=later, facts=facts)
        if self.marker.may_have_dropped(record, self.key):
            return CannotTell("so many changes were made since that our mark may have been pushed out", facts)
        if not differs:  # the mark lies in a table of its own, which is written separately
            return CannotTell("the case changed since into what was asked for, but without our mark", facts)
        return Absent(facts)


def _wanted(request: BaseModel, settings: SuiteCrmSettings) -> dict[str, str]:
    wanted = asked(request, _WRITABLE)
    if isinstance(request, models.UpdateCase):
        return wanted | {CASE_FIELDS[field]: "" for field in request.clear}
    state = {} if settings.closed_state is None else {"state": settings.closed_state}
    return wanted | {"status": settings.closed_status} | state


async def send(exchange: Exchange, change: Change) -> Sent[Any]:
    """Change the case if it is still as the caller saw it, and see whether it is then as asked for."""
    try:
        record = await _read(exchange, change)
    except IntegrationError as error:
        raise error.without_effect("only a read was sent") from None
    if record is None:
        raise NotFound(f"there is no case {change.case_id}", code="not_found")
    if not change.seen.still_holds(record):
        if change.doubtful or change.marked(record):
            finding = change.judge(record)
            if isinstance(finding, Present):
                return _already_there(finding)
        raise PreconditionFailed(
            "the case changed since it was read: read it again, decide again",
            code="version",
            evidence={"last_modified_at": str(record.get(MODIFIED))},
        )
    content = dict(change.wanted)
    if change.marker is not None:
        content[change.marker.field] = change.marker.with_key(record, change.key)
    await exchange.update("Cases", change.case_id, content)
    return await _read_back(exchange, change)


async def _read_back(exchange: Exchange, change: Change) -> Sent[Any]:
    try:
        record = await _read(exchange, change)
    except IntegrationError as error:
        raise Ambiguous(
            f"SuiteCRM acknowledged the change, but reading it back failed: {error.message}",
            code="read_back",
            retry_after=error.retry_after,
            outage=error.outage,
            evidence={"read_back": error.to_record()},
        ) from None
    if record is None:
        raise ContractBroken(
            "SuiteCRM acknowledged the change, but there is no such case: it was deleted meanwhile", code="phantom"
        )
    if differs := change.differs(record):
        raise ContractBroken(
            f"SuiteCRM acknowledged the change, but the case is not as asked for: {', '.join(differs)}",
            code="content",
            evidence={"differs": list(differs)},
        )
    facts: dict[str, Any] = {"last_modified_at": str(record.get(MODIFIED))}
    if change.marker is not None and not change.marked(record):
        facts["unmarked"] = change.marker.field
    return Sent(models.CaseUpdated(case_id=change.case_id), change.case_id, facts)


async def probe(exchange: Exchange, change: Change) -> Finding:
    """Look whether an earlier attempt changed the case."""
    record = await _read(exchange, change)
    if record is None:
        return CannotTell("the case is no longer there")
    return change.judge(record)


def _already_there(finding: Present[Any]) -> Sent[Any]:
    if finding.differs and not finding.superseded:
        names = ", ".join(finding.differs)
        raise ContractBroken(f"the case carries this key, but other content: {names}", code="content")
    facts = {"already_there": True, "changed_since": list(finding.differs), **finding.facts}
    return Sent(finding.value, finding.record, facts)


async def _read(exchange: Exchange, change: Change) -> Record | None:
    fields = [*CASE_FIELDS.values(), *([change.marker.field] if change.marker else [])]
    record = await exchange.read("Cases", change.case_id, fields)
    if record is not None:
        case_from(record)
        if change.marker is not None and change.marker.field not in record:
            raise ContractBroken(f"the case came without {change.marker.field}", code="schema")
    return record
