"""What a WSDL says of a port; requests are written by it, and nothing of zeep's own errors is in doubt."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import zeep.exceptions
from support.soap import ENV_11, NS, ORDERS_WSDL, URL, envelope

from seawall.connectors.soap import wsdl, xml
from seawall.connectors.soap.documents import Documents
from seawall.connectors.soap.wsdl import MEANINGS, Contract
from seawall.core.errors import ContractBroken, InvalidRequest

EXPORTED = sorted(
    (cls for _, cls in inspect.getmembers(zeep.exceptions, inspect.isclass) if issubclass(cls, Exception)),
    key=lambda cls: cls.__name__,
)
PLACE = "/orders.wsdl"


def contract(text: str = ORDERS_WSDL, **how: Any) -> Contract:
    return Contract(Documents(PLACE, {PLACE: text.encode()}), **how)


def body(content: bytes) -> xml.Node:
    return xml.find(xml.parse(content), "Body")


def an_instance(cls: type[Exception]) -> Exception:
    if cls is zeep.exceptions.DTDForbidden:
        return zeep.exceptions.DTDForbidden("x", None, None)  # type: ignore[no-untyped-call]
    if cls is zeep.exceptions.EntitiesForbidden:
        return zeep.exceptions.EntitiesForbidden("x", "y")  # type: ignore[no-untyped-call]
    return cls("text")


def test_every_exception_class_of_zeep_is_mapped() -> None:
    assert set(EXPORTED) == set(MEANINGS)


@pytest.mark.parametrize("cls", EXPORTED, ids=lambda cls: cls.__name__)
def test_whatever_zeep_raises_while_a_request_is_written_says_that_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch, cls: type[Exception]
) -> None:
    made = contract()

    def create(*_args: Any, **_kwargs: Any) -> Any:
        raise an_instance(cls)

    monkeypatch.setattr(made.operations["findOrder"], "create", create)
    with pytest.raises(MEANINGS[cls]) as raised:
        made.message("findOrder", {"key": "k"}, {})
    assert (raised.value.effect, raised.value.code) == ("none", "request")


@pytest.mark.parametrize("cls", EXPORTED, ids=lambda cls: cls.__name__)
def test_whatever_zeep_raises_while_a_wsdl_is_read_says_that_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch, cls: type[Exception]
) -> None:
    def document(*_args: Any, **_kwargs: Any) -> Any:
        raise an_instance(cls)

    monkeypatch.setattr("zeep.wsdl.Document", document)
    with pytest.raises(MEANINGS[cls]) as raised:
        contract()
    assert (raised.value.effect, raised.value.code) == ("none", wsdl.UNUSABLE)


@pytest.mark.parametrize(
    "text",
    [
        "<html/>",
        ORDERS_WSDL.replace('type="tns:Line"', 'type="tns:Missing"'),
        ORDERS_WSDL.replace('binding="tns:', 'binding="tns:No'),
        ORDERS_WSDL.replace('element="tns:createOrder"', 'element="tns:nothing"'),
        ORDERS_WSDL.replace('message="tns:addIn"', 'message="tns:nothing"'),
    ],
)
def test_a_broken_wsdl_is_refused_before_anything_is_sent(text: str) -> None:
    with pytest.raises(InvalidRequest):
        contract(text).operation("createOrder")


def test_the_first_soap_port_is_used_unless_another_one_is_named() -> None:
    assert contract().soap == xml.SOAP_11
    assert contract(port="Orders12").soap == xml.SOAP_12
    assert list(contract(service="OrderService", port="Sums11").operations) == ["add"]
    with pytest.raises(InvalidRequest, match="OrderService/Orders11, OrderService/Orders12, OrderService/Sums11"):
        contract(port="Orders13")


def test_an_unknown_operation_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InvalidRequest, match="createOrder, findOrder, login, notify"):
        contract().message("dropOrder", {}, {})


def test_a_wsdl_in_a_file_says_where_requests_go_one_from_the_network_for_its_own_host_only() -> None:
    assert contract().address == URL
    near, far = "https://orders.example.com/wsdl", "https://cdn.example.net/wsdl"
    assert Contract(Documents(near, {near: ORDERS_WSDL.encode()})).address == URL
    assert Contract(Documents(far, {far: ORDERS_WSDL.encode()})).address is None


def test_soap_11_says_its_action_in_a_header_of_its_own_and_soap_12_in_the_content_type() -> None:
    eleven = contract().message("findOrder", {"key": "k"}, {})
    assert eleven.headers == {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NS}/findOrder"'}
    twelve = contract(port="Orders12").message("findOrder", {"key": "k"}, {})
    assert twelve.headers == {"Content-Type": f'application/soap+xml; charset=utf-8; action="{NS}/findOrder"'}
    assert xml.namespace(twelve.envelope) == xml.SOAP_12


def test_an_rpc_request_wraps_its_parts_in_the_operation() -> None:
    message = contract(port="Sums11").message("add", {"a": 1, "b": 2}, {})
    (wrapper,) = body(xml.to_bytes(message.envelope))
    assert (xml.namespace(wrapper), xml.local(wrapper)) == (NS, "add")
    assert [(one.tag, one.text) for one in wrapper] == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize("name", ["SessionHeader", f"{{{NS}}}SessionHeader"])
def test_a_header_is_written_by_its_part_or_by_its_element(name: str) -> None:
    message = contract().message("createOrder", {"key": "k", "order": {"reference": "r"}}, {name: {"sessionId": "s"}})
    header = xml.find(message.envelope, "Header")
    assert [(xml.local(one), xml.text_of(one)) for one in xml.children(header)] == [("SessionHeader", "s")]


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"key": "k"}, {}),
        ({"key": "k", "order": {}}, {}),
        ({"key": "k", "order": {"reference": "r"}, "extra": 1}, {}),
        ({"key": "k", "order": {"reference": "r", "colour": "red"}}, {}),
        ({"key": "k\x00", "order": {"reference": "r"}}, {}),
        ({"key": "k", "order": {"reference": "r", "buyer": {"@type": "Nobody"}}}, {}),
        ({"key": "k", "order": {"reference": "r"}}, {"NoSuchHeader": {}}),
        ({"key": "k", "order": {"reference": "r"}}, {"{urn:x}nothing": {}}),
    ],
)
def test_a_request_that_does_not_fit_is_refused_before_anything_is_sent(
    arguments: dict[str, Any], headers: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        contract().message("createOrder", arguments, headers)
    assert raised.value.code == "request"


def test_a_text_goes_out_and_comes_back_as_it_is() -> None:
    text = 'a < b & "c" \t ü 漢 🎉.'
    message = contract().message("findOrder", {"key": text}, {})
    again = xml.parse(xml.to_bytes(message.envelope))
    assert xml.text_of(xml.find(again, "Body")) == text


def test_an_answer_of_another_operation_is_no_answer() -> None:
    made = contract()
    with pytest.raises(ContractBroken, match="findOrder was answered with createOrderResponse"):
        made.answer("findOrder", body(envelope("<o:createOrderResponse/>")))
    with pytest.raises(ContractBroken, match="answered with nothing"):
        made.answer("findOrder", body(envelope("")))
    with pytest.raises(ContractBroken):
        made.answer("findOrder", body(envelope('<findOrderResponse xmlns="urn:other"/>')))
    sums = contract(port="Sums11")
    with pytest.raises(ContractBroken):
        sums.answer("add", body(envelope("<o:subtractResponse><sum>1</sum></o:subtractResponse>")))


def test_an_rpc_answer_is_read_by_its_parts() -> None:
    answer = contract(port="Sums11").answer("add", body(envelope("<o:addResponse><sum>3</sum></o:addResponse>")))
    assert answer.value == {"sum": 3}


@pytest.mark.case(44)
def test_a_drifted_answer_breaks_the_contract_and_names_the_place() -> None:
    inner = "<o:orderId>seventeen</o:orderId><o:state/>"
    with pytest.raises(ContractBroken, match=r"createOrderResponse\.orderId") as raised:
        contract().answer("createOrder", body(envelope(f"<o:createOrderResponse>{inner}</o:createOrderResponse>")))
    assert raised.value.effect == "maybe"


def test_an_operation_without_an_output_is_one_way() -> None:
    made = contract()
    assert made.one_way("notify")
    assert not made.one_way("findOrder")


def test_a_schema_that_imports_the_xml_namespace_is_read_without_the_network() -> None:
    text = ORDERS_WSDL.replace(
        'elementFormDefault="qualified">',
        'elementFormDefault="qualified"><xsd:import namespace="http://www.w3.org/XML/1998/namespace"/>',
        1,
    )
    assert contract(text).soap == ENV_11
