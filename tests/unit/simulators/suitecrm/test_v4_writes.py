"""Writes over v4_1: what is stored, what is answered, and how far the two are apart."""

from __future__ import annotations

from typing import Any

import pytest
from support.clock import FakeClock
from support.instance import DATABASE_FAILURE, Client, connected

ID = "11111111-2222-4333-8444-555555555555"
ME = "5ea00000-0000-4000-8000-000000000001"
HOOKED = [{"module": "Cases", "contains": "boom", "message": "ERP is down"}]


async def test_record_without_an_id_is_always_a_new_one(crm: Client) -> None:
    first, second = await crm.set_entry(name="A"), await crm.set_entry(name="A")
    assert first != second
    assert crm.happened() == ["insert", "insert"]
    assert (await crm.get_entry(second))["case_number"] == "2"


async def test_new_record_has_its_defaults_its_maker_and_its_times() -> None:
    clock = FakeClock(1_800_000_000.75)
    async with connected(simulator={"now": clock.now}) as crm:
        record_id = await crm.set_entry(name="A", status="Open_New")
        clock.advance(60)
        await crm.set_entry(id=record_id, priority="P1")
        case = await crm.get_entry(record_id)
        names = ("name", "status", "priority", "state", "description", "deleted", "created_by", "case_number")
        assert [case[name] for name in names] == ["A", "Open_New", "P1", "Open", "", "0", ME, "1"]
        assert (case["date_entered"], case["date_modified"]) == ("2027-01-15 08:00:00", "2027-01-15 08:01:00")
        assert (crm.suite.effects[0].at, crm.suite.effects[0].fields) == (
            1_800_000_000.75,
            {"name": "A", "status": "Open_New"},
        )


async def test_update_logs_what_really_changed(crm: Client) -> None:
    record_id = await crm.set_entry(name="A", status="Open_New")
    assert await crm.set_entry(id=record_id, name="B", status="Open_New") == record_id
    effect = crm.suite.effects[1]
    assert (effect.kind, effect.record_id, effect.changed) == ("update", record_id, ("name",))
    assert effect.fields == {"name": "B", "status": "Open_New"}


async def test_update_of_an_unknown_id_answers_it_and_writes_nothing(crm: Client) -> None:
    answer = await crm(
        "set_entry",
        module_name="Cases",
        name_value_list=[{"name": "id", "value": ID}, {"name": "name", "value": "A"}],
    )
    assert answer == {
        "id": ID,
        "entry_list": {"id": {"name": "id", "value": ID}, "name": {"name": "name", "value": "A"}},
    }
    assert len(crm.suite.effects) == 0
    assert crm.suite.records.row(crm.suite.suite.modules["Cases"], ID) is None


async def test_update_of_a_deleted_record_answers_its_id_and_writes_nothing(crm: Client) -> None:
    record_id = await crm.set_entry(name="A")
    await crm.set_entry(id=record_id, deleted=1)
    assert await crm.set_entry(id=record_id, name="B") == record_id
    assert crm.happened() == ["insert", "delete"]


async def test_client_id_is_inserted_once_and_then_the_database_fails(crm: Client) -> None:
    fields: dict[str, Any] = {"id": ID, "new_with_id": True, "name": "A"}
    assert await crm.set_entry(**fields) == ID
    again = await crm.send("set_entry", module_name="Cases", name_value_list=fields)
    assert (again.status_code, again.text) == (500, DATABASE_FAILURE)
    assert again.headers["content-type"].startswith("text/html")
    assert crm.happened() == ["insert"]
    assert (await crm.get_entry(await crm.set_entry(name="B")))["case_number"] == "3"


async def test_client_id_of_a_deleted_record_is_taken_too_whatever_its_case(crm: Client) -> None:
    await crm.set_entry(id="abc-DEF", new_with_id=1, name="A")
    await crm.set_entry(id="abc-DEF", deleted="1")
    fields = {"id": "ABC-def", "new_with_id": "1", "name": "A"}
    again = await crm.send("set_entry", module_name="Cases", name_value_list=fields)
    assert (again.status_code, again.text) == (500, DATABASE_FAILURE)
    assert crm.happened() == ["insert", "delete"]


async def test_the_word_false_is_true_to_php_and_zero_is_not(crm: Client) -> None:
    await crm.set_entry(id="a", new_with_id="false", name="A")
    await crm.set_entry(id="b", new_with_id="0", name="B")
    assert [effect.record_id for effect in crm.suite.effects] == ["a"]


async def test_id_longer_than_its_column_is_cut_and_answered_whole(crm: Client) -> None:
    long = "x" * 40
    assert await crm.set_entry(id=long, new_with_id=True, name="A") == long
    assert crm.suite.effects[0].record_id == "x" * 36
    assert isinstance(await crm.get_entry(long), list)
    assert (await crm.get_entry("x" * 36))["name"] == "A"


async def test_unknown_fields_are_dropped_and_long_values_cut_without_a_word(crm: Client) -> None:
    answer = await crm(
        "set_entry", module_name="Cases", name_value_list={"name": "x" * 300, "nonsense": 1, "case_number": 77}
    )
    assert answer["entry_list"]["name"]["value"] == "x" * 300
    assert "nonsense" not in answer["entry_list"]
    assert crm.suite.effects[0].fields == {"name": "x" * 255}
    case = await crm.get_entry(answer["id"])
    assert (case["name"], case["case_number"]) == ("x" * 255, "1")


async def test_answer_without_any_known_field_is_an_empty_list_and_no_object(crm: Client) -> None:
    answer = await crm("set_entry", module_name="Cases", name_value_list={"nonsense": 1})
    assert answer["entry_list"] == []


