"""The envelope: one shape for every outcome, a sentence that cannot be misread, an exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.toy import Noted

from seawall.core.errors import (
    BusinessRule,
    CircuitOpen,
    Conflict,
    Denied,
    IntegrationError,
    InvalidRequest,
    LedgerUnavailable,
    ReplyTimeout,
    Throttled,
)
from seawall.core.outcome import Applied, Outcome, Partial, Pending, Receipt, Rejected, Unknown
from seawall.envelope import ExitCode, envelope, exit_code, summary

NOTE = Noted(id="n1", text="hello")
APPLIED = Applied(NOTE, Receipt("n1", "reply", {"etag": "x"}), "op_1")
REPLAYED = Applied(NOTE, Receipt("n1"), "op_1", replayed=True)
FOUND = Applied(NOTE, Receipt("n1", "probe"), "op_1")
READ = Applied(NOTE)
REJECTED = Rejected(BusinessRule("the target does not want it", code="RULE"), "op_2")
UNKNOWN = Unknown(ReplyTimeout("no answer within 5.0 s", code="timeout"), "op_3", resolve_after=2.5)
PARKED = Pending("op_4", "person", "It may have happened, and two records carry its key.")
RUNNING = Pending("op_5", "operation", "The same request is still running.")
PROVEN_ABSENT = Rejected(ReplyTimeout("no answer").without_effect("not found after the horizon"), "op_6")


def rejected(error: IntegrationError) -> Rejected:
    return Rejected(error)


OUTCOMES: list[tuple[Outcome[Any], str, str, ExitCode, str]] = [
    (APPLIED, "applied", "applied", ExitCode.OK, "Applied: crm.add as record n1."),
    (REPLAYED, "applied", "applied", ExitCode.OK, "Already done earlier; this is that result: crm.add as record n1."),
    (FOUND, "applied", "applied", ExitCode.OK, "Applied: crm.add as record n1."),
    (READ, "applied", "applied", ExitCode.OK, "Answered: crm.add."),
    (REJECTED, "rejected", "none", ExitCode.REJECTED, "Not done: crm.add, because "),
    (PROVEN_ABSENT, "rejected", "none", ExitCode.REJECTED, "Not done: crm.add, because "),
    (rejected(Conflict("other content")), "rejected", "none", ExitCode.REJECTED, "Not done: crm.add, because "),
    (rejected(Denied("no rule")), "rejected", "none", ExitCode.REJECTED, "Nothing was sent: crm.add, because "),
    (rejected(InvalidRequest("wrong")), "rejected", "none", ExitCode.USAGE, "Nothing was sent: crm.add, because "),
    (rejected(LedgerUnavailable("full")), "rejected", "none", ExitCode.LEDGER, "Nothing was sent: crm.add, because "),
    (UNKNOWN, "unknown", "maybe", ExitCode.UNKNOWN, "It is not known whether this was applied: crm.add."),
    (RUNNING, "pending", "maybe", ExitCode.UNKNOWN, "Still running; result not known: crm.add."),
    (PARKED, "pending", "maybe", ExitCode.PARKED, "It is not known whether this was applied, and a person must"),
    (Partial((APPLIED, APPLIED), "b"), "applied", "applied", ExitCode.OK, "Applied: crm.add, all 2 items."),
    (Partial((APPLIED, REJECTED), "b"), "partial", "maybe", ExitCode.PARTIAL, "Not all done: crm.add."),
    (Partial((APPLIED, UNKNOWN), "b"), "partial", "maybe", ExitCode.PARTIAL, "Not all done: crm.add."),
    (Partial((REJECTED, REJECTED), "b"), "partial", "none", ExitCode.PARTIAL, "Not all done: crm.add."),
]


@pytest.mark.parametrize(("outcome", "status", "effect", "code", "first"), OUTCOMES)
def test_each_outcome_has_its_status_effect_code_and_first_sentence(
    outcome: Outcome[Any], status: str, effect: str, code: ExitCode, first: str
) -> None:
    told = envelope(outcome, "crm.add")
    assert (told["status"], told["effect"], exit_code(outcome)) == (status, effect, code)
    assert told["summary"].startswith(first)


def test_every_outcome_has_the_same_keys_and_is_json() -> None:
    shapes = {tuple(json.loads(json.dumps(envelope(outcome, "crm.add")))) for outcome, *_ in OUTCOMES}
    assert len(shapes) == 1


@pytest.mark.case(52)
@pytest.mark.parametrize("outcome", [outcome for outcome, _, effect, *_ in OUTCOMES if effect != "applied"])
def test_unproven_outcome_is_neither_exit_0_nor_worded_as_success(outcome: Outcome[Any]) -> None:
    first = summary(outcome, "crm.add").split(".")[0].lower()
    assert exit_code(outcome) is not ExitCode.OK
    assert not first.startswith(("applied", "already", "answered", "done", "ok"))


def test_applied_carries_value_and_receipt() -> None:
    told = envelope(APPLIED, "crm.add")
    assert told["value"] == {"id": "n1", "text": "hello"}
    assert told["receipt"] == {"record": "n1", "proof": "reply", "facts": {"etag": "x"}}
    assert (told["operation_id"], told["error"], told["replayed"]) == ("op_1", None, False)


def test_effect_proven_by_a_probe_says_so() -> None:
    assert "Proven by a probe, not by the reply." in summary(FOUND, "crm.add")


def test_unknown_names_the_operation_the_next_step_and_the_time() -> None:
    told = envelope(UNKNOWN, "crm.add")
    assert told["resolve_after"] == 2.5
    assert "Do not create it again." in told["summary"]
    assert "seawall ops explain op_3" in told["summary"]
    assert told["error"]["type"] == "ReplyTimeout"


def test_parked_names_the_reason_and_where_to_look() -> None:
    text = summary(PARKED, "crm.add")
    assert "two records carry its key" in text
    assert "seawall ops explain op_4" in text


def test_running_without_an_id_says_how_to_learn_the_result() -> None:
    assert "Make the same request later" in summary(Pending("", "operation", "still running"), "crm.add")


def test_transient_rejection_says_when_to_ask_again_and_a_permanent_one_does_not() -> None:
    assert "may be made again in 7.0 s" in summary(rejected(Throttled("slow", retry_after=7)), "crm.add")
    assert "may be made again later" in summary(rejected(Throttled("slow")), "crm.add")
    assert "again" not in summary(REJECTED, "crm.add")


def test_open_circuit_says_how_long_and_forbids_other_routes() -> None:
    text = summary(rejected(CircuitOpen("calls pause", retry_after=12.4)), "crm.add")
    assert "pause for 12 s" in text
    assert "Do not make this change by another route." in text


def test_throttled_then_given_up_does_not_claim_that_nothing_was_sent() -> None:
    # The first attempt was sent and refused; only the second was held back.
    assert "Nothing was sent" not in summary(rejected(CircuitOpen("calls pause")), "crm.add").split(".")[0]


def test_batch_tells_each_item_and_its_place() -> None:
    told = envelope(Partial((APPLIED, REJECTED, UNKNOWN), "batch_1"), "crm.add")
    assert [item["status"] for item in told["items"]] == ["applied", "rejected", "unknown"]
    assert told["items"][1]["summary"].startswith("Not done: crm.add, item 2, because ")
    assert told["batch_id"] == "batch_1"
    assert "1 of 3 items are applied, 1 rejected, 1 not known" in told["summary"]
