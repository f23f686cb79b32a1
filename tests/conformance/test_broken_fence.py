"""The kit on trial: adapters that ask whether they may send, and ask too early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from support.planted import Passing, planted, tried

from seawall.core.adapter import Action, Attempt, ItemResult, Sent
from seawall.core.errors import GatewayError, IntegrationError, NotSent
from seawall.simulators.chaos.subject import Subject
from seawall.simulators.chaos.subjects.hubspot import HubSpotSubject
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject
from seawall.simulators.chaos.subjects.sql import LegacySubject
from seawall.simulators.conformance.trial import Trial


def _asked(attempt: Attempt) -> Attempt:
    if not attempt.may_send():
        raise NotSent("another process took it over", transient=True)
    return replace(attempt, may_send=lambda: True)


class AsksFirst(Passing):
    """Asks before it logs in, and then no more."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        return await super().send(action, _asked(attempt) if action.writes else attempt)

    async def send_batch(self, action: Action, request: Any, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        return await super().send_batch(action, request, [_asked(item) for item in items])


class AsksOnce(Passing):
    """Asks right before it sends, and remembers the answer."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        return await super().send(action, replace(attempt, may_send=cache(attempt.may_send)))


class Doubtful(Passing):
    """Says of every refusal that it may have happened, which is careful."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await super().send(action, attempt)
        except IntegrationError as error:
            raise GatewayError(error.message) from None


BROKEN: Sequence[tuple[type[Passing], type[Subject], str]] = (
    (AsksFirst, SalesforceMarkerSubject, "create_case-lost_before"),
    (AsksFirst, SalesforceMarkerSubject, "create_cases-lost_before"),
    (AsksFirst, HubSpotSubject, "update_contact-lost_before"),
    (AsksFirst, LegacySubject, "add_entry-lost_before"),
    (AsksOnce, SalesforceMarkerSubject, "create_case-lost_between"),
)
named = pytest.mark.parametrize(("adapter", "subject", "case"), BROKEN, ids=[f"{a.__name__}-{c}" for a, _, c in BROKEN])


@cache
def sound(subject: type[Subject]) -> Trial:
    return planted(subject)


@named
def test_an_adapter_that_asks_too_early_fails(adapter: type[Passing], subject: type[Subject], case: str) -> None:
    trial = planted(subject, adapter)
    result = tried(trial, "fence", case)
    assert (result.state, "was sent after another process had taken it over" in result.reason) == ("failed", True), (
        result.reason
    )
    assert tried(trial, "fence", case.partition("-")[0]).state == "done"  # that it asks at all


@named
def test_the_same_adapter_that_asks_in_time_passes(adapter: type[Passing], subject: type[Subject], case: str) -> None:
    result = tried(sound(subject), "fence", case)
    assert result.state == "done", result.reason


def test_a_refusal_that_is_called_doubtful_is_no_breach_of_the_fence() -> None:
    result = tried(planted(SalesforceMarkerSubject, Doubtful), "fence", "create_case-lost_between")
    assert result.state == "done", result.reason
