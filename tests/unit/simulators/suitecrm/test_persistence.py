"""A restart: what was committed is there, tokens of v8 live on, sessions of v4_1 do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.instance import Client, connected

from seawall.simulators.effects import EffectLog


def files(folder: Path) -> dict[str, Any]:
    return {"simulator": {"data_path": folder / "suite.jsonl", "effects_path": folder / "effects.jsonl"}}


async def test_records_links_and_numbers_survive_a_restart(tmp_path: Path) -> None:
    async with connected(**files(tmp_path)) as crm:
        kept = await crm.set_entry(name="A")
        contacts = [await crm.set_entry("Contacts", last_name=name) for name in "AB"]
        path = f"/module/Cases/{kept}/relationships"
        for contact in contacts:
            await crm.v8("POST", path, json={"data": {"type": "Contacts", "id": contact}})
        await crm.v8("DELETE", f"{path}/contacts/{contacts[0]}")
        await crm.set_entry(id=await crm.set_entry(name="gone"), deleted=1)
        before = crm.suite.records.all("Cases", deleted=True)
    async with connected(**files(tmp_path)) as crm:
        assert crm.suite.records.all("Cases", deleted=True) == before
        related = (await crm.v8("GET", f"{path}/contacts")).json()["data"]
        assert [record["id"] for record in related] == [contacts[1]]
        new = await crm.set_entry(name="B")
        assert new not in {row["id"] for row in before} | set(contacts)
        assert (await crm.get_entry(new))["case_number"] == "3"
        assert crm.suite.effects[-1].request_id > crm.suite.effects[-2].request_id
    effects = EffectLog.read(tmp_path / "effects.jsonl")
    assert [e.seq for e in effects] == list(range(1, 10))


async def test_tokens_survive_a_restart_and_sessions_do_not(tmp_path: Path) -> None:
    async with connected(**files(tmp_path)) as crm:
        session, header = crm.session, crm.http.headers["authorization"]
        app = {"client_id": "5ea00000-0000-4000-8000-00000000c002", "client_secret": "seawall-secret"}
        person = {"grant_type": "password", "username": "integration", "password": "correct-horse", **app}
        first = (await crm.http.post("/Api/access_token", json=person)).json()["refresh_token"]
        refresh = {"grant_type": "refresh_token", "refresh_token": first, **app}
        await crm.http.post("/Api/access_token", json=refresh)
    async with connected(**files(tmp_path), login=False) as crm:
        crm.session, crm.http.headers["authorization"] = session, header
        assert (await crm.v8("GET", "/current-user")).status_code == 200
        assert (await crm("get_user_id"))["number"] == 11
        assert (await crm.http.post("/Api/access_token", json=refresh)).status_code == 401


async def test_records_of_another_user_are_there_and_not_in_the_effect_log(crm: Client) -> None:
    record_id = crm.suite.add_record("Cases", {"name": "A", "id": "their-key"})
    crm.suite.change_record("Cases", record_id, {"name": "B"})
    assert (record_id, (await crm.get_entry("their-key"))["name"]) == ("their-key", "B")
    crm.suite.change_record("Cases", record_id, {"deleted": 1})
    assert isinstance(await crm.get_entry("their-key"), list)
    assert len(crm.suite.effects) == 0
