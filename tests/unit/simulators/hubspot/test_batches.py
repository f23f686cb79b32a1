"""Batches: whole without trace ids, item by item with them, and results in an order of their own."""

from __future__ import annotations

from typing import Any

import pytest
from support.portal import Client, connected, refusal


def inputs(*items: dict[str, Any], traced: bool = False) -> dict[str, Any]:
    named = [{**item, "objectWriteTraceId": f"t{n}"} if traced else item for n, item in enumerate(items)]
    return {"inputs": named}


def contact(email: str, **more: Any) -> dict[str, Any]:
    return {"properties": {"email": email}, **more}


async def run(hub: Client, verb: str, body: dict[str, Any], name: str = "contacts") -> Any:
    return await hub("POST", f"{name}/batch/{verb}", json=body)


async def test_good_batch_is_created_whole(hub: Client) -> None:
    answer = await run(hub, "create", inputs(contact("a@example.com"), contact("b@example.com")))
    assert answer.status_code == 201
    body = answer.json()
    assert body["status"] == "COMPLETE"
    assert {row["properties"]["email"] for row in body["results"]} == {"a@example.com", "b@example.com"}
    assert "errors" not in body
    assert {effect.request_id for effect in hub.portal.effects} == {1}
    assert hub.happened() == ["insert"] * 2


@pytest.mark.parametrize("order", [0, 1])
async def test_one_bad_input_without_trace_ids_refuses_all(hub: Client, order: int) -> None:
    items = [contact("a@example.com"), contact("nonsense")]
    answer = await run(hub, "create", inputs(*(items if order else items[::-1])))
    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert len(hub.portal.effects) == 0
    assert hub.portal.records.all("contacts") == []


@pytest.mark.parametrize("traces", [("t0", None, "t2"), ("t0", "t0", "t2"), ("", "t1", "t2")])
async def test_trace_ids_that_are_not_on_each_input_and_unique_count_as_none(
    hub: Client, traces: tuple[str | None, ...]
) -> None:
    items = [contact("a@example.com"), contact("nonsense"), contact("c@example.com")]
    body = {"inputs": [{**item, "objectWriteTraceId": trace} for item, trace in zip(items, traces, strict=True)]}
    assert (await run(hub, "create", body)).status_code == 400
    assert len(hub.portal.effects) == 0


async def test_trace_ids_tell_the_bad_inputs_from_the_good(hub: Client) -> None:
    await hub.create(email="taken@example.com")
    items = [contact("a@example.com"), contact("taken@example.com"), contact("nonsense"), contact("b@example.com")]
    answer = await run(hub, "create", inputs(*items, traced=True))
    assert answer.status_code == 207
    body = answer.json()
    assert {row["objectWriteTraceId"]: row["properties"]["email"] for row in body["results"]} == {
        "t0": "a@example.com",
        "t3": "b@example.com",
    }
    assert body["numErrors"] == 2
    assert [(e["category"], e["context"]["objectWriteTraceId"]) for e in body["errors"]] == [
        ("CONFLICT", ["t1"]),
        ("VALIDATION_ERROR", ["t2"]),
    ]
    assert [effect.fields["email"] for effect in hub.portal.effects][1:] == ["a@example.com", "b@example.com"]


async def test_batch_whose_every_input_is_bad_is_still_a_207(hub: Client) -> None:
    answer = await run(hub, "create", inputs(contact("x"), contact("y"), traced=True))
    assert (answer.status_code, answer.json()["results"], answer.json()["numErrors"]) == (207, [], 2)


async def test_failed_input_leaves_nothing_behind(hub: Client) -> None:
    note = {"properties": {"hs_timestamp": "2026-01-01", "seawall_key": "k1"}}
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    person = await hub.create(email="a@example.com")
    bad = {**note, "associations": [{"to": {"id": record_id}, "types": kinds} for record_id in (person, "999")]}
    answer = await run(hub, "create", inputs(bad, note, traced=True), "notes")
    assert answer.json()["numErrors"] == 1
    assert len(answer.json()["results"]) == 1
    assert hub.happened("notes") == ["insert"]
    assert hub.happened("associations") == []
    assert (await hub("GET", f"contacts/{person}/associations/notes")).json()["results"] == []


