"""hubspot-api-client, HubSpot's own client for Python, unmodified against the running simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hubspot import HubSpot  # type: ignore[import-untyped] # it ships no types
from hubspot.crm import (  # type: ignore[import-untyped]
    associations,
    companies,
    contacts,
    objects,
    properties,
    tickets,
)

from seawall.simulators.hubspot import HubSpotSettings, HubSpotSimulator
from seawall.simulators.server import serve_in_thread

SETTINGS = HubSpotSettings.model_validate(
    {
        "search_lag": 0,
        "private_apps": [
            {"token": "pat-na1-seawall"},
            {"token": "reader", "scopes": ["crm.objects.contacts.read"]},
        ],
    }
)


class Setup:
    """A running portal and how to reach it."""

    def __init__(self, portal: HubSpotSimulator, url: str) -> None:
        self.portal = portal
        self.url = url

    def client(self, token: str = "pat-na1-seawall") -> Any:
        return HubSpot(access_token=token, host=self.url)


@pytest.fixture
def setup() -> Iterator[Setup]:
    portal = HubSpotSimulator(SETTINGS)
    with serve_in_thread(portal) as url:
        yield Setup(portal, url)


@pytest.fixture
def hub(setup: Setup) -> Any:
    """A client with the token of a private app."""
    return setup.client()


def contact(**values: str) -> Any:
    return contacts.SimplePublicObjectInputForCreate(properties=values, associations=[])


def test_contact_lives_from_create_to_archive(setup: Setup, hub: Any) -> None:
    api = hub.crm.contacts.basic_api
    made = api.create(contact(email="ada@example.com", firstname="Zoë"))
    assert made.properties["firstname"] == "Zoë"
    seen = api.get_by_id("ada@example.com", id_property="email", properties=["firstname", "phone"])
    assert (seen.id, seen.properties["phone"], seen.archived) == (made.id, None, False)
    changed = api.update(made.id, contacts.SimplePublicObjectInput(properties={"phone": "1"}))
    assert changed.updated_at >= made.created_at
    api.archive(made.id)
    with pytest.raises(contacts.exceptions.NotFoundException):
        api.get_by_id(made.id)
    assert api.get_by_id(made.id, archived=True).archived_at is not None
    assert [effect.kind for effect in setup.portal.effects] == ["insert", "update", "delete"]


def test_pages_are_followed_to_the_end(setup: Setup, hub: Any) -> None:
    made = [setup.portal.add_record("contacts", {"firstname": f"N{number}"}) for number in range(105)]
    assert [row.id for row in hub.crm.contacts.get_all()] == made
    assert setup.portal.requests == 2


def test_batches_create_read_update_upsert_and_archive(setup: Setup, hub: Any) -> None:
    api = hub.crm.contacts.batch_api
    items = [
        contacts.SimplePublicObjectBatchInputForCreate(
            properties={"email": email}, associations=[], object_write_trace_id=email
        )
        for email in ("a@example.com", "nonsense", "b@example.com")
    ]
    made = api.create(contacts.BatchInputSimplePublicObjectBatchInputForCreate(inputs=items))
    assert (made.status, made.num_errors) == ("COMPLETE", 1)
    assert made.errors[0].context["objectWriteTraceId"] == ["nonsense"]
    ids = {row.object_write_trace_id: row.id for row in made.results}
    assert set(ids) == {"a@example.com", "b@example.com"}

    wanted = contacts.BatchReadInputSimplePublicObjectId(
        inputs=[contacts.SimplePublicObjectId(id=i) for i in (*ids.values(), "999")],
        properties=["email"],
        properties_with_history=[],
    )
    read = api.read(wanted)
    assert {row.id for row in read.results} == set(ids.values())
    assert read.errors[0].category == "OBJECT_NOT_FOUND"

    changes = [contacts.SimplePublicObjectBatchInput(id=i, properties={"phone": "1"}) for i in ids.values()]
    changed = api.update(contacts.BatchInputSimplePublicObjectBatchInput(inputs=changes))
    assert {row.properties["phone"] for row in changed.results} == {"1"}

    keyed = contacts.SimplePublicObjectBatchInputUpsert(
        id="k1", id_property="seawall_key", properties={"firstname": "B"}
    )
    body = contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=[keyed])
    assert [api.upsert(body).results[0].new for _ in range(2)] == [True, False]

    gone = [contacts.SimplePublicObjectId(id=i) for i in ids.values()]
    api.archive(contacts.BatchInputSimplePublicObjectId(inputs=gone))
    kinds = [effect.kind for effect in setup.portal.effects]
    assert kinds == ["insert"] * 2 + ["update"] * 2 + ["insert", "update"] + ["delete"] * 2


def test_search_finds_and_sorts(hub: Any) -> None:
    for name in ("Beta", "Acme"):
        hub.crm.companies.basic_api.create(
            companies.SimplePublicObjectInputForCreate(properties={"name": name, "city": "Oslo"}, associations=[])
        )
    body = companies.PublicObjectSearchRequest(
        filter_groups=[
            companies.FilterGroup(filters=[companies.Filter(property_name="city", operator="EQ", value="oslo")])
        ],
        sorts=["name"],
        limit=10,
        properties=["name"],
    )
    found = hub.crm.companies.search_api.do_search(body)
    assert (found.total, [row.properties["name"] for row in found.results]) == (2, ["Acme", "Beta"])


def test_ticket_and_note_are_associated(setup: Setup, hub: Any) -> None:
    person = hub.crm.contacts.basic_api.create(contact(firstname="A"))
    ticket = hub.crm.tickets.basic_api.create(
        tickets.SimplePublicObjectInputForCreate(
            properties={"subject": "Printer", "hs_pipeline_stage": "1"},
            associations=[
                tickets.PublicAssociationsForObject(
                    to=tickets.PublicObjectId(id=person.id),
                    types=[
                        tickets.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=16),
                    ],
                )
            ],
        )
    )
    seen = hub.crm.tickets.basic_api.get_by_id(ticket.id, associations=["contacts"])
    assert seen.associations["contacts"].results[0].id == person.id

    note = hub.crm.objects.basic_api.create(
        "notes",
        objects.SimplePublicObjectInputForCreate(properties={"hs_timestamp": "2026-01-01T00:00:00Z"}, associations=[]),
    )
    hub.crm.associations.v4.basic_api.create_default("notes", note.id, "contacts", person.id)
    page = hub.crm.associations.v4.basic_api.get_page("contacts", person.id, "notes")
    assert [row.to_object_id for row in page.results] == [note.id]
    pair = associations.PublicAssociation(
        _from=associations.PublicObjectId(id=note.id),
        to=associations.PublicObjectId(id=ticket.id),
        type="note_to_ticket",
    )
    made = hub.crm.associations.batch_api.create(
        "notes", "tickets", associations.BatchInputPublicAssociation(inputs=[pair])
    )
    assert made.status == "COMPLETE"
    assert [e.kind for e in setup.portal.effects.of("associations")] == ["insert"] * 3


def test_properties_are_listed_and_added(hub: Any) -> None:
    api = hub.crm.properties.core_api
    assert "email" in {prop.name for prop in api.get_all("contacts").results}
    new = properties.PropertyCreate(
        name="order_no", label="Order", type="string", field_type="text", group_name="x", has_unique_value=True
    )
    assert api.create("companies", new).has_unique_value
    assert api.get_by_name("companies", "order_no").hubspot_defined is False


def test_tokens_are_granted_described_and_used(setup: Setup, hub: Any) -> None:
    granted = hub.oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id="seawall-client",
        client_secret="seawall-secret",
        refresh_token="seawall-refresh",
    )
    assert granted.expires_in == 1800
    assert hub.oauth.access_tokens_api.get(granted.access_token).hub_id == 20_000_001
    assert setup.client(granted.access_token).crm.contacts.basic_api.get_page().results == []
    assert hub.crm.owners.owners_api.get_page().results[0].email == "ada@example.com"


def test_refusals_become_the_clients_own_exceptions(setup: Setup, hub: Any) -> None:
    api = hub.crm.contacts.basic_api
    first = api.create(contact(email="ada@example.com"))
    with pytest.raises(contacts.ApiException) as conflict:
        api.create(contact(email="ada@example.com"))
    assert conflict.value.status == 409
    assert f"Existing ID: {first.id}" in conflict.value.body
    with pytest.raises(contacts.ApiException) as invalid:
        api.create(contact(foo="1"))
    assert invalid.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in invalid.value.body
    with pytest.raises(contacts.exceptions.UnauthorizedException):
        setup.client("wrong").crm.contacts.basic_api.get_page()
    with pytest.raises(contacts.exceptions.ForbiddenException, match="MISSING_SCOPES"):
        setup.client("reader").crm.contacts.basic_api.create(contact(firstname="A"))
    assert len(setup.portal.effects) == 1
