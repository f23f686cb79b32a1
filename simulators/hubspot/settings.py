"""What one simulated HubSpot portal is configured with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ALL_SCOPES = frozenset(
    {
        "crm.objects.companies.read",
        "crm.objects.companies.write",
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.objects.owners.read",
        "crm.schemas.companies.read",
        "crm.schemas.companies.write",
        "crm.schemas.contacts.read",
        "crm.schemas.contacts.write",
        "oauth",
        "tickets",
    }
)
"""The scopes that something in the simulator asks for."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PrivateApp(_Frozen):
    """A private app: its token does not expire.

    Args:
        token: The access token.
        scopes: What the app may do.
    """

    token: str
    scopes: frozenset[str] = ALL_SCOPES


class OAuthApp(_Frozen):
    """A public app.

    Args:
        client_id: Its client id.
        client_secret: Its client secret.
        redirect_uri: Where users come back to; authorization codes are for it alone.
        scopes: What the app may do.
        codes: Authorization codes that are open from the start; each works once.
        refresh_tokens: Refresh tokens that are valid from the start.
    """

    client_id: str
    client_secret: str
    redirect_uri: str = "http://localhost/callback"
    scopes: frozenset[str] = ALL_SCOPES
    codes: tuple[str, ...] = ()
    refresh_tokens: tuple[str, ...] = ()


class CustomProperty(_Frozen):
    """A property that the portal's owner added.

    Args:
        name: Internal name.
        type: Data type.
        unique: No two records of the object share a value (``hasUniqueValue``).
        options: Internal values of an enumeration.
        required: Records cannot be created without it.
    """

    name: str
    type: Literal["string", "number", "bool", "date", "datetime", "enumeration"] = "string"
    unique: bool = False
    options: tuple[str, ...] = ()
    required: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> CustomProperty:
        if (self.type == "enumeration") != bool(self.options):
            raise ValueError(f"property {self.name!r}: an enumeration has options, and nothing else has")
        return self


_KEY_PROPERTY: tuple[CustomProperty, ...] = (CustomProperty(name="seawall_key", unique=True),)


class HubSpotSettings(_Frozen):
    """One portal.

    Args:
        system: The name that plans match on.
        portal_id: Id of the portal (``hub_id``).
        private_apps: Private apps.
        oauth_apps: Public apps.
        token_life: Seconds that an OAuth access token lives; HubSpot has 1800.
        rotate_refresh_tokens: Each refresh token works once and the answer carries the next one. HubSpot gives the
            same token back.
        custom_properties: Properties added to objects, by plural name of the object.
        ticket_stages: Stages of the one ticket pipeline, whose id is ``0``.
        search_lag: Seconds until search sees a change, be it a creation, an update or an archival. HubSpot names no
            number; users report several seconds.
        ten_secondly_limit: Calls of each app in 10 seconds; HubSpot has 100 to 250 by tier. Search does not count.
        search_limit: Searches of the portal in one second; HubSpot has 4 or 5.
        daily_limit: Calls of the portal in a day.
        retry_after: Value of a ``Retry-After`` header on 429; HubSpot documents none for the CRM API.
        unique_conflict_status: Status of a refusal because of a unique custom property. HubSpot documents none; 400
            with ``VALIDATION_ERROR`` is what recordings show, and 409 with ``CONFLICT`` is reported too.
        echo_trace_ids: Results of a batch carry the ``objectWriteTraceId`` of their input. The field is in the
            published schema, and nothing says that it is always there.
        missing_in_updates: A batch update whose records are missing is answered with 207, with or without trace ids,
            as the changelog of June 2020 says; otherwise it is refused whole unless every input has a trace id.
        shuffle_results: Results of batches come in an order of their own; HubSpot promises none.
        omitted_error_fields: Fields left out of every error body; HubSpot documents all of them as optional.
        owners: E-mail addresses of users who can own records.
    """

    system: str = "hubspot"
    portal_id: int = 20_000_001
    private_apps: tuple[PrivateApp, ...] = (PrivateApp(token="pat-na1-seawall"),)  # noqa: S106 - a simulator's default
    oauth_apps: tuple[OAuthApp, ...] = (
        OAuthApp(
            client_id="seawall-client",
            client_secret="seawall-secret",  # noqa: S106
            codes=("seawall-code",),
            refresh_tokens=("seawall-refresh",),
        ),
    )
    token_life: float = Field(default=1800.0, gt=0)
    rotate_refresh_tokens: bool = False
    custom_properties: dict[str, tuple[CustomProperty, ...]] = Field(
        default_factory=lambda: dict.fromkeys(("contacts", "companies", "tickets", "notes"), _KEY_PROPERTY)
    )
    ticket_stages: tuple[str, ...] = ("1", "2", "3", "4")
    search_lag: float = Field(default=5.0, ge=0)
    ten_secondly_limit: int = Field(default=1_000_000, ge=0)
    search_limit: int = Field(default=1_000_000, ge=0)
    daily_limit: int = Field(default=1_000_000, ge=0)
    retry_after: str | None = None
    unique_conflict_status: Literal[400, 409] = 400
    echo_trace_ids: bool = True
    missing_in_updates: bool = True
    shuffle_results: bool = True
    omitted_error_fields: frozenset[str] = frozenset()
    owners: tuple[str, ...] = ("ada@example.com", "grace@example.com")
