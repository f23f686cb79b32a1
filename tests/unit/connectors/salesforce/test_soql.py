"""SOQL that no value can break out of."""

from __future__ import annotations

from datetime import datetime

import pytest
from support.salesforce import CASE_ID

from seawall.connectors.salesforce import models, soql
from seawall.connectors.salesforce.reads import conditions


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", "'plain'"),
        ("O'Brien", r"'O\'Brien'"),
        ("back\\slash", r"'back\\slash'"),
        ("\\' OR Id != '", r"'\\\' OR Id != \''"),
        ('say "hi"', r"'say \"hi\"'"),
        ("two\nlines\r\tand tab", r"'two\nlines\r\tand tab'"),
        ("100%_", "'100%_'"),
    ],
)
def test_a_text_literal_is_escaped(value: str, literal: str) -> None:
    assert soql.text(value) == literal


@pytest.mark.parametrize(
    ("value", "literal"),
    [("fire", "'%fire%'"), ("100%", r"'%100\%%'"), ("a_b", r"'%a\_b%'"), ("it's \\", r"'%it\'s \\%'")],
)
def test_wildcards_in_a_value_stand_for_themselves(value: str, literal: str) -> None:
    assert soql.containing(value) == literal


def test_a_moment_is_in_utc_and_not_quoted() -> None:
    assert soql.moment(datetime.fromisoformat("2026-03-01T12:00:00+02:00")) == "2026-03-01T10:00:00Z"


def test_a_query_is_put_together() -> None:
    query = soql.select(["Id", "Name"], "Case", ["A = 1", "B = 2"], order="Id", limit=5)
    assert query == "SELECT Id, Name FROM Case WHERE A = 1 AND B = 2 ORDER BY Id LIMIT 5"
    assert soql.select(["Id"], "Case", []) == "SELECT Id FROM Case"
    assert soql.any_of("F", ["a", "b'"]) == r"F IN ('a', 'b\'')"


def test_filters_become_conditions() -> None:
    request = models.FindCases(
        status="New",
        priority="High",
        contact_email="o'brien@example.com",
        account_id=CASE_ID,
        subject_contains="50%",
        created_after=datetime.fromisoformat("2026-03-01T10:00:00Z"),
    )
    assert conditions(request) == [
        "Status = 'New'",
        "Priority = 'High'",
        r"Contact.Email = 'o\'brien@example.com'",
        f"AccountId = '{CASE_ID}'",
        r"Subject LIKE '%50\%%'",
        "CreatedDate > 2026-03-01T10:00:00Z",
    ]
    assert conditions(models.FindCases()) == []
