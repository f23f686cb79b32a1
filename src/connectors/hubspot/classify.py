"""What HubSpot's answers mean for the effect of a request.

A refusal needs HubSpot's own JSON error body, of which every field is optional. A page of something in between
(HTML, an empty 4xx) refuses nothing, and a 5xx leaves open whether the change was made. Source: HubSpot developer
documentation, "Error handling" and "API usage guidelines".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ...core.adapter import Mapped
from ...core.errors import (
    BusinessRule,
    Conflict,
    Forbidden,
    GatewayError,
    IntegrationError,
    NotFound,
    Throttled,
    Unauthenticated,
)
from .._http import HttpReply
from .._http_dates import parse_retry_after

CONFLICT: Final = "CONFLICT"
LOCKED: Final = "LOCKED"

ERRORS: Final[Mapping[str, Mapped]] = {
    "VALIDATION_ERROR": Mapped(BusinessRule),
    CONFLICT: Mapped(Conflict, transient=False),
    LOCKED: Mapped(Conflict, transient=True),  # the lock lasts two seconds, and nothing was written
    "OBJECT_NOT_FOUND": Mapped(NotFound),
    "MISSING_SCOPES": Mapped(Forbidden),
    "BANNED": Mapped(Forbidden),
    "INVALID_AUTHENTICATION": Mapped(Unauthenticated),
    "EXPIRED_AUTHENTICATION": Mapped(Unauthenticated),
    "RATE_LIMITS": Mapped(Throttled),
    "RATE_LIMIT": Mapped(Throttled),
}
"""HubSpot's error categories. Those that are not here are read by the status; unknown ones are a `BusinessRule`."""

_BY_STATUS: Final[Mapping[int, Mapped]] = {
    401: Mapped(Unauthenticated),
    403: Mapped(Forbidden),
    404: Mapped(NotFound),
    409: Mapped(Conflict, transient=False),
    423: ERRORS[LOCKED],
    429: Mapped(Throttled),
    477: Mapped(Throttled, outage=True),
}
_FIELDS: Final = {"status", "message", "correlationId", "category", "errors", "errorType", "policyName"}
_LONGEST_MESSAGE: Final = 500
_LOCK: Final = 2.0  # seconds that a 423 lasts, as documented
_DAY: Final = 3600.0  # the daily limit is reset at midnight of a time zone that nobody tells: look every hour
_WAITS: Final[Mapping[str, float]] = {"DAILY": _DAY, "TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}


def error_body(raw: Any) -> Mapping[str, Any] | None:
    """HubSpot's own error body; None if it is anything else."""
    return raw if isinstance(raw, dict) and _FIELDS & raw.keys() else None


def classify(reply: HttpReply, now: float) -> IntegrationError:
    """What an answer that is no success means.

    Args:
        reply: The answer; its status is not 2xx.
        now: Seconds since the epoch, to read a Retry-After that is a date.
    """
    body = error_body(_json_or_none(reply))
    asked_to_wait = parse_retry_after(reply.headers.get("retry-after"), now=now)
    if body is not None and (400 <= reply.status < 500) and reply.status != 408:
        return refusal(body, reply.status, asked_to_wait)
    if reply.status == 477:
        # Only HubSpot uses it: the account moves between data centres, and is not served meanwhile.
        return Mapped(Throttled, outage=True).build(
            "the account is being migrated", code="http_477", retry_after=asked_to_wait, evidence=reply.facts()
        )
    return GatewayError(
        f"status {reply.status} without HubSpot's own refusal: it may have happened",
        code=f"http_{reply.status}",
        retry_after=asked_to_wait,
        evidence=reply.facts(),
    )


def refusal(body: Mapping[str, Any], status: int, retry_after: float | None = None) -> IntegrationError:
    """The target's own refusal of a request, or of one input of a batch.

    Args:
        body: The error body.
        status: The HTTP status that belongs to it.
        retry_after: Seconds that an answer's header asks for.
    """
    category = str(body.get("category") or body.get("errorType") or "")
    mapped = ERRORS.get(category) or _BY_STATUS.get(status, Mapped(BusinessRule))
    if status in (423, 429, 477):  # these say more than their category
        mapped = _BY_STATUS[status]
    policy = str(body.get("policyName") or "")
    if retry_after is None and mapped.error is Throttled:
        retry_after = _WAITS.get(policy, 1.0 if "secondly" in str(body.get("message")).lower() else 10.0)
    if retry_after is None and status == 423:
        retry_after = _LOCK
    evidence = {name: body[name] for name in ("correlationId", "category", "policyName") if name in body}
    message = str(body.get("message") or f"HubSpot refused it with status {status}")[:_LONGEST_MESSAGE]
    if (existing := existing_id(message)) is not None:
        evidence["existing"] = existing
    code = category or f"http_{status}"
    return mapped.build(message, code=code, retry_after=retry_after, evidence={"status": status, **evidence})


def existing_id(message: str) -> str | None:
    """The id of the record that stands in the way; HubSpot tells it in prose only."""
    found = re.search(r"Existing ID:\s*([0-9]+)", message)
    return found[1] if found else None


def says_taken(error: IntegrationError, field: str) -> bool:
    """Whether a refusal says that a unique property has this value already.

    Recorded exchanges show 400 `VALIDATION_ERROR` with the property's name in the text, and 409 is reported, too.
    """
    named = re.search(rf"(?<!\w){re.escape(field)}(?!\w)", error.message) is not None
    return named and ("already has that value" in error.message or error.code == CONFLICT)


def _json_or_none(reply: HttpReply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
