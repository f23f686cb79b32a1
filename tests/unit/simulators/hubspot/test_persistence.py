"""Records, associations and effects over a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.portal import connected

from seawall.simulators.hubspot import HubSpotSettings, HubSpotSimulator
from seawall.simulators.hubspot.values import from_stamp, stamp

NOTE = {"hs_timestamp": "2026-01-01T00:00:00Z"}


def files(folder: Path) -> dict[str, Any]:
    return {"simulator": {"data_path": folder / "portal.jsonl", "effects_path": folder / "effects.jsonl"}}


async def test_records_associations_and_effects_survive_a_restart(tmp_path: Path) -> None:
    async with connected(**files(tmp_path), search_lag=0) as hub:
        kept = await hub.create(email="a@example.com")
        await hub("PATCH", f"contacts/{kept}", json={"properties": {"firstname": "B"}})
        gone = await hub.create(email="b@example.com")
        await hub("DELETE", f"contacts/{gone}")
        note = await hub.create("notes", **NOTE)
        await hub("PUT", f"notes/{note}/associations/contacts/{kept}/202")
        await hub("PUT", f"notes/{note}/associations/contacts/{kept}/202")
        other = await hub.create("notes", **NOTE)
        path = f"notes/{other}/associations/contacts/{kept}/202"
        await hub("PUT", path)
        await hub("DELETE", path)
        before = await hub.seen("contacts", kept, associations="notes")
        effects = list(hub.portal.effects)
    async with connected(**files(tmp_path), search_lag=0) as hub:
        assert await hub.seen("contacts", kept, associations="notes") == before
        assert [row["id"] for row in before["associations"]["notes"]["results"]] == [note]
        assert await hub.seen("contacts", gone) == 404
        assert (await hub.seen("contacts", gone, archived="true"))["archived"] is True
        assert (await hub("POST", "contacts", json={"properties": {"email": "a@example.com"}})).status_code == 409
        assert await hub.found() == [kept]
        assert list(hub.portal.effects) == effects
        assert int(await hub.create(email="b@example.com")) > int(other)
        assert hub.portal.effects[-1].request_id > effects[-1].request_id


async def test_what_was_rolled_back_is_not_there_after_a_restart(tmp_path: Path) -> None:
    good, bad = {"properties": {"firstname": "A"}}, {"properties": {"foo": "1"}}
    traced = {"inputs": [{**bad, "objectWriteTraceId": "1"}, {**good, "objectWriteTraceId": "2"}]}
    async with connected(**files(tmp_path)) as hub:
        assert (await hub("POST", "contacts/batch/create", json={"inputs": [good, bad]})).status_code == 400
        assert (await hub("POST", "contacts/batch/create", json=traced)).status_code == 207
    async with connected(**files(tmp_path)) as hub:
        assert len(hub.portal.records.all("contacts")) == len(hub.portal.effects) == 1


async def test_transaction_torn_by_a_kill_never_was(tmp_path: Path) -> None:
    async with connected(**files(tmp_path)) as hub:
        first = await hub.create(firstname="A")
        await hub.create(firstname="B")
    data = tmp_path / "portal.jsonl"
    data.write_bytes(data.read_bytes()[:-20])
    async with connected(**files(tmp_path)) as hub:
        assert hub.portal.records.all("contacts") == [{"id": first, "firstname": "A"}]


def test_custom_properties_of_an_unknown_object_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no object 'deals'"):
        HubSpotSimulator(HubSpotSettings.model_validate({"custom_properties": {"deals": [{"name": "x"}]}}))


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_timestamp_is_read_as_it_was_written(milliseconds: int) -> None:
    assert round(from_stamp(stamp(milliseconds / 1000)) * 1000) == milliseconds
    assert from_stamp(str(milliseconds)) == milliseconds / 1000
