"""Single records: created, read by id and by unique value, listed, updated, archived."""

from __future__ import annotations

from typing import Any

import pytest
from support.portal import Client, connected, detail, refusal

TICKET = {"subject": "Printer", "hs_pipeline_stage": "1"}


async def test_contact_is_created_and_shown_with_its_own_properties(hub: Client) -> None:
    answer = await hub("POST", "contacts", json={"properties": {"email": "Ada@Example.com", "firstname": "Ada"}})
    assert answer.status_code == 201
    made = answer.json()
    assert made["id"] == "6001"
    assert made["archived"] is False
    assert made["createdAt"] == made["updatedAt"] == made["properties"]["createdate"]
    assert made["createdAt"].endswith("Z")
    assert made["properties"]["email"] == "ada@example.com"
    assert made["properties"]["hs_object_id"] == "6001"
    (effect,) = hub.portal.effects
    assert (effect.kind, effect.object, effect.record_id) == ("insert", "contacts", "6001")
    assert effect.fields == {"email": "ada@example.com", "firstname": "Ada"}


async def test_get_shows_the_default_properties_or_those_asked_for(hub: Client) -> None:
    contact = await hub.create(email="a@example.com", phone="1")
    shown = (await hub.seen("contacts", contact))["properties"]
    assert set(shown) == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    assert shown["firstname"] is None
    asked = (await hub.seen("contacts", contact, properties="phone,nothing"))["properties"]
    assert set(asked) == {"createdate", "hs_object_id", "lastmodifieddate", "phone"}
    repeated = await hub("GET", f"contacts/{contact}?properties=phone&properties=email")
    assert {"phone", "email"} <= set(repeated.json()["properties"])


async def test_record_is_found_by_its_unique_values_at_once(hub: Client) -> None:
    contact = await hub.create(email="a@example.com", seawall_key="k/1")
    assert (await hub.seen("contacts", "A@example.COM", idProperty="email"))["id"] == contact
    assert (await hub.seen("contacts", "k%2F1", idProperty="seawall_key"))["id"] == contact
    assert await hub.seen("contacts", "k2", idProperty="seawall_key") == 404


@pytest.mark.parametrize("name", ["firstname", "nothing"])
async def test_property_without_unique_values_identifies_nothing(hub: Client, name: str) -> None:
    answer = await hub("GET", "contacts/x", params={"idProperty": name})
    assert refusal(answer) == (400, "VALIDATION_ERROR")


async def test_missing_record_is_worded_by_the_form_of_its_id(hub: Client) -> None:
    assert refusal(await hub("GET", "contacts/999")) == (404, None)
    answer = await hub("GET", "contacts/abc")
    assert refusal(answer) == (404, "OBJECT_NOT_FOUND")
    assert answer.json()["context"] == {"id": ["abc"]}


@pytest.mark.parametrize("name", ["contacts", "contact", "0-1", "CONTACTS"])
async def test_object_has_several_names(hub: Client, name: str) -> None:
    contact = await hub.create(email="a@example.com")
    assert (await hub.seen(name, contact))["id"] == contact


async def test_unknown_object_is_refused(hub: Client) -> None:
    assert refusal(await hub("GET", "foos/1")) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("name", "properties", "absent"),
    [
        ("tickets", {"subject": "A"}, ["hs_pipeline_stage"]),
        ("notes", {"hs_note_body": "A"}, ["hs_timestamp"]),
        ("contacts", {"phone": "1"}, ["email", "firstname", "lastname"]),
        ("companies", {"phone": "1"}, ["name", "domain"]),
    ],
)
async def test_record_without_required_properties_is_refused(
    hub: Client, name: str, properties: dict[str, str], absent: list[str]
) -> None:
    answer = await hub("POST", name, json={"properties": properties})
    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert answer.json()["context"]["properties"] == absent
    assert len(hub.portal.effects) == 0


@pytest.mark.parametrize(
    ("name", "properties", "code"),
    [
        ("contacts", {"email": "a@example.com", "foo": "1"}, "PROPERTY_DOESNT_EXIST"),
        ("contacts", {"email": "nonsense"}, "INVALID_EMAIL"),
        ("contacts", {"firstname": "A", "createdate": "2024-01-01"}, "READ_ONLY_VALUE"),
        ("contacts", {"firstname": "A", "lifecyclestage": "unknown"}, "INVALID_OPTION"),
        ("contacts", {"firstname": "A" * 65_537}, "PROPERTY_VALUE_TOO_LONG"),
        ("companies", {"name": "A", "annualrevenue": "much"}, "INVALID_NUMBER"),
        ("tickets", {"subject": "A", "hs_pipeline_stage": "9"}, "INVALID_OPTION"),
        ("notes", {"hs_timestamp": "yesterday"}, "INVALID_DATE"),
    ],
)
async def test_value_that_its_property_does_not_take_is_refused(
    hub: Client, name: str, properties: dict[str, str], code: str
) -> None:
    answer = await hub("POST", name, json={"properties": properties})
    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert detail(answer) == code
    assert answer.json()["errors"][0]["context"]["propertyName"]
    assert len(hub.portal.effects) == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"properties": {"email": {}}}', b'{"properties": 1}'])
