from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.toy import ADD, AddNote

from seawall.core.identity import canonical_json, identify


def test_same_facts_give_the_same_key_over_restarts() -> None:
    # A literal: if this changes, operations recorded by an earlier version no longer match.
    assert identify("crm", ADD, AddNote(reference="R-1")).key == "sw-p3e2pf3q2fr4lu7xe5vorook2n"


def test_reworded_request_keeps_its_key_and_changes_its_digest() -> None:
    first = identify("crm", ADD, AddNote(reference="R-1", text="please help"))
    second = identify("crm", ADD, AddNote(reference="R-1", text="help, please"))
    assert first.key == second.key
    assert first.digest != second.digest


@pytest.mark.case(20)
def test_text_equal_in_normal_form_c_is_no_mismatch() -> None:
    composed, decomposed = "Zoë", unicodedata.normalize("NFD", "Zoë")
    assert composed != decomposed
    first = identify("crm", ADD, AddNote(reference=composed, text=composed))
    assert first == identify("crm", ADD, AddNote(reference=decomposed, text=decomposed))


@pytest.mark.case(20)
def test_order_of_fields_is_no_mismatch() -> None:
    one = AddNote.model_validate({"reference": "R-1", "text": "x"})
    two = AddNote.model_validate({"text": "x", "reference": "R-1"})
    assert identify("crm", ADD, one) == identify("crm", ADD, two)


@pytest.mark.case(27)
def test_default_spelt_out_changes_no_digest() -> None:
    plain = identify("crm", ADD, AddNote(reference="R-1"))
    assert plain.digest == identify("crm", ADD, AddNote(reference="R-1", priority="normal")).digest


def test_same_request_to_another_system_or_action_is_another_operation() -> None:
    request = AddNote(reference="R-1")
    keys = {
        identify("crm", ADD, request).key,
        identify("erp", ADD, request).key,
        identify("crm", replace(ADD, name="other"), request).key,
    }
    assert len(keys) == 3


@given(st.lists(st.text(), min_size=2, max_size=2, unique_by=lambda text: unicodedata.normalize("NFC", text.strip())))
def test_other_facts_give_another_key(references: list[str]) -> None:
    first, second = (identify("crm", ADD, AddNote(reference=text)).key for text in references)
    assert first != second


def test_canonical_json_sorts_and_keeps_no_spaces() -> None:
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'
