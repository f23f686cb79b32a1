"""Answers become plain values by the WSDL's types: what was added is left out, what is missing or wrong is an error."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.soap import NS, ORDERS_WSDL, write_wsdl

from seawall.connectors.soap import xml
from seawall.connectors.soap.documents import gather, read_file
from seawall.connectors.soap.values import NIL, Misfit, Reading, simple, type_by_name, unwritten
from seawall.connectors.soap.wsdl import Contract
from seawall.core.errors import InvalidRequest


def contract_of(folder: Path, text: str = ORDERS_WSDL, **how: Any) -> Contract:
    async def fetch(location: str) -> bytes:
        return read_file(location)

    return Contract(asyncio.run(gather(write_wsdl(folder, text), fetch)), **how)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return contract_of(tmp_path_factory.mktemp("wsdl"))


def read(contract: Contract, type_name: str, inner: str, attributes: str = "") -> tuple[Any, list[str]]:
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    text = f'<x xmlns="{NS}" xmlns:o="{NS}" xmlns:xsi="{xsi}" {attributes}>{inner}</x>'
    reading = Reading(contract.schema)
    value = reading.of(xml.parse(text.encode()), type_by_name(type_name, contract.schema), "x")
    return value, reading.unknown


LINE = "<line lineNo='1'><item>nut</item><quantity>3</quantity></line>"


def test_a_whole_order_is_read_with_its_types(contract: Contract) -> None:
    inner = f"<reference>r</reference><due>2026-03-01</due><byMail>a@b</byMail>{LINE}<rush>1</rush>"
    value, unknown = read(contract, "Order", inner)
    assert value == {
        "reference": "r",
        "due": date(2026, 3, 1),
        "byMail": "a@b",
        "line": [{"item": "nut", "quantity": 3, "lineNo": 1}],
        "rush": True,
    }
    assert unknown == []


def test_the_order_of_elements_does_not_matter(contract: Contract) -> None:
    value, _ = read(contract, "Order", f"{LINE}<rush>false</rush>{LINE}<reference>r</reference>")
    assert (value["reference"], value["rush"], len(value["line"])) == ("r", False, 2)


@pytest.mark.case(44)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_an_element_that_was_added_is_left_out_and_noted(contract: Contract, place: str) -> None:
    added = "<loyalty><tier>gold</tier></loyalty>"
    inner = {
        "first": f"{added}<reference>r</reference><rush>true</rush>",
        "middle": f"<reference>r</reference>{added}<rush>true</rush>",
        "last": f"<reference>r</reference><rush>true</rush>{added}",
    }[place]
    value, unknown = read(contract, "Order", inner)
    assert value == {"reference": "r", "rush": True, "line": []}
    assert unknown == ["x.loyalty"]


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        ("<rush>true</rush>", "x.reference is missing"),
        ("<reference xsi:nil='true'/>", "x.reference is nil"),
        ("<other:reference xmlns:other='urn:other'>r</other:reference>", "x.reference is missing"),
        ("<reference>r</reference><rush>yes</rush>", "x.rush is no"),
        ("<reference>r</reference><due>soon</due>", "x.due is no"),
        ("<reference>r</reference><rush><b>true</b></rush>", "x.rush holds elements"),
        ("<reference>r</reference><line lineNo='1'><item>nut</item></line>", "x.line.quantity is missing"),
        ("<reference>r</reference><line lineNo='1'><item>n</item><quantity/></line>", "x.line.quantity is no"),
        ("<reference>r</reference><line><item>n</item><quantity>1</quantity></line>", "x.line@lineNo is missing"),
    ],
)
def test_what_is_missing_or_wrong_is_an_error_that_names_its_place(contract: Contract, inner: str, says: str) -> None:
    with pytest.raises(Misfit, match=says):
        read(contract, "Order", inner)


def test_an_empty_element_of_an_optional_number_is_no_value(contract: Contract) -> None:
    inner = "<reference/><rush/><line lineNo='1'><item/><quantity>1</quantity><price> </price></line>"
    value, _ = read(contract, "Order", inner)
    assert value["reference"] == ""
    assert value["rush"] is None
    assert value["line"][0]["price"] is None


def test_an_element_without_a_namespace_is_taken_as_its_own(contract: Contract) -> None:
    value, _ = read(contract, "Party", "<name xmlns=''>Ada</name>")
    assert value == {"name": "Ada"}


def test_a_derived_type_is_read_by_its_xsi_type(contract: Contract) -> None:
    buyer = "<buyer xsi:type='o:Company'><name>Acme</name><vatNumber>V1</vatNumber></buyer>"
    value, unknown = read(contract, "Order", f"<reference>r</reference>{buyer}")
    assert value["buyer"] == {"name": "Acme", "vatNumber": "V1", "@type": "Company"}
    assert unknown == []


def test_simple_content_has_its_text_and_its_attributes(contract: Contract) -> None:
    value, _ = read(contract, "Money", "12.50", "currency='EUR'")
    assert value == {"_value_1": Decimal("12.50"), "currency": "EUR"}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("boolean", "TRUE"),
        ("boolean", ""),
        ("int", "1_000"),
        ("int", "1.0"),
        ("int", "\u0661"),
        ("decimal", "1e3"),
        ("decimal", "NaN"),
        ("decimal", "1,50"),
        ("double", "1_0"),
        ("dateTime", "yesterday"),
        ("date", "03/01/2026"),
    ],
)
def test_a_text_that_xsd_does_not_allow_is_refused_though_python_or_zeep_would_take_it(
    contract: Contract, kind: str, text: str
) -> None:
    with pytest.raises(Misfit):
        simple(contract.schema.get_type(f"{{http://www.w3.org/2001/XMLSchema}}{kind}"), text, "x")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("boolean", " 0 ", False),
        ("int", "-17", -17),
        ("decimal", "+.5", Decimal("0.5")),
        ("double", "1e3", 1000.0),
        ("string", "  kept  ", "  kept  "),
    ],
)
def test_what_xsd_allows_is_read(contract: Contract, kind: str, text: str, value: Any) -> None:
    assert simple(contract.schema.get_type(f"{{http://www.w3.org/2001/XMLSchema}}{kind}"), text, "x") == value


REPEATED = ORDERS_WSDL.replace(
    '<xsd:element name="createOrder">',
    '<xsd:complexType name="Pairs"><xsd:sequence maxOccurs="unbounded">'
    '<xsd:element name="key" type="xsd:string"/><xsd:element name="value" type="xsd:int" minOccurs="0"/>'
    '</xsd:sequence></xsd:complexType><xsd:element name="createOrder">',
)


def test_the_rounds_of_a_group_that_repeats_stay_together(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, REPEATED)
    value, _ = read(contract, "Pairs", "<key>a</key><value>1</value><key>b</key><key>c</key><value>3</value>")
    assert value == {"_value_1": [{"key": "a", "value": 1}, {"key": "b"}, {"key": "c", "value": 3}]}


def test_a_round_that_lacks_what_it_needs_is_an_error(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, REPEATED)
    with pytest.raises(Misfit, match="key is missing"):
        read(contract, "Pairs", "<value>1</value>")


ANY = ORDERS_WSDL.replace(
    '<xsd:element name="createOrder">',
    '<xsd:complexType name="Open"><xsd:sequence><xsd:element name="id" type="xsd:int"/>'
    '<xsd:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xsd:sequence></xsd:complexType>'
    '<xsd:element name="createOrder">',
)


def test_what_an_open_type_allows_is_read_as_it_is(tmp_path: Path) -> None:
    value, unknown = read(contract_of(tmp_path, ANY), "Open", "<id>1</id><a><b>2</b><b>3</b></a><c>4</c>")
    assert value == {"id": 1, "_value_1": [{"b": ["2", "3"]}, "4"]}
    assert unknown == []


def written(contract: Contract, order: dict[str, Any]) -> str:
    message = contract.message("createOrder", {"key": "k", "order": order}, {})
    body: bytes = xml.to_bytes(message.envelope)
    return body.decode()


def test_a_derived_type_is_written_with_its_xsi_type(contract: Contract) -> None:
    buyer = {"@type": "Company", "name": "Acme", "vatNumber": "V1"}
    text = written(contract, {"reference": "r", "buyer": buyer})
    assert ':type="ns0:Company"' in text
    assert "V1" in text


def test_nil_is_not_written_where_the_wsdl_allows_none(contract: Contract) -> None:
    with pytest.raises(InvalidRequest, match="reference is nil"):
        written(contract, {"reference": NIL})


def test_a_type_that_several_namespaces_have_or_none_is_no_type(contract: Contract) -> None:
    with pytest.raises(Misfit, match="no type Nothing"):
        type_by_name("Nothing", contract.schema)


CHOICE = ORDERS_WSDL.replace(
    '<xsd:element name="createOrder">',
    '<xsd:element name="setValue"><xsd:complexType><xsd:choice>'
    '<xsd:element name="flag" type="xsd:boolean"/><xsd:element name="number" type="xsd:int"/>'
    '<xsd:element name="amount" type="xsd:decimal"/><xsd:element name="text" type="xsd:string" nillable="true"/>'
    '</xsd:choice></xsd:complexType></xsd:element><xsd:element name="createOrder">',
).replace('element="tns:notify"', 'element="tns:setValue"')


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"flag": False}, "<ns0:flag>false</ns0:flag>"),
        ({"number": 0}, "<ns0:number>0</ns0:number>"),
        ({"amount": Decimal("0.00")}, "<ns0:amount>0.00</ns0:amount>"),
        ({"text": ""}, "<ns0:text></ns0:text>"),
        ({"flag": True}, "<ns0:flag>true</ns0:flag>"),
        ({"text": NIL}, 'xsi:nil="true"'),
    ],
)
def test_what_is_chosen_is_written_also_if_it_is_false_zero_or_empty(
    tmp_path: Path, chosen: dict[str, Any], text: str
) -> None:
    message = contract_of(tmp_path, CHOICE).message("notify", chosen, {})
    assert text in xml.to_bytes(message.envelope).decode()


def test_what_is_not_in_the_message_is_found() -> None:
    asked = {"a": 0, "b": {"c": "x", "d": None}, "e": [{"f": 1}, {"f": 2}], "g": NIL, "@type": "T", "h": ()}
    assert unwritten(asked, {"a": 0, "b": {"c": "x"}, "e": [{"f": 1}, {"f": 2}]}, "m") == []
    assert unwritten(asked, {"b": {}, "e": [{"f": 1}]}, "m") == ["m.a", "m.b.c", "m.e"]
    assert unwritten(asked, {"a": 1, "b": None, "e": [{"f": 1}, {}]}, "m") == ["m.b.c", "m.e.f"]
