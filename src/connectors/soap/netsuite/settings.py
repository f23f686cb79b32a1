"""What `[systems.NAME.settings]` of a NetSuite-style ERP looks like."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ..settings import PortSettings


class _How(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str


class Token(_How):
    """Token-based authentication: each request is signed. No session that could end.

    Args:
        account: The account's id.
        consumer_key: The integration's key.
        consumer_secret: The integration's secret.
        token: The token's id.
        token_secret: The token's secret.
    """

    how: Literal["token"]
    consumer_key: str
    consumer_secret: SecretStr
    token: str
    token_secret: SecretStr


class Passport(_How):
    """E-mail and password, in a header of each request or in a login whose session is a cookie.

    Args:
        account: The account's id.
        email: The user.
        password: The password.
        session: Whether to log in once, instead of sending the password with each request.
        role: The internal id of a role, instead of the user's own.
    """

    how: Literal["passport"]
    email: str
    password: SecretStr
    session: bool = False
    role: str | None = None


NetSuiteAuth: TypeAlias = Annotated[Token | Passport, Field(discriminator="how")]


class NetSuiteSettings(PortSettings):
    """Settings of one NetSuite-style account.

    Args:
        auth: How to log in.
        lists: Whether `create_credit_memos` is offered, which writes by `upsertList`. A list that commits late
            overwrites: so with it a credit memo in doubt is not sent again before the late-commit horizon has passed.
            Without it a credit memo is only ever added, which a repetition cannot do twice, and is sent again at once.
        late_commit_horizon: Seconds after a lost reply in which the account may still commit. It stops answering
            after 15 minutes, but lets a call for a single record finish: as long again is allowed for that.
    """

    auth: NetSuiteAuth
    lists: bool = True
    late_commit_horizon: float = Field(default=1800.0, ge=0)
