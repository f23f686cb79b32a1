"""Changing a case that was seen at a version: nobody's change is overwritten, and a lost one is told from none."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import respx
from support.clock import FakeClock
from support.salesforce import (
    BORN,
    BY_MARK,
    CASE_ID,
    CHANGED,
    CLOSE,
    KEY,
    MARKS,
    OTHER_KEY,
    ROOT,
    SEEN,
    UPDATE,
    adapter,
    again,
    attempt,
    case_record,
    server_date,
    vendor_error,
)

from seawall.connectors.salesforce import models
from seawall.connectors.salesforce.records import version_of
from seawall.core.adapter import Absent, CannotTell, Present
from seawall.core.errors import (
    Ambiguous,
    ContractBroken,
    Forbidden,
    GatewayError,
    IntegrationError,
    NotFound,
    NotSent,
    PreconditionFailed,
    ReplyTimeout,
    UnreadableReply,
)

CASE = f"{ROOT}/sobjects/Case/{CASE_ID}"
LATER = "2026-03-01T10:06:00.000+0000"
NOTHING: dict[str, Any] = {}
SHORT = KEY[:19]


async def send(request: Any, settings: dict[str, Any] = NOTHING, clock: FakeClock | None = None, **how: Any) -> Any:
    crm = adapter(clock, **settings)
    name = "update_case" if isinstance(request, models.UpdateCase) else "close_case"
    try:
        return await crm.send(crm.actions[name], attempt(request, **how))
    finally:
        await crm.close()


async def probe(request: Any, settings: dict[str, Any] = NOTHING) -> Any:
    crm = adapter(**settings)
    name = "update_case" if isinstance(request, models.UpdateCase) else "close_case"
    try:
        return await crm.probe(crm.actions[name], again(request))
    finally:
        await crm.close()


def reads(org: respx.MockRouter, record: dict[str, Any], after_change: float = 60) -> respx.Route:
    return org.get(CASE).respond(json=record, headers=server_date(after_change))


def body_of(route: respx.Route) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(route.calls.last.request.content)
    return body


async def test_a_case_as_it_was_seen_is_patched_under_a_precondition(org: respx.MockRouter) -> None:
    reads(org, case_record())
    patch = org.patch(CASE).respond(204)
    sent = await send(UPDATE)
    assert sent.value == models.CaseUpdated(case_id=CASE_ID)
    assert body_of(patch) == {"Status": "Working"}
    assert patch.calls.last.request.headers["If-Unmodified-Since"] == "Sun, 01 Mar 2026 10:05:00 GMT"


async def test_closing_sets_the_configured_status(org: respx.MockRouter) -> None:
    reads(org, case_record())
    patch = org.patch(CASE).respond(204)
    await send(CLOSE, {"closed_status": "Done"})
    assert body_of(patch) == {"Status": "Done"}


async def test_fields_are_emptied_on_request(org: respx.MockRouter) -> None:
    reads(org, case_record())
    patch = org.patch(CASE).respond(204)
    await send(models.UpdateCase(case_id=CASE_ID, version=SEEN, priority="Low", clear=("description", "account_id")))
    assert body_of(patch) == {"Priority": "Low", "Description": None, "AccountId": None}


@pytest.mark.parametrize(
    "fields",
    [{}, {"status": "New", "clear": ("status",)}, {"clear": ("case_number",)}, {"version": "yesterday"}],
    ids=["nothing", "set and cleared", "not writable", "no version"],
)
def test_a_change_that_makes_no_sense_is_no_request(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        models.UpdateCase.model_validate({"case_id": CASE_ID, "version": SEEN, **fields})


@pytest.mark.case(30)
@pytest.mark.parametrize(
    "now",
    [{"LastModifiedDate": LATER}, {"Status": "Working"}, {"LastModifiedDate": BORN}],
    ids=["later", "same second, other content", "earlier"],
)
async def test_a_case_that_changed_since_is_not_written(org: respx.MockRouter, now: dict[str, Any]) -> None:
    reads(org, case_record(**now))
    patch = org.patch(CASE).respond(204)
    with pytest.raises(PreconditionFailed) as raised:
        await send(UPDATE)
    assert (raised.value.effect, raised.value.transient) == ("none", False)
    assert not patch.called


async def test_a_version_that_is_a_time_only_is_compared_by_the_time(org: respx.MockRouter) -> None:
    reads(org, case_record(Status="Escalated"))
    patch = org.patch(CASE).respond(204)
    await send(models.UpdateCase(case_id=CASE_ID, version="2026-03-01T11:05:00+01:00", status="Working"))
    assert patch.called


@pytest.mark.parametrize("after_change", [0, -3], ids=["same second", "server's clock behind"])
async def test_within_the_second_of_the_last_change_it_waits_and_reads_again(
    org: respx.MockRouter, after_change: float
) -> None:
    clock = FakeClock()
    answers = [
        httpx.Response(200, json=case_record(), headers=server_date(after_change)),
        httpx.Response(200, json=case_record(), headers=server_date(1)),
    ]
    read = org.get(CASE).mock(side_effect=answers)
    patch = org.patch(CASE).respond(204)
    await send(UPDATE, clock=clock)
    assert clock.slept == [1.0 - after_change]
    assert read.call_count == 2
    assert patch.call_count == 1


async def test_a_change_that_hid_in_the_same_second_is_seen_after_the_wait(org: respx.MockRouter) -> None:
    answers = [
        httpx.Response(200, json=case_record(), headers=server_date(0)),
        httpx.Response(200, json=case_record(Priority="Low"), headers=server_date(1)),
    ]
    org.get(CASE).mock(side_effect=answers)
    patch = org.patch(CASE).respond(204)
    with pytest.raises(PreconditionFailed):
        await send(UPDATE)
    assert not patch.called


async def test_a_server_that_does_not_tell_the_time_is_waited_for(org: respx.MockRouter) -> None:
    clock = FakeClock()
    answers = [httpx.Response(200, json=case_record()), httpx.Response(200, json=case_record(), headers=server_date(1))]
    org.get(CASE).mock(side_effect=answers)
    org.patch(CASE).respond(204)
    await send(UPDATE, clock=clock)
    assert clock.slept == [1.0]


async def test_a_server_that_never_tells_the_time_is_believed_after_a_second(org: respx.MockRouter) -> None:
    clock = FakeClock()
    org.get(CASE).respond(json=case_record())
    patch = org.patch(CASE).respond(204)
    await send(UPDATE, clock=clock)
    assert clock.slept == [1.0]
    assert patch.called


async def test_without_the_time_to_wait_nothing_is_sent(org: respx.MockRouter) -> None:
    reads(org, case_record(), after_change=0)
    patch = org.patch(CASE).respond(204)
    with pytest.raises(NotSent) as raised:
        await send(UPDATE, timeout=0.5)
    assert (raised.value.effect, raised.value.transient, raised.value.retry_after) == ("none", True, 1.0)
    assert not patch.called


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ReadTimeout("x"), ReplyTimeout),
        (httpx.Response(502, text="<html>"), GatewayError),
        (httpx.Response(200, text="<html>"), UnreadableReply),
        (httpx.Response(200, json={"Id": CASE_ID}), ContractBroken),
        (httpx.Response(404, json=vendor_error("NOT_FOUND")), NotFound),
    ],
)
async def test_a_failed_read_before_the_write_has_no_effect(
    org: respx.MockRouter, answer: Any, error: type[IntegrationError]
) -> None:
    org.get(CASE).mock(side_effect=[answer])
    patch = org.patch(CASE).respond(204)
    with pytest.raises(error) as raised:
        await send(UPDATE)
    assert raised.value.effect == "none"
    assert raised.value.evidence["no_effect_because"] == "only a read was sent"
    assert not patch.called


@pytest.mark.case(30)
async def test_a_412_says_that_the_case_changed_between_read_and_write(org: respx.MockRouter) -> None:
    reads(org, case_record())
    org.patch(CASE).respond(412)
    with pytest.raises(PreconditionFailed):
        await send(UPDATE)


@pytest.mark.parametrize("settings", [NOTHING, BY_MARK], ids=["no marker", "marker"])
async def test_a_412_that_met_the_first_delivery_of_this_very_change_is_success(
    org: respx.MockRouter, settings: dict[str, Any]
) -> None:
    answers = [
        httpx.Response(200, json=case_record(**{MARKS: None}), headers=server_date()),
        httpx.Response(200, json=case_record(Status="Working", LastModifiedDate=LATER, **{MARKS: KEY})),
    ]
    org.get(CASE).mock(side_effect=answers)
    org.patch(CASE).respond(412)
    assert (await send(UPDATE, settings)).facts["already_there"] is True


@pytest.mark.parametrize("settings", [NOTHING, BY_MARK], ids=["no marker", "marker"])
async def test_a_412_that_cannot_be_looked_into_is_no_refusal(org: respx.MockRouter, settings: dict[str, Any]) -> None:
    seen = httpx.Response(200, json=case_record(**{MARKS: None}), headers=server_date())
    org.get(CASE).mock(side_effect=[seen, httpx.ReadTimeout("x")])
    org.patch(CASE).respond(412)
    with pytest.raises(Ambiguous):
        await send(UPDATE, settings)


@pytest.mark.parametrize(("number", "applied"), [(1, False), (2, True)])
async def test_without_a_marker_only_a_repetition_takes_changed_and_as_asked_for_its_own(
    org: respx.MockRouter, number: int, applied: bool
) -> None:
    reads(org, case_record(Status="Working", LastModifiedDate=LATER))
    if applied:
        assert (await send(UPDATE, number=number)).facts["already_there"] is True
    else:
        with pytest.raises(PreconditionFailed):
            await send(UPDATE, number=number)


@pytest.mark.case(42)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(200, text="<html>login</html>"), UnreadableReply),
        (httpx.Response(200, text=""), UnreadableReply),
        (httpx.Response(202, json={}), ContractBroken),
        (httpx.Response(503, json=vendor_error("SERVER_UNAVAILABLE")), GatewayError),
        (httpx.ReadTimeout("x"), ReplyTimeout),
    ],
)
async def test_a_patch_without_a_readable_acknowledgement_is_in_doubt(
    org: respx.MockRouter, answer: Any, error: type[IntegrationError]
) -> None:
    reads(org, case_record())
    org.patch(CASE).mock(side_effect=[answer])
    with pytest.raises(error) as raised:
        await send(UPDATE)
    assert raised.value.effect == "maybe"


async def test_a_patch_that_is_answered_with_a_body_is_applied(org: respx.MockRouter) -> None:
    reads(org, case_record())
    org.patch(CASE).respond(200, json={"id": CASE_ID, "success": True, "errors": [], "created": False})
    assert (await send(UPDATE)).record == CASE_ID


async def test_a_patch_that_is_answered_with_a_refusal_in_a_200_is_refused(org: respx.MockRouter) -> None:
    reads(org, case_record())
    errors = [{"statusCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "no", "fields": []}]
    org.patch(CASE).respond(200, json={"id": CASE_ID, "success": False, "errors": errors})
    with pytest.raises(Forbidden):
        await send(UPDATE)


async def test_the_key_is_left_behind_the_keys_that_are_there(org: respx.MockRouter) -> None:
    reads(org, case_record(**{MARKS: OTHER_KEY}))
    patch = org.patch(CASE).respond(204)
    await send(UPDATE, BY_MARK)
    assert body_of(patch) == {"Status": "Working", MARKS: f"{OTHER_KEY} {KEY}"}


async def test_a_repeated_send_that_finds_its_own_key_is_applied_and_writes_nothing(org: respx.MockRouter) -> None:
    reads(org, case_record(Status="Working", LastModifiedDate=LATER, **{MARKS: KEY}))
    patch = org.patch(CASE).respond(204)
    sent = await send(UPDATE, BY_MARK, maybe_applied=True)
    assert sent.facts == {"already_there": True, "changed_since": []}
    assert not patch.called


async def test_its_own_key_below_a_later_one_explains_other_content(org: respx.MockRouter) -> None:
    record = case_record(Status="Closed", LastModifiedDate=LATER, **{MARKS: f"{KEY} {OTHER_KEY}"})
    reads(org, record)
    assert (await send(UPDATE, BY_MARK)).facts["changed_since"] == ["status"]
    found = await probe(UPDATE, BY_MARK)
    assert (found.differs, found.superseded) == (("status",), True)


@pytest.mark.case(44)
async def test_its_own_key_with_other_content_stays_in_doubt(org: respx.MockRouter) -> None:
    reads(org, case_record(Status="New", LastModifiedDate=LATER, **{MARKS: KEY}))
    with pytest.raises(ContractBroken):
        await send(UPDATE, BY_MARK)
    found = await probe(UPDATE, BY_MARK)
    assert (found.differs, found.superseded) == (("status",), False)


async def test_a_change_of_the_subject_keeps_the_marker_of_the_creation(org: respx.MockRouter) -> None:
    record = case_record(Subject=f"Printer on fire [{SHORT}]")
    request = models.UpdateCase(case_id=CASE_ID, version=version_of(record), subject="Printer in ashes")
    reads(org, record)
    patch = org.patch(CASE).respond(204)
    await send(request, key=OTHER_KEY)
    assert body_of(patch) == {"Subject": f"Printer in ashes [{SHORT}]"}
    reads(org, case_record(Subject=f"Printer in ashes [{SHORT}]", LastModifiedDate=LATER))
    assert isinstance(await probe(request), Present)


async def test_a_probe_finds_the_key(org: respx.MockRouter) -> None:
    reads(org, case_record(Status="Working", LastModifiedDate=LATER, **{MARKS: f"{OTHER_KEY} {KEY}"}))
    found = await probe(UPDATE, BY_MARK)
    assert isinstance(found, Present)
    assert (found.record, found.differs) == (CASE_ID, ())


@pytest.mark.parametrize("marks", [None, OTHER_KEY])
async def test_a_probe_that_misses_the_key_says_absent_whoever_changed_the_case(
    org: respx.MockRouter, marks: str | None
) -> None:
    reads(org, case_record(Status="Working", LastModifiedDate=LATER, **{MARKS: marks}))
    assert isinstance(await probe(UPDATE, BY_MARK), Absent)


async def test_a_probe_cannot_tell_when_the_key_may_have_been_pushed_out(org: respx.MockRouter) -> None:
    reads(org, case_record(LastModifiedDate=LATER, **{MARKS: " ".join([OTHER_KEY] * 8)}))
    assert isinstance(await probe(UPDATE, BY_MARK), CannotTell)


async def test_a_probe_of_a_case_without_the_marker_field_fails(org: respx.MockRouter) -> None:
    reads(org, case_record())
    with pytest.raises(ContractBroken):
        await probe(UPDATE, BY_MARK)


async def test_without_a_marker_an_unchanged_case_proves_absence(org: respx.MockRouter) -> None:
    reads(org, case_record())
    assert isinstance(await probe(UPDATE), Absent)


async def test_without_a_marker_changed_and_as_asked_is_taken_for_ours(org: respx.MockRouter) -> None:
    reads(org, case_record(Status="Working", LastModifiedDate=LATER))
    found = await probe(UPDATE)
    assert isinstance(found, Present)
    assert found.record == CASE_ID


async def test_without_a_marker_changed_but_not_as_asked_cannot_be_told(org: respx.MockRouter) -> None:
    reads(org, case_record(Status="Escalated", LastModifiedDate=LATER))
    found = await probe(UPDATE)
    assert isinstance(found, CannotTell)
    assert "status" in found.reason


@pytest.mark.parametrize("settings", [NOTHING, BY_MARK])
async def test_a_case_that_is_gone_cannot_tell(org: respx.MockRouter, settings: dict[str, Any]) -> None:
    org.get(CASE).respond(404, json=vendor_error("ENTITY_IS_DELETED", "entity is deleted"))
    assert isinstance(await probe(CLOSE, settings), CannotTell)


def test_the_version_is_stable_and_tells_two_states_of_one_second_apart() -> None:
    assert version_of(case_record()) == SEEN
    assert SEEN.startswith(f"{CHANGED}#")
    assert version_of(case_record(Priority="Low")) != SEEN
