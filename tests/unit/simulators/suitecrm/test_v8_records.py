"""Single records over v8: creation, reading, change and deletion, and refusals that are all a 400."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from support.clock import FakeClock
from support.instance import DATABASE_FAILURE, Client, connected, detail
from support.virtual import virtual

ID = "11111111-2222-4333-8444-555555555555"
OTHER_ID = "11111111-2222-4333-8444-666666666666"
EXISTS = f"Bean Cases with id {ID} is already exist"


async def test_created_record_is_answered_as_it_is_stored() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with connected(simulator={"now": clock.now}) as crm:
        answer = await crm.create("Cases", ID, name="It's " + "x" * 300, status="Open_New")
        assert answer.status_code == 201
        assert answer.headers["content-type"] == "application/vnd.api+json"
        assert "etag" not in answer.headers
        data = answer.json()["data"]
        assert (data["type"], data["id"]) == ("Case", ID)
        assert data["attributes"]["name"] == "It&#039;s " + "x" * 250
        assert data["attributes"]["date_entered"] == "2027-01-15T08:00:00+00:00"
        assert data["attributes"]["case_number"] == "1"
        assert "id" not in data["attributes"]
        related = f"/V8/module/{ID}/relationships/contacts"
        assert data["relationships"]["Contacts"] == {"links": {"related": related}}
        assert crm.suite.effects[0].fields == {"name": "It's " + "x" * 250, "status": "Open_New"}


async def test_record_without_an_id_is_always_a_new_one(crm: Client) -> None:
    ids = {(await crm.create(name="A")).json()["data"]["id"] for _ in range(2)}
    assert len(ids) == 2


async def test_both_apis_work_on_the_same_records(crm: Client) -> None:
    await crm.create("Cases", ID, name="A")
    await crm.set_entry(id=ID, name="B")
    answer = await crm.v8("GET", f"/module/Cases/{ID}")
    assert answer.json()["data"]["attributes"]["name"] == "B"


async def test_id_that_is_taken_is_refused_in_words_also_after_a_deletion(crm: Client) -> None:
    await crm.create("Cases", ID, name="A")
    assert detail(await crm.create("Cases", ID.upper(), name="A")) == (400, EXISTS.replace(ID, ID.upper()))
    deleted = await crm.v8("DELETE", f"/module/Cases/{ID}")
    assert (deleted.status_code, deleted.json()["meta"]["message"]) == (200, f"Record with id {ID} is deleted")
    answer = await crm.create("Cases", ID, name="A")
    assert answer.json() == {"errors": {"status": 400, "title": None, "detail": EXISTS}}
    assert crm.happened() == ["insert", "delete"]


@virtual
async def test_two_creations_pass_the_check_and_the_primary_key_stops_the_slower_one() -> None:
    slow = {"point": "apply", "kind": "slow", "params": {"seconds": 3}, "match": {"operation": "v8_create"}}
    async with connected({**slow, "trigger": {"nth": 1}}) as crm:
        first = asyncio.create_task(crm.create("Cases", ID, name="A"))
        await asyncio.sleep(1)
        second = await crm.create("Cases", ID, name="A")
        beaten = await first
        assert second.status_code == 201
        assert beaten.status_code == 400
        assert beaten.text.endswith(DATABASE_FAILURE)
        with pytest.raises(json.JSONDecodeError):
            beaten.json()
        assert crm.happened() == ["insert"]


async def test_delivered_twice_the_second_finds_the_first() -> None:
    async with connected({"point": "apply", "kind": "duplicate_delivery", "match": {"lane": "write"}}) as crm:
        assert detail(await crm.create("Cases", ID, name="A")) == (400, EXISTS)
        assert [(e.kind, e.cause) for e in crm.suite.effects] == [("insert", "request")]
        await crm.create("Cases", None, name="A")
        assert [e.cause for e in crm.suite.effects][1:] == ["request", "duplicate_delivery"]


async def test_change_answers_201_and_touches_what_it_names(crm: Client) -> None:
    await crm.create("Cases", ID, name="A", status="Open_New")
    answer = await crm.patch(ID, name="B")
    attributes = answer.json()["data"]["attributes"]
    assert (answer.status_code, attributes["name"], attributes["status"]) == (201, "B", "Open_New")
    assert (crm.suite.effects[1].kind, crm.suite.effects[1].changed) == ("update", ("name",))


async def test_record_that_is_not_there_is_a_400_for_every_verb(crm: Client) -> None:
    gone = (await crm.create(name="A")).json()["data"]["id"]
    await crm.v8("DELETE", f"/module/Cases/{gone}")
    for record_id in (ID, gone):
        text = f"Cases module with id {record_id} is not found"
        assert detail(await crm.v8("GET", f"/module/Cases/{record_id}")) == (400, text)
        assert detail(await crm.patch(record_id, name="B")) == (400, text)
        assert detail(await crm.v8("DELETE", f"/module/Cases/{record_id}")) == (400, text)
    assert crm.happened() == ["insert", "delete"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"data": {"type": "Nonsense"}}, "Module Nonsense does not exist"),
        ({"data": {"attributes": {}}}, 'The required option "type" is missing.'),
        ({}, 'The required option "data" is missing.'),
        ([], 'The required option "data" is missing.'),
        ({"data": {"type": "Cases", "id": "sw-key"}}, 'The option "id" with value "sw-key" is invalid.'),
        ({"data": {"type": "Cases", "id": 5}}, 'The option "id" with value "5" is invalid.'),
        ({"data": {"type": "Cases", "attributes": {"nonsense": 1}}}, "Property nonsense in Case module is invalid"),
        ({"data": {"type": "Cases", "attributes": []}}, 'The option "attributes" is expected to be of type "array".'),
    ],
)
async def test_body_that_breaks_a_rule_is_refused_and_writes_nothing(crm: Client, body: Any, text: str) -> None:
    assert detail(await crm.v8("POST", "/module", json=body)) == (400, text)
    assert len(crm.suite.effects) == 0


async def test_id_that_v4_took_is_no_id_to_v8(crm: Client) -> None:
    await crm.set_entry(id="sw-key", new_with_id=1, name="A")
    assert detail(await crm.v8("GET", "/module/Cases/sw-key")) == (
        400,
        'The option "id" with value "sw-key" is invalid.',
    )


async def test_fields_are_chosen_by_module_and_unknown_ones_refused(crm: Client) -> None:
    await crm.create("Cases", ID, name="A")
    answer = await crm.v8("GET", f"/module/Cases/{ID}", params={"fields[Cases]": "name,status"})
    assert answer.json()["data"]["attributes"] == {"name": "A", "status": ""}
    refused = await crm.v8("GET", f"/module/Cases/{ID}", params={"fields[Cases]": "name,x"})
    assert detail(refused) == (400, "The following field in Case module is not found: x")


async def test_id_among_the_attributes_updates_nothing_and_is_answered_201(crm: Client) -> None:
    answer = await crm.create("Cases", None, id=OTHER_ID, name="A")
    assert (answer.status_code, answer.json()["data"]["id"]) == (201, OTHER_ID)
    assert len(crm.suite.effects) == 0


@pytest.mark.case(11)
async def test_hook_that_fails_after_the_row_was_written_is_worded_like_a_refusal() -> None:
    hooks = [{"module": "Cases", "contains": "boom", "message": "ERP is down"}]
    async with connected(hooks=hooks) as crm:
        assert detail(await crm.create("Cases", ID, name="boom")) == (400, "ERP is down")
        assert crm.happened() == ["insert"]
        assert detail(await crm.patch(ID, status="Closed")) == (400, "ERP is down")
        assert crm.happened() == ["insert", "update"]


@pytest.mark.case(11)
async def test_error_in_a_hook_after_the_row_was_written_is_a_500() -> None:
    async with connected(hooks=[{"module": "Cases", "raises": "error"}]) as crm:
        answer = await crm.create("Cases", ID, name="A")
        assert (answer.status_code, answer.json()) == (500, {"message": "Slim Application Error"})
        assert crm.happened() == ["insert"]


@pytest.mark.parametrize("right", ["save", "view", "delete"])
async def test_right_that_is_missing_is_a_400(right: str) -> None:
    async with connected(users=[{"denied": [f"Cases.{right}"]}]) as crm:
        record_id = crm.suite.add_record("Cases", {"name": "A", "id": ID})
        calls = {
            "save": [await crm.create(name="A"), await crm.patch(record_id, name="B")],
            "view": [await crm.v8("GET", f"/module/Cases/{ID}"), await crm.v8("GET", "/module/Cases")],
            "delete": [await crm.v8("DELETE", f"/module/Cases/{ID}")],
        }
        assert [detail(answer) for answer in calls[right]] == [(400, "[AccessDeniedException] ")] * len(calls[right])
