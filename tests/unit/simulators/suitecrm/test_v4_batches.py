"""Batches over v4_1: lists of ids that get shorter, duplicates that answer for others, and breaks in the middle."""

from __future__ import annotations

from typing import Any

from support.instance import Client, connected


def case(name: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"name": key, "value": value} for key, value in {"name": name, **fields}.items()]


async def set_entries(crm: Client, module: str, *items: Any) -> Any:
    return await crm("set_entries", module_name=module, name_value_lists=list(items))


async def test_records_are_saved_one_by_one_and_their_ids_are_in_order(crm: Client) -> None:
    answer = await set_entries(crm, "Cases", case("A"), {"name": "B"})
    rows = crm.suite.records.all("Cases")
    assert answer == {"ids": [row["id"] for row in rows]}
    assert [row["name"] for row in rows] == ["A", "B"]


async def test_ids_of_records_that_may_not_be_saved_are_left_out_and_the_list_shifts() -> None:
    async with connected(users=[{"denied": ["Cases.delete"]}]) as crm:
        kept = await crm.set_entry(name="kept")
        answer = await set_entries(crm, "Cases", case("A"), case("gone", id=kept, deleted=1), case("B"))
        names = [row["name"] for row in crm.suite.records.all("Cases") if row["id"] in answer["ids"]]
        assert (len(answer["ids"]), names) == (2, ["A", "B"])


async def test_contact_with_address_and_name_of_another_is_answered_with_its_id(crm: Client) -> None:
    known = await crm.set_entry("Contacts", last_name="Doe", email1="jane@example.com")
    twin = {"last_name": "Doe", "first_name": "Jane", "email2": " jane@example.com "}
    other = {"last_name": "Roe", "email1": "jane@example.com"}
    answer = await set_entries(crm, "Contacts", twin, other)
    assert answer["ids"][0] == known
    assert crm.happened("Contacts") == ["insert", "update", "insert"]
    assert crm.suite.effects.of("Contacts")[1].fields == {}
    assert (await crm.get_entry(known, "Contacts"))["first_name"] == ""


async def test_contact_with_an_id_is_never_a_duplicate(crm: Client) -> None:
    known = await crm.set_entry("Contacts", last_name="Doe", email1="jane@example.com")
    answer = await set_entries(
        crm, "Contacts", {"id": "c2", "new_with_id": 1, "last_name": "Doe", "email1": "jane@example.com"}
    )
    assert answer == {"ids": ["c2"]}
    assert known != "c2"


async def test_contact_brings_the_account_it_names_into_being_once(crm: Client) -> None:
    await set_entries(
        crm, "Contacts", {"last_name": "A", "account_name": "Acme"}, {"last_name": "B", "account_name": "Acme"}
    )
    accounts = crm.suite.records.all("Accounts")
    assert [account["name"] for account in accounts] == ["Acme"]
    assert {c["account_id"] for c in crm.suite.records.all("Contacts")} == {accounts[0]["id"]}


async def test_call_with_the_outlook_id_of_another_overwrites_it(crm: Client) -> None:
    first = await set_entries(crm, "Calls", {"name": "A", "outlook_id": "o-1"})
    second = await set_entries(crm, "Calls", {"name": "B", "outlook_id": "o-1"}, {"name": "C"})
    assert second["ids"][0] == first["ids"][0]
    assert crm.happened("Calls") == ["insert", "update", "insert"]


async def test_fault_shortens_the_list_and_the_others_commit() -> None:
    fault = {"point": "apply", "kind": "partial_batch", "params": {"k": 2}}
    async with connected(fault) as crm:
        answer = await set_entries(crm, "Cases", *(case(name) for name in "ABCD"))
        assert answer["ids"] == [row["id"] for row in crm.suite.records.all("Cases")]
        assert len(answer["ids"]) == 2


async def test_call_that_dies_in_the_middle_leaves_what_came_before() -> None:
    fault = {"point": "apply", "kind": "partial_batch", "params": {"k": 1, "code": "FATAL"}}
    async with connected(fault) as crm:
        lists = [case(name) for name in "ABCDEF"]
        answer = await crm.send("set_entries", module_name="Cases", name_value_lists=lists)
        assert (answer.status_code, answer.content) == (500, b"")
        names = [row["name"] for row in crm.suite.records.all("Cases")]
        assert names == list("ABCDEF")[: len(names)]
        assert 0 < len(names) < 6


async def test_session_that_ends_in_the_middle_leaves_what_came_before() -> None:
    fault = {"point": "apply", "kind": "partial_batch", "params": {"k": 1, "code": "INVALID_SESSION"}}
    async with connected(fault) as crm:
        answer = await set_entries(crm, "Cases", *(case(name) for name in "ABCDEF"))
        assert answer["number"] == 11
        assert 0 < len(crm.suite.records.all("Cases")) < 6
        assert (await crm("get_user_id"))["number"] == 11


async def test_database_failure_in_the_middle_leaves_what_came_before(crm: Client) -> None:
    await crm.set_entry(id="taken", new_with_id=1, name="A")
    lists = [{"name": "B"}, {"id": "taken", "new_with_id": 1, "name": "C"}, {"name": "D"}]
    answer = await crm.send("set_entries", module_name="Cases", name_value_lists=lists)
    assert answer.status_code == 500
    assert [row["name"] for row in crm.suite.records.all("Cases")] == ["A", "B"]
