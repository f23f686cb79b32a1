"""What `[systems.NAME.settings]` of a SuiteCRM system looks like."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, SecretStr, model_validator

from ...core.adapter import ConnectorSettings


class _Flow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UserLogin(_Flow):
    """The `login` method of v4_1: a user's name and password.

    Args:
        username: The user.
        password: In plain; what travels depends on `encryption`.
        encryption: `md5` sends the MD5 of the password, as v4_1 expects it; `plain` sends it as it is, for systems
            that ask another directory (LDAP) for it.
    """

    flow: Literal["login"] = "login"
    username: str
    password: SecretStr
    encryption: Literal["md5", "plain"] = "md5"


class ClientCredentials(_Flow):
    """OAuth 2.0 client credentials, for v8: the client's own assigned user."""

    flow: Literal["client_credentials"]
    client_id: str
    client_secret: SecretStr


class PasswordGrant(_Flow):
    """OAuth 2.0 password grant, for v8."""

    flow: Literal["password"]
    client_id: str
    client_secret: SecretStr
    username: str
    password: SecretStr


AuthSettings: TypeAlias = Annotated[UserLogin | ClientCredentials | PasswordGrant, Field(discriminator="flow")]


def _without_slash(url: str) -> str:
    if not re.fullmatch(r"https?://[^?#@\s]+", url):
        raise ValueError("must look like https://crm.example.com or https://example.com/crm, without query or user")
    return url.rstrip("/")


def _certificates(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError):
        raise ValueError("must be a file of certificates (PEM)") from None
    return path


FieldName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class SuiteCrmSettings(ConnectorSettings):
    """Settings of one SuiteCRM.

    Args:
        url: Where it is installed, such as `https://crm.example.com`; from SuiteCRM 8 on with `/legacy` behind it.
        api: `v4_1` (`/service/v4_1/rest.php`) or `v8` (`/Api/V8`, JSON:API).
        auth: How to log in: `login` for v4_1, `client_credentials` or `password` for v8.
        case_marker_field: A custom text field (255) of Cases for the keys of changes. With it a change in doubt is
            recognised by its mark; without it, by comparing what is there with what was there before.
        closed_status: The status that `close_case` sets.
        closed_state: The state that it sets along; None where cases have no state (SugarCRM CE).
        late_commit_horizon: Seconds after a lost reply in which it may still commit. No vendor document bounds it;
            a server's PHP `max_execution_time` (often 60 or 300, and not counting waits for the database) is the
            nearest to a bound that there is. Set it no lower than that of your server.
        login_timeout: Seconds that a login may take.
        ca_file: Certificates to trust instead of the usual ones (PEM).
        proxy: URL of an HTTP proxy; none is taken from the environment.
        max_connections: Connections at a time.
        max_response_bytes: Longer answers are not read to their end.
    """

    url: Annotated[str, AfterValidator(_without_slash)]
    api: Literal["v4_1", "v8"]
    auth: AuthSettings
    case_marker_field: FieldName | None = None
    closed_status: str = "Closed_Closed"
    closed_state: str | None = "Closed"
    late_commit_horizon: float = Field(default=300.0, ge=0)
    login_timeout: float = Field(default=30.0, gt=0)
    ca_file: Annotated[FilePath, AfterValidator(_certificates)] | None = None
    proxy: SecretStr | None = None
    max_connections: int = Field(default=32, ge=1)
    max_response_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)

    @model_validator(mode="after")
    def _flow_fits_api(self) -> SuiteCrmSettings:
        if (self.api == "v4_1") != isinstance(self.auth, UserLogin):
            flows = "login" if self.api == "v4_1" else "client_credentials or password"
            raise ValueError(f"api {self.api} needs auth.flow {flows}")
        return self
