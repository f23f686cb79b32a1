"""The kit on trial: adapters that read the target's error codes as something else than they declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from support.planted import Passing, planted, tried

from seawall.core.action import Mapped
from seawall.core.adapter import Action, Attempt, ItemResult, Sent
from seawall.core.errors import BusinessRule, Conflict, NotFound, Throttled
from seawall.simulators.chaos.subject import Reading, Sample, Sampler, Subject
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject
from seawall.simulators.chaos.subjects.suitecrm import SuiteCrmSubject
from seawall.simulators.conformance.trial import Trial


class OtherClass(Passing):
    """Takes what is not there for what is not allowed."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await super().send(action, attempt)
        except NotFound as error:
            raise BusinessRule(error.message, code=error.code) from None


class CodeLost(Passing):
    """Does not tell the target's code."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        try:
            return await super().send(action, attempt)
        except NotFound as error:
            error.code = None
            raise


class OtherFact(Passing):
    """Declares that what is not there comes later, and does not say so."""

    @property
    def actions(self) -> Mapping[str, Action]:
        declared = Mapped(NotFound, transient=True)
        return {
            name: replace(action, errors={**action.errors, "NOT_FOUND": declared})
            for name, action in super().actions.items()
        }


class LockIsThrottle(Passing):
    """Declares a lock as something else than it is read as."""

    @property
    def actions(self) -> Mapping[str, Action]:
        declared = Mapped(Throttled)
        return {
            name: replace(action, errors={**action.errors, "UNABLE_TO_LOCK_ROW": declared})
            for name, action in super().actions.items()
        }


class ItemsOtherwise(Passing):
    """Reads the codes of a batch's items in its own way."""

    async def send_batch(self, action: Action, request: Any, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        return [
            Conflict(one.message, code=one.code) if isinstance(one, BusinessRule) else one
            for one in await super().send_batch(action, request, items)
        ]


BROKEN: Sequence[tuple[type[Passing], str, str]] = (
    (OtherClass, "get_case-code-NOT_FOUND", "declares NOT_FOUND as NotFound, and it comes as BusinessRule"),
    (OtherClass, "update_case-code-NOT_FOUND", "declares NOT_FOUND as NotFound, and it comes as BusinessRule"),
    (CodeLost, "update_case-code-NOT_FOUND", "refuses update_case with NOT_FOUND, and the adapter says NotFound []"),
    (OtherFact, "update_case-code-NOT_FOUND", "declares NOT_FOUND with transient=True, and it comes as False"),
    (LockIsThrottle, "codes", "declares UNABLE_TO_LOCK_ROW as Throttled, and it comes as Conflict"),
    (ItemsOtherwise, "codes", "as BusinessRule, and it comes as Conflict"),
)


@cache
def sound(subject: type[Subject]) -> Trial:
    return planted(subject)


@pytest.mark.parametrize(("adapter", "case", "says"), BROKEN, ids=[f"{one[0].__name__}-{one[1]}" for one in BROKEN])
def test_an_adapter_that_reads_a_code_otherwise_fails(adapter: type[Passing], case: str, says: str) -> None:
    result = tried(planted(SalesforceMarkerSubject, adapter), "error_map", case)
    assert (result.state, says in result.reason) == ("failed", True), result.reason


@pytest.mark.parametrize("case", sorted({case for _, case, _ in BROKEN}))
def test_the_same_adapter_without_its_fault_passes(case: str) -> None:
    result = tried(sound(SalesforceMarkerSubject), "error_map", case)
    assert result.state == "done", result.reason


def test_a_code_that_nothing_brings_about_is_named_in_the_report() -> None:
    result = tried(sound(SuiteCrmSubject), "error_map", "codes")
    assert (result.state, "declared, and never heard of the target: " in result.reason) == ("exempt", True)
    assert "access_denied" in result.reason
    assert "invalid_option" not in result.reason


class NoSuchAction(SalesforceMarkerSubject):
    """Has refusals of what the adapter does not have."""

    def refusals(self, target: Any) -> Mapping[str, Mapping[str, Sampler]]:
        return {"get_cse": super().refusals(target)["get_case"]}


class ReadsFirst(SalesforceMarkerSubject):
    """Makes the request that is refused from what it has read."""

    def refusals(self, target: Any) -> Mapping[str, Mapping[str, Sampler]]:
        refused = super().refusals(target)["update_case"]["NOT_FOUND"](1).request
        read = self.samples(target)["get_case"](1).request
        sample = Sample(None, after_reading=Reading("get_case", read, lambda _: refused))
        return {"update_case": {"NOT_FOUND": lambda _: sample}}


def test_refusals_of_an_action_that_is_not_there_are_named() -> None:
    result = tried(Trial(NoSuchAction()), "error_map", "get_cse-code-NOT_FOUND")
    assert (result.state, "refusals of get_cse, which the adapter does not" in result.reason) == ("failed", True)


def test_a_request_that_is_refused_may_be_made_from_what_was_read() -> None:
    result = tried(Trial(ReadsFirst()), "error_map", "update_case-code-NOT_FOUND")
    assert result.state == "done", result.reason
