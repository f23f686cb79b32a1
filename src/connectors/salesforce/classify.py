"""What Salesforce's answers mean for the effect of a request.

A refusal needs the vendor's own error body. A page of something in between (HTML, an empty 4xx) refuses nothing,
and a 5xx leaves open whether the transaction was committed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...core.adapter import Mapped
from ...core.errors import (
    BusinessRule,
    Conflict,
    Forbidden,
    GatewayError,
    IntegrationError,
    NotFound,
    PreconditionFailed,
    Throttled,
    Unauthenticated,
)
from .._http import HttpReply
from .._http_dates import parse_retry_after

SESSION_EXPIRED = "INVALID_SESSION_ID"
DUPLICATE_VALUE = "DUPLICATE_VALUE"
DUPLICATES_DETECTED = "DUPLICATES_DETECTED"
LOCATOR_EXPIRED = "INVALID_QUERY_LOCATOR"
ROLLED_BACK = frozenset({"ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"})

_LOCKED = Mapped(Conflict, transient=True)  # the lock wait ended before anything was written

ERRORS: Mapping[str, Mapped] = {
    SESSION_EXPIRED: Mapped(Unauthenticated),
    "INVALID_AUTH_HEADER": Mapped(Unauthenticated),
    "REQUEST_LIMIT_EXCEEDED": Mapped(Throttled),
    "UNABLE_TO_LOCK_ROW": _LOCKED,
    DUPLICATE_VALUE: Mapped(Conflict),
    "DUPLICATE_EXTERNAL_ID": Mapped(Conflict),
    DUPLICATES_DETECTED: Mapped(BusinessRule),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Mapped(BusinessRule),
    "REQUIRED_FIELD_MISSING": Mapped(BusinessRule),
    "STRING_TOO_LONG": Mapped(BusinessRule),
    "CANNOT_EXECUTE_FLOW_TRIGGER": Mapped(BusinessRule),
    "INSUFFICIENT_ACCESS": Mapped(Forbidden),
    "INSUFFICIENT_ACCESS_OR_READONLY": Mapped(Forbidden),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Mapped(Forbidden),
    "API_DISABLED_FOR_ORG": Mapped(Forbidden),
    "API_CURRENTLY_DISABLED": Mapped(Forbidden),
    "NOT_FOUND": Mapped(NotFound),
    "ENTITY_IS_DELETED": Mapped(NotFound),
    LOCATOR_EXPIRED: Mapped(NotFound),
    **dict.fromkeys(ROLLED_BACK, Mapped(Conflict, transient=False)),
}
"""The vendor's error codes. Codes that are not here are read by the status; unknown ones are a `BusinessRule`."""

_BY_STATUS: Mapping[int, Mapped] = {
    401: Mapped(Unauthenticated),
    403: Mapped(Forbidden),
    404: Mapped(NotFound),
    409: Mapped(Conflict),
    429: Mapped(Throttled),
}
_LONGEST_MESSAGE = 500


class VendorError(NamedTuple):
    """One error as the vendor tells it."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


def vendor_errors(raw: Any) -> tuple[VendorError, ...]:
    """Read an error array (`errorCode`), the errors of an item (`statusCode`) or of an invocable action.

    Returns:
        The errors; empty if it is anything else.
    """
    if not isinstance(raw, list) or not raw:
        return ()
    found: list[VendorError] = []
    for error in raw:
        if not isinstance(error, dict):
            return ()
        if error.get("isSuccess") is False and isinstance(error.get("errors"), list):
            found.extend(vendor_errors(error["errors"]))
            continue
        code, message = error.get("errorCode", error.get("statusCode")), error.get("message")
        if not isinstance(code, str) or not code or not isinstance(message, str):
            return ()
        fields = error.get("fields")
        found.append(VendorError(code, message, tuple(map(str, fields)) if isinstance(fields, list) else ()))
    return tuple(found)


def item_error(errors: tuple[VendorError, ...], status: int = 200, **facts: Any) -> IntegrationError:
    """The target's own refusal of a request or of one item.

    Args:
        errors: What the vendor said; at least one.
        status: The HTTP status of the whole answer.
        facts: Further keyword arguments of `IntegrationError`.
    """
    first = errors[0]
    evidence = {
        "status": status,
        "codes": [error.code for error in errors],
        "fields": sorted({field for error in errors for field in error.fields}),
    }
    message = "; ".join(error.message for error in errors)[:_LONGEST_MESSAGE]
    return _mapped(first, status).build(message, code=first.code, evidence=evidence, **facts)


def _mapped(error: VendorError, status: int) -> Mapped:
    if "UNABLE_TO_LOCK_ROW" in error.message:  # nested in the error of a trigger or flow on the record
        return _LOCKED
    if error.code in ERRORS:
        return ERRORS[error.code]
    if error.code.startswith("INSUFFICIENT_ACCESS"):
        return Mapped(Forbidden)
    return _BY_STATUS.get(status, Mapped(BusinessRule))


def classify(reply: HttpReply, now: float) -> IntegrationError:
    """What an answer that is no success means.

    Args:
        reply: The answer; its status is not 2xx.
        now: Seconds since the epoch, to read a Retry-After that is a date.
    """
    retry_after = parse_retry_after(reply.headers.get("retry-after"), now=now)
    body = _json_or_none(reply)
    errors = vendor_errors(body)
    if reply.status == 300 and isinstance(body, list) and all(isinstance(url, str) for url in body):
        return Conflict(
            f"{len(body)} records have this external id",
            code="MULTIPLE_CHOICES",
            evidence={"records": record_ids(body)},
        )
    if reply.status == 412 and (errors or not reply.body):
        message = errors[0].message[:_LONGEST_MESSAGE] if errors else "the record changed since it was read"
        return PreconditionFailed(message, code=errors[0].code if errors else "412", evidence=reply.facts())
    if errors and 400 <= reply.status < 500 and reply.status != 408:
        return item_error(errors, reply.status, retry_after=retry_after)
    evidence = reply.facts() | ({"codes": [error.code for error in errors]} if errors else {})
    return GatewayError(
        f"status {reply.status} without Salesforce's own refusal: it may have happened",
        code=f"http_{reply.status}",
        retry_after=retry_after,
        evidence=evidence,
    )


def record_ids(urls: list[str]) -> list[str]:
    """The record ids at the end of record URLs, as HTTP 300 lists them."""
    return [url.rstrip("/").rpartition("/")[2] for url in urls]


def names_field(message: str, field: str) -> bool:
    """Whether a message speaks of a field, as in "duplicate value found: F duplicates value on record …"."""
    return re.search(rf"(?<![\w]){re.escape(field)}(?![\w])", message, re.IGNORECASE) is not None


def _json_or_none(reply: HttpReply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
