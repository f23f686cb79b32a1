"""What SuiteCRM's answers mean for the effect of a request.

Both wires tell their errors in an unusual way: v4_1 with status 200 and a number, v8 with status 400 whatever it was.
A refusal is believed where the source shows that it is told before anything is written. An error that may come from
saving itself (a logic hook, the database) leaves open whether the record is there. Sources: `SoapErrorDefinitions.php`,
`service/v4_1`, `Api/V8`.
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
    ContractBroken,
    Forbidden,
    GatewayError,
    IntegrationError,
    NotFound,
    Throttled,
    Unauthenticated,
)
from .._http import HttpReply
from .._http_dates import parse_retry_after

ALREADY_THERE: Final = "already_exists"
TOKEN_REFUSED: Final = "access_denied"  # noqa: S105 -- the name of an error
BROKEN_OFF: Final = "http_500"
SESSION_ENDED: Final = frozenset({"11", TOKEN_REFUSED})
"""Codes that say that a session is over: v4_1's error 11, and what v8 answers to a token with status 401."""

NUMBERS: Final[Mapping[str, Mapped]] = {
    "10": Mapped(Unauthenticated),
    "11": Mapped(Unauthenticated),
    "12": Mapped(Unauthenticated),
    "13": Mapped(Forbidden),
    "20": Mapped(BusinessRule),
    "30": Mapped(BusinessRule),
    "31": Mapped(BusinessRule),
    "40": Mapped(Forbidden),
    "60": Mapped(Throttled),
    "61": Mapped(Forbidden),
    "1000": Mapped(BusinessRule),
    "1001": Mapped(BusinessRule),
    "1008": Mapped(Unauthenticated),
    "1009": Mapped(Unauthenticated),
    "1012": Mapped(Unauthenticated),
    "invalid_call": Mapped(BusinessRule),
}
"""v4_1's error numbers that come before anything is written; -1 only where it says `invalid_call`."""

DETAILS: Final[Mapping[str, Mapped]] = {
    ALREADY_THERE: Mapped(Conflict),
    "not_found": Mapped(NotFound),
    "no_module": Mapped(BusinessRule),
    "forbidden": Mapped(Forbidden),
    "invalid_option": Mapped(BusinessRule),
    "invalid_field": Mapped(BusinessRule),
    TOKEN_REFUSED: Mapped(Unauthenticated),
}
"""v8's errors of status 400 that come before anything is written, and that of a token; it gives them no codes."""

_DETAILS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"^Bean \S+ with id \S+ is already exist", ALREADY_THERE),
        (r"\bmodule with id \S+ is not found", "not_found"),
        (r"^Module (with name )?\S+ (does not exist|is not found)", "no_module"),
        (r"^\[AccessDeniedException\]|^Access denied|does not have access to this module", "forbidden"),
        (r"^The (required )?options? ", "invalid_option"),
        (r"^Module id is empty", "invalid_option"),
        (r"^Property \S+ in \S+ module is invalid", "invalid_field"),
        (r"^The following fields? in \S+ module", "invalid_field"),
        (r"^(Filter|Sort) (field|operator) ", "invalid_field"),
    )
)
_LONGEST_MESSAGE = 500


def rest_answer(reply: HttpReply, now: float) -> Any:
    """The content of an answer of v4_1, which has status 200 whatever happened.

    Returns:
        The decoded JSON, or the `IntegrationError` that it stands for.

    Raises:
        UnreadableReply: Text came instead of JSON: so ends a request in which the database failed.
    """
    if reply.status != 200:
        return gateway_error(reply, now)
    body = reply.json()
    if isinstance(body, dict) and {"name", "number", "description"} <= set(body) and "id" not in body:
        return _numbered(body, reply)
    return body


def _numbered(body: Mapping[str, Any], reply: HttpReply) -> IntegrationError:
    number, told = str(body["number"]), f"{body['name']}: {body['description']}"[:_LONGEST_MESSAGE]
    code = "invalid_call" if number == "-1" and "invalid_call" in told else number
    evidence = reply.facts() | {"number": number}
    if code in NUMBERS:
        return NUMBERS[code].build(told, code=code, evidence=evidence)
    return ContractBroken(
        f"SuiteCRM answered with an error that does not say whether anything was written: {told}",
        code=code,
        evidence=evidence,
    )


def json_api_answer(reply: HttpReply, now: float) -> Any:
    """The content of an answer of v8.

    Returns:
        The decoded JSON, or the `IntegrationError` that it stands for.

    Raises:
        UnreadableReply: It is no JSON.
    """
    if 200 <= reply.status < 300:
        return reply.json()
    body = _json_or_none(reply)
    if reply.status == 401 and isinstance(body, dict) and isinstance(body.get("error"), str):
        said = body.get("error_description") or body.get("message") or body["error"]
        return Unauthenticated(str(said)[:_LONGEST_MESSAGE], code=body["error"], evidence=reply.facts())
    detail = _detail(body)
    if reply.status != 400 or detail is None:
        return gateway_error(reply, now)
    told = detail[:_LONGEST_MESSAGE]
    code = next((code for pattern, code in _DETAILS if pattern.search(detail)), None)
    if code is not None:
        return DETAILS[code].build(told, code=code, evidence=reply.facts())
    return ContractBroken(
        f"SuiteCRM answered 400 with an error that does not say whether anything was written: {told}",
        code="http_400",
        evidence=reply.facts(),
    )


def _detail(body: Any) -> str | None:
    """What an error body tells: `errors` is one object, not the array that JSON:API describes."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if isinstance(errors, list) and errors:
        errors = errors[0]
    detail = errors.get("detail") if isinstance(errors, dict) else None
    return detail if isinstance(detail, str) else None


def gateway_error(reply: HttpReply, now: float) -> GatewayError:
    """An answer with a status that neither API gives: that of a server in between, or of PHP that broke off."""
    return GatewayError(
        f"status {reply.status} without SuiteCRM's own refusal: it may have happened",
        code=f"http_{reply.status}",
        retry_after=parse_retry_after(reply.headers.get("retry-after"), now=now),
        evidence=reply.facts(),
    )


def _json_or_none(reply: HttpReply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
