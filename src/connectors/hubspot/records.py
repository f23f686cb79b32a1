"""Our names of fields and HubSpot's, and records as replies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from ...core.errors import ContractBroken
from . import models
from .wire import Properties, Record

R = TypeVar("R", bound=BaseModel)

CONTACT_FIELDS: Final[Mapping[str, str]] = {
    "email": "email",
    "first_name": "firstname",
    "last_name": "lastname",
    "phone": "phone",
    "company": "company",
    "lifecycle_stage": "lifecyclestage",
}
TICKET_FIELDS: Final[Mapping[str, str]] = {
    "subject": "subject",
    "content": "content",
    "stage": "hs_pipeline_stage",
    "priority": "hs_ticket_priority",
    "owner_id": "hubspot_owner_id",
}
COMPANY_FIELDS: Final[Mapping[str, str]] = {"name": "name", "domain": "domain", "city": "city"}
NOTE_FIELDS: Final[Mapping[str, str]] = {"body": "hs_note_body"}


def created(object_type: str) -> str:
    """The property that tells when a record was created; activities have one of their own."""
    return "hs_createdate" if object_type == "notes" else "createdate"


def modified(object_type: str) -> str:
    """The property that tells when a record was last changed; contacts have one of their own."""
    return "lastmodifieddate" if object_type == "contacts" else "hs_lastmodifieddate"


def asked(request: BaseModel, names: Mapping[str, str]) -> dict[str, str]:
    """What a request sets, by HubSpot's names; what is None is left out."""
    found = {theirs: getattr(request, ours, None) for ours, theirs in names.items()}
    return {name: str(value) for name, value in found.items() if value is not None}


def differing(wanted: Properties, record: Record, names: Mapping[str, str]) -> tuple[str, ...]:
    """Our names of the fields in which a record is not as wanted."""
    ours = {theirs: mine for mine, theirs in names.items()}
    return tuple(ours.get(name, name) for name, value in wanted.items() if not same(value, record.properties.get(name)))


def same(wanted: Any, found: Any) -> bool:
    """Whether HubSpot keeps what it was given. It trims text, and all values are text."""
    return str(wanted if wanted is not None else "").strip() == str(found if found is not None else "").strip()


def changed_after_creation(object_type: str, record: Record) -> bool:
    """Whether a record was changed later than within the first seconds, in which HubSpot itself fills it in."""
    try:
        began = datetime.fromisoformat(str(record.properties[created(object_type)]))
        changed = datetime.fromisoformat(str(record.properties[modified(object_type)]))
    except (KeyError, ValueError):
        return False
    return (changed - began).total_seconds() > 0


def contact(record: Record) -> models.Contact:
    """A contact as a reply."""
    return _reply(models.Contact, "contact_id", "contacts", CONTACT_FIELDS, record)


def ticket(record: Record) -> models.Ticket:
    """A ticket as a reply."""
    return _reply(models.Ticket, "ticket_id", "tickets", TICKET_FIELDS, record)


def company(record: Record) -> models.Company:
    """A company as a reply."""
    return _reply(models.Company, "company_id", "companies", COMPANY_FIELDS, record)


def _reply(model: type[R], id_field: str, object_type: str, names: Mapping[str, str], record: Record) -> R:
    properties = record.properties
    values: dict[str, Any] = {ours: properties.get(theirs) or None for ours, theirs in names.items()}
    when = properties.get(modified(object_type))
    values |= {
        id_field: record.id,
        "created_at": properties.get(created(object_type)),
        "last_modified_at": when,
        "version": when,
    }
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(one["loc"][0]) for one in error.errors()}))
        raise ContractBroken(f"a record does not look as expected: {wrong}", code="schema") from None
