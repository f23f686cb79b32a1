"""What `[systems.NAME.settings]` of a HubSpot portal looks like."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, SecretStr

from ...core.adapter import ConnectorSettings

ObjectType: TypeAlias = Literal["contacts", "companies", "tickets", "notes"]
PropertyName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Flow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PrivateApp(_Flow):
    """The token of a private app; it does not expire."""

    flow: Literal["private_app"]
    token: SecretStr


class OAuth(_Flow):
    """OAuth 2.0 refresh token of a public app.

    Args:
        client_id: The app.
        client_secret: Its secret.
        refresh_token: The token to begin with.
        token_store: File in which a refresh token that replaces it is kept over a restart.
    """

    flow: Literal["oauth"]
    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr
    token_store: Path | None = None


AuthSettings: TypeAlias = Annotated[PrivateApp | OAuth, Field(discriminator="flow")]


def _without_slash(url: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@\s]+/*", url):
        raise ValueError("must look like https://api.hubapi.com, without path, query or user")
    return url.rstrip("/")


class HubSpotSettings(ConnectorSettings):
    """Settings of one HubSpot portal.

    Args:
        url: The API; another one for a simulator.
        auth: A private app's token, or OAuth.
        unique_properties: Object → its custom property for our keys: single-line text that must have unique values.
            With it HubSpot itself refuses a second record.
        marker_properties: Object → a plain single-line text property for our keys. Found by looking, not enforced.
        ticket_pipeline: The pipeline that tickets are opened in.
        ticket_stage: The stage that they are opened in.
        search_lag: Seconds by which search may be behind. HubSpot names no bound; several seconds are reported.
        late_commit_horizon: Seconds after a lost reply in which HubSpot may still commit. No bound is documented.
        ca_file: Certificates to trust instead of the usual ones (PEM).
        proxy: URL of an HTTP proxy; none is taken from the environment.
        max_connections: Connections at a time.
        max_response_bytes: Longer answers are not read to their end.
    """

    url: Annotated[str, AfterValidator(_without_slash)] = "https://api.hubapi.com"
    auth: AuthSettings
    unique_properties: dict[ObjectType, PropertyName] = Field(default_factory=dict)
    marker_properties: dict[ObjectType, PropertyName] = Field(default_factory=dict)
    ticket_pipeline: str = "0"
    ticket_stage: str = "1"
    search_lag: float = Field(default=60.0, ge=0)
    late_commit_horizon: float = Field(default=300.0, ge=0)
    ca_file: FilePath | None = None
    proxy: SecretStr | None = None
    max_connections: int = Field(default=32, ge=1)
    max_response_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
