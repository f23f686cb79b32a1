"""What the HubSpot actions take and answer. Field names are ours; `records.py` knows the vendor's."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from ...core.adapter import Reply, Request

RecordId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
"""HubSpot's id of a record (`hs_object_id`)."""

Reference: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""The business fact that makes a request the same request: an order number, a mail's id, an alert's id."""

Email: TypeAlias = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)
]
"""HubSpot keeps e-mail addresses in lower case."""

Line: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]*$")]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=60_000)]
RecordType: TypeAlias = Literal["contacts", "companies", "tickets"]
"""Objects that notes and associations may be about."""

ContactField: TypeAlias = Literal["email", "first_name", "last_name", "phone", "company", "lifecycle_stage"]
TicketField: TypeAlias = Literal["subject", "content", "stage", "priority", "owner_id"]


class Contact(Reply):
    """A contact as it was read. Pass `version` on when you change it."""

    contact_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    company: str | None
    lifecycle_stage: str | None
    created_at: AwareDatetime
    last_modified_at: AwareDatetime
    version: str


class Ticket(Reply):
    """A ticket as it was read. Pass `version` on when you change it."""

    ticket_id: str
    subject: str | None
    content: str | None
    stage: str | None
    priority: str | None
    owner_id: str | None
    created_at: AwareDatetime
    last_modified_at: AwareDatetime
    version: str


class Company(Reply):
    """A company as it was read."""

    company_id: str
    name: str | None
    domain: str | None
    city: str | None
    created_at: AwareDatetime
    last_modified_at: AwareDatetime
    version: str


class GetContact(Request[Contact]):
    """Read one contact, by its id or its e-mail address."""

    contact_id: RecordId | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _by_one(self) -> GetContact:
        if (self.contact_id is None) == (self.email is None):
            raise ValueError("name either contact_id or email")
        return self


class GetTicket(Request[Ticket]):
    """Read one ticket."""

    ticket_id: RecordId


class GetCompany(Request[Company]):
    """Read one company."""

    company_id: RecordId


class FoundContacts(Reply):
    """Contacts that match, as search knew them: it is some seconds behind. `complete` is False when there are more."""

    contacts: tuple[Contact, ...]
    total: int
    complete: bool


class FindContacts(Request[FoundContacts]):
    """Find contacts whose fields are as given."""

    last_name: Line | None = None
    company: Line | None = None
    lifecycle_stage: Line | None = None
    limit: int = Field(default=100, ge=1, le=10_000)

    @model_validator(mode="after")
    def _by_something(self) -> FindContacts:
        if self.last_name is None and self.company is None and self.lifecycle_stage is None:
            raise ValueError("name at least one of last_name, company, lifecycle_stage")
        return self


class FoundTickets(Reply):
    """Tickets that match, as search knew them: it is some seconds behind. `complete` is False when there are more."""

    tickets: tuple[Ticket, ...]
    total: int
    complete: bool


class FindTickets(Request[FoundTickets]):
    """Find tickets by stage, priority or owner."""

    stage: Line | None = None
    priority: Line | None = None
    owner_id: RecordId | None = None
    limit: int = Field(default=100, ge=1, le=10_000)

    @model_validator(mode="after")
    def _by_something(self) -> FindTickets:
        if self.stage is None and self.priority is None and self.owner_id is None:
            raise ValueError("name at least one of stage, priority, owner_id")
        return self


class ContactSaved(Reply):
    """A contact that is there now."""

    contact_id: str


class CreateContact(Request[ContactSaved]):
    """Create a contact. The same `reference` again is the same contact."""

    reference: Reference
    email: Email
    first_name: Line | None = None
    last_name: Line | None = None
    phone: Line | None = None
    company: Line | None = None
    lifecycle_stage: Line | None = None


class CreateContacts(Request[ContactSaved]):
    """Create many contacts in one call; each has its own outcome."""

    contacts: tuple[CreateContact, ...]


class UpsertContact(Request[ContactSaved]):
    """Create the contact with this e-mail address, or overwrite the fields that are named."""

    reference: Reference
    email: Email
    first_name: Line | None = None
    last_name: Line | None = None
    phone: Line | None = None
    company: Line | None = None
    lifecycle_stage: Line | None = None


class UpsertContacts(Request[ContactSaved]):
    """The same for many contacts in one call; each has its own outcome."""

    contacts: tuple[UpsertContact, ...]


class CompanyCreated(Reply):
    """A company that exists now."""

    company_id: str


class CreateCompany(Request[CompanyCreated]):
    """Create a company. The same `reference` again is the same company."""

    reference: Reference
    name: Line
    domain: Line | None = None
    city: Line | None = None


class TicketCreated(Reply):
    """A ticket that exists now."""

    ticket_id: str


class CreateTicket(Request[TicketCreated]):
    """Open a ticket. The same `reference` again is the same ticket."""

    reference: Reference
    subject: Line
    content: Text | None = None
    priority: Literal["LOW", "MEDIUM", "HIGH", "URGENT"] | None = None
    owner_id: RecordId | None = None


class CreateTickets(Request[TicketCreated]):
    """Open many tickets in one call; each has its own outcome."""

    tickets: tuple[CreateTicket, ...]


class Updated(Reply):
    """The record was changed. Read it again before you change it again."""

    record_id: str


class UpdateContact(Request[Updated]):
    """Change fields of a contact that was read at `version`; what is not given stays."""

    contact_id: RecordId
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    email: Email | None = None
    first_name: Line | None = None
    last_name: Line | None = None
    phone: Line | None = None
    company: Line | None = None
    lifecycle_stage: Line | None = None


class UpdateTicket(Request[Updated]):
    """Change fields of a ticket that was read at `version`; what is not given stays."""

    ticket_id: RecordId
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    subject: Line | None = None
    content: Text | None = None
    stage: Line | None = None
    priority: Literal["LOW", "MEDIUM", "HIGH", "URGENT"] | None = None
    owner_id: RecordId | None = None


class UpdateTickets(Request[Updated]):
    """Change many tickets in one call; each has its own outcome."""

    tickets: tuple[UpdateTicket, ...]


class NoteAdded(Reply):
    """A note that exists now."""

    note_id: str


class AddNote(Request[NoteAdded]):
    """Add a note to a record. The same `reference` again on the same record is the same note."""

    reference: Reference
    record_type: RecordType
    record_id: RecordId
    body: Text


class Associated(Reply):
    """The two records are associated."""


class Associate(Request[Associated]):
    """Associate two records, with HubSpot's default label. Associating them again changes nothing."""

    from_type: RecordType
    from_id: RecordId
    to_type: RecordType
    to_id: RecordId
