"""What a WSDL says of one port: its operations, how they are written, and what their answers look like.

zeep reads the WSDL and writes the messages; it carries nothing. Every exception of zeep has its meaning here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import zeep.exceptions
import zeep.settings
import zeep.wsdl
import zeep.xsd
from zeep.wsdl.bindings import Soap11Binding, Soap12Binding
from zeep.wsdl.messages.multiref import process_multiref

from ...core.errors import ContractBroken, IntegrationError, InvalidRequest
from . import xml
from .documents import Documents, RefusedDocument, is_url
from .values import Misfit, Reading, typed_fields, unwritten

UNUSABLE: Final = "wsdl"
"""The code of errors that say the WSDL itself cannot be used."""

MEANINGS: Final[Mapping[type[Exception], type[IntegrationError]]] = {
    zeep.exceptions.XMLSyntaxError: InvalidRequest,
    zeep.exceptions.XMLParseError: InvalidRequest,
    zeep.exceptions.UnexpectedElementError: InvalidRequest,
    zeep.exceptions.WsdlSyntaxError: InvalidRequest,
    zeep.exceptions.TransportError: InvalidRequest,
    zeep.exceptions.LookupError: InvalidRequest,
    zeep.exceptions.NamespaceError: InvalidRequest,
    zeep.exceptions.Fault: InvalidRequest,
    zeep.exceptions.ZeepWarning: InvalidRequest,
    zeep.exceptions.ValidationError: InvalidRequest,
    zeep.exceptions.SignatureVerificationFailed: InvalidRequest,
    zeep.exceptions.IncompleteMessage: InvalidRequest,
    zeep.exceptions.IncompleteOperation: InvalidRequest,
    zeep.exceptions.DTDForbidden: InvalidRequest,
    zeep.exceptions.EntitiesForbidden: InvalidRequest,
    zeep.exceptions.ExternalReferenceForbidden: InvalidRequest,
    zeep.exceptions.Error: InvalidRequest,
}
"""Every exception class of zeep. zeep reads the WSDL and writes requests, both before anything is sent; it neither
carries a message nor reads an answer, so none of its errors leaves anything in doubt."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request, ready to be sent.

    Args:
        envelope: The SOAP envelope; a security header may still be put in.
        headers: The HTTP headers.
    """

    envelope: xml.Node
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answered.

    Args:
        value: The content of the body's element, or the parts of an rpc answer, as plain values.
        unknown: Paths of elements that the WSDL does not know.
    """

    value: Mapping[str, Any]
    unknown: Sequence[str] = ()


