"""Keys in records: written, found again, never wiped out by a later change."""

from __future__ import annotations

from typing import Any

import pytest
from support.salesforce import FIELD, KEY, MARKS, OTHER_KEY

from seawall.connectors.salesforce.keys import (
    IN_COMMENT,
    IN_SUBJECT,
    ExternalId,
    MarkerField,
    MarkerText,
    key_place,
    short_form,
)
from seawall.core.adapter import ClientId, Marker

SHORT = KEY[:19]


def test_the_short_form_is_the_beginning_of_the_key() -> None:
    assert short_form(KEY) == SHORT
    assert len(SHORT) == 19


def test_keys_of_another_shape_have_short_forms_of_the_usual_one() -> None:
    forms = {short_form(f"{KEY[:27]}-{n}") for n in range(50)}
    assert len(forms) == 50
    assert all(IN_SUBJECT.keep("x", f"y [{form}]") == f"x [{form}]" for form in forms)


def test_the_strongest_place_that_the_settings_allow_is_taken() -> None:
    assert key_place("Case", {"Case": FIELD}, {"Case": MARKS}, IN_SUBJECT) == ExternalId(FIELD)
    assert key_place("Case", {}, {"Case": MARKS}, IN_SUBJECT) == MarkerField(MARKS)
    assert key_place("Case", {"Task": FIELD}, {"Task": MARKS}, IN_SUBJECT) is IN_SUBJECT


def test_each_place_tells_its_dedupe_means() -> None:
    assert ExternalId(FIELD).dedupe == ClientId(FIELD)
    assert MarkerField(MARKS).dedupe == Marker(MARKS)
    assert IN_COMMENT.dedupe == Marker("CommentBody")


@pytest.mark.parametrize("place", [ExternalId(FIELD), MarkerField(FIELD), MarkerText(FIELD, 255, " [{}]")])
def test_a_key_that_was_written_is_found_and_another_is_not(place: Any) -> None:
    body: dict[str, Any] = {FIELD: "text"} if isinstance(place, MarkerText) else {}
    place.write(body, KEY)
    assert place.carries(body, KEY)
    assert not place.carries(body, OTHER_KEY)
    assert not place.carries({}, KEY)
    assert not place.carries({FIELD: None}, KEY)


def test_a_key_in_other_letters_is_not_ours() -> None:
    assert not ExternalId(FIELD).carries({FIELD: KEY.upper()}, KEY)
    assert not MarkerField(FIELD).carries({FIELD: KEY.upper()}, KEY)


def test_a_key_that_another_one_begins_with_is_not_taken_for_it() -> None:
    assert not MarkerField(FIELD).carries({FIELD: KEY + "2"}, KEY)


def test_the_subject_gives_way_and_the_marker_does_not() -> None:
    body = {"Subject": "x" * 255}
    IN_SUBJECT.write(body, KEY)
    assert len(body["Subject"]) == 255
    assert body["Subject"].endswith(f"x [{SHORT}]")


def test_a_comment_carries_its_marker_on_the_last_line() -> None:
    body = {"CommentBody": "Hello"}
    IN_COMMENT.write(body, KEY)
    assert body["CommentBody"] == f"Hello\n[ref:{SHORT}]"


def test_a_marker_alone_has_no_empty_line_before_it() -> None:
    body: dict[str, Any] = {}
    MarkerText("Description", 100, "\n[ref:{}]").write(body, KEY)
    assert body == {"Description": f"[ref:{SHORT}]"}


def test_a_change_of_the_subject_keeps_the_marker_of_the_creation() -> None:
    marked = f"Printer on fire [{SHORT}]"
    assert IN_SUBJECT.keep("Printer in ashes", marked) == f"Printer in ashes [{SHORT}]"
    assert IN_SUBJECT.keep(marked, marked) == marked
    assert IN_SUBJECT.keep(None, marked) == f"[{SHORT}]"
    kept = IN_SUBJECT.keep("y" * 255, marked)
    assert kept is not None
    assert len(kept) == 255
    assert kept.endswith(f"y [{SHORT}]")


@pytest.mark.parametrize("before", [None, "", "Printer on fire", "Printer [sw-short]", f"[{SHORT}] first"])
def test_a_subject_without_a_marker_gets_none(before: str | None) -> None:
    assert IN_SUBJECT.keep("new", before) == "new"
    assert IN_SUBJECT.keep(None, before) is None


def test_a_marker_field_keeps_the_key_of_the_creation_and_the_latest_changes() -> None:
    place = MarkerField(MARKS)
    keys = [f"sw-{n:026d}" for n in range(20)]
    body: dict[str, Any] = {}
    for key in keys:
        place.write(body, key, body.get(MARKS))
    held = place.keys(body[MARKS])
    assert len(body[MARKS]) <= 255
    assert held == [keys[0], *keys[-(len(held) - 1) :]]
    assert len(held) == 8


def test_a_full_marker_field_may_have_dropped_a_key_and_another_has_not() -> None:
    place = MarkerField(MARKS)
    assert not place.may_have_dropped({MARKS: None}, KEY)
    assert not place.may_have_dropped({MARKS: " ".join([OTHER_KEY] * 7)}, KEY)
    assert place.may_have_dropped({MARKS: " ".join([OTHER_KEY] * 8)}, KEY)