async def test_results_come_in_an_order_of_their_own_that_the_seed_repeats() -> None:
    async def order(seed: int, **settings: Any) -> list[str]:
        async with connected(simulator={"seed": seed}, **settings) as hub:
            items = [contact(f"n{number}@example.com") for number in range(20)]
            results = (await run(hub, "create", inputs(*items))).json()["results"]
            return [row["id"] for row in results]

    assert await order(1) == await order(1) != await order(2)
    assert await order(1, shuffle_results=False) == sorted(await order(1))
    assert await order(1) != sorted(await order(1))


async def test_results_can_lack_their_trace_ids() -> None:
    async with connected(echo_trace_ids=False) as hub:
        answer = await run(hub, "create", inputs(contact("a@example.com"), traced=True))
        assert "objectWriteTraceId" not in answer.json()["results"][0]


async def test_read_tells_the_missing_ids_in_one_error(hub: Client) -> None:
    made = await hub.create(email="a@example.com", phone="1")
    ids = [{"id": made}, {"id": "998"}, {"id": "999"}]
    answer = await run(hub, "read", {"inputs": ids, "properties": ["phone"]})
    assert answer.status_code == 207
    assert [row["properties"]["phone"] for row in answer.json()["results"]] == ["1"]
    (error,) = answer.json()["errors"]
    assert (error["category"], error["context"]) == ("OBJECT_NOT_FOUND", {"ids": ["998", "999"]})
    by_mail = {"inputs": [{"id": "A@example.com"}], "properties": [], "idProperty": "email"}
    answer = await run(hub, "read", by_mail)
    assert (answer.status_code, answer.json()["results"][0]["id"]) == (200, made)


async def test_update_changes_by_id_and_by_unique_value(hub: Client) -> None:
    one, other = await hub.create(firstname="A"), await hub.create(email="b@example.com")
    items = [
        {"id": one, "properties": {"lastname": "X"}},
        {"id": "b@example.com", "idProperty": "email", "properties": {"lastname": "Y"}},
    ]
    answer = await run(hub, "update", inputs(*items))
    assert answer.status_code == 200
    assert {row["id"]: row["properties"]["lastname"] for row in answer.json()["results"]} == {one: "X", other: "Y"}
    assert hub.happened() == ["insert", "insert", "update", "update"]


@pytest.mark.parametrize(("tells", "status", "effects"), [(True, 207, 2), (False, 404, 1)])
async def test_update_of_missing_records_is_told_or_refused_whole(tells: bool, status: int, effects: int) -> None:
    async with connected(missing_in_updates=tells) as hub:
        made = await hub.create(firstname="A")
        items = [{"id": record_id, "properties": {"lastname": "X"}} for record_id in (made, "999")]
        answer = await run(hub, "update", inputs(*items))
        assert answer.status_code == status
        assert len(hub.portal.effects) == effects


async def test_update_with_a_bad_value_and_no_trace_ids_is_refused_whole(hub: Client) -> None:
    one, other = await hub.create(firstname="A"), await hub.create(firstname="B")
    items = [{"id": one, "properties": {"lastname": "X"}}, {"id": other, "properties": {"foo": "Y"}}]
    assert refusal(await run(hub, "update", inputs(*items))) == (400, "VALIDATION_ERROR")
    assert hub.happened() == ["insert", "insert"]
    assert (await hub.seen("contacts", one))["properties"]["lastname"] is None
    answer = await run(hub, "update", inputs(*items, traced=True))
    assert (answer.status_code, answer.json()["results"][0]["id"]) == (207, one)


