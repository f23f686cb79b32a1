"""Reading: cases, filters, pages, expired cursors."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx
from support.salesforce import CASE_ID, OTHER_ID, ROOT, SEEN, TRIGGER, adapter, attempt, case_record, page, vendor_error

from seawall.connectors.salesforce import models
from seawall.core.errors import BusinessRule, ContractBroken, IntegrationError, NotFound, UnreadableReply

QUERY = f"{ROOT}/query"
MORE = f"{QUERY}/01gD0000002HU6KIAW-2"
EXPIRED = httpx.Response(400, json=vendor_error("INVALID_QUERY_LOCATOR", "invalid query locator"))
FLOW = f"{ROOT}/actions/custom/flow/Escalate_Case"


async def send(request: Any, **settings: Any) -> Any:
    crm = adapter(**settings)
    try:
        action = next(action for action in crm.actions.values() if action.request is type(request))
        return await crm.send(action, attempt(request, key=""))
    finally:
        await crm.close()


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"attributes": {"type": "Case"}, "Id": str(number)} for number in numbers]


def ids(result: models.QueryResult) -> list[str]:
    return [record["Id"] for record in result.records]


async def test_a_case_is_read_with_its_version(org: respx.MockRouter) -> None:
    route = org.get(f"{ROOT}/sobjects/Case/{CASE_ID}").respond(json=case_record())
    sent = await send(models.GetCase(case_id=CASE_ID))
    assert sent.record == CASE_ID
    assert (sent.value.subject, sent.value.is_closed, sent.value.version) == ("Printer on fire", False, SEEN)
    assert sent.value.created_at.isoformat() == "2026-03-01T10:00:00+00:00"
    asked = route.calls.last.request.url.params["fields"].split(",")
    assert set(asked) == set(case_record()) - {"attributes"}


async def test_fields_that_the_org_adds_later_are_ignored(org: respx.MockRouter) -> None:
    org.get(f"{ROOT}/sobjects/Case/{CASE_ID}").respond(json=case_record(New__c=1))
    assert (await send(models.GetCase(case_id=CASE_ID))).record == CASE_ID


@pytest.mark.case(44)
@pytest.mark.parametrize("changes", [{"IsClosed": "perhaps"}, {"Subject": 7}, {"CreatedDate": "01.03.2026"}])
async def test_a_case_of_another_schema_breaks_the_contract(org: respx.MockRouter, changes: dict[str, Any]) -> None:
    org.get(f"{ROOT}/sobjects/Case/{CASE_ID}").respond(json=case_record(**changes))
    with pytest.raises(ContractBroken) as raised:
        await send(models.GetCase(case_id=CASE_ID))
    assert next(iter(changes)) in raised.value.message


async def test_a_case_that_is_not_there_is_not_found(org: respx.MockRouter) -> None:
    org.get(f"{ROOT}/sobjects/Case/{CASE_ID}").respond(404, json=vendor_error("NOT_FOUND"))
    with pytest.raises(NotFound):
        await send(models.GetCase(case_id=CASE_ID))


@pytest.mark.parametrize("case_id", ["../Account/001", "500", "500000000000001AA'", ""])
def test_what_is_no_record_id_is_no_request(case_id: str) -> None:
    with pytest.raises(ValueError, match="case_id"):
        models.GetCase(case_id=case_id)


async def test_cases_are_found_newest_first_and_one_more_is_asked_for(org: respx.MockRouter) -> None:
    route = org.get(QUERY).respond(json=page(case_record(), case_record(Id=OTHER_ID)))
    found = (await send(models.FindCases(status="New", limit=2))).value
    assert [case.case_id for case in found.cases] == [CASE_ID, OTHER_ID]
    assert found.complete
    soql = route.calls.last.request.url.params["q"]
    assert soql.endswith(" FROM Case WHERE Status = 'New' ORDER BY CreatedDate DESC, Id DESC LIMIT 3")


async def test_a_list_that_was_cut_says_so(org: respx.MockRouter) -> None:
    org.get(QUERY).respond(json=page(case_record(), case_record(Id=OTHER_ID)))
    found = (await send(models.FindCases(limit=1))).value
    assert (len(found.cases), found.complete) == (1, False)


async def test_a_query_reads_its_pages(org: respx.MockRouter) -> None:
    route = org.get(QUERY).respond(json=page(*rows(1, 2), total=3, more=MORE))
    org.get(MORE).respond(json=page(*rows(3), total=3))
    result = (await send(models.Query(soql="SELECT Id FROM Case"))).value
    assert ids(result) == ["1", "2", "3"]
    assert (result.total_size, result.complete, result.restarted) == (3, True, False)
    assert route.calls.last.request.url.params["q"] == "SELECT Id FROM Case"


async def test_a_query_stops_at_max_records_and_says_so(org: respx.MockRouter) -> None:
    org.get(QUERY).respond(json=page(*rows(1, 2), total=9, more=MORE))
    rest = org.get(MORE).respond(json=page(*rows(3, 4), total=9, more=f"{QUERY}/x"))
    result = (await send(models.Query(soql="SELECT Id FROM Case", max_records=3))).value
    assert ids(result) == ["1", "2", "3"]
    assert not result.complete
    assert rest.call_count == 1


async def test_fewer_records_than_the_query_counts_is_not_complete(org: respx.MockRouter) -> None:
    org.get(QUERY).respond(json=page(*rows(1), total=2))
    assert not (await send(models.Query(soql="SELECT Id FROM Case"))).value.complete


async def test_a_count_is_complete_without_records(org: respx.MockRouter) -> None:
    org.get(QUERY).respond(json=page(total=42))
    result = (await send(models.Query(soql=" select count() from Case"))).value
    assert (result.total_size, result.complete) == (42, True)


async def test_the_attributes_of_records_are_left_out_at_every_depth(org: respx.MockRouter) -> None:
    inner = {"attributes": {"type": "Contact"}, "Name": "Ann"}
    cases = {"totalSize": 1, "done": True, "records": [{"attributes": {}, "Id": "5"}]}
    org.get(QUERY).respond(json=page({"attributes": {}, "Id": "1", "Contact": inner, "Cases": cases}))
    result = (await send(models.Query(soql="SELECT Id FROM Account"))).value
    assert result.records[0]["Contact"] == {"Name": "Ann"}
    assert result.records[0]["Cases"]["records"] == [{"Id": "5"}]


async def test_an_expired_cursor_restarts_the_query_once_and_says_so(org: respx.MockRouter) -> None:
    first = org.get(QUERY).respond(json=page(*rows(1, 2), total=3, more=MORE))
    org.get(MORE).mock(side_effect=[EXPIRED, httpx.Response(200, json=page(*rows(3), total=3))])
    result = (await send(models.Query(soql="SELECT Id FROM Case"))).value
    assert ids(result) == ["1", "2", "3"]
    assert result.restarted
    assert first.call_count == 2


async def test_a_cursor_that_expires_twice_is_a_clear_error(org: respx.MockRouter) -> None:
    first = org.get(QUERY).respond(json=page(*rows(1, 2), total=3, more=MORE))
    org.get(MORE).mock(return_value=EXPIRED)
    with pytest.raises(IntegrationError, match="expired twice"):
        await send(models.Query(soql="SELECT Id FROM Case"))
    assert first.call_count == 2


async def test_a_query_that_is_refused_when_it_is_restarted_is_refused(org: respx.MockRouter) -> None:
    refused = httpx.Response(403, json=vendor_error("INSUFFICIENT_ACCESS"))
    gone = httpx.Response(404, json=vendor_error("NOT_FOUND"))
    for last in (refused, gone):
        org.get(QUERY).mock(side_effect=[httpx.Response(200, json=page(*rows(1), total=2, more=MORE)), last])
        org.get(MORE).mock(return_value=EXPIRED)
        with pytest.raises(IntegrationError) as raised:
            await send(models.Query(soql="SELECT Id FROM Case"))
        assert raised.value.code == last.json()[0]["errorCode"]


async def test_a_query_whose_object_is_not_found_is_not_restarted(org: respx.MockRouter) -> None:
    route = org.get(QUERY).respond(404, json=vendor_error("NOT_FOUND"))
    with pytest.raises(NotFound):
        await send(models.Query(soql="SELECT Id FROM Case"))
    assert route.call_count == 1


@pytest.mark.parametrize(
    "more", ["https://evil.example/services/data/v61.0/query/1", "//evil.example/x", "/elsewhere", "query/1"]
)
async def test_a_next_page_on_another_host_or_path_is_not_followed(org: respx.MockRouter, more: str) -> None:
    org.get(QUERY).respond(json=page(*rows(1), total=2, more=more))
    with pytest.raises(ContractBroken):
        await send(models.Query(soql="SELECT Id FROM Case"))


async def test_a_next_page_that_was_read_before_ends_the_query(org: respx.MockRouter) -> None:
    org.get(QUERY).respond(json=page(*rows(1), total=9, more=MORE))
    org.get(MORE).respond(json=page(*rows(2), total=9, more=MORE))
    with pytest.raises(ContractBroken):
        await send(models.Query(soql="SELECT Id FROM Case"))


@pytest.mark.case(42)
@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("<html>login</html>", UnreadableReply),
        ("", UnreadableReply),
        ("[]", ContractBroken),
        ('{"totalSize": 1, "done": false, "records": []}', ContractBroken),
        ('{"totalSize": "many", "done": true, "records": []}', ContractBroken),
    ],
)
async def test_a_page_that_is_none_is_an_error(org: respx.MockRouter, body: str, error: type[IntegrationError]) -> None:
    org.get(QUERY).respond(200, text=body)
    with pytest.raises(error):
        await send(models.Query(soql="SELECT Id FROM Case"))


async def test_a_malformed_query_is_the_targets_refusal(org: respx.MockRouter) -> None:
    org.get(QUERY).respond(400, json=vendor_error("MALFORMED_QUERY", "unexpected token: FORM"))
    with pytest.raises(BusinessRule, match="unexpected token"):
        await send(models.Query(soql="SELECT Id FORM Case"))


async def test_a_flow_is_run_with_its_inputs_and_answers_its_outputs(org: respx.MockRouter) -> None:
    outputs = {"level": "2", "Flow__InterviewStatus": "Finished"}
    answer = [{"actionName": "Escalate_Case", "errors": None, "isSuccess": True, "outputValues": outputs}]
    route = org.post(FLOW).respond(json=answer)
    sent = await send(TRIGGER)
    assert sent.value.outputs == outputs
    assert route.calls.last.request.content == b'{"inputs":[{"caseId":"500000000000001AAA"}]}'


async def test_a_flow_without_outputs_answers_none(org: respx.MockRouter) -> None:
    answer = [{"actionName": "Escalate_Case", "errors": None, "isSuccess": True, "outputValues": None}]
    org.post(FLOW).respond(json=answer)
    assert (await send(TRIGGER)).value.outputs == {}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("code", ["UNKNOWN_EXCEPTION", "UNABLE_TO_LOCK_ROW"])
async def test_a_flow_that_failed_is_final_whatever_the_reason(org: respx.MockRouter, status: int, code: str) -> None:
    errors = [{"statusCode": code, "message": f"{code}: went wrong", "fields": []}]
    answer = [{"actionName": "Escalate_Case", "errors": errors, "isSuccess": False, "outputValues": None}]
    org.post(FLOW).respond(status, json=answer)
    with pytest.raises(BusinessRule) as raised:
        await send(TRIGGER)
    assert (raised.value.code, raised.value.transient) == (code, False)


@pytest.mark.parametrize(
    "answer", [[], {}, [{"isSuccess": None}], [{"isSuccess": False, "errors": []}], [{"isSuccess": True}] * 2]
)
async def test_a_flow_that_says_neither_success_nor_failure_is_in_doubt(org: respx.MockRouter, answer: Any) -> None:
    org.post(FLOW).respond(json=answer)
    with pytest.raises(ContractBroken):
        await send(TRIGGER)


@pytest.mark.parametrize("flow", ["../sobjects", "a b", "", "1st"])
def test_what_is_no_name_of_a_flow_is_no_request(flow: str) -> None:
    with pytest.raises(ValueError, match="flow"):
        models.TriggerWorkflow(flow=flow, reference="r")
