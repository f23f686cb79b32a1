"""Associations: in the body of a creation, one by one in both versions of the API, in batches."""

from __future__ import annotations

from typing import Any

import pytest
from support.portal import Client, refusal

NOTE = {"hs_timestamp": "2026-01-01T00:00:00Z", "hs_note_body": "Called"}


def to(record_id: str, number: int) -> dict[str, Any]:
    return {"to": {"id": record_id}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]}


async def people(hub: Client) -> tuple[str, str, str]:
    """A contact, a company and a note."""
    note = await hub.create("notes", **NOTE)
    return await hub.create(email="a@example.com"), await hub.create("companies", name="A"), note


async def linked(hub: Client, name: str, record_id: str, other: str) -> list[tuple[str, str]]:
    answer = await hub("GET", f"{name}/{record_id}/associations/{other}")
    return [(row["id"], row["type"]) for row in answer.json()["results"]]


async def test_new_record_is_associated_in_the_same_call(hub: Client) -> None:
    contact = await hub.create(email="a@example.com")
    answer = await hub("POST", "notes", json={"properties": NOTE, "associations": [to(contact, 202)]})
    assert answer.status_code == 201
    note = answer.json()["id"]
    assert await linked(hub, "notes", note, "contacts") == [(contact, "note_to_contact")]
    assert await linked(hub, "contacts", contact, "notes") == [(note, "contact_to_note")]
    shown = await hub.seen("notes", note, associations="contacts,companies")
    assert shown["associations"] == {"contacts": {"results": [{"id": contact, "type": "note_to_contact"}]}}
    assert [(e.kind, e.object, e.record_id, e.request_id) for e in hub.portal.effects][1:] == [
        ("insert", "notes", note, 2),
        ("insert", "associations", f"notes/{note}/contacts/{contact}", 2),
    ]


@pytest.mark.parametrize("wanted", [to("999", 202), to("6001", 16), to("6001", 9), {"to": {}}, "x"])
async def test_record_with_an_association_that_cannot_be_is_not_created(hub: Client, wanted: Any) -> None:
    await hub.create(email="a@example.com")
    answer = await hub("POST", "notes", json={"properties": NOTE, "associations": [wanted]})
    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert hub.portal.records.all("notes") == []
    assert len(hub.portal.effects) == 1


@pytest.mark.parametrize("kind", ["note_to_contact", "202"])
async def test_v3_associates_by_name_and_by_number_and_takes_it_back(hub: Client, kind: str) -> None:
    contact, _, note = await people(hub)
    path = f"notes/{note}/associations/contacts/{contact}/{kind}"
    answer = await hub("PUT", path)
    assert answer.status_code == 200
    assert answer.json()["associations"]["contacts"]["results"][0]["id"] == contact
    assert (await hub("PUT", path)).status_code == 200
    assert hub.happened("associations") == ["insert"]
    assert (await hub("DELETE", path)).status_code == 204
    assert (await hub("DELETE", path)).status_code == 204
    assert hub.happened("associations") == ["insert", "delete"]
    assert await linked(hub, "contacts", contact, "notes") == []


async def test_primary_company_has_the_plain_type_too(hub: Client) -> None:
    contact, company, _ = await people(hub)
    assert (await hub("PUT", f"contacts/{contact}/associations/companies/{company}/1")).status_code == 200
    assert await linked(hub, "contacts", contact, "companies") == [
        (company, "contact_to_company"),
        (company, "contact_to_company_unlabeled"),
    ]
    answer = await hub("GET", f"/crm/v4/objects/companies/{company}/associations/contacts")
    assert answer.json()["results"] == [
        {
            "toObjectId": int(contact),
            "associationTypes": [
                {"category": "HUBSPOT_DEFINED", "typeId": 2, "label": "Primary"},
                {"category": "HUBSPOT_DEFINED", "typeId": 280, "label": None},
            ],
        }
    ]


async def test_v4_associates_by_default_and_by_the_types_of_the_body(hub: Client) -> None:
    contact, company, _ = await people(hub)
    answer = await hub("PUT", f"/crm/v4/objects/contact/{contact}/associations/default/company/{company}")
    assert answer.status_code == 200
    assert [row["associationSpec"]["associationTypeId"] for row in answer.json()["results"]] == [279, 280]
    path = f"/crm/v4/objects/contacts/{contact}/associations/companies/{company}"
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    answer = await hub("PUT", path, json=kinds)
    assert (answer.status_code, answer.json()["labels"]) == (201, ["Primary"])
    assert hub.happened("associations") == ["insert", "insert"]
    wrong = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    assert refusal(await hub("PUT", path, json=wrong)) == (400, "VALIDATION_ERROR")
    assert refusal(await hub("PUT", path, json={})) == (400, "VALIDATION_ERROR")
    assert (await hub("DELETE", path)).status_code == 204
    assert await linked(hub, "contacts", contact, "companies") == []


async def test_batches_associate_read_and_take_back(hub: Client) -> None:
    contact, company, _ = await people(hub)
    other = await hub.create(email="b@example.com")
    pair = {"from": {"id": contact}, "to": {"id": company}}
    root = "/crm/v3/associations/contacts/companies/batch"
    made = await hub("POST", f"{root}/create", json={"inputs": [{**pair, "type": "contact_to_company_unlabeled"}]})
    assert made.status_code == 201
    ids = {"inputs": [{"id": contact}, {"id": other}]}
    read = await hub("POST", f"{root}/read", json=ids)
    assert read.status_code == 200
    assert read.json()["results"] == [
        {"from": {"id": contact}, "to": [{"id": company, "type": "contact_to_company_unlabeled"}]}
    ]
    assert (await hub("POST", f"{root}/read", json={"inputs": [{"id": "999"}]})).status_code == 207
    assert (await hub("POST", f"{root}/archive", json={"inputs": [pair]})).status_code == 204
    assert hub.happened("associations") == ["insert", "delete"]
    wrong: list[Any] = [[{}], [{**pair, "type": "nothing"}], 1]
    for bad in [{"inputs": inputs} for inputs in wrong]:
        assert refusal(await hub("POST", f"{root}/create", json=bad)) == (400, "VALIDATION_ERROR")


async def test_associations_of_archived_records_are_not_shown(hub: Client) -> None:
    contact, _, note = await people(hub)
    await hub("PUT", f"notes/{note}/associations/contacts/{contact}/202")
    await hub("DELETE", f"contacts/{contact}")
    assert await linked(hub, "notes", note, "contacts") == []


async def test_missing_records_are_not_associated(hub: Client) -> None:
    contact, _, _ = await people(hub)
    assert (await hub("PUT", f"contacts/{contact}/associations/companies/999/1")).status_code == 404
    assert (await hub("GET", "contacts/999/associations/companies")).status_code == 404
    nothing = await hub("PUT", f"/crm/v4/objects/contacts/{contact}/associations/default/contacts/{contact}")
    assert refusal(nothing) == (400, "VALIDATION_ERROR")
    assert hub.happened("associations") == []
