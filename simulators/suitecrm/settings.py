"""What one simulated SuiteCRM instance is configured with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class User(_Frozen):
    """A user of the instance.

    Args:
        user_name: Name to log in with.
        password: Password in plain text; the v4_1 API takes its MD5.
        id: Id of the user's record.
        is_admin: Administrators may do everything.
        locked_out: Logins are refused with error 1009.
        password_expired: Logins are refused with error 1008.
        denied: What the user's roles take away: a module (``Cases``), or one right in it (``Cases.save``,
            ``Cases.view``, ``Cases.list``, ``Cases.delete``).
        owner_only: Modules in which the user may change own records only: those assigned to or created by the user.
    """

    user_name: str = "integration"
    password: str = "correct-horse"  # noqa: S105 - a simulator's default
    id: str = "5ea00000-0000-4000-8000-000000000001"
    is_admin: bool = False
    locked_out: bool = False
    password_expired: bool = False
    denied: frozenset[str] = frozenset()
    owner_only: frozenset[str] = frozenset()

    def may(self, right: str, module: str) -> bool:
        """Whether the user's roles leave the right in the module, ownership aside."""
        return self.is_admin or not ({module, f"{module}.{right}"} & self.denied)


class Client(_Frozen):
    """An OAuth2 client of the v8 API. Each has one grant that it is allowed.

    Args:
        client_id: Id of its record.
        client_secret: Its secret.
        grant: The grant; ``password`` brings refresh tokens.
        user_name: The user that it acts for with ``client_credentials``.
    """

    client_id: str
    client_secret: str
    grant: Literal["client_credentials", "password"] = "client_credentials"
    user_name: str = "integration"


class CustomField(_Frozen):
    """A field that Studio added; it lies in the module's custom table (``cases_cstm``).

    Args:
        name: Its name, which Studio ends in ``_c``.
        type: Its type.
        len: Length of its column.
    """

    name: str = Field(pattern=r"_c$")
    type: Literal["varchar", "text", "enum", "int", "bool", "date", "datetime"] = "varchar"
    len: int = Field(default=255, ge=1)


class AfterSaveHook(_Frozen):
    """A logic hook that runs after the row was written, and fails.

    Args:
        module: The module that is watched.
        field: The field that is looked at.
        contains: Text in the field's value that makes it fail; empty for every save.
        raises: ``exception``: v4_1 dies of it, and v8 words it as a 400, as it does with refusals; ``error`` (a fatal
            error of PHP): both die of it.
        message: What it says.
    """

    module: str
    field: str = "name"
    contains: str = ""
    raises: Literal["exception", "error"] = "exception"
    message: str = "Could not notify the ERP"


_KEY_FIELD: tuple[CustomField, ...] = (CustomField(name="seawall_key_c", len=64),)
_HAVE_KEY_FIELD = ("Cases", "Calls", "Contacts", "Notes", "Tasks")


class SuiteCrmSettings(_Frozen):
    """One instance.

    Args:
        system: The name that plans match on.
        users: Users.
        clients: OAuth2 clients.
        custom_fields: Fields added to modules, by module.
        hooks: See `AfterSaveHook`.
        case_updates: AOP is enabled: ``update_text`` of a case becomes a record each time, and a new case's status
            ``New`` becomes ``Open_New``.
        php: With 7, the v4_1 API takes arguments by their order alone; with 8 by their names, and one that the method
            does not have is fatal.
        dies_with: Status of an answer that PHP broke off: 500 if errors are not displayed, 200 if they are.
        session_life: Seconds of idleness after which a v4_1 session ends (PHP's ``session.gc_maxlifetime``).
        session_limit: Sessions that may be open at once; None is without limit.
        verify_client_ip: A session belongs to the network (the first three numbers) that it was opened from.
        access_token_life: Seconds that a v8 access token lives.
        refresh_token_life: Seconds that a v8 refresh token lives.
        page_size: Rows of a v4_1 list where the call names no number (``list_max_entries_per_page``).
        version: What ``get_server_info`` says.
    """

    system: str = "suitecrm"
    users: tuple[User, ...] = (User(),)
    clients: tuple[Client, ...] = (
        Client(client_id="5ea00000-0000-4000-8000-00000000c001", client_secret="seawall-secret"),  # noqa: S106
        Client(
            client_id="5ea00000-0000-4000-8000-00000000c002",
            client_secret="seawall-secret",  # noqa: S106
            grant="password",
        ),
    )
    custom_fields: dict[str, tuple[CustomField, ...]] = Field(
        default_factory=lambda: dict.fromkeys(_HAVE_KEY_FIELD, _KEY_FIELD)
    )
    hooks: tuple[AfterSaveHook, ...] = ()
    case_updates: bool = True
    php: Literal[7, 8] = 7
    dies_with: Literal[200, 500] = 500
    session_life: float = Field(default=1440.0, gt=0)
    session_limit: int | None = Field(default=None, ge=1)
    verify_client_ip: bool = True
    access_token_life: float = Field(default=3600.0, gt=0)
    refresh_token_life: float = Field(default=2_678_400.0, gt=0)
    page_size: int = Field(default=20, ge=1)
    version: str = "6.5.25"

    @model_validator(mode="after")
    def _consistent(self) -> SuiteCrmSettings:
        names = {user.user_name for user in self.users}
        if unknown := {client.user_name for client in self.clients} - names:
            raise ValueError(f"clients act for {sorted(unknown)}, who are not among users")
        return self

    def user(self, user_name: str) -> User | None:
        """The user of a name, which is compared without case as MySQL does."""
        return next((user for user in self.users if user.user_name.lower() == user_name.lower()), None)
