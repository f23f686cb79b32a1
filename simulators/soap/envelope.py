"""SOAP envelopes as a server reads and writes them: versions, headers, faults.

Sources: SOAP 1.1 (W3C Note of 8 May 2000) sections 4 and 6, SOAP 1.2 part 1 sections 5 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from lxml import etree  # type: ignore[import-untyped] # it ships none

Element: TypeAlias = Any
"""An element of lxml, which has no types of its own."""

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
CONTENT_TYPES: Final = {SOAP_11: b"text/xml; charset=utf-8", SOAP_12: b"application/soap+xml; charset=utf-8"}

Code = Literal["Client", "Server", "VersionMismatch", "MustUnderstand"]
_CODES_12: Final[dict[str, str]] = {"Client": "Sender", "Server": "Receiver"}


class SoapFault(Exception):
    """A request that is answered by a fault.

    Args:
        code: Whose fault it is, in the words of SOAP 1.1.
        text: The fault string.
        detail: What the detail holds.
        status: The HTTP status; None for the simulator's usual one.
        subcode: A code of another standard as `{namespace}name`: in place of SOAP 1.1's, and below SOAP 1.2's.
    """

    def __init__(
        self,
        code: Code,
        text: str,
        detail: Element | None = None,
        status: int | None = None,
        subcode: str | None = None,
    ) -> None:
        super().__init__(text)
        self.code: Code = code
        self.text = text
        self.detail = detail
        self.status = status
        self.subcode = subcode


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request's envelope.

    Args:
        namespace: `SOAP_11` or `SOAP_12`.
        root: The whole envelope.
        content: The one element in the body.
        headers: The elements of the header.
    """

    namespace: str
    root: Element
    content: Element
    headers: tuple[Element, ...]

    def header(self, name: str) -> Element | None:
        """The header element with this local name."""
        return next((one for one in self.headers if etree.QName(one).localname == name), None)


def parse(body: bytes) -> Envelope:
    """Read an envelope. Entities and document types are refused.

    Raises:
        SoapFault: It is none.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise SoapFault("Client", f"The request is no XML: {error.msg}") from error
    if root.getroottree().docinfo.doctype:
        raise SoapFault("Client", "A document type is not allowed in a SOAP message")
    name = etree.QName(root)
    if name.localname != "Envelope" or name.namespace not in CONTENT_TYPES:
        raise SoapFault("VersionMismatch", "The envelope is neither of SOAP 1.1 nor of SOAP 1.2")
    found = root.find(f"{{{name.namespace}}}Body")
    children = [] if found is None else [child for child in found if isinstance(child.tag, str)]
    if len(children) != 1:
        raise SoapFault("Client", "The body must hold exactly one element")
    header = root.find(f"{{{name.namespace}}}Header")
    headers = () if header is None else tuple(child for child in header if isinstance(child.tag, str))
    return Envelope(name.namespace, root, children[0], headers)


def must_understand(envelope: Envelope, known: set[str]) -> None:
    """Check that nothing unknown must be understood.

    Args:
        envelope: The request.
        known: Namespaces that are understood.

    Raises:
        SoapFault: A header that must be understood is not known.
    """
    for header in envelope.headers:
        demanded = header.get(f"{{{envelope.namespace}}}mustUnderstand") in ("1", "true")
        if demanded and etree.QName(header).namespace not in known:
            raise SoapFault("MustUnderstand", f"The header {etree.QName(header).localname} is not understood")


def fault_envelope(namespace: str, fault: SoapFault) -> bytes:
    """A fault as it goes over the wire."""
    names = {"soapenv": namespace}
    if fault.subcode:
        names["sub"] = etree.QName(fault.subcode).namespace
    root = etree.Element(f"{{{namespace}}}Envelope", nsmap=names)
    if namespace == SOAP_12 and fault.code == "VersionMismatch":
        upgrade = etree.SubElement(etree.SubElement(root, f"{{{namespace}}}Header"), f"{{{namespace}}}Upgrade")
        spoken = etree.SubElement(upgrade, f"{{{namespace}}}SupportedEnvelope", nsmap={"spoken": namespace})
        spoken.set("qname", "spoken:Envelope")
    subcode = f"sub:{etree.QName(fault.subcode).localname}" if fault.subcode else None
    body = etree.SubElement(root, f"{{{namespace}}}Body")
    found = etree.SubElement(body, f"{{{namespace}}}Fault")
    if namespace == SOAP_11:
        etree.SubElement(found, "faultcode").text = subcode or f"soapenv:{fault.code}"
        etree.SubElement(found, "faultstring").text = fault.text
        detail = etree.SubElement(found, "detail") if fault.detail is not None else None
    else:
        code = etree.SubElement(found, f"{{{namespace}}}Code")
        etree.SubElement(code, f"{{{namespace}}}Value").text = f"soapenv:{_CODES_12.get(fault.code, fault.code)}"
        if subcode:
            below = etree.SubElement(code, f"{{{namespace}}}Subcode")
            etree.SubElement(below, f"{{{namespace}}}Value").text = subcode
        reason = etree.SubElement(found, f"{{{namespace}}}Reason")
        text = etree.SubElement(reason, f"{{{namespace}}}Text")
        text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
        text.text = fault.text
        detail = etree.SubElement(found, f"{{{namespace}}}Detail") if fault.detail is not None else None
    if detail is not None:
        detail.append(fault.detail)
    return written(root)


def html_page() -> Element:
    """The page of a web server behind the service, as some put it into the detail of their faults."""
    page = etree.Element("html")
    etree.SubElement(etree.SubElement(page, "head"), "title").text = "502 Bad Gateway"
    etree.SubElement(etree.SubElement(page, "body"), "h1").text = "502 Bad Gateway"
    return page


def alone(element: Element) -> Element:
    """A copy of an element as a document, with all prefixes that were in scope: types are named by them in texts."""
    return etree.fromstring(etree.tostring(element, with_tail=False))


def written(root: Element) -> bytes:
    """An element as a document."""
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8")
    return document
