"""What the Salesforce actions take and answer. Field names are ours; `records.py` knows the vendor's."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, StringConstraints, model_validator

from ...core.adapter import Reply, Request
from .ids import PATTERN, as_long

RecordId: TypeAlias = Annotated[str, StringConstraints(pattern=PATTERN), AfterValidator(as_long)]
"""A Salesforce record id: 15 characters, or 18 with the case checksum. Kept as 18: one record, one identity."""

Reference: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""The business fact that makes a request the same request: an order number, a mail's id, an alert's id."""

CaseField: TypeAlias = Literal[
    "subject", "description", "status", "priority", "origin", "type", "reason", "contact_id", "account_id", "owner_id"
]
"""Fields of a case that can be written."""


class Case(Reply):
    """A case as it was read. Pass `version` on when you change it, so that nobody's later change is overwritten."""

    case_id: str
    case_number: str
    subject: str | None
    description: str | None
    status: str | None
    priority: str | None
    origin: str | None
    type: str | None
    reason: str | None
    contact_id: str | None
    account_id: str | None
    owner_id: str | None
    is_closed: bool
    created_at: AwareDatetime
    last_modified_at: AwareDatetime
    version: str


class QueryResult(Reply):
    """Records of a query.

    `complete` is False when `max_records` cut it; `restarted` says that the cursor expired on the way and the query
    was read again from the beginning.
    """

    records: tuple[dict[str, Any], ...]
    total_size: int
    complete: bool
    restarted: bool = False


class Query(Request[QueryResult]):
    """Run a SOQL query."""

    soql: Annotated[str, StringConstraints(min_length=1, max_length=15_000)]
    max_records: int = Field(default=2000, ge=1, le=50_000)


class GetCase(Request[Case]):
    """Read one case."""

    case_id: RecordId


class FoundCases(Reply):
    """Cases that match, newest first. `complete` is False when `limit` cut the list."""

    cases: tuple[Case, ...]
    complete: bool


class FindCases(Request[FoundCases]):
    """Find cases; all the filters that are given must match."""

    status: str | None = None
    priority: str | None = None
    contact_email: str | None = None
    account_id: RecordId | None = None
    subject_contains: str | None = Field(default=None, min_length=2)
    created_after: AwareDatetime | None = None
    limit: int = Field(default=50, ge=1, le=2000)


class CaseCreated(Reply):
    """A case that exists now."""

    case_id: str


class CreateCase(Request[CaseCreated]):
    """Open a case. The same `reference` again is the same case."""

    reference: Reference
    subject: str = Field(min_length=1, max_length=255)
    description: str | None = Field(default=None, max_length=32_000)
    status: str | None = None
    priority: str | None = None
    origin: str | None = None
    type: str | None = None
    reason: str | None = None
    contact_id: RecordId | None = None
    account_id: RecordId | None = None
    owner_id: RecordId | None = None


class CreateCases(Request[CaseCreated]):
    """Open up to 200 cases in one call; each has its own outcome."""

    cases: tuple[CreateCase, ...]
    all_or_none: bool = False


class CaseUpdated(Reply):
    """The case was changed. Read it again before you change it again."""

    case_id: str


Version: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)(#[0-9a-f]{12})?$")
]
"""`Case.version`: when it was last changed, and a digest of what was read. The time alone is accepted, too."""


class UpdateCase(Request[CaseUpdated]):
    """Change fields of a case that was read at `version`. A field that is None stays; `clear` empties fields."""

    case_id: RecordId
    version: Version
    subject: str | None = Field(default=None, min_length=1, max_length=255)
    description: str | None = Field(default=None, max_length=32_000)
    status: str | None = None
    priority: str | None = None
    origin: str | None = None
    type: str | None = None
    reason: str | None = None
    contact_id: RecordId | None = None
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


class CommentAdded(Reply):
    """A comment that exists now."""

    comment_id: str


class AddCaseComment(Request[CommentAdded]):
    """Comment on a case. The same `reference` again on the same case is the same comment."""

    case_id: RecordId
    reference: Reference
    body: str = Field(min_length=1, max_length=3900)
    public: bool = False


class FollowUpCreated(Reply):
    """A task that exists now."""

    task_id: str


class CreateFollowUp(Request[FollowUpCreated]):
    """Create a follow-up task on a case. The same `reference` again on the same case is the same task."""

    case_id: RecordId
    reference: Reference
    subject: str = Field(min_length=1, max_length=255)
    description: str | None = Field(default=None, max_length=31_000)
    due_date: date | None = None
    priority: str | None = None
    owner_id: RecordId | None = None


class WorkflowTriggered(Reply):
    """A flow ran to its end; `outputs` are its output variables."""

    outputs: dict[str, JsonValue]


class TriggerWorkflow(Request[WorkflowTriggered]):
    """Run an autolaunched flow. What it does is not known here and cannot be looked up afterwards."""

    flow: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=80)]
    reference: Reference
    inputs: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
