"""Search: filters, words, order, pages and its end, and that it sees the past."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.portal import Client, connected, refusal
from support.virtual import virtual

from seawall.simulators.virtual_time import LoopClock

COMPANIES: dict[str, dict[str, str]] = {
    "acme": {"name": "Acme Corp", "domain": "acme.example", "numberofemployees": "90", "city": "Oslo"},
    "beta": {"name": "Beta", "domain": "beta.example", "numberofemployees": "1000"},
    "gamma": {"name": "gamma tools", "domain": "Gamma.example", "city": "Paris"},
}


def only(name: str, operator: str, **given: Any) -> dict[str, Any]:
    return {"filterGroups": [{"filters": [{"propertyName": name, "operator": operator, **given}]}]}


async def names(hub: Client, **body: Any) -> list[str]:
    answer = await hub("POST", "companies/search", json=body)
    assert answer.status_code == 200, answer.text
    return [row["properties"]["name"].split()[0].lower() for row in answer.json()["results"]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (only("name", "EQ", value="acme corp"), ["acme"]),
        (only("domain", "EQ", value="gamma.example"), ["gamma"]),
        (only("city", "NEQ", value="oslo"), ["beta", "gamma"]),
        (only("numberofemployees", "GT", value="90"), ["beta"]),
        (only("numberofemployees", "GTE", value=90), ["acme", "beta"]),
        (only("numberofemployees", "LT", value="1000"), ["acme"]),
        (only("numberofemployees", "LTE", value="1000.0"), ["acme", "beta"]),
        (only("numberofemployees", "BETWEEN", value="80", highValue="95"), ["acme"]),
        (only("city", "HAS_PROPERTY"), ["acme", "gamma"]),
        (only("city", "NOT_HAS_PROPERTY"), ["beta"]),
        (only("city", "IN", values=["oslo", "paris"]), ["acme", "gamma"]),
        (only("city", "IN", values=["Oslo"]), []),
        (only("city", "NOT_IN", values=["oslo"]), ["beta", "gamma"]),
        (only("numberofemployees", "IN", values=["90.0"]), ["acme"]),
        (only("name", "CONTAINS_TOKEN", value="corp"), ["acme"]),
        (only("name", "CONTAINS_TOKEN", value="cor"), []),
        (only("name", "CONTAINS_TOKEN", value="*ool*"), ["gamma"]),
        (only("name", "NOT_CONTAINS_TOKEN", value="corp"), ["beta", "gamma"]),
        (only("createdate", "GT", value="0"), ["acme", "beta", "gamma"]),
        (only("createdate", "LT", value="2001-01-01T00:00:00Z"), []),
        ({"query": "GAMMA"}, ["gamma"]),
        ({"query": "acm"}, ["acme"]),
        ({"query": "acme tools"}, []),
        ({"query": "oslo"}, []),
        ({}, ["acme", "beta", "gamma"]),
        ({"sorts": [{"propertyName": "name", "direction": "DESCENDING"}]}, ["gamma", "beta", "acme"]),
        ({"sorts": ["numberofemployees"]}, ["acme", "beta", "gamma"]),
        ({"sorts": ["-numberofemployees"]}, ["beta", "acme", "gamma"]),
    ],
)
async def test_search_finds_what_its_body_says(search: dict[str, Any], found: list[str]) -> None:
    async with connected(search_lag=0) as hub:
        for company in COMPANIES.values():
            await hub.create("companies", **company)
        assert await names(hub, **search) == found


async def test_groups_are_alternatives_and_filters_hold_together() -> None:
    async with connected(search_lag=0) as hub:
        for company in COMPANIES.values():
            await hub.create("companies", **company)
        acme = {"propertyName": "name", "operator": "CONTAINS_TOKEN", "value": "acme"}
        paris = {"propertyName": "city", "operator": "EQ", "value": "Paris"}
        assert await names(hub, filterGroups=[{"filters": [acme, paris]}]) == []
        assert await names(hub, filterGroups=[{"filters": [acme]}, {"filters": [paris]}]) == ["acme", "gamma"]


async def test_search_pages_count_all_and_show_the_properties_asked_for() -> None:
    async with connected(search_lag=0) as hub:
        made = [await hub.create(firstname=f"N{number}") for number in range(5)]
        ids: list[str] = []
        after = "0"
        while after:
            body = {"limit": 2, "after": after, "properties": ["firstname"]}
            answer = (await hub("POST", "contacts/search", json=body)).json()
            assert answer["total"] == 5
            ids += [row["id"] for row in answer["results"]]
            assert set(answer["results"][0]["properties"]) == {
                "createdate",
                "firstname",
                "hs_object_id",
                "lastmodifieddate",
            }
            after = answer.get("paging", {}).get("next", {}).get("after", "")
        assert ids == made


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 200, "after": "9900"},
        {"after": "x"},
        {"query": "x" * 3001},
        only("nothing", "EQ", value="1"),
        only("name", "LIKE", value="1"),
        only("name", "EQ"),
        only("name", "IN", values=[]),
        only("numberofemployees", "GT", value="many"),
        {"sorts": ["name", "domain"]},
        {"sorts": ["nothing"]},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "HAS_PROPERTY"}] * 7}]},
        {"filterGroups": ["x"]},
        {"filterGroups": [{"filters": ["x"]}]},
    ],
)
async def test_search_that_cannot_be_done_is_refused(hub: Client, body: dict[str, Any]) -> None:
    assert refusal(await hub("POST", "companies/search", json=body)) == (400, "VALIDATION_ERROR")


async def test_results_end_at_10000(hub: Client) -> None:
    assert (await hub("POST", "contacts/search", json={"limit": 200, "after": "9800"})).status_code == 200
    assert (await hub("POST", "contacts/search", json={"limit": 1, "after": "10000"})).status_code == 400


@virtual
async def test_search_sees_creations_changes_and_archivals_late() -> None:
    async with connected(simulator={"now": LoopClock().now}) as hub:
        ada = only("firstname", "EQ", value="Ada")
        contact = await hub.create(firstname="Ada")
        assert await hub.seen("contacts", contact) != 404
        await asyncio.sleep(4.9)
        assert await hub.found(**ada) == []
        await asyncio.sleep(0.2)
        assert await hub.found(**ada) == [contact]

        await hub("PATCH", f"contacts/{contact}", json={"properties": {"firstname": "Grace"}})
        await asyncio.sleep(1)
        await hub("PATCH", f"contacts/{contact}", json={"properties": {"firstname": "Mary"}})
        assert await hub.found(**ada) == [contact]
        await asyncio.sleep(4.1)
        assert await hub.found(**ada) == []
        assert await hub.found(**only("firstname", "EQ", value="Grace")) == [contact]
        await asyncio.sleep(1)
        mary = only("firstname", "EQ", value="Mary")
        assert await hub.found(**mary) == [contact]

        await hub("DELETE", f"contacts/{contact}")
        await asyncio.sleep(4.9)
        assert await hub.found(**mary) == [contact]
        await asyncio.sleep(0.2)
        assert await hub.found(**mary) == []


@virtual
async def test_search_never_sees_what_was_rolled_back() -> None:
    async with connected(simulator={"now": LoopClock().now}) as hub:
        items = {"inputs": [{"properties": {"firstname": "A"}}, {"properties": {"foo": "1"}}]}
        assert (await hub("POST", "contacts/batch/create", json=items)).status_code == 400
        await asyncio.sleep(60)
        assert await hub.found() == []
