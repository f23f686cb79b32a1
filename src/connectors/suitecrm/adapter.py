"""SuiteCRM behind the adapter interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from ...core.adapter import Action, Adapter, Attempt, Finding, ItemResult, Sent, Surroundings
from .._http import HttpClient, Transport
from . import changes, check, creates, models, reads
from .actions import declare
from .changes import Change
from .kinds import KINDS
from .limits import EXAMPLES, LIMITS
from .rest import RestExchange
from .settings import SuiteCrmSettings
from .wire import Wire

_CHECK_TIMEOUT = 30.0


class SuiteCrmAdapter(Adapter):
    """Cases, contacts, calls and notes of one SuiteCRM, over v4_1 or v8.

    Args:
        settings: The connector's settings.
        surroundings: Clock, randomness and ids, and where secrets are registered.
        transport: Carries the requests instead of the network.
    """

    kind: ClassVar[str] = "suitecrm"
    version: ClassVar[str] = "1"
    settings_model = SuiteCrmSettings
    examples = EXAMPLES
    limits = LIMITS

    def __init__(
        self, settings: SuiteCrmSettings, surroundings: Surroundings, *, transport: Transport | None = None
    ) -> None:
        http = HttpClient.of(settings, surroundings.secrets, transport)
        self._settings = settings
        self._wire = Wire(settings, surroundings, http)
        self._actions = declare(settings)

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings, *, transport: Transport | None = None) -> SuiteCrmAdapter:
        """Make one from `SuiteCrmSettings`. Connects to nothing yet."""
        return cls(settings, surroundings, transport=transport)

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name, as true for these settings."""
        return self._actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Do it once on the wire, and read back what was written.

        A write that an ended session refused goes out once more, but never once an attempt may have landed.
        """
        exchange = self._wire.begin(attempt.timeout, relogin=not attempt.maybe_applied, may_write=attempt.may_send)
        if action.name in KINDS:
            return await creates.send(exchange, KINDS[action.name], attempt)
        if isinstance(attempt.request, models.UpdateCase | models.CloseCase):
            return await changes.send(exchange, Change.of(attempt, self._settings))
        return await reads.read(exchange, attempt.request)

    async def send_batch(
        self,
        action: Action,
        request: BaseModel,  # noqa: ARG002 -- all that it says is in its items
        items: Sequence[Attempt],
    ) -> Sequence[ItemResult]:
        """Create many cases in one call, and read each back."""
        assert action.batch is not None
        exchange = self._wire.begin(
            min(item.timeout for item in items),
            relogin=not any(item.maybe_applied for item in items),
            may_write=lambda: all(item.may_send() for item in items),
        )
        assert isinstance(exchange, RestExchange)
        return await creates.send_many(exchange, KINDS[action.batch.of.name], items)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """Look whether an earlier attempt landed."""
        exchange = self._wire.begin(attempt.timeout, relogin=True)
        if action.name in KINDS:
            return await creates.probe(exchange, KINDS[action.name], attempt)
        return await changes.probe(exchange, Change.of(attempt, self._settings))

    async def check(self) -> list[str]:
        """Log in and see whether the modules have the fields that the actions and the settings name.

        Returns:
            Problems, a sentence each; empty if there are none.

        Raises:
            IntegrationError: SuiteCRM cannot be reached, or does not let us in.
        """
        return await check.problems(self._wire.begin(_CHECK_TIMEOUT, relogin=True), self._settings)

    async def close(self) -> None:
        """Release connections."""
        await self._wire.close()