async def test_upsert_says_what_is_new(hub: Client) -> None:
    old = await hub.create(firstname="A", seawall_key="old")
    items = [
        {"id": key, "idProperty": "seawall_key", "properties": {"firstname": "B", "seawall_key": key}}
        for key in ("old", "new")
    ]
    answer = await run(hub, "upsert", inputs(*items))
    assert answer.status_code == 200
    told = {row["properties"]["seawall_key"]: (row["new"], row["id"] == old) for row in answer.json()["results"]}
    assert told == {"old": (False, True), "new": (True, False)}
    assert hub.happened() == ["insert", "update", "insert"]
    again = await run(hub, "upsert", inputs(*items))
    assert [row["new"] for row in again.json()["results"]] == [False, False]


async def test_upsert_by_id_updates_and_by_another_property_is_refused(hub: Client) -> None:
    made = await hub.create(firstname="A")
    answer = await run(hub, "upsert", inputs({"id": made, "properties": {"firstname": "B"}}))
    assert answer.json()["results"][0]["new"] is False
    by_name = {"id": "B", "idProperty": "firstname", "properties": {}}
    assert refusal(await run(hub, "upsert", inputs(by_name))) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("verb", ["update", "upsert"])
@pytest.mark.parametrize("traced", [True, False])
async def test_same_record_twice_in_a_batch_is_refused_whole(hub: Client, verb: str, traced: bool) -> None:
    item = {"id": "k1", "idProperty": "seawall_key", "properties": {"firstname": "A"}}
    answer = await run(hub, verb, inputs(item, item, traced=traced))
    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert answer.json()["context"] == {"ids": ["k1"]}
    assert len(hub.portal.effects) == 0


@pytest.mark.parametrize("verb", ["update", "upsert"])
async def test_input_that_names_no_record_is_refused_whole(hub: Client, verb: str) -> None:
    body = inputs({"properties": {"firstname": "A"}}, traced=True)
    assert refusal(await run(hub, verb, body)) == (400, "VALIDATION_ERROR")


async def test_same_unique_value_twice_in_a_batch_is_taken_once_or_refused_whole(hub: Client) -> None:
    items = [contact("a@example.com"), contact("A@example.com")]
    assert refusal(await run(hub, "create", inputs(*items))) == (409, "CONFLICT")
    assert len(hub.portal.effects) == 0
    answer = await run(hub, "create", inputs(*items, traced=True))
    assert (answer.status_code, answer.json()["errors"][0]["context"]["objectWriteTraceId"]) == (207, ["t1"])
    assert hub.happened() == ["insert"]


async def test_read_by_a_property_without_unique_values_is_refused(hub: Client) -> None:
    body = {"inputs": [{"id": "A"}], "idProperty": "firstname"}
    assert refusal(await run(hub, "read", body)) == (400, "VALIDATION_ERROR")


async def test_archive_passes_over_what_is_not_there(hub: Client) -> None:
    made = [await hub.create(firstname="A"), await hub.create(firstname="B")]
    ids = [{"id": record_id} for record_id in (*made, "999")]
    assert (await run(hub, "archive", {"inputs": ids})).status_code == 204
    assert (await run(hub, "archive", {"inputs": ids})).status_code == 204
    assert hub.happened() == ["insert"] * 2 + ["delete"] * 2


@pytest.mark.parametrize("verb", ["create", "read", "update", "upsert", "archive"])
async def test_100_inputs_are_taken_and_101_are_refused_whole(hub: Client, verb: str) -> None:
    items = [{"id": f"{n}", "properties": {"firstname": "A"}} for n in range(101)]
    assert (await run(hub, verb, inputs(*items[:100]))).status_code < 300 or verb == "upsert"
    answer = await run(hub, verb, inputs(*items))
    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert "100. Received 101" in answer.json()["message"]


@pytest.mark.parametrize("body", [{}, {"inputs": {}}, {"inputs": [1]}, []])
async def test_batch_that_is_none_is_refused(hub: Client, body: Any) -> None:
    assert refusal(await run(hub, "create", body)) == (400, "VALIDATION_ERROR")
