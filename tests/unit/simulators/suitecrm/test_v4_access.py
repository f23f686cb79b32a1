"""Getting in over v4_1: logins, sessions, modules, and how arguments find their parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.clock import FakeClock
from support.instance import REST, Client, connected

from seawall.simulators.suitecrm import SuiteCrmSettings, SuiteCrmSimulator

NO_SESSION = {"name": "Invalid Session ID", "number": 11, "description": "The session ID is invalid"}
ENTRY = {"module_name": "Cases", "id": "x", "select_fields": [], "link_name_to_fields_array": []}


async def from_address(crm: Client, address: str) -> Any:
    form = {"method": "get_user_id", "rest_data": json.dumps({"session": crm.session})}
    return (await crm.http.post(REST, data=form, headers={"x-forwarded-for": address})).json()


async def test_login_takes_the_md5_of_the_password_or_the_plain_one(crm: Client) -> None:
    plain = {"user_name": "INTEGRATION", "password": "correct-horse", "encryption": "PLAIN"}
    answer = (await crm.post("login", user_auth=plain)).json()
    assert (answer["module_name"], len(answer["id"])) == ("Users", 26)
    assert answer["name_value_list"]["user_id"] == {"name": "user_id", "value": await crm("get_user_id")}
    refused = await crm.post("login", user_auth={"user_name": "integration", "password": "correct-horse"})
    assert (refused.status_code, refused.json()["number"]) == (200, 10)


@pytest.mark.parametrize(
    ("user", "password", "number"),
    [
        ({}, "wrong", 10),
        ({}, "", 10),
        ({"locked_out": True}, "correct-horse", 1009),
        ({"password_expired": True}, "correct-horse", 1008),
        ({"password_expired": True}, "wrong", 10),
    ],
)
async def test_login_is_refused_under_status_200(user: dict[str, Any], password: str, number: int) -> None:
    async with connected(users=[user], login=False) as crm:
        auth = {"user_name": "integration", "password": password, "encryption": "PLAIN"}
        answer = await crm.post("login", user_auth=auth)
        assert (answer.status_code, answer.json()["number"]) == (200, number)
        assert (await crm.post("login", user_auth={**auth, "user_name": "nobody"})).json()["number"] == 10


async def test_session_ends_after_idleness_and_lives_on_by_use() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with connected(simulator={"now": clock.now}, session_life=1440) as crm:
        for _ in range(3):
            clock.advance(1439)
            assert await crm("seamless_login") == 1
        clock.advance(1440)
        assert await crm("seamless_login") == 0
        assert await crm("get_user_id") == NO_SESSION


async def test_session_ends_with_logout_and_is_not_found_before_login(crm: Client) -> None:
    assert await crm("logout") is None
    assert await crm("get_user_id") == NO_SESSION
    assert await crm("logout") == NO_SESSION
    assert (await crm.post("get_user_id", session="")).json() == NO_SESSION


async def test_session_belongs_to_the_network_it_was_opened_from(crm: Client) -> None:
    assert "number" not in await from_address(crm, "127.0.0.77")
    assert await from_address(crm, "10.0.0.1") == NO_SESSION
    assert await crm("get_user_id") == NO_SESSION


async def test_session_belongs_to_no_network_where_addresses_are_not_verified() -> None:
    async with connected(verify_client_ip=False) as crm:
        assert "number" not in await from_address(crm, "10.0.0.1")


async def test_one_session_too_many_is_error_60_without_a_description() -> None:
    async with connected(session_limit=1) as crm:
        auth = {"user_name": "integration", "password": "correct-horse", "encryption": "PLAIN"}
        answer = (await crm.post("login", user_auth=auth)).json()
        assert answer == {"name": "Number of sessions exceeded.", "number": 60, "description": None}
        await crm("logout")
        assert "id" in (await crm.post("login", user_auth=auth)).json()


async def test_unknown_method_has_minus_one_as_text(crm: Client) -> None:
    for answer in (await crm.post("nonsense"), await crm.http.get(REST)):
        assert answer.status_code == 200
        assert answer.json() == {
            "name": "An Undefined Error - invalid_call occurred",
            "number": "-1",
            "description": "There is no error definition for invalid_call",
        }


async def test_unknown_module_is_error_20_and_a_closed_one_40() -> None:
    async with connected(users=[{"denied": ["Cases"]}]) as crm:
        assert (await crm("get_entry", **ENTRY | {"module_name": "Nonsense"}))["number"] == 20
        assert (await crm("get_entry", **ENTRY))["number"] == 40
        assert (await crm("set_entry", module_name="Cases", name_value_list={"name": "A"}))["number"] == 40
        assert len(crm.suite.effects) == 0


async def test_session_is_asked_for_before_the_module(crm: Client) -> None:
    answer = await crm.post("get_entry", session="no", **ENTRY | {"module_name": "Nonsense"})
    assert answer.json() == NO_SESSION


async def test_arguments_count_by_their_order_and_their_names_are_nothing(crm: Client) -> None:
    answer = await crm.post("set_entry", a=crm.session, b="Cases", c={"name": "A"})
    assert crm.suite.effects[0].record_id == answer.json()["id"]
    swapped = await crm.post("set_entry", module_name="Cases", session=crm.session, name_value_list={"name": "A"})
    assert swapped.json() == NO_SESSION


async def test_arguments_may_be_a_list(crm: Client) -> None:
    form = {"method": "get_user_id", "rest_data": json.dumps([crm.session])}
    assert (await crm.http.post(REST, data=form)).json() == await crm("get_user_id")


async def test_missing_argument_is_fatal_and_says_nothing(crm: Client) -> None:
    answer = await crm.send("set_entry", module_name="Cases")
    assert (answer.status_code, answer.content) == (500, b"")
    link = {"module_name": "Cases", "module_id": "x", "link_field_name": "contacts", "related_ids": []}
    assert (await crm.send("set_relationship", **link)).status_code == 500
    broken = await crm.http.post(REST, data={"method": "set_entry", "rest_data": "{"})
    assert broken.status_code == 500
    assert (await crm.send("get_entry_list")).status_code == 500


async def test_php_8_takes_arguments_by_name_and_dies_of_an_unknown_one() -> None:
    async with connected(php=8) as crm:
        fields = {"name": "A"}
        answer = await crm.post("set_entry", module_name="Cases", name_value_list=fields, session=crm.session)
        assert crm.suite.effects[0].record_id == answer.json()["id"]
        died = await crm.send("set_entry", module_name="Cases", name_value_list=fields, nonsense=1)
        assert (died.status_code, died.content) == (500, b"")
        auth = {"user_name": "integration", "password": "correct-horse", "encryption": "PLAIN"}
        assert (await crm.post("login", user_auth=auth, application_name="x")).status_code == 500
        assert len(crm.suite.effects) == 1


async def test_server_says_its_version_without_a_session() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with connected(simulator={"now": clock.now}, login=False) as crm:
        answer = (await crm.post("get_server_info")).json()
        assert answer == {"flavor": "CE", "version": "6.5.25", "gmt_time": "2027-01-15 08:00:00"}


async def test_api_is_below_legacy_too_as_in_suitecrm_8(crm: Client) -> None:
    form = {"method": "get_user_id", "rest_data": json.dumps({"session": crm.session})}
    answer = await crm.http.post(f"/legacy{REST}", data=form)
    assert answer.json() == await crm("get_user_id")
    assert (await crm.http.get("/legacy/Api/V8/current-user")).status_code == 200
    assert (await crm.http.get("/service/v4_1/nonsense")).status_code == 404


async def test_count_and_module_without_a_name_need_their_right_and_their_class() -> None:
    async with connected(users=[{"denied": ["Cases.list"]}]) as crm:
        count = {"module_name": "Cases", "query": "", "deleted": 0}
        assert (await crm("get_entries_count", **count))["number"] == 40
        assert (await crm.send("get_entries_count", **count | {"module_name": ""})).status_code == 500


async def test_numbers_that_are_none_count_as_nothing(crm: Client) -> None:
    await crm.set_entry(name="A")
    answer = await crm("get_entry_list", module_name="Cases", query="", order_by="", offset="x")
    assert answer["result_count"] == 1


def test_client_that_acts_for_nobody_and_fields_of_no_module_are_refused() -> None:
    with pytest.raises(ValueError, match=r"clients act for \['nobody'\]"):
        SuiteCrmSettings.model_validate({"clients": [{"client_id": "c", "client_secret": "s", "user_name": "nobody"}]})
    fields = {"Nonsense": [{"name": "x_c"}]}
    with pytest.raises(ValueError, match="custom_fields names modules"):
        SuiteCrmSimulator(SuiteCrmSettings.model_validate({"custom_fields": fields}))
