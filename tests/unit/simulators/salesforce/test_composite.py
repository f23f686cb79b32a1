"""Composite requests: in order, with references, whole where it is asked."""

from __future__ import annotations

from typing import Any

import pytest
from support.org import LoggedIn, first_error, logged_in

ROOT = "/services/data/v60.0"


def part(reference: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    given = {"method": method, "url": f"{ROOT}{path}", "referenceId": reference}
    return given if body is None else {**given, "body": body}


async def run(crm: LoggedIn, *parts: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    answer = await crm("POST", "/composite", json={"allOrNone": all_or_none, "compositeRequest": parts})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return results


CASE = part("new", "POST", "/sobjects/Case", {"Subject": "A", "Seawall_Key__c": "k1"})


async def test_later_parts_use_the_answers_of_earlier_ones(crm: LoggedIn) -> None:
    results = await run(
        crm,
        CASE,
        part("comment", "POST", "/sobjects/CaseComment", {"ParentId": "@{new.id}", "CommentBody": "for @{new.id}"}),
        part("found", "GET", "/query?q=SELECT+Id,+Subject+FROM+Case+WHERE+Id='@{new.id}'"),
        part("close", "PATCH", "/sobjects/Case/@{found.records[0].Id}", {"Status": "Closed"}),
    )
    assert [(r["referenceId"], r["httpStatusCode"]) for r in results] == [
        ("new", 201),
        ("comment", 201),
        ("found", 200),
        ("close", 204),
    ]
    case = results[0]["body"]["id"]
    assert results[0]["httpHeaders"] == {"Location": f"{ROOT}/sobjects/Case/{case}"}
    assert crm.org.effects[1].fields == {"ParentId": case, "CommentBody": f"for {case}"}
    assert {e.request_id for e in crm.org.effects} == {2}


async def test_failing_part_leaves_its_neighbours(crm: LoggedIn) -> None:
    results = await run(
        crm, CASE, part("bad", "POST", "/sobjects/Case", {"Foo": 1}), part("b", "POST", "/sobjects/Task", {})
    )
    assert [r["httpStatusCode"] for r in results] == [201, 400, 201]
    assert results[1]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert [e.object for e in crm.org.effects] == ["Case", "Task"]


async def test_all_or_none_rolls_all_parts_back(crm: LoggedIn) -> None:
    results = await run(crm, CASE, part("bad", "GET", "/sobjects/Foo/1"), all_or_none=True)
    assert [r["httpStatusCode"] for r in results] == [400, 404]
    assert results[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert len(crm.org.effects) == 0
    assert crm.org.records.all("Case") == []


async def test_reference_to_a_failed_part_is_refused(crm: LoggedIn) -> None:
    comment = part("comment", "POST", "/sobjects/CaseComment", {"ParentId": "@{bad.id}"})
    results = await run(crm, part("bad", "POST", "/sobjects/Case", {"Foo": 1}), comment)
    assert results[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert "No value for id found in bad" in results[1]["body"][0]["message"]


async def test_several_matches_are_a_300_of_their_part() -> None:
    async with logged_in(custom_fields={"Case": [{"name": "Order__c", "external_id": True}]}) as crm:
        ids = [crm.org.add_record("Case", {"Order__c": "A"}) for _ in range(2)]
        results = await run(crm, part("two", "PATCH", "/sobjects/Case/Order__c/A", {}))
        assert results[0]["httpStatusCode"] == 300
        assert results[0]["body"] == [f"{ROOT}/sobjects/Case/{record_id}" for record_id in ids]


async def test_collections_can_be_a_part(crm: LoggedIn) -> None:
    body = {"records": [{"attributes": {"type": "Case"}}] * 2}
    (result,) = await run(crm, part("all", "POST", "/composite/sobjects", body))
    assert [item["success"] for item in result["body"]] == [True, True]


@pytest.mark.parametrize("path", ["/composite", "", "/../oauth2/token"])
async def test_what_cannot_be_a_part_is_refused(crm: LoggedIn, path: str) -> None:
    (result,) = await run(crm, part("x", "POST", path, {}))
    assert result["httpStatusCode"] in (400, 404, 405)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({}, "JSON_PARSER_ERROR"),
        ([1], "JSON_PARSER_ERROR"),
        ([part("", "GET", "/limits")], "INVALID_INPUT"),
        ([part("a", "GET", "/limits")] * 2, "INVALID_INPUT"),
        ([part(f"a{n}", "GET", "/limits") for n in range(26)], "LIMIT_EXCEEDED"),
    ],
)
async def test_request_that_is_none_is_refused_whole(crm: LoggedIn, parts: Any, code: str) -> None:
    assert first_error(await crm("POST", "/composite", json={"compositeRequest": parts})) == (400, code)
