"""A simulated SOAP service that is made from a WSDL alone: each operation does something once, and answers something.

It knows nothing of what the operations mean. It shows what a connector makes of faults; replace it by one that does
what the service does (`billing` is an example), from the service's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel
from zeep.helpers import serialize_object

from ...scaffold.examples import example_of
from ..faults import Plan
from ..kinds import Lane
from ..wire import Reply
from .contract import Contract, Port
from .envelope import SOAP_11, SOAP_12, Envelope, SoapFault
from .kernel import SoapCall, SoapSimulator
from .settings import Change, SoapSettings
from .store import Transaction

PATH = "soap"
"""The path of the only port."""


class StubContract(Contract):
    """One port of a WSDL in a file, at the path `soap`, wherever the WSDL says that it is.

    Args:
        path: The file.
        service: The service; the first one with a SOAP port if None.
        port: Its port; its first SOAP port if None.
    """

    def __init__(self, path: Path, *, service: str | None = None, port: str | None = None) -> None:
        self._wanted = (service, port)
        super().__init__(path)

    def read(self, port: Port, envelope: Envelope, changes: Sequence[Change] = ()) -> Any:  # noqa: ARG002 -- as declared
        """The values of a request, as zeep reads them: imported schemas are not checked."""
        return port.operation(envelope).input.body.parse(envelope.content, self._client.wsdl.types)

    def _ports(self) -> Iterator[Port]:
        service_name, port_name = self._wanted
        for service in self._client.wsdl.services.values():
            for port in service.ports.values():
                kind = type(port.binding).__name__
                if "Soap" not in kind or service_name not in (None, service.name) or port_name not in (None, port.name):
                    continue
                yield Port(PATH, SOAP_12 if "Soap12" in kind else SOAP_11, port.binding)
                return


class StubSimulator(SoapSimulator):
    """One simulated service; `contract`, `operations` and `replies` are the subclass's.

    Args:
        plan: Faults; None for none.
        now: Clock in seconds since 1970.
    """

    contract: ClassVar[Contract]
    operations: ClassVar[Mapping[str, Lane]]
    replies: ClassVar[Mapping[str, type[BaseModel]]]
    """Operation → what an answer must look like; those that answer nothing are left out."""
    system: ClassVar[str]
    """The name that plans match on."""

    def __init__(self, plan: Plan | None = None, now: Any = None) -> None:
        super().__init__(SoapSettings(system=self.system, soap_action="ignored"), plan, None, None, now)

    def respond(self, call: SoapCall, tx: Transaction) -> Mapping[str, Any] | None:
        """Note that it was done, and answer with an example."""
        if self.operations[call.operation] == "write":
            tx.invoke(call.operation, self.store.next_id("run"), _plain(call.values))
        if call.operation not in self.replies:
            return None
        model = self.replies[call.operation]
        shown = model.model_validate(example_of(model).fields)
        return shown.model_dump(by_alias=True, exclude_unset=True)

    def authenticate(self, call: SoapCall) -> None:
        """Anybody."""

    def touched(self, call: SoapCall) -> list[str]:
        """The operation with its content."""
        return [f"{call.operation} {_plain(call.values)}"] if self.operations[call.operation] == "write" else []

    def locked(self, call: SoapCall) -> Reply:
        """The refusal of a write whose record is locked."""
        return self.refused(call, SoapFault("Client", "The record is locked"))

    def throttled(self, call: SoapCall, status: int) -> Reply:
        """The refusal of one call too many."""
        return self.refused(call, SoapFault("Client", "Too many calls", status=status))

    def expire_session(self, call: SoapCall) -> Reply:
        """Refuse the caller, this once."""
        return self.refused(call, SoapFault("Client", "Log in again"))


def _plain(values: Any) -> dict[str, Any]:
    made = serialize_object(values, dict)  # type: ignore[no-untyped-call] # zeep types its surface only in part
    return made if isinstance(made, dict) else {"value": made}
