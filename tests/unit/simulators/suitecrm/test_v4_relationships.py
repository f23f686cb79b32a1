"""Links over v4_1: tables of their own, columns of the other side, and counts that prove little."""

from __future__ import annotations

from typing import Any

from support.instance import Client, connected


async def link(crm: Client, module: str, record_id: str, name: str, *others: str, delete: int = 0) -> Any:
    return await crm(
        "set_relationship",
        module_name=module,
        module_id=record_id,
        link_field_name=name,
        related_ids=others,
        name_value_list=[],
        delete=delete,
    )


async def linked(crm: Client, module: str, record_id: str, name: str, query: str = "") -> list[str]:
    answer = await crm(
        "get_relationships",
        module_name=module,
        module_id=record_id,
        link_field_name=name,
        related_module_query=query,
        related_fields=["id"],
        related_module_link_name_to_fields_array=[],
        deleted=0,
    )
    return [entry["id"] for entry in answer["entry_list"]]


async def test_pair_is_made_once_seen_from_both_sides_and_taken_away(crm: Client) -> None:
    case, contact = await crm.set_entry(name="A"), await crm.set_entry("Contacts", last_name="Doe")
    for _ in range(2):
        assert await link(crm, "Cases", case, "contacts", contact) == {"created": 1, "failed": 0, "deleted": 0}
    assert await linked(crm, "Cases", case, "contacts") == [contact]
    assert await linked(crm, "Contacts", contact, "cases") == [case]
    assert await link(crm, "Contacts", contact, "cases", case, delete=1) == {"created": 0, "failed": 0, "deleted": 1}
    assert await linked(crm, "Cases", case, "contacts") == []
    assert crm.happened("contacts_cases") == ["insert", "delete"]
    assert crm.suite.effects.of("contacts_cases")[0].record_id == f"{contact}/{case}"


async def test_link_that_a_column_holds_is_an_update_of_its_record(crm: Client) -> None:
    case, note = await crm.set_entry(name="A"), await crm.set_entry("Notes", name="N")
    await link(crm, "Cases", case, "notes", note)
    effect = crm.suite.effects[-1]
    assert (effect.object, effect.kind, effect.record_id) == ("Notes", "update", note)
    assert effect.fields == {"parent_type": "Cases", "parent_id": case}
    assert await linked(crm, "Cases", case, "notes") == [note]
    assert await linked(crm, "Notes", note, "cases") == [case]
    assert await linked(crm, "Notes", note, "accounts") == []
    await link(crm, "Cases", case, "notes", note, delete=1)
    assert await linked(crm, "Cases", case, "notes") == []


async def test_related_records_are_filtered_and_deleted_ones_are_not_among_them(crm: Client) -> None:
    case = await crm.set_entry(name="A")
    kept = await crm.set_entry("Notes", name="kept", parent_type="Cases", parent_id=case)
    await crm.set_entry("Notes", name="other", parent_type="Cases", parent_id=case)
    gone = await crm.set_entry("Notes", name="kept", parent_type="Cases", parent_id=case)
    await crm.set_entry("Notes", id=gone, deleted=1)
    assert await linked(crm, "Cases", case, "notes", "notes.name = 'kept'") == [kept]


async def test_count_says_created_though_no_record_is_there(crm: Client) -> None:
    created = {"created": 1, "failed": 0, "deleted": 0}
    assert await link(crm, "Cases", "nobody", "contacts", "no one") == created
    assert await link(crm, "Cases", "nobody", "notes", "nothing") == created
    assert len(crm.suite.effects) == 0


async def test_count_is_of_calls_and_not_of_pairs(crm: Client) -> None:
    case = await crm.set_entry(name="A")
    contacts = [await crm.set_entry("Contacts", last_name=name) for name in "AB"]
    assert (await link(crm, "Cases", case, "contacts", *contacts))["created"] == 1
    assert crm.happened("contacts_cases") == ["insert", "insert"]


