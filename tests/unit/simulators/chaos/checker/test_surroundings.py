"""Neighbours and secrets, held against hand-made histories."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest

from seawall.simulators.chaos.checker import check
from seawall.simulators.chaos.entries import Asked, Entry, Event, Setting, SystemFacts, Told, Wire
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.verdicts import Invariant

SECRET = 'p<4>s"s wörd/+'
SETTING = Setting(
    name="toy",
    seed=0,
    plan={},
    systems={name: SystemFacts({}, 4, 0.1, 10.0) for name in ("crm", "erp")},
    canaries=(SECRET,),
)
STRUCK = Wire(1.0, "crm", "create", "write", "f", "after_commit", "reset")


def broken(*entries: Entry) -> tuple[Invariant, ...]:
    return check(History(SETTING, list(entries)), {}).broken


def asked(at: float, call: int, system: str = "erp") -> Asked:
    return Asked(at, call, f"c{call}", system, "get", "", "d", 30.0)


def refused(at: float, call: int, error: str, text: str = "") -> Told:
    return Told(at, call, "rejected", "none", error=error, text=text)


@pytest.mark.parametrize("error", ["CircuitOpen", "BulkheadFull", "RateLimited"])
def test_call_that_is_held_back_by_the_fault_of_a_neighbour_is_caught(error: str) -> None:
    assert broken(STRUCK, asked(2, 1), refused(2, 1, error)) == (Invariant.ISOLATION,)


@pytest.mark.parametrize(("error", "green"), [("BulkheadFull", True), ("RateLimited", True), ("CircuitOpen", False)])
def test_call_that_its_own_systems_load_holds_back_is_no_finding(error: str, green: bool) -> None:
    other = Told(3, 1, "applied", "applied")
    found = broken(STRUCK, asked(2, 1), asked(2, 2), refused(2, 2, error), other)
    assert found == (() if green else (Invariant.ISOLATION,))


def test_call_of_a_neighbour_is_no_company() -> None:
    entries = (STRUCK, asked(2, 1, "crm"), asked(2, 2), refused(2, 2, "BulkheadFull"))
    assert broken(*entries) == (Invariant.ISOLATION,)


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET, safe=""),
        html.escape(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
    ],
    ids=["plain", "JSON", "JSON with letters", "URL", "HTML", "base64"],
)
def test_secret_is_found_however_it_is_written(written: str) -> None:
    entries = (asked(1, 1), refused(2, 1, "Refused", f"the target said: {written}"))
    assert broken(*entries) == (Invariant.NO_SECRETS,)


def test_text_that_is_no_secret_is_left_alone() -> None:
    assert broken(asked(1, 1), refused(2, 1, "Refused", "the target said: no")) == ()


def test_call_that_is_never_answered_is_caught_once_all_is_settled() -> None:
    assert broken(asked(1, 1)) == ()
    assert broken(asked(1, 1), Event(9, "settled")) == (Invariant.DEADLINE,)
