"""Whatever is asked of a portal, its effect log, its records and its journal tell the same."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.portal import Client, connected

EMAILS = st.sampled_from(["a@example.com", "b@example.com", "nonsense"])
KEYS = st.sampled_from(["k1", "k2", "k3"])
IDS = st.integers(6001, 6006).map(str)
VALUES = st.fixed_dictionaries({"firstname": st.sampled_from("AB")}, optional={"email": EMAILS, "seawall_key": KEYS})
LINKS = st.tuples(IDS, IDS).map(lambda ids: f"contacts/{ids[0]}/associations/companies/{ids[1]}/1")
CALLS = st.one_of(
    st.tuples(st.just("POST"), st.just("contacts"), VALUES.map(lambda v: {"properties": v})),
    st.tuples(st.just("PATCH"), IDS.map(lambda i: f"contacts/{i}"), VALUES.map(lambda v: {"properties": v})),
    st.tuples(st.just("DELETE"), IDS.map(lambda i: f"contacts/{i}"), st.none()),
    st.tuples(
        st.just("POST"),
        st.sampled_from(["contacts/batch/create", "contacts/batch/upsert"]),
        st.tuples(st.booleans(), st.lists(st.tuples(KEYS, VALUES), max_size=4)).map(
            lambda drawn: {
                "inputs": [
                    {"id": key, "idProperty": "seawall_key", "properties": values}
                    | ({"objectWriteTraceId": str(place)} if drawn[0] else {})
                    for place, (key, values) in enumerate(drawn[1])
                ]
            }
        ),
    ),
    st.tuples(
        st.just("PUT"), st.tuples(IDS, IDS).map("contacts/{0[0]}/associations/companies/{0[1]}/1".format), st.none()
    ),
    st.tuples(
        st.just("DELETE"), st.tuples(IDS, IDS).map("contacts/{0[0]}/associations/companies/{0[1]}/1".format), st.none()
    ),
)


def told_by_effects(hub: Client) -> dict[str, dict[str, Any]]:
    """The contacts that the effect log adds up to."""
    rows: dict[str, dict[str, Any]] = {}
    for effect in hub.portal.effects.of("contacts"):
        if effect.kind == "delete":
            del rows[effect.record_id]
        else:
            row = rows.setdefault(effect.record_id, {}) if effect.kind == "insert" else rows[effect.record_id]
            row.update(effect.fields)
    return rows


async def snapshot(hub: Client) -> Any:
    """What clients can see of contacts and companies."""
    seen = []
    for name, other in (("contacts", "companies"), ("companies", "contacts")):
        query = {"limit": "100", "associations": other, "properties": "firstname,email,seawall_key,name"}
        seen.append((await hub("GET", name, params=query)).json()["results"])
    return seen


@given(st.lists(CALLS, max_size=20))
@settings(deadline=None, max_examples=60)
def test_effects_records_and_journal_agree(calls: list[tuple[str, str, Any]]) -> None:
    async def check(folder: Path) -> None:
        files: dict[str, Any] = {"data_path": folder / "portal.jsonl", "effects_path": folder / "effects.jsonl"}
        async with connected(simulator=files) as hub:
            for number in range(2):
                await hub.create("companies", name=f"C{number}")
            for method, path, body in calls:
                before = len(hub.portal.effects)
                answer = await hub(method, path, json=body)
                assert answer.status_code < 300 or len(hub.portal.effects) == before
            now = {row.pop("id"): row for row in hub.portal.records.all("contacts")}
            assert now == told_by_effects(hub)
            keys = [row["seawall_key"] for row in now.values() if "seawall_key" in row]
            assert len(keys) == len(set(keys))
            seen = await snapshot(hub)
        async with connected(simulator=files) as hub:
            assert await snapshot(hub) == seen

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))
