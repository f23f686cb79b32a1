"""What the answers of both wires mean for the effect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.suitecrm import numbered

from seawall.connectors._http import HttpReply
from seawall.connectors.suitecrm.classify import json_api_answer, rest_answer
from seawall.core.errors import (
    BusinessRule,
    Conflict,
    ContractBroken,
    Forbidden,
    GatewayError,
    IntegrationError,
    NotFound,
    Throttled,
    Unauthenticated,
    UnreadableReply,
)

PAGE = b"<html><body>We will be back soon</body></html>"


def reply(body: Any, status: int = 200, **headers: str) -> HttpReply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpReply(status, {"content-type": "application/json", **headers}, content)


def detail(text: Any, status: int = 400) -> HttpReply:
    return reply({"errors": {"status": status, "title": None, "detail": text}}, status)


@pytest.mark.case(43)
@pytest.mark.parametrize(
    ("number", "error"),
    [
        (10, Unauthenticated),
        (11, Unauthenticated),
        (20, BusinessRule),
        (40, Forbidden),
        (60, Throttled),
        (1000, BusinessRule),
        (1001, BusinessRule),
        (1008, Unauthenticated),
        (1009, Unauthenticated),
        ("40", Forbidden),
    ],
)
def test_v4_1_refuses_with_status_200_and_a_number(number: Any, error: type[IntegrationError]) -> None:
    found = rest_answer(reply(numbered(number, "Access Denied", "You do not have access")), 0.0)
    assert type(found) is error
    assert (found.effect, found.code) == ("none", str(number))
    assert found.message == "Access Denied: You do not have access"


def test_v4_1_refuses_a_method_that_it_does_not_have() -> None:
    told = numbered(-1, "An Undefined Error - invalid_call occurred", "")
    found = rest_answer(reply(told), 0.0)
    assert type(found) is BusinessRule
    assert (found.effect, found.code) == ("none", "invalid_call")


@pytest.mark.parametrize("number", [-1, 21, 50, 90, 5009])
def test_an_error_of_v4_1_that_may_come_after_the_write_refuses_nothing(number: int) -> None:
    found = rest_answer(reply(numbered(number, "Resource Management Error", "limit exceeded during execution")), 0.0)
    assert type(found) is ContractBroken
    assert (found.effect, found.code) == ("maybe", str(number))


@pytest.mark.case(42)
@pytest.mark.parametrize("body", [PAGE, b"Database failure. Please refer to suitecrm.log for details.", b""])
def test_text_instead_of_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableReply) as raised:
        rest_answer(reply(body), 0.0)
    assert raised.value.effect == "maybe"


@pytest.mark.parametrize("body", [{"id": "1", "name": "x", "number": 1, "description": "y"}, [], None, {"ids": []}])
def test_content_of_v4_1_is_no_error(body: Any) -> None:
    assert rest_answer(reply(body), 0.0) == body


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        ("Bean Cases with id da2fefd3 is already exist", Conflict, "already_exists"),
        ("Cases module with id da2fefd3 is not found", NotFound, "not_found"),
        ("Module Casses does not exist", BusinessRule, "no_module"),
        ("Module with name Casses is not found", BusinessRule, "no_module"),
        ("[AccessDeniedException] ", Forbidden, "forbidden"),
        ("The API user does not have access to this module.", Forbidden, "forbidden"),
        ('The option "attributes" with value array is invalid.', BusinessRule, "invalid_option"),
        ('The required option "data" is missing.', BusinessRule, "invalid_option"),
        ("Property colour in Case module is invalid", BusinessRule, "invalid_field"),
        ("Filter field colour in Case module is not found", BusinessRule, "invalid_field"),
    ],
)
def test_v8_refuses_everything_with_400_and_one_object(text: str, error: type[IntegrationError], code: str) -> None:
    found = json_api_answer(detail(text), 0.0)
    assert type(found) is error
    assert (found.effect, found.code, found.message) == ("none", code, text)


@pytest.mark.case(11)
@pytest.mark.parametrize(
    "text", ["Could not notify the ERP", "", "The case with id 5 is not found", "No access: Access denied"]
)
def test_a_400_of_v8_that_may_come_after_the_write_refuses_nothing(text: str) -> None:
    found = json_api_answer(detail(text), 0.0)
    assert type(found) is ContractBroken
    assert found.effect == "maybe"


def test_v8_refuses_a_token_before_anything_else() -> None:
    body = {"error": "access_denied", "message": "The resource owner denied the request.", "hint": "expired"}
    found = json_api_answer(reply(body, 401), 0.0)
    assert type(found) is Unauthenticated
    assert (found.effect, found.code) == ("none", "access_denied")


@pytest.mark.case(42)
@pytest.mark.parametrize("read", [rest_answer, json_api_answer])
@pytest.mark.parametrize(
    ("body", "status"), [(PAGE, 400), (PAGE, 401), (PAGE, 403), (PAGE, 404), (PAGE, 429), (b"", 500), (PAGE, 503)]
)
def test_a_page_of_something_in_between_refuses_nothing(read: Any, body: bytes, status: int) -> None:
    found = read(reply(body, status, **{"retry-after": "7"}), 0.0)
    assert type(found) is GatewayError
    assert (found.effect, found.code, found.retry_after) == ("maybe", f"http_{status}", 7.0)


@pytest.mark.parametrize("body", [{"errors": {"status": 500, "detail": "Bean X with id 1 is already exist"}}, {}, [1]])
def test_an_error_of_v8_with_another_status_refuses_nothing(body: Any) -> None:
    assert type(json_api_answer(reply(body, 500), 0.0)) is GatewayError


@pytest.mark.parametrize("body", [{}, {"errors": None}, {"errors": []}, {"errors": {"detail": 5}}, [], None])
def test_a_400_without_an_error_of_v8_refuses_nothing(body: Any) -> None:
    assert type(json_api_answer(reply(body, 400), 0.0)) is GatewayError
