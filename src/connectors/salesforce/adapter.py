"""Salesforce behind the adapter interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from ...core.adapter import Action, Adapter, Attempt, Finding, ItemResult, Sent, Surroundings
from ...core.errors import BusinessRule, Conflict
from .._http import HttpClient, Transport
from . import changes, check, creates, models, reads
from .actions import declare
from .changes import Change
from .kinds import kinds
from .limits import EXAMPLES, LIMITS
from .settings import SalesforceSettings
from .wire import Exchange, Wire

_CHECK_TIMEOUT = 30.0


class SalesforceAdapter(Adapter):
    """Cases, comments, follow-ups, queries and flows of one Salesforce org, over its REST API.

    Args:
        settings: The connector's settings.
        surroundings: Clock, randomness and ids, and where secrets are registered.
        transport: Carries the requests instead of the network.
    """

    kind: ClassVar[str] = "salesforce"
    version: ClassVar[str] = "1"
    settings_model = SalesforceSettings
    examples = EXAMPLES
    limits = LIMITS

    def __init__(
        self, settings: SalesforceSettings, surroundings: Surroundings, *, transport: Transport | None = None
    ) -> None:
        http = HttpClient.of(settings, surroundings.secrets, transport)
        self._settings = settings
        self._surroundings = surroundings
        self._wire = Wire(settings, surroundings, http)
        self._actions = declare(settings)
        self._kinds = kinds(settings)

    @classmethod
    def open(
        cls, settings: Any, surroundings: Surroundings, *, transport: Transport | None = None
    ) -> SalesforceAdapter:
        """Make one from `SalesforceSettings`. Connects to nothing yet."""
        return cls(settings, surroundings, transport=transport)

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name, as true for this org's settings."""
        return self._actions

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        """Do it once on the wire. An expired session is renewed, but never once an attempt may have landed."""
        exchange = self._wire.begin(attempt.timeout, relogin=not attempt.maybe_applied, may_write=attempt.may_send)
        request = attempt.request
        if action.name in self._kinds:
            return await creates.send(exchange, self._kinds[action.name], attempt)
        if isinstance(request, models.UpdateCase | models.CloseCase):
            change = Change.of(attempt, self._settings)
            return await changes.send(exchange, change, self._surroundings.sources.clock)
        if isinstance(request, models.TriggerWorkflow):
            return await _trigger(exchange, request)
        return await reads.read(exchange, request)

    async def send_batch(self, action: Action, request: BaseModel, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        """Create many cases in one call."""
        assert isinstance(request, models.CreateCases)
        assert action.batch is not None
        doubtful = any(item.maybe_applied for item in items)
        exchange = self._wire.begin(
            min(item.timeout for item in items),
            relogin=not doubtful,
            may_write=lambda: all(item.may_send() for item in items),
        )
        kind = self._kinds[action.batch.of.name]
        return await creates.send_many(exchange, kind, items, all_or_none=request.all_or_none)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        """Look whether an earlier attempt landed. It reads only, so an expired session is renewed."""
        exchange = self._wire.begin(attempt.timeout, relogin=True)
        if action.name in self._kinds:
            return await creates.probe(exchange, self._kinds[action.name], attempt)
        return await changes.probe(exchange, Change.of(attempt, self._settings))

    async def check(self) -> list[str]:
        """Log in and see whether the org has the fields that the settings name.

        Returns:
            Problems, a sentence each; empty if there are none.

        Raises:
            IntegrationError: The org cannot be reached, or does not let us in.
        """
        return await check.problems(self._wire.begin(_CHECK_TIMEOUT, relogin=True), self._settings)

    async def close(self) -> None:
        """Release connections."""
        await self._wire.close()


async def _trigger(exchange: Exchange, request: models.TriggerWorkflow) -> Sent[Any]:
    try:
        outputs, errors = await exchange.run_flow(request.flow, request.inputs)
    except Conflict as error:
        # Final even for a lock error: what the flow did outside its transaction is not undone by its rollback.
        raise BusinessRule(f"the flow failed: {error.message}", code=error.code, evidence=error.evidence) from None
    if errors:
        message = "; ".join(error.message for error in errors)[:500]
        raise BusinessRule(f"the flow failed: {message}", code=errors[0].code)
    return Sent(models.WorkflowTriggered.model_validate({"outputs": outputs}))
