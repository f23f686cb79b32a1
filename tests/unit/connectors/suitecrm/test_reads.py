"""Reading and finding over both wires."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
from support.suitecrm import (
    CASE_ID,
    CONTACT_ID,
    CREATE,
    OURS,
    REST,
    ROOT,
    V8,
    RestDouble,
    adapter,
    attempt,
    case_record,
    document,
    entries,
    missing,
    refusal,
    resource,
)

from seawall.connectors.suitecrm import models
from seawall.core.errors import ContractBroken, InvalidRequest, NotFound

CONTACT = {
    "id": CONTACT_ID,
    "first_name": "Kate",
    "last_name": "O&#039;Brien",
    "email1": "kate@example.com",
    "title": "",
    "phone_work": "",
    "phone_mobile": "",
    "description": "",
    "assigned_user_id": "1",
    "date_entered": "2026-03-01 10:00:00",
    "date_modified": "2026-03-01 10:00:00",
}
MANY = [case_record(id=f"{n:08d}-1111-4111-8111-111111111111") for n in range(4)]


async def read(name: str, request: Any, **wire: Any) -> Any:
    crm = adapter(**wire)
    try:
        return (await crm.send(crm.actions[name], attempt(request, key=""))).value
    finally:
        await crm.close()


async def test_a_case_is_the_same_over_both_wires(suite: respx.MockRouter) -> None:
    suite.post(REST).mock(side_effect=RestDouble(get_entry=entries(case_record())))
    suite.get(f"{ROOT}/module/Cases/{CASE_ID}").respond(
        json=document(case_record(date_modified="2026-03-01T10:05:00Z"))
    )
    request = models.GetCase(case_id=CASE_ID)
    assert await read("get_case", request) == await read("get_case", request, **V8)


async def test_a_record_may_come_in_another_spelling_of_its_id(suite: respx.MockRouter) -> None:
    upper = "AAAAAAAA-1111-4111-8111-111111111111"
    suite.post(REST).mock(side_effect=RestDouble(get_entry=entries(case_record(id=upper))))
    request = models.GetCase(case_id=upper)
    assert request.case_id == upper.lower()
    assert (await read("get_case", request)).subject == "Printer on fire"


async def test_v4_1_says_that_there_is_none(suite: respx.MockRouter) -> None:
    suite.post(REST).mock(side_effect=RestDouble(get_entry=missing(CASE_ID)))
    with pytest.raises(NotFound):
        await read("get_case", models.GetCase(case_id=CASE_ID))


async def test_v8_says_that_there_is_none(suite: respx.MockRouter) -> None:
    gone = refusal(f"Contacts module with id {CONTACT_ID} is not found")
    suite.get(f"{ROOT}/module/Contacts/{CONTACT_ID}").mock(return_value=gone)
    with pytest.raises(NotFound):
        await read("get_contact", models.GetContact(contact_id=CONTACT_ID), **V8)


async def test_that_another_record_is_not_found_says_nothing_of_this_one(suite: respx.MockRouter) -> None:
    gone = refusal("Users module with id 5ea00000-0000-4000-8000-000000000001 is not found")
    suite.get(f"{ROOT}/module/Cases/{OURS}").mock(return_value=gone)
    crm = adapter(**V8)
    with pytest.raises(NotFound, match="Users"):
        await crm.probe(crm.actions["create_case"], attempt(CREATE))
    await crm.close()


async def test_a_contact_is_read_with_its_address_and_without_encoding(suite: respx.MockRouter) -> None:
    suite.post(REST).mock(side_effect=RestDouble(get_entry=entries(CONTACT)))
    contact = await read("get_contact", models.GetContact(contact_id=CONTACT_ID))
    assert (contact.last_name, contact.email, contact.title) == ("O'Brien", "kate@example.com", None)


async def test_v4_1_finds_by_an_escaped_condition_and_asks_for_one_more(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry_list=entries(*MANY))
    suite.post(REST).mock(side_effect=rest)
    found = await read("find_cases", models.FindCases(subject="Bob's", limit=3))
    assert (len(found.cases), found.complete) == (3, False)
    ((_, module, query, order, offset, _, _, limit, deleted),) = rest.arguments("get_entry_list")
    assert (module, query, order) == ("Cases", "cases.name = 'Bob''s'", "cases.date_entered DESC")
    assert (offset, limit, deleted) == (0, 4, 0)


@pytest.mark.parametrize(
    ("pages", "asked", "complete"),
    [
        ([{"total_count": "4"}, {"total_count": 4}], [0, 2], True),
        ([{"total_count": "2"}], [0], True),
        ([{"total_count": -1}], [0], True),
        ([{}], [0], True),
        ([{"total_count": 9}, {"total_count": 9}, {"total_count": 9}], [0, 2, 4], False),
    ],
    ids=["two pages", "one page", "not counted", "not told", "more than asked for"],
)
async def test_v4_1_is_asked_again_where_a_page_is_shorter_than_what_there_is(
    suite: respx.MockRouter, pages: list[dict[str, Any]], asked: list[int], complete: bool
) -> None:
    rest = RestDouble(get_entry_list=[entries(*MANY[:2]) | page for page in pages])
    suite.post(REST).mock(side_effect=rest)
    found = await read("find_cases", models.FindCases(limit=5))
    assert [arguments[4] for arguments in rest.arguments("get_entry_list")] == asked
    assert found.complete is complete


async def test_v4_1_is_not_asked_for_ever(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry_list=[entries(*MANY) | {"total_count": 9}, entries() | {"total_count": 9}])
    suite.post(REST).mock(side_effect=rest)
    with pytest.raises(ContractBroken, match="more records"):
        await read("find_cases", models.FindCases(limit=50))
    assert len(rest.arguments("get_entry_list")) == 2


async def test_v8_finds_by_filters(suite: respx.MockRouter) -> None:
    suite.get(f"{ROOT}/module/Cases", name="list").respond(json={"data": [resource(record) for record in MANY]})
    request = models.FindCases(status="Open_New", created_after=datetime(2026, 1, 1, tzinfo=UTC), limit=4)
    found = await read("find_cases", request, **V8)
    assert (len(found.cases), found.complete) == (4, True)
    assert dict(suite["list"].calls.last.request.url.params) == {
        "filter[status][eq]": "Open_New",
        "filter[date_entered][gt]": "2026-01-01 00:00:00",
        "page[size]": "5",
        "page[number]": "1",
        "sort": "-date_entered",
    }


async def test_contacts_are_found_by_their_address_over_v4_1(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry_list=entries(CONTACT))
    suite.post(REST).mock(side_effect=rest)
    found = await read("find_contacts", models.FindContacts(email="kate@example.com"))
    assert [contact.contact_id for contact in found.contacts] == [CONTACT_ID]
    assert "ea.email_address = 'kate@example.com'" in rest.arguments("get_entry_list")[0][2]


async def test_v8_says_that_it_cannot_find_by_an_address(suite: respx.MockRouter) -> None:
    with pytest.raises(InvalidRequest, match="e-mail"):
        await read("find_contacts", models.FindContacts(email="kate@example.com"), **V8)
    assert len(suite.calls) == 0


@pytest.mark.case(44)
@pytest.mark.parametrize("data", [[], {}, {"data": {}}, {"data": [5]}, {"data": [{"id": 5, "attributes": {}}]}])
async def test_a_list_of_another_shape_breaks_the_contract(suite: respx.MockRouter, data: Any) -> None:
    suite.get(f"{ROOT}/module/Cases").mock(return_value=httpx.Response(200, json=data))
    with pytest.raises(ContractBroken):
        await read("find_cases", models.FindCases(), **V8)
