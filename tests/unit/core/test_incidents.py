"""Open operations grouped into incidents: one outage is one thing to see to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.rows import operation

from seawall.core.errors import (
    CommitUnknown,
    ConnectionLost,
    ContractBroken,
    GatewayError,
    IntegrationError,
    ReplyTimeout,
)
from seawall.core.incidents import incidents
from seawall.core.ledger.records import Operation, Status

NOW = 1_700_000_000.0


def unknown(number: int, error: IntegrationError, **changes: Any) -> Operation:
    fields = {"created_at": NOW - 100 + number, "sent_at": NOW - 100 + number, "updated_at": NOW - 50 + number}
    fields |= {"next_check_at": NOW + 10}
    return operation(Status.UNKNOWN, id=f"op_{number}", error=json.dumps(error.to_record()), **{**fields, **changes})


def parked(number: int, reason: str, **changes: Any) -> Operation:
    return operation(Status.PARKED, id=f"op_{number}", parked_because=reason, **changes)


def test_one_outage_that_shows_in_many_ways_is_one_incident() -> None:
    errors = [
        ReplyTimeout("no answer within 5.0 s", code="timeout"),
        ConnectionLost("reset by peer", code="reset"),
        GatewayError("bad gateway", code="502"),
    ]
    rows = [unknown(number, errors[number % 3], principal=f"agent:{number % 7}") for number in range(10_000)]
    (found,) = incidents(rows, NOW)
    assert (found.system, found.kind, found.total) == ("crm", "no_answer", 10_000)
    assert found.counts == {Status.UNKNOWN: 10_000}
    assert found.principals == tuple(f"agent:{number}" for number in range(7))
    assert (found.first_seen, found.last_seen) == (NOW - 100, NOW - 50 + 9_999)
    assert found.operations[:2] == ("op_0", "op_1")


def test_systems_and_causes_are_kept_apart() -> None:
    rows = [
        unknown(1, ReplyTimeout("no answer")),
        unknown(2, ReplyTimeout("no answer"), system="billing"),
        unknown(3, CommitUnknown("gone", code="holder_gone")),
        unknown(4, ContractBroken("what?", code="reply")),
        parked(5, "the policy no longer allows it (for agent:1), so it is not sent again"),
    ]
    found = incidents(rows, NOW)
    assert {(one.system, one.kind) for one in found} == {
        ("crm", "no_answer"), ("billing", "no_answer"), ("crm", "holder_gone"), ("crm", "unclear"), ("crm", "parked"),
    }  # fmt: skip
    assert len({one.id for one in found}) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "duplicate: 2 records carry this operation's key (a, b)",
            "duplicate: 3 records carry this operation's key (c)",
        ),
        ("50 looks did not settle it; last: a timeout", "9 looks did not settle it; last: the page is garbled"),
        ("its process ended 3 times while it was held: it may be", "its process ended 4 times while it was held: it"),
        ("crm no longer has an action 'fly'", "crm no longer has an action 'swim'"),
    ],
)
def test_what_was_parked_for_one_reason_is_one_incident_whatever_its_details(one: str, other: str) -> None:
    (found,) = incidents([parked(1, one), parked(2, other)], NOW)
    assert (found.total, found.kind) == (2, "parked")
    assert "waits for a person" in found.next_step
    assert any("ops resolve" in line for line in found.advice)


def test_id_of_an_incident_stays_the_same_while_operations_come_and_go() -> None:
    (before,) = incidents([unknown(1, ReplyTimeout("no answer"))], NOW)
    (after,) = incidents([unknown(2, GatewayError("503"))], NOW + 1000)
    assert before.id == after.id
    assert before.id.startswith("inc_")


def test_settled_operations_and_those_whose_caller_still_waits_are_no_incident() -> None:
    rows = [operation(Status.APPLIED), operation(Status.REJECTED), operation(Status.RUNNING, deadline_at=NOW + 1)]
    assert incidents(rows, NOW) == []


def test_running_operation_whose_caller_has_gone_is_one_and_may_be_taken_up() -> None:
    (found,) = incidents([operation(Status.RUNNING, deadline_at=NOW - 60)], NOW)
    assert (found.kind, found.due) == ("holder_gone", 1)


@pytest.mark.case(25)
def test_records_to_which_other_writes_wait_are_named() -> None:
    rows = [unknown(number, ReplyTimeout("?"), entity=entity) for number, entity in enumerate(("n2", "n1", None, "n1"))]
    (found,) = incidents(rows, NOW)
    assert found.blocked == ("n1", "n2")


@pytest.mark.parametrize(
    ("next_check_at", "pauses", "expected"),
    [
        (NOW + 30, {}, "Recovery looks again in 30 s"),
        (NOW - 1, {}, "Recovery looks at 2 of them as soon as"),
        (NOW - 1, {"crm": 12.0}, "Calls to crm pause for 12 s; then one look"),
        (NOW - 1, {"billing": 12.0}, "Recovery looks at 2 of them"),
    ],
)
def test_next_step_says_what_recovery_will_do(next_check_at: float, pauses: dict[str, float], expected: str) -> None:
    rows = [unknown(number, ReplyTimeout("?"), next_check_at=next_check_at) for number in range(2)]
    (found,) = incidents(rows, NOW, pauses)
    assert expected in found.next_step


@pytest.mark.parametrize("error", ["not json", "[]", "null", '"text"', "{}"])
def test_error_that_cannot_be_read_is_a_cause_like_any_other(error: str) -> None:
    (found,) = incidents([operation(Status.UNKNOWN, error=error)], NOW)
    assert found.kind == "unclear"
