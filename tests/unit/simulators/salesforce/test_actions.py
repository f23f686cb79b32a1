"""Flows: one run for each input, in the effect log and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from support.org import LoggedIn, first_error, logged_in

PATH = "/actions/custom/flow/Escalate_Case"


async def test_each_input_is_a_run_of_its_own(crm: LoggedIn) -> None:
    inputs = [{"caseId": "1", "reason": "late"}, {"caseId": "2"}]
    answer = await crm("POST", PATH, json={"inputs": inputs})
    assert answer.status_code == 200
    assert [(r["isSuccess"], r["errors"]) for r in answer.json()] == [(True, None)] * 2
    assert answer.json()[0]["outputValues"]["Flow__InterviewStatus"] == "Finished"
    runs = [r["outputValues"]["Flow__InterviewGuid"] for r in answer.json()]
    assert [(e.kind, e.object, e.record_id, e.fields) for e in crm.org.effects] == [
        ("invoke", "Escalate_Case", runs[0], inputs[0]),
        ("invoke", "Escalate_Case", runs[1], inputs[1]),
    ]


async def test_input_that_does_not_fit_fails_alone(crm: LoggedIn) -> None:
    inputs: list[dict[str, Any]] = [{"caseId": "1"}, {}, {"caseId": "2", "foo": 1}]
    answer = await crm("POST", PATH, json={"inputs": inputs})
    assert answer.status_code == 400
    errors = [r["errors"] and r["errors"][0]["statusCode"] for r in answer.json()]
    assert errors == [None, "REQUIRED_FIELD_MISSING", "INVALID_API_INPUT"]
    assert len(crm.org.effects) == 1


async def test_flow_without_inputs_runs_once() -> None:
    async with logged_in(flows=[{"name": "Nightly", "outputs": {"rows": "3"}}]) as crm:
        for content in (b"", b"{}"):
            answer = await crm("POST", "/actions/custom/flow/Nightly", content=content)
            assert answer.json()[0]["outputValues"]["rows"] == "3"
        assert [e.object for e in crm.org.effects] == ["Nightly"] * 2
        assert len({e.record_id for e in crm.org.effects}) == 2


@pytest.mark.parametrize("inputs", [{}, "x", [1]])
async def test_inputs_that_are_no_list_of_objects_are_refused(crm: LoggedIn, inputs: Any) -> None:
    assert first_error(await crm("POST", PATH, json={"inputs": inputs})) == (400, "JSON_PARSER_ERROR")


async def test_too_many_inputs_are_refused_whole(crm: LoggedIn) -> None:
    assert first_error(await crm("POST", PATH, json={"inputs": [{"caseId": "1"}] * 201})) == (400, "LIMIT_EXCEEDED")
    assert len(crm.org.effects) == 0


async def test_unknown_action_is_not_found(crm: LoggedIn) -> None:
    for path in ("/actions/custom/flow/Nothing", "/actions/standard/nothing"):
        assert first_error(await crm("POST", path, json={})) == (404, "NOT_FOUND")


async def test_actions_are_listed_and_described(crm: LoggedIn) -> None:
    listed = (await crm("GET", "/actions/custom/flow")).json()["actions"]
    assert [action["name"] for action in listed] == ["Escalate_Case", "Notify_Owner"]
    described = (await crm("GET", PATH)).json()
    assert [(i["name"], i["required"]) for i in described["inputs"]] == [("caseId", True), ("reason", False)]
