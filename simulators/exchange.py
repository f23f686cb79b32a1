"""One call under at most one fault: the order of apply, commit and reply that each kind of fault stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from .effects import Cause
from .faults import Fault
from .injector import FaultInjector, RequestFacts
from .json_drift import drifted
from .wire import HTML, Reply, Wire

CallT = TypeVar("CallT")
CallT_contra = TypeVar("CallT_contra", contravariant=True)

MAINTENANCE_PAGE = (
    b"<!DOCTYPE html><html><head><title>Down for maintenance</title></head>"
    b"<body><h1>We are down for maintenance</h1><p>Sorry for the inconvenience.</p></body></html>"
)
GATEWAY_PAGE = (
    "<!DOCTYPE html><html><head><title>{status} {reason}</title></head>"
    "<body><center><h1>{status} {reason}</h1></center><hr></body></html>"
)
_REASONS = {
    477: "Migration in Progress",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    521: "Web Server Is Down",
    524: "A Timeout Occurred",
}
_REFUSALS = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    425: "Too Early",
    431: "Request Header Fields Too Large",
}
_GARBAGE = bytes(range(0x80, 0x100)) * 2


class Vendor(Protocol[CallT_contra]):
    """What the simulated system itself knows: how it applies a call and how it words its refusals."""

    def perform(self, call: CallT_contra, *, cause: Cause, failing: Mapping[int, str]) -> Reply:
        """Apply the call, commit, and word the answer. `failing` gives error codes for items of a batch."""
        ...

    def locked(self, call: CallT_contra) -> Reply:
        """The refusal of a write whose row is locked."""
        ...

    def throttled(self, call: CallT_contra, status: int) -> Reply:
        """The refusal of one call too many."""
        ...

    def outage(self, status: int) -> Reply:
        """The system's own JSON answer with an outage status."""
        ...

    def expire_session(self, call: CallT_contra) -> Reply:
        """End the session of the call for good and word the refusal."""
        ...

    def lock_rows(self, call: CallT_contra) -> Callable[[], None]:
        """Lock the rows that the call is about to change; the answer unlocks them."""
        ...


class RolledBack(Exception):
    """Ends a transaction of which nothing is to remain."""


class Transactional(Protocol[CallT_contra]):
    """A system that can roll a call back: for faults at ``before_commit``."""

    def rehearse(self, call: CallT_contra) -> None:
        """Apply the call and roll it back."""
        ...


class Lagging(Protocol[CallT_contra]):
    """A system with a search that lags behind: for faults at ``visible``."""

    def perform_lagging(self, call: CallT_contra, seconds: float) -> Reply:
        """Answer a search as it would have been so many seconds ago."""
        ...


class SoapVendor(Protocol[CallT_contra]):
    """A SOAP service: for faults that only those show."""

    def soap_fault(self, call: CallT_contra, status: int, code: str, detail: str) -> Reply:
        """A fault with a code, under a status; its `detail` is none, the vendor's, or a page of HTML."""
        ...

    def expired_message(self, call: CallT_contra) -> Reply:
        """The refusal of a message whose security header is too old."""
        ...

    def drifted(self, reply: Reply, how: str) -> Reply:
        """A reply that has come away from what the WSDL says."""
        ...


