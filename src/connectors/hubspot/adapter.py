"""HubSpot behind the adapter interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from ...core.adapter import Action, Adapter, Attempt, Finding, ItemResult, Sent, Surroundings
from ...core.errors import IntegrationError
from .._http import HttpClient, Transport
from . import changes, check, creates, models, reads, upserts
from .actions import declare
from .changes import Change
from .kinds import kinds
from .limits import EXAMPLES, LIMITS
from .settings import HubSpotSettings
from .wire import Wire

_CHECK_TIMEOUT = 30.0


class HubSpotAdapter(Adapter):
    """Contacts, companies, tickets, notes and associations of one HubSpot portal.

    Args:
        settings: The connector's settings.
        surroundings: Clock, randomness and ids, and where secrets are registered.
        transport: Carries the requests instead of the network.
    """

    kind: ClassVar[str] = "hubspot"
    version: ClassVar[str] = "1"
    settings_model = HubSpotSettings
    examples = EXAMPLES
    limits = LIMITS

    def __init__(
        self, settings: HubSpotSettings, surroundings: Surroundings, *, transport: Transport | None = None
    ) -> None:
        http = HttpClient.of(settings, surroundings.secrets, transport)
        self._settings = settings
        self._clock = surroundings.sources.clock
        self._wire = Wire(settings, surroundings, http)
        self._actions = declare(settings)
        self._kinds = kinds(settings)

    @classmethod
    def open(cls, settings: Any, surroundings: Surroundings, *, transport: Transport | None = None) -> HubSpotAdapter:
        """Make one from `HubSpotSettings`. Connects to nothing yet."""
        return cls(settings, surroundings, transport=transport)

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name, as true for this portal's settings."""
        return self._actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Do it once on the wire. A token that ended is renewed, but never once an attempt may have landed."""
        exchange = self._wire.begin(attempt.timeout, renew=not attempt.maybe_applied, may_write=attempt.may_send)
        request = attempt.request
        if action.name in self._kinds:
            return await creates.send(exchange, self._kinds[action.name], attempt, self._clock)
        if isinstance(request, models.UpdateContact | models.UpdateTicket):
            return await changes.send(exchange, Change.of(attempt))
        if isinstance(request, models.UpsertContact):
            (result,) = await upserts.upsert(exchange, [attempt])
            if isinstance(result, IntegrationError):
                raise result
            return result
        if isinstance(request, models.Associate):
            return await upserts.associate(exchange, request)
        return await reads.read(exchange, request)

    async def send_batch(
        self,
        action: Action,
        request: BaseModel,  # noqa: ARG002 -- all that it says is in its items
        items: Sequence[Attempt],
    ) -> Sequence[ItemResult]:
        """Create, change or upsert many records in one call."""
        assert action.batch is not None
        exchange = self._wire.begin(
            min(item.timeout for item in items),
            renew=not any(item.maybe_applied for item in items),
            may_write=lambda: all(item.may_send() for item in items),
        )
        single = action.batch.of.name
        if single in self._kinds:
            return await creates.send_many(exchange, self._kinds[single], items)
        if single == "upsert_contact":
            return await upserts.upsert(exchange, items)
        return await changes.send_many(exchange, items)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """Look whether an earlier attempt landed. It reads only, so a token that ended is renewed."""
        exchange = self._wire.begin(attempt.timeout, renew=True)
        if action.name in self._kinds:
            return await creates.probe(exchange, self._kinds[action.name], attempt)
        return await changes.probe(exchange, Change.of(attempt))

    async def check(self) -> list[str]:
        """Log in and see whether the portal has the properties that the settings name.

        Returns:
            Problems, a sentence each; empty if there are none.

        Raises:
            IntegrationError: HubSpot cannot be reached, or does not let us in.
        """
        return await check.problems(self._wire.begin(_CHECK_TIMEOUT, renew=True), self._settings)

    async def close(self) -> None:
        """Release connections."""
        await self._wire.close()
