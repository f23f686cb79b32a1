"""The kit accuses nobody who takes his time: an adapter that keeps a rate of its own is as sound as before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.planted import Passing, planted, tried

from seawall.core.adapter import Action, Attempt, Finding, Sent
from seawall.simulators.chaos.subject import Subject
from seawall.simulators.chaos.subjects.hubspot import HubSpotSubject
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject


class Patient(Passing):
    """Waits before each request."""

    waits = 1.0  # seconds

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        await asyncio.sleep(self.waits)
        return await super().send(action, attempt)

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        await asyncio.sleep(self.waits)
        return await super().probe(action, attempt)


class MorePatient(Patient):
    waits = 2.5


@pytest.mark.parametrize("subject", [SalesforceMarkerSubject, HubSpotSubject])
@pytest.mark.parametrize("adapter", [Patient, MorePatient])
def test_half_open_the_breaker_lets_a_patient_adapter_through(subject: type[Subject], adapter: type[Patient]) -> None:
    result = tried(planted(subject, adapter), "breaker", "half_open")
    assert result.state == "done", result.reason
