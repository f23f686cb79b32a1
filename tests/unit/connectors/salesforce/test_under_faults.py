"""Every write under every fault of the simulated org, whose effect log says what really happened.

The rules that must hold for any action and any fault: an acknowledged write is there; a refused one is not there,
ever; one in doubt is what the probe then says it is; and doing again what is allowed makes one of it.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import pytest
from support.http_faults import HTTP_FAULTS, fault_id
from support.salesforce import BY_ID, BY_MARK, NO_KEY_FIELD
from support.salesforce_world import World, in_an_org

from seawall.connectors.salesforce import models
from seawall.core.adapter import Absent, Many, Present, Sent
from seawall.core.errors import IntegrationError


class Deed(NamedTuple):
    """A write: its action, how the org is set up for it, and what it makes."""

    name: str
    adapter: dict[str, Any]
    object: str
    operation: str
    unique: bool = False

    async def request(self, world: World) -> Any:
        case_id = world.case_id
        match self.name:
            case "create_case":
                return models.CreateCase(reference="order-17", subject="Printer on fire", description="Hot\nVery hot")
            case "add_case_comment":
                return models.AddCaseComment(case_id=case_id, reference="mail-9", body="We are on our way")
            case "create_follow_up":
                return models.CreateFollowUp(
                    case_id=case_id, reference="alert-3", subject="Call back", due_date=date(2026, 3, 9)
                )
            case "update_case":
                seen = await world.seen()
                return models.UpdateCase(case_id=case_id, version=seen.version, status="Working", clear=("priority",))
            case _:
                return models.CloseCase(case_id=case_id, version=(await world.seen()).version)


DEEDS = [
    Deed("create_case", BY_ID, "Case", "create", unique=True),
    Deed("create_case", BY_MARK, "Case", "create"),
    Deed("create_case", NO_KEY_FIELD, "Case", "create"),
    Deed("add_case_comment", BY_ID, "CaseComment", "create"),
    Deed("create_follow_up", BY_ID, "Task", "create", unique=True),
    Deed("create_follow_up", BY_MARK, "Task", "create"),
    Deed("create_follow_up", NO_KEY_FIELD, "Task", "create"),
    Deed("update_case", BY_MARK, "Case", "update"),
    Deed("update_case", BY_ID, "Case", "update"),
    Deed("close_case", BY_MARK, "Case", "update"),
    Deed("close_case", BY_ID, "Case", "update"),
]
PLACES = {id(BY_ID): "external id", id(BY_MARK): "marker field", id(NO_KEY_FIELD): "no field"}
FAULTS = [
    *HTTP_FAULTS,
    {"kind": "throttle", "point": "apply", "params": {"status": 403}},
]


def told(value: Any) -> str | None:
    if isinstance(value, Deed):
        return f"{value.name} ({PLACES[id(value.adapter)]})"
    return fault_id(value) if isinstance(value, dict) and "kind" in value else None


@pytest.mark.parametrize("deed", DEEDS, ids=told)
def test_without_faults_a_write_is_there_once_and_its_probe_finds_it(deed: Deed) -> None:
    async def test(world: World) -> None:
        request = await deed.request(world)
        assert isinstance(await world.probe(deed.name, request), Absent)
        sent = await world.send(deed.name, request)
        assert isinstance(sent, Sent)
        assert world.truth(deed.object) == 1
        assert world.org.effects[0].record_id == sent.record
        found = await world.probe(deed.name, request)
        assert isinstance(found, Present)
        assert (found.record, found.value, found.differs) == (sent.record, sent.value, ())

    in_an_org(test, adapter=deed.adapter)


@pytest.mark.case(1)
@pytest.mark.case(3)
@pytest.mark.case(10)
@pytest.mark.case(11)
@pytest.mark.case(42)
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
            assert world.truth(deed.object) >= 1
        await world.org.settle()
        happened = world.truth(deed.object)
        if isinstance(said, IntegrationError) and said.effect == "none":
            assert happened == 0
        found = await world.probe(deed.name, request)
        match happened:
            case 0:
                assert isinstance(found, Absent)
            case 1:
                assert isinstance(found, Present)
                assert found.differs == ()
            case _:
                # Delivered twice where nothing unique is written: it is seen, and neither is chosen.
                assert fault["kind"] == "duplicate_delivery"
                assert not deed.unique
                assert deed.operation == "create"
                assert isinstance(found, Many)
                return
        if isinstance(found, Absent):
            assert isinstance(await world.send(deed.name, request, maybe_applied=True), Sent)
        elif deed.unique:
            sent = await world.send(deed.name, request, maybe_applied=True)
            assert (sent.record, sent.facts["already_there"]) == (found.record, True)
        assert world.truth(deed.object) == 1

    match = {"operation": deed.operation}
    in_an_org(test, {"match": match, "trigger": {"first": 1}, **fault}, adapter=deed.adapter)
