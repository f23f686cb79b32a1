"""The WSDL as it is served, and the schemas beside it."""

from __future__ import annotations

from lxml import etree  # type: ignore[import-untyped] # it ships none

from ..wire import HTML, Reply
from .contract import Contract
from .drift import changed, with_entities
from .envelope import Element, alone, written
from .settings import Wsdl

_XS = "http://www.w3.org/2001/XMLSchema"


def published(contract: Contract, served: Wsdl, url: str, path: str, schema: str | None) -> Reply:
    """The answer to who asks for the WSDL or a schema of it.

    Args:
        contract: The service's contract.
        served: What is served in its place.
        url: Scheme, host and port that the client used.
        path: The path that was asked for, without the slash.
        schema: The number of the schema that is wanted; None for the WSDL.
    """
    if served.kind == "unavailable":
        return Reply(503, b"<html><body>Service Unavailable</body></html>", HTML)
    root = contract.served_at(url)
    if served.kind == "changed":
        changed(root, served.changes)
    if served.kind == "imports_elsewhere":
        first = next(root.iter(f"{{{_XS}}}schema"))
        first.insert(0, _import("urn:elsewhere", served.elsewhere))
    if served.split:
        schemas = _split(root, f"{url}/{path}?xsd=")
        if schema is not None:
            found = schemas.get(schema)
            return Reply(404) if found is None else _xml(written(found))
    if served.kind in ("doctype", "bomb"):
        root.append(etree.Element("{http://schemas.xmlsoap.org/wsdl/}documentation"))
        return _xml(with_entities(written(root), "file" if served.kind == "doctype" else "bomb"))
    return _xml(written(root))


def _split(root: Element, location: str) -> dict[str, Element]:
    """Take the schemas out of a WSDL, which imports them from then on."""
    inline = list(root.iter(f"{{{_XS}}}schema"))
    schemas = {str(number): alone(one) for number, one in enumerate(inline, 1)}
    places = {one.get("targetNamespace"): location + number for number, one in schemas.items()}
    for one in schemas.values():
        for imported in one.iter(f"{{{_XS}}}import"):
            if imported.get("namespace") in places:
                imported.set("schemaLocation", places[imported.get("namespace")])
    for one in inline:
        holder = etree.Element(f"{{{_XS}}}schema")
        holder.append(_import(one.get("targetNamespace"), places[one.get("targetNamespace")]))
        one.getparent().replace(one, holder)
    return schemas


def _import(namespace: str, location: str) -> Element:
    return etree.Element(f"{{{_XS}}}import", namespace=namespace, schemaLocation=location)


def _xml(document: bytes) -> Reply:
    return Reply(200, document, b"text/xml; charset=utf-8")
