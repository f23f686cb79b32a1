"""Requests are checked against the schemas of the WSDL by lxml, as a server that is generated from it would.

zeep reads values leniently: it knows no enumerations, and what it cannot read becomes nothing.
"""

from __future__ import annotations

from typing import Any

from lxml import etree  # type: ignore[import-untyped] # it ships none

from .envelope import Element, SoapFault, alone

_XS = "http://www.w3.org/2001/XMLSchema"
_HERE = "schema:"

RpcParts = dict[str, dict[str, str]]
"""The parts of rpc messages: `{namespace}operation` → part → `{namespace}type`."""


class Schema:
    """What a WSDL's `types` allow in a body.

    Args:
        wsdl: The WSDL.
        rpc: What rpc calls hold; their elements are named nowhere in the schemas (WS-I Basic Profile 1.1, R2729 and
            R2735). None for document/literal.
    """

    def __init__(self, wsdl: Element, rpc: RpcParts | None = None) -> None:
        found = {one.get("targetNamespace"): alone(one) for one in wsdl.iter(f"{{{_XS}}}schema")}
        for schema in found.values():
            for imported in schema.iter(f"{{{_XS}}}import"):
                imported.set("schemaLocation", _HERE + imported.get("namespace"))
        for name, parts in (rpc or {}).items():
            _declare(found[etree.QName(name).namespace], etree.QName(name).localname, parts)
        parser = etree.XMLParser(no_network=True)
        parser.resolvers.add(_Known({_HERE + name: etree.tostring(one) for name, one in found.items()}))
        start = etree.Element(f"{{{_XS}}}schema")
        for name in found:
            etree.SubElement(start, f"{{{_XS}}}import", namespace=name, schemaLocation=_HERE + name)
        self._schema = etree.XMLSchema(etree.fromstring(etree.tostring(start), parser))

    def check(self, content: Element) -> None:
        """Check what a body holds.

        Raises:
            SoapFault: It does not fit.
        """
        if not self._schema.validate(alone(content)):
            raise SoapFault("Client", f"org.xml.sax.SAXException: {self._schema.error_log[0].message}"[:300])


class _Known(etree.Resolver):  # type: ignore[misc] # lxml has no types
    """Gives schemas of the same WSDL to each other; nothing else is read."""

    def __init__(self, documents: dict[str, bytes]) -> None:
        super().__init__()
        self._documents = documents

    def resolve(self, url: str, public_id: str | None, context: Any) -> Any:  # noqa: ARG002 - lxml's interface
        return self.resolve_string(self._documents[url], context)


def _declare(schema: Element, name: str, parts: dict[str, str]) -> None:
    for other in schema.findall(f"{{{_XS}}}element[@name='{name}']"):
        schema.remove(other)
    element = etree.SubElement(schema, f"{{{_XS}}}element", name=name)
    sequence = etree.SubElement(etree.SubElement(element, f"{{{_XS}}}complexType"), f"{{{_XS}}}sequence")
    for part, type_name in parts.items():
        kind = etree.QName(type_name)
        declared = etree.SubElement(sequence, f"{{{_XS}}}element", nsmap={"t": kind.namespace})
        declared.attrib.update({"name": part, "form": "unqualified", "type": f"t:{kind.localname}"})
