"""What a SOAP answer means for the effect of a request.

A refusal needs the target's own word: a SOAP fault in an envelope of the port's version, whatever the HTTP status
(servers send faults with 500, 400 and 200), or a status inside the answer. A page, an empty body and a fault that
only relays a page refuse nothing. What a fault says lies in its codes; its text is for people and often wrong.

Sources: SOAP 1.1 section 4.4, SOAP 1.2 part 1 section 5.4, WS-Security 1.1 section 12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ...core.adapter import Mapped
from ...core.errors import BusinessRule, GatewayError, IntegrationError, Unauthenticated, UnreadableReply
from .._http import HttpReply
from .._http_dates import parse_retry_after
from . import xml

Side: TypeAlias = Literal["client", "server", "understanding", "other"]

_SIDES: Final[Mapping[str, Side]] = {
    "Client": "client",
    "Sender": "client",
    "Server": "server",
    "Receiver": "server",
    "MustUnderstand": "understanding",
    "VersionMismatch": "understanding",
    "DataEncodingUnknown": "understanding",
}
WS_SECURITY: Final[Mapping[str, Mapped]] = dict.fromkeys(
    (
        "FailedAuthentication",
        "FailedCheck",
        "InvalidSecurity",
        "InvalidSecurityToken",
        "MessageExpired",
        "SecurityTokenUnavailable",
        "UnsupportedAlgorithm",
        "UnsupportedSecurityToken",
    ),
    Mapped(Unauthenticated),
)
"""The fault codes of WS-Security: the header was not accepted, and nothing behind it was looked at."""

CODE_ELEMENTS: Final = ("code", "exceptionCode", "errorCode", "faultCode", "statusCode")
"""Elements of a fault's detail that hold its code, as vendors name them."""

