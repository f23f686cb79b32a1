"""Record ids come in 15 and in 18 characters; one record has one identity all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import respx
from pydantic import BaseModel, ValidationError
from support.salesforce import BY_ID, CASE_ID, ROOT, SEEN, adapter, again, attempt, case_record, page, saved
from support.virtual import sources, virtual

from seawall import Config, Rejected, Seawall
from seawall.connectors.salesforce import models
from seawall.connectors.salesforce.ids import as_long, checksum, long_form
from seawall.connectors.salesforce.records import case_from, version_of
from seawall.core.action import Action
from seawall.core.adapter import Present
from seawall.core.identity import identify
from seawall.core.outcome import Applied
from seawall.simulators.salesforce.values import make_id

SHORT = CASE_ID[:15]
ACTIONS = adapter(**BY_ID).actions

# The first two stand in Salesforce's own pages; the others were worked out by hand from the rule.
PAIRS = [
    ("001D000000IqhSL", "001D000000IqhSLIAZ"),
    ("00D000000000062", "00D000000000062EAA"),
    ("500000000000001", "500000000000001AAA"),
    ("aBcDeFgHiJkLmNo", "aBcDeFgHiJkLmNoKVK"),
    ("ABCDEABCDEABCDE", "ABCDEABCDEABCDE555"),
    ("abcdeabcdeabcde", "abcdeabcdeabcdeAAA"),
]


@pytest.mark.parametrize(("short", "long"), PAIRS)
def test_the_long_form_of_an_id_is_the_short_one_with_its_checksum(short: str, long: str) -> None:
    assert as_long(short) == as_long(long) == short + checksum(short) == long


@pytest.mark.parametrize("number", [0, 1, 61, 62, 3843, 10**9, 62**9 - 1])
def test_the_checksum_is_the_simulators_which_was_written_apart(number: int) -> None:
    found = make_id("500", number)
    assert as_long(found[:15]) == found


def test_ids_that_differ_in_case_alone_are_different_records() -> None:
    assert as_long("50000000000000a") != as_long("50000000000000A")
    assert as_long("50000000000000a")[15:] != as_long("50000000000000A")[15:]


@pytest.mark.parametrize(
    "wrong", ["500000000000001AAB", "001d000000iqhslIAZ", "001D000000IQHSLIAZ", "001D000000IqhSLiaz"]
)
def test_a_wrong_checksum_is_refused_with_the_right_one(wrong: str) -> None:
    with pytest.raises(ValidationError) as raised:
        models.GetCase(case_id=wrong)
    assert f"the last three characters of the record id {wrong} must be {checksum(wrong[:15])}" in str(raised.value)
    assert "upper and lower case" in str(raised.value)


@pytest.mark.parametrize("other", ["Order_Number__c/A-1", "50000000000000", "500000000000001A", "", f"{SHORT}'AA"])
def test_what_is_no_record_id_is_refused_by_its_form(other: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        models.GetCase(case_id=other)


def test_the_schema_for_agents_shows_the_form_of_an_id() -> None:
    schema = models.GetCase.model_json_schema()
    assert schema["properties"]["case_id"]["pattern"] == "^[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?$"


ABOUT_A_CASE: dict[str, dict[str, Any]] = {
    "add_case_comment": {"reference": "mail-9", "body": "We are on our way"},
    "create_follow_up": {"reference": "alert-3", "subject": "Call back", "owner_id": SHORT},
    "update_case": {"version": SEEN, "contact_id": SHORT},
    "close_case": {"version": SEEN},
}


def request(action: Action, fields: dict[str, Any], *, long: bool) -> BaseModel:
    given = {"case_id": SHORT, **fields}
    if long:
        given = {name: CASE_ID if value == SHORT else value for name, value in given.items()}
    return action.request.model_validate(given)


@pytest.mark.parametrize("name", ABOUT_A_CASE)
def test_both_forms_are_one_identity_one_content_and_one_entity(name: str) -> None:
    action = ACTIONS[name]
    short, long = (request(action, ABOUT_A_CASE[name], long=long) for long in (False, True))
    assert identify("crm", action, short) == identify("crm", action, long)
    assert getattr(short, action.entity or "case_id") == CASE_ID


@pytest.mark.parametrize("field", ["contact_id", "account_id", "owner_id"])
def test_every_id_of_a_new_case_is_taken_in_its_long_form(field: str) -> None:
    asked = {"reference": "r", "subject": "s"}
    assert getattr(models.CreateCase.model_validate({**asked, field: SHORT}), field) == CASE_ID


@virtual
async def test_the_second_form_of_an_id_is_answered_with_what_the_first_one_did(tmp_path: Path) -> None:
    given = sources()
    crm = adapter(given.clock)
    config = Config.model_validate(
        {
            "ledger": {"path": str(tmp_path / "ledger.db")},
            "systems": {"crm": {"connector": "salesforce"}},
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )
    with respx.mock(base_url="https://acme.my.salesforce.example", assert_all_called=False) as org:
        org.post("/services/oauth2/token").respond(
            json={"access_token": "session-1", "instance_url": "https://acme.my.salesforce.example"}
        )
        posted = org.post(f"{ROOT}/sobjects/CaseComment").respond(201, json=saved("00a000000000001AAA"))
        async with Seawall(config, adapters={"crm": crm}, sources=given, recovery=False, inline_ledger=True) as wall:
            comment = {"reference": "mail-9", "body": "We are on our way"}
            first = await wall.call("crm.add_case_comment", {**comment, "case_id": SHORT})
            second = await wall.call("crm.add_case_comment", {**comment, "case_id": CASE_ID})
            wrong = await wall.call("crm.add_case_comment", {**comment, "case_id": f"{SHORT}AAB"})
    assert isinstance(first, Applied)
    assert isinstance(second, Applied)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.operation_id == second.operation_id
    assert isinstance(wrong, Rejected)
    assert "must be AAA" in wrong.error.message
    assert posted.call_count == 1


@pytest.mark.parametrize(
    ("found", "shown"), [("500000000000001", CASE_ID), (CASE_ID, CASE_ID), ("x", "x"), (None, None)]
)
def test_ids_of_the_org_are_shown_in_their_long_form_and_never_refused(found: str | None, shown: str | None) -> None:
    assert long_form(found) == shown


async def test_a_short_id_in_an_answer_is_the_same_record(org: respx.MockRouter) -> None:
    org.post(f"{ROOT}/sobjects/Case").respond(201, json=saved(SHORT))
    crm = adapter(**BY_ID)
    action = crm.actions["create_case"]
    sent = await crm.send(action, attempt(models.CreateCase(reference="r", subject="s")))
    await crm.close()
    assert (sent.record, sent.value) == (CASE_ID, models.CaseCreated(case_id=CASE_ID))


async def test_a_probe_finds_a_record_whatever_form_its_ids_have(org: respx.MockRouter) -> None:
    asked = models.AddCaseComment(case_id=SHORT, reference="mail-9", body="We are on our way")
    crm = adapter(**BY_ID)
    action = crm.actions["add_case_comment"]
    written = {"ParentId": SHORT, "CommentBody": "", "IsPublished": False}
    route = org.post(f"{ROOT}/sobjects/CaseComment").respond(201, json=saved("00a000000000001"))
    await crm.send(action, attempt(asked))
    written |= json.loads(route.calls.last.request.content)
    assert written["ParentId"] == CASE_ID
    record = written | {"Id": "00a000000000001", "ParentId": SHORT, "CreatedDate": "2026-03-01T10:00:00.000+0000"}
    record["LastModifiedDate"] = record["CreatedDate"]
    org.get(f"{ROOT}/query").respond(json=page(record))
    found = await crm.probe(action, again(asked))
    await crm.close()
    assert isinstance(found, Present)
    assert (found.record, found.differs) == ("00a000000000001AAA", ())


def test_the_version_of_a_case_does_not_depend_on_the_form_of_its_ids() -> None:
    long = case_record(ContactId="003000000000001AAA")
    short = long | {"Id": SHORT, "ContactId": "003000000000001", "OwnerId": "005000000000001"}
    assert version_of(short) == version_of(long)
    assert case_from(short) == case_from(long)
    assert case_from(short).case_id == CASE_ID
