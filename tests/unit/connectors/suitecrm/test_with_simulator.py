"""Single situations against the simulated SuiteCRM, whose effect log says what really happened."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from support.suitecrm import KEY, MARKED, MARKS, OTHER_KEY, attempt, settings
from support.suitecrm_world import CLIENTS, WIRES, World, in_a_suite

from seawall.connectors.suitecrm import models
from seawall.connectors.suitecrm.adapter import SuiteCrmAdapter
from seawall.connectors.suitecrm.ids import record_id
from seawall.core.adapter import Absent, CannotTell, Present, Sent, Surroundings
from seawall.core.errors import (
    Ambiguous,
    ConnectFailed,
    ConnectionLost,
    ContractBroken,
    Forbidden,
    IntegrationError,
    NotFound,
    PreconditionFailed,
    Throttled,
    Unauthenticated,
)
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.server import serve
from seawall.simulators.suitecrm import CustomField, SuiteCrmSimulator, User
from seawall.simulators.suitecrm import SuiteCrmSettings as Instance
from seawall.simulators.virtual_time import LoopClock

OURS = record_id(KEY)
REQUEST = models.CreateCase(reference="order-17", subject="Printer on fire")
PEOPLE = {"flow": "password", "client_id": "seawall-people", "client_secret": "seawall-secret"}
BATCH = models.CreateCases(cases=tuple(models.CreateCase(reference=f"r{n}", subject=f"Case {n}") for n in range(20)))
ITEMS = [attempt(case, f"sw-{n:026d}") for n, case in enumerate(BATCH.cases)]

over_both_wires = pytest.mark.parametrize("wire", WIRES.values(), ids=list(WIRES))


def write_of(wire: dict[str, Any], v8: str) -> dict[str, Any]:
    return {"operation": "set_entry" if wire["api"] == "v4_1" else v8}


def read_of(wire: dict[str, Any]) -> dict[str, Any]:
    return {"operation": "get_entry" if wire["api"] == "v4_1" else "v8_get"}


@over_both_wires
def test_check_finds_nothing_to_say(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        assert await world.crm.check() == []

    in_a_suite(test, adapter=wire | MARKED)


@over_both_wires
def test_check_finds_a_marker_field_that_is_too_short(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        (problem,) = await world.crm.check()
        assert problem == f"Cases.{MARKS} takes 60 characters only: it needs 255."

    short = {"custom_fields": {"Cases": (CustomField(name=MARKS, len=60),)}}
    in_a_suite(test, adapter=wire | MARKED, suite=short)


@over_both_wires
def test_check_finds_modules_that_cannot_be_listed(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        problems = await world.crm.check()
        assert len(problems) == 1
        assert problems[0].startswith("Calls ")

    right = "Calls.list" if wire["api"] == "v4_1" else "Calls.view"
    users = ({"user_name": "integration", "password": "correct-horse", "denied": {right}},)
    in_a_suite(test, adapter=wire, suite={"users": users})


def test_the_password_grant_lets_in_too() -> None:
    async def test(world: World) -> None:
        assert (await world.seen()).subject == "Old case"

    auth = PEOPLE | {"username": "integration", "password": "correct-horse"}
    in_a_suite(test, adapter={"api": "v8", "auth": auth})


@pytest.mark.case(43)
@pytest.mark.parametrize(
    ("user", "error", "code"),
    [
        ({"password": "another"}, Unauthenticated, "10"),
        ({"password_expired": True}, Unauthenticated, "1008"),
        ({"locked_out": True}, Unauthenticated, "1009"),
    ],
)
def test_a_login_that_is_refused_with_200_is_refused(
    user: dict[str, Any], error: type[IntegrationError], code: str
) -> None:
    async def test(world: World) -> None:
        with pytest.raises(error) as raised:
            await world.send("create_case", REQUEST)
        assert (raised.value.effect, raised.value.code) == ("none", code)
        assert world.truth("Cases") == 0

    users = (User.model_validate({"user_name": "integration", "password": "correct-horse", **user}),)
    in_a_suite(test, adapter=WIRES["v4_1"], suite={"users": users})


def test_more_sessions_than_allowed_are_throttled() -> None:
    async def test(world: World) -> None:
        await world.seen()
        second = SuiteCrmAdapter.open(
            settings(**WIRES["v4_1"]), Surroundings("crm"), transport=InProcessTransport(world.suite)
        )
        with pytest.raises(Throttled) as raised:
            await second.send(second.actions["create_case"], attempt(REQUEST))
        await second.close()
        assert (raised.value.effect, raised.value.transient, raised.value.code) == ("none", True, "60")
        assert world.truth("Cases") == 0

    in_a_suite(test, adapter=WIRES["v4_1"], suite={"session_limit": 1})


def test_a_version_read_over_one_wire_holds_over_the_other() -> None:
    versions = []

    async def test(world: World) -> None:
        versions.append((await world.seen()).version)

    for one in WIRES.values():
        in_a_suite(test, adapter=one)
    assert versions[0] == versions[1]


@over_both_wires
def test_a_record_that_is_written_over_one_php_is_read_as_written(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        text = 'It\'s <b>"hot"</b> & 5 &lt; 6\r\nNext line \u20ac \U0001f525'
        request = models.CreateCase(reference="r", subject="<Printer> & 'co'", description=text)
        sent = await world.send("create_case", request)
        case = (await world.send("get_case", models.GetCase(case_id=sent.record))).value
        assert case.subject == "<Printer> & 'co'"
        assert (await world.probe("create_case", request)).differs == ()

    for php in (7, 8):
        in_a_suite(test, adapter=wire, suite={"php": php})


@over_both_wires
def test_the_same_request_twice_at_once_makes_one_record(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        both = await asyncio.gather(*(world.send("create_case", REQUEST) for _ in range(2)), return_exceptions=True)
        assert world.truth("Cases") == 1
        for one in both:
            assert isinstance(one, Sent) or (isinstance(one, IntegrationError) and one.effect == "maybe")
        assert any(isinstance(one, Sent) for one in both)
        assert isinstance(await world.probe("create_case", REQUEST), Present)

    in_a_suite(test, adapter=wire)


@pytest.mark.parametrize("dies_with", [200, 500])
@pytest.mark.case(43)
def test_the_text_of_a_taken_id_is_read_back_as_success(dies_with: int) -> None:
    async def test(world: World) -> None:
        first = await world.send("create_case", REQUEST)
        again = await world.send("create_case", REQUEST, maybe_applied=True)
        assert (first.record, first.facts["acknowledged"]) == (OURS, True)
        assert (again.record, again.facts["acknowledged"]) == (OURS, False)
        assert world.truth("Cases") == 1

    in_a_suite(test, adapter=WIRES["v4_1"], suite={"dies_with": dies_with})


@over_both_wires
def test_a_case_that_was_deleted_since_is_not_created_again(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        await world.send("create_case", REQUEST)
        world.suite.change_record("Cases", OURS, {"deleted": "1"})
        found = await world.probe("create_case", REQUEST)
        assert isinstance(found, Present)
        assert (found.superseded, found.facts) == (True, {"deleted_since": True})
        with pytest.raises(IntegrationError) as raised:
            await world.send("create_case", REQUEST, maybe_applied=True)
        assert raised.value.effect == "maybe"
        assert world.truth("Cases") == 1

    in_a_suite(test, adapter=wire)


@over_both_wires
def test_a_case_that_others_changed_since_is_still_ours(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        with pytest.raises(ConnectionLost):
            await world.send("create_case", REQUEST)
        await LoopClock().sleep(2)
        world.suite.change_record("Cases", OURS, {"name": "Printer in ashes"})
        found = await world.probe("create_case", REQUEST)
        assert isinstance(found, Present)
        assert (found.differs, found.superseded) == (("subject",), True)
        again = await world.send("create_case", REQUEST, maybe_applied=True)
        assert again.facts["changed_since"] == ["subject"]
        assert world.truth("Cases") == 1

    lost = {"kind": "reset", "point": "after_commit", "match": write_of(wire, "v8_create"), "trigger": {"first": 1}}
    in_a_suite(test, lost, adapter=wire)


@pytest.mark.case(11)
@over_both_wires
@pytest.mark.parametrize("raises", ["exception", "error"])
def test_a_hook_that_fails_after_the_row_was_written_refuses_nothing(wire: dict[str, Any], raises: str) -> None:
    async def test(world: World) -> None:
        said: Any
        try:
            said = await world.send("create_case", REQUEST)
        except IntegrationError as error:
            said = error
        assert world.truth("Cases") == 1
        assert isinstance(said, Sent) or said.effect == "maybe"
        found = await world.probe("create_case", REQUEST)
        assert isinstance(found, Present)
        assert (found.record, found.differs) == (OURS, ())

    in_a_suite(test, adapter=wire, suite={"hooks": [{"module": "Cases", "contains": "Printer", "raises": raises}]})


@pytest.mark.case(3)
@over_both_wires
def test_a_late_insert_that_meets_its_own_repetition_changes_nothing(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        with pytest.raises(IntegrationError):
            await world.send("create_case", REQUEST)
        again = await world.send("create_case", REQUEST, maybe_applied=True)
        world.suite.change_record("Cases", again.record, {"priority": "P3"})
        await world.suite.settle()
        assert world.truth("Cases") == 1
        case = (await world.send("get_case", models.GetCase(case_id=again.record), key="")).value
        assert case.priority == "P3"

    late = {"kind": "late_commit", "point": "later", "params": {"delay": 40}}
    in_a_suite(test, late | {"match": write_of(wire, "v8_create"), "trigger": {"first": 1}}, adapter=wire)


@over_both_wires
@pytest.mark.parametrize("kind", ["reset", "html_200", "truncate", "hang"])
def test_a_read_back_that_fails_leaves_it_in_doubt_until_the_probe(wire: dict[str, Any], kind: str) -> None:
    async def test(world: World) -> None:
        with pytest.raises(Ambiguous) as raised:
            await world.send("create_case", REQUEST)
        assert (raised.value.effect, raised.value.code) == ("maybe", "read_back")
        assert world.truth("Cases") == 1
        assert isinstance(await world.probe("create_case", REQUEST), Present)

    failing = {"kind": kind, "point": "after_commit", "match": read_of(wire), "trigger": {"first": 1}}
    in_a_suite(test, failing, adapter=wire)


@over_both_wires
def test_a_read_back_of_a_change_that_fails_leaves_it_in_doubt_until_the_probe(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        seen = await world.seen()
        request = models.UpdateCase(case_id=world.case_id, version=seen.version, status="Open_Assigned")
        with pytest.raises(Ambiguous) as raised:
            await world.send("update_case", request)
        assert raised.value.code == "read_back"
        assert world.truth("Cases") == 1
        assert isinstance(await world.probe("update_case", request), Present)

    failing = {"kind": "reset", "point": "after_commit", "match": read_of(wire), "trigger": {"nth": 3}}
    in_a_suite(test, failing, adapter=wire)


async def deleted_on_the_way(world: World) -> IntegrationError:
    """Change a case that somebody deletes between our read and our write."""
    seen = await world.seen()
    request = models.UpdateCase(case_id=world.case_id, version=seen.version, status="Open_Assigned")
    writing = asyncio.create_task(world.send("update_case", request))
    await LoopClock().sleep(1)
    world.suite.change_record("Cases", world.case_id, {"deleted": "1"})
    with pytest.raises(IntegrationError) as raised:
        await writing
    assert world.truth("Cases") == 0
    assert isinstance(await world.probe("update_case", request), CannotTell)
    return raised.value


SLOW = {"kind": "slow", "point": "apply", "params": {"seconds": 3}, "trigger": {"first": 1}}


def test_a_change_that_v4_1_acknowledges_of_a_case_that_is_gone_is_not_claimed() -> None:
    async def test(world: World) -> None:
        error = await deleted_on_the_way(world)
        assert type(error) is ContractBroken
        assert (error.effect, error.code) == ("maybe", "phantom")

    in_a_suite(test, SLOW | {"match": {"operation": "set_entry"}}, adapter=WIRES["v4_1"])


def test_a_change_that_v8_refuses_because_the_case_is_gone_is_refused() -> None:
    async def test(world: World) -> None:
        error = await deleted_on_the_way(world)
        assert type(error) is NotFound
        assert error.effect == "none"

    in_a_suite(test, SLOW | {"match": {"operation": "v8_update"}}, adapter=WIRES["v8"])


@over_both_wires
def test_a_case_that_never_was_is_not_found_and_nothing_is_written(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        seen = await world.seen()
        request = models.CloseCase(case_id=OURS, version=seen.version)
        with pytest.raises(NotFound):
            await world.send("close_case", request)
        with pytest.raises(NotFound):
            await world.send("add_note", models.AddNote(case_id=OURS, reference="r", subject="s"))
        assert world.truth("Cases", "Notes") == 0

    in_a_suite(test, adapter=wire)


@over_both_wires
def test_a_change_by_somebody_else_is_seen_even_in_the_same_second(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        seen = await world.seen()
        first = models.UpdateCase(case_id=world.case_id, version=seen.version, priority="P1")
        await world.send("update_case", first)
        now = await world.seen()
        world.suite.change_record("Cases", world.case_id, {"priority": "P2"})
        stale = models.UpdateCase(case_id=world.case_id, version=now.version, status="Open_Assigned")
        with pytest.raises(PreconditionFailed):
            await world.send("update_case", stale, key=OTHER_KEY)
        assert world.truth("Cases") == 1

    in_a_suite(test, adapter=wire)


@over_both_wires
def test_a_mark_tells_our_change_from_the_same_change_of_somebody_else(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        seen = await world.seen()
        request = models.UpdateCase(case_id=world.case_id, version=seen.version, status="Open_Assigned")
        with pytest.raises(ConnectionLost):
            await world.send("update_case", request)
        await LoopClock().sleep(2)
        world.suite.change_record("Cases", world.case_id, {"status": "Open_Assigned"})
        assert world.truth("Cases") == 0
        assert isinstance(await world.probe("update_case", request), CannotTell)

    lost = {"kind": "reset", "point": "apply", "match": write_of(wire, "v8_update"), "trigger": {"first": 1}}
    in_a_suite(test, lost, adapter=wire | MARKED)


@over_both_wires
def test_a_mark_that_does_not_fit_is_told_and_the_change_counts(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        seen = await world.seen()
        request = models.UpdateCase(case_id=world.case_id, version=seen.version, status="Open_Assigned")
        sent = await world.send("update_case", request)
        assert sent.facts["unmarked"] == MARKS

    short = {"custom_fields": {"Cases": (CustomField(name=MARKS, len=10),)}}
    in_a_suite(test, adapter=wire | MARKED, suite=short)


@pytest.mark.case(29)
@over_both_wires
def test_a_session_that_ended_of_old_age_is_renewed_within_the_call(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        await world.seen()
        await LoopClock().sleep(4000)
        assert isinstance(await world.send("create_case", REQUEST), Sent)
        assert world.truth("Cases") == 1

    in_a_suite(test, adapter=wire)


@pytest.mark.case(2)
@over_both_wires
async def test_it_speaks_to_a_server_on_a_socket(wire: dict[str, Any]) -> None:
    simulator = SuiteCrmSimulator(Instance.model_validate({"clients": CLIENTS}))
    async with serve(simulator) as url:
        crm = SuiteCrmAdapter.open(settings(**wire, url=url), Surroundings("crm"))
        sent = await crm.send(crm.actions["create_case"], attempt(REQUEST))
        assert [effect.record_id for effect in simulator.effects] == [sent.record] == [OURS]
        await crm.close()
    late = SuiteCrmAdapter.open(settings(**wire, url=url), Surroundings("crm"))
    with pytest.raises(ConnectFailed) as raised:
        await late.send(late.actions["create_case"], attempt(REQUEST))
    await late.close()
    assert raised.value.effect == "none"


@over_both_wires
def test_what_a_role_forbids_is_refused(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        with pytest.raises(Forbidden) as raised:
            await world.send("create_case", REQUEST)
        assert raised.value.effect == "none"
        assert world.truth("Cases") == 0

    users = ({"user_name": "integration", "password": "correct-horse", "denied": {"Cases.save"}},)
    in_a_suite(test, adapter=wire, suite={"users": users})


@over_both_wires
def test_what_may_be_written_but_not_read_stays_in_doubt_and_is_never_absent(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        with pytest.raises(Ambiguous) as raised:
            await world.send("create_case", REQUEST)
        assert raised.value.code == "read_back"
        assert world.truth("Cases") == 1
        with pytest.raises(Forbidden):
            await world.probe("create_case", REQUEST)

    users = ({"user_name": "integration", "password": "correct-horse", "denied": {"Cases.view"}},)
    in_a_suite(test, adapter=wire, suite={"users": users})


@over_both_wires
def test_cases_are_found_by_what_they_are_newest_first(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        for number in range(4):
            request = models.CreateCase(reference=f"r{number}", subject="It's \\ <hot>", status="Open_Assigned")
            await world.send("create_case", request, key=f"sw-{number:026d}")
            await LoopClock().sleep(2)
        find = models.FindCases(subject="It's \\ <hot>", status="Open_Assigned", limit=3)
        found = (await world.send("find_cases", find, key="")).value
        assert [case.case_id for case in found.cases] == [record_id(f"sw-{n:026d}") for n in (3, 2, 1)]
        assert not found.complete
        since = found.cases[0].created_at
        later = models.FindCases(created_after=since)
        assert (await world.send("find_cases", later, key="")).value.cases == ()
        old = models.FindCases(subject="' OR '1'='1")
        assert (await world.send("find_cases", old, key="")).value.cases == ()

    in_a_suite(test, adapter=wire)


@over_both_wires
def test_contacts_are_found_by_name(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        found = (await world.send("find_contacts", models.FindContacts(last_name="O'Brien"), key="")).value
        assert [contact.contact_id for contact in found.contacts] == [world.contact_id]
        assert found.complete

    in_a_suite(test, adapter=wire)


@over_both_wires
def test_a_call_keeps_its_time_whatever_zone_it_was_given_in(wire: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        started = datetime.fromisoformat("2026-03-09T09:15:00+02:00")
        request = models.LogCall(contact_id=world.contact_id, reference="c", subject="Hello", started_at=started)
        await world.send("log_call", request)
        (effect,) = world.suite.effects
        assert effect.fields["date_start"] == started.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        assert (effect.fields["parent_type"], effect.fields["parent_id"]) == ("Contacts", world.contact_id)

    in_a_suite(test, adapter=wire)


@pytest.mark.case(45)
def test_a_batch_that_breaks_off_is_told_item_by_item_and_what_is_repeated_is_not_doubled() -> None:
    async def test(world: World) -> None:
        taken = await world.send("create_case", BATCH.cases[7], key=ITEMS[7].key)
        action = world.crm.actions["create_cases"]
        first = await world.crm.send_batch(action, BATCH, ITEMS)
        there = {effect.record_id for effect in world.suite.effects}
        assert taken.record in there
        for item, result in zip(ITEMS, first, strict=True):
            if isinstance(result, Sent):
                assert result.record in there
            else:
                assert result.effect == "maybe"
                assert record_id(item.key) not in there
        assert [isinstance(result, Sent) for result in first] == [True] * 8 + [False] * 12
        rest = await world.crm.send_batch(action, BATCH, ITEMS[8:])
        assert all(isinstance(result, Sent) for result in rest)
        assert world.truth("Cases") == 20

    in_a_suite(test, adapter=WIRES["v4_1"])


@pytest.mark.case(45)
def test_a_batch_in_parts_answers_for_each_item_by_its_own_id() -> None:
    async def test(world: World) -> None:
        action = world.crm.actions["create_cases"]
        first = await world.crm.send_batch(action, BATCH, ITEMS)
        there = {effect.record_id for effect in world.suite.effects}
        assert 0 < len(there) < 20
        for item, result in zip(ITEMS, first, strict=True):
            if record_id(item.key) in there:
                assert isinstance(result, Sent)
                assert result.record == record_id(item.key)
            else:
                assert isinstance(result, IntegrationError)
        again = [item for item, result in zip(ITEMS, first, strict=True) if not isinstance(result, Sent)]
        assert all(isinstance(result, Sent) for result in await world.crm.send_batch(action, BATCH, again))
        assert world.truth("Cases") == 20

    part = {"kind": "partial_batch", "point": "apply", "params": {"k": 7}, "trigger": {"first": 1}}
    in_a_suite(test, part, adapter=WIRES["v4_1"])


def test_a_batch_of_what_a_role_forbids_is_refused_item_by_item() -> None:
    async def test(world: World) -> None:
        results = await world.crm.send_batch(world.crm.actions["create_cases"], BATCH, ITEMS)
        for result in results:
            assert isinstance(result, Forbidden)
            assert (result.effect, result.code) == ("none", "left_out")
        assert world.truth("Cases") == 0

    users = ({"user_name": "integration", "password": "correct-horse", "denied": {"Cases.save"}},)
    in_a_suite(test, adapter=WIRES["v4_1"], suite={"users": users})


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset", "point": "after_commit"},
        {"kind": "hang", "point": "apply"},
        {"kind": "html_200", "point": "after_commit"},
        {"kind": "status", "point": "after_commit", "params": {"status": 500}},
        {"kind": "duplicate_delivery", "point": "apply", "params": {"answer": "second"}},
        {"kind": "late_commit", "point": "later", "params": {"delay": 40, "reply": "reset"}},
    ],
    ids=lambda fault: fault["kind"],
)
@pytest.mark.case(45)
def test_a_batch_under_a_fault_is_settled_by_a_probe_for_each_item(fault: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        results: Any
        try:
            results = await world.crm.send_batch(world.crm.actions["create_cases"], BATCH, ITEMS)
        except IntegrationError as error:
            results = [error] * 20
        await world.suite.settle()
        there = {effect.record_id for effect in world.suite.effects}
        assert world.truth("Cases") == len(there)
        for item, result in zip(ITEMS, results, strict=True):
            ours = record_id(item.key)
            assert not isinstance(result, Sent) or ours in there
            assert isinstance(result, Sent) or result.effect == "maybe" or ours not in there
            found = await world.probe("create_case", item.request, key=item.key)
            assert isinstance(found, Present if ours in there else Absent)

    match = {"match": {"operation": "set_entries"}, "trigger": {"first": 1}}
    in_a_suite(test, fault | match, adapter=WIRES["v4_1"])
