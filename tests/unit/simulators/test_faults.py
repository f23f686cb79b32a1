"""Plans: read from YAML, and refused with one sentence when a fault in them can never fire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seawall.simulators.faults import Fault, Plan, PlanError

WHOLE = """
seed: 17
description: One of everything.
heal_at: 2m
faults:
  - id: f1
    match: {system: salesforce, operation: upsert, lane: write}
    point: after_commit
    kind: reset
    params: {bytes: 0}
    trigger: {nth: 2}
    times: 1
  - {id: f2, match: {operation: [get, query]}, point: apply, kind: hang, trigger: {window: [1s, 500ms]}}
"""


def test_plan_from_yaml_has_all_it_says(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(WHOLE.replace("[1s, 500ms]", "[250ms, 10]"))
    plan = Plan.load(path)
    assert (plan.seed, plan.heal_at) == (17, 120.0)
    assert plan.faults[0].match.operations == ("upsert",)
    assert plan.faults[1].match.operations == ("get", "query")
    assert plan.faults[1].trigger.window == (0.25, 10.0)
    assert plan.faults[1].param("seconds") == 30.0


def test_empty_file_is_a_plan_without_faults(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("# nothing\n")
    assert Plan.load(path) == Plan()


def fault(**changes: Any) -> str:
    given = {"id": "f1", "point": "apply", "kind": "reset", **changes}
    return f"faults: [{given!r}]".replace("None", "null").replace("False", "false").replace("(", "[").replace(")", "]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (fault(kind="resset"), "fault 'f1': there is no fault kind 'resset'; did you mean 'reset'?"),
        (
            fault(kind="zzzz"),
            "there is no fault kind 'zzzz'; there are: bad_length, cancel, clock_jump",
        ),
        (fault(kind="html_200"), "html_200 cannot happen at apply: set point to after_commit or respond"),
        (fault(kind="late_commit"), "late_commit cannot happen at apply: set point to later"),
        (fault(point="later"), "reset cannot happen at later: set point to send or apply"),
        (fault(point="sent"), "fault 'f1' point: Input should be 'connect', 'send', 'admit', 'apply', 'before_commit'"),
        (fault(kind="refused"), "refused cannot happen at apply: set point to connect"),
        (
            fault(point="before_commit", match={"lane": "read"}),
            "reset never happens before_commit to the read lane: set match.lane to write",
        ),
        (
            fault(kind="soap_fault", point="after_commit", params={"code": "Client"}),
            "soap_fault: a fault that blames the client (Client) is a refusal, which comes before: set point to apply",
        ),
        (
            fault(kind="sql_error", params={"error": "in_doubt"}),
            "sql_error: in_doubt is about a commit: set point to before_commit or after_commit",
        ),
        (
            fault(kind="sql_error", point="after_commit"),
            "sql_error: deadlock comes in place of the statement: set point to apply",
        ),
        (
            fault(kind="crash", point="after_send", match={"lane": "write"}),
            "crash happens to actions, which have no lane: set match.operation to their names",
        ),
        (
            fault(kind="crash", point="after_send", trigger={"key": "x"}),
            "crash happens before there is a request that could hold a key: use nth or first",
        ),
        (
            fault(match={"worker": "w1"}),
            "reset happens at the system, which knows no workers: leave match.worker out",
        ),
        (fault(kind="clock_jump", point="call", params={"by": "1h"}), "by must be a number of seconds, not '1h'"),
        (
            fault(kind="wrong_content_type", point="respond", params={"content_type": 7}),
            "content_type must be a text, not 7",
        ),
        (fault(kind="slow", params={"locks": 0}), "locks must be one of False, True, not 0"),
        (fault(trigger={"key": ""}), "trigger key: String should have at least 1 character"),
        (
            fault(kind="lock_error", match={"lane": "read"}),
            "lock_error never happens to the read lane: set match.lane to write",
        ),
        (
            fault(kind="session_expired", match={"lane": "auth"}),
            "session_expired never happens to the auth lane: set match.lane to read or write",
        ),
        (fault(params={"byte": 1}), "reset: there is no parameter 'byte'; it has: bytes"),
        (fault(kind="lock_error", params={"a": 1}), "lock_error: there is no parameter 'a'; it has: none"),
        (
            fault(kind="status", params={"status": 418}),
            "status: status must be one of 477, 500, 502, 503, 504, 521, 524, not 418",
        ),
        (fault(kind="hang", params={"seconds": -1}), "hang: seconds must be a number from 0 up, not -1"),
        (
            fault(kind="partial_batch", params={"k": 0}),
            "partial_batch: k must be a whole number from 1 up, not 0",
        ),
        (
            fault(kind="truncate", point="respond", params={"fraction": 1.5}),
            "truncate: fraction must be between 0 and 1, not 1.5",
        ),
        (fault(trigger={"nth": 1, "every": 2}), "name one trigger only: nth, every, first, window, probability or key"),
        (fault(trigger={"nth": 0}), "trigger nth: Input should be greater than or equal to 1"),
        (fault(trigger={"probability": 0}), "trigger probability: Input should be greater than 0"),
        (fault(trigger={"window": [2, 1]}), "a window that ends before it starts never fires: write [t0, t1]"),
        (fault(times=0), "times: Input should be greater than or equal to 1"),
        (fault(wehn=1), "fault 'f1' wehn: no such field; remove it or correct its name"),
        (fault(id=""), "id: String should have at least 1 character"),
        ("faults: [{point: apply, kind: reset}]", "fault 0 id: Field required"),
        ("heal_at: 0\n" + fault(), "fault 'f1' can never fire: heal_at (0.0 s) comes before it"),
        (
            "heal_at: 5\n" + fault(trigger={"window": [5, 6]}),
            "fault 'f1' can never fire: heal_at (5.0 s) comes before it",
        ),
        (
            "faults: [{id: a, point: apply, kind: reset}, {id: a, point: apply, kind: hang}]",
            "two faults have the id 'a': give each its own",
        ),
        ("faults: [", "plan is not YAML: "),
        ("- 1", "plan: Input should be a valid dictionary"),
        (WHOLE, "a window that ends before it starts never fires"),
    ],
)
def test_plan_that_cannot_work_is_refused_with_what_to_do(text: str, message: str) -> None:
    with pytest.raises(PlanError) as refused:
        Plan.parse(text)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_plan_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"cannot read the plan .*missing\.yaml"):
        Plan.load(tmp_path / "missing.yaml")


def test_bundled_plan_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(PlanError, match="there is no bundled plan 'hash'; there are: calm, harsh"):
        Plan.bundled("hash")


def test_parameter_may_be_null_where_null_is_its_default() -> None:
    assert Fault(id="a", point="apply", kind="throttle", params={"retry_after": None}).param("status") == 403


def test_plan_and_fault_are_frozen() -> None:
    plan = Plan.bundled("harsh")
    with pytest.raises(ValidationError):
        plan.seed = 1  # type: ignore[misc] # that it is refused is what is tested
    with pytest.raises(ValidationError):
        plan.faults[0].kind = "hang"  # type: ignore[misc] # as above


def test_with_seed_changes_the_seed_only() -> None:
    plan = Plan.bundled("harsh")
    assert plan.with_seed(99).seed == 99
    assert plan.with_seed(99).faults == plan.faults
