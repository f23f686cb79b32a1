"""Creating once over either wire: what is sent, what is read back, and what each answer proves."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import respx
from support.suitecrm import (
    CALL,
    CASE_ID,
    CONTACT_ID,
    CREATE,
    KEY,
    NOTE,
    OURS,
    REST,
    ROOT,
    V8,
    RestDouble,
    adapter,
    again,
    attempt,
    case_record,
    created_case,
    document,
    entries,
    entry,
    missing,
    numbered,
    refusal,
    resource,
)

from seawall.connectors.suitecrm import models
from seawall.core.adapter import Absent, CannotTell, Present, Sent
from seawall.core.errors import (
    Ambiguous,
    ContractBroken,
    Forbidden,
    GatewayError,
    IntegrationError,
    NotFound,
    ReplyTimeout,
    UnreadableReply,
)

OURS_AT = f"{ROOT}/module/Cases/{OURS}"
FAILURE = "Database failure. Please refer to suitecrm.log for details."
ACKNOWLEDGED = {"id": OURS, "entry_list": {}}
GONE = refusal(f"Cases module with id {OURS} is not found")
TAKEN = refusal(f"Bean Cases with id {OURS} is already exist")
CREATED = httpx.Response(201, json=document(created_case()))


async def over_v4_1(suite: respx.MockRouter, rest: RestDouble, request: Any = CREATE, **how: Any) -> Any:
    """Create a record; the answer, or the error."""
    suite.post(REST).mock(side_effect=rest)
    return await create(request, {}, **how)


async def over_v8(suite: respx.MockRouter, written: httpx.Response, read: Any, request: Any = CREATE) -> Any:
    suite.post(f"{ROOT}/module", name="write").mock(return_value=written)
    suite.get(OURS_AT, name="read").mock(side_effect=[read])
    return await create(request, V8)


async def create(request: Any, wire: dict[str, Any], **how: Any) -> Any:
    crm = adapter(**wire)
    action = next(one for one in crm.actions.values() if one.request is type(request))
    try:
        return await crm.send(action, attempt(request, **how))
    except IntegrationError as error:
        return error
    finally:
        await crm.close()


async def test_v4_1_inserts_under_our_id_and_reads_it_back(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entry=ACKNOWLEDGED, get_entry=entries(created_case()))
    sent = await over_v4_1(suite, rest)
    assert isinstance(sent, Sent)
    assert (sent.record, sent.value, sent.facts["acknowledged"]) == (OURS, models.CaseCreated(case_id=OURS), True)
    ((_, module, pairs),) = rest.arguments("set_entry")
    assert module == "Cases"
    assert {pair["name"]: pair["value"] for pair in pairs} == {
        "id": OURS,
        "new_with_id": True,
        "name": "Printer on fire",
        "priority": "P1",
    }
    assert [method for method, _ in rest.calls] == ["login", "set_entry", "get_entry"]


async def test_v8_inserts_under_our_id_and_reads_it_back(suite: respx.MockRouter) -> None:
    sent = await over_v8(suite, CREATED, httpx.Response(200, json=document(created_case())))
    assert isinstance(sent, Sent)
    assert (sent.record, sent.facts["acknowledged"]) == (OURS, True)
    request = suite["write"].calls.last.request
    assert request.headers["Content-Type"] == "application/vnd.api+json"
    attributes = {"name": "Printer on fire", "priority": "P1"}
    assert json.loads(request.content) == {"data": {"type": "Cases", "id": OURS, "attributes": attributes}}
    assert suite["read"].call_count == 1


async def test_an_acknowledged_record_that_is_not_there_is_a_phantom(suite: respx.MockRouter) -> None:
    error = await over_v4_1(suite, RestDouble(set_entry=ACKNOWLEDGED, get_entry=missing()))
    assert type(error) is ContractBroken
    assert (error.effect, error.code) == ("maybe", "phantom")


async def test_an_acknowledged_record_that_is_not_there_is_a_phantom_on_v8_too(suite: respx.MockRouter) -> None:
    error = await over_v8(suite, CREATED, GONE)
    assert type(error) is ContractBroken
    assert (error.effect, error.code) == ("maybe", "phantom")


@pytest.mark.parametrize(
    ("there", "differs"),
    [
        (created_case(name="Printer on f"), ["subject"]),
        (created_case(priority=""), ["priority"]),
        ({name: value for name, value in created_case().items() if name != "priority"}, ["priority"]),
    ],
    ids=["cut", "emptied", "dropped"],
)
async def test_a_record_without_what_was_sent_is_not_claimed(
    suite: respx.MockRouter, there: dict[str, Any], differs: list[str]
) -> None:
    error = await over_v4_1(suite, RestDouble(set_entry=ACKNOWLEDGED, get_entry=entries(there)))
    assert type(error) is ContractBroken
    assert (error.effect, error.code, error.evidence["differs"]) == ("maybe", "content", differs)


async def test_what_somebody_changed_since_is_told_and_does_not_undo_the_success(suite: respx.MockRouter) -> None:
    changed = created_case(name="Printer in ashes", date_modified="2026-03-01 10:00:01")
    sent = await over_v4_1(suite, RestDouble(set_entry=ACKNOWLEDGED, get_entry=entries(changed)))
    assert isinstance(sent, Sent)
    assert sent.facts["changed_since"] == ["subject"]


@pytest.mark.parametrize(
    "answer", [httpx.ReadTimeout("late"), httpx.Response(502, text="<html>"), numbered(40), missing("other")]
)
async def test_a_read_back_that_fails_leaves_an_acknowledged_write_in_doubt(
    suite: respx.MockRouter, answer: Any
) -> None:
    error = await over_v4_1(suite, RestDouble(set_entry=ACKNOWLEDGED, get_entry=answer))
    assert type(error) is Ambiguous
    assert (error.effect, error.code) == ("maybe", "read_back")
    assert "acknowledged" in error.message


@pytest.mark.case(43)
@pytest.mark.parametrize("status", [200, 500])
async def test_a_text_of_the_database_is_a_success_where_the_record_is_there(
    suite: respx.MockRouter, status: int
) -> None:
    failure = httpx.Response(status, text=FAILURE)
    sent = await over_v4_1(suite, RestDouble(set_entry=failure, get_entry=entries(created_case())))
    assert isinstance(sent, Sent)
    assert (sent.record, sent.facts["acknowledged"]) == (OURS, False)


@pytest.mark.case(43)
@pytest.mark.parametrize(("status", "error"), [(200, UnreadableReply), (500, GatewayError)])
async def test_a_text_of_the_database_stays_in_doubt_where_the_record_is_not_there(
    suite: respx.MockRouter, status: int, error: type[IntegrationError]
) -> None:
    rest = RestDouble(set_entry=httpx.Response(status, text=FAILURE), get_entry=missing())
    found = await over_v4_1(suite, rest)
    assert type(found) is error
    assert found.effect == "maybe"
    assert len(rest.arguments("set_entry")) == 1


async def test_an_id_that_is_taken_by_our_own_record_is_success(suite: respx.MockRouter) -> None:
    sent = await over_v8(suite, TAKEN, httpx.Response(200, json=document(created_case())))
    assert isinstance(sent, Sent)
    assert (sent.record, sent.facts["acknowledged"]) == (OURS, False)


async def test_an_id_that_is_taken_by_other_content_is_no_success_and_no_refusal(suite: respx.MockRouter) -> None:
    other = httpx.Response(200, json=document(created_case(name="Something else")))
    error = await over_v8(suite, TAKEN, other)
    assert type(error) is ContractBroken
    assert (error.effect, error.evidence["differs"]) == ("maybe", ["subject"])


async def test_an_id_that_is_taken_but_cannot_be_read_is_in_doubt(suite: respx.MockRouter) -> None:
    error = await over_v8(suite, TAKEN, GONE)
    assert type(error) is Ambiguous
    assert (error.effect, error.code) == ("maybe", "hidden")


@pytest.mark.case(44)
@pytest.mark.parametrize("answer", [{"id": "-1"}, {"id": CASE_ID}, {}, [], 5])
async def test_another_id_than_ours_breaks_the_contract(suite: respx.MockRouter, answer: Any) -> None:
    error = await over_v4_1(suite, RestDouble(set_entry=[answer]))
    assert type(error) is ContractBroken
    assert (error.effect, error.code) == ("maybe", "other_id")


@pytest.mark.case(44)
@pytest.mark.parametrize("answer", [{}, {"data": None}, {"data": {"id": 5}}, {"data": {"id": OURS}}, []])
async def test_an_answer_of_v8_of_another_shape_breaks_the_contract(suite: respx.MockRouter, answer: Any) -> None:
    error = await over_v8(suite, httpx.Response(201, json=answer), GONE)
    assert type(error) is ContractBroken
    assert (error.effect, error.code) == ("maybe", "schema")


async def test_an_empty_answer_is_unreadable(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entry=httpx.Response(200, text="null"), get_entry=missing())
    error = await over_v4_1(suite, rest)
    assert type(error) is UnreadableReply


async def test_a_refusal_is_final_without_a_look(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entry=numbered(40, "Access Denied"))
    error = await over_v4_1(suite, rest)
    assert type(error) is Forbidden
    assert error.effect == "none"
    assert rest.arguments("get_entry") == []


async def test_a_lost_answer_is_left_to_the_probe(suite: respx.MockRouter) -> None:
    rest = RestDouble(set_entry=httpx.ReadTimeout("late"))
    error = await over_v4_1(suite, rest)
    assert type(error) is ReplyTimeout
    assert rest.arguments("get_entry") == []


@pytest.mark.parametrize("request_", [CALL, NOTE], ids=lambda given: type(given).__name__)
async def test_nothing_is_hung_on_a_record_that_is_not_there(suite: respx.MockRouter, request_: Any) -> None:
    rest = RestDouble(get_entry=missing(CASE_ID))
    error = await over_v4_1(suite, rest, request_)
    assert type(error) is NotFound
    assert (error.effect, error.code) == ("none", "not_found")
    assert rest.arguments("set_entry") == []


async def test_a_look_at_the_record_to_hang_it_on_that_fails_has_no_effect(suite: respx.MockRouter) -> None:
    error = await over_v4_1(suite, RestDouble(get_entry=httpx.ReadTimeout("late")), NOTE)
    assert type(error) is ReplyTimeout
    assert error.effect == "none"


async def test_a_repetition_does_not_look_at_the_record_to_hang_it_on_again(suite: respx.MockRouter) -> None:
    there = created_case(
        name="Mail", description="We are on our way", parent_type="Cases", parent_id=CASE_ID, contact_id=""
    )
    rest = RestDouble(set_entry=ACKNOWLEDGED, get_entry=entries(there))
    sent = await over_v4_1(suite, rest, NOTE, maybe_applied=True)
    assert isinstance(sent, Sent)
    assert [method for method, _ in rest.calls] == ["login", "set_entry", "get_entry"]


async def test_a_call_is_written_with_its_time_in_utc_and_its_length_in_hours_and_minutes(
    suite: respx.MockRouter,
) -> None:
    there = created_case(
        name="Call back",
        date_start="2026-03-01 09:30:00",
        direction="Inbound",
        status="Held",
        duration_hours="1",
        duration_minutes="15",
        parent_type="Cases",
        parent_id=CASE_ID,
    )
    rest = RestDouble(get_entry=[entries(case_record()), entries(there)], set_entry=ACKNOWLEDGED)
    assert isinstance(await over_v4_1(suite, rest, CALL), Sent)
    ((_, _, pairs),) = rest.arguments("set_entry")
    written = {pair["name"]: pair["value"] for pair in pairs}
    assert written["date_start"] == "2026-03-01 09:30:00"
    assert (written["duration_hours"], written["duration_minutes"]) == ("1", "15")
    assert (written["parent_type"], written["parent_id"]) == ("Cases", CASE_ID)


def test_a_call_belongs_to_one_record_and_a_note_to_at_least_one() -> None:
    given = CALL.model_dump() | {"contact_id": CONTACT_ID}
    with pytest.raises(ValueError, match="either case_id or contact_id"):
        models.LogCall.model_validate(given)
    with pytest.raises(ValueError, match="name case_id, contact_id, or both"):
        models.AddNote(reference="r", subject="s")


async def probed(suite: respx.MockRouter, rest: RestDouble, request: Any = CREATE) -> Any:
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    action = next(one for one in crm.actions.values() if one.request is type(request))
    try:
        return await crm.probe(action, again(request))
    finally:
        await crm.close()


async def test_a_probe_finds_our_record_by_its_id(suite: respx.MockRouter) -> None:
    found = await probed(suite, RestDouble(get_entry=entries(created_case())))
    assert isinstance(found, Present)
    assert (found.record, found.differs, found.superseded) == (OURS, (), False)


async def test_a_probe_answers_absent_only_after_a_look_among_the_deleted(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=missing(), get_entry_list={"entry_list": []})
    assert isinstance(await probed(suite, rest), Absent)
    ((_, module, query, *_, deleted),) = rest.arguments("get_entry_list")
    assert (module, query, deleted) == ("Cases", f"cases.id = '{OURS}'", 1)


async def test_a_record_that_was_deleted_since_was_there(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=missing(), get_entry_list=entries({"id": OURS, "deleted": "1"}))
    found = await probed(suite, rest)
    assert isinstance(found, Present)
    assert (found.record, found.superseded, found.facts) == (OURS, True, {"deleted_since": True})


@pytest.mark.parametrize(
    ("answer", "deleted"),
    [
        (httpx.Response(200, json={"data": []}), False),
        (httpx.Response(200, json={"data": [resource(created_case())]}), True),
        (GONE, True),
    ],
    ids=["never was", "listed", "found but not loaded"],
)
async def test_v8_tells_a_deleted_record_from_one_that_never_was(
    suite: respx.MockRouter, answer: httpx.Response, deleted: bool
) -> None:
    suite.get(OURS_AT).mock(return_value=GONE)
    suite.get(f"{ROOT}/module/Cases", name="list").mock(return_value=answer)
    crm = adapter(**V8)
    found = await crm.probe(crm.actions["create_case"], again(CREATE))
    await crm.close()
    assert isinstance(found, Present if deleted else Absent)
    params = suite["list"].calls.last.request.url.params
    assert (params["filter[id][eq]"], params["filter[deleted][eq]"]) == (OURS, "1")


@pytest.mark.parametrize("answer", [numbered(40), {"entry_list": []}, entries(case_record()), {"entry_list": [5]}, []])
async def test_a_probe_that_cannot_read_says_so_and_not_absent(suite: respx.MockRouter, answer: Any) -> None:
    with pytest.raises(IntegrationError):
        await probed(suite, RestDouble(get_entry=[answer]))


async def test_a_probe_sees_content_that_is_not_ours(suite: respx.MockRouter) -> None:
    found = await probed(suite, RestDouble(get_entry=entries(created_case(name="Something else"))))
    assert isinstance(found, Present)
    assert (found.differs, found.superseded) == (("subject",), False)


async def test_a_contact_whose_address_is_not_there_yet_is_not_judged(suite: respx.MockRouter) -> None:
    contact = {
        "id": OURS,
        "last_name": "O&#039;Brien",
        "email1": "",
        "date_entered": "2026-03-01 10:00:00",
        "date_modified": "2026-03-01 10:00:00",
    }
    request = models.CreateContact(reference="mail-3", last_name="O'Brien", email="kate@example.com")
    found = await probed(suite, RestDouble(get_entry=entries(contact)), request)
    assert isinstance(found, CannotTell)
    assert "email" in found.reason


async def test_an_entry_may_list_its_fields_in_an_array(suite: respx.MockRouter) -> None:
    listed = {"entry_list": [entry(created_case(), as_list=True)]}
    sent = await over_v4_1(suite, RestDouble(set_entry=ACKNOWLEDGED, get_entry=listed))
    assert isinstance(sent, Sent)
    assert KEY not in json.dumps(sent.facts)
