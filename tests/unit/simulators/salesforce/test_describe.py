"""What the org says of itself."""

from __future__ import annotations

import httpx
import pytest
from support.org import LoggedIn, first_error

from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.salesforce import OPERATIONS, SalesforceSettings, SalesforceSimulator
from seawall.simulators.salesforce.routes import RESPONDERS


async def test_versions_need_no_session() -> None:
    transport = InProcessTransport(SalesforceSimulator())
    async with httpx.AsyncClient(base_url="http://org.test", transport=transport) as http:
        versions = (await http.get("/services/data/")).json()
    assert versions[-1]["url"] == f"/services/data/v{versions[-1]['version']}"
    assert "61.0" in {version["version"] for version in versions}


@pytest.mark.parametrize("version", ["v19.0", "v99.0", "60.0", "vX"])
async def test_unknown_version_is_not_found(crm: LoggedIn, version: str) -> None:
    assert first_error(await crm.http.get(f"/services/data/{version}/limits")) == (404, "NOT_FOUND")


async def test_resources_and_objects_are_listed(crm: LoggedIn) -> None:
    assert (await crm("GET", "/")).json()["query"] == "/services/data/v60.0/query"
    names = {obj["name"] for obj in (await crm("GET", "/sobjects/")).json()["sobjects"]}
    assert names >= {"Case", "CaseComment", "Task", "Account", "Contact", "Lead", "User"}
    assert (await crm("GET", "/sobjects/Case/")).json()["objectDescribe"]["keyPrefix"] == "500"
    assert first_error(await crm("GET", "/sobjects/Foo")) == (404, "NOT_FOUND")


async def test_describe_tells_what_can_be_filtered_and_what_finds_a_record(crm: LoggedIn) -> None:
    fields = {f["name"]: f for f in (await crm("GET", "/sobjects/Case/describe")).json()["fields"]}
    assert (fields["Description"]["filterable"], fields["Subject"]["filterable"]) == (False, True)
    assert (fields["Seawall_Key__c"]["externalId"], fields["Seawall_Key__c"]["unique"]) == (True, True)
    assert fields["AccountId"]["relationshipName"] == "Account"
    assert [v["value"] for v in fields["Status"]["picklistValues"] if v["defaultValue"]] == ["New"]
    comment = (await crm("GET", "/sobjects/CaseComment/describe")).json()
    assert [f["name"] for f in comment["fields"] if f["custom"]] == []
    assert {f["name"]: f["length"] for f in comment["fields"]}["CommentBody"] == 4000


def test_every_operation_has_a_lane_and_writes_are_writes() -> None:
    assert set(OPERATIONS) == {*RESPONDERS, "composite"}
    writes = {name for name, lane in OPERATIONS.items() if lane == "write"}
    assert writes == {
        "create",
        "update",
        "upsert",
        "delete",
        "collections_create",
        "collections_update",
        "collections_upsert",
        "collections_delete",
        "composite",
        "invoke",
    }


def test_settings_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match=r"closed_statuses \['Done'\] are not among case_statuses"):
        SalesforceSettings(closed_statuses=("Done",))
