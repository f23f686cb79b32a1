"""A service's WSDL from the server's side: which operation a message asks for, and how its answer is written.

zeep knows the types; its client is never called. Requests are checked against the schema before it reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import zeep
from lxml import etree  # type: ignore[import-untyped] # it ships none

from .drift import changed, unchanged
from .envelope import CONTENT_TYPES, SOAP_11, SOAP_12, Element, Envelope, SoapFault
from .schema import RpcParts, Schema
from .settings import Change


@dataclass(frozen=True, slots=True)
class Port:
    """One binding of a service.

    Args:
        path: The path of its address, without the slash.
        namespace: The envelope's namespace that it speaks.
        binding: zeep's binding.
    """

    path: str
    namespace: str
    binding: Any

    @property
    def style(self) -> str:
        """`document` or `rpc`."""
        return str(next(iter(self.binding._operations.values())).style)  # noqa: SLF001 -- zeep has no server side

    def operation(self, envelope: Envelope) -> Any:
        """The operation that a message asks for.

        Raises:
            SoapFault: The message is of another version, or for no operation of this port.
        """
        if envelope.namespace != self.namespace:
            raise SoapFault("VersionMismatch", f"This port speaks {self.namespace}")
        wanted = etree.QName(envelope.content).text
        for operation in self.binding._operations.values():  # noqa: SLF001 -- see `style`
            if str(operation.input.body.qname) == wanted:
                return operation
        raise SoapFault("Client", f"There is no operation for {wanted}")


class Contract:
    """A WSDL in a file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.document = path.read_bytes()
        self._client: Any = _loaded(str(path))
        self.ports = {port.path: port for port in self._ports()}
        self._schemas: dict[tuple[str, tuple[Change, ...]], Schema] = {}

    def type(self, name: str) -> Any:
        """A type by its qualified name."""
        return self._client.get_type(name)

    def element(self, name: str, **content: Any) -> Element:
        """An element by its qualified name, with content.

        Args:
            name: As `{namespace}name`.
            **content: Its parts.
        """
        declared = self._client.get_element(name)
        parent = etree.Element("parent")
        declared.render(parent, declared(**content))
        (child,) = parent
        parent.remove(child)
        return child

    def read(self, port: Port, envelope: Envelope, changes: Sequence[Change] = ()) -> Any:
        """The typed values of a request.

        Args:
            port: Where it came in.
            envelope: The message.
            changes: How what the service asks for has changed since the contract was published.

        Raises:
            SoapFault: They do not fit the schema.
        """
        operation = port.operation(envelope)
        content = envelope.content
        if changes:
            self._schema(port, tuple(changes)).check(content)
            content = unchanged(content, changes)
        self._schema(port, ()).check(content)
        return operation.input.body.parse(content, self._client.wsdl.types)

    def write(self, port: Port, operation: str, values: Mapping[str, Any]) -> Element:
        """The envelope of an answer."""
        found = port.binding._operations[operation]  # noqa: SLF001 -- see `Port.style`
        envelope = found.output.serialize(**values).content
        body = envelope.find(f"{{{port.namespace}}}Body")
        if port.style == "rpc":
            # The answer to an rpc call is named after the operation (WS-I Basic Profile 1.1, R2729).
            body[0].tag = f"{{{etree.QName(body[0]).namespace}}}{operation}Response"
        return envelope

    def one_way(self, port: Port, operation: str) -> bool:
        """Whether an operation has no answer."""
        return port.binding._operations[operation].output is None  # noqa: SLF001 -- see `Port.style`

    def served_at(self, base_url: str) -> Element:
        """The WSDL with the addresses at which it is served."""
        root = etree.fromstring(self.document)
        for address in root.iter("{*}address"):
            path = address.get("location").split("/", 3)[3]
            address.set("location", f"{base_url}/{path}")
        return root

    def _ports(self) -> Iterator[Port]:
        for service in self._client.wsdl.services.values():
            for port in service.ports.values():
                path = port.binding_options["address"].split("/", 3)[3]
                namespace = SOAP_12 if "Soap12" in type(port.binding).__name__ else SOAP_11
                yield Port(path, namespace, port.binding)

    def _schema(self, port: Port, changes: tuple[Change, ...]) -> Schema:
        known = (port.style, changes)
        if known not in self._schemas:
            wsdl = etree.fromstring(self.document)
            self._schemas[known] = Schema(changed(wsdl, changes), _rpc_parts(port) if port.style == "rpc" else None)
        return self._schemas[known]


@cache
def _loaded(path: str) -> Any:
    return zeep.Client(path)  # type: ignore[no-untyped-call] # zeep types its surface only in part


def content_type(namespace: str) -> bytes:
    """The content type of an envelope."""
    return CONTENT_TYPES[namespace]


def _rpc_parts(port: Port) -> RpcParts:
    return {
        str(operation.input.body.qname): {
            name: str(part.type.qname) for name, part in operation.abstract.input_message.parts.items()
        }
        for operation in port.binding._operations.values()  # noqa: SLF001 -- see `Port.style`
    }
