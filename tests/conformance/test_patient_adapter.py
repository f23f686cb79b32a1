"""The kit accuses nobody who works in another way: who takes his time, learns once, or names no record is as sound."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from support.planted import Passing, planted, tried

from seawall.connectors.salesforce import models
from seawall.core.adapter import Action, Attempt, Finding, Sent
from seawall.simulators.chaos.subject import Subject
from seawall.simulators.chaos.subjects.hubspot import HubSpotSubject
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject, SalesforceSubject


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


class LearnsOnce(Passing):
    """Reads something before its first probe, and knows it from then on."""

    knows = False

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        if not self.knows:
            first = models.Query(soql="SELECT Id FROM Case LIMIT 1")
            await self.inner.send(self.actions["query"], Attempt("op_first", "first", first))
            self.knows = True
        return await super().probe(action, attempt)


class NamesNoRecord(Passing):
    """Has no record in its receipts."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        return replace(await super().send(action, attempt), record=None)


@pytest.mark.parametrize("subject", [SalesforceMarkerSubject, HubSpotSubject])
@pytest.mark.parametrize("adapter", [Patient, MorePatient])
def test_half_open_the_breaker_lets_a_patient_adapter_through(subject: type[Subject], adapter: type[Patient]) -> None:
    result = tried(planted(subject, adapter), "breaker", "half_open")
    assert result.state == "done", result.reason


@pytest.mark.parametrize(
    ("adapter", "case"),
    [
        (LearnsOnce, "create_case-read_unanswered"),
        (LearnsOnce, "create_case-read_spoilt"),
        (NamesNoRecord, "create_case-deleted_by_others"),
        (NamesNoRecord, "create_case-changed_since"),
    ],
)
def test_probe_of_an_adapter_that_learns_once_or_names_no_record_is_honest(adapter: type[Passing], case: str) -> None:
    result = tried(planted(SalesforceSubject, adapter), "probe_honesty", case)
    assert result.state == "done", result.reason