async def test_unknown_link_or_module_is_counted_as_failed(crm: Client) -> None:
    case = await crm.set_entry(name="A")
    failed = {"created": 0, "failed": 1, "deleted": 0}
    assert await link(crm, "Cases", case, "nonsense", "x") == failed
    assert await link(crm, "Nonsense", case, "contacts", "x") == failed
    assert len(crm.suite.effects) == 1


async def test_several_links_at_once_and_one_that_a_fault_fails() -> None:
    fault = {"point": "apply", "kind": "partial_batch", "params": {"k": 1}, "trigger": {"nth": 1}}
    async with connected(fault) as crm:
        case = await crm.set_entry(name="A")
        contacts = [await crm.set_entry("Contacts", last_name=name) for name in "AB"]
        args = {
            "module_names": ["Cases", "Cases"],
            "module_ids": [case, case],
            "link_field_names": ["contacts", "contacts"],
            "related_ids": [[contacts[0]], [contacts[1]]],
            "name_value_lists": [],
            "delete_array": [0, 0],
        }
        assert await crm("set_relationships", **args) == {"created": 1, "failed": 1, "deleted": 0}
        assert len(crm.suite.effects.of("contacts_cases")) == 1
        assert await crm("set_relationships", **args) == {"created": 2, "failed": 0, "deleted": 0}
        assert len(crm.suite.effects.of("contacts_cases")) == 2
        assert (await crm("set_relationships", **args | {"module_names": []}))["number"] == 1001


async def test_link_is_made_and_taken_away_from_the_side_that_holds_it(crm: Client) -> None:
    account, case = await crm.set_entry("Accounts", name="Acme"), await crm.set_entry(name="A")
    await link(crm, "Cases", case, "accounts", account)
    assert await linked(crm, "Accounts", account, "cases") == [case]
    await link(crm, "Cases", case, "accounts", "another", delete=1)
    assert await linked(crm, "Cases", case, "accounts") == [account]
    await link(crm, "Cases", case, "accounts", account, delete=1)
    assert await linked(crm, "Cases", case, "accounts") == []
    assert [e.fields for e in crm.suite.effects.of("Cases", "update")] == [
        {"account_id": account},
        {"account_id": None},
    ]


async def test_child_that_is_not_there_or_not_linked_is_left_alone(crm: Client) -> None:
    case, note = await crm.set_entry(name="A"), await crm.set_entry("Notes", name="N")
    await link(crm, "Cases", case, "notes", "nothing")
    await link(crm, "Cases", case, "notes", note, "nothing", delete=1)
    assert len(crm.suite.effects) == 2


async def test_pair_that_is_not_there_is_taken_away_without_effect(crm: Client) -> None:
    case = await crm.set_entry(name="A")
    assert (await link(crm, "Cases", case, "contacts", "nobody", delete=1))["deleted"] == 1
    assert len(crm.suite.effects) == 1


async def test_related_records_are_paged_and_need_their_right() -> None:
    async with connected(users=[{"denied": ["Contacts.view"]}]) as crm:
        case = await crm.set_entry(name="A")
        for name in "CAB":
            await crm.set_entry("Notes", name=name, parent_type="Cases", parent_id=case)
        args = {"module_id": case, "link_field_name": "notes", "related_module_query": "", "related_fields": ["name"]}
        rest = {"related_module_link_name_to_fields_array": [], "deleted": 0, "order_by": "notes.name"}
        answer = await crm("get_relationships", module_name="Cases", **args, **rest, offset=1, limit=1)
        assert [entry["name_value_list"]["name"]["value"] for entry in answer["entry_list"]] == ["B"]
        assert (await crm("get_relationships", module_name="Contacts", **args, **rest))["number"] == 40
        nothing: dict[str, list[Any]] = {"entry_list": [], "relationship_list": []}
        assert await crm("get_relationships", module_name="Cases", **args | {"module_id": "x"}, **rest) == nothing
