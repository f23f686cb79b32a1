"""Single situations against the simulated org, whose effect log says what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.salesforce import BY_ID, BY_MARK, MARKS, NO_KEY_FIELD, OTHER_KEY, attempt, settings
from support.salesforce_world import LOGIN, World, in_an_org

from seawall.connectors.salesforce import models
from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.core.adapter import Present, Sent, Surroundings
from seawall.core.errors import ConnectFailed, IntegrationError, PreconditionFailed
from seawall.simulators.salesforce import SalesforceSimulator
from seawall.simulators.server import Certificate, serve
from seawall.simulators.virtual_time import LoopClock


@pytest.mark.case(3)
def test_a_late_post_that_meets_its_own_repetition_is_refused_by_the_org() -> None:
    async def test(world: World) -> None:
        request = models.CreateCase(reference="order-17", subject="Printer on fire")
        with pytest.raises(IntegrationError):
            await world.send("create_case", request)
        again = await world.send("create_case", request, maybe_applied=True)
        world.org.change_record("Case", again.record, {"Priority": "High"})
        await world.org.settle()
        assert world.truth("Case") == 1
        assert world.org.effects[0].record_id == again.record
        found = await world.send("get_case", models.GetCase(case_id=again.record), key="")
        assert found.value.priority == "High"

    late = {"kind": "late_commit", "point": "later", "params": {"delay": 40}, "match": {"operation": "create"}}
    in_an_org(test, {**late, "trigger": {"first": 1}})


@pytest.mark.case(30)
def test_a_late_patch_does_not_overwrite_a_newer_change() -> None:
    async def test(world: World) -> None:
        seen = await world.seen()
        request = models.UpdateCase(case_id=world.case_id, version=seen.version, status="Working")
        with pytest.raises(IntegrationError):
            await world.send("update_case", request)
        world.org.change_record("Case", world.case_id, {"Status": "Escalated"})
        await world.org.settle()
        assert world.truth("Case") == 0
        assert (await world.seen()).status == "Escalated"

    late = {"kind": "late_commit", "point": "later", "params": {"delay": 40}, "match": {"operation": "update"}}
    in_an_org(test, {**late, "trigger": {"first": 1}})


def test_a_change_in_the_same_second_as_the_last_one_is_never_overwritten() -> None:
    async def test(world: World) -> None:
        seen = await world.seen()
        world.org.change_record("Case", world.case_id, {"Status": "Escalated"})
        now = await world.seen()
        request = models.UpdateCase(case_id=world.case_id, version=now.version, priority="High")
        began = LoopClock().monotonic()
        await world.send("update_case", request)
        assert LoopClock().monotonic() - began >= 0.9
        stale = models.UpdateCase(case_id=world.case_id, version=seen.version, priority="Low")
        with pytest.raises(PreconditionFailed):
            await world.send("update_case", stale, key=OTHER_KEY)
        assert world.truth("Case") == 1

    in_an_org(test)


def test_a_change_by_somebody_else_is_seen_and_nothing_is_written() -> None:
    async def test(world: World) -> None:
        seen = await world.seen()
        world.org.change_record("Case", world.case_id, {"Priority": "High"})
        with pytest.raises(PreconditionFailed):
            await world.send("close_case", models.CloseCase(case_id=world.case_id, version=seen.version))
        assert world.truth("Case") == 0

    in_an_org(test)


def test_a_case_in_doubt_is_still_found_after_others_changed_it() -> None:
    async def test(world: World) -> None:
        request = models.CreateCase(reference="order-17", subject="Printer on fire")
        with pytest.raises(IntegrationError):
            await world.send("create_case", request)
        found = (await world.send("find_cases", models.FindCases(subject_contains="fire"), key="")).value.cases
        change = models.UpdateCase(case_id=found[0].case_id, version=found[0].version, subject="Printer in ashes")
        await world.send("update_case", change, key=OTHER_KEY)
        present = await world.probe("create_case", request)
        assert isinstance(present, Present)
        assert (present.differs, present.superseded) == (("subject",), True)

    for adapter in (BY_ID, BY_MARK, NO_KEY_FIELD):
        lost = {"kind": "reset", "point": "after_commit", "match": {"operation": "create"}, "trigger": {"first": 1}}
        in_an_org(test, lost, adapter=adapter)


@pytest.mark.case(45)
@pytest.mark.parametrize("adapter", [BY_ID, NO_KEY_FIELD], ids=["external id", "no field"])
def test_a_batch_answers_for_each_item_and_what_is_repeated_is_not_doubled(adapter: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        batch = models.CreateCases(
            cases=tuple(models.CreateCase(reference=f"r{n}", subject=f"Case {n}") for n in range(20))
        )
        items = [attempt(case, f"sw-{n:026d}") for n, case in enumerate(batch.cases)]
        first = await world.crm.send_batch(world.crm.actions["create_cases"], batch, items)
        refused = [index for index, result in enumerate(first) if isinstance(result, IntegrationError)]
        assert len(refused) == 7
        assert world.truth("Case") == 13
        repeated = items if adapter is BY_ID else [items[index] for index in refused]
        second = await world.crm.send_batch(world.crm.actions["create_cases"], batch, repeated)
        assert all(isinstance(result, Sent) for result in second)
        assert world.truth("Case") == 20

    part = {"kind": "partial_batch", "point": "apply", "params": {"k": 7}, "trigger": {"first": 1}}
    in_an_org(test, part, adapter=adapter)


@pytest.mark.case(45)
def test_all_or_none_leaves_none() -> None:
    async def test(world: World) -> None:
        batch = models.CreateCases(
            cases=tuple(models.CreateCase(reference=f"r{n}", subject=f"Case {n}") for n in range(5)), all_or_none=True
        )
        items = [attempt(case, f"sw-{n:026d}") for n, case in enumerate(batch.cases)]
        results = await world.crm.send_batch(world.crm.actions["create_cases"], batch, items)
        assert [getattr(result, "effect", "applied") for result in results] == ["none"] * 5
        assert world.truth("Case") == 0

    in_an_org(test, {"kind": "partial_batch", "point": "apply", "params": {"k": 1}})


def test_an_all_or_none_batch_that_was_delivered_twice_is_success() -> None:
    async def test(world: World) -> None:
        batch = models.CreateCases(
            cases=tuple(models.CreateCase(reference=f"r{n}", subject=f"Case {n}") for n in range(5)), all_or_none=True
        )
        items = [attempt(case, f"sw-{n:026d}") for n, case in enumerate(batch.cases)]
        results = await world.crm.send_batch(world.crm.actions["create_cases"], batch, items)
        assert all(isinstance(result, Sent) for result in results)
        assert world.truth("Case") == 5

    in_an_org(test, {"kind": "duplicate_delivery", "point": "apply", "match": {"operation": "collections_create"}})


def test_a_flow_runs_once_and_answers() -> None:
    async def test(world: World) -> None:
        request = models.TriggerWorkflow(flow="Escalate_Case", reference="m", inputs={"caseId": world.case_id})
        sent = await world.send("trigger_workflow", request)
        assert isinstance(sent.value, models.WorkflowTriggered)
        assert world.truth("Escalate_Case") == 1

    in_an_org(test)


def test_a_flow_that_is_refused_did_not_run() -> None:
    async def test(world: World) -> None:
        request = models.TriggerWorkflow(flow="Escalate_Case", reference="m")
        with pytest.raises(IntegrationError) as raised:
            await world.send("trigger_workflow", request)
        assert raised.value.effect == "none"
        assert world.truth("Escalate_Case") == 0

    in_an_org(test)


def test_cases_are_found_by_their_filters() -> None:
    async def test(world: World) -> None:
        contact = world.org.add_record("Contact", {"LastName": "O'Brien", "Email": "o'brien@example.com"})
        case = {"Subject": "100% of 'it' \\ fails_now", "Priority": "High", "ContactId": contact}
        wanted = world.org.add_record("Case", case)

        async def found(**filters: Any) -> list[str]:
            sent = await world.send("find_cases", models.FindCases(**filters), key="")
            return [one.case_id for one in sent.value.cases]

        assert await found(contact_email="o'brien@example.com") == [wanted]
        assert await found(subject_contains="100% of 'it' \\ fails_") == [wanted]
        assert await found(subject_contains="100_ of") == []
        assert await found(priority="High", status="New") == [wanted]
        assert await found(status="Closed") == []
        assert set(await found()) == {wanted, world.case_id}
        seen = await world.seen()
        assert await found(created_after=seen.created_at) == [wanted]

    in_an_org(test)


def test_a_query_reads_pages_and_restarts_when_its_cursor_expires() -> None:
    async def test(world: World) -> None:
        for number in range(25):
            world.org.add_record("Case", {"Subject": f"Case {number}"})
        request = models.Query(soql="SELECT Id, Subject FROM Case ORDER BY Subject")
        result = (await world.send("query", request, key="")).value
        assert (len(result.records), result.total_size, result.complete) == (26, 26, True)

    in_an_org(test, org={"page_size": 10, "smallest_page": 1})


@pytest.mark.case(29)
def test_an_expired_session_is_renewed_within_the_call() -> None:
    async def test(world: World) -> None:
        await world.seen()
        world.org.org.sessions.end_all()
        sent = await world.send("create_case", models.CreateCase(reference="r", subject="s"))
        assert isinstance(sent, Sent)
        assert world.truth("Case") == 1

    in_an_org(test)


def test_a_refresh_token_that_works_once_is_rotated() -> None:
    async def test(world: World) -> None:
        for _ in range(3):
            await world.seen()
            world.org.org.sessions.end_all()

    auth = {"flow": "refresh_token", "client_id": "seawall-client", "client_secret": "seawall-secret"}
    once = {"refresh_tokens": {"refresh-token-0": "seawall-client"}, "rotate_refresh_tokens": True}
    in_an_org(test, adapter={"auth": {**auth, "refresh_token": "refresh-token-0"}}, org=once)


def test_an_org_is_checked_for_the_fields_that_the_settings_name() -> None:
    async def good(world: World) -> None:
        assert await world.crm.check() == []

    async def bad(world: World) -> None:
        problems = await world.crm.check()
        assert [problem.split(" ")[0] for problem in problems] == ["Case.Nothing__c", f"Task.{MARKS}", f"Task.{MARKS}"]

    in_an_org(good, adapter=BY_ID | BY_MARK)
    in_an_org(bad, adapter={"external_id_fields": {"Case": "Nothing__c", "Task": MARKS}})


async def test_an_org_is_believed_only_with_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path)
    simulator = SalesforceSimulator()
    case_id = simulator.add_record("Case", {"Subject": "Old case"})
    request = attempt(models.GetCase(case_id=case_id))
    async with serve(simulator, tls=certificate) as url:
        trusting = settings(url=url, auth=LOGIN, ca_file=certificate.certfile)
        for chosen, trusted in ((trusting, True), (settings(url=url, auth=LOGIN), False)):
            crm = SalesforceAdapter.open(chosen, Surroundings("crm"))
            if trusted:
                assert (await crm.send(crm.actions["get_case"], request)).record == case_id
            else:
                with pytest.raises(ConnectFailed):
                    await crm.send(crm.actions["get_case"], request)
            await crm.close()
