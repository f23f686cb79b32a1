"""A restart: what was committed is there, what was not is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.org import first_error, logged_in

from seawall.simulators.effects import EffectLog
from seawall.simulators.salesforce import SalesforceSimulator
from seawall.simulators.salesforce.values import as_id, checked_id, from_stamp, id_number, make_id, stamp


def files(folder: Path) -> dict[str, Any]:
    return {"simulator": {"data_path": folder / "org.jsonl", "effects_path": folder / "effects.jsonl"}}


async def test_records_and_effects_survive_a_restart(tmp_path: Path) -> None:
    async with logged_in(**files(tmp_path)) as crm:
        kept = await crm.create(Subject="A", Seawall_Key__c="k1")
        await crm("PATCH", f"/sobjects/Case/{kept}", json={"Subject": "B"})
        gone = await crm.create(Subject="C")
        await crm("DELETE", f"/sobjects/Case/{gone}")
        await crm("POST", "/actions/custom/flow/Escalate_Case", json={"inputs": [{"caseId": kept}]})
        before = crm.org.records.all("Case", deleted=True)
    async with logged_in(**files(tmp_path)) as crm:
        assert crm.org.records.all("Case", deleted=True) == before
        assert (await crm("GET", "/sobjects/Case/Seawall_Key__c/K1")).json()["Subject"] == "B"
        assert first_error(await crm("POST", "/sobjects/Case", json={"Seawall_Key__c": "k1"}))[1] == "DUPLICATE_VALUE"
        new = await crm.create(Subject="D")
        assert new not in (kept, gone)
        run = await crm("POST", "/actions/custom/flow/Escalate_Case", json={"inputs": [{"caseId": kept}]})
        assert run.json()[0]["outputValues"]["Flow__InterviewGuid"] != crm.org.effects[4].record_id
        assert crm.org.effects[-1].request_id > crm.org.effects[4].request_id
    effects = EffectLog.read(tmp_path / "effects.jsonl")
    assert [e.seq for e in effects] == [1, 2, 3, 4, 5, 6, 7]


async def test_sessions_do_not_survive_a_restart(tmp_path: Path) -> None:
    async with logged_in(**files(tmp_path)) as crm:
        old = crm.http.headers["authorization"]
    async with logged_in(**files(tmp_path)) as crm:
        answer = await crm("GET", "/limits", headers={"authorization": old})
        assert first_error(answer) == (401, "INVALID_SESSION_ID")


async def test_what_was_rolled_back_is_not_there_after_a_restart(tmp_path: Path) -> None:
    async with logged_in(**files(tmp_path)) as crm:
        bad = {"attributes": {"type": "Case"}, "Foo": 1}
        good = {"attributes": {"type": "Case"}, "Subject": "A"}
        await crm("POST", "/composite/sobjects", json={"allOrNone": True, "records": [good, bad]})
        await crm("POST", "/composite/sobjects", json={"records": [bad, good]})
    async with logged_in(**files(tmp_path)) as crm:
        assert len(crm.org.records.all("Case")) == len(crm.org.effects) == 1


async def test_transaction_torn_by_a_kill_never_was(tmp_path: Path) -> None:
    data = tmp_path / "org.jsonl"
    async with logged_in(**files(tmp_path)) as crm:
        await crm.create(Subject="A")
        await crm.create(Subject="B")
    data.write_bytes(data.read_bytes()[:-20])
    async with logged_in(**files(tmp_path)) as crm:
        assert [row["Subject"] for row in crm.org.records.all("Case")] == ["A"]
        await crm.create(Subject="C")
    async with logged_in(**files(tmp_path)) as crm:
        assert [row["Subject"] for row in crm.org.records.all("Case")] == ["A", "C"]


def test_org_without_files_writes_none(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    SalesforceSimulator().add_record("Case", {})
    assert list(tmp_path.iterdir()) == []


def test_id_is_the_one_that_the_vendors_own_example_has() -> None:
    assert checked_id("001D000000IqhSL") == "001D000000IqhSLIAZ"


@given(st.integers(min_value=1, max_value=62**9 - 1))
def test_id_keeps_its_number_and_is_found_in_both_lengths(number: int) -> None:
    record_id = make_id("500", number)
    assert id_number(record_id) == number
    assert as_id(record_id[:15]) == as_id(record_id) == record_id


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_timestamp_is_read_as_it_was_written(seconds: int) -> None:
    assert from_stamp(stamp(seconds + 0.9)) == seconds
