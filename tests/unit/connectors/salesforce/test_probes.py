"""Looking for a record that may have been created: what is found, and what proves nothing."""

from __future__ import annotations

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
    again,
    case_record,
    page,
    vendor_error,
)

from seawall.connectors.salesforce import models
from seawall.core.adapter import Absent, CannotTell, Many, Present
from seawall.core.errors import (
    Conflict,
    ContractBroken,
    IntegrationError,
    NotFound,
)

SHORT = KEY[:19]
CASES, ROW = f"{ROOT}/sobjects/Case", f"{ROOT}/sobjects/Case/{FIELD}/{KEY}"
QUERY = f"{ROOT}/query"
HTML = "<html>Down for maintenance</html>"


def fresh(**changes: Any) -> dict[str, Any]:
    """A case nobody changed since it was created."""
    return case_record(**{"LastModifiedDate": BORN, FIELD: KEY, MARKS: KEY, **changes})


def asked_query(route: respx.Route) -> str:
    return route.calls.last.request.url.params["q"]


async def probe(request: Any, settings: dict[str, Any]) -> Any:
    crm = adapter(**settings)
    try:
        action = next(action for action in crm.actions.values() if action.request is type(request))
        return await crm.probe(action, again(request))
    finally:
        await crm.close()


async def test_a_probe_finds_a_case_by_its_key(org: respx.MockRouter) -> None:
    org.get(ROW).respond(json=fresh())
    found = await probe(CREATE, BY_ID)
    assert found == Present(
        models.CaseCreated(case_id=CASE_ID), CASE_ID, differs=(), superseded=False, facts={"created_at": BORN}
    )


async def test_a_probe_compares_the_content_with_what_was_asked(org: respx.MockRouter) -> None:
    org.get(ROW).respond(json=fresh(Subject="Printer", Priority=None))
    found = await probe(CREATE, BY_ID)
    assert isinstance(found, Present)
    assert set(found.differs) == {"subject", "priority"}
    assert not found.superseded


async def test_a_probe_tells_that_a_difference_came_later(org: respx.MockRouter) -> None:
    org.get(ROW).respond(json=fresh(Status="Closed", Priority="Low", LastModifiedDate=CHANGED))
    found = await probe(CREATE, BY_ID)
    assert (found.differs, found.superseded) == (("priority",), True)


async def test_a_probe_sees_through_the_vendors_way_of_keeping_text(org: respx.MockRouter) -> None:
    request = CREATE.model_copy(update={"description": "one\ntwo", "account_id": "001000000000001"})
    org.get(ROW).respond(json=fresh(Description="one\r\ntwo", AccountId="001000000000001AAA"))
    assert (await probe(request, BY_ID)).differs == ()


async def test_a_probe_that_finds_nothing_says_absent(org: respx.MockRouter) -> None:
    org.get(ROW).respond(404, json=vendor_error("NOT_FOUND", "The requested resource does not exist"))
    assert isinstance(await probe(CREATE, BY_ID), Absent)


@pytest.mark.parametrize(
    "message",
    [
        f"Provided external ID field does not exist or is not accessible: {FIELD}",
        "Provided external ID field does not exist or is not accessible: <unknown>",
        f"Das Feld ist nicht vorhanden: {FIELD}",
    ],
)
async def test_a_probe_by_a_field_that_does_not_exist_fails(org: respx.MockRouter, message: str) -> None:
    org.get(ROW).respond(404, json=vendor_error("NOT_FOUND", message))
    with pytest.raises(NotFound):
        await probe(CREATE, BY_ID)


@pytest.mark.case(6)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text=HTML),
        httpx.Response(404, text=""),
        httpx.Response(200, text=HTML),
        httpx.Response(200, text=""),
        httpx.Response(204),
        httpx.Response(500, json=vendor_error("UNKNOWN_EXCEPTION")),
        httpx.Response(403, json=vendor_error("INSUFFICIENT_ACCESS")),
        httpx.Response(200, json=[fresh()]),
        httpx.Response(200, json={FIELD: KEY, "CreatedDate": BORN, "LastModifiedDate": BORN}),
        httpx.Response(200, json={FIELD: KEY, "Id": CASE_ID}),
    ],
)
@pytest.mark.parametrize("settings", [BY_ID, NO_KEY_FIELD], ids=["by id", "by marker"])
async def test_a_probe_that_could_not_look_never_says_absent(
    org: respx.MockRouter, answer: httpx.Response, settings: dict[str, Any]
) -> None:
    org.get(ROW).mock(return_value=answer)
    org.get(QUERY).mock(return_value=answer)
    with pytest.raises(IntegrationError):
        await probe(CREATE, settings)


async def test_a_conflict_that_names_no_records_is_no_finding(org: respx.MockRouter) -> None:
    org.get(ROW).respond(409, json=vendor_error("DUPLICATE_EXTERNAL_ID"))
    with pytest.raises(Conflict):
        await probe(CREATE, BY_ID)


@pytest.mark.parametrize("moment", ["yesterday", "2026-03-01T10:00:00", 7])
async def test_a_record_whose_dates_are_none_proves_nothing(org: respx.MockRouter, moment: Any) -> None:
    org.get(ROW).respond(json=fresh(LastModifiedDate=moment))
    with pytest.raises(ContractBroken):
        await probe(CREATE, BY_ID)


@pytest.mark.case(8)
async def test_a_probe_that_finds_two_records_names_both(org: respx.MockRouter) -> None:
    org.get(ROW).respond(300, json=[f"{CASES}/{CASE_ID}", f"{CASES}/{OTHER_ID}"])
    assert await probe(CREATE, BY_ID) == Many((CASE_ID, OTHER_ID))


