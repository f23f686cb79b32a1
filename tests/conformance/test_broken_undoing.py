"""The kit on trial: an action that is undone as it should be, and undoings that restore something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from support.planted import tried

from seawall.simulators.chaos.entries import Wanted
from seawall.simulators.chaos.subject import Reading, Sample, Sampler
from seawall.simulators.chaos.subjects import sql
from seawall.simulators.conformance.trial import Trial

_WHERE = "WHERE order_no = :order_no"
_GET: Mapping[str, Any] = {
    "description": "Reads an order.",
    "effect": "read",
    "parameters": {"order_no": "text"},
    "returns": {"order_no": "text", "status": "text", "version": "integer"},
    "statements": [{"sql": f"SELECT order_no, status, version FROM orders {_WHERE}"}],
}
_SET: Mapping[str, Any] = {
    "description": "Sets the status of an order that was read.",
    "effect": "set",
    "parameters": {"order_no": "text", "version": "integer", "status": "text", "was": "text"},
    "identity": ["order_no", "version"],
    "version": "version",
    "entity": "order_no",
    "statements": [
        {"sql": f"UPDATE orders SET status = :status, version = version + 1 {_WHERE} AND version = :version"}
    ],
    "compensation": {
        "by": "set_back",
        "request": {"order_no": "request.order_no", "version": "request.version", "status": "request.was"},
    },
}
_SET_BACK: Mapping[str, Any] = {
    "description": "Sets the status of an order back.",
    "effect": "set",
    "parameters": {"order_no": "text", "version": "integer", "status": "text"},
    "identity": ["order_no", "version"],
    "version": "version",
    "entity": "order_no",
}


class Undone(sql.LegacySubject):
    """An order's status, set and set back."""

    back: str = f"UPDATE orders SET status = :status, version = version + 1 {_WHERE}"

    def samples(self, target: sql.LegacyTarget) -> Mapping[str, Sampler]:
        return {"set_status": _sample}


class OtherValue(Undone):
    """Sets it to what it takes for the usual."""

    back = f"UPDATE orders SET status = 'XX', version = version + 1 {_WHERE} AND :status <> ''"


class OtherField(Undone):
    """Sets it back, and clears what somebody had written beside it."""

    back = f"UPDATE orders SET status = :status, note = 'undone', version = version + 1 {_WHERE}"


class OtherRecord(Undone):
    """Sets it back for the neighbour, too."""

    back = "UPDATE orders SET status = :status, version = version + 1 WHERE order_no IN (:order_no, 'O0040')"


class Untold(Undone):
    """Nobody says what a record holds."""

    def stored(self, target: sql.LegacyTarget, action: str, record: str) -> Mapping[str, Any]:
        return {}


def _sample(n: int) -> Sample:
    order, status = f"O{n:04d}", f"S{n % 10}"

    def then(seen: Any) -> Any:
        return {"order_no": order, "version": seen.version, "status": status, "was": seen.status}

    wanted = Wanted("orders", ("update",), {"id": order, "status": status}, {"status": status}, ("version",))
    return Sample(None, (wanted,), after_reading=Reading("get_order", {"order_no": order}, then))


@cache
def trial(subject: type[Undone]) -> Trial:
    return Trial(subject())


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    subject: type[Undone] = request.getfixturevalue("subject")
    rows = "any" if subject is OtherRecord else 1
    back = {**_SET_BACK, "statements": [{"sql": subject.back, "rows": rows}]}
    monkeypatch.setattr(sql, "_ACTIONS", {"get_order": _GET, "set_status": _SET, "set_back": back})


BROKEN: Sequence[tuple[type[Undone], str, str]] = (
    (OtherValue, "set_status-content", "status is 'XX': before it was done it was"),
    (OtherField, "set_status-content", "note is 'undone': before it was done it was None"),
    (OtherRecord, "set_status-restores", "the undoing made an update of O0040"),
)


@pytest.mark.parametrize(("subject", "case", "says"), BROKEN, ids=[one[0].__name__ for one in BROKEN])
def test_an_undoing_that_restores_something_else_fails(subject: type[Undone], case: str, says: str) -> None:
    result = tried(trial(subject), "compensation", case)
    assert (result.state, says in result.reason) == ("failed", True), result.reason


@pytest.mark.parametrize("subject", [Undone])
@pytest.mark.parametrize("how", ["restores", "reply_lost", "waits_for_horizon", "content"])
def test_an_undoing_that_restores_what_was_there_passes(subject: type[Undone], how: str) -> None:
    result = tried(trial(subject), "compensation", f"set_status-{how}")
    assert result.state == "done", result.reason


@pytest.mark.parametrize("subject", [Untold])
def test_what_nobody_can_say_is_exempt_and_not_proven(subject: type[Undone]) -> None:
    result = tried(trial(subject), "compensation", "set_status-content")
    assert (result.state, "does not say what a record holds" in result.reason) == ("exempt", True)
