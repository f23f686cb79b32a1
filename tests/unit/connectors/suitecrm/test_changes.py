"""Changing a case: read, compared, written, and read again."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import respx
from pydantic import ValidationError
from support.suitecrm import (
    CASE_ID,
    CLOSE,
    KEY,
    MARKED,
    MARKS,
    OTHER_KEY,
    REST,
    ROOT,
    SEEN,
    UPDATE,
    V8,
    RestDouble,
    adapter,
    attempt,
    case_record,
    document,
    entries,
    missing,
    numbered,
    refusal,
)

from seawall.connectors.suitecrm import models
from seawall.core.adapter import Absent, CannotTell, Present, Sent
from seawall.core.errors import (
    Ambiguous,
    ContractBroken,
    Forbidden,
    IntegrationError,
    NotFound,
    PreconditionFailed,
    ReplyTimeout,
)

LATER = "2026-03-01 10:07:00"
ACKNOWLEDGED = {"id": CASE_ID, "entry_list": {}}
BEFORE = entries(case_record())
AFTER = entries(case_record(status="Open_Assigned", date_modified=LATER))
LONG_AGO = " ".join(f"sw-{n:026d}" for n in range(8))


async def changed(suite: respx.MockRouter, rest: RestDouble, request: Any = UPDATE, **how: Any) -> Any:
    """Change the case; the answer, or the error."""
    marked = how.pop("marked", False)
    suite.post(REST).mock(side_effect=rest)
    crm = adapter(**(MARKED if marked else {}))
    action = crm.actions["close_case" if isinstance(request, models.CloseCase) else "update_case"]
    try:
        return await crm.send(action, attempt(request, **how))
    except IntegrationError as error:
        return error
    finally:
        await crm.close()


async def probed(suite: respx.MockRouter, record: Any, **settings: Any) -> Any:
    suite.post(REST).mock(side_effect=RestDouble(get_entry=record))
    crm = adapter(**settings)
    try:
        return await crm.probe(crm.actions["update_case"], attempt(UPDATE, maybe_applied=True))
    finally:
        await crm.close()


def written(rest: RestDouble) -> dict[str, Any]:
    ((_, _, pairs),) = rest.arguments("set_entry")
    return {pair["name"]: pair["value"] for pair in pairs}


async def test_a_case_as_it_was_seen_is_changed_and_read_back(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=[BEFORE, AFTER], set_entry=ACKNOWLEDGED)
    sent = await changed(suite, rest)
    assert isinstance(sent, Sent)
    assert (sent.record, sent.value) == (CASE_ID, models.CaseUpdated(case_id=CASE_ID))
    assert written(rest) == {"id": CASE_ID, "status": "Open_Assigned"}
    assert [method for method, _ in rest.calls] == ["login", "get_entry", "set_entry", "get_entry"]


async def test_v8_changes_by_patch(suite: respx.MockRouter) -> None:
    after = case_record(status="Open_Assigned", date_modified="2026-03-01T10:07:00+00:00")
    reads = [httpx.Response(200, json=document(record)) for record in (case_record(), after)]
    suite.get(f"{ROOT}/module/Cases/{CASE_ID}").mock(side_effect=reads)
    suite.patch(f"{ROOT}/module", name="write").respond(201, json=document(after))
    crm = adapter(**V8)
    assert isinstance(await crm.send(crm.actions["update_case"], attempt(UPDATE)), Sent)
    await crm.close()
    body = json.loads(suite["write"].calls.last.request.content)
    assert body == {"data": {"type": "Cases", "id": CASE_ID, "attributes": {"status": "Open_Assigned"}}}


async def test_closing_sets_status_and_state_and_the_resolution(suite: respx.MockRouter) -> None:
    after = case_record(status="Closed_Closed", state="Closed", resolution="Put out", date_modified=LATER)
    rest = RestDouble(get_entry=[BEFORE, entries(after)], set_entry=ACKNOWLEDGED)
    request = CLOSE.model_copy(update={"resolution": "Put out"})
    assert isinstance(await changed(suite, rest, request), Sent)
    assert written(rest) == {
        "id": CASE_ID,
        "status": "Closed_Closed",
        "state": "Closed",
        "resolution": "Put out",
    }


async def test_a_case_that_changed_since_is_not_written(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=AFTER)
    error = await changed(suite, rest)
    assert type(error) is PreconditionFailed
    assert (error.effect, error.code) == ("none", "version")
    assert rest.arguments("set_entry") == []


@pytest.mark.parametrize("request_", [UPDATE, CLOSE])
async def test_a_case_that_is_not_there_is_not_found_and_never_acknowledged(
    suite: respx.MockRouter, request_: Any
) -> None:
    rest = RestDouble(get_entry=missing(CASE_ID), set_entry=ACKNOWLEDGED)
    error = await changed(suite, rest, request_)
    assert type(error) is NotFound
    assert error.effect == "none"
    assert rest.arguments("set_entry") == []


async def test_a_case_that_was_deleted_meanwhile_is_a_phantom(suite: respx.MockRouter) -> None:
    error = await changed(suite, RestDouble(get_entry=[BEFORE, missing(CASE_ID)], set_entry=ACKNOWLEDGED))
    assert type(error) is ContractBroken
    assert (error.effect, error.code) == ("maybe", "phantom")


async def test_v8_refuses_to_change_a_case_that_was_deleted_meanwhile(suite: respx.MockRouter) -> None:
    suite.get(f"{ROOT}/module/Cases/{CASE_ID}").respond(json=document(case_record()))
    suite.patch(f"{ROOT}/module").mock(return_value=refusal(f"Cases module with id {CASE_ID} is not found"))
    crm = adapter(**V8)
    with pytest.raises(NotFound) as raised:
        await crm.send(crm.actions["update_case"], attempt(UPDATE))
    await crm.close()
    assert raised.value.effect == "none"


async def test_a_change_that_is_not_there_when_read_back_is_not_claimed(suite: respx.MockRouter) -> None:
    unchanged = entries(case_record(date_modified=LATER))
    error = await changed(suite, RestDouble(get_entry=[BEFORE, unchanged], set_entry=ACKNOWLEDGED))
    assert type(error) is ContractBroken
    assert (error.effect, error.code, error.evidence["differs"]) == ("maybe", "content", ["status"])


async def test_a_read_back_that_fails_leaves_the_change_in_doubt(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=[BEFORE, httpx.ReadTimeout("late")], set_entry=ACKNOWLEDGED)
    error = await changed(suite, rest)
    assert type(error) is Ambiguous
    assert (error.effect, error.code) == ("maybe", "read_back")


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("late"), numbered(40), entries({"id": CASE_ID})])
async def test_a_first_read_that_fails_has_no_effect(suite: respx.MockRouter, answer: Any) -> None:
    rest = RestDouble(get_entry=answer)
    error = await changed(suite, rest)
    assert error.effect == "none"
    assert rest.arguments("set_entry") == []


async def test_a_refused_change_is_not_read_back(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=BEFORE, set_entry=numbered(40, "Access Denied"))
    assert type(await changed(suite, rest)) is Forbidden
    assert len(rest.arguments("get_entry")) == 1


async def test_a_lost_answer_is_left_to_the_probe(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=BEFORE, set_entry=httpx.ReadTimeout("late"))
    assert type(await changed(suite, rest)) is ReplyTimeout
    assert len(rest.arguments("get_entry")) == 1


async def test_clearing_writes_an_empty_text_and_expects_none(suite: respx.MockRouter) -> None:
    rest = RestDouble(
        get_entry=[BEFORE, entries(case_record(priority="", date_modified=LATER))], set_entry=ACKNOWLEDGED
    )
    request = models.UpdateCase(case_id=CASE_ID, version=SEEN, clear=("priority",))
    assert isinstance(await changed(suite, rest, request), Sent)
    assert written(rest)["priority"] == ""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "name at least one field"),
        ({"status": "x", "clear": ("status",)}, "both set and cleared: status"),
        ({"subject": ""}, "at least 1 character"),
    ],
)
def test_a_change_that_says_nothing_or_two_things_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        models.UpdateCase(case_id=CASE_ID, version=SEEN, **changes)


async def test_a_mark_goes_behind_those_of_others(suite: respx.MockRouter) -> None:
    before = entries(case_record(**{MARKS: OTHER_KEY}))
    after = entries(case_record(status="Open_Assigned", date_modified=LATER, **{MARKS: f"{OTHER_KEY} {KEY}"}))
    rest = RestDouble(get_entry=[before, after], set_entry=ACKNOWLEDGED)
    sent = await changed(suite, rest, marked=True)
    assert written(rest)[MARKS] == f"{OTHER_KEY} {KEY}"
    assert "unmarked" not in sent.facts


async def test_a_full_field_drops_the_oldest_mark(suite: respx.MockRouter) -> None:
    before = entries(case_record(**{MARKS: LONG_AGO}))
    after = entries(case_record(status="Open_Assigned", date_modified=LATER, **{MARKS: KEY}))
    rest = RestDouble(get_entry=[before, after], set_entry=ACKNOWLEDGED)
    await changed(suite, rest, marked=True)
    marks = written(rest)[MARKS].split()
    assert (marks[0], marks[-1], len(marks)) == (f"sw-{1:026d}", KEY, 8)
    assert len(written(rest)[MARKS]) <= 255


async def test_a_mark_that_was_not_kept_is_told(suite: respx.MockRouter) -> None:
    before = entries(case_record(**{MARKS: ""}))
    after = entries(case_record(status="Open_Assigned", date_modified=LATER, **{MARKS: ""}))
    sent = await changed(suite, RestDouble(get_entry=[before, after], set_entry=ACKNOWLEDGED), marked=True)
    assert sent.facts["unmarked"] == MARKS


async def test_a_case_without_the_marker_field_is_not_written(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=BEFORE)
    error = await changed(suite, rest, marked=True)
    assert type(error) is ContractBroken
    assert (error.effect, error.code) == ("none", "schema")
    assert rest.arguments("set_entry") == []


async def test_a_repetition_that_finds_its_mark_is_already_there(suite: respx.MockRouter) -> None:
    there = entries(case_record(status="Open_Assigned", date_modified=LATER, **{MARKS: KEY}))
    rest = RestDouble(get_entry=there)
    sent = await changed(suite, rest, marked=True, maybe_applied=True, number=2)
    assert sent.facts["already_there"] is True
    assert rest.arguments("set_entry") == []


async def test_a_first_attempt_takes_the_same_change_of_somebody_else_for_theirs(suite: respx.MockRouter) -> None:
    assert type(await changed(suite, RestDouble(get_entry=AFTER), number=2)) is PreconditionFailed


async def test_a_case_that_carries_our_mark_with_other_content_is_not_claimed(suite: respx.MockRouter) -> None:
    there = entries(case_record(date_modified=LATER, **{MARKS: KEY}))
    error = await changed(suite, RestDouble(get_entry=there), marked=True, maybe_applied=True)
    assert type(error) is ContractBroken
    assert error.code == "content"


@pytest.mark.parametrize(
    ("record", "finding"),
    [
        (BEFORE, Absent),
        (AFTER, Present),
        (entries(case_record(date_modified=LATER)), CannotTell),
        (missing(CASE_ID), CannotTell),
    ],
    ids=["as seen", "as asked", "changed otherwise", "gone"],
)
async def test_without_a_mark_a_probe_compares_with_what_was_there_before(
    suite: respx.MockRouter, record: Any, finding: type
) -> None:
    assert type(await probed(suite, record)) is finding


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"date_modified": "2026-03-01 10:05:00", MARKS: ""}, Absent),
        ({"status": "Open_Assigned", MARKS: KEY}, Present),
        ({"status": "Closed_Closed", MARKS: f"{KEY} {OTHER_KEY}"}, Present),
        ({"status": "Closed_Closed", MARKS: OTHER_KEY}, Absent),
        ({"status": "Open_Assigned", MARKS: OTHER_KEY}, CannotTell),
        ({"status": "Closed_Closed", MARKS: LONG_AGO}, CannotTell),
    ],
    ids=["as seen", "ours", "ours and a later one", "another one", "as asked, but not marked", "ours may be dropped"],
)
async def test_with_a_mark_a_probe_looks_for_it(
    suite: respx.MockRouter, changes: dict[str, Any], finding: type
) -> None:
    record = case_record(**{"date_modified": LATER, **changes})
    found = await probed(suite, entries(record), **MARKED)
    assert type(found) is finding
    if isinstance(found, Present):
        assert found.superseded is (OTHER_KEY in record[MARKS])
