"""What one simulated ERP is configured with."""

from __future__ import annotations

from pydantic import Field

from .settings import Frozen, SoapSettings


class Passport(Frozen):
    """A user who logs in with a password.

    Args:
        email: Name.
        password: Password.
        account: The account of the company.
    """

    email: str = "integration@example.com"
    password: str = "correct-horse"  # noqa: S105 - a simulator's default
    account: str = "TSTDRV1"


class Token(Frozen):
    """A token of token-based authentication, with the application that it was given to.

    Args:
        account: The account of the company.
        consumer_key: The application.
        consumer_secret: Its secret.
        token: The token.
        token_secret: Its secret.
    """

    account: str = "TSTDRV1"
    consumer_key: str = "seawall-app"
    consumer_secret: str = "app-secret"  # noqa: S105 - a simulator's default
    token: str = "seawall-token"  # noqa: S105 - a simulator's default
    token_secret: str = "token-secret"  # noqa: S105 - a simulator's default


class ErpSettings(SoapSettings):
    """One company's account.

    Args:
        system: The name that plans match on.
        passports: Users with passwords, for `login` or in each request's header.
        tokens: Tokens, in each request's header.
        idle_timeout: Seconds without a request after which a session ends; 20 minutes, as documented.
        absolute_timeout: Seconds after which every session ends; 60 minutes, as documented.
        currencies: Internal id → ISO code.
        largest_list: Records in one `upsertList`.
        warnings: Codes of warnings that the status of every write holds, before its errors if it has any.
    """

    system: str = "erp"
    passports: tuple[Passport, ...] = (Passport(),)
    tokens: tuple[Token, ...] = (Token(),)
    idle_timeout: float = Field(default=1200.0, gt=0)
    absolute_timeout: float = Field(default=3600.0, gt=0)
    currencies: dict[str, str] = Field(default_factory=lambda: {"1": "USD", "2": "GBP", "4": "EUR"})
    largest_list: int = Field(default=200, ge=1)
    warnings: tuple[str, ...] = ()
