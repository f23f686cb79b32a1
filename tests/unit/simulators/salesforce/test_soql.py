"""SOQL: what is read, what it selects, and how a query that cannot be answered is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.clock import FakeClock
from support.org import LoggedIn, first_error, logged_in

from seawall.simulators.salesforce.errors import ApiError
from seawall.simulators.salesforce.soql import parse
from seawall.simulators.salesforce.syntax import Text, like_pattern

CUSTOM = [
    {"name": "Seawall_Key__c", "external_id": True, "unique": True},
    {"name": "Code__c", "external_id": True, "case_sensitive": True},
    {"name": "Score__c", "type": "double"},
    {"name": "Due__c", "type": "date"},
]
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


@pytest.fixture
async def crm() -> AsyncIterator[LoggedIn]:
    """An org with three cases; A is a day older than B and C, C has hardly any field."""
    clock = FakeClock(NOW - 86_400)
    async with logged_in(simulator={"now": clock.now}, custom_fields={"Case": CUSTOM}, session_life=1e6) as client:
        account = client.org.add_record("Account", {"Name": "Acme"})
        a = {"Subject": "A", "Status": "New", "Priority": "High", "Score__c": 1.5, "Due__c": "2027-01-10"}
        client.org.add_record("Case", {**a, "AccountId": account, "Seawall_Key__c": "Key-A", "Code__c": "Abc"})
        clock.advance(86_400)
        b = {"Subject": "b'\\%", "Status": "Closed", "Priority": "Low", "Score__c": 10, "Due__c": "2027-01-20"}
        client.org.add_record("Case", {**b, "Seawall_Key__c": "key-b", "Code__c": "abc"})
        client.org.add_record("Case", {"Subject": "C", "Status": "New", "Priority": None})
        yield client


async def subjects(crm: LoggedIn, condition: str) -> str:
    """First letters of the cases that a condition selects."""
    rows = await crm.found(f"SELECT Subject FROM Case WHERE {condition}")
    return "".join(str(row["Subject"])[0] for row in rows)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("Subject = 'A'", "A"),
        ("subject = 'a'", "A"),
        ("Subject != 'A'", "bC"),
        ("Subject <> 'A'", "bC"),
        (r"Subject = '\u0041'", "A"),
        (r"Subject = 'A\N'", ""),
        ("Subject < 'b'", "A"),
        ("Subject > 'A'", "bC"),
        ("Subject IN ('a', 'C', 'nothing')", "AC"),
        ("Subject NOT IN ('a', 'C')", "b"),
        (r"Subject = 'b\'\\%'", "b"),
        (r"Subject LIKE 'b\'\\%'", "b"),
        (r"Subject LIKE '%\%'", "b"),
        ("Subject LIKE '_'", "AC"),
        ("Subject LIKE 'a%'", "A"),
        ("Subject LIKE 'b_'", ""),
        ("NOT Subject LIKE 'a%'", "bC"),
        ("Subject = 'A' OR Subject = 'C'", "AC"),
        ("Status = 'New' AND Priority = 'High'", "A"),
        ("Status = 'New' AND (Subject = 'C' OR Subject = 'b')", "C"),
        ("NOT (Status = 'New')", "b"),
        ("Status = 'New' AND (NOT Subject = 'A')", "C"),
        ("Priority = null", "C"),
        ("Priority != null", "Ab"),
        ("Priority != 'High'", "bC"),
        ("Priority NOT IN ('High')", "bC"),
        ("IsClosed = TRUE", "b"),
        ("IsClosed = false", "AC"),
        ("IsClosed != false", "b"),
        ("Score__c > 1", "Ab"),
        ("Score__c >= 10", "b"),
        ("Score__c = 1.5", "A"),
        ("Score__c < 5", "A"),
        ("Score__c <= 1.5", "A"),
        ("Score__c > -1", "Ab"),
        ("Due__c = 2027-01-10", "A"),
        ("Due__c > 2027-01-10", "b"),
        ("Due__c < TODAY", "A"),
        ("Due__c = NEXT_N_DAYS:5", "b"),
        ("CreatedDate = YESTERDAY", "A"),
        ("CreatedDate = TODAY", "bC"),
        ("CreatedDate = LAST_N_DAYS:1", "AbC"),
        ("CreatedDate < TODAY", "A"),
        ("CreatedDate > YESTERDAY", "bC"),
        ("CreatedDate = TOMORROW", ""),
        ("CreatedDate = 2027-01-14", "A"),
        ("CreatedDate >= 2027-01-15T08:00:00Z", "bC"),
        ("CreatedDate = 2027-01-15T09:00:00+01:00", "bC"),
        ("CreatedDate < 2027-01-15T08:00:00.000Z", "A"),
        ("Seawall_Key__c = 'KEY-a'", "A"),
        ("Seawall_Key__c IN ('key-a', 'KEY-B', 'key-b')", "Ab"),
        ("Code__c = 'abc'", "b"),
        ("Code__c = 'ABC'", ""),
        ("Account.Name = 'acme'", "A"),
        ("Account.Name = null", "bC"),
        ("Case.Subject = 'A'", "A"),
        ("AccountId = null", "bC"),
        ("Owner.Username = 'integration@example.com'", "AbC"),
    ],
)
async def test_condition_selects(crm: LoggedIn, condition: str, found: str) -> None:
    assert await subjects(crm, condition) == found


async def test_ids_match_in_15_and_18_characters(crm: LoggedIn) -> None:
    (row,) = await crm.found("SELECT Id, AccountId FROM Case WHERE Subject = 'A'")
    assert await subjects(crm, f"Id = '{row['Id']}'") == "A"
    assert await subjects(crm, f"Id IN ('{row['Id'][:15]}')") == "A"
    assert await subjects(crm, f"AccountId = '{row['AccountId'][:15]}'") == "A"
    assert await subjects(crm, f"Id != '{row['Id']}'") == "bC"


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("Subject", "AbC"),
        ("Subject DESC", "CbA"),
        ("Priority", "CAb"),
        ("Priority DESC", "CbA"),
        ("Priority ASC NULLS LAST", "AbC"),
        ("Priority DESC NULLS LAST", "bAC"),
        ("Priority NULLS FIRST", "CAb"),
        ("Status DESC, Subject DESC", "CAb"),
        ("Score__c DESC NULLS LAST", "bAC"),
        ("Account.Name DESC NULLS LAST, Subject DESC", "ACb"),
        ("Subject LIMIT 2", "Ab"),
        ("Subject LIMIT 1 OFFSET 1", "b"),
        ("Subject OFFSET 2", "C"),
        ("Subject LIMIT 0", ""),
    ],
)
async def test_order_limit_and_offset(crm: LoggedIn, order: str, found: str) -> None:
    rows = await crm.found(f"SELECT Subject FROM Case ORDER BY {order}")
    assert "".join(str(row["Subject"])[0] for row in rows) == found


async def test_rows_carry_their_attributes_and_their_parents(crm: LoggedIn) -> None:
    answer = await crm.soql("select Id, Subject, Account.Name, Account.Id from Case where Subject in ('A', 'C')")
    content = answer.json()
    assert (content["totalSize"], content["done"], "nextRecordsUrl" in content) == (2, True, False)
    first, second = content["records"]
    assert first["attributes"] == {"type": "Case", "url": f"/services/data/v60.0/sobjects/Case/{first['Id']}"}
    assert first["Account"]["Name"] == "Acme"
    assert first["Account"]["attributes"]["type"] == "Account"
    assert list(first) == ["attributes", "Id", "Subject", "Account"]
    assert second["Account"] is None


async def test_count_has_a_total_and_no_rows(crm: LoggedIn) -> None:
    answer = await crm.soql("SELECT COUNT() FROM Case WHERE Status = 'New'")
    assert answer.json() == {"totalSize": 2, "done": True, "records": []}


async def test_deleted_rows_are_seen_by_query_all_only(crm: LoggedIn) -> None:
    (row,) = await crm.found("SELECT Id FROM Case WHERE Subject = 'A'")
    await crm("DELETE", f"/sobjects/Case/{row['Id']}")
    assert await subjects(crm, "Status = 'New'") == "C"
    text = "SELECT Subject, IsDeleted FROM Case WHERE Seawall_Key__c = 'key-a'"
    assert await crm.found(text) == []
    rows = (await crm("GET", "/queryAll", params={"q": text})).json()["records"]
    assert [row["IsDeleted"] for row in rows] == [True]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "MALFORMED_QUERY", "SOQL statements cannot be empty or null"),
        ("DELETE FROM Case", "MALFORMED_QUERY", "unexpected token: 'DELETE'"),
        ("SELECT FROM Case", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id", "MALFORMED_QUERY", "unexpected token: 'end of query'"),
        ("SELECT Id FROM Case WHERE", "MALFORMED_QUERY", "unexpected token: 'end of query'"),
        ("SELECT Id FROM Case WHERE Subject", "MALFORMED_QUERY", "unexpected token: 'end of query'"),
        ("SELECT Id FROM Case WHERE Subject = ", "MALFORMED_QUERY", "unexpected token: 'end of query'"),
        ("SELECT Id FROM Case WHERE Subject LIKE 1", "MALFORMED_QUERY", "unexpected token: '1'"),
        ("SELECT Id FROM Case WHERE Subject IN 'A'", "MALFORMED_QUERY", "unexpected token: ''A''"),
        ("SELECT Id FROM Case WHERE Subject = 'A' OR Subject = 'B' AND IsClosed = true", "MALFORMED_QUERY", "'AND'"),
        ("SELECT Id FROM Case WHERE (Subject = 'A'", "MALFORMED_QUERY", "unexpected token: 'end of query'"),
        ("SELECT Id FROM Case LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id FROM Case LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"),
        ("SELECT Id FROM Case LIMIT 1 LIMIT 2", "MALFORMED_QUERY", "unexpected token: 'LIMIT'"),
        ("SELECT Id FROM Case ORDER Subject", "MALFORMED_QUERY", "unexpected token: 'Subject'"),
        ("SELECT Id FROM Case WHERE Subject = 'it's'", "MALFORMED_QUERY", "no viable alternative at character"),
        ('SELECT Id FROM Case WHERE Subject = "A"', "MALFORMED_QUERY", "no viable alternative at character '\"'"),
        (r"SELECT Id FROM Case WHERE Subject = 'a\x'", "MALFORMED_QUERY", r"Illegal character sequence '\x'"),
        ("SELECT Id FROM Case WHERE Subject = :name", "MALFORMED_QUERY", "no viable alternative"),
        ("SELECT Id FROM Case WHERE Subject = name", "MALFORMED_QUERY", "Bind variables only allowed in Apex"),
        ("SELECT Id FROM Case WHERE CreatedDate > 2027-13-01", "MALFORMED_QUERY", "Invalid date: 2027-13-01"),
        (
            "SELECT Id FROM Case WHERE CreatedDate > 2027-01-01T00:00:00",
            "MALFORMED_QUERY",
            "no viable alternative at character ':'",
        ),
        ("SELECT Id FROM Nothing", "INVALID_TYPE", "sObject type 'Nothing' is not supported."),
        ("SELECT Id, Foo FROM Case", "INVALID_FIELD", "No such column 'Foo' on entity 'Case'."),
        ("SELECT Foo.Name FROM Case", "INVALID_FIELD", "Didn't understand relationship 'Foo' in field path."),
        ("SELECT Account.Foo FROM Case", "INVALID_FIELD", "No such column 'Foo' on entity 'Account'."),
        ("SELECT Id FROM Case WHERE Foo = 1", "INVALID_FIELD", "No such column 'Foo'"),
        (
            "SELECT Id FROM Case WHERE Description = 'x'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Task WHERE Description LIKE '%x%'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM CaseComment WHERE CommentBody = 'x'",
            "INVALID_FIELD",
            "field 'CommentBody' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Case ORDER BY Description",
            "INVALID_FIELD",
            "field 'Description' can not be sorted in a query call",
        ),
        ("SELECT Id FROM Case WHERE Subject = 1", "INVALID_FIELD", "must be of type string and should be enclosed"),
        ("SELECT Id FROM Case WHERE Score__c = '1'", "INVALID_FIELD", "must be of type double and should not be"),
        ("SELECT Id FROM Case WHERE IsClosed = 'true'", "INVALID_FIELD", "must be of type boolean and should not"),
        (
            "SELECT Id FROM Case WHERE CreatedDate > '2027-01-01'",
            "INVALID_FIELD",
            "must be of type dateTime and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Case WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Case WHERE IsClosed > true", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on boolean"),
        ("SELECT Id FROM Case WHERE Subject > null", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator"),
        ("SELECT Id FROM Case WHERE AccountId LIKE '0%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on ref"),
    ],
)
async def test_query_that_cannot_be_answered_is_refused(crm: LoggedIn, text: str, code: str, message: str) -> None:
    answer = await crm.soql(text)
    assert first_error(answer) == (400, code)
    assert message in answer.json()[0]["message"]


async def test_refusal_points_at_the_place(crm: LoggedIn) -> None:
    answer = await crm.soql("SELECT Id, Foo FROM Case")
    assert answer.json()[0]["message"].startswith(
        "\nSELECT Id, Foo FROM Case\n           ^\nERROR at Row:1:Column:12\n"
    )


WORDS = ["SELECT", "Id", "FROM", "Case", "WHERE", "AND", "OR", "NOT", "(", ")", "=", "'x'", "1", "IN", "LIKE", ","]


@given(st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join))
@example("SELECT Id FROM Case")
@example("SELECT")
def test_any_text_is_read_or_refused(text: str) -> None:
    refused = None
    try:
        parse(text)
    except ApiError as error:
        refused = error.code
    assert refused in (None, "MALFORMED_QUERY")


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


@given(st.text())
def test_quoted_text_is_read_as_it_was(text: str) -> None:
    select = parse(f"SELECT Id FROM Case WHERE Subject = '{quoted(text)}'")
    where: Any = select.where
    assert where.values[0].value == text


@given(st.text())
def test_pattern_whose_signs_are_escaped_matches_its_own_text_only(text: str) -> None:
    escaped = quoted(text).replace("%", "\\%").replace("_", "\\_")
    pattern = like_pattern(Text(escaped))
    assert pattern.fullmatch(text)
    assert not pattern.fullmatch(text + "x")
