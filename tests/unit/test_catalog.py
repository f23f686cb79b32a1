"""The page of all connectors is made from the code, and every connector has its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from seawall.catalog import page, rows
from seawall.connectors import BUILT_IN, load_connector

PAGE = Path(__file__).parents[2] / "docs" / "connectors.md"


def test_the_page_of_connectors_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "write it anew: .venv/bin/seawall connectors --markdown > docs/connectors.md"
    )


@pytest.mark.parametrize("kind", sorted(BUILT_IN))
def test_a_connector_shows_reads_and_writes_and_says_its_limits(kind: str) -> None:
    of_kind = [row for row in rows() if row.connector == kind]
    assert {row.effect for row in of_kind} > {"read"}
    adapter = load_connector(kind)
    known = {row.action.strip("`") for row in of_kind} | {"*"}
    assert adapter.limits.keys() <= known
    assert "*" in adapter.limits


def test_settings_that_change_an_actions_facts_have_a_row_of_their_own() -> None:
    found = {
        (row.settings, row.dedupe) for row in rows() if row.action == "`create_case`" and row.connector == "salesforce"
    }
    assert found == {
        ("", "Marker(Subject)"),
        ("`external_id_fields`", "ClientId(Seawall_Key__c)"),
        ("`marker_fields`", "Marker(Seawall_Marks__c)"),
    }