class Exchange(Generic[CallT]):
    """Carries calls out under faults.

    Late commits belong to the simulator and not to the request that caused them: they happen although the client
    has gone.

    Args:
        vendor: The simulated system.
        injector: Chooses the faults.
    """

    def __init__(self, vendor: Vendor[CallT], injector: FaultInjector) -> None:
        self._vendor = vendor
        self._injector = injector
        self._late: set[asyncio.Task[Reply]] = set()
        self._last: Reply | None = None
        self.outstanding = 0

    async def run(self, wire: Wire, call: CallT, facts: RequestFacts) -> None:
        """Choose a fault for the call, if any, apply the call as the fault has it, and answer."""
        fault = self._injector.select(facts)
        if fault is None:
            await wire.answer(self._perform(call))
            return
        match fault.point:
            case "connect" | "send":
                await self._lose(wire, fault)
            case "admit":
                await self._refuse_in_front(wire, fault)
            case "apply":
                await self._before(wire, call, fault, facts)
            case "before_commit":
                await self._roll_back(wire, call, fault)
            case "visible":
                lagging: Lagging[CallT] = self._vendor  # type: ignore[assignment] # what cannot refuses the plan
                await wire.answer(lagging.perform_lagging(call, fault.param("seconds")))
            case "later":
                self._promise(call, fault)
                await self._give_up(wire, fault)
            case _:
                last = self._last
                await self._after(wire, call, self._perform(call), fault, last)

    async def settle(self) -> None:
        """Wait until no change is outstanding: no late commit, and no slow request that has yet to be applied."""
        while self.outstanding:
            same_loop = [task for task in self._late if task.get_loop() is asyncio.get_running_loop()]
            if same_loop:
                await asyncio.wait(same_loop)
            else:
                await asyncio.sleep(0.02)

    def _perform(self, call: CallT, cause: Cause = "request", failing: Mapping[int, str] | None = None) -> Reply:
        self._last = self._vendor.perform(call, cause=cause, failing=failing or {})
        return self._last

    async def _lose(self, wire: Wire, fault: Fault) -> None:
        match fault.kind:
            case "reset":
                await wire.lose("reset")
            case "hang":
                await wire.lose("hang", fault.param("seconds"))
            case "connect_timeout":
                await wire.lose("connect_timeout", fault.param("seconds"))
            case "pool_exhausted":
                await wire.lose("pool_exhausted", fault.param("seconds"))
            case "tls":
                await wire.lose("tls", detail=fault.param("problem"))
            case "refused" | "dns" | "proxy_407":
                await wire.lose(fault.kind)

    async def _refuse_in_front(self, wire: Wire, fault: Fault) -> None:
        match fault.kind:
            case "status":
                await wire.answer(_gateway_answer(fault))
            case "refusal":
                status: int = fault.param("status")
                await wire.answer(Reply(status, _page(status, _REFUSALS[status]), HTML))
            case "redirect_loop":
                await wire.answer(Reply(fault.param("status"), headers=((b"location", wire.target),)))

    async def _roll_back(self, wire: Wire, call: CallT, fault: Fault) -> None:
        transactional: Transactional[CallT] = self._vendor  # type: ignore[assignment] # what cannot refuses the plan
        transactional.rehearse(call)
        unlock = self._vendor.lock_rows(call)  # until the transaction is over, and with it the connection
        try:
            await self._withhold(wire, call, fault)
        finally:
            unlock()

    async def _before(self, wire: Wire, call: CallT, fault: Fault, facts: RequestFacts) -> None:
        match fault.kind:
            case "hang" | "reset" | "status" | "soap_fault":
                await self._withhold(wire, call, fault)
            case "ws_security_expired":
                await wire.answer(self._soap.expired_message(call))
            case "slow":
                await wire.answer(await self._perform_after(fault.param("seconds"), call, fault))
            case "lock_error":
                await wire.answer(self._vendor.locked(call))
            case "throttle":
                reply = self._vendor.throttled(call, fault.param("status"))
                await wire.answer(_with_retry_after(reply, fault))
            case "session_expired":
                await wire.answer(self._vendor.expire_session(call))
            case "duplicate_delivery":
                answers = {"first": self._perform(call), "second": self._perform(call, "duplicate_delivery")}
                await wire.answer(answers[fault.param("answer")])
            case "partial_batch":
                code: str = fault.param("code")
                failing = dict.fromkeys(self._injector.victims(fault, facts.batch), code)
                await wire.answer(self._perform(call, failing=failing))
            case "cut_batch":
                self._perform(call, failing=dict.fromkeys(range(fault.param("k"), facts.batch), "NOT_PROCESSED"))
                await wire.hang(fault.param("seconds"))

    @property
    def _soap(self) -> SoapVendor[CallT]:
        vendor: SoapVendor[CallT] = self._vendor  # type: ignore[assignment] # what is none refuses the plan
        return vendor

    async def _withhold(self, wire: Wire, call: CallT, fault: Fault) -> None:
        match fault.kind:
            case "hang":
                await wire.hang(fault.param("seconds"))
            case "reset":
                await wire.reset()
            case "soap_fault":
                how = (fault.param(name) for name in ("status", "code", "detail"))
                await wire.answer(self._soap.soap_fault(call, *how))
            case _:
                await wire.answer(self._outage(fault))

    async def _after(self, wire: Wire, call: CallT, reply: Reply, fault: Fault, last: Reply | None) -> None:
        match fault.kind:
            case "reset" if fault.param("bytes"):
                await wire.answer_part(reply, fault.param("bytes"), reset=True)
            case "hang" | "reset" | "status" | "soap_fault":
                await self._withhold(wire, call, fault)
            case "slow":
                await asyncio.sleep(fault.param("seconds"))
                await wire.answer(reply)
            case "html_200":
                await wire.answer(Reply(200, MAINTENANCE_PAGE, HTML))
            case "truncate":
                # An empty body cannot be cut short; its connection closes without an answer.
                size = int(len(reply.body) * fault.param("fraction"))
                await (wire.answer_part(reply, size) if reply.body else wire.close())
            case "bad_length":
                await wire.answer(replace(reply, body=reply.body[: int(len(reply.body) * fault.param("fraction"))]))
            case "wrong_content_type":
                await wire.answer(replace(reply, content_type=fault.param("content_type").encode()))
            case "wrong_reply":
                await wire.answer(last or Reply(200))
            case "soap_drift":
                await wire.answer(self._soap.drifted(reply, fault.param("how")))
            case "json_drift":
                await wire.answer(drifted(reply, fault.param("how")))
            case "no_content":
                await wire.answer(Reply(204, headers=reply.headers))
            case "empty":
                await wire.answer(Reply(reply.status, b"", headers=reply.headers))
            case "garbage":
                # A 204 has no body by the rules of HTTP, so the garbage comes as a 200.
                status = reply.status if reply.body else 200
                await wire.answer(Reply(status, _GARBAGE, reply.content_type, reply.headers))

    async def _give_up(self, wire: Wire, fault: Fault) -> None:
        match fault.param("reply"):
            case "504":
                await wire.answer(_gateway_page(504))
            case "reset":
                await wire.reset()
            case _:
                await wire.hang(fault.param("seconds"))

    def _promise(self, call: CallT, fault: Fault) -> None:
        late = self._perform_after(fault.param("delay"), call, fault, "late")
        task = asyncio.create_task(late, name="late commit")
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _perform_after(
        self, seconds: float, call: CallT, fault: Fault, cause: Cause = "request"
    ) -> Coroutine[None, None, Reply]:
        # Counted and locked before the first await, so that no other request comes in between.
        unlock = self._vendor.lock_rows(call) if fault.param("locks") else None
        self.outstanding += 1

        async def perform() -> Reply:
            try:
                await asyncio.sleep(seconds)
                if unlock is not None:
                    unlock()
                return self._perform(call, cause)
            finally:
                self.outstanding -= 1

        return perform()

    def _outage(self, fault: Fault) -> Reply:
        if fault.param("body") != "json":
            return _gateway_answer(fault)
        return _with_retry_after(self._vendor.outage(fault.param("status")), fault)


def _gateway_answer(fault: Fault) -> Reply:
    """What stands in front of the system when it is away."""
    status: int = fault.param("status")
    match fault.param("body"):
        case "html":
            reply = _gateway_page(status)
        case "json":
            reply = Reply(status, b'{"message":"%b"}' % _REASONS[status].encode())
        case _:
            reply = Reply(status)
    return _with_retry_after(reply, fault)


def _gateway_page(status: int) -> Reply:
    return Reply(status, _page(status, _REASONS[status]), HTML)


def _page(status: int, reason: str) -> bytes:
    return GATEWAY_PAGE.format(status=status, reason=reason).encode()


def _with_retry_after(reply: Reply, fault: Fault) -> Reply:
    value: Any = fault.param("retry_after")
    return reply if value is None else reply.with_headers([(b"retry-after", str(value).encode())])
