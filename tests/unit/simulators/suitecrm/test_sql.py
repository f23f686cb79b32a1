"""The fragment of SQL that v4_1 takes: the subset that is understood, and what becomes of the rest."""

from __future__ import annotations

import pytest
from support.instance import DATABASE_FAILURE, Client


async def filled(crm: Client) -> None:
    for name, status, priority in (("It's A", "Open_New", "P1"), ("b", "Closed", ""), ("C%", "Open_New", "P3")):
        await crm.set_entry(name=name, status=status, priority=priority, seawall_key_c=f"sw-{name}")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["It&#039;s A", "b", "C%"]),
        ("cases.name = 'B'", ["b"]),
        ("cases.name = 'b  '", ["b"]),
        ("cases.name = 'It\\'s A'", ["It&#039;s A"]),
        ("cases.name = 'It''s A'", ["It&#039;s A"]),
        ('cases.name = "It\'s A"', ["It&#039;s A"]),
        ("cases.name = 'It&#039;s A'", []),
        ("cases.name <> 'b' AND cases.status = 'Open_New'", ["It&#039;s A", "C%"]),
        ("cases.name = 'b' OR cases.priority = 'P3'", ["b", "C%"]),
        ("(cases.name = 'b' OR cases.priority = 'P3') AND status = 'Closed'", ["b"]),
        ("NOT (cases.name = 'b')", ["It&#039;s A", "C%"]),
        ("cases.name LIKE '%a'", ["It&#039;s A"]),
        ("cases.name LIKE '_'", ["b"]),
        ("cases.name LIKE '_\\%'", ["C%"]),
        ("cases.name NOT LIKE '%\\'%'", ["b", "C%"]),
        ("cases.name IN ('b', 'c%')", ["b", "C%"]),
        ("cases.name NOT IN ('b', 'c%')", ["It&#039;s A"]),
        ("cases.priority IS NULL", ["b"]),
        ("cases.priority IS NOT NULL", ["It&#039;s A", "C%"]),
        ("cases.priority <> 'P1'", ["C%"]),
        ("cases.case_number >= 2", ["b", "C%"]),
        ("cases.case_number = '2'", ["b"]),
        ("cases.name = 0", ["It&#039;s A", "b", "C%"]),
        ("cases_cstm.seawall_key_c = 'sw-b'", ["b"]),
        ("`cases_cstm`.`seawall_key_c` = 'SW-B'", ["b"]),
        ("cases_cstm.id_c IS NOT NULL", ["It&#039;s A", "b", "C%"]),
        ("cases.name = 'x; DROP TABLE cases'", []),
        ("cases.date_entered > '2020-01-01 00:00:00'", ["It&#039;s A", "b", "C%"]),
    ],
)
async def test_condition_finds_its_records(crm: Client, query: str, found: list[str]) -> None:
    await filled(crm)
    assert await crm.found(query) == found


@pytest.mark.parametrize(
    "query",
    [
        "cases.name = 'It's A'",
        "cases.name = 'open",
        "cases.nonsense = 'x'",
        "seawall_key_c.cases = 'x'",
        "cases.seawall_key_c = 'x'",
        "cases_cstm.name = 'x'",
        "accounts.name = 'x'",
        "cases.account_name = 'x'",
        "cases.name =",
        "cases.name 'x'",
        "cases.name NOT = 'x'",
        "cases.name IN 'x'",
        "cases.name = 'x')",
        "= 'x'",
        "cases.name ? 'x'",
    ],
)
async def test_what_the_database_cannot_read_is_its_failure(crm: Client, query: str) -> None:
    await filled(crm)
    answer = await crm.send("get_entry_list", module_name="Cases", query=query)
    assert (answer.status_code, answer.text) == (500, DATABASE_FAILURE)


@pytest.mark.parametrize(
    "query",
    [
        "1=1; DELETE FROM cases",
        "cases.id IN (SELECT id FROM cases)",
        "cases.name = 'x' UNION",
        "cases.name = 'x' -- y",
        "users.user_hash = 'x'",
        "SLEEP(5)",
    ],
)
async def test_what_is_more_than_a_condition_is_refused(crm: Client, query: str) -> None:
    answer = await crm("get_entry_list", module_name="Cases", query=query)
    assert answer["number"] == 40


@pytest.mark.parametrize("order_by", ["cases.nonsense", "cases.name sideways"])
async def test_order_by_what_is_not_there_is_the_databases_failure(crm: Client, order_by: str) -> None:
    answer = await crm.send("get_entry_list", module_name="Cases", query="", order_by=order_by)
    assert answer.status_code == 500


async def test_address_is_no_column_of_the_table(crm: Client) -> None:
    await crm.set_entry("Contacts", last_name="Doe", email1="jane@example.com")
    answer = await crm.send("get_entry_list", module_name="Contacts", query="contacts.email1 = 'jane@example.com'")
    assert (answer.status_code, answer.text) == (500, DATABASE_FAILURE)
    assert await crm.found("contacts.last_name = 'doe'", "Contacts") == ["Doe"]
