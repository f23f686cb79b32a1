"""The kit on trial: adapters that are cancelled, and say something that is not so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from support.planted import Passing, planted, tried

from seawall.core.adapter import Action, Attempt, ItemResult, Sent
from seawall.core.errors import Cancelled, IntegrationError, NotSent, Refused
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject


class Swallows(Passing):
    """Ends when it is cancelled, with an error of its own."""

    def ended(self) -> IntegrationError:
        raise NotImplementedError

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await super().send(action, attempt)
        except asyncio.CancelledError:
            raise self.ended() from None

    async def send_batch(self, action: Action, request: Any, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        try:
            return await super().send_batch(action, request, items)
        except asyncio.CancelledError:
            raise self.ended() from None


class SaysNotSent(Swallows):
    def ended(self) -> IntegrationError:
        return NotSent("the caller went away")


class SaysRefused(Swallows):
    def ended(self) -> IntegrationError:
        return Refused("the caller went away")


class SaysMaybe(Swallows):
    """Which is true."""

    def ended(self) -> IntegrationError:
        return Cancelled("the caller went away")


@pytest.mark.parametrize("adapter", [SaysNotSent, SaysRefused])
@pytest.mark.parametrize("case", ["create_case-attempt", "create_cases-attempt"])
def test_a_cancelled_attempt_that_denies_what_it_sent_fails(adapter: type[Swallows], case: str) -> None:
    result = tried(planted(SalesforceMarkerSubject, adapter), "cancellation", case)
    assert (result.state, "was cancelled, and says that there is no effect" in result.reason) == ("failed", True), (
        result.reason
    )


@pytest.mark.parametrize("case", ["create_case-attempt", "create_cases-attempt"])
def test_a_cancelled_attempt_that_leaves_it_open_passes(case: str) -> None:
    result = tried(planted(SalesforceMarkerSubject, SaysMaybe), "cancellation", case)
    assert result.state == "done", result.reason
