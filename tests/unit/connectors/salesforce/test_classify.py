"""What an answer of Salesforce means for the effect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.salesforce import vendor_error

from seawall.connectors._http import HttpReply
from seawall.connectors.salesforce.classify import classify, item_error, names_field, vendor_errors
from seawall.core.errors import (
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

PAGE = b"<html><body>Bad gateway</body></html>"
LOCK = "unable to obtain exclusive access to this record or 1 records: 500000000000001AAA"


def reply(status: int, body: Any, **headers: str) -> HttpReply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpReply(status, {"content-type": "application/json", **headers}, content)


@pytest.mark.case(29)
@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "INVALID_SESSION_ID", Unauthenticated),
        (401, "SOMETHING_NEW", Unauthenticated),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", Forbidden),
        (400, "INSUFFICIENT_ACCESS_ON_SOMETHING_NEW", Forbidden),
        (403, "SOMETHING_NEW", Forbidden),
        (404, "NOT_FOUND", NotFound),
        (404, "ENTITY_IS_DELETED", NotFound),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", BusinessRule),
        (400, "REQUIRED_FIELD_MISSING", BusinessRule),
        (400, "DUPLICATES_DETECTED", BusinessRule),
        (400, "SOMETHING_NEW", BusinessRule),
        (405, "METHOD_NOT_ALLOWED", BusinessRule),
        (409, "SOMETHING_NEW", Conflict),
        (400, "DUPLICATE_VALUE", Conflict),
        (400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", Conflict),
        (400, "PROCESSING_HALTED", Conflict),
    ],
)
def test_the_targets_own_refusal_has_no_effect_and_is_final(
    status: int, code: str, error: type[IntegrationError]
) -> None:
    found = classify(reply(status, vendor_error(code, "the reason")), 0.0)
    assert type(found) is error
    assert (found.effect, found.transient, found.outage) == ("none", False, False)
    assert (found.code, found.message) == (code, "the reason")


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_is_throttling_whatever_its_status(status: int) -> None:
    found = classify(reply(status, vendor_error("REQUEST_LIMIT_EXCEEDED"), **{"retry-after": "7"}), 0.0)
    assert type(found) is Throttled
    assert (found.effect, found.transient, found.retry_after) == ("none", True, 7.0)


@pytest.mark.parametrize(
    "body",
    [
        vendor_error("UNABLE_TO_LOCK_ROW", LOCK),
        vendor_error("CANNOT_EXECUTE_FLOW_TRIGGER", f"the flow failed: UNABLE_TO_LOCK_ROW: {LOCK}"),
    ],
    ids=["plain", "nested"],
)
def test_a_row_that_is_locked_may_be_tried_again(body: Any) -> None:
    found = classify(reply(400, body), 0.0)
    assert type(found) is Conflict
    assert (found.effect, found.transient) == ("none", True)


@pytest.mark.case(11)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 521])
@pytest.mark.parametrize("body", [b"", PAGE, vendor_error("UNKNOWN_EXCEPTION"), vendor_error("SERVER_UNAVAILABLE")])
def test_a_5xx_is_never_a_refusal(status: int, body: Any) -> None:
    found = classify(reply(status, body), 0.0)
    assert type(found) is GatewayError
    assert (found.effect, found.outage) == ("maybe", True)


@pytest.mark.case(42)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 413, 429])
@pytest.mark.parametrize(
    "body",
    [PAGE, b"", b"[]", b"{}", b'[{"errorCode": "NOT_FOUND"', b'[{"message": "no"}]', b'["text"]', b'{"error": "x"}'],
)
def test_a_4xx_without_the_vendors_error_body_is_no_refusal(status: int, body: bytes) -> None:
    found = classify(reply(status, body), 0.0)
    assert type(found) is GatewayError
    assert found.effect == "maybe"


def test_a_request_timeout_is_no_refusal_even_in_the_vendors_words() -> None:
    assert classify(reply(408, vendor_error("TIMEOUT")), 0.0).effect == "maybe"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_no_refusal(status: int) -> None:
    assert type(classify(reply(status, PAGE), 0.0)) is GatewayError


@pytest.mark.case(30)
@pytest.mark.parametrize("body", [b"", vendor_error("PRECONDITION_FAILED", "changed")])
def test_a_412_says_that_the_record_changed(body: Any) -> None:
    found = classify(reply(412, body), 0.0)
    assert type(found) is PreconditionFailed
    assert not found.transient


def test_a_412_of_a_gateway_is_no_refusal() -> None:
    assert type(classify(reply(412, PAGE), 0.0)) is GatewayError


def test_a_300_names_the_records_that_share_an_external_id() -> None:
    urls = ["/services/data/v61.0/sobjects/Case/500A", "/services/data/v61.0/sobjects/Case/500B"]
    found = classify(reply(300, urls), 0.0)
    assert type(found) is Conflict
    assert found.evidence["records"] == ["500A", "500B"]


def test_several_errors_are_told_together_and_the_fields_are_named() -> None:
    body = vendor_error("A", "first", fields=["Status"]) + vendor_error("B", "second", fields=["Origin"])
    found = classify(reply(400, body), 0.0)
    assert found.message == "first; second"
    assert found.evidence == {"status": 400, "codes": ["A", "B"], "fields": ["Origin", "Status"]}


def test_a_very_long_message_is_cut() -> None:
    assert len(classify(reply(400, vendor_error("A", "x" * 10_000)), 0.0).message) == 500


def test_errors_of_items_and_of_flows_are_read_like_errors_of_requests() -> None:
    item = [{"statusCode": "A", "message": "m", "fields": []}]
    flow = [{"actionName": "F", "isSuccess": False, "errors": item, "outputValues": None}]
    assert vendor_errors(item) == vendor_errors(flow) == vendor_errors(vendor_error("A", "m"))
    assert item_error(vendor_errors(item)).code == "A"


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("duplicate value found: Seawall_Key__c duplicates value on record with id: 500A", True),
        ("duplicate value found: seawall_key__c duplicates value on record with id: 500A", True),
        ("duplicate value found: My_Seawall_Key__c duplicates value on record with id: 500A", False),
        ("duplicate value found: Email__c duplicates value on record with id: 500A", False),
        ("duplicate value found: <unknown> duplicates value on record with id: <unknown>", False),
    ],
)
def test_a_message_names_a_field_only_as_a_whole_word(message: str, named: bool) -> None:
    assert names_field(message, "Seawall_Key__c") is named
