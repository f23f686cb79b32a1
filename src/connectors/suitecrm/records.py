"""Our field names and SuiteCRM's, records, versions, and when two values are the same.

Sources: SuiteCRM's vardefs; `Api/V8/JsonApi/Helper/AttributeObjectHelper.php` for the dates of v8. Values may be
answered HTML-encoded (`&#039;`), empty ones as "", and numbers as text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from ...core.errors import ContractBroken
from .models import Case, Contact

Record: TypeAlias = Mapping[str, Any]
"""A record as either wire reads it: SuiteCRM's field names, the id among them."""

M = TypeVar("M", bound=BaseModel)

CREATED, MODIFIED = "date_entered", "date_modified"
CASE_FIELDS: Mapping[str, str] = {
    "case_id": "id",
    "case_number": "case_number",
    "subject": "name",
    "description": "description",
    "status": "status",
    "state": "state",
    "priority": "priority",
    "type": "type",
    "resolution": "resolution",
    "account_id": "account_id",
    "owner_id": "assigned_user_id",
    "created_at": CREATED,
    "last_modified_at": MODIFIED,
}
CONTACT_FIELDS: Mapping[str, str] = {
    "contact_id": "id",
    "first_name": "first_name",
    "last_name": "last_name",
    "email": "email1",
    "title": "title",
    "phone_work": "phone_work",
    "phone_mobile": "phone_mobile",
    "description": "description",
    "account_id": "account_id",
    "owner_id": "assigned_user_id",
    "created_at": CREATED,
    "last_modified_at": MODIFIED,
}
CALL_FIELDS: Mapping[str, str] = {
    "subject": "name",
    "description": "description",
    "started_at": "date_start",
    "direction": "direction",
    "status": "status",
    "owner_id": "assigned_user_id",
}
NOTE_FIELDS: Mapping[str, str] = {
    "subject": "name",
    "body": "description",
    "contact_id": "contact_id",
    "owner_id": "assigned_user_id",
}
_DATES = frozenset({CREATED, MODIFIED, "date_start"})
_NUMBERS = frozenset({"duration_hours", "duration_minutes", "case_number"})
_ENTITIES = {"&quot;": '"', "&#039;": "'", "&#39;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ENTITY = re.compile("|".join(map(re.escape, _ENTITIES)))
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")


def decoded(text: str) -> str:
    """Text without the HTML encoding that SuiteCRM puts on quotes and angle brackets."""
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]], text)


def plain(value: Any) -> str | None:
    """A value as text: decoded, with plain line ends, without blanks around it; None if there is nothing left."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    return decoded(str(value)).replace("\r\n", "\n").replace("\r", "\n").strip() or None


def parsed_moment(value: Any) -> datetime | None:
    """A date and time as SuiteCRM writes it; None if it is none.

    The digits are UTC on both wires. v8 puts the server's own offset behind them without converting them, so it is
    not read.
    """
    found = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def written_moment(value: datetime) -> str:
    """A date and time as SuiteCRM's database keeps it: UTC, whole seconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def asked(request: BaseModel, names: Mapping[str, str]) -> dict[str, str]:
    """The fields that a request sets, by SuiteCRM's names; what is None is not set."""
    found: dict[str, str] = {}
    for ours, theirs in names.items():
        value = getattr(request, ours, None)
        if value is not None:
            found[theirs] = written_moment(value) if isinstance(value, datetime) else str(value)
    return found


def differing(wanted: Record, record: Record, names: Mapping[str, str]) -> tuple[str, ...]:
    """Our names of the fields whose content in `record` is not what was wanted; SuiteCRM's where we have none."""
    ours = {theirs: our for our, theirs in names.items()}
    return tuple(
        ours.get(field, field) for field, value in wanted.items() if not _same(field, value, record.get(field))
    )


def _same(field: str, wanted: Any, found: Any) -> bool:
    if field in _DATES:
        return parsed_moment(wanted) == parsed_moment(found)
    ours, theirs = _stable(wanted), _stable(found)
    if field in _NUMBERS and ours and theirs and ours.isdigit() and theirs.isdigit():
        return int(ours) == int(theirs)
    return ours == theirs


def _stable(value: Any) -> str | None:
    """`plain`, however often it was encoded."""
    before, now = None, plain(value)
    while now is not None and now != before:
        before, now = now, plain(now)
    return now


def moment(record: Record, field: str) -> datetime:
    """A date and time of a record.

    Raises:
        ContractBroken: It is missing or no date.
    """
    found = parsed_moment(record.get(field))
    if found is None:
        raise ContractBroken(f"the record's {field} is no date and time", code="schema")
    return found


def changed_after_creation(record: Record) -> bool:
    """Whether somebody changed the record since it was created, as far as whole seconds tell."""
    return moment(record, MODIFIED) > moment(record, CREATED)


def version_of(record: Record) -> str:
    """When the case was last changed, and a digest of what was read.

    The time has a resolution of one second; the digest tells two states of the same second apart.
    """
    content = {field: plain(record.get(field)) for field in CASE_FIELDS.values() if field not in _DATES}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    return f"{moment(record, MODIFIED):%Y-%m-%dT%H:%M:%SZ}#{digest}"


class Seen(NamedTuple):
    """A version that a caller saw."""

    at: datetime
    digest: str

    @classmethod
    def parse(cls, version: str) -> Seen:
        """Read a version; the request's model has checked its form."""
        at, _, digest = version.partition("#")
        return cls(datetime.fromisoformat(at), digest)

    def still_holds(self, record: Record) -> bool:
        """Whether the record is as it was seen."""
        now = Seen.parse(version_of(record))
        return self.at == now.at and self.digest in ("", now.digest)


def case_from(record: Record) -> Case:
    """The case in a record that was read.

    Raises:
        ContractBroken: A field is missing or of another type.
    """
    return _fit(Case, record, CASE_FIELDS, version=version_of(record))


def contact_from(record: Record) -> Contact:
    """The contact in a record that was read.

    Raises:
        ContractBroken: A field is missing or of another type.
    """
    return _fit(Contact, record, CONTACT_FIELDS)


def _fit(model: type[M], record: Record, names: Mapping[str, str], **more: Any) -> M:
    fields = {
        ours: moment(record, theirs) if theirs in _DATES else plain(record[theirs])
        for ours, theirs in names.items()
        if theirs in record
    }
    try:
        return model.model_validate({**fields, **more})
    except ValidationError as error:
        wrong = ", ".join(sorted({names.get(str(one["loc"][0]), str(one["loc"][0])) for one in error.errors()}))
        raise ContractBroken(f"a record does not look as expected: {wrong}", code="schema") from None
