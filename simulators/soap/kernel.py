"""What every simulated SOAP service does: find the operation, read it by its types, apply it under faults, answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from ..effects import Cause
from ..exchange import RolledBack
from ..faults import Plan
from ..http_simulator import HttpSimulator
from ..injector import RequestFacts
from ..kinds import Lane
from ..request import HttpRequest
from ..vocabulary import Traits
from ..wire import Reply
from .contract import Contract, Port, content_type
from .drift import depart, drifted, with_entities
from .envelope import (
    SOAP_11,
    Element,
    Envelope,
    SoapFault,
    fault_envelope,
    html_page,
    must_understand,
    parse,
    written,
)
from .publication import published
from .security import WSSE, expired
from .settings import Change, SoapSettings, Wsdl
from .store import RowLocked, Store, Transaction

TRAITS: Final[Traits] = {"http": None, "soap": None, "transactions": None}
"""What kinds of fault every SOAP service can show."""

_MEDIA_TYPES = ("text/xml", "application/soap+xml")
_asked: ContextVar[Port] = ContextVar("asked")


@dataclass(frozen=True, slots=True)
class SoapCall:
    """One request for an operation.

    Args:
        request: The HTTP request.
        port: Where it came in.
        operation: The operation.
        envelope: The message.
        values: Its typed content.
        failing: Codes for items of a batch that are to fail, by place.
    """

    request: HttpRequest
    port: Port
    operation: str
    envelope: Envelope
    values: Any
    failing: Mapping[int, str] = field(default_factory=dict)


class SoapSimulator(HttpSimulator[SoapCall]):
    """One simulated service.

    Run it with `seawall.simulators.server.serve` or behind `InProcessTransport`. Clients see what the WSDL, which it
    serves at each of its paths with `?wsdl`, says; the effect log, the faults and the records are for judges only.

    Args:
        settings: The service.
        plan: Faults; None for none.
        seed: Seed in place of the plan's own.
        effects_path: File that the effect log is also written to.
        now: Clock in seconds since 1970; the system's by default.

    Raises:
        PlanError: The plan holds a fault that can never befall this system.
    """

    contract: ClassVar[Contract]
    operations: ClassVar[Mapping[str, Lane]]
    batches: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        settings: SoapSettings,
        plan: Plan | None = None,
        seed: int | None = None,
        effects_path: str | Path | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._common = settings
        super().__init__(
            plan,
            system=settings.system,
            operations=self.operations,
            batches=self.batches,
            traits=self.traits,
            seed=seed,
            effects_path=effects_path,
            now=now,
        )
        self._started = self.now()
        self.store = Store(self.effects, self.now)
        self._understood = {
            WSSE,
            *(one.get("targetNamespace") for one in self.contract.served_at("").iter("{*}schema")),
        }

    # What a service says for itself -----------------------------------------------------------------------------

    @abstractmethod
    def respond(self, call: SoapCall, tx: Transaction) -> Mapping[str, Any] | None:
        """Apply a call; the answer's content, or None for a one-way operation.

        Raises:
            SoapFault: It is answered by a fault.
            RowLocked: A record is being written by another request.
        """

    @abstractmethod
    def authenticate(self, call: SoapCall) -> None:
        """Check who calls.

        Raises:
            SoapFault: Not one of ours.
        """

    @abstractmethod
    def locked(self, call: SoapCall) -> Reply:
        """The refusal of a write whose record is locked."""

    @abstractmethod
    def throttled(self, call: SoapCall, status: int) -> Reply:
        """The refusal of one call too many."""

    @abstractmethod
    def expire_session(self, call: SoapCall) -> Reply:
        """End the session of the call for good and word the refusal."""

    @abstractmethod
    def touched(self, call: SoapCall) -> list[str]:
        """The names of what a call is about to change."""

    def items(self, call: SoapCall) -> int:  # noqa: ARG002 - for those that have batches
        """How many items a batch has; 0 for other calls."""
        return 0

    def reply_headers(self, call: SoapCall) -> tuple[tuple[bytes, bytes], ...]:  # noqa: ARG002 - see `items`
        """Headers of the answer."""
        return ()

    @property
    def traits(self) -> Traits:
        """What kinds of fault it can show."""
        return TRAITS

    # The same for all -------------------------------------------------------------------------------------------

    def admit(self, request: HttpRequest) -> tuple[SoapCall, RequestFacts] | Reply:
        """What a message asks for; or the WSDL, or the fault that ends it at the door."""
        port = self.contract.ports.get("/".join(request.path))
        if port is None:
            return Reply(404, b"<html><body>Not found</body></html>", b"text/html")
        if request.method == "GET":
            return self._wsdl(request)
        _asked.set(port)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in _MEDIA_TYPES:
            return Reply(415)
        try:
            call = self._understand(request, port)
        except SoapFault as fault:
            return self.refused(port, fault)
        return call, self.facts(call.operation, request, self.items(call))

    def perform(self, call: SoapCall, *, cause: Cause = "request", failing: Mapping[int, str] | None = None) -> Reply:
        """Apply a call, commit, and word the answer."""
        if failing:
            call = replace(call, failing=failing)
        try:
            with self.store.transaction(call.request.number, cause) as tx:
                values = self.respond(call, tx)
        except RowLocked:
            return self.locked(call)
        except SoapFault as fault:
            return self.refused(call, fault)
        return self.answered(call, values)

    def rehearse(self, call: SoapCall) -> None:
        """Apply a call and roll it back."""
        with suppress(RolledBack, RowLocked, SoapFault), self.store.transaction(call.request.number) as tx:
            self.respond(call, tx)
            raise RolledBack

    def soap_fault(self, call: SoapCall, status: int, code: str, detail: str) -> Reply:
        """A fault that nothing in the call explains; its detail is none, the vendor's, or a page of HTML."""
        text, own = self.breakdown()
        found = {"none": None, "vendor": own, "html": html_page()}[detail]
        fault = SoapFault(code, text, found, status)  # type: ignore[arg-type] # one of the kind's choices
        return self.refused(call, fault)

    def expired_message(self, call: SoapCall) -> Reply:
        """The refusal of a message whose security header is too old."""
        return self.refused(call, expired())

    def drifted(self, reply: Reply, how: str) -> Reply:
        """A reply that has come away from the WSDL; what holds no element is left as it is."""
        return replace(reply, body=drifted(reply.body, how)) if reply.body else reply

    def answered(self, call: SoapCall, values: Mapping[str, Any] | None) -> Reply:
        """The answer with this content; 202 to a one-way operation."""
        if values is None or self.contract.one_way(call.port, call.operation):
            return Reply(202)
        envelope = self.contract.write(call.port, call.operation, values)
        entities = "none"
        age = self.now() - self._started
        for drift in self._common.drift:
            if age >= drift.since and (not drift.operations or call.operation in drift.operations):
                depart(envelope[-1][0], drift)
                entities = drift.entities if drift.entities != "none" else entities
        document = written(envelope) if entities == "none" else with_entities(written(envelope), entities)
        return Reply(200, document, content_type(call.port.namespace), self.reply_headers(call))

    def refused(self, call: SoapCall | Port, fault: SoapFault) -> Reply:
        """The answer that is a fault."""
        port = call if isinstance(call, Port) else call.port
        settings = self._common
        status = settings.fault_status
        if fault.code != "Server" and settings.sender_fault_status is not None:
            status = settings.sender_fault_status
        if settings.wrong_fault_strings:
            text = "The session has timed out." if fault.code == "Client" else "The request was not valid."
            fault = SoapFault(fault.code, text, fault.detail, fault.status, fault.subcode)
        return Reply(fault.status or status, fault_envelope(port.namespace, fault), content_type(port.namespace))

    def outage(self, status: int) -> Reply:
        """The service's own answer when it is not itself."""
        return self.refused(_asked.get(), SoapFault("Server", *self.breakdown(), status=status))

    def breakdown(self) -> tuple[str, Element | None]:
        """How it words that something unexpected happened: the fault's text and its detail."""
        return "An unexpected error occurred.", None

    def lock_rows(self, call: SoapCall) -> Callable[[], None]:
        """Lock what a call is about to change; a read changes nothing."""
        return self.store.hold(self.touched(call) if self.operations[call.operation] == "write" else ())

    def _understand(self, request: HttpRequest, port: Port) -> SoapCall:
        envelope = parse(request.body)
        must_understand(envelope, self._understood)
        operation = port.operation(envelope)
        if port.namespace == SOAP_11:
            self._check_action(request, operation.soapaction)
        values = self.contract.read(port, envelope, self._changes())
        call = SoapCall(request, port, operation.name, envelope, values)
        self.authenticate(call)
        return call

    def _check_action(self, request: HttpRequest, declared: str) -> None:
        # SOAP 1.1 section 6.1.1: a client must send the header; what a server makes of it differs.
        rule, given = self._common.soap_action, request.headers.get("soapaction")
        if given is None and rule != "ignored":
            raise SoapFault("Client", "no SOAPAction header!")
        if rule == "checked" and (given or "").strip('"') != declared:
            raise SoapFault("Client", f"Server did not recognize the value of HTTP Header SOAPAction: {given}.")

    def _served(self) -> Wsdl:
        served = self._common.wsdl
        faithful = self.now() - self._started < served.since
        return served.model_copy(update={"kind": "faithful"}) if faithful else served

    def _changes(self) -> Sequence[Change]:
        served = self._served()
        return served.changes if served.kind == "changed" else ()

    def _wsdl(self, request: HttpRequest) -> Reply:
        asked = {name.lower(): value for name, value in request.query.items()}
        if not asked.keys() & {"wsdl", "xsd"}:
            return Reply(405)
        return published(self.contract, self._served(), request.base_url, "/".join(request.path), asked.get("xsd"))
