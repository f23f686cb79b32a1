"""What `[systems.NAME.settings]` of a SOAP system looks like."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, SecretStr, model_validator

from ...core.adapter import ConnectorSettings
from .documents import is_url


class _How(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoAuth(_How):
    """Nobody logs in."""

    how: Literal["none"] = "none"


class Basic(_How):
    """HTTP Basic, RFC 7617."""

    how: Literal["basic"]
    username: str
    password: SecretStr


class UsernameToken(_How):
    """WS-Security UsernameToken in each request.

    Args:
        username: The user; some vendors want `name@tenant`.
        password: The password.
        password_type: `digest` sends a digest that works once; `text` the password itself, for use behind TLS.
    """

    how: Literal["username_token"]
    username: str
    password: SecretStr
    password_type: Literal["text", "digest"] = "digest"  # noqa: S105 -- a kind, no password


class SessionLogin(_How):
    """A login operation. Its session then goes into a SOAP header of each request, or lives in a cookie.

    Args:
        operation: The operation that logs in.
        arguments: Its arguments; `a.b` stands for `b` inside `a`. All values are kept out of what is written down.
        token: Dotted path of the session in its answer, such as `result.sessionId`; None where it is a cookie.
        header: The header that carries it: the name that the WSDL's binding declares, or `{namespace}element`.
        header_field: The field of the header that holds it.
        status: Dotted path of a boolean in its answer that must be true, such as `sessionResponse.status.isSuccess`.
        url: Dotted path, in the login's answer, of the URL to use afterwards, if the target names one. Only a URL on
            the host of `url`, or on a host below the same domain, is followed.
        expired: Fault codes that say that a session ended.
    """

    how: Literal["session"]
    operation: str
    arguments: dict[str, SecretStr]
    token: str | None = None
    header: str | None = None
    header_field: str = "sessionId"
    status: str | None = None
    url: str | None = None
    expired: frozenset[str]

    @model_validator(mode="after")
    def _one_place(self) -> SessionLogin:
        if (self.token is None) != (self.header is None):
            raise ValueError("name both `token` and `header`, or neither where the session is a cookie")
        return self


AuthSettings: TypeAlias = Annotated[NoAuth | Basic | UsernameToken | SessionLogin, Field(discriminator="how")]


def _http_url(url: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@\s]+[^#@\s]*", url):
        raise ValueError("must be a URL such as https://erp.example.com/soap, without user and fragment")
    return url


def _wsdl(location: str) -> str:
    return _http_url(location) if is_url(location) else location


HttpUrl: TypeAlias = Annotated[str, AfterValidator(_http_url)]


class PortSettings(ConnectorSettings):
    """Settings of one SOAP port, whatever its actions are.

    Args:
        wsdl: Path or URL of the WSDL. What it imports is read from the same folder, or the same origin, only.
        wsdl_fingerprint: SHA-256 over the WSDL and its imports, as `seawall new` and `seawall check-config --connect`
            show it. If it is given and the WSDL is another one, nothing is sent.
        service: The WSDL's service; its first one if None.
        port: The service's port; its first SOAP port if None.
        url: Where requests go, instead of where the WSDL says. Needed if a WSDL that is read from the network names
            another host.
        ca_file: Certificates to trust instead of the usual ones (PEM).
        proxy: URL of an HTTP proxy; none is taken from the environment.
        max_connections: Connections at a time.
        max_response_bytes: Longer answers are not read to their end.
    """

    wsdl: Annotated[str, AfterValidator(_wsdl)]
    wsdl_fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    service: str | None = None
    port: str | None = None
    url: HttpUrl | None = None
    ca_file: FilePath | None = None
    proxy: SecretStr | None = None
    max_connections: int = Field(default=32, ge=1)
    max_response_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)


class SoapSettings(PortSettings):
    """Settings of a SOAP system with declared actions.

    Args:
        actions: Where its `ACTIONS` are declared: a module's name (`acme.billing.actions`), or the path of a file that
            ends in `.py`; see docs/soap.md.
        auth: How to log in.
    """

    actions: str | Path
    auth: AuthSettings = NoAuth()
