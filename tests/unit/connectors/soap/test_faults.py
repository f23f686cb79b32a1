"""What an answer means for the effect: a refusal needs the target's own word."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.soap import ENV_12, created, envelope, fault, fault_12

from seawall.connectors._http import HttpReply
from seawall.connectors.soap import xml
from seawall.connectors.soap.faults import fault_error, open_envelope
from seawall.core.adapter import Mapped
from seawall.core.errors import (
    BusinessRule,
    GatewayError,
    IntegrationError,
    Throttled,
    Unauthenticated,
    UnreadableReply,
)

NOW = 1_772_359_500.0
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def reply(body: bytes, status: int = 200, content_type: str = "text/xml", **headers: str) -> HttpReply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(status, {"content-type": content_type, **named}, body)


def meaning(
    answer: HttpReply, errors: Mapping[str, Mapped] | None = None, soap: str = xml.SOAP_11
) -> IntegrationError | None:
    try:
        opened = open_envelope(answer, soap, NOW)
    except IntegrationError as error:
        return error
    return None if opened.fault is None else fault_error(opened.fault, errors or {}, answer, NOW)


@pytest.mark.case(43)
@pytest.mark.parametrize("status", [200, 400, 500, 403, 503])
def test_a_client_fault_is_the_targets_refusal_whatever_the_status(status: int) -> None:
    error = meaning(reply(fault("e:Client", "no such customer"), status))
    assert isinstance(error, BusinessRule)
    assert (error.effect, error.code, error.message) == ("none", "Client", "no such customer")


@pytest.mark.case(43)
@pytest.mark.case(11)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_server_fault_leaves_it_open_whatever_the_status(status: int) -> None:
    error = meaning(reply(fault("e:Server", "trigger failed"), status))
    assert isinstance(error, GatewayError)
    assert (error.effect, error.code) == ("maybe", "Server")


@pytest.mark.case(43)
def test_a_declared_code_of_a_server_fault_is_believed() -> None:
    detail = "<o:Busy><o:code>TOO_BUSY</o:code></o:Busy>"
    error = meaning(reply(fault("e:Server", detail=detail), 500), {"TOO_BUSY": Mapped(Throttled)})
    assert isinstance(error, Throttled)
    assert error.code == "TOO_BUSY"


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ("<o:Busy><o:code>TOO_BUSY</o:code></o:Busy>", "TOO_BUSY"),
        ("<o:LoginFault><o:exceptionCode>o:TOO_BUSY</o:exceptionCode></o:LoginFault>", "TOO_BUSY"),
        ("<o:TOO_BUSY/>", "TOO_BUSY"),
        ("<o:a><o:errorCode>urn:TOO_BUSY</o:errorCode></o:a>", "urn:TOO_BUSY"),
    ],
)
def test_a_detail_code_decides_before_the_fault_code_and_its_contradicting_text(detail: str, code: str) -> None:
    answer = reply(fault("e:Client", "Invalid login", detail), 500)
    error = meaning(answer, {code: Mapped(Throttled), "Client": Mapped(Unauthenticated)})
    assert isinstance(error, Throttled)
    assert error.code == code


def test_an_undeclared_detail_code_is_told_but_the_side_decides() -> None:
    error = meaning(reply(fault("e:Server", detail="<o:x><o:code>ODD</o:code></o:x>"), 500))
    assert isinstance(error, GatewayError)
    assert error.code == "ODD"
    assert error.evidence["codes"] == ["ODD", "x", "Server"]


@pytest.mark.parametrize(
    ("code", "refuses"),
    [
        ("Client", True),
        ("e:Client.validationError", True),
        ("e:MustUnderstand", True),
        ("o:Client", False),
        ("e:Whatever", False),
        ("INTERNAL", False),
        ("", False),
    ],
)
def test_only_the_standards_own_codes_refuse_by_themselves(code: str, refuses: bool) -> None:
    error = meaning(reply(fault(code), 500))
    assert error is not None
    assert error.effect == ("none" if refuses else "maybe")


@pytest.mark.parametrize(
    ("code", "subcode", "effect", "told"),
    [
        ("e:Sender", "", "none", "Sender"),
        ("e:Receiver", "", "maybe", "Receiver"),
        ("e:Sender", "o:BadOrder", "none", "BadOrder"),
        ("e:DataEncodingUnknown", "", "none", "DataEncodingUnknown"),
    ],
)
def test_a_fault_of_soap_12_is_read_by_its_code_and_subcodes(code: str, subcode: str, effect: str, told: str) -> None:
    error = meaning(reply(fault_12(code, subcode), 400), soap=xml.SOAP_12)
    assert error is not None
    assert (error.effect, error.code, error.message.endswith("no")) == (effect, told, True)


def test_a_subcode_that_is_declared_decides() -> None:
    error = meaning(reply(fault_12("e:Receiver", "o:Busy"), 500), {"Busy": Mapped(Throttled)}, xml.SOAP_12)
    assert isinstance(error, Throttled)


def test_ws_security_refuses_a_header_before_anything_is_done() -> None:
    wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
    body = fault("w:FailedAuthentication").replace(b"<e:Body>", f'<e:Body xmlns:w="{wsse}">'.encode())
    assert isinstance(meaning(reply(body, 500)), Unauthenticated)


@pytest.mark.case(42)
@pytest.mark.parametrize("status", [200, 202, 301, 400, 401, 403, 404, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PAGE, "text/html"),
        (PAGE, "text/xml"),
        (b"", "text/xml"),
        (b"Service Unavailable", "text/plain"),
        (b'{"error": "no"}', "application/json"),
        (created()[:80], "text/xml"),
        (fault("e:Client"), "text/html"),
        (envelope("<o:x/>").replace(b"soap/envelope", b"soap/enveloppe"), "text/xml"),
        (fault("e:Client").replace(b"soap/envelope", b"soap/enveloppe"), "text/xml"),
        (b"<x/>", "text/xml"),
    ],
)
def test_what_is_no_soap_message_of_the_target_leaves_it_open(status: int, body: bytes, content_type: str) -> None:
    error = meaning(reply(body, status, content_type))
    assert isinstance(error, UnreadableReply if 200 <= status < 300 else GatewayError)
    assert error.effect == "maybe"


@pytest.mark.case(42)
@pytest.mark.parametrize(
    "body",
    [
        fault("e:Client", "&lt;html&gt;&lt;h1&gt;502&lt;/h1&gt;&lt;/html&gt;"),
        fault("e:Client", "&lt;!DOCTYPE html&gt;&lt;p&gt;down"),
        fault("e:Client", detail="<o:upstream>&lt;html&gt;down&lt;/html&gt;</o:upstream>"),
        fault("e:Client", detail='<html xmlns="http://www.w3.org/1999/xhtml"><body>down</body></html>'),
    ],
)
def test_a_fault_that_only_relays_a_page_refuses_nothing(body: bytes) -> None:
    error = meaning(reply(body, 500))
    assert isinstance(error, GatewayError)


def test_a_success_in_an_error_status_leaves_it_open() -> None:
    error = meaning(reply(created(), 500))
    assert isinstance(error, GatewayError)


def test_a_fault_of_the_other_soap_version_refuses_only_the_version() -> None:
    assert isinstance(meaning(reply(fault("e:VersionMismatch"), 500), soap=xml.SOAP_12), BusinessRule)
    assert isinstance(meaning(reply(fault("e:Client"), 500), soap=xml.SOAP_12), GatewayError)
    assert isinstance(meaning(reply(fault_12("e:Sender"), 200)), UnreadableReply)


def test_http_asks_for_other_credentials_in_a_header() -> None:
    error = meaning(reply(PAGE, 401, "text/html", www_authenticate='Basic realm="erp"'))
    assert isinstance(error, Unauthenticated)
    assert error.effect == "none"


def test_a_retry_after_is_passed_on() -> None:
    busy = meaning(reply(fault("e:Server"), 503, retry_after="30"), {"Server": Mapped(Throttled)})
    gateway = meaning(reply(PAGE, 503, "text/html", retry_after="20"))
    assert busy is not None
    assert gateway is not None
    assert (busy.retry_after, gateway.retry_after) == (30.0, 20.0)


def test_an_answer_with_a_document_type_declaration_is_not_read() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "b">]>' + envelope("<o:x>&a;</o:x>").split(b"?>", 1)[1]
    error = meaning(reply(bomb))
    assert isinstance(error, UnreadableReply)


@pytest.mark.parametrize("content_type", ["", "text/xml", "application/xml", "application/soap+xml"])
def test_a_success_is_opened(content_type: str) -> None:
    opened = open_envelope(reply(created(), 200, content_type), xml.SOAP_11, NOW)
    assert opened.fault is None
    assert xml.local(xml.find(opened.body, "createOrderResponse")) == "createOrderResponse"
    assert open_envelope(reply(envelope("", ENV_12)), xml.SOAP_12, NOW).body is not None
