"""A NetSuite-style ERP behind the adapter interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import BaseModel

from ....core.adapter import (
    Action,
    Attempt,
    ConnectorSettings,
    Finding,
    ItemResult,
    Sent,
    Surroundings,
)
from ..._http import Transport
from .. import single
from ..adapter import SoapPortAdapter, open_http
from ..wire import Wire
from . import changes, creates, models, reads
from .actions import declare
from .changes import Change
from .limits import EXAMPLES, LIMITS
from .settings import NetSuiteSettings
from .wire import open_wire


class NetSuiteAdapter(SoapPortAdapter):
    """Customers, invoices and credit memos of one account, over its SOAP services.

    Args:
        wire: The port.
        actions: The actions by name.
    """

    kind: ClassVar[str] = "netsuite"
    version: ClassVar[str] = "1"
    settings_model: ClassVar[type[ConnectorSettings]] = NetSuiteSettings
    examples = EXAMPLES
    limits = LIMITS

    def __init__(self, wire: Wire, actions: Mapping[str, Action]) -> None:
        self._create = creates.creation(actions["create_credit_memo"])
        super().__init__(wire, {"create_credit_memo": self._create})
        self._actions = dict(actions)

    @classmethod
    def open(
        cls,
        settings: NetSuiteSettings,
        surroundings: Surroundings,
        *,
        transport: Transport | None = None,
        inline: bool = False,
    ) -> Self:
        """Make one from `NetSuiteSettings`. Connects to nothing yet, and reads no WSDL.

        Args:
            settings: The connector's settings.
            surroundings: Clock and ids, and where secrets are registered.
            transport: Carries the requests instead of the network.
            inline: Whether blocking work is done in the calling thread (simulated time).
        """
        http = open_http(settings, surroundings, transport)
        return cls(open_wire(settings, surroundings, http, inline=inline), declare(settings))

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Do it once on the wire. An expired session is renewed, but never once an attempt may have landed."""
        exchange, request = self._exchange(attempt), attempt.request
        if action.name == self._create.action.name:
            return await single.send(exchange, self._create, attempt)
        if isinstance(request, models.UpdateCustomer | models.UpdateInvoiceMemo):
            return await changes.send(exchange, Change.of(attempt))
        if isinstance(request, models.DeleteCreditMemo):
            return await changes.delete(exchange, request, repeated=attempt.maybe_applied or attempt.number > 1)
        return await reads.read(exchange, request)

    async def send_batch(self, action: Action, request: BaseModel, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        """Create many credit memos in one call."""
        assert action.batch is not None
        assert isinstance(request, models.CreateCreditMemos)
        exchange = self._wire.begin(
            min(item.timeout for item in items),
            relogin=not any(item.maybe_applied for item in items),
            may_write=lambda: all(item.may_send() for item in items),
        )
        return await creates.send_list(exchange, items)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """Look whether an earlier attempt landed. It reads only, so an expired session is renewed."""
        exchange, request = self._wire.begin(attempt.timeout, relogin=True), attempt.request
        if isinstance(request, models.CreateCreditMemo):
            return await single.look(exchange, creates.LOOK, attempt, action.errors)
        if isinstance(request, models.DeleteCreditMemo):
            return await changes.probe_deleted(exchange, request)
        return await changes.probe(exchange, Change.of(attempt))
