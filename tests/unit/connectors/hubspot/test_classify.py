"""What HubSpot's answers mean: a refusal needs its own error body, of which every field is optional."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seawall.connectors._http import HttpReply
from seawall.connectors.hubspot.classify import classify, existing_id, says_taken

NOW = 1_700_000_000.0
PAGE = b"<html><body>We'll be back</body></html>"


def answer(status: int, body: Any = None, **headers: str) -> HttpReply:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return HttpReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


@pytest.mark.parametrize(
    ("status", "body", "name"),
    [
        (400, {"status": "error", "message": "bad", "category": "VALIDATION_ERROR"}, "BusinessRule"),
        (400, {"message": "bad"}, "BusinessRule"),
        (401, {"category": "EXPIRED_AUTHENTICATION"}, "Unauthenticated"),
        (403, {"category": "MISSING_SCOPES"}, "Forbidden"),
        (404, {"status": "error", "message": "Object not found"}, "NotFound"),
        (409, {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 6001"}, "Conflict"),
        (423, {"status": "error"}, "Conflict"),
        (429, {"errorType": "RATE_LIMIT", "policyName": "DAILY"}, "Throttled"),
        (477, {"status": "error"}, "Throttled"),
    ],
)
def test_hubspots_own_refusal_has_no_effect(status: int, body: Any, name: str) -> None:
    error = classify(answer(status, body), NOW)
    assert (type(error).__name__, error.effect) == (name, "none")


@pytest.mark.case(42)
@pytest.mark.parametrize("status", [400, 403, 404, 408, 409, 429, 500, 502, 503, 504, 521, 523, 524])
@pytest.mark.parametrize("body", [PAGE, None, [], "text"], ids=["page", "empty", "list", "string"])
def test_what_is_not_hubspots_own_word_refuses_nothing(status: int, body: Any) -> None:
    error = classify(answer(status, body), NOW)
    assert (type(error).__name__, error.effect) == ("GatewayError", "maybe")


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_error_leaves_it_open_even_in_hubspots_words(status: int) -> None:
    assert classify(answer(status, {"status": "error", "message": "internal error"}), NOW).effect == "maybe"


@pytest.mark.parametrize(
    ("status", "body", "headers", "waits"),
    [
        (423, {"status": "error"}, {}, 2.0),
        (429, {"policyName": "DAILY"}, {}, 3600.0),
        (429, {"policyName": "TEN_SECONDLY_ROLLING"}, {}, 10.0),
        (429, {"message": "You have reached your secondly limit."}, {}, 1.0),
        (429, {"policyName": "DAILY"}, {"retry_after": "7"}, 7.0),
        (477, {"status": "error"}, {"retry_after": "86400"}, 86_400.0),
        (477, PAGE, {"retry_after": "60"}, 60.0),
    ],
)
def test_each_refusal_has_its_own_wait(status: int, body: Any, headers: dict[str, str], waits: float) -> None:
    assert classify(answer(status, body, **headers), NOW).retry_after == waits


def test_the_record_that_stands_in_the_way_is_named_in_prose_only() -> None:
    error = classify(answer(409, {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 6001"}), NOW)
    assert (error.evidence["existing"], error.transient) == ("6001", False)
    assert existing_id("Contact already exists.") is None


def test_a_taken_value_of_a_unique_property_is_known_by_the_propertys_name() -> None:
    text = "Cannot set PropertyValueCoordinates{portalId=1, propertyName=seawall_key} on 7. 6 already has that value."
    error = classify(answer(400, {"category": "VALIDATION_ERROR", "message": text}), NOW)
    assert says_taken(error, "seawall_key")
    assert not says_taken(error, "seawall")
    other = classify(answer(400, {"category": "VALIDATION_ERROR", "message": "seawall_key is too long"}), NOW)
    assert not says_taken(other, "seawall_key")
