"""The requests of one attempt, and what their answers mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...core.adapter import Mapped
from ...core.errors import IntegrationError, ReplyTimeout, Unauthenticated
from .._http import HttpReply
from . import xml
from .faults import fault_error, open_envelope
from .settings import SessionLogin
from .status import RecordStatus
from .wsdl import Answer, Contract

if TYPE_CHECKING:
    from .wire import Session, Wire

_LARGE = 256 * 1024  # bytes; longer answers are read in a thread, so that other calls go on meanwhile


class Exchange:
    """The requests of one attempt: they share its time and its one new login.

    Args:
        wire: The port.
        timeout: Seconds for all of them.
        relogin: Whether an expired session may be renewed.
        may_write: Asked right before each request that is no read.
        session: Whether requests carry the session, where there is one.
    """

    def __init__(
        self,
        wire: Wire,
        timeout: float,
        *,
        relogin: bool,
        may_write: Callable[[], bool] | None = None,
        session: bool = True,
    ) -> None:
        self._wire = wire
        self._may_write = may_write
        self._ends_at = wire.clock.monotonic() + timeout
        self._relogin = relogin
        self._renewed = False
        self._login = wire.auth if session and isinstance(wire.auth, SessionLogin) else None

    def left(self) -> float:
        """Seconds that are left."""
        return self._ends_at - self._wire.clock.monotonic()

    async def contract(self) -> Contract:
        """What the WSDL says."""
        return await self._wire.contract(self.left())

    async def call(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        headers: Mapping[str, Any] | None = None,
        errors: Mapping[str, Mapped] | None = None,
        status: RecordStatus | None = None,
        writes: bool = False,
    ) -> Answer:
        """Send one request and read its answer.

        Args:
            operation: The WSDL's operation.
            arguments: Its arguments, as plain values.
            headers: Further SOAP header blocks.
            errors: Declared codes, before those of the whole system.
            status: Where the answer says whether it was done.
            writes: Whether it may change something.

        Returns:
            The answer; without content for an operation that has none.

        Raises:
            IntegrationError: What the answer, or its absence, means.
        """
        contract = await self.contract()
        declared = self._wire.errors | dict(errors or {})
        while True:
            session = await self._wire.sessions.get(self.left()) if self._login is not None else None
            message = contract.message(operation, arguments, self._headers(headers or {}, session))
            self._wire.secure(message.envelope)
            reply = await self._wire.http.send(
                "POST",
                self._wire.address(contract, session),
                timeout=self.left(),
                headers={**message.headers, **self._wire.http_headers()},
                content=xml.to_bytes(message.envelope),
                may_send=self._may_write if writes else None,
            )
            answer = await self._read(contract, operation, reply, declared)
            if isinstance(answer, Answer) and status is not None:
                answer = status.error(answer.value, declared, evidence=reply.facts()) or answer
            if isinstance(answer, Answer):
                if session is not None:
                    self._wire.sessions.confirm(session)
                return answer
            answer.message = self._wire.secrets.scrub(answer.message)
            answer.evidence = self._wire.secrets.scrub_all(answer.evidence)
            if session is None or self._login is None or answer.code not in self._login.expired:
                raise answer
            self._session_ended(session, answer)

    def _headers(self, headers: Mapping[str, Any], session: Session | None) -> dict[str, Any]:
        signed = self._wire.header() if self._wire.header is not None else {}
        if session is None or self._login is None or self._login.header is None:
            return {**signed, **headers}
        return {**signed, **headers, self._login.header: {self._login.header_field: session.token}}

    def _session_ended(self, session: Session, error: IntegrationError) -> None:
        """Go on with a new session, once, and only where the target itself refused the old one."""
        worked = self._wire.sessions.drop(session)
        if error.effect != "none" or not self._relogin or self._renewed:
            # The next attempt logs in anew. A session that was refused from its first use on did not expire.
            error.transient = worked or not self._renewed
            raise error
        self._renewed = True

    async def _read(
        self, contract: Contract, operation: str, reply: HttpReply, errors: Mapping[str, Mapped]
    ) -> Answer | IntegrationError:
        if contract.one_way(operation) and 200 <= reply.status < 300 and not reply.body.strip():
            return Answer({})
        if len(reply.body) < _LARGE:
            return self._understand(contract, operation, reply, errors)
        try:
            async with asyncio.timeout(max(self.left(), 0.0)):
                return await self._wire.blocking(self._understand, contract, operation, reply, errors)
        except TimeoutError:
            return ReplyTimeout("the answer came, but too late to be read to its end", code="timeout", outage=False)

    def _understand(
        self, contract: Contract, operation: str, reply: HttpReply, errors: Mapping[str, Mapped]
    ) -> Answer | IntegrationError:
        now = self._wire.clock.now()
        try:
            envelope = open_envelope(reply, contract.soap, now)
            if envelope.fault is None:
                return contract.answer(operation, envelope.body)
        except IntegrationError as error:
            return error
        expired = self._login.expired if self._login is not None else frozenset()
        session = {code: Mapped(Unauthenticated) for code in envelope.fault.codes if code in expired}
        return fault_error(envelope.fault, session | dict(errors), reply, now)
