"""A WSDL with its imports, carried into one folder."""

from __future__ import annotations

from collections.abc import Mapping

from support.soap import NS, ORDERS_WSDL

from seawall.connectors.soap.documents import Documents, gather
from seawall.connectors.soap.moved import moved
from seawall.connectors.soap.wsdl import Contract

_HEAD = f'<xsd:schema targetNamespace="{NS}" elementFormDefault="qualified">'
_START, _END = ORDERS_WSDL.index(_HEAD), ORDERS_WSDL.index("</xsd:schema>") + len("</xsd:schema>")
_XSD = 'xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
_SCHEMA = ORDERS_WSDL[_START:_END].replace("<xsd:schema ", f'<xsd:schema {_XSD} xmlns:tns="{NS}" ')
_PRIORITY = _SCHEMA[_SCHEMA.index('<xsd:simpleType name="Priority">') :].partition("</xsd:simpleType>")[0]
_PRIORITY += "</xsd:simpleType>"
SPLIT = {
    "https://old.example/soap?wsdl": ORDERS_WSDL[:_START]
    + f'<xsd:schema><xsd:import namespace="{NS}" schemaLocation="/soap?xsd=1"/></xsd:schema>'
    + ORDERS_WSDL[_END:],
    "https://old.example/soap?xsd=1": _SCHEMA.replace(_PRIORITY, "").replace(
        'elementFormDefault="qualified">', 'elementFormDefault="qualified"><xsd:include schemaLocation="soap?xsd=2"/>'
    ),
    "https://old.example/soap?xsd=2": f'<xsd:schema {_XSD} targetNamespace="{NS}">{_PRIORITY}</xsd:schema>',
}


async def gathered(pages: Mapping[str, str]) -> Documents:
    async def fetch(location: str) -> bytes:
        return pages[location].encode()

    return await gather(next(iter(pages)), fetch)


async def test_imports_are_named_anew_and_found_again() -> None:
    documents = moved(await gathered(SPLIT), "/here", "acme")
    assert documents.location == "/here/acme.wsdl"
    assert sorted(documents.contents) == ["/here/acme-1.xsd", "/here/acme-2.xsd", "/here/acme.wsdl"]
    assert b"old.example/soap?xsd" not in b"".join(documents.contents.values())
    assert sorted(Contract(documents).operations) == ["createOrder", "findOrder", "login", "notify"]


async def test_a_wsdl_that_imports_nothing_stays_as_it_is() -> None:
    before = await gathered({"https://old.example/soap?wsdl": ORDERS_WSDL})
    after = moved(before, "/here", "acme")
    assert after.contents == {"/here/acme.wsdl": ORDERS_WSDL.encode()}
    assert after.fingerprint == before.fingerprint


async def test_what_is_written_in_another_encoding_becomes_utf_8() -> None:
    async def fetch(_location: str) -> bytes:
        return (
            ORDERS_WSDL.replace("utf-8", "iso-8859-1")
            .replace("<wsdl:types>", "<wsdl:documentation>é</wsdl:documentation><wsdl:types>")
            .encode("latin-1")
        )

    (content,) = moved(await gather("https://old.example/soap?wsdl", fetch), "/here", "acme").contents.values()
    assert "é" in content.decode()
