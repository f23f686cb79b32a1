"""Values as SuiteCRM writes them: encodings, dates, versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.suitecrm import CHANGED, SEEN, case_record

from seawall.connectors.suitecrm.records import (
    CASE_FIELDS,
    Seen,
    asked,
    case_from,
    changed_after_creation,
    contact_from,
    differing,
    parsed_moment,
    plain,
    version_of,
    written_moment,
)
from seawall.core.errors import ContractBroken

ENCODED = str.maketrans({'"': "&quot;", "'": "&#039;", "<": "&lt;", ">": "&gt;"})


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_answered_html_encoded_does_not_differ_from_what_was_sent(sent: str) -> None:
    assert differing({"name": sent}, {"name": sent.translate(ENCODED)}, CASE_FIELDS) == ()


@given(st.text("ab<>&'\" ", min_size=1), st.text("ab<>&'\" ", min_size=1))
def test_texts_that_differ_when_decoded_differ(one: str, other: str) -> None:
    assert bool(differing({"name": one}, {"name": other}, CASE_FIELDS)) == (plain(one) != plain(other))


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        ("a\nb", "a\r\nb", True),
        (" a ", "a", True),
        ("", None, True),
        ("&amp;lt;", "<", True),
        ("a", "A", False),
        ("a", "", False),
        ("a", None, False),
        ("Printer on fire", "Printer on", False),
    ],
)
def test_what_counts_as_the_same_text(wanted: str, found: Any, same: bool) -> None:
    assert (differing({"name": wanted}, {"name": found}, CASE_FIELDS) == ()) is same


def test_a_field_that_is_not_there_differs_and_is_named_as_ours() -> None:
    assert differing({"assigned_user_id": "1", "parent_id": "x"}, {}, CASE_FIELDS) == ("owner_id", "parent_id")


@pytest.mark.parametrize(("wanted", "found", "same"), [("5", 5, True), ("5", "05", True), ("5", "50", False)])
def test_numbers_are_compared_as_numbers(wanted: str, found: Any, same: bool) -> None:
    assert (differing({"duration_hours": wanted}, {"duration_hours": found}, {}) == ()) is same


@pytest.mark.parametrize(
    "text", ["2026-03-01 10:05:00", "2026-03-01T10:05:00+00:00", "2026-03-01T10:05:00+02:00", "2026-03-01T10:05:00Z"]
)
def test_the_digits_of_a_date_are_utc_on_both_wires(text: str) -> None:
    assert parsed_moment(text) == datetime(2026, 3, 1, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01 10:00:00", "03/01/2026 10:05am", None, 5])
def test_what_is_no_date_is_none(text: Any) -> None:
    assert parsed_moment(text) is None


@given(st.integers(0, 4_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)), st.integers(-12, 14))
def test_a_date_that_is_written_reads_the_same_but_for_fractions(moment: datetime, hours: int) -> None:
    zoned = moment.astimezone(timezone(timedelta(hours=hours))) + timedelta(microseconds=300)
    assert parsed_moment(written_moment(zoned)) == moment


def test_a_version_is_the_same_over_both_wires() -> None:
    over_v8 = case_record(
        date_modified="2026-03-01T10:05:00+00:00", date_entered="2026-03-01T10:00:00+00:00", case_number=17, type=None
    )
    assert version_of(over_v8) == version_of(case_record()) == SEEN
    assert SEEN.startswith("2026-03-01T10:05:00Z#")


@pytest.mark.parametrize("change", [{"status": "Closed"}, {"date_modified": "2026-03-01 10:05:01"}])
def test_another_content_or_second_is_another_version(change: dict[str, Any]) -> None:
    assert Seen.parse(SEEN).still_holds(case_record())
    assert not Seen.parse(SEEN).still_holds(case_record(**change))


def test_a_version_without_a_digest_holds_for_its_second() -> None:
    seen = Seen.parse("2026-03-01T10:05:00Z")
    assert seen.still_holds(case_record(status="Closed"))
    assert not seen.still_holds(case_record(date_modified="2026-03-01 10:05:01"))


def test_a_record_is_changed_when_its_change_is_later_than_its_creation() -> None:
    assert changed_after_creation(case_record())
    assert not changed_after_creation(case_record(date_entered=CHANGED))


def test_a_case_is_read_with_decoded_texts_and_none_for_empty_ones() -> None:
    case = case_from(case_record(name="It&#039;s &lt;hot&gt;"))
    assert (case.subject, case.description, case.version) == (
        "It's <hot>",
        None,
        version_of(case_record(name="It's <hot>")),
    )


def test_a_case_without_a_state_is_a_case_of_sugarcrm() -> None:
    record = case_record()
    del record["state"]
    assert case_from(record).state is None


@pytest.mark.parametrize("field", ["name", "status", "date_entered", "date_modified", "resolution"])
def test_a_case_without_a_field_that_belongs_to_it_breaks_the_contract(field: str) -> None:
    record = case_record()
    del record[field]
    with pytest.raises(ContractBroken, match=field):
        case_from(record)


def test_a_contact_without_its_name_breaks_the_contract() -> None:
    with pytest.raises(ContractBroken, match="last_name"):
        contact_from(case_record())


def test_what_is_none_is_not_asked_for() -> None:
    from seawall.connectors.suitecrm.models import CreateCase

    assert asked(CreateCase(reference="r", subject="s"), CASE_FIELDS) == {"name": "s"}
