"""What the SuiteCRM actions take and answer. Field names are ours; `records.py` knows the vendor's."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from ...core.adapter import Reply, Request
from .ids import PATTERN, one_spelling

RecordId: TypeAlias = Annotated[str, StringConstraints(pattern=PATTERN), AfterValidator(one_spelling)]
"""A record id: mostly a UUID."""

Reference: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""The business fact that makes a request the same request: an order number, a mail's id, an alert's id."""

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255)]

LongText: TypeAlias = Annotated[str, StringConstraints(max_length=10_000)]
"""A text column takes 65,535 bytes, and cuts what is longer without a word: 10,000 characters fit in any encoding."""

Word: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")]
"""One line of text, or a value of a list."""

CaseField: TypeAlias = Literal[
    "subject", "description", "status", "state", "priority", "type", "resolution", "account_id", "owner_id"
]
"""Fields of a case that can be written."""


class Case(Reply):
    """A case as it was read. Pass `version` on when you change it, so that nobody's later change is overwritten."""

    case_id: str
    case_number: str | None
    subject: str | None
    description: str | None
    status: str | None
    state: str | None = None
    priority: str | None
    type: str | None
    resolution: str | None
    account_id: str | None
    owner_id: str | None
    created_at: AwareDatetime
    last_modified_at: AwareDatetime
    version: str


class GetCase(Request[Case]):
    """Read one case."""

    case_id: RecordId


class FoundCases(Reply):
    """Cases that match, newest first. `complete` is False when `limit` cut the list."""

    cases: tuple[Case, ...]
    complete: bool


class FindCases(Request[FoundCases]):
    """Find cases; all the filters that are given must match exactly."""

    subject: Word | None = None
    status: Word | None = None
    priority: Word | None = None
    account_id: RecordId | None = None
    owner_id: RecordId | None = None
    created_after: AwareDatetime | None = None
    limit: int = Field(default=50, ge=1, le=1000)


class Contact(Reply):
    """A contact as it was read."""

    contact_id: str
    first_name: str | None
    last_name: str | None
    email: str | None = None
    title: str | None
    phone_work: str | None
    phone_mobile: str | None
    description: str | None
    account_id: str | None = None
    owner_id: str | None
    created_at: AwareDatetime
    last_modified_at: AwareDatetime


class GetContact(Request[Contact]):
    """Read one contact."""

    contact_id: RecordId


class FoundContacts(Reply):
    """Contacts that match, newest first. `complete` is False when `limit` cut the list."""

    contacts: tuple[Contact, ...]
    complete: bool


class FindContacts(Request[FoundContacts]):
    """Find contacts; all the filters that are given must match exactly. v8 cannot filter by e-mail address."""

    last_name: Word | None = None
    first_name: Word | None = None
    phone_work: Word | None = None
    email: Word | None = None
    created_after: AwareDatetime | None = None
    limit: int = Field(default=50, ge=1, le=1000)


class CaseCreated(Reply):
    """A case that exists now."""

    case_id: str


class CreateCase(Request[CaseCreated]):
    """Open a case. The same `reference` again is the same case."""

    reference: Reference
    subject: Name
    description: LongText | None = None
    status: Word | None = None
    state: Word | None = None
    priority: Word | None = None
    type: Word | None = None
    resolution: LongText | None = None
    account_id: RecordId | None = None
    owner_id: RecordId | None = None


class CreateCases(Request[CaseCreated]):
    """Open up to 100 cases in one call; each has its own outcome."""

    cases: tuple[CreateCase, ...]


class CaseUpdated(Reply):
    """The case was changed. Read it again before you change it again."""

    case_id: str


Version: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)(#[0-9a-f]{12})?$")
]
"""`Case.version`: when it was last changed, and a digest of what was read. The time alone is accepted, too."""


class UpdateCase(Request[CaseUpdated]):
    """Change fields of a case that was read at `version`. A field that is None stays; `clear` empties fields."""

    case_id: RecordId
    version: Version
    subject: Name | None = None
    description: LongText | None = None
    status: Word | None = None
    state: Word | None = None
    priority: Word | None = None
    type: Word | None = None
    resolution: LongText | None = None
    account_id: RecordId | None = None
    owner_id: RecordId | None = None
    clear: tuple[CaseField, ...] = ()

    @model_validator(mode="after")
    def _something_to_do(self) -> UpdateCase:
        given = self.model_dump(exclude={"case_id", "version", "clear"}, exclude_none=True)
        if not given and not self.clear:
            raise ValueError("name at least one field to change")
        if both := sorted(set(given) & set(self.clear)):
            raise ValueError(f"both set and cleared: {', '.join(both)}")
        return self


class CloseCase(Request[CaseUpdated]):
    """Close a case that was read at `version`."""

    case_id: RecordId
    version: Version
    resolution: LongText | None = None


class ContactCreated(Reply):
    """A contact that exists now."""

    contact_id: str


class CreateContact(Request[ContactCreated]):
    """Create a contact. The same `reference` again is the same contact."""

    reference: Reference
    last_name: Word
    first_name: Word | None = None
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=255)] | None = None
    title: Word | None = None
    phone_work: Word | None = None
    phone_mobile: Word | None = None
    description: LongText | None = None
    account_id: RecordId | None = None
    owner_id: RecordId | None = None


class CallLogged(Reply):
    """A call that is on record now."""

    call_id: str


class LogCall(Request[CallLogged]):
    """Log a call about a case or a contact. The same `reference` again on the same record is the same call."""

    reference: Reference
    case_id: RecordId | None = None
    contact_id: RecordId | None = None
    subject: str = Field(min_length=1, max_length=50)
    description: LongText | None = None
    started_at: AwareDatetime
    minutes: int = Field(default=15, ge=0, le=1440)
    direction: Literal["Inbound", "Outbound"] = "Inbound"
    status: Word = "Held"
    owner_id: RecordId | None = None

    @model_validator(mode="after")
    def _about_one_record(self) -> LogCall:
        if (self.case_id is None) == (self.contact_id is None):
            raise ValueError("name either case_id or contact_id: a call belongs to one of them")
        return self


class NoteAdded(Reply):
    """A note that exists now."""

    note_id: str


class AddNote(Request[NoteAdded]):
    """Add a note to a case, a contact, or both. The same `reference` again on the same record is the same note."""

    reference: Reference
    case_id: RecordId | None = None
    contact_id: RecordId | None = None
    subject: Name
    body: LongText | None = None
    owner_id: RecordId | None = None

    @model_validator(mode="after")
    def _about_something(self) -> AddNote:
        if self.case_id is None and self.contact_id is None:
            raise ValueError("name case_id, contact_id, or both")
        return self
