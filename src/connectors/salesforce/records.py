"""Our field names and Salesforce's, records and versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from ...core.errors import ContractBroken
from .ids import long_form
from .models import Case

CASE_FIELDS: Mapping[str, str] = {
    "case_id": "Id",
    "case_number": "CaseNumber",
    "subject": "Subject",
    "description": "Description",
    "status": "Status",
    "priority": "Priority",
    "origin": "Origin",
    "type": "Type",
    "reason": "Reason",
    "contact_id": "ContactId",
    "account_id": "AccountId",
    "owner_id": "OwnerId",
    "is_closed": "IsClosed",
    "created_at": "CreatedDate",
    "last_modified_at": "LastModifiedDate",
}
COMMENT_FIELDS: Mapping[str, str] = {"body": "CommentBody", "public": "IsPublished"}
TASK_FIELDS: Mapping[str, str] = {
    "subject": "Subject",
    "description": "Description",
    "due_date": "ActivityDate",
    "priority": "Priority",
    "owner_id": "OwnerId",
}
_ID_FIELDS = frozenset({"Id", "ContactId", "AccountId", "OwnerId", "ParentId", "WhatId"})


def asked(request: BaseModel, names: Mapping[str, str]) -> dict[str, Any]:
    """The fields that a request sets, by Salesforce's names; what is None is not set."""
    found: dict[str, Any] = {}
    for ours, theirs in names.items():
        value = getattr(request, ours, None)
        if value is not None:
            found[theirs] = value.isoformat() if isinstance(value, date) else value
    return found


def differing(wanted: Mapping[str, Any], record: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    """Our names of the fields whose content in `record` is not what was wanted.

    Raises:
        ContractBroken: A field is missing or of another type, so that nothing can be told of its content.
    """
    ours = {theirs: our for our, theirs in names.items()}
    if unread := [field for field, value in wanted.items() if not _is_read(value, record, field)]:
        raise ContractBroken(f"a record does not look as expected: {', '.join(unread)}", code="schema")
    return tuple(
        ours.get(field, field) for field, value in wanted.items() if not _same(field, value, record.get(field))
    )


def _is_read(wanted: Any, record: Mapping[str, Any], field: str) -> bool:
    """Whether the record holds the field in its own type: a yes or no, or else a text, which may be empty."""
    if field not in record:
        return False
    found = record[field]
    return isinstance(found, bool) if isinstance(wanted, bool) else found is None or isinstance(found, str)


def _same(field: str, wanted: Any, found: Any) -> bool:
    if field in _ID_FIELDS:
        return bool(long_form(wanted) == long_form(found))
    return bool(_plain(wanted) == _plain(found))


def _plain(value: Any) -> Any:
    """Salesforce keeps an empty text as null, and may answer other line ends and no trailing blanks."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip() or None
    return value


def _read(record: Mapping[str, Any], field: str) -> Any:
    value = record.get(field)
    return long_form(value) if field in _ID_FIELDS else value


def moment(record: Mapping[str, Any], field: str) -> datetime:
    """A date and time of a record.

    Raises:
        ContractBroken: It is missing or no date.
    """
    value = record.get(field)
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ContractBroken(f"the record's {field} is no date and time", code="schema")
    return found


def changed_after_creation(record: Mapping[str, Any]) -> bool:
    """Whether somebody changed the record since it was created."""
    return moment(record, "LastModifiedDate") > moment(record, "CreatedDate")


def version_of(record: Mapping[str, Any]) -> str:
    """When the record was last changed, and a digest of what was read.

    The time has a resolution of one second; the digest tells two states of the same second apart.
    """
    content = {field: _read(record, field) for field in CASE_FIELDS.values() if field != "LastModifiedDate"}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    return f"{record.get('LastModifiedDate')}#{digest}"


class Seen(NamedTuple):
    """A version that a caller saw."""

    at: datetime
    digest: str

    @classmethod
    def parse(cls, version: str) -> Seen:
        """Read a version; the request's model has checked its form."""
        at, _, digest = version.partition("#")
        return cls(datetime.fromisoformat(at), digest)

    def still_holds(self, record: Mapping[str, Any]) -> bool:
        """Whether the record is as it was seen."""
        now = Seen.parse(version_of(record))
        return self.at == moment(record, "LastModifiedDate") and self.digest in ("", now.digest)


def case_from(record: Mapping[str, Any]) -> Case:
    """The case in a record that was read.

    Raises:
        ContractBroken: A field is missing or of another type: the org's schema is not what this connector knows.
    """
    fields = {ours: _read(record, theirs) for ours, theirs in CASE_FIELDS.items() if theirs in record}
    try:
        return Case.model_validate({**fields, "version": version_of(record)})
    except ValidationError as error:
        wrong = ", ".join(sorted({CASE_FIELDS.get(str(one["loc"][0]), str(one["loc"][0])) for one in error.errors()}))
        raise ContractBroken(f"a case does not look as expected: {wrong}", code="schema") from None


def without_attributes(value: Any) -> Any:
    """A query's record without the `attributes` that Salesforce puts into every record."""
    if isinstance(value, dict):
        return {key: without_attributes(item) for key, item in value.items() if key != "attributes"}
    if isinstance(value, list):
        return [without_attributes(item) for item in value]
    return value
