"""HubSpot's refusals: an HTTP status and one object whose every field is documented as optional.

Source: "Error handling" and "Usage guidelines and limits" in HubSpot's developer documentation; texts that it does not
give are those of recorded exchanges, or plausible: rely on status and category.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

SCOPES_PAGE = "https://developers.hubspot.com/scopes"
_NO_CREDENTIALS = (
    "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details "
    "at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
)

Context = Mapping[str, list[str]]


class HubSpotError(Exception):
    """A refusal of a request or of one input of a batch.

    Args:
        status: HTTP status where the refusal is the whole answer.
        message: Text for people.
        category: HubSpot's category; some answers have none.
        context: Names and values at fault.
        errors: Details.
        extra: Further fields of the body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        category: str | None = None,
        *,
        context: Context | None = None,
        errors: Iterable[Mapping[str, Any]] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.context = dict(context or {})
        self.errors = [dict(error) for error in errors]
        self.extra = dict(extra or {})

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The body of an answer that is this refusal."""
        body: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation_id}
        if self.context:
            body["context"] = self.context
        if self.errors:
            body["errors"] = self.errors
        if self.category is not None:
            body["category"] = self.category
        return {**body, **self.extra}

    def item(self, trace_id: str | None) -> dict[str, Any]:
        """The refusal as an entry in the ``errors`` of a multi-status answer."""
        context = self.context if trace_id is None else {**self.context, "objectWriteTraceId": [trace_id]}
        category = self.category or "OBJECT_NOT_FOUND"
        return {
            "status": "error",
            "category": category,
            "message": self.message,
            "context": context,
            "errors": self.errors,
            "links": {},
        }


def invalid(message: str, *, context: Context | None = None, errors: Iterable[Mapping[str, Any]] = ()) -> HubSpotError:
    """400 ``VALIDATION_ERROR``."""
    return HubSpotError(400, message, "VALIDATION_ERROR", context=context, errors=errors)


def invalid_properties(problems: list[tuple[str, str, str]]) -> HubSpotError:
    """Values that their properties do not take; each problem is a name, a code and a text."""
    shown = [
        {"isValid": False, "message": text, "error": code, "name": name, "localizedErrorMessage": text}
        for name, code, text in problems
    ]
    details = [
        {"message": text, "code": code, "context": {"propertyName": [name]}, "in": name}
        for name, code, text in problems
    ]
    return invalid(f"Property values were not valid: {json.dumps(shown)}", errors=details)


def not_found(record_id: str = "1") -> HubSpotError:
    """No such record: a number gets a body without a category, anything else one with it, as recordings show."""
    if record_id.isdecimal():
        return HubSpotError(404, "resource not found")
    message = "Object not found.  objectId are usually numeric."
    return HubSpotError(404, message, "OBJECT_NOT_FOUND", context={"id": [record_id]})


def missing(singular: str, ids: list[str]) -> HubSpotError:
    """Inputs of a batch that name no record."""
    message = f"Could not get some {singular.upper()} objects, they may be deleted or not exist."
    return HubSpotError(404, f"{message} Check that ids are valid.", "OBJECT_NOT_FOUND", context={"ids": ids})


def contact_exists(record_id: str) -> HubSpotError:
    """409: the e-mail address belongs to another contact, whose id is in the prose only."""
    return HubSpotError(409, f"Contact already exists. Existing ID: {record_id}", "CONFLICT")


def locked() -> HubSpotError:
    """423: the record is locked, for two seconds as the documentation has it; nothing was written."""
    return HubSpotError(423, "The record is locked by another operation. Wait at least 2 seconds.", "LOCKED")


def unauthenticated() -> HubSpotError:
    """401: no token, or one that HubSpot does not know."""
    return HubSpotError(401, _NO_CREDENTIALS, "INVALID_AUTHENTICATION")


def expired(seconds: float, when: str) -> HubSpotError:
    """401: the OAuth token's life is over."""
    message = f"The OAuth token used to make this call expired {int(seconds)} second(s) ago."
    return HubSpotError(401, message, "EXPIRED_AUTHENTICATION", context={"expire time": [when]})


def missing_scopes(scopes: Iterable[str]) -> HubSpotError:
    """403: the app was not granted what the call needs."""
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": sorted(scopes)},
    }
    message = f"This app hasn't been granted all required scopes to make this call. Read more: {SCOPES_PAGE}."
    return HubSpotError(403, message, "MISSING_SCOPES", errors=[detail], extra={"links": {"scopes": SCOPES_PAGE}})


_LIMITS = {
    "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
    "DAILY": "You have reached your daily limit.",
}


def throttled(policy: str) -> HubSpotError:
    """429 for the policies ``TEN_SECONDLY_ROLLING`` and ``DAILY``, as documented; nothing was done."""
    return HubSpotError(429, _LIMITS[policy], extra={"errorType": "RATE_LIMIT", "policyName": policy})


def search_throttled() -> HubSpotError:
    """429 of search, which names no policy in recorded exchanges; nothing was done."""
    return HubSpotError(429, "You have reached your secondly limit.", "RATE_LIMITS")


def item_error(code: str) -> HubSpotError:
    """The refusal with which a simulated fault fails an input of a batch."""
    if code == "UNABLE_TO_LOCK_ROW":
        return locked()
    return HubSpotError(400, code.replace("_", " ").lower(), code)
