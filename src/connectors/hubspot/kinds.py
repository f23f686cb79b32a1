"""The kinds of records that actions create: their properties, where the key goes, what a found record proves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from ...core.adapter import Attempt, Present
from . import models
from .places import MarkerText, Place, place_of
from .records import (
    COMPANY_FIELDS,
    CONTACT_FIELDS,
    NOTE_FIELDS,
    TICKET_FIELDS,
    asked,
    changed_after_creation,
    created,
    differing,
    modified,
)
from .settings import HubSpotSettings, ObjectType
from .wire import Record

NOTE_TYPES: Final[Mapping[str, int]] = {"contacts": 202, "companies": 190, "tickets": 228}
"""HubSpot's own types of the association from a note; source: "Associations API", association type ids."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record that an action creates.

    Args:
        object_type: Plural name of the object.
        names: Our names of its properties, and HubSpot's.
        place: Where the key goes.
        reply: Makes the action's answer from the record's id.
        always: Properties that every new record has.
        unique: A property, beside that of the key, of which HubSpot keeps values unique.
        about: Whether it is about another record, which the request names by `record_type` and `record_id`.
    """

    object_type: ObjectType
    names: Mapping[str, str]
    place: Place
    reply: Callable[[str], BaseModel]
    always: Mapping[str, str] = field(default_factory=dict)
    unique: str | None = None
    about: bool = False

    def properties(self, attempt: Attempt) -> dict[str, Any]:
        """The properties to write."""
        found: dict[str, Any] = {**self.always, **asked(attempt.request, self.names)}
        self.place.write(found, attempt.key)
        return found

    def body(self, attempt: Attempt) -> dict[str, Any]:
        """The whole record to write, with what it is associated with."""
        body: dict[str, Any] = {"properties": self.properties(attempt), "associations": []}
        if self.about:
            request: Any = attempt.request
            kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TYPES[request.record_type]}
            body["properties"]["hs_timestamp"] = 0  # set by the sender, right before it is sent
            body["associations"] = [{"to": {"id": request.record_id}, "types": [kind]}]
        return body

    def read(self) -> list[str]:
        """The properties that a probe reads."""
        return list(
            dict.fromkeys(
                [
                    *self.names.values(),
                    *self.always,
                    self.place.field,
                    created(self.object_type),
                    modified(self.object_type),
                ]
            )
        )

    def present(self, attempt: Attempt, record: Record) -> Present[Any]:
        """What it means that `record` carries the attempt's key."""
        wanted = self.properties(attempt)
        if not isinstance(self.place, MarkerText):
            del wanted[self.place.field]
        return Present(
            self.reply(record.id),
            record.id,
            differs=differing(wanted, record, self.names),
            superseded=changed_after_creation(self.object_type, record),
            facts={"created_at": record.properties.get(created(self.object_type))},
        )


def kinds(settings: HubSpotSettings) -> Mapping[str, Kind]:
    """What each creating action creates."""
    stage = {"hs_pipeline": settings.ticket_pipeline, "hs_pipeline_stage": settings.ticket_stage}
    return {
        "create_contact": Kind(
            "contacts",
            CONTACT_FIELDS,
            place_of("contacts", settings),
            lambda record: models.ContactSaved(contact_id=record),
            unique="email",
        ),
        "create_company": Kind(
            "companies",
            COMPANY_FIELDS,
            place_of("companies", settings),
            lambda record: models.CompanyCreated(company_id=record),
        ),
        "create_ticket": Kind(
            "tickets",
            TICKET_FIELDS,
            place_of("tickets", settings),
            lambda record: models.TicketCreated(ticket_id=record),
            always=stage,
        ),
        "add_note": Kind(
            "notes",
            NOTE_FIELDS,
            place_of("notes", settings),
            lambda record: models.NoteAdded(note_id=record),
            about=True,
        ),
    }
