"""What `[systems.NAME.settings]` of a Salesforce system looks like."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FilePath, SecretStr

from ...core.adapter import ConnectorSettings


class _Flow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str


class ClientCredentials(_Flow):
    """OAuth 2.0 client credentials: the connected app's own integration user."""

    flow: Literal["client_credentials"]
    client_secret: SecretStr


class JwtBearer(_Flow):
    """OAuth 2.0 JWT bearer: a certificate instead of a password.

    Args:
        username: The user to act as.
        private_key: The RSA key of the app's certificate, PEM.
        audience: `https://login.salesforce.com`, `https://test.salesforce.com` for sandboxes, or a site's URL.
    """

    flow: Literal["jwt_bearer"]
    username: str
    private_key: SecretStr
    audience: str = "https://login.salesforce.com"


class RefreshToken(_Flow):
    """OAuth 2.0 refresh token, rotation included: where the org rotates them, each works once.

    Args:
        refresh_token: The token to begin with.
        client_secret: Where the connected app demands one.
        token_store: File in which the newest refresh token is kept, so that a restart can go on. Without it, a
            rotated token is lost when the process ends. It is ignored once another `refresh_token` is configured.
    """

    flow: Literal["refresh_token"]
    refresh_token: SecretStr
    client_secret: SecretStr | None = None
    token_store: Path | None = None


AuthSettings: TypeAlias = Annotated[ClientCredentials | JwtBearer | RefreshToken, Field(discriminator="flow")]


def _without_v(version: Any) -> Any:
    return version.removeprefix("v") if isinstance(version, str) else version


def _without_slash(url: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@\s]+/*", url):
        raise ValueError("must look like https://mydomain.my.salesforce.com, without path, query or user")
    return url.rstrip("/")


def _certificates(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError):
        raise ValueError("must be a file of certificates (PEM)") from None
    return path


ApiName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
SObject: TypeAlias = Literal["Case", "Task"]


class SalesforceSettings(ConnectorSettings):
    """Settings of one Salesforce org.

    Args:
        url: The org's My Domain, such as `https://acme.my.salesforce.com`; logins go there, too.
        auth: How to log in.
        api_version: The REST API's version; `v61.0` is read as `61.0`.
        external_id_fields: Object (`Case`, `Task`) → its custom field for our keys: text, external id, unique and
            case sensitive. With it the org itself refuses a second record.
        marker_fields: Object → a plain custom text field (255) for our keys. Found by looking, not enforced.
        closed_status: The status that `close_case` sets.
        late_commit_horizon: Seconds after a lost reply in which the org may still commit. Salesforce ends REST calls
            after 10 minutes.
        use_instance_url: Whether calls go to the `instance_url` that a login names, instead of to `url`.
        ca_file: Certificates to trust instead of the usual ones (PEM).
        proxy: URL of an HTTP proxy; none is taken from the environment.
        max_connections: Connections at a time.
        max_response_bytes: Longer answers are not read to their end.
    """

    url: Annotated[str, AfterValidator(_without_slash)]
    auth: AuthSettings
    api_version: Annotated[str, BeforeValidator(_without_v), Field(pattern=r"^\d{2,3}\.0$")] = "61.0"
    external_id_fields: dict[SObject, ApiName] = Field(default_factory=dict)
    marker_fields: dict[SObject, ApiName] = Field(default_factory=dict)
    closed_status: str = "Closed"
    late_commit_horizon: float = Field(default=600.0, ge=0)
    use_instance_url: bool = False
    ca_file: Annotated[FilePath, AfterValidator(_certificates)] | None = None
    proxy: SecretStr | None = None
    max_connections: int = Field(default=32, ge=1)
    max_response_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
