"""Creating a record once: what is sent, what a refusal proves, what a duplicate means."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import httpx
import pytest
import respx
from support.salesforce import (
    BORN,
    BY_ID,
    BY_MARK,
    CASE_ID,
    CHANGED,
    COMMENT,
    CREATE,
    FIELD,
    FOLLOW_UP,
    KEY,
    MARKS,
    NO_KEY_FIELD,
    OTHER_ID,
    OTHER_KEY,
    ROOT,
    adapter,
    attempt,
    case_record,
    saved,
    vendor_error,
)

from seawall.connectors.salesforce import models
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    Conflict,
    ContractBroken,
    GatewayError,
    UnreadableReply,
)

SHORT = KEY[:19]
CASES, ROW = f"{ROOT}/sobjects/Case", f"{ROOT}/sobjects/Case/{FIELD}/{KEY}"
QUERY = f"{ROOT}/query"
DUPLICATE = f"duplicate value found: {FIELD} duplicates value on record with id: {CASE_ID}"
HTML = "<html>Down for maintenance</html>"
MISSING = httpx.Response(404, json=vendor_error("NOT_FOUND", "The requested resource does not exist"))


def fresh(**changes: Any) -> dict[str, Any]:
    """A case nobody changed since it was created."""
    return case_record(**{"LastModifiedDate": BORN, FIELD: KEY, MARKS: KEY, **changes})


def sent_body(route: respx.Route) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(route.calls.last.request.content)
    return body


async def send(request: Any, settings: dict[str, Any], **how: Any) -> Any:
    crm = adapter(**settings)
    try:
        action = next(action for action in crm.actions.values() if action.request is type(request))
        return await crm.send(action, attempt(request, **how))
    finally:
        await crm.close()


async def test_a_case_is_posted_with_its_key_in_the_unique_field(org: respx.MockRouter) -> None:
    route = org.post(CASES).respond(201, json=saved())
    sent = await send(CREATE, BY_ID)
    assert sent.value == models.CaseCreated(case_id=CASE_ID)
    assert sent.record == CASE_ID
    assert sent_body(route) == {"Subject": "Printer on fire", "Priority": "High", FIELD: KEY}
    assert route.calls.last.request.headers["Authorization"] == "Bearer session-1"


async def test_without_a_unique_field_the_key_goes_into_the_marker_field(org: respx.MockRouter) -> None:
    route = org.post(CASES).respond(201, json=saved())
    await send(CREATE, BY_MARK)
    assert sent_body(route) == {"Subject": "Printer on fire", "Priority": "High", MARKS: KEY}


async def test_without_any_field_the_subject_carries_the_marker(org: respx.MockRouter) -> None:
    route = org.post(CASES).respond(201, json=saved())
    await send(CREATE, NO_KEY_FIELD)
    assert sent_body(route) == {"Subject": f"Printer on fire [{SHORT}]", "Priority": "High"}


async def test_every_field_of_a_case_is_sent_under_the_vendors_name(org: respx.MockRouter) -> None:
    route = org.post(CASES).respond(201, json=saved())
    request = models.CreateCase(
        reference="r",
        subject="s",
        description="d",
        status="New",
        priority="Low",
        origin="Web",
        type="Other",
        reason="Feedback",
        contact_id=CASE_ID,
        account_id=OTHER_ID,
        owner_id=CASE_ID,
    )
    await send(request, BY_ID)
    assert sent_body(route) == {
        "Subject": "s",
        "Description": "d",
        "Status": "New",
        "Priority": "Low",
        "Origin": "Web",
        "Type": "Other",
        "Reason": "Feedback",
        "ContactId": CASE_ID,
        "AccountId": OTHER_ID,
        "OwnerId": CASE_ID,
        FIELD: KEY,
    }


async def test_a_comment_is_posted_with_its_marker_on_the_last_line(org: respx.MockRouter) -> None:
    route = org.post(f"{ROOT}/sobjects/CaseComment").respond(201, json=saved("00a000000000001AAA"))
    sent = await send(COMMENT, BY_ID)
    assert sent.value == models.CommentAdded(comment_id="00a000000000001AAA")
    body = f"We are on our way\n[ref:{SHORT}]"
    assert sent_body(route) == {"CommentBody": body, "IsPublished": False, "ParentId": CASE_ID}


async def test_a_follow_up_is_posted_as_a_task_of_the_case(org: respx.MockRouter) -> None:
    route = org.post(f"{ROOT}/sobjects/Task").respond(201, json=saved("00T000000000001AAA"))
    request = FOLLOW_UP.model_copy(update={"due_date": date(2026, 3, 9), "priority": "High"})
    sent = await send(request, BY_ID)
    assert sent.value == models.FollowUpCreated(task_id="00T000000000001AAA")
    assert sent_body(route) == {
        "Subject": "Call back",
        "ActivityDate": "2026-03-09",
        "Priority": "High",
        "WhatId": CASE_ID,
        FIELD: KEY,
    }


async def test_a_follow_up_without_a_field_for_keys_is_marked_in_its_description(org: respx.MockRouter) -> None:
    route = org.post(f"{ROOT}/sobjects/Task").respond(201, json=saved("00T000000000001AAA"))
    await send(FOLLOW_UP, NO_KEY_FIELD)
    assert sent_body(route)["Description"] == f"[ref:{SHORT}]"


async def test_a_duplicate_of_our_own_key_is_success_once_it_was_read_back(org: respx.MockRouter) -> None:
    org.post(CASES).respond(400, json=vendor_error("DUPLICATE_VALUE", DUPLICATE))
    look = org.get(ROW).respond(json=fresh())
    sent = await send(CREATE, BY_ID)
    assert sent.record == CASE_ID
    assert sent.facts["already_there"] is True
    assert look.call_count == 1


async def test_a_duplicate_of_our_own_key_that_was_changed_since_is_success(org: respx.MockRouter) -> None:
    org.post(CASES).respond(400, json=vendor_error("DUPLICATE_VALUE", DUPLICATE))
    org.get(ROW).respond(json=fresh(Priority="Low", LastModifiedDate=CHANGED))
    assert (await send(CREATE, BY_ID)).record == CASE_ID


@pytest.mark.case(44)
async def test_a_duplicate_of_our_own_key_with_other_content_stays_in_doubt(org: respx.MockRouter) -> None:
    org.post(CASES).respond(400, json=vendor_error("DUPLICATE_VALUE", DUPLICATE))
    org.get(ROW).respond(json=fresh(Subject="Printer"))
    with pytest.raises(ContractBroken) as raised:
        await send(CREATE, BY_ID)
    assert "subject" in raised.value.message


UNREAD = {
    "none": MISSING,
    "another key": httpx.Response(200, json=fresh(**{FIELD: OTHER_KEY})),
    "two": httpx.Response(300, json=[f"{CASES}/{CASE_ID}", f"{CASES}/{OTHER_ID}"]),
    "page": httpx.Response(200, text=HTML),
    "5xx": httpx.Response(500, text=HTML),
    "throttled": httpx.Response(403, json=vendor_error("REQUEST_LIMIT_EXCEEDED")),
    "unauthenticated": httpx.Response(401, json=vendor_error("INVALID_AUTH_HEADER")),
}


@pytest.mark.parametrize("answer", UNREAD.values(), ids=UNREAD)
async def test_a_duplicate_that_cannot_be_read_back_is_neither_success_nor_refusal(
    org: respx.MockRouter, answer: httpx.Response
) -> None:
    org.post(CASES).respond(400, json=vendor_error("DUPLICATE_VALUE", DUPLICATE))
    org.get(ROW).mock(return_value=answer)
    with pytest.raises(Ambiguous):
        await send(CREATE, BY_ID)


@pytest.mark.parametrize("settings", [BY_MARK, NO_KEY_FIELD, {"external_id_fields": {"Case": "Other_Key__c"}}])
async def test_a_duplicate_on_another_field_is_a_conflict(org: respx.MockRouter, settings: dict[str, Any]) -> None:
    org.post(CASES).respond(400, json=vendor_error("DUPLICATE_VALUE", DUPLICATE))
    look = org.get(QUERY)
    with pytest.raises(Conflict):
        await send(CREATE, settings)
    assert not look.called


async def test_a_duplicate_rule_is_a_refusal_when_our_key_is_not_there(org: respx.MockRouter) -> None:
    org.post(CASES).respond(400, json=vendor_error("DUPLICATES_DETECTED", "Use one of these records?"))
    org.get(ROW).mock(return_value=MISSING)
    with pytest.raises(BusinessRule):
        await send(CREATE, BY_ID)


async def test_a_duplicate_rule_that_met_our_own_record_is_success(org: respx.MockRouter) -> None:
    org.post(CASES).respond(400, json=vendor_error("DUPLICATES_DETECTED", "Use one of these records?"))
    org.get(ROW).respond(json=fresh())
    assert (await send(CREATE, BY_ID)).facts["already_there"] is True


async def test_a_duplicate_rule_is_no_refusal_when_nobody_can_look(org: respx.MockRouter) -> None:
    org.post(CASES).respond(400, json=vendor_error("DUPLICATES_DETECTED", "Use one of these records?"))
    org.get(ROW).respond(500)
    with pytest.raises(Ambiguous):
        await send(CREATE, BY_ID)


@pytest.mark.case(42)
@pytest.mark.parametrize("body", [HTML, "", '{"id": "5000', "null"], ids=["page", "empty", "truncated", "null"])
async def test_a_201_that_cannot_be_read_is_in_doubt(org: respx.MockRouter, body: str) -> None:
    org.post(CASES).respond(201, text=body)
    with pytest.raises((UnreadableReply, ContractBroken)) as raised:
        await send(CREATE, BY_ID)
    assert raised.value.effect == "maybe"


@pytest.mark.case(44)
@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "errors": []},
        {"id": CASE_ID},
        {"id": "", "success": True, "errors": []},
        {"id": CASE_ID, "success": True, "errors": [{"statusCode": "A", "message": "m"}]},
        {"id": CASE_ID, "success": False, "errors": []},
        {"case": CASE_ID},
        [saved()],
    ],
)
async def test_a_201_of_another_shape_breaks_the_contract(org: respx.MockRouter, body: Any) -> None:
    org.post(CASES).respond(201, json=body)
    with pytest.raises(ContractBroken):
        await send(CREATE, BY_ID)


async def test_a_201_that_carries_the_targets_refusal_is_a_refusal(org: respx.MockRouter) -> None:
    errors = [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "no", "fields": ["Origin"]}]
    org.post(CASES).respond(201, json={"id": None, "success": False, "errors": errors})
    with pytest.raises(BusinessRule):
        await send(CREATE, BY_ID)


async def test_a_404_page_in_answer_to_a_create_is_no_refusal(org: respx.MockRouter) -> None:
    org.post(CASES).respond(404, text=HTML)
    with pytest.raises(GatewayError):
        await send(CREATE, BY_ID)
