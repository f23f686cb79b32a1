"""Collections: a result for every item in the order of the input, whole or in part."""

from __future__ import annotations

from typing import Any

import pytest
from support.org import LoggedIn, first_error, logged_in

PATH = "/composite/sobjects"
UPSERT = f"{PATH}/Case/Seawall_Key__c"


def case(**fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Case"}, **fields}


def codes(results: list[dict[str, Any]]) -> list[str | None]:
    return [None if r["success"] else r["errors"][0]["statusCode"] for r in results]


async def test_good_items_commit_and_bad_ones_are_told_in_order(crm: LoggedIn) -> None:
    records = [case(Subject="A"), case(Subject="x" * 300), case(Foo=1), case(Subject="B")]
    answer = await crm("POST", PATH, json={"records": records})
    assert answer.status_code == 200
    assert codes(answer.json()) == [None, "STRING_TOO_LONG", "INVALID_FIELD", None]
    assert answer.json()[1]["errors"][0]["fields"] == ["Subject"]
    assert "errorCode" not in answer.json()[1]["errors"][0]
    assert [e.record_id for e in crm.org.effects] == [answer.json()[0]["id"], answer.json()[3]["id"]]
    assert {e.request_id for e in crm.org.effects} == {2}


async def test_all_or_none_rolls_everything_back(crm: LoggedIn) -> None:
    body = {"allOrNone": True, "records": [case(Seawall_Key__c="k1"), case(Foo=1), case(Subject="B")]}
    answer = await crm("POST", PATH, json=body)
    assert answer.status_code == 200
    rolled_back = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert codes(answer.json()) == [rolled_back, "INVALID_FIELD", rolled_back]
    assert len(crm.org.effects) == 0
    assert crm.org.records.all("Case") == []
    assert (await crm("GET", "/sobjects/Case/Seawall_Key__c/k1")).status_code == 404


async def test_all_or_none_restores_what_was_overwritten(crm: LoggedIn) -> None:
    record_id = await crm.create(Subject="A", Seawall_Key__c="old")
    body = {
        "allOrNone": True,
        "records": [case(id=record_id, Subject="B", Seawall_Key__c="new"), case(id="500SW0000000999AAA")],
    }
    assert codes((await crm("PATCH", PATH, json=body)).json())[1] == "INVALID_CROSS_REFERENCE_KEY"
    assert (await crm("GET", "/sobjects/Case/Seawall_Key__c/old")).json()["Subject"] == "A"
    assert (await crm("GET", "/sobjects/Case/Seawall_Key__c/new")).status_code == 404
    assert crm.happened() == ["insert"]


async def test_update_tells_each_record_apart(crm: LoggedIn) -> None:
    alive, dead = await crm.create(), await crm.create()
    await crm("DELETE", f"/sobjects/Case/{dead}")
    records = [case(Id=alive, Subject="B"), case(id=dead), case(id="500SW0000000999AAA"), case(Subject="C")]
    answer = await crm("PATCH", PATH, json={"records": records})
    assert codes(answer.json()) == [
        None,
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "MISSING_ARGUMENT",
    ]


async def test_upsert_inserts_updates_and_refuses_in_one_call(crm: LoggedIn) -> None:
    await crm("PATCH", "/sobjects/Case/Seawall_Key__c/old", json={"Subject": "A"})
    records = [
        case(Seawall_Key__c="old", Subject="B"),
        case(seawall_key__c="new", Subject="C"),
        case(Subject="no key"),
        case(Seawall_Key__c="NEW"),
        {"attributes": {"type": "Task"}, "Seawall_Key__c": "t"},
        case(Seawall_Key__c="bad", Foo=1),
    ]
    results = (await crm("PATCH", UPSERT, json={"records": records})).json()
    assert [r.get("created") for r in results] == [False, True, None, None, None, None]
    assert codes(results)[2:] == ["MISSING_ARGUMENT", "DUPLICATE_VALUE", "INVALID_TYPE", "INVALID_FIELD"]
    assert crm.happened() == ["insert", "update", "insert"]


async def test_upsert_whose_key_has_several_records_is_refused_for_that_item() -> None:
    async with logged_in(custom_fields={"Case": [{"name": "Order__c", "external_id": True}]}) as crm:
        for _ in range(2):
            crm.org.add_record("Case", {"Order__c": "A"})
        records = [case(Order__c="A"), case(Order__c="B")]
        results = (await crm("PATCH", f"{PATH}/Case/Order__c", json={"records": records})).json()
        assert codes(results) == ["DUPLICATE_EXTERNAL_ID", None]


async def test_upsert_by_id_updates(crm: LoggedIn) -> None:
    record_id = await crm.create(Subject="A")
    results = (await crm("PATCH", f"{PATH}/Case/Id", json={"records": [case(Id=record_id, Subject="B")]})).json()
    assert results == [{"id": record_id, "success": True, "errors": [], "created": False}]


async def test_delete_tells_each_record_apart(crm: LoggedIn) -> None:
    ids = [await crm.create(), "500SW0000000999AAA", "nonsense"]
    answer = await crm("DELETE", PATH, params={"ids": ",".join(ids)})
    assert codes(answer.json()) == [None, "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"]
    ids = [await crm.create(), "500SW0000000999AAA"]
    answer = await crm("DELETE", PATH, params={"ids": ",".join(ids), "allOrNone": "true"})
    assert codes(answer.json())[0] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert crm.happened() == ["insert", "delete", "insert"]


async def test_retrieve_gives_null_for_what_is_not_there(crm: LoggedIn) -> None:
    record_id = await crm.create(Subject="A")
    asked = {"ids": f"{record_id},500SW0000000999AAA", "fields": "Subject"}
    by_get = (await crm("GET", f"{PATH}/Case", params=asked)).json()
    assert by_get[0]["Subject"] == "A"
    assert by_get[1] is None
    body = {"ids": [record_id, "500SW0000000999AAA"], "fields": ["Subject"]}
    assert (await crm("POST", f"{PATH}/Case", json=body)).json() == by_get
    assert first_error(await crm("GET", f"{PATH}/Case", params={"ids": record_id}))[1] == "MISSING_ARGUMENT"
    wrong = {"ids": record_id, "fields": "Foo"}
    assert first_error(await crm("GET", f"{PATH}/Case", params=wrong))[1] == "INVALID_FIELD"


async def test_200_records_are_taken_and_201_are_refused_whole(crm: LoggedIn) -> None:
    assert len((await crm("POST", PATH, json={"records": [case()] * 200})).json()) == 200
    answer = await crm("POST", PATH, json={"records": [case()] * 201})
    assert first_error(answer) == (400, "EXCEEDED_ID_LIMIT")
    answer = await crm("DELETE", PATH, params={"ids": ",".join(["500SW0000000999AAA"] * 201)})
    assert first_error(answer) == (400, "EXCEEDED_ID_LIMIT")
    assert len(crm.org.effects) == 200


async def test_ten_chunks_of_types_are_taken_and_eleven_are_refused(crm: LoggedIn) -> None:
    mixed = [case(), {"attributes": {"type": "Task"}}]
    assert (await crm("POST", PATH, json={"records": mixed * 5})).status_code == 200
    answer = await crm("POST", PATH, json={"records": [*(mixed * 5), case()]})
    assert first_error(answer) == (400, "LIMIT_EXCEEDED")


@pytest.mark.parametrize("body", [{}, {"records": {}}, {"records": [1]}, []])
async def test_batch_that_is_none_is_refused_whole(crm: LoggedIn, body: Any) -> None:
    assert first_error(await crm("POST", PATH, json=body)) == (400, "JSON_PARSER_ERROR")


async def test_item_without_a_type_is_refused_alone(crm: LoggedIn) -> None:
    results = (await crm("POST", PATH, json={"records": [{"Subject": "A"}, case()]})).json()
    assert codes(results) == ["INVALID_TYPE", None]


async def test_collections_of_an_unknown_object_or_field_are_not_found(crm: LoggedIn) -> None:
    assert first_error(await crm("PATCH", f"{PATH}/Foo/Bar__c", json={"records": []})) == (404, "NOT_FOUND")
    assert first_error(await crm("PATCH", f"{PATH}/Case/Subject", json={"records": []})) == (404, "NOT_FOUND")
