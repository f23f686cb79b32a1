"""The SQL fragments of v4_1: no text that a caller gives ever leaves its literal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.connectors.suitecrm import models, sql
from seawall.connectors.suitecrm.exchange import Condition
from seawall.connectors.suitecrm.reads import conditions
from seawall.connectors.suitecrm.records import CASE_FIELDS
from seawall.core.errors import InvalidRequest

NASTY = st.text(st.sampled_from("'\\\"`;-#/* \u2019%_()=aO\u00e9") | st.characters(min_codepoint=32, codec="utf-8"))


def scanned(query: str, *, backslashes: bool) -> tuple[str, list[str]]:
    """A query as a database reads it: what is outside of literals, with `?` for each, and the literals' contents."""
    outside, literals, place = "", [], 0
    while place < len(query):
        if query[place] != "'":
            outside += query[place]
            place += 1
            continue
        place += 1
        content = ""
        while True:
            assert place < len(query), "a literal is not closed"
            if backslashes and query[place] == "\\":
                content += query[place + 1]
                place += 2
            elif query[place : place + 2] == "''":
                content += "'"
                place += 2
            elif query[place] == "'":
                place += 1
                break
            else:
                content += query[place]
                place += 1
        literals.append(content)
        outside += "?"
    return outside, literals


@given(NASTY)
def test_a_literal_is_one_literal_with_that_content_where_a_backslash_escapes(value: str) -> None:
    assert scanned(sql.text(value), backslashes=True) == ("?", [value])


@given(NASTY)
def test_a_literal_is_one_literal_where_a_backslash_is_a_character(value: str) -> None:
    assert scanned(sql.text(value), backslashes=False) == ("?", [value.replace("\\", "\\\\")])


@given(st.lists(NASTY, min_size=1, max_size=4), st.booleans())
def test_a_whole_condition_has_the_same_shape_whatever_the_values_are(values: list[str], backslashes: bool) -> None:
    where = sql.where("cases", [Condition("name", "eq", value) for value in values])
    outside, literals = scanned(where, backslashes=backslashes)
    assert outside == " AND ".join(["cases.name = ?"] * len(values))
    assert len(literals) == len(values)


@given(NASTY)
def test_an_address_stays_in_its_subquery(value: str) -> None:
    outside, literals = scanned(sql.where("contacts", [Condition("email1", "eq", value)]), backslashes=True)
    assert outside == (
        "contacts.id IN (SELECT eabr.bean_id FROM email_addr_bean_rel eabr JOIN email_addresses ea"
        " ON (ea.id = eabr.email_address_id) WHERE eabr.deleted = 0 AND ea.email_address = ?)"
    )
    assert literals == [value]


@pytest.mark.parametrize("value", ["a\nb", "\x00", "\x1b"])
def test_control_characters_are_not_sent(value: str) -> None:
    with pytest.raises(InvalidRequest):
        sql.text(value)


def test_the_filters_of_a_request_become_conditions() -> None:
    request = models.FindCases(subject="O'Brien", status="Open_New", created_after=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert sql.where("cases", conditions(request, CASE_FIELDS)) == (
        "cases.name = 'O''Brien' AND cases.status = 'Open_New' AND cases.date_entered > '2026-03-01 12:00:00'"
    )


def test_no_filter_is_no_condition() -> None:
    assert sql.where("cases", conditions(models.FindCases(), CASE_FIELDS)) == ""