async def test_body_that_is_none_is_refused(hub: Client, content: bytes) -> None:
    assert refusal(await hub("POST", "contacts", content=content)) == (400, "VALIDATION_ERROR")


async def test_values_are_kept_as_text(hub: Client) -> None:
    moment = {"hs_timestamp": 1_767_225_600_000, "hs_note_body": True}
    note = (await hub("POST", "notes", json={"properties": moment})).json()["properties"]
    assert note["hs_timestamp"] == "2026-01-01T00:00:00Z"
    assert note["hs_note_body"] == "true"
    company = (await hub("POST", "companies", json={"properties": {"name": "A", "numberofemployees": 7}})).json()
    assert company["properties"]["numberofemployees"] == "7"


TYPES = [
    ("number", "7.5", "7.5", "many", "INVALID_NUMBER"),
    ("bool", "True", "true", "yes", "INVALID_OPTION"),
    ("date", "1767225600000", "2026-01-01", "2026-01-01T10:00:00Z", "INVALID_DATE"),
    ("date", "2026-01-01", "2026-01-01", "soon", "INVALID_DATE"),
    ("datetime", "2026-01-01T10:00:00.250+01:00", "2026-01-01T09:00:00.250Z", "999999999999999", "INVALID_DATE"),
]


@pytest.mark.parametrize(("kind", "given", "kept", "wrong", "code"), TYPES)
async def test_custom_property_takes_values_of_its_type_only(
    kind: str, given: str, kept: str, wrong: str, code: str
) -> None:
    async with connected(custom_properties={"contacts": [{"name": "x", "type": kind, "required": True}]}) as hub:
        contact = await hub.create(firstname="A", x=given)
        assert (await hub.seen("contacts", contact, properties="x"))["properties"]["x"] == kept
        answer = await hub("PATCH", f"contacts/{contact}", json={"properties": {"x": wrong}})
        assert (answer.status_code, detail(answer)) == (400, code)
        without = await hub("POST", "contacts", json={"properties": {"firstname": "A"}})
        assert without.json()["context"] == {"properties": ["x"]}


async def test_email_of_another_contact_is_a_conflict_that_names_it_in_prose(hub: Client) -> None:
    first = await hub.create(email="a@example.com")
    answer = await hub("POST", "contacts", json={"properties": {"email": "A@example.com"}})
    assert refusal(answer) == (409, "CONFLICT")
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {first}"
    other = await hub.create(email="b@example.com")
    assert (await hub("PATCH", f"contacts/{other}", json={"properties": {"email": "a@example.com"}})).status_code == 409
    assert (await hub("PATCH", f"contacts/{first}", json={"properties": {"email": "a@example.com"}})).status_code == 200
    assert hub.happened() == ["insert", "insert", "update"]


@pytest.mark.parametrize(("status", "category"), [(400, "VALIDATION_ERROR"), (409, "CONFLICT")])
async def test_value_of_a_unique_property_is_refused_a_second_time(status: int, category: str) -> None:
    async with connected(unique_conflict_status=status) as hub:
        first = await hub.create("tickets", **TICKET, seawall_key="k1")
        answer = await hub("POST", "tickets", json={"properties": {**TICKET, "seawall_key": "k1"}})
        assert refusal(answer) == (status, category)
        assert answer.json()["message"].endswith(f" {first} already has that value.")
        assert "propertyName=seawall_key, value=k1}" in answer.json()["message"]
        assert hub.happened("tickets") == ["insert"]


async def test_companies_share_a_domain(hub: Client) -> None:
    assert await hub.create("companies", domain="a.example") != await hub.create("companies", domain="a.example")


