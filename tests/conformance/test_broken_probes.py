"""The kit on trial: probes that are broken on purpose, each of which fails the case that names its fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from support.planted import Passing, planted, tried

from seawall.connectors.salesforce import models
from seawall.core.adapter import Absent, Action, Attempt, CannotTell, Finding, Present
from seawall.core.errors import (
    ConnectFailed,
    ConnectionLost,
    ContractBroken,
    GatewayError,
    IntegrationError,
    ReplyTimeout,
    Unauthenticated,
    UnreadableReply,
)
from seawall.simulators.chaos.subject import Subject
from seawall.simulators.chaos.subjects.hubspot import HubSpotSubject
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject, SalesforceSubject
from seawall.simulators.conformance.trial import Trial

_STRANGE = "500000000000001AAA"


class OtherRecord(Passing):
    """Names a record that is not ours."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await super().probe(action, attempt)
        return replace(found, record=_STRANGE) if isinstance(found, Present) else found


class MadeUpReply(Passing):
    """Makes a reply of its own."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await super().probe(action, attempt)
        return replace(found, value=models.CaseCreated(case_id=_STRANGE)) if isinstance(found, Present) else found


class ContentUnseen(Passing):
    """Finds our key, and does not look at what else is there."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await super().probe(action, attempt)
        return replace(found, differs=()) if isinstance(found, Present) else found


class DifferenceExplainedAway(Passing):
    """Says of every difference that it came later."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await super().probe(action, attempt)
        return replace(found, superseded=True) if isinstance(found, Present) else found


class AnyChangeIsOurs(Passing):
    """Takes every change of the record for the one that was sent."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await super().probe(action, attempt)
        if action.name == "update_case" and isinstance(found, CannotTell):
            case_id = attempt.request.model_dump()["case_id"]
            return Present(models.CaseUpdated(case_id=case_id), case_id)
        return found


class OtherContentIsAbsence(Passing):
    """Takes a record that is not as asked for for one that was never written."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        found = await super().probe(action, attempt)
        return Absent() if isinstance(found, CannotTell) else found


class TroubleIsAbsence(Passing):
    """Takes some trouble for an empty result."""

    trouble: tuple[type[IntegrationError], ...]

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        try:
            return await super().probe(action, attempt)
        except self.trouble:
            return Absent()


class PageIsAbsence(TroubleIsAbsence):
    """An error page holds no records."""

    trouble = (GatewayError, UnreadableReply)


class SilenceIsAbsence(TroubleIsAbsence):
    """Who does not answer has nothing."""

    trouble = (ReplyTimeout, ConnectionLost, ConnectFailed)


class NoLoginIsAbsence(TroubleIsAbsence):
    """Who may not look sees nothing."""

    trouble = (Unauthenticated, GatewayError)


class PageIsProof(Passing):
    """Status 200 is as good as the record."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        try:
            return await super().probe(action, attempt)
        except UnreadableReply:
            return Present(models.CaseCreated(case_id=_STRANGE))


class UnreadFieldDiffers(Passing):
    """A field of another type holds other content."""

    async def probe(self, action: Action, attempt: Attempt) -> Finding:
        try:
            return await super().probe(action, attempt)
        except ContractBroken:
            return Present(None, differs=("public",))


FAULTS: Sequence[tuple[type[Passing], type[Subject], str, str]] = (
    (OtherRecord, SalesforceMarkerSubject, "create_case-fresh", f"finds record {_STRANGE}, and ours is"),
    (OtherRecord, SalesforceMarkerSubject, "update_case-fresh", f"finds record {_STRANGE}, and ours is"),
    (MadeUpReply, SalesforceMarkerSubject, "create_case-fresh", "the reply that the probe makes says case_id="),
    (ContentUnseen, SalesforceMarkerSubject, "create_case-other_content", "takes other content for what was asked for"),
    (ContentUnseen, SalesforceSubject, "create_case-other_content", "takes other content for what was asked for"),
    (ContentUnseen, SalesforceSubject, "add_case_comment-other_content", "takes other content for what was asked for"),
    (ContentUnseen, SalesforceMarkerSubject, "update_case-other_content", "takes other content for what was asked for"),
    (ContentUnseen, HubSpotSubject, "create_contact-other_content", "takes other content for what was asked for"),
    (DifferenceExplainedAway, SalesforceSubject, "create_case-other_content", "takes other content for what"),
    (AnyChangeIsOurs, SalesforceSubject, "update_case-changed_by_others", "somebody else changed for ours"),
    (OtherContentIsAbsence, SalesforceSubject, "update_case-changed_since", "says absent after others have changed"),
    (PageIsAbsence, SalesforceMarkerSubject, "create_case-read_refused", "says absent under"),
    (PageIsAbsence, SalesforceMarkerSubject, "update_case-read_spoilt", "says absent under"),
    (SilenceIsAbsence, SalesforceMarkerSubject, "create_case-read_unanswered", "says absent under"),
    (NoLoginIsAbsence, SalesforceMarkerSubject, "create_case-login", "says absent under"),
    (PageIsProof, SalesforceMarkerSubject, "create_case-read_spoilt", "finds what was never sent, under"),
    (UnreadFieldDiffers, SalesforceMarkerSubject, "add_case_comment-read_spoilt", "says that the content differs"),
)
named = pytest.mark.parametrize(
    ("adapter", "subject", "case", "says"), FAULTS, ids=[f"{one[0].__name__}-{one[2]}" for one in FAULTS]
)


@cache
def sound(subject: type[Subject]) -> Trial:
    return planted(subject)


@named
def test_broken_probe_fails_the_case_that_names_its_fault(
    adapter: type[Passing], subject: type[Subject], case: str, says: str
) -> None:
    result = tried(planted(subject, adapter), "probe_honesty", case)
    assert (result.state, says in result.reason) == ("failed", True), result.reason


@named
def test_the_same_probe_without_its_fault_passes_that_case(
    adapter: type[Passing], subject: type[Subject], case: str, says: str
) -> None:
    result = tried(sound(subject), "probe_honesty", case)
    assert result.state == "done", result.reason
