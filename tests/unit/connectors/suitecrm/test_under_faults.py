"""Every write under every fault of the simulated SuiteCRM, whose effect log says what really happened.

The rules that must hold for any action, any wire and any fault: an acknowledged write is there; a refused one is not
there, ever; one in doubt is what the probe then says it is; and doing again what is allowed makes one of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from support.http_faults import HTTP_FAULTS, fault_id
from support.suitecrm import MARKED
from support.suitecrm_world import WIRES, World, in_a_suite

from seawall.connectors.suitecrm import models
from seawall.core.adapter import Absent, Present, Sent
from seawall.core.errors import IntegrationError


class Deed(NamedTuple):
    """A write: its action, the wire and the place of its key, and what it makes."""

    name: str
    wire: str
    module: str
    marked: bool = False

    @property
    def creates(self) -> bool:
        return self.name not in ("update_case", "close_case")

    @property
    def operation(self) -> str:
        if self.wire == "v4_1":
            return "set_entry"
        return "v8_create" if self.creates else "v8_update"

    @property
    def adapter(self) -> dict[str, Any]:
        return WIRES[self.wire] | (MARKED if self.marked else {})

    async def request(self, world: World) -> Any:
        match self.name:
            case "create_case":
                return models.CreateCase(
                    reference="order-17", subject="It's <hot>", description='Very "hot"\r\n\r\nReally & truly'
                )
            case "create_contact":
                return models.CreateContact(reference="mail-3", last_name="O'Brien", email="kate@example.com")
            case "log_call":
                started = datetime(2026, 3, 9, 8, 15, tzinfo=UTC)
                return models.LogCall(
                    case_id=world.case_id, reference="call-3", subject="Call back", started_at=started, minutes=75
                )
            case "add_note":
                return models.AddNote(
                    case_id=world.case_id, contact_id=world.contact_id, reference="mail-9", subject="Mail", body="Soon"
                )
            case "update_case":
                seen = await world.seen()
                return models.UpdateCase(
                    case_id=world.case_id, version=seen.version, status="Open_Assigned", clear=("priority",)
                )
            case _:
                seen = await world.seen()
                return models.CloseCase(case_id=world.case_id, version=seen.version, resolution="Put out")


CREATES = [
    Deed(name, wire, module)
    for wire in WIRES
    for name, module in (
        ("create_case", "Cases"),
        ("create_contact", "Contacts"),
        ("log_call", "Calls"),
        ("add_note", "Notes"),
    )
]
CHANGES = [
    Deed(name, wire, "Cases", marked=marked)
    for wire in WIRES
    for name in ("update_case", "close_case")
    for marked in (True, False)
]
DEEDS = CREATES + CHANGES
FAULTS = [
    *HTTP_FAULTS,
    {"kind": "throttle", "point": "apply", "params": {"status": 403}},
]


def told(value: Any) -> str | None:
    if isinstance(value, Deed):
        return f"{value.wire} {value.name}{' (marked)' if value.marked else ''}"
    return fault_id(value) if isinstance(value, dict) and "kind" in value else None


@pytest.mark.parametrize("deed", DEEDS, ids=told)
def test_without_faults_a_write_is_there_once_and_its_probe_finds_it(deed: Deed) -> None:
    async def test(world: World) -> None:
        request = await deed.request(world)
        assert isinstance(await world.probe(deed.name, request), Absent)
        sent = await world.send(deed.name, request)
        assert isinstance(sent, Sent)
        assert world.truth(deed.module) == 1
        assert world.suite.effects[0].record_id == sent.record
        found = await world.probe(deed.name, request)
        assert isinstance(found, Present)
        assert (found.record, found.value, found.differs) == (sent.record, sent.value, ())

    in_a_suite(test, adapter=deed.adapter)


@pytest.mark.case(1)
@pytest.mark.case(3)
@pytest.mark.case(10)
@pytest.mark.case(42)
@pytest.mark.case(43)
@pytest.mark.case(44)
@pytest.mark.parametrize("fault", FAULTS, ids=told)
@pytest.mark.parametrize("deed", DEEDS, ids=told)
def test_under_a_fault_what_is_said_is_true_and_what_is_in_doubt_can_be_settled(
    deed: Deed, fault: dict[str, Any]
) -> None:
    async def test(world: World) -> None:
        request = await deed.request(world)
        said: Any
        try:
            said = await world.send(deed.name, request)
        except IntegrationError as error:
            said = error
        if isinstance(said, Sent):
            assert world.truth(deed.module) >= 1
        await world.suite.settle()
        happened = world.truth(deed.module)
        if isinstance(said, IntegrationError) and said.effect == "none":
            assert happened == 0
        found = await world.probe(deed.name, request)
        if happened == 0:
            assert isinstance(found, Absent)
        else:
            assert isinstance(found, Present)
            assert found.differs == ()
        if happened > 1:
            # A change delivered twice is written twice, with the same content: nothing here could refuse the second.
            assert fault["kind"] == "duplicate_delivery"
            assert not deed.creates
            first, second = world.suite.effects
            assert first.fields == second.fields
            return
        if isinstance(found, Absent) or deed.creates:
            sent = await world.send(deed.name, request, maybe_applied=True)
            assert isinstance(sent, Sent)
            assert sent.record == world.suite.effects[0].record_id
        assert world.truth(deed.module) == 1

    match = {"operation": deed.operation}
    in_a_suite(test, {"match": match, "trigger": {"first": 1}, **fault}, adapter=deed.adapter)