async def test_a_probe_that_finds_another_key_cannot_tell(org: respx.MockRouter) -> None:
    org.get(ROW).respond(json=fresh(**{FIELD: KEY.upper()}))
    assert isinstance(await probe(CREATE, BY_ID), CannotTell)


async def test_a_probe_looks_for_the_marker_in_the_subject(org: respx.MockRouter) -> None:
    look = org.get(QUERY).respond(json=page(fresh(Subject=f"Printer on fire [{SHORT}]")))
    found = await probe(CREATE, NO_KEY_FIELD)
    assert (found.record, found.differs) == (CASE_ID, ())
    assert asked_query(look).endswith(f" FROM Case WHERE Subject LIKE '%[{SHORT}]%'")


async def test_a_probe_looks_for_the_key_in_the_marker_field(org: respx.MockRouter) -> None:
    look = org.get(QUERY).respond(json=page(fresh(**{MARKS: f"{KEY} {OTHER_KEY}"})))
    assert (await probe(CREATE, BY_MARK)).record == CASE_ID
    assert asked_query(look).endswith(f" FROM Case WHERE {MARKS} LIKE '%{KEY}%'")


@pytest.mark.case(7)
async def test_a_look_alike_without_our_marker_is_not_claimed(org: respx.MockRouter) -> None:
    org.get(QUERY).respond(json=page(fresh(Subject="Printer on fire")))
    assert await probe(CREATE, NO_KEY_FIELD) == Absent({"looked_at": 1})


@pytest.mark.case(8)
async def test_two_records_with_our_marker_are_both_named(org: respx.MockRouter) -> None:
    marked = f"Printer on fire [{SHORT}]"
    org.get(QUERY).respond(json=page(fresh(Subject=marked), fresh(Subject=marked, Id=OTHER_ID)))
    assert await probe(CREATE, NO_KEY_FIELD) == Many((CASE_ID, OTHER_ID))


async def test_records_without_the_field_of_the_marker_prove_nothing(org: respx.MockRouter) -> None:
    record = fresh()
    del record["Subject"]
    org.get(QUERY).respond(json=page(record))
    with pytest.raises(ContractBroken):
        await probe(CREATE, NO_KEY_FIELD)


def comment(number: int, body: str) -> dict[str, Any]:
    return {
        "Id": f"00a00000000000{number}AAA",
        "CommentBody": body,
        "IsPublished": False,
        "ParentId": CASE_ID,
        "CreatedDate": BORN,
        "LastModifiedDate": BORN,
    }


async def test_a_probe_reads_all_comments_of_the_case_page_by_page(org: respx.MockRouter) -> None:
    more = f"{QUERY}/01gX-2"
    ours = comment(3, f"We are on our way\n[ref:{SHORT}]")
    look = org.get(QUERY).respond(json=page(comment(1, "a"), comment(2, "b"), total=3, more=more))
    org.get(more).respond(json=page(ours, total=3))
    found = await probe(COMMENT, BY_ID)
    assert (found.record, found.differs) == (ours["Id"], ())
    assert asked_query(look).endswith(f" FROM CaseComment WHERE ParentId = '{CASE_ID}'")


async def test_a_probe_that_read_fewer_comments_than_there_are_cannot_tell(org: respx.MockRouter) -> None:
    org.get(QUERY).respond(json=page(comment(1, "a"), total=2))
    assert isinstance(await probe(COMMENT, BY_ID), CannotTell)


async def test_a_probe_finds_a_follow_up_among_the_tasks_of_the_case(org: respx.MockRouter) -> None:
    task = {
        "Id": "00T000000000001AAA",
        "Subject": "Call back",
        "Description": f"[ref:{SHORT}]",
        "ActivityDate": None,
        "Priority": "Normal",
        "OwnerId": CASE_ID,
        "WhatId": CASE_ID,
        "CreatedDate": BORN,
        "LastModifiedDate": BORN,
    }
    look = org.get(QUERY).respond(json=page(task))
    found = await probe(FOLLOW_UP, NO_KEY_FIELD)
    assert (found.record, found.differs) == ("00T000000000001AAA", ())
    assert asked_query(look).endswith(f" FROM Task WHERE WhatId = '{CASE_ID}'")


async def test_a_probe_of_a_follow_up_by_marker_field_filters_by_it(org: respx.MockRouter) -> None:
    look = org.get(QUERY).respond(json=page())
    assert isinstance(await probe(FOLLOW_UP, BY_MARK), Absent)
    assert asked_query(look).endswith(f" WHERE WhatId = '{CASE_ID}' AND {MARKS} LIKE '%{KEY}%'")


@pytest.mark.parametrize("public", ["false", None, 0])
async def test_a_field_of_another_type_says_nothing_of_the_content(org: respx.MockRouter, public: Any) -> None:
    org.get(QUERY).respond(json=page(comment(1, f"We are on our way\n[ref:{SHORT}]") | {"IsPublished": public}))
    with pytest.raises(ContractBroken, match="IsPublished"):
        await probe(COMMENT, BY_ID)


@pytest.mark.parametrize("change", [{"Priority": 1}, {"Priority": ...}])
async def test_a_text_that_is_none_or_missing_says_nothing_of_the_content(
    org: respx.MockRouter, change: dict[str, Any]
) -> None:
    record = {name: value for name, value in fresh(**change).items() if value is not ...}
    org.get(ROW).respond(json=record)
    with pytest.raises(ContractBroken, match="Priority"):
        await probe(CREATE, BY_ID)