_XML_TYPES: Final = frozenset({"", "text/xml", "application/xml", "application/soap+xml"})
_PAGE = re.compile(r"^\s*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_LONGEST_MESSAGE: Final = 500


class Fault(NamedTuple):
    """A SOAP fault.

    Args:
        side: Whose fault it is, by its code.
        codes: All its codes, the most specific one first.
        message: Its text.
        relays_page: Whether it only passes a page of something in between on.
    """

    side: Side
    codes: tuple[str, ...]
    message: str
    relays_page: bool


@dataclass(frozen=True, slots=True)
class Envelope:
    """A SOAP envelope as it came.

    Args:
        body: The body's element; None where a fault is.
        fault: The fault.
    """

    body: xml.Node | None
    fault: Fault | None


def open_envelope(reply: HttpReply, soap: str, now: float) -> Envelope:
    """Read an answer as far as it is SOAP.

    Args:
        reply: The answer.
        soap: The namespace of the port's SOAP version.
        now: Seconds since the epoch, to read a Retry-After that is a date.

    Raises:
        GatewayError: Its status is no success, and it is no SOAP message of the target.
        UnreadableReply: Its status is a success, but it is no SOAP message of the target.
        Unauthenticated: HTTP itself asks for other credentials.
    """
    problem, root = _parsed(reply)
    if root is not None and xml.local(root) == "Envelope":
        body = xml.find(root, "Body")
        space = xml.namespace(root)
        if body is not None and space in (xml.SOAP_11, xml.SOAP_12):
            node = next((one for one in xml.children(body) if one.tag == f"{{{space}}}Fault"), None)
            fault = None if node is None else read_fault(node, space)
            if fault is not None and (space == soap or fault.codes[-1:] == ("VersionMismatch",)):
                return Envelope(None, fault)
            if fault is None and space == soap and 200 <= reply.status < 300:
                return Envelope(body, None)
        if space != soap:
            problem = "it is an envelope of another SOAP version, or of none"
        else:
            problem = "it has no body" if body is None else "it is no fault"
    elif root is not None:
        problem = "it is XML, but no SOAP envelope"
    raise _no_soap(reply, problem, now)


def _parsed(reply: HttpReply) -> tuple[str, xml.Node | None]:
    if not reply.body.strip():
        return "it is empty", None
    if reply.content_type not in _XML_TYPES:
        return f"its type is {reply.content_type}", None
    try:
        return "", xml.parse(reply.body)
    except xml.UnreadableXml as error:
        return str(error), None


def _no_soap(reply: HttpReply, problem: str, now: float) -> IntegrationError:
    evidence = reply.facts()
    if 200 <= reply.status < 300:
        return UnreadableReply(
            f"the answer (status {reply.status}) cannot be read as SOAP: {problem}",
            code="unreadable",
            evidence=evidence,
        )
    if reply.status == 401 and "www-authenticate" in reply.headers:
        # RFC 9110 section 15.5.2: with this header, 401 says that the request was not applied.
        return Unauthenticated("HTTP asks for other credentials", code="http_401", evidence=evidence)
    return GatewayError(
        f"status {reply.status} without a SOAP fault ({problem}): it may have happened",
        code=f"http_{reply.status}",
        retry_after=parse_retry_after(reply.headers.get("retry-after"), now=now),
        evidence=evidence,
    )


def read_fault(node: xml.Node, soap: str, code_elements: Sequence[str] = CODE_ELEMENTS) -> Fault:
    """Read a Fault element of SOAP 1.1 or 1.2.

    Args:
        node: The element.
        soap: The namespace of its envelope.
        code_elements: Elements of the detail that hold a code.
    """
    if soap == xml.SOAP_12:
        chain, code = [], xml.find(node, "Code")
        while code is not None:
            value = xml.find(code, "Value")
            if value is not None:
                chain.append(xml.qualified(xml.text_of(value), value))
            code = xml.find(code, "Subcode")
        reason, detail = xml.find(node, "Reason"), xml.find(node, "Detail")
        message = xml.text_of(xml.find(reason, "Text")) if reason is not None else ""
    else:
        value = xml.find(node, "faultcode")
        chain = [] if value is None else [xml.qualified(xml.text_of(value), value)]
        message, detail = xml.text_of(xml.find(node, "faultstring")), xml.find(node, "detail")
    codes = [*_detail_codes(detail, code_elements), *(name for _, name in reversed(chain) if name)]
    page = _PAGE.search(message) is not None or _holds_page(detail)
    return Fault(_side(chain, soap), tuple(dict.fromkeys(codes)), message, page)


def _side(chain: Sequence[tuple[str, str]], soap: str) -> Side:
    if not chain:
        return "other"
    space, name = chain[0]
    # SOAP 1.1 allows "Client.Authentication"; many servers leave the prefix out.
    standard = _SIDES.get(name.partition(".")[0])
    return standard if standard is not None and space in ("", soap) else "other"


def _detail_codes(detail: xml.Node | None, code_elements: Sequence[str]) -> list[str]:
    """The codes in a fault's detail, and the name of the fault element itself."""
    found: list[str] = []
    for entry in xml.children(detail) if detail is not None else ():
        inside = [one for one in entry.iter() if isinstance(one.tag, str) and xml.local(one) in code_elements]
        found += [_code(xml.text_of(one), one) for one in inside if xml.text_of(one)]
        found.append(xml.local(entry))
    return found


def _code(text: str, node: xml.Node) -> str:
    """A code without its prefix, where it is a QName (`sf:INVALID_SESSION_ID`)."""
    prefix, _, name = text.partition(":")
    return name if name and prefix in node.nsmap else text


def _holds_page(detail: xml.Node | None) -> bool:
    if detail is None:
        return False
    named = any(xml.local(one).lower() == "html" for one in detail.iter() if isinstance(one.tag, str))
    return named or _PAGE.search(xml.text_of(detail)) is not None


def fault_error(
    fault: Fault, errors: Mapping[str, Mapped], reply: HttpReply, now: float, **facts: Any
) -> IntegrationError:
    """What a fault means.

    Args:
        fault: The fault.
        errors: The declared codes.
        reply: The whole answer.
        now: Seconds since the epoch, to read a Retry-After that is a date.
        facts: Further keyword arguments of `IntegrationError`.
    """
    evidence = reply.facts() | {"fault": fault.side, "codes": list(fault.codes)}
    facts |= {"evidence": evidence, "retry_after": parse_retry_after(reply.headers.get("retry-after"), now=now)}
    message = fault.message[:_LONGEST_MESSAGE] or "the target answered with a fault that has no text"
    for code in fault.codes:
        mapped = errors.get(code) or WS_SECURITY.get(code)
        if mapped is not None:
            return mapped.build(message, code=code, **facts)
    code = fault.codes[0] if fault.codes else "fault"
    if fault.relays_page:
        return GatewayError("the target passed a page of something else on: it may have happened", code=code, **facts)
    if fault.side in ("client", "understanding"):
        return BusinessRule(message, code=code, **facts)
    return GatewayError(f"the target failed, and it may have happened: {message}", code=code, **facts)
