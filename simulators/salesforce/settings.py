"""What one simulated Salesforce org is configured with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .schema import CustomField


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Client(_Frozen):
    """A connected app.

    Args:
        client_id: Its consumer key.
        client_secret: Its consumer secret; None for apps that sign assertions instead.
        username: The user that it runs as for ``client_credentials``.
        public_keys: PEM public keys or certificates that JWT assertions may be signed for.
    """

    client_id: str
    client_secret: str | None = None
    username: str = "integration@example.com"
    public_keys: tuple[str, ...] = ()


class User(_Frozen):
    """A user who can log in with a password.

    Args:
        username: Name to log in with.
        password: Password; a security token, where one is used, is appended to it as in Salesforce.
        security_token: The token.
    """

    username: str = "integration@example.com"
    password: str = "correct-horse"  # noqa: S105 - a simulator's default
    security_token: str = ""


class DuplicateRule(_Frozen):
    """Refuses a new record whose fields equal those of an existing one (text is compared without case).

    Args:
        object: The object that is watched.
        fields: Fields that must all be equal and filled.
        name: Developer name of the rule.
    """

    object: str
    fields: tuple[str, ...] = Field(min_length=1)
    name: str = "Standard_Rule"


class ValidationRule(_Frozen):
    """Refuses a record with ``FIELD_CUSTOM_VALIDATION_EXCEPTION``.

    Args:
        object: The object that is watched.
        field: The field that is looked at.
        message: What the refusal says.
        when: ``blank``: the field is empty; ``in``: its value is one of `values`; ``not_in``: it is none of them.
        values: Values for ``in`` and ``not_in``.
    """

    object: str
    field: str
    message: str
    when: Literal["blank", "in", "not_in"] = "blank"
    values: tuple[str, ...] = ()


class Flow(_Frozen):
    """An active autolaunched flow, invocable by its name.

    Args:
        name: API name.
        inputs: Names of its input variables.
        required: Those without which it fails.
        outputs: Output variables with fixed values.
    """

    name: str
    inputs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    outputs: dict[str, str] = Field(default_factory=dict)


_KEY_FIELD: tuple[CustomField, ...] = (CustomField(name="Seawall_Key__c", external_id=True, unique=True),)


class SalesforceSettings(_Frozen):
    """One org.

    Args:
        system: The name that plans match on.
        custom_fields: Fields added to objects, by object; objects that do not exist yet are made.
        clients: Connected apps.
        users: Users with passwords.
        refresh_tokens: Refresh tokens that are valid from the start, and the client each belongs to.
        rotate_refresh_tokens: Each refresh token works once and the answer carries the next one.
        session_life: Seconds from login until a session ends.
        daily_limit: Calls in 24 hours.
        page_size: Rows on a page of a query, at most 2000.
        smallest_page: The least that a client may ask for; Salesforce has 200.
        locator_life: Seconds that a query locator lives; Salesforce has two days.
        case_statuses: Values of Case.Status.
        closed_statuses: Those of them that mean closed.
        restricted_picklists: Picklists that take only their own values, as ``Case.Status``.
        required_fields: Fields required on top of the standard ones, as ``Case.Origin``.
        duplicate_rules: See `DuplicateRule`.
        validation_rules: See `ValidationRule`.
        flows: Flows that can be invoked.
        organization_id: Id of the org.
    """

    system: str = "salesforce"
    custom_fields: dict[str, tuple[CustomField, ...]] = Field(
        default_factory=lambda: {"Case": _KEY_FIELD, "Task": _KEY_FIELD}
    )
    clients: tuple[Client, ...] = (Client(client_id="seawall-client", client_secret="seawall-secret"),)  # noqa: S106
    users: tuple[User, ...] = (User(),)
    refresh_tokens: dict[str, str] = Field(default_factory=dict)
    rotate_refresh_tokens: bool = False
    session_life: float = Field(default=7200.0, gt=0)
    daily_limit: int = Field(default=1_000_000, ge=0)
    page_size: int = Field(default=2000, ge=1, le=2000)
    smallest_page: int = Field(default=200, ge=1, le=2000)
    locator_life: float = Field(default=172_800.0, gt=0)
    case_statuses: tuple[str, ...] = ("New", "Working", "Escalated", "On Hold", "Closed")
    closed_statuses: tuple[str, ...] = ("Closed",)
    restricted_picklists: frozenset[str] = frozenset()
    required_fields: frozenset[str] = frozenset()
    duplicate_rules: tuple[DuplicateRule, ...] = ()
    validation_rules: tuple[ValidationRule, ...] = ()
    flows: tuple[Flow, ...] = (
        Flow(name="Escalate_Case", inputs=("caseId", "reason"), required=("caseId",)),
        Flow(name="Notify_Owner", inputs=("caseId", "message"), required=("caseId",)),
    )
    organization_id: str = "00DSW0000000001MAA"

    @model_validator(mode="after")
    def _consistent(self) -> SalesforceSettings:
        if unknown := set(self.closed_statuses) - set(self.case_statuses):
            raise ValueError(f"closed_statuses {sorted(unknown)} are not among case_statuses")
        return self