class Contract:
    """One port of a WSDL.

    Args:
        documents: The WSDL with its imports.
        service: The name of the service; the first one with a SOAP port if None.
        port: The name of the port; the first SOAP port if None.

    Raises:
        InvalidRequest: The WSDL cannot be used, or has no such port.
    """

    def __init__(self, documents: Documents, *, service: str | None = None, port: str | None = None) -> None:
        self.fingerprint = documents.fingerprint
        self._wsdl = _read(documents)
        self._port = _choose(self._wsdl, service, port)
        self._binding: Any = self._port.binding
        self.soap: str = xml.SOAP_12 if isinstance(self._binding, Soap12Binding) else xml.SOAP_11
        """The namespace of envelopes."""

    @property
    def schema(self) -> Any:
        """The WSDL's types, as zeep has them."""
        return self._wsdl.types

    @property
    def operations(self) -> Mapping[str, Any]:
        """The operations by name, as zeep has them."""
        found: Mapping[str, Any] = self._binding.all()
        return found

    @property
    def address(self) -> str | None:
        """Where the WSDL says that the port is.

        None where it does not say, or where a WSDL that was read from the network leads to another host: credentials
        are sent to where the configuration says.
        """
        address: str | None = (self._port.binding_options or {}).get("address")
        if not address or not is_url(address):
            return None
        location = self._wsdl.location
        if is_url(location) and urlsplit(location).hostname != urlsplit(address).hostname:
            return None
        return address

    def operation(self, name: str) -> Any:
        """An operation, as zeep has it.

        Raises:
            InvalidRequest: The port has none of this name.
        """
        try:
            return self.operations[name]
        except KeyError:
            known = ", ".join(sorted(self.operations)) or "none"
            raise InvalidRequest(
                f"the WSDL's port {self._port.name} has no operation {name!r}; it has: {known}", code=UNUSABLE
            ) from None

    def one_way(self, name: str) -> bool:
        """Whether an operation has no answer."""
        return self.operation(name).abstract.output_message is None

    def message(self, name: str, arguments: Mapping[str, Any], headers: Mapping[str, Any]) -> Message:
        """Write a request.

        Args:
            name: The operation.
            arguments: The content of the body's element, or the parts of an rpc request, as plain values.
            headers: SOAP header blocks: the name of a header part that the operation's binding declares, or the
                `{namespace}name` of a global element → its content as plain values.

        Raises:
            InvalidRequest: They do not fit the WSDL.
        """
        operation = self.operation(name)
        try:
            blocks = [self._header(operation, block, value) for block, value in headers.items()]
            body = operation.input.body
            if body is None or isinstance(body.type, zeep.xsd.ComplexType):
                fields = typed_fields(arguments, body.type, self.schema) if body is not None else {}
                serialized = operation.create(**fields, _soapheaders=blocks)
            else:
                serialized = operation.create(arguments["value"], _soapheaders=blocks)
            self._verify(name, body, arguments, serialized.content)
        except Exception as error:  # noqa: BLE001 -- nothing was sent: whatever zeep found is wrong with the request
            detail = f": {error}" if isinstance(error, zeep.exceptions.Error | Misfit) else ""
            raise InvalidRequest(
                f"the request cannot be written as {name} asks for it ({type(error).__name__}){_short(detail)}",
                code="request",
            ) from None
        return Message(serialized.content, self._http_headers(operation))

    def _verify(self, name: str, body: Any, arguments: Mapping[str, Any], envelope: xml.Node) -> None:
        """Read what zeep wrote: it leaves values out in silence where it does not know what to do with them.

        Raises:
            Misfit: Something is missing.
        """
        written = xml.find(xml.parse(xml.to_bytes(envelope)), "Body")
        first = None if written is None else next(xml.children(written), None)
        if body is None or first is None:
            return
        if name != xml.local(first) and xml.local(first) != body.name:
            return  # several parts without a wrapper
        read = Reading(self.schema).of(first, body.type, name)
        missing = unwritten(arguments if isinstance(read, Mapping) else arguments["value"], read, name)
        if missing:
            raise Misfit(f"{', '.join(missing)} cannot be written")

    def _http_headers(self, operation: Any) -> dict[str, str]:
        """SOAP 1.1 section 6.1; SOAP 1.2 part 2 section 6.5 and RFC 3902."""
        action = operation.soapaction or ""
        if self.soap == xml.SOAP_11:
            return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
        parameter = f'; action="{action}"' if action else ""
        return {"Content-Type": f"application/soap+xml; charset=utf-8{parameter}"}

    def _header(self, operation: Any, name: str, value: Any) -> Any:
        if name.startswith("{"):
            element = self.schema.get_element(name)
        else:
            declared = dict(operation.input.header.type.elements) if operation.input.header is not None else {}
            if name not in declared:
                raise Misfit(f"the operation declares no header {name}")
            element = declared[name]
        if not isinstance(value, Mapping):
            return element(value)
        return element(**typed_fields(value, element.type, self.schema))

    def answer(self, name: str, body: xml.Node) -> Answer:
        """Read the body of an answer that is no fault.

        Raises:
            ContractBroken: It is not what the WSDL says.
        """
        operation = self.operation(name)
        declared = operation.output.body if operation.output is not None else None
        if operation.style == "rpc":
            process_multiref(body)  # type: ignore[no-untyped-call]
        first = next(xml.children(body), None)
        if declared is None:
            return Answer({})
        if first is None or not _is_answer(first, operation, declared):
            got = "nothing" if first is None else xml.local(first)
            raise ContractBroken(f"{name} was answered with {got}, and not as the WSDL says", code="other_answer")
        reading = Reading(self.schema)
        try:
            value = reading.of(first, declared.type, xml.local(first))
        except Misfit as error:
            raise ContractBroken(
                f"the answer of {name} does not fit the WSDL: {error}", code="schema", evidence={"wsdl": self.short}
            ) from None
        return Answer(value if isinstance(value, Mapping) else {"value": value}, tuple(reading.unknown))

    @property
    def short(self) -> str:
        """The beginning of the fingerprint, for receipts and messages."""
        return self.fingerprint[:12]


class _Memory:
    """Gives zeep the documents that were gathered, and nothing else."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def load(self, location: str) -> bytes:
        return self._documents.load(location)


def _read(documents: Documents) -> Any:
    settings = zeep.settings.Settings(strict=True, forbid_dtd=True, force_https=False)
    try:
        memory: Any = _Memory(documents)
        return zeep.wsdl.Document(documents.location, memory, settings=settings)
    except (RefusedDocument, Misfit) as error:
        raise InvalidRequest(f"the WSDL cannot be used: {error}", code=UNUSABLE) from None
    except Exception as error:  # noqa: BLE001 -- zeep also lets KeyError and the like through; nothing was sent
        raise InvalidRequest(
            f"the WSDL cannot be used ({type(error).__name__}){_short(f': {error}')}", code=UNUSABLE
        ) from None


def _choose(wsdl: Any, service: str | None, port: str | None) -> Any:
    ports = [
        (service_name, one)
        for service_name, offered in wsdl.services.items()
        for one in offered.ports.values()
        if isinstance(one.binding, Soap11Binding | Soap12Binding)
    ]
    for service_name, one in ports:
        if service in (None, service_name) and port in (None, one.name):
            return one
    known = ", ".join(f"{service_name}/{one.name}" for service_name, one in ports) or "none"
    raise InvalidRequest(f"the WSDL has no SOAP port {service or '*'}/{port or '*'}; it has: {known}", code=UNUSABLE)


def _is_answer(node: xml.Node, operation: Any, declared: Any) -> bool:
    if operation.style == "rpc":  # WS-I Basic Profile, R2729: the name of the operation with "Response" at its end
        return xml.local(node) in (f"{operation.name}Response", declared.name)
    return xml.local(node) == declared.name and xml.namespace(node) in ("", declared.qname.namespace or "")


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:199]}…"
