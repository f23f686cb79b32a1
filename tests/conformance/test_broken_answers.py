"""The kit on trial: what two requests at once are answered, by adapters that mix it up and by one that does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.planted import Passing, planted, tried

from seawall.core.adapter import Action, Attempt, ItemResult, Sent
from seawall.simulators.chaos.entries import Wanted
from seawall.simulators.chaos.subject import Sample, Sampler
from seawall.simulators.chaos.subjects import sql
from seawall.simulators.chaos.subjects.salesforce import SalesforceMarkerSubject
from seawall.simulators.conformance.trial import Trial

_ORDER = "O0001"
_LIST: Mapping[str, Any] = {
    "description": "Reads an order's history.",
    "effect": "read",
    "parameters": {"order_no": "text"},
    "returns": {"entry_no": "integer", "what": "text"},
    "rows": True,
    "statements": [{"sql": "SELECT entry_no, what FROM order_history WHERE order_no = :order_no", "rows": "any"}],
}
_ADD: Mapping[str, Any] = {
    "description": "Enters something into an order's history.",
    "effect": "create",
    "parameters": {"reference": "text", "order_no": "text", "what": "text"},
    "identity": ["reference"],
    "statements": [
        {"sql": "INSERT INTO order_history (order_no, what, entered_by) VALUES (:order_no, :what, 'agent')"}
    ],
}


class LastValue(Passing):
    """Keeps on itself the value that it was answered last, and tells the record that it belongs to."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        sent = await super().send(action, attempt)
        if action.name != "create_case":
            return sent
        self.last = sent.value
        await asyncio.sleep(0)
        return replace(sent, value=self.last)

    async def send_batch(self, action: Action, request: Any, items: Sequence[Attempt]) -> Sequence[ItemResult]:
        answers = await super().send_batch(action, request, items)
        self.last_batch = [one.value if isinstance(one, Sent) else None for one in answers]
        await asyncio.sleep(0)
        return [
            replace(one, value=value) if isinstance(one, Sent) else one
            for one, value in zip(answers, self.last_batch, strict=True)
        ]


class LastAnswer(Passing):
    """Keeps on itself what it answered last, whatever was asked."""

    async def send(self, action: Action, attempt: Attempt) -> Sent[Any]:
        sent = await super().send(action, attempt)
        self.last = sent
        await asyncio.sleep(0)
        return sent if action.writes else self.last


class Listed(sql.LegacySubject):
    """An order's history, which is read as something is entered into it."""

    def samples(self, target: sql.LegacyTarget) -> Mapping[str, Sampler]:
        return {"list_entries": lambda _: Sample({"order_no": _ORDER}), "add_entry": _added}


def _added(n: int) -> Sample:
    fields = {"reference": f"call-{n}", "order_no": _ORDER, "what": f"T{n}"}
    return Sample(fields, (Wanted("order_history", ("insert",), {"what": f"T{n}"}, {"what": f"T{n}"}),))


@pytest.mark.parametrize("name", ["create_case", "create_cases"])
def test_the_value_of_the_other_request_is_no_answer(name: str) -> None:
    result = tried(planted(SalesforceMarkerSubject, LastValue), "side_by_side", f"{name}-at_once")
    assert (result.state, "which is that of the other request: its own is" in result.reason) == ("failed", True), (
        result.reason
    )


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> type[Listed]:
    monkeypatch.setattr(sql, "_ACTIONS", {"list_entries": _LIST, "add_entry": _ADD})
    return Listed


def test_what_a_write_changes_may_read_otherwise_after_it(listed: type[Listed]) -> None:
    result = tried(Trial(listed()), "side_by_side", "list_entries-beside-add_entry")
    assert result.state == "done", result.reason


def test_a_read_that_answers_what_a_write_did_fails(listed: type[Listed]) -> None:
    result = tried(planted(listed, LastAnswer), "side_by_side", "list_entries-beside-add_entry")
    assert (result.state, "beside another request" in result.reason) == ("failed", True), result.reason
