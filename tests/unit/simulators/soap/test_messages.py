"""What is a request, and how what is none is refused: versions, headers, media types, and the schema."""

from __future__ import annotations

import pytest
import zeep.exceptions
from lxml import etree  # type: ignore[import-untyped] # it ships none

from seawall.simulators.server import serve_in_thread
from seawall.simulators.soap import ErpSettings, ErpSimulator

from .conftest import ENV_11, ENV_12, a_billing, a_credit, an_erp, enveloped, posted

ERP = "services/ErpPort"
DEMANDING = '<x e:mustUnderstand="1" xmlns="urn:x"/>'


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_fault_comes_with_the_status_of_the_settings(status: int) -> None:
    with serve_in_thread(ErpSimulator(ErpSettings(fault_status=status))) as url:
        answer = posted(url, ERP, enveloped("<nonsense/>"))
    assert answer.status_code == status
    assert "There is no operation for nonsense" in answer.text


def test_a_fault_that_blames_the_client_can_have_a_status_of_its_own() -> None:
    with serve_in_thread(a_billing(sender_fault_status=400)) as url:
        answer = posted(url, "billing12", enveloped(a_credit("-1"), ENV_12), Content_Type="application/soap+xml")
    assert (answer.status_code, "INVALID_AMOUNT" in answer.text, "Sender" in answer.text) == (400, True, True)


def test_a_fault_string_can_contradict_its_code() -> None:
    simulator = ErpSimulator(ErpSettings(wrong_fault_strings=True))
    with an_erp(simulator, log_in=False) as erp, pytest.raises(zeep.exceptions.Fault) as raised:
        erp.port.login(passport=erp.core("Passport", email="x", password="x", account="x"))
    assert raised.value.message == "The session has timed out."
    assert raised.value.detail[0][0].text == "INVALID_LOGIN_CREDENTIALS"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("not XML", "no XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type"),
        ("<x/>", "neither of SOAP 1.1"),
        (enveloped(""), "exactly one element"),
        (enveloped("<a/>", header=DEMANDING), "not understood"),
    ],
    ids=["text", "doctype", "no envelope", "empty body", "must understand"],
)
def test_what_is_no_request_is_a_fault(body: str, says: str) -> None:
    with serve_in_thread(ErpSimulator()) as url:
        answer = posted(url, ERP, body)
    assert answer.status_code == 500
    assert says in answer.text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('<GetAccount xmlns="urn:billing.example"/>', "accountNo"),
        (a_credit("abc"), "decimal"),
        (a_credit("NaN"), "decimal"),
        (a_credit("1E2"), "decimal"),
        (a_credit(currency="DEM"), "enumeration"),
        (a_credit(more="<surprise/>"), "surprise"),
        (a_credit(more="<text>a</text><text>b</text>"), "text"),
    ],
    ids=["missing", "text", "not a number", "exponent", "enumeration", "unknown", "twice"],
)
@pytest.mark.parametrize("path", ["billing", "billing-rpc"])
def test_a_request_that_does_not_fit_the_schema_is_a_fault(path: str, content: str, says: str) -> None:
    if path == "billing-rpc":
        content = as_rpc(content)
    simulator = a_billing()
    with serve_in_thread(simulator) as url:
        answer = posted(url, path, enveloped(content))
    assert (answer.status_code, "soapenv:Client" in answer.text, says in answer.text) == (500, True, True)
    assert len(simulator.effects) == 0


def as_rpc(content: str) -> str:
    """The same call, whose parts have no namespace."""
    for name in ("BookCredit", "GetAccount"):
        content = content.replace(name, f"b:{name}")
    return content.replace("xmlns=", "xmlns:b=")


def test_an_amount_is_taken_and_given_back_to_the_last_digit() -> None:
    simulator = a_billing()
    with serve_in_thread(simulator) as url:
        answer = posted(url, "billing", enveloped(a_credit("0.10000000000000000001")))
    assert "newBalance>100.10000000000000000001<" in answer.text
    assert simulator.effects[0].fields["amount"] == "0.10000000000000000001"


@pytest.mark.parametrize(
    ("rule", "action", "taken"),
    [
        ("ignored", "none", True),
        ("required", "none", False),
        ("required", '"anything"', True),
        ("checked", '"anything"', False),
        ("checked", '"urn:billing.example/BookCredit"', True),
    ],
)
def test_the_action_in_the_header_counts_as_the_settings_have_it(rule: str, action: str, taken: bool) -> None:
    simulator = a_billing(soap_action=rule)
    with serve_in_thread(simulator) as url:
        answer = posted(url, "billing", enveloped(a_credit()), SOAPAction=action)
    assert (answer.status_code == 200, len(simulator.effects)) == (taken, int(taken))


def test_soap_12_needs_no_action_header() -> None:
    with serve_in_thread(a_billing(soap_action="checked")) as url:
        media_type = "application/soap+xml; charset=utf-8"
        answer = posted(url, "billing12", enveloped(a_credit(), ENV_12), SOAPAction="none", Content_Type=media_type)
    assert answer.headers["content-type"] == media_type
    assert answer.status_code == 200


def test_another_media_type_is_not_supported() -> None:
    simulator = a_billing()
    with serve_in_thread(simulator) as url:
        answer = posted(url, "billing", enveloped(a_credit()), Content_Type="application/json")
    assert (answer.status_code, answer.content, len(simulator.effects)) == (415, b"", 0)


@pytest.mark.parametrize(("path", "sent", "spoken"), [("billing", ENV_12, ENV_11), ("billing12", ENV_11, ENV_12)])
def test_an_envelope_of_the_other_version_is_refused_in_the_ports_own(path: str, sent: str, spoken: str) -> None:
    simulator = a_billing()
    with serve_in_thread(simulator) as url:
        answer = posted(url, path, enveloped(a_credit(), sent))
    root = etree.fromstring(answer.content)
    assert (etree.QName(root).namespace, "VersionMismatch" in answer.text) == (spoken, True)
    upgrade = root.find(f"{{{ENV_12}}}Header/{{{ENV_12}}}Upgrade/{{{ENV_12}}}SupportedEnvelope")
    assert (upgrade is not None) == (spoken == ENV_12)
    assert len(simulator.effects) == 0
