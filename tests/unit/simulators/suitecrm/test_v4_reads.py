"""Reading over v4_1: records, lists, counts, metadata and links."""

from __future__ import annotations

from typing import Any

import pytest
from support.instance import Client, connected

GONE = [
    {"name": "warning", "value": "Access to this object is denied since it has been deleted or does not exist"},
    {"name": "deleted", "value": "1"},
]


async def entries(crm: Client, *ids: str, fields: tuple[str, ...] = ("name",), links: Any = ()) -> Any:
    return await crm("get_entries", module_name="Cases", ids=ids, select_fields=fields, link_name_to_fields_array=links)


async def listed(crm: Client, **changes: Any) -> Any:
    args: dict[str, Any] = {"module_name": "Cases", "query": "", "order_by": "cases.name", "offset": 0}
    args |= {"select_fields": ["name"], "link_name_to_fields_array": [], "max_results": 0, "deleted": 0}
    return await crm("get_entry_list", **args | changes)


def names(answer: Any) -> list[str]:
    return [entry["name_value_list"]["name"]["value"] for entry in answer["entry_list"]]


async def test_record_is_answered_by_name_with_the_fields_that_were_chosen(crm: Client) -> None:
    record_id = await crm.set_entry(name="A", status="Open_New")
    answer = await entries(crm, record_id, fields=("status", "nonsense", "id"))
    values = {"status": {"name": "status", "value": "Open_New"}, "id": {"name": "id", "value": record_id}}
    assert answer == {
        "entry_list": [{"id": record_id, "module_name": "Cases", "name_value_list": values}],
        "relationship_list": [],
    }


async def test_record_that_is_not_there_or_not_any_more_is_answered_as_one_with_a_warning(crm: Client) -> None:
    kept, gone = await crm.set_entry(name="A"), await crm.set_entry(name="B")
    await crm.set_entry(id=gone, deleted=1)
    answer = await entries(crm, "nobody", gone, "", kept)
    assert [e["name_value_list"] for e in answer["entry_list"][:3]] == [GONE] * 3
    assert [e["id"] for e in answer["entry_list"]] == ["nobody", gone, "", kept]
    assert await crm.get_entry("nobody") == GONE


async def test_choice_of_unknown_fields_only_is_an_empty_list_and_no_object(crm: Client) -> None:
    answer = await entries(crm, await crm.set_entry(name="A"), fields=("nonsense",))
    assert answer["entry_list"][0]["name_value_list"] == []


async def test_id_is_found_whatever_its_case(crm: Client) -> None:
    await crm.set_entry(id="Key-1", new_with_id=1, name="A")
    assert (await crm.get_entry("KEY-1"))["id"] == "Key-1"


async def test_list_is_paged_and_says_how_many_there_are(crm: Client) -> None:
    for name in "CAB":
        await crm.set_entry(name=name)
    page = await listed(crm, max_results=2)
    assert (names(page), page["result_count"], page["total_count"], page["next_offset"]) == (["A", "B"], 2, "3", 2)
    rest = await listed(crm, offset=2, max_results=2)
    assert (names(rest), rest["next_offset"]) == (["C"], 3)
    assert names(await listed(crm, order_by="name DESC")) == ["C", "B", "A"]


async def test_list_without_a_number_has_as_many_rows_as_the_instance_says() -> None:
    async with connected(page_size=2) as crm:
        for name in "ABC":
            await crm.set_entry(name=name)
        answer = await listed(crm)
        assert (names(answer), answer["total_count"]) == (["A", "B"], "3")


async def test_deleted_records_are_listed_beside_the_others_where_asked_for(crm: Client) -> None:
    await crm.set_entry(name="A")
    await crm.set_entry(id=await crm.set_entry(name="B"), deleted=1)
    assert names(await listed(crm)) == ["A"]
    assert names(await listed(crm, deleted=1)) == ["A", "B"]
    count = {"module_name": "Cases", "query": ""}
    assert await crm("get_entries_count", **count, deleted=0) == {"result_count": "1"}
    assert await crm("get_entries_count", **count, deleted=1) == {"result_count": "2"}


async def test_count_of_what_cannot_be_read_is_null_and_no_error(crm: Client) -> None:
    unreadable = await crm("get_entries_count", module_name="Cases", query="cases.nonsense = 'x'", deleted=0)
    assert unreadable == {"result_count": None}
    too_much = await crm("get_entries_count", module_name="Cases", query="1=1; DROP TABLE cases", deleted=0)
    assert too_much["number"] == 40


async def test_or_in_a_counted_condition_lets_deleted_records_in(crm: Client) -> None:
    await crm.set_entry(id=await crm.set_entry(name="A"), deleted=1)
    query = "cases.name = 'A' OR cases.name = 'B'"
    assert await crm("get_entries_count", module_name="Cases", query=query, deleted=0) == {"result_count": "1"}
    assert names(await listed(crm, query=query)) == []


@pytest.mark.parametrize("right", ["list", "view"])
async def test_right_that_is_missing_is_error_40_under_status_200(right: str) -> None:
    async with connected(users=[{"denied": [f"Cases.{right}"]}]) as crm:
        record_id = await crm.set_entry(name="A")
        answer = await (listed(crm) if right == "list" else entries(crm, record_id))
        assert answer == {"name": "Access Denied", "number": 40, "description": "You do not have access"}


async def test_related_records_come_with_a_record_where_asked_for(crm: Client) -> None:
    account = await crm.set_entry("Accounts", name="Acme's")
    case = await crm.set_entry(name="A", account_id=account)
    wanted = [{"name": "accounts", "value": ["name"]}, {"name": "nonsense", "value": ["x"]}]
    answer = await entries(crm, case, fields=("account_name",), links=[*wanted, {"name": "notes", "value": ["name"]}])
    assert answer["entry_list"][0]["name_value_list"]["account_name"]["value"] == "Acme&#039;s"
    records = [{"link_value": {"name": {"name": "name", "value": "Acme&#039;s"}}}]
    assert answer["relationship_list"] == [
        {"link_list": [{"name": "accounts", "records": records}, {"name": "nonsense", "records": []}]}
    ]


async def test_metadata_names_the_table_the_fields_and_their_lengths(crm: Client) -> None:
    answer = await crm("get_module_fields", module_name="Cases")
    assert answer["table_name"] == "cases"
    assert answer["module_fields"]["name"]["len"] == "255"
    assert answer["module_fields"]["seawall_key_c"]["len"] == "64"
    assert answer["link_fields"]["contacts"]["module"] == "Contacts"
    chosen = await crm("get_module_fields", module_name="Cases", fields=["status"])
    assert (list(chosen["module_fields"]), chosen["link_fields"]) == (["status"], [])


async def test_modules_are_those_that_the_user_may_see() -> None:
    async with connected(users=[{"denied": ["Tasks", "Cases.save"]}]) as crm:
        modules = {m["module_key"]: m for m in (await crm("get_available_modules"))["modules"]}
        assert "Tasks" not in modules
        acls = {acl["action"]: acl["access"] for acl in modules["Cases"]["acls"]}
        assert (acls["edit"], acls["view"]) == (False, True)
