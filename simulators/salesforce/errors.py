"""Salesforce's refusals: an HTTP status and a list of ``{message, errorCode, fields}``.

Source: REST API Developer Guide, "Status Codes and Error Responses", and SOAP API Developer Guide, "StatusCode".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LOCK_MESSAGE = "unable to obtain exclusive access to this record or {n} records: {ids}"


class ApiError(Exception):
    """A refusal of a request or of one item of a batch.

    Args:
        code: The vendor's error code.
        message: Text for people.
        status: HTTP status where the refusal is the whole answer.
        fields: Names of the fields at fault.
        extra: Further members of the error object.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        fields: tuple[str, ...] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields
        self.extra = dict(extra or {})

    def body(self) -> list[dict[str, Any]]:
        """The body of an answer that is this refusal."""
        error: dict[str, Any] = {**self.extra, "message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return [error]

    def item(self) -> dict[str, Any]:
        """The refusal as an item of a batch words it: the code is called ``statusCode`` there."""
        return {**self.extra, "statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


class MultipleMatches(Exception):
    """More than one record has the external id: HTTP 300 with an array of URL strings, nothing written."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"{len(ids)} records match")
        self.ids = ids


def not_found() -> ApiError:
    """The path names nothing."""
    return ApiError("NOT_FOUND", "The requested resource does not exist", 404)


def lock_error(record_id: str = "") -> ApiError:
    """A row that another transaction holds for longer than about ten seconds; nothing was written."""
    return ApiError("UNABLE_TO_LOCK_ROW", LOCK_MESSAGE.format(n=1, ids=record_id or "unknown"), 400, fields=())


def expired_session() -> ApiError:
    """The access token is unknown, ended or expired."""
    return ApiError("INVALID_SESSION_ID", "Session expired or invalid", 401)


def item_error(code: str) -> ApiError:
    """The refusal with which a simulated fault fails an item of a batch."""
    if code == "UNABLE_TO_LOCK_ROW":
        return lock_error()
    return ApiError(code, f"{code.replace('_', ' ').lower()}", fields=())
