"""Who may call, what, and how often: tokens, scopes, limits; and what the portal says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.portal import Client, connected, refusal

from seawall.simulators.hubspot import HubSpotSettings, PrivateApp

APP = {"client_id": "seawall-client", "client_secret": "seawall-secret"}
REFRESH = {**APP, "grant_type": "refresh_token", "refresh_token": "seawall-refresh"}
CODE = {
    **APP,
    "grant_type": "authorization_code",
    "code": "seawall-code",
    "redirect_uri": "http://localhost/callback",
}
READS = {"authorization": "Bearer reader"}
READER: dict[str, Any] = {
    "private_apps": [{"token": "reader", "scopes": ["crm.objects.contacts.read"]}, {"token": "pat-na1-seawall"}]
}


async def granted(hub: Client, form: dict[str, str]) -> Any:
    return await hub("POST", "/oauth/v1/token", data=form)


def with_token(token: str) -> dict[str, Any]:
    return {"headers": {"authorization": f"Bearer {token}"}}


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic pat-na1-seawall", "Bearer"])
async def test_call_without_a_known_token_is_unauthenticated(hub: Client, authorization: str) -> None:
    answer = await hub("GET", "contacts", headers={"authorization": authorization})
    assert refusal(answer) == (401, "INVALID_AUTHENTICATION")


@pytest.mark.parametrize("form", [CODE, REFRESH])
async def test_grant_opens_a_token_that_works_for_30_minutes(form: dict[str, str]) -> None:
    clock = [1_800_000_000.0]
    async with connected(simulator={"now": lambda: clock[0]}) as hub:
        answer = await granted(hub, form)
        assert answer.status_code == 200
        body = answer.json()
        assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
        token = with_token(body["access_token"])
        clock[0] += 1799
        assert (await hub("GET", "contacts", **token)).status_code == 200
        info = (await hub("GET", f"/oauth/v1/access-tokens/{body['access_token']}")).json()
        assert (info["hub_id"], info["expires_in"], info["token_type"]) == (20_000_001, 1, "access")
        clock[0] += 6
        answer = await hub("GET", "contacts", **token)
        assert refusal(answer) == (401, "EXPIRED_AUTHENTICATION")
        assert "expired 5 second(s) ago" in answer.json()["message"]
        following = await granted(hub, {**REFRESH, "refresh_token": body["refresh_token"]})
        assert (await hub("GET", "contacts", **with_token(following.json()["access_token"]))).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_id": "x"}, "BAD_CLIENT_ID"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET"),
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN"),
        ({"grant_type": "x"}, "BAD_GRANT_TYPE"),
        ({**CODE, "code": "x"}, "BAD_AUTH_CODE"),
        ({**CODE, "redirect_uri": "x"}, "BAD_REDIRECT_URI"),
    ],
)
async def test_refused_grant_says_why(hub: Client, change: dict[str, str], status: str) -> None:
    answer = await granted(hub, {**REFRESH, **change})
    assert (answer.status_code, answer.json()["status"]) == (400, status)
    assert answer.json()["message"]


async def test_authorization_code_works_once(hub: Client) -> None:
    assert (await granted(hub, CODE)).status_code == 200
    assert (await granted(hub, CODE)).json()["status"] == "BAD_AUTH_CODE"


async def test_refresh_token_stays_the_same_unless_it_rotates(tmp_path: Path) -> None:
    async with connected() as hub:
        assert (await granted(hub, REFRESH)).json()["refresh_token"] == "seawall-refresh"
        assert (await granted(hub, REFRESH)).status_code == 200
    kept: dict[str, Any] = {"simulator": {"data_path": tmp_path / "portal.jsonl"}, "rotate_refresh_tokens": True}
    async with connected(**kept) as hub:
        following = (await granted(hub, REFRESH)).json()["refresh_token"]
        assert following != "seawall-refresh"
        assert (await granted(hub, REFRESH)).json()["status"] == "BAD_REFRESH_TOKEN"
        assert (await granted(hub, CODE)).status_code == 200
    async with connected(**kept) as hub:
        assert (await granted(hub, REFRESH)).json()["status"] == "BAD_REFRESH_TOKEN"
        assert (await granted(hub, CODE)).json()["status"] == "BAD_AUTH_CODE"
        assert (await granted(hub, {**REFRESH, "refresh_token": following})).status_code == 200


async def test_token_of_a_private_app_is_no_oauth_token(hub: Client) -> None:
    assert (await hub("GET", "/oauth/v1/access-tokens/pat-na1-seawall")).status_code == 404


async def test_revoked_token_is_unknown(hub: Client) -> None:
    hub.portal.portal.sessions.revoke("pat-na1-seawall")
    assert refusal(await hub("GET", "contacts")) == (401, "INVALID_AUTHENTICATION")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "contacts", "crm.objects.contacts.write"),
        ("POST", "notes", "crm.objects.contacts.write"),
        ("POST", "contacts/batch/upsert", "crm.objects.contacts.write"),
        ("POST", "companies/search", "crm.objects.companies.read"),
        ("GET", "tickets/1", "tickets"),
        ("GET", "contacts/1/associations/companies", "crm.objects.companies.read"),
        ("PUT", "/crm/v4/objects/contacts/1/associations/default/tickets/1", "tickets"),
        ("POST", "/crm/v3/associations/contacts/companies/batch/read", "crm.objects.companies.read"),
        ("GET", "/crm/v3/properties/contacts", "crm.schemas.contacts.read"),
        ("POST", "/crm/v3/properties/companies", "crm.schemas.companies.write"),
        ("GET", "/crm/v3/properties/tickets/subject", "tickets"),
        ("GET", "/crm/v3/owners", "crm.objects.owners.read"),
    ],
)
async def test_call_beyond_the_scopes_is_forbidden_and_names_them(method: str, path: str, scope: str) -> None:
    async with connected(**READER) as hub:
        answer = await hub(method, path, json={}, headers=READS)
        assert refusal(answer) == (403, "MISSING_SCOPES")
        assert scope in answer.json()["errors"][0]["context"]["requiredGranularScopes"]


async def test_call_within_the_scopes_goes_through() -> None:
    async with connected(**READER) as hub:
        for path in ("contacts", "notes", "/account-info/v3/details", "/integrations/v1/me"):
            assert (await hub("GET", path, headers=READS)).status_code == 200
        assert (await hub("POST", "contacts/search", json={}, headers=READS)).status_code == 200


async def test_ten_secondly_limit_rolls_and_is_each_apps_own() -> None:
    clock = [1_800_000_000.0]
    async with connected(simulator={"now": lambda: clock[0]}, ten_secondly_limit=3, **READER) as hub:
        for left in (2, 1, 0):
            answer = await hub("GET", "contacts")
            assert answer.headers["x-hubspot-ratelimit-remaining"] == str(left)
            assert answer.headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
            clock[0] += 1
        answer = await hub("POST", "contacts", json={"properties": {"firstname": "A"}})
        assert answer.status_code == 429
        body = answer.json()
        assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
        assert answer.headers["x-hubspot-ratelimit-max"] == "3"
        assert "retry-after" not in answer.headers
        assert len(hub.portal.effects) == 0
        assert (await hub("GET", "contacts", headers=READS)).status_code == 200
        assert (await hub("POST", "contacts/search", json={})).status_code == 200
        clock[0] += 7.1
        assert (await hub("GET", "contacts")).status_code == 200
        assert (await hub("GET", "contacts")).status_code == 429


async def test_search_has_a_limit_of_its_own_and_no_headers() -> None:
    clock = [1_800_000_000.0]
    async with connected(simulator={"now": lambda: clock[0]}, search_limit=1, retry_after="1") as hub:
        answer = await hub("POST", "contacts/search", json={})
        assert [name for name in answer.headers if "ratelimit" in name] == []
        answer = await hub("POST", "contacts/search", json={})
        assert answer.status_code == 429
        assert answer.json()["message"] == "You have reached your secondly limit."
        assert (answer.json()["category"], "policyName" in answer.json()) == ("RATE_LIMITS", False)
        assert answer.headers["retry-after"] == "1"
        assert [name for name in answer.headers if "ratelimit" in name] == []
        clock[0] += 1
        assert (await hub("POST", "contacts/search", json={})).status_code == 200


async def test_daily_limit_starts_anew_at_midnight() -> None:
    clock = [1_800_000_000.0]
    async with connected(simulator={"now": lambda: clock[0]}, daily_limit=1) as hub:
        answer = await hub("GET", "contacts")
        assert answer.headers["x-hubspot-ratelimit-daily-remaining"] == "0"
        answer = await hub("GET", "contacts")
        assert (answer.status_code, answer.json()["policyName"]) == (429, "DAILY")
        clock[0] += 86_400
        assert (await hub("GET", "contacts")).status_code == 200


async def test_portal_tells_its_id_and_its_owners(hub: Client) -> None:
    assert (await hub("GET", "/account-info/v3/details")).json()["portalId"] == 20_000_001
    assert (await hub("GET", "/integrations/v1/me")).json()["portalId"] == 20_000_001
    owners = (await hub("GET", "/crm/v3/owners/")).json()["results"]
    assert [owner["email"] for owner in owners] == ["ada@example.com", "grace@example.com"]


async def test_properties_are_described(hub: Client) -> None:
    listed = (await hub("GET", "/crm/v3/properties/tickets")).json()["results"]
    by_name = {prop["name"]: prop for prop in listed}
    assert by_name["seawall_key"]["hasUniqueValue"] is True
    assert by_name["seawall_key"]["hubspotDefined"] is False
    assert [option["value"] for option in by_name["hs_pipeline_stage"]["options"]] == ["1", "2", "3", "4"]
    one = (await hub("GET", "/crm/v3/properties/tickets/subject")).json()
    assert one == by_name["subject"]
    assert refusal(await hub("GET", "/crm/v3/properties/tickets/nothing")) == (404, "OBJECT_NOT_FOUND")


async def test_property_that_a_client_adds_is_there_and_stays(tmp_path: Path) -> None:
    kept: dict[str, Any] = {"simulator": {"data_path": tmp_path / "portal.jsonl"}}
    new = {"name": "order_no", "label": "Order", "type": "string", "fieldType": "text", "groupName": "information"}
    async with connected(**kept) as hub:
        answer = await hub("POST", "/crm/v3/properties/companies", json={**new, "hasUniqueValue": True})
        assert (answer.status_code, answer.json()["hasUniqueValue"]) == (201, True)
        again = await hub("POST", "/crm/v3/properties/companies", json=new)
        assert refusal(again) == (409, "OBJECT_ALREADY_EXISTS")
        for bad in ({"name": "x"}, {**new, "name": "x", "type": "colour"}):
            assert (await hub("POST", "/crm/v3/properties/companies", json=bad)).status_code == 400
        made = await hub.create("companies", name="A", order_no="7")
    async with connected(**kept) as hub:
        assert (await hub.seen("companies", "7", idProperty="order_no"))["id"] == made


def test_enumeration_needs_options_and_object_must_exist() -> None:
    with pytest.raises(ValueError, match="an enumeration has options"):
        HubSpotSettings.model_validate({"custom_properties": {"contacts": [{"name": "x", "type": "enumeration"}]}})
    assert PrivateApp(token="x").scopes
