"""Record ids derived from keys."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st
from support.suitecrm import KEY, OTHER_KEY

from seawall.connectors.suitecrm.ids import one_spelling, record_id, same


def test_the_id_of_a_key_never_changes() -> None:
    assert record_id(KEY) == "da2fefd3-4cfc-5eee-8378-5cdcf42e02ac"
    assert record_id(OTHER_KEY) == "ec367f1d-9a5a-5476-bbdd-8a535dd15d37"


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_an_id_is_a_uuid_as_suitecrm_demands_it(key: str) -> None:
    given_id = record_id(key)
    parsed = uuid.UUID(given_id)
    assert str(parsed) == given_id
    assert (parsed.version, parsed.variant) == (5, uuid.RFC_4122)


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_two_keys_have_two_ids(one: str, other: str) -> None:
    assert (record_id(one) == record_id(other)) == (one == other)


def test_a_uuid_has_one_spelling_and_other_ids_keep_theirs() -> None:
    upper = "DA2FEFD3-4CFC-5EEE-8378-5CDCF42E02AC"
    assert one_spelling(upper) == upper.lower()
    assert one_spelling("Seed_Jim_ID") == "Seed_Jim_ID"
    assert same(upper, upper.lower())
    assert not same("Seed_Jim_ID", "seed_jim_id")
    assert not same(None, "1")
