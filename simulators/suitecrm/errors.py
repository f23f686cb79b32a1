"""How the instance says no, and how it breaks down.

Source: ``soap/SoapErrorDefinitions.php`` for the numbers of v4_1, which answers all of them under status 200;
``sugar_die`` in ``include/utils.php`` for the text of a database failure, which is printed in place of JSON.
"""

from __future__ import annotations

from typing import Any

DATABASE_FAILURE = "Database failure. Please refer to suitecrm.log for details."

_DEFINED: dict[str, tuple[int, str, str | None]] = {
    "invalid_login": (10, "Invalid Login", "Login attempt failed please check the username and password"),
    "invalid_session": (11, "Invalid Session ID", "The session ID is invalid"),
    "no_module": (20, "Module Does Not Exist", "This module is not available on this server"),
    "no_access": (40, "Access Denied", "You do not have access"),
    "sessions_exceeded": (60, "Number of sessions exceeded.", None),
    "invalid_data_format": (
        1001,
        "Invalid data sent",
        "The data sent for this function is invalid. Please look at WSDL file for details",
    ),
    "password_expired": (1008, "Password Expired", "Your password has expired. Please provide a new password."),
    "lockout_reached": (
        1009,
        "Password Expired",
        (
            "You have been locked out of the Sugar application and cannot log in using existing password. "
            "Please contact your Administrator."
        ),
    ),
}


class SuiteError(Exception):
    """Anything that ends a call other than by its answer."""


class Refusal(SuiteError):
    """An error object of v4_1.

    Args:
        name: Its key among the definitions; one without a definition has the number ``"-1"``, a text.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        number, title, description = _DEFINED.get(
            name, ("-1", f"An Undefined Error - {name} occurred", f"There is no error definition for {name}")
        )
        self.body: dict[str, Any] = {"name": title, "number": number, "description": description}


class BadRequest(SuiteError):
    """What v8 words as a 400: everything that a controller or its parameters throw."""


class AccessDenied(BadRequest):
    """v8's word for a right that is missing."""

    def __init__(self) -> None:
        super().__init__("[AccessDeniedException] ")


class DatabaseFailure(SuiteError):
    """A statement failed: text is printed and an exception thrown. What was written before stays."""

    def __init__(self) -> None:
        super().__init__(DATABASE_FAILURE)


class HookException(SuiteError):
    """A logic hook threw an exception after the row was written."""


class FatalError(SuiteError):
    """PHP gave up: a missing argument, an unknown one, or an error in a logic hook. No answer was worded."""


class Unauthorized(SuiteError):
    """v8's 401 for a token that it does not accept.

    Args:
        hint: Why not.
    """

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        said = "The resource owner or authorization server denied the request."
        self.body = {"error": "access_denied", "error_description": said, "hint": hint, "message": said}


class OAuthError(SuiteError):
    """A refusal of v8's token endpoint.

    Args:
        error: The OAuth2 error.
        message: Its description.
        status: HTTP status.
        hint: What to look at, if anything.
    """

    def __init__(self, error: str, message: str, status: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": error, "error_description": message, "message": message}
        if hint is not None:
            self.body["hint"] = hint
