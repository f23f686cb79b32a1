"""XML that comes from elsewhere: no DTD, no entities, no network, no unbounded size. The one import of lxml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from lxml import etree  # type: ignore[import-untyped]

Node: TypeAlias = Any
"""An element of lxml, which ships no types."""

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"

_BEFORE_THE_ROOT = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class UnreadableXml(ValueError):
    """It is no well-formed XML, or XML with something that is refused; the message quotes none of it."""


def parse(content: bytes) -> Node:
    """The root element, without comments and processing instructions.

    Args:
        content: A whole document.

    Raises:
        UnreadableXml: It is not well formed, or it has a document type declaration: SOAP forbids one (SOAP 1.1
            section 3, SOAP 1.2 part 1 section 5), and entities can only be declared there.
    """
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8"
    text = content.decode(encoding, errors="replace").lstrip("\ufeff")
    before = _BEFORE_THE_ROOT.match(text)
    if before is not None and text.startswith("<!DOCTYPE", before.end()):
        raise UnreadableXml("it has a document type declaration")  # found before libxml2 reads what it declares
    parser = _parser(recover=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if not _lacks_prefixes_only(parser):
            raise UnreadableXml(f"it is no well-formed XML ({type(error).__name__})") from None
        root = etree.fromstring(content, _parser(recover=True))
    if root.getroottree().docinfo.doctype:  # written in an encoding that hid it from the look above
        raise UnreadableXml("it has a document type declaration")
    return root


def _parser(*, recover: bool) -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


def _lacks_prefixes_only(parser: Any) -> bool:
    """Whether nothing is wrong but prefixes that are not declared: node-soap writes `xsi:nil` that way (measured)."""
    domains = {entry.domain for entry in parser.error_log}
    return domains == {etree.ErrorDomains.NAMESPACE}


def is_nil(node: Node) -> bool:
    """Whether an element is said to have no value, also where the prefix `xsi` is not declared."""
    return (node.get(f"{{{XSI}}}nil") or node.get("xsi:nil")) in ("true", "1")


def to_bytes(root: Node) -> bytes:
    """The document in UTF-8, with its declaration."""
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8")
    return written


def element(namespace: str, name: str, **attributes: str) -> Node:
    """A new element without a parent."""
    return etree.Element(f"{{{namespace}}}{name}", attributes)


def child(parent: Node, namespace: str, name: str, text: str | None = None, **attributes: str) -> Node:
    """A new element at the end of `parent`."""
    made = etree.SubElement(parent, f"{{{namespace}}}{name}", attributes)
    made.text = text
    return made


def local(node: Node) -> str:
    """The local name of an element."""
    name: str = (
        node.tag
    )  # taken apart here: etree.QName takes ten times as long, and answers are read element by element
    return name[name.rfind("}") + 1 :]


def namespace(node: Node) -> str:
    """The namespace of an element; empty if it has none."""
    name: str = node.tag
    return name[1 : name.rfind("}")] if name.startswith("{") else ""


def children(node: Node) -> Iterator[Node]:
    """The child elements."""
    return (one for one in node if isinstance(one.tag, str))


def find(node: Node, name: str) -> Node | None:
    """The first child element of a local name, whatever its namespace."""
    return next((one for one in children(node) if local(one) == name), None)


def text_of(node: Node | None) -> str:
    """The whole text of an element, trimmed; empty for None."""
    return "" if node is None else "".join(node.itertext()).strip()


def qualified(text: str, node: Node) -> tuple[str, str]:
    """Namespace and local name of a QName in text, by the prefixes in scope at `node`."""
    prefix, colon, name = text.strip().partition(":")
    if not colon:
        return str(node.nsmap.get(None) or ""), prefix
    return str(node.nsmap.get(prefix) or ""), name
