"""Any SOAP port behind the adapter interface, by declared actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from ...core.adapter import Action, Adapter, Attempt, CannotTell, ConnectorSettings, Finding, Sent, Surroundings
from .._http import HttpClient, Transport
from .._modules import sources_of
from . import single
from .declared import Declared, load
from .exchange import Exchange
from .limits import EXAMPLES, LIMITS
from .models import SoapAction
from .settings import PortSettings, SoapSettings
from .wire import Wire

_CHECK_TIMEOUT = 60.0


class SoapPortAdapter(Adapter):
    """What every SOAP system has in common: one port, and actions that are declared with their operations.

    Args:
        wire: The port.
        declared: The actions by name.
    """

    def __init__(self, wire: Wire, declared: Mapping[str, SoapAction]) -> None:
        self._wire = wire
        self._declared = declared
        self._actions = {name: one.action for name, one in declared.items()}

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name."""
        return self._actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Do it once on the wire. An expired session is renewed, but never once an attempt may have landed."""
        return await single.send(self._exchange(attempt), self._declared[action.name], attempt)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """Look whether an earlier attempt landed. It reads only, so an expired session is renewed."""
        look = self._declared[action.name].look
        if look is None:
            return CannotTell(f"{action.name} declares no way to look")
        return await single.look(self._wire.begin(attempt.timeout, relogin=True), look, attempt, action.errors)

    async def check(self) -> list[str]:
        """Read the WSDL, log in, and see whether the WSDL has what the actions count on.

        Returns:
            Problems, a sentence each; empty if there are none.

        Raises:
            IntegrationError: The system cannot be reached, or does not let us in.
        """
        contract = await self._wire.load_anew()
        found = [
            f"The WSDL has no operation {operation}, which {name} needs."
            for name, one in self._declared.items()
            for operation in dict.fromkeys([one.operation, *([one.look.operation] if one.look else [])])
            if operation not in contract.operations
        ]
        pinned = self._wire.settings.wsdl_fingerprint
        if pinned is not None and pinned != contract.fingerprint:
            found.append(f"The WSDL changed: its fingerprint is {contract.fingerprint}, the settings say {pinned}.")
        else:
            await self._wire.log_in(_CHECK_TIMEOUT)
        return found

    async def close(self) -> None:
        """Release connections."""
        await self._wire.close()

    def _exchange(self, attempt: Attempt) -> Exchange:
        return self._wire.begin(attempt.timeout, relogin=not attempt.maybe_applied, may_write=attempt.may_send)


class SoapAdapter(SoapPortAdapter):
    """A SOAP system whose actions are declared in a module of yours.

    Args:
        wire: The port.
        declared: The module's actions.
    """

    kind: ClassVar[str] = "soap"
    version: ClassVar[str] = "1"
    settings_model: ClassVar[type[ConnectorSettings]] = SoapSettings
    examples = EXAMPLES
    limits = LIMITS

    def __init__(self, wire: Wire, declared: Declared) -> None:
        super().__init__(wire, declared.actions)
        self._module = declared.module

    @classmethod
    def open(
        cls,
        settings: SoapSettings,
        surroundings: Surroundings,
        *,
        transport: Transport | None = None,
        inline: bool = False,
    ) -> Self:
        """Make one from `SoapSettings`. Connects to nothing yet, and reads no WSDL.

        Args:
            settings: The connector's settings.
            surroundings: Clock and ids, and where secrets are registered.
            transport: Carries the requests instead of the network.
            inline: Whether blocking work is done in the calling thread (simulated time).

        Raises:
            UnusableActions: The declared actions cannot be used.
        """
        declared = load(settings.actions)
        http = open_http(settings, surroundings, transport)
        wire = Wire(settings, surroundings, http, auth=settings.auth, errors=declared.errors, inline=inline)
        return cls(wire, declared)

    def definitions(self) -> Mapping[str, bytes]:
        """The module of actions with what it imports. The WSDL is no part of it; `wsdl_fingerprint` is to pin it."""
        return sources_of([self._module])


def open_http(settings: PortSettings, surroundings: Surroundings, transport: Transport | None) -> HttpClient:
    """The client of a SOAP system.

    Args:
        settings: The port's settings.
        surroundings: Where the proxy's password is registered.
        transport: Carries the requests instead of the network.
    """
    return HttpClient.of(settings, surroundings.secrets, transport)
