"""The story of one operation in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.rows import START, operation

from seawall.core.errors import BusinessRule, IntegrationError, ReplyTimeout
from seawall.core.incidents import incidents
from seawall.core.ledger.records import AttemptRow, DecisionRow, Operation, ProbeRow, Status, Story
from seawall.core.resolution import BY_PERSON
from seawall.explain import explain, when


def record(error: IntegrationError) -> str:
    return json.dumps(error.to_record())


LOST = record(ReplyTimeout("no answer within 5.0 s", code="timeout"))


def story(op: Operation, *rows: AttemptRow | ProbeRow | DecisionRow) -> Story:
    return Story(
        op,
        tuple(row for row in rows if isinstance(row, AttemptRow)),
        tuple(row for row in rows if isinstance(row, ProbeRow)),
        tuple(row for row in rows if isinstance(row, DecisionRow)),
    )


def attempt(number: int, ended: float, effect: str, error: str | None = None, **changes: Any) -> AttemptRow:
    fields: dict[str, Any] = {"purpose": "send", "stale": False, **changes}
    return AttemptRow(
        "op_1", 1, number, fields["purpose"], START + ended - 1, START + ended, effect, error, fields["stale"]
    )


def test_explain_applied_operation_tells_who_asked_what_and_which_rule_allowed_it() -> None:
    text = explain(story(operation()), START).text()
    assert "agent:support asked crm for create_case at 2023-11-14 22:13:20 UTC" in text
    assert "The rule 'agents create' of policy version v1 allowed it." in text
    assert 'reference = "A-1"' in text
    assert 'subject = "Printer"' in text
    assert "sw-abc" in text
    assert "salesforce 1" in text


def test_explain_applied_operation_names_the_record_the_proof_and_the_answer() -> None:
    outcome = '{"value":{"id":"500X"},"receipt":{"record":"500X","proof":"probe","facts":{}}}'
    told = explain(story(operation(outcome=outcome)), START)
    assert told.headline == "op_1: crm.create_case is applied. The effect is in the target."
    assert "Applied as record 500X; proven by a probe" in "\n".join(told.ending)
    assert 'id = "500X"' in "\n".join(told.ending)
    assert told.advice == ()


def test_explain_lost_reply_then_found_tells_the_events_in_order() -> None:
    told = explain(
        story(
            operation(outcome='{"value":{},"receipt":{"record":"500X","proof":"probe"}}'),
            DecisionRow("op_1", START + 2, "pipeline", "ProvenApplied", ""),
            ProbeRow("op_1", 1, START + 2, "present", '{"record":"500X","differs":[],"value":null}'),
            attempt(1, 1, "maybe", LOST),
        ),
        START,
    )
    first, second, third, fourth = told.events
    assert "The intent was recorded, before anything was sent." in first
    assert "+1.00 s" in second
    assert "ReplyTimeout: no answer within 5.0 s [timeout]; it may have happened." in second
    assert 'Looked in the target: it is there (record = "500X").' in third
    assert "Decision by pipeline: proven: it happened." in fourth


def test_explain_resend_and_stale_attempt_are_told_as_such() -> None:
    events = "\n".join(
        explain(
            story(operation(), attempt(1, 1, "maybe", LOST, stale=True), attempt(1, 9, "applied", purpose="resend")),
            START,
        ).events
    )
    assert "kept as evidence" in events
    assert "Attempt 1, sent again by recovery, ended after 1.00 s: the target acknowledged it." in events


def test_explain_failed_probe_says_that_it_says_nothing() -> None:
    told = explain(story(operation(Status.UNKNOWN), ProbeRow("op_1", 1, START + 2, "failed", LOST)), START)
    assert "the probe itself failed, which says nothing about the operation: ReplyTimeout" in told.events[1]


def test_explain_rejected_operation_names_the_reason_and_the_proof() -> None:
    error = record(ReplyTimeout("no answer").without_effect("not found, and the target can no longer commit it"))
    told = explain(story(operation(Status.REJECTED, error=error)), START)
    assert "was not done. There is no effect in the target, and there will be none." in told.headline
    assert "not found, and the target can no longer commit it" in "\n".join(told.ending)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BusinessRule("subject is required", code="REQUIRED"), "Mend what the error names, and ask again."),
        (ReplyTimeout("x").without_effect("y"), "Make the same request again: it was refused for a passing reason."),
    ],
)
def test_explain_rejected_operation_advises_by_whether_it_may_pass(error: IntegrationError, expected: str) -> None:
    assert explain(story(operation(Status.REJECTED, error=record(error))), START).advice == (expected,)


def test_explain_unknown_operation_tells_when_recovery_looks_and_forbids_other_routes() -> None:
    told = explain(story(operation(Status.UNKNOWN, error=LOST, next_check_at=START + 60)), START)
    assert "may have happened. It is not known yet" in told.headline
    assert "Recovery looks again at 2023-11-14 22:14:20 UTC, in 60.0 s" in "\n".join(told.ending)
    assert "Do not make this change by another route" in told.advice[0]
    assert "seawall recover" in told.advice[1]


def test_explain_overdue_unknown_operation_says_that_nobody_looks() -> None:
    told = explain(story(operation(Status.UNKNOWN, error=LOST, next_check_at=START)), START + 5)
    assert "It has been due since" in "\n".join(told.ending)


def test_explain_parked_operation_tells_why_and_where_a_person_looks() -> None:
    parked = operation(Status.PARKED, error=LOST, parked_because="duplicate: 2 records carry this operation's key")
    told = explain(story(parked), START)
    assert "a person must decide" in told.headline
    assert "Parked, because: duplicate: 2 records carry" in "\n".join(told.ending)
    assert 'Look in crm for the key sw-abc, or for reference = "A-1".' in told.advice
    assert "Nothing more happens by itself" in "\n".join(told.ending)


def test_explain_running_operation_names_its_holder_and_what_happens_if_it_is_gone() -> None:
    told = explain(story(operation(Status.RUNNING, holder="holder_9")), START)
    assert "The result is not known." in told.headline
    assert "Its holder is holder_9" in told.ending[1]
    assert "recovery takes over" in told.ending[2]


def test_explain_batch_item_names_its_batch_record_and_trace() -> None:
    op = operation(batch_id="batch_7", atomic=True, entity="500X", trace_id="trace-1", epoch=3)
    text = explain(story(op), START).text()
    assert "one item of an all-or-nothing batch: batch_7" in text
    assert "The record it writes: 500X" in text
    assert "The caller's trace: trace-1." in text
    assert "it was taken up again 2 times" in text


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.APPLIED])
def test_explain_headline_of_what_is_not_proven_cannot_be_read_as_success(status: Status) -> None:
    headline = explain(story(operation(status)), START).headline
    assert "is applied" not in headline
    assert "The effect is in the target" not in headline


@pytest.mark.parametrize("status", list(Status))
def test_explain_row_with_nothing_but_required_fields_is_still_told(status: Status) -> None:
    bare = operation(status, policy="{}", identity="{}", request="not json", outcome=None, error=None)
    told = explain(story(bare), START)
    assert told.to_json()["status"] == status
    assert told.text().startswith("op_1: crm.create_case ")


def test_explain_long_value_is_cut_and_its_length_told() -> None:
    text = explain(story(operation(request=json.dumps({"body": "x" * 5000}))), START).text()
    assert "x" * 300 not in text
    assert "(5002 characters)" in text


def test_explain_control_characters_of_a_value_are_escaped() -> None:
    assert "\x1b" not in explain(story(operation(request='{"body":"\\u001b[2J"}')), START).text()


def test_when_is_told_in_utc() -> None:
    assert when(0) == "1970-01-01 00:00:00 UTC"


def test_explain_of_an_operation_whose_processes_ended_says_how_often() -> None:
    text = explain(story(operation(Status.PARKED, orphaned=3, epoch=4)), START).text()
    assert "it was taken up again 3 times; 3 times the process that held it ended without a word." in text


def test_explain_names_the_incident_and_how_many_share_the_cause() -> None:
    rows = [operation(Status.UNKNOWN, id=f"op_{number}", error=LOST) for number in (1, 2, 3)]
    (incident,) = incidents(rows, START)
    text = explain(story(rows[0]), START, incident).text()
    assert f"It is part of incident {incident.id} (no answer came" in text
    assert "2 other operations share the cause." in text


def test_explain_of_a_parked_operation_says_how_to_resolve_it() -> None:
    text = explain(story(operation(Status.PARKED, parked_because="duplicate: 2 records")), START).text()
    for command in ("ops resolve op_1 --applied RECORD", "ops resolve op_1 --not-applied", "ops retry op_1"):
        assert f"seawall {command}" in text


def test_explain_of_what_a_person_resolved_tells_who_why_and_what_they_saw() -> None:
    row = DecisionRow("op_1", START + 9, "ann", "resolved_not_applied", "she looked.", '{"evidence":"a list"}')
    error = record(IntegrationError("ann found out", code=BY_PERSON, transient=True, effect="none"))
    told = explain(story(operation(Status.REJECTED, error=error), row), START)
    assert any(
        "Decision by ann: it did not happen" in line and "she looked (evidence = " in line for line in told.events
    )
    assert told.advice == ("The same request may be made again: it is then sent anew.",)