@pytest.mark.parametrize(
    ("sent", "kept", "answered"),
    [
        ('it\'s <b>"5"</b> & co', 'it\'s <b>"5"</b> & co', "it&#039;s &lt;b&gt;&quot;5&quot;&lt;/b&gt; & co"),
        ("it&#039;s", "it's", "it&#039;s"),
        ("größer", "größer", "größer"),
        ("", None, ""),
        (None, None, ""),
        (5, "5", "5"),
        (["a"], "Array", "Array"),
    ],
)
async def test_text_comes_back_with_entities(crm: Client, sent: Any, kept: str | None, answered: str) -> None:
    record_id = await crm.set_entry(name="A", description=sent)
    assert crm.suite.effects[0].fields["description"] == kept
    assert (await crm.get_entry(record_id))["description"] == answered


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("date_start", "2027-01-15 08:00:00", "2027-01-15 08:00:00"),
        ("date_start", "2027-01-15T09:00:00+01:00", "2027-01-15 08:00:00"),
        ("date_start", "tomorrow", None),
        ("duration_hours", "1,000", "1000"),
        ("duration_hours", "soon", "0"),
        ("status", "", "Planned"),
    ],
)
async def test_values_become_what_their_column_holds(crm: Client, field: str, sent: Any, kept: str | None) -> None:
    await crm.set_entry("Calls", name="A", **{field: sent})
    assert crm.suite.effects[0].fields[field] == kept


async def test_deletion_is_a_flag_and_the_record_stays_in_the_table(crm: Client) -> None:
    record_id = await crm.set_entry(name="A")
    await crm.set_entry(id=record_id, name="B", deleted=1)
    assert crm.happened() == ["insert", "update", "delete"]
    rows = crm.suite.records.all("Cases", deleted=True)
    assert [(row["name"], row["deleted"]) for row in rows] == [("B", "1")]
    assert crm.suite.records.all("Cases") == []


async def test_text_of_an_update_becomes_a_record_each_time(crm: Client) -> None:
    record_id = await crm.set_entry(name="A")
    for _ in range(2):
        await crm.set_entry(id=record_id, update_text="On our way", internal=True)
    updates = crm.suite.records.all("AOP_Case_Updates")
    assert [(u["description"], u["case_id"], u["internal"]) for u in updates] == [("On our way", record_id, "1")] * 2
    assert crm.suite.effects.of("Cases", "update")[0].fields == {}
    await crm.set_entry(id=record_id, update_text="x" * 60)
    assert crm.suite.records.all("AOP_Case_Updates")[-1]["name"] == "x" * 50 + "..."


async def test_text_of_an_update_is_lost_with_a_new_case_and_with_one_that_is_not_there(crm: Client) -> None:
    await crm.set_entry(name="A", update_text="On our way")
    await crm.set_entry(id=ID, update_text="On our way")
    assert crm.suite.records.all("AOP_Case_Updates") == []


@pytest.mark.parametrize(("case_updates", "status", "updates"), [(True, "Open_New", 1), (False, "New", 0)])
async def test_case_updates_can_be_switched_off(case_updates: bool, status: str, updates: int) -> None:
    async with connected(case_updates=case_updates) as crm:
        record_id = await crm.set_entry(name="A", status="New")
        assert (await crm.get_entry(record_id))["status"] == status
        await crm.set_entry(id=record_id, status="New", update_text="On our way")
        assert (await crm.get_entry(record_id))["status"] == "New"
        assert len(crm.suite.records.all("AOP_Case_Updates")) == updates


@pytest.mark.case(11)
@pytest.mark.parametrize(
    ("raises", "dies_with", "body"),
    [
        ("exception", 500, ""),
        ("exception", 200, "<br />\n<b>Fatal error</b>:  Uncaught Exception: ERP is down<br />\n"),
        ("error", 200, "<br />\n<b>Fatal error</b>:  ERP is down<br />\n"),
    ],
)
async def test_hook_that_fails_after_the_row_was_written_leaves_it(raises: str, dies_with: int, body: str) -> None:
    async with connected(hooks=[{**HOOKED[0], "raises": raises}], dies_with=dies_with) as crm:
        answer = await crm.send("set_entry", module_name="Cases", name_value_list={"name": "boom"})
        assert (answer.status_code, answer.text) == (dies_with, body)
        assert crm.happened() == ["insert"]
        assert await crm.set_entry(name="calm")


async def test_record_of_another_is_not_saved_by_one_who_may_save_own_ones_only() -> None:
    async with connected(users=[{"owner_only": ["Cases"]}]) as crm:
        own = await crm.set_entry(name="mine")
        other = crm.suite.add_record("Cases", {"name": "theirs"})
        row = crm.suite.records.row(crm.suite.suite.modules["Cases"], other)
        assert row is not None
        row["created_by"] = "someone"
        refused = await crm("set_entry", module_name="Cases", name_value_list={"id": other, "name": "B"})
        assert refused == {"name": "Access Denied", "number": 40, "description": "You do not have access"}
        assert await crm.set_entry(id=own, name="B") == own
        assert crm.happened() == ["insert", "update"]


async def test_deletion_needs_its_own_right() -> None:
    async with connected(users=[{"denied": ["Cases.delete"]}]) as crm:
        record_id = await crm.set_entry(name="A")
        refused = await crm("set_entry", module_name="Cases", name_value_list={"id": record_id, "deleted": 1})
        assert refused["number"] == 40
        assert crm.happened() == ["insert"]
