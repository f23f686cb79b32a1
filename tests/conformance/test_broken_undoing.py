"""The kit on trial: an action that is undone as it should be, and undoings that restore something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
_GET_STOCK: Mapping[str, Any] = {
    "description": "Reads what is in stock.",
    "effect": "read",
    "parameters": {"sku": "text"},
    "returns": {"sku": "text", "on_hand": "integer"},
    "statements": [{"sql": "SELECT sku, on_hand FROM stock WHERE sku = :sku"}],
}
_DELETE: Mapping[str, Any] = {
    "description": "Takes a row out of the stock.",
    "effect": "delete",
    "parameters": {"sku": "text", "on_hand": "integer"},
    "identity": ["sku"],
    "statements": [{"sql": "DELETE FROM stock WHERE sku = :sku AND on_hand = :on_hand"}],
    "compensation": {"by": "enter_stock", "request": {"sku": "request.sku", "on_hand": "request.on_hand"}},
}
_ENTER: Mapping[str, Any] = {
    "description": "Enters a row into the stock.",
    "effect": "create",
    "parameters": {"sku": "text", "on_hand": "integer"},
    "identity": ["sku"],
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


class TakenOut(Undone):
    """Deletes the order for the sake of its status."""

    back = f"DELETE FROM orders {_WHERE} AND :status <> ''"


class OtherRecord(Undone):
    """Sets it back for the neighbour, too."""

    back = "UPDATE orders SET status = :status, version = version + 1 WHERE order_no IN (:order_no, 'O0040')"


class Untold(Undone):
    """Nobody says what a record holds."""

    def stored(self, target: sql.LegacyTarget, action: str, record: str) -> Mapping[str, Any]:
        return {}


class NothingNamed(Undone):
    """The sample names nothing that is written."""

    def samples(self, target: sql.LegacyTarget) -> Mapping[str, Sampler]:
        return {"set_status": lambda n: _with(_sample(n), content={}, beside=None)}


class NoRecordNamed(Undone):
    """The sample names no record."""

    def samples(self, target: sql.LegacyTarget) -> Mapping[str, Sampler]:
        return {"set_status": lambda n: _with(_sample(n), where={"status": f"S{n % 10}"})}


class Deleted(sql.LegacySubject):
    """A row of the stock, deleted and entered again."""

    back: str = "INSERT INTO stock (sku, on_hand) VALUES (:sku, :on_hand)"

    def samples(self, target: sql.LegacyTarget) -> Mapping[str, Sampler]:
        return {"delete_stock": _delete}

    def stored(self, target: sql.LegacyTarget, action: str, record: str) -> Mapping[str, Any]:
        return target.database.read("stock", record) or {}


class EnteredEmpty(Deleted):
    """Enters it again, with nothing in it."""

    back = "INSERT INTO stock (sku, on_hand) VALUES (:sku, :on_hand * 0)"


def _sample(n: int) -> Sample:
    order, status = f"O{n:04d}", f"S{n % 10}"

    def then(seen: Any) -> Any:
        return {"order_no": order, "version": seen.version, "status": status, "was": seen.status}

    wanted = Wanted("orders", ("update",), {"id": order, "status": status}, {"status": status}, ("version",))
    return Sample(None, (wanted,), after_reading=Reading("get_order", {"order_no": order}, then))


def _with(sample: Sample, **changes: Any) -> Sample:
    return replace(sample, wanted=(replace(sample.wanted[0], **changes),))


def _delete(n: int) -> Sample:
    sku = f"SKU-{n:03d}"

    def then(seen: Any) -> Any:
        return {"sku": sku, "on_hand": seen.on_hand}

    return Sample(
        None, (Wanted("stock", ("delete",), {"id": sku}),), after_reading=Reading("get_stock", {"sku": sku}, then)
    )


@cache
def trial(subject: type[sql.LegacySubject]) -> Trial:
    return Trial(subject())


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    subject: type[Undone | Deleted] = request.getfixturevalue("subject")
    rows = "any" if subject is OtherRecord else 1
    statements = [{"sql": subject.back, "rows": rows}]
    orders = {"get_order": _GET, "set_status": _SET, "set_back": {**_SET_BACK, "statements": statements}}
    stock = {"get_stock": _GET_STOCK, "delete_stock": _DELETE, "enter_stock": {**_ENTER, "statements": statements}}
    monkeypatch.setattr(sql, "_ACTIONS", stock if issubclass(subject, Deleted) else orders)


BROKEN: Sequence[tuple[type[Undone | Deleted], str, str]] = (
    (OtherValue, "set_status-content", "status is 'XX': before it was done it was"),
    (OtherField, "set_status-content", "note is 'undone': before it was done it was None"),
    (OtherRecord, "set_status-restores", "the undoing made an update of O0040"),
    (TakenOut, "set_status-content", "was undone, and O0001 is not there"),
    (EnteredEmpty, "delete_stock-content", "on_hand is 0: before it was done it was 1000"),
)


@pytest.mark.parametrize(("subject", "case", "says"), BROKEN, ids=[one[0].__name__ for one in BROKEN])
def test_an_undoing_that_restores_something_else_fails(subject: type[Undone | Deleted], case: str, says: str) -> None:
    result = tried(trial(subject), "compensation", case)
    assert (result.state, says in result.reason) == ("failed", True), result.reason


@pytest.mark.parametrize(("subject", "name"), [(Undone, "set_status"), (Deleted, "delete_stock")])
@pytest.mark.parametrize("how", ["restores", "reply_lost", "waits_for_horizon", "content"])
def test_an_undoing_that_restores_what_was_there_passes(subject: type[Undone | Deleted], name: str, how: str) -> None:
    result = tried(trial(subject), "compensation", f"{name}-{how}")
    assert result.state == "done", result.reason


@pytest.mark.parametrize(
    ("subject", "state", "says"),
    [
        (Untold, "todo", "write the subject's `stored`"),
        (NothingNamed, "todo", "name in `content` or `beside`"),
        (NoRecordNamed, "exempt", "names no record"),
    ],
)
def test_what_nobody_can_compare_is_not_proven(subject: type[Undone], state: str, says: str) -> None:
    result = tried(trial(subject), "compensation", "set_status-content")
    assert (result.state, says in result.reason) == (state, True), result.reason