async def test_update_overwrites_clears_and_moves_the_time(hub: Client) -> None:
    clock = [1_800_000_000.0]
    async with connected(simulator={"now": lambda: clock[0]}) as hub:
        contact = await hub.create(email="a@example.com", firstname="A", phone="1")
        clock[0] += 0.25
        answer = await hub("PATCH", f"contacts/{contact}", json={"properties": {"firstname": "B", "phone": ""}})
        assert answer.status_code == 200
        assert answer.json()["properties"]["firstname"] == "B"
        seen = await hub.seen("contacts", contact, properties="email,firstname,phone")
        assert (seen["properties"]["firstname"], seen["properties"]["phone"]) == ("B", None)
        assert seen["properties"]["lastmodifieddate"] == seen["updatedAt"] == "2027-01-15T08:00:00.250Z"
        assert seen["createdAt"] == "2027-01-15T08:00:00.000Z"
        effect = hub.portal.effects[-1]
        assert (effect.kind, effect.fields, effect.changed) == (
            "update",
            {"firstname": "B", "phone": None},
            ("firstname", "phone"),
        )


async def test_update_by_unique_value_changes_the_record(hub: Client) -> None:
    contact = await hub.create(email="a@example.com")
    by_mail = {"params": {"idProperty": "email"}, "json": {"properties": {"firstname": "B"}}}
    assert (await hub("PATCH", "contacts/a@example.com", **by_mail)).json()["id"] == contact
    assert (await hub("PATCH", "contacts/b@example.com", **by_mail)).status_code == 404
    assert hub.happened() == ["insert", "update"]


async def test_archived_record_is_gone_but_for_those_who_ask(hub: Client) -> None:
    contact = await hub.create(email="a@example.com")
    assert (await hub("DELETE", f"contacts/{contact}")).status_code == 204
    assert await hub.seen("contacts", contact) == 404
    assert await hub.seen("contacts", "a@example.com", idProperty="email") == 404
    archived = await hub.seen("contacts", contact, archived="true")
    assert archived["archived"] is True
    assert archived["archivedAt"]
    assert await hub.seen("contacts", "999", archived="true") == 404
    assert await hub.seen("contacts", "a@example.com", archived="true", idProperty="email") == 404
    assert (await hub("PATCH", f"contacts/{contact}", json={"properties": {"firstname": "B"}})).status_code == 404
    assert (await hub("DELETE", f"contacts/{contact}")).status_code == 204
    assert (await hub("DELETE", "contacts/999")).status_code == 404
    assert hub.happened() == ["insert", "delete"]
    assert await hub.create(email="a@example.com") != contact


async def test_list_goes_page_by_page_in_the_order_of_ids(hub: Client) -> None:
    made = [await hub.create(firstname=f"N{number}") for number in range(5)]
    await hub("DELETE", f"contacts/{made[1]}")
    pages: list[list[str]] = []
    after: str | None = "0"
    while after:
        answer = (await hub("GET", "contacts", params={"limit": "2", "after": after, "properties": "firstname"})).json()
        pages.append([row["id"] for row in answer["results"]])
        after = answer.get("paging", {}).get("next", {}).get("after")
    assert pages == [[made[0], made[2]], [made[3], made[4]]]
    archived = (await hub("GET", "contacts", params={"archived": "true"})).json()
    assert [row["id"] for row in archived["results"]] == [made[1]]
    assert refusal(await hub("GET", "contacts", params={"limit": "101"})) == (400, "VALIDATION_ERROR")


async def test_records_of_others_are_not_in_the_effect_log(hub: Client) -> None:
    contact = hub.portal.add_record("contacts", {"email": "a@example.com"})
    hub.portal.change_record("contacts", contact, {"firstname": "B"})
    assert (await hub.seen("contacts", contact))["properties"]["firstname"] == "B"
    assert hub.portal.records.all("contacts") == [{"id": contact, "email": "a@example.com", "firstname": "B"}]
    hub.portal.delete_record("contacts", contact)
    assert await hub.seen("contacts", contact) == 404
    assert len(hub.portal.effects) == 0


NOWHERE = [
    ("GET", "/crm/v9/x", 404),
    ("GET", "/crm/v3/objects/a/b/c", 404),
    ("GET", "/crm/v4/objects/a/1/associations/b/2/3", 404),
    ("PUT", "/crm/v3/objects/contacts", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), NOWHERE)
async def test_what_is_no_part_of_the_api_is_a_page_of_the_web_server(
    hub: Client, method: str, path: str, status: int
) -> None:
    answer: Any = await hub(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


async def test_error_bodies_can_lack_every_field() -> None:
    fields = ["status", "message", "correlationId", "category", "errors", "context"]
    async with connected(omitted_error_fields=fields) as hub:
        answer = await hub("POST", "contacts", json={"properties": {"foo": "1"}})
        assert (answer.status_code, answer.json()) == (400, {})
