"""Many cases in one call: each has its own result, in order."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import respx
from support.salesforce import BORN, BY_ID, FIELD, NO_KEY_FIELD, ROOT, adapter, attempt, case_record, page, vendor_error

from seawall.connectors.salesforce import models
from seawall.core.adapter import Sent
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    Conflict,
    ContractBroken,
    GatewayError,
    IntegrationError,
    Unauthenticated,
    UnreadableReply,
)

COLLECTION, QUERY = f"{ROOT}/composite/sobjects", f"{ROOT}/query"
KEYS = [f"sw-{letter * 26}" for letter in "abcdefgh"]
LOCK = "unable to obtain exclusive access to this record"


def record_id(number: int) -> str:
    return f"50000000000000{number}AAA"


def ok(number: int) -> dict[str, Any]:
    return {"id": record_id(number), "success": True, "errors": []}


def failed(code: str, message: str = "no") -> dict[str, Any]:
    return {"id": None, "success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}


def duplicate(number: int) -> dict[str, Any]:
    text = f"duplicate value found: {FIELD} duplicates value on record with id: {record_id(number)}"
    return failed("DUPLICATE_VALUE", text)


def there(number: int, **changes: Any) -> dict[str, Any]:
    fields = {"Id": record_id(number), "Subject": f"Case {number}", FIELD: KEYS[number], "LastModifiedDate": BORN}
    return case_record(**{**fields, **changes})


async def send(count: int, settings: dict[str, Any] = BY_ID, *, all_or_none: bool = False, **how: Any) -> list[Any]:
    request = models.CreateCases(
        cases=tuple(models.CreateCase(reference=f"r{n}", subject=f"Case {n}") for n in range(count)),
        all_or_none=all_or_none,
    )
    crm = adapter(**settings)
    items = [attempt(case, KEYS[n], **how) for n, case in enumerate(request.cases)]
    try:
        return list(await crm.send_batch(crm.actions["create_cases"], request, items))
    finally:
        await crm.close()


def kinds(results: list[Any]) -> list[Any]:
    return [result.record if isinstance(result, Sent) else type(result) for result in results]


@pytest.mark.parametrize("all_or_none", [True, False])
async def test_the_cases_are_posted_in_order_each_with_its_own_key(org: respx.MockRouter, all_or_none: bool) -> None:
    route = org.post(COLLECTION).respond(json=[ok(0), ok(1)])
    results = await send(2, all_or_none=all_or_none)
    assert [result.value for result in results] == [models.CaseCreated(case_id=record_id(n)) for n in range(2)]
    assert json.loads(route.calls.last.request.content) == {
        "allOrNone": all_or_none,
        "records": [
            {"attributes": {"type": "Case"}, "Subject": "Case 0", FIELD: KEYS[0]},
            {"attributes": {"type": "Case"}, "Subject": "Case 1", FIELD: KEYS[1]},
        ],
    }


async def test_without_a_field_for_keys_each_subject_is_marked(org: respx.MockRouter) -> None:
    route = org.post(COLLECTION).respond(json=[ok(0), ok(1)])
    await send(2, NO_KEY_FIELD)
    records = json.loads(route.calls.last.request.content)["records"]
    assert [record["Subject"] for record in records] == [f"Case {n} [{KEYS[n][:19]}]" for n in range(2)]


@pytest.mark.case(45)
async def test_each_item_has_its_own_result(org: respx.MockRouter) -> None:
    locked = failed("UNABLE_TO_LOCK_ROW", LOCK)
    org.post(COLLECTION).respond(json=[ok(0), failed("REQUIRED_FIELD_MISSING"), locked, ok(3)])
    results = await send(4)
    assert kinds(results) == [record_id(0), BusinessRule, Conflict, record_id(3)]
    assert [getattr(result, "transient", None) for result in results] == [None, False, True, None]


async def test_an_item_that_is_already_there_under_our_key_is_success(org: respx.MockRouter) -> None:
    org.post(COLLECTION).respond(json=[ok(0), duplicate(1), duplicate(2)])
    look = org.get(QUERY).respond(json=page(there(2), there(1)))
    results = await send(3)
    assert kinds(results) == [record_id(0), record_id(1), record_id(2)]
    assert [result.facts.get("already_there") for result in results] == [None, True, True]
    assert look.call_count == 1


async def test_an_item_that_is_there_but_cannot_be_read_back_stays_in_doubt(org: respx.MockRouter) -> None:
    org.post(COLLECTION).respond(json=[duplicate(0), duplicate(1), duplicate(2)])
    org.get(QUERY).respond(json=page(there(0), there(2, Subject="Something else")))
    results = await send(3)
    assert kinds(results) == [record_id(0), Ambiguous, ContractBroken]


@pytest.mark.parametrize("code", ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"])
async def test_neighbours_that_were_rolled_back_had_no_effect_and_are_final(org: respx.MockRouter, code: str) -> None:
    org.post(COLLECTION).respond(json=[failed(code), failed("REQUIRED_FIELD_MISSING"), failed(code)])
    results = await send(3, all_or_none=True)
    assert kinds(results) == [Conflict, BusinessRule, Conflict]
    assert [(r.effect, r.transient, r.code) for r in results[::2]] == [("none", False, code)] * 2


async def test_a_batch_that_came_through_before_is_no_rollback(org: respx.MockRouter) -> None:
    halted = failed("PROCESSING_HALTED")
    org.post(COLLECTION).respond(json=[duplicate(0), halted, halted])
    org.get(QUERY).respond(json=page(there(0), there(1), there(2)))
    assert kinds(await send(3, all_or_none=True)) == [record_id(0), record_id(1), record_id(2)]


async def test_a_neighbour_of_an_earlier_item_that_is_not_there_was_rolled_back(org: respx.MockRouter) -> None:
    org.post(COLLECTION).respond(json=[duplicate(0), failed("ALL_OR_NONE_OPERATION_ROLLED_BACK")])
    org.get(QUERY).respond(json=page(there(0)))
    assert kinds(await send(2, all_or_none=True)) == [record_id(0), Conflict]


async def test_when_the_read_back_fails_the_neighbours_are_in_doubt_too(org: respx.MockRouter) -> None:
    org.post(COLLECTION).respond(json=[duplicate(0), failed("ALL_OR_NONE_OPERATION_ROLLED_BACK")])
    org.get(QUERY).respond(500)
    assert kinds(await send(2, all_or_none=True)) == [Ambiguous, Ambiguous]


async def test_an_item_of_a_duplicate_rule_is_refused_unless_our_key_is_there(org: respx.MockRouter) -> None:
    rule = failed("DUPLICATES_DETECTED", "Use one of these records?")
    org.post(COLLECTION).respond(json=[rule, rule, ok(2)])
    org.get(QUERY).respond(json=page(there(1)))
    assert kinds(await send(3)) == [BusinessRule, record_id(1), record_id(2)]


@pytest.mark.parametrize("answer", [[], [ok(0)], [ok(0), ok(1), ok(2)], ok(0), "text"])
async def test_results_that_cannot_be_matched_break_the_contract_for_all(org: respx.MockRouter, answer: Any) -> None:
    org.post(COLLECTION).respond(json=answer)
    with pytest.raises(ContractBroken) as raised:
        await send(2)
    assert raised.value.code == "batch_length"


@pytest.mark.case(44)
@pytest.mark.parametrize(
    "item",
    [None, {}, {"success": True}, {"success": False, "errors": []}, {"success": "maybe"}, "text", ["list"]],
    ids=str,
)
async def test_a_result_of_another_shape_breaks_the_contract_for_its_item_only(
    org: respx.MockRouter, item: Any
) -> None:
    org.post(COLLECTION).respond(json=[ok(0), item])
    assert kinds(await send(2)) == [record_id(0), ContractBroken]


@pytest.mark.case(42)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(200, text="<html>Down</html>"), UnreadableReply),
        (httpx.Response(500, json=vendor_error("UNKNOWN_EXCEPTION")), GatewayError),
        (httpx.Response(400, json=vendor_error("JSON_PARSER_ERROR")), BusinessRule),
    ],
)
async def test_a_failure_of_the_call_holds_for_all(
    org: respx.MockRouter, answer: httpx.Response, error: type[IntegrationError]
) -> None:
    org.post(COLLECTION).mock(return_value=answer)
    with pytest.raises(error):
        await send(2)


async def test_with_an_item_in_doubt_an_expired_session_is_not_renewed(org: respx.MockRouter) -> None:
    route = org.post(COLLECTION).respond(401, json=vendor_error("INVALID_SESSION_ID"))
    with pytest.raises(Unauthenticated):
        await send(2, maybe_applied=True)
    assert route.call_count == 1
