"""Single records: creation, reading, update, upsert and deletion, with the vendor's statuses and refusals."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from support.clock import FakeClock
from support.org import LoggedIn, first_error, logged_in

from seawall.simulators.salesforce.schema import CustomField, build_schema

NOBODY = "500SW0000000999AAA"
KEY = "/sobjects/Case/Seawall_Key__c"


async def test_created_case_has_its_defaults_its_number_and_an_id_of_18(crm: LoggedIn) -> None:
    answer = await crm("POST", "/sobjects/Case", json={"Subject": " Printer ", "Description": "line\nline"})
    assert answer.status_code == 201
    record_id = answer.json()["id"]
    assert answer.json() == {"id": record_id, "success": True, "errors": []}
    assert answer.headers["location"] == f"/services/data/v60.0/sobjects/Case/{record_id}"
    assert (record_id[:3], len(record_id)) == ("500", 18)
    case = (await crm("GET", f"/sobjects/Case/{record_id[:15]}")).json()
    assert case["attributes"] == {"type": "Case", "url": f"/services/data/v60.0/sobjects/Case/{record_id}"}
    shown = {name: case[name] for name in ("Subject", "Status", "Priority", "CaseNumber", "IsClosed", "ClosedDate")}
    assert shown == {
        "Subject": "Printer",
        "Status": "New",
        "Priority": "Medium",
        "CaseNumber": "00000001",
        "IsClosed": False,
        "ClosedDate": None,
    }


async def test_timestamps_have_whole_seconds_and_say_when_it_was() -> None:
    clock = FakeClock(1_800_000_000.75)
    async with logged_in(simulator={"now": clock.now}) as crm:
        record_id = await crm.create(Subject="A")
        clock.advance(60)
        await crm("PATCH", f"/sobjects/Case/{record_id}", json={"Status": "Closed"})
        answer = await crm("GET", f"/sobjects/Case/{record_id}", params={"fields": "CreatedDate,ClosedDate"})
        assert answer.json()["CreatedDate"] == "2027-01-15T08:00:00.000+0000"
        assert answer.json()["ClosedDate"] == "2027-01-15T08:01:00.000+0000"
        assert answer.headers["last-modified"] == "Fri, 15 Jan 2027 08:01:00 GMT"
        assert answer.headers["date"] == "Fri, 15 Jan 2027 08:01:00 GMT"
        assert crm.org.effects[0].at == 1_800_000_000.75


async def test_closing_again_keeps_the_date_and_reopening_clears_it() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with logged_in(simulator={"now": clock.now}) as crm:
        path = f"/sobjects/Case/{await crm.create(Status='Closed')}"
        clock.advance(60)
        await crm("PATCH", path, json={"Status": "Closed", "Subject": "B"})
        assert (await crm("GET", path)).json()["ClosedDate"] == "2027-01-15T08:00:00.000+0000"
        await crm("PATCH", path, json={"Status": "New"})
        case = (await crm("GET", path)).json()
        assert (case["IsClosed"], case["ClosedDate"]) == (False, None)


async def test_comment_and_task_hang_on_their_case(crm: LoggedIn) -> None:
    case = await crm.create(Subject="A")
    comment = await crm.create("CaseComment", ParentId=case, CommentBody="hello")
    task = await crm.create("Task", WhatId=case, Subject="Call", ActivityDate="2027-01-20", Status="Completed")
    assert (comment[:3], task[:3]) == ("00a", "00T")
    assert (await crm.found(f"SELECT CommentBody FROM CaseComment WHERE ParentId = '{case}'")) == [
        {"CommentBody": "hello"}
    ]
    assert (await crm.found("SELECT IsClosed, ActivityDate FROM Task")) == [
        {"IsClosed": True, "ActivityDate": "2027-01-20"}
    ]


async def test_update_answers_204_and_logs_what_really_changed(crm: LoggedIn) -> None:
    record_id = await crm.create(Subject="A", Origin="Web")
    answer = await crm("PATCH", f"/sobjects/Case/{record_id}", json={"Subject": "B", "Origin": "Web"})
    assert (answer.status_code, answer.content) == (204, b"")
    effect = crm.org.effects[-1]
    assert (effect.kind, effect.record_id) == ("update", record_id)
    assert (effect.fields, effect.changed) == ({"Subject": "B", "Origin": "Web"}, ("Subject",))


async def test_effect_holds_what_the_request_wrote_and_nothing_derived(crm: LoggedIn) -> None:
    await crm.create(Subject="A", Priority=None)
    effect = crm.org.effects[0]
    assert (effect.fields, effect.changed) == ({"Subject": "A", "Priority": None}, ("Subject",))


async def test_upsert_inserts_then_updates_and_says_which(crm: LoggedIn) -> None:
    first = await crm("PATCH", f"{KEY}/k%2F1", json={"Subject": "A"})
    second = await crm("PATCH", f"{KEY}/K%2F1", json={"Subject": "A"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert first.json()["id"] == second.json()["id"]
    assert [(e.kind, e.changed) for e in crm.org.effects] == [
        ("insert", ("Subject", "Seawall_Key__c")),
        ("update", ("Seawall_Key__c",)),
    ]
    assert crm.org.effects[0].fields == {"Subject": "A", "Seawall_Key__c": "k/1"}


async def test_upsert_that_changes_nothing_is_an_update_of_nothing(crm: LoggedIn) -> None:
    for _ in range(2):
        await crm("PATCH", f"{KEY}/k1", json={"Subject": "A"})
    assert [(e.kind, e.changed) for e in crm.org.effects][1] == ("update", ())


async def test_upsert_of_an_old_version_answers_updates_without_a_body() -> None:
    async with logged_in(version="v45.0") as crm:
        first = await crm("PATCH", f"{KEY}/k1", json={})
        second = await crm("PATCH", f"{KEY}/k1", json={})
        assert (first.status_code, "created" in first.json()) == (201, False)
        assert (second.status_code, second.content) == (204, b"")


async def test_key_of_several_records_is_a_300_with_their_urls_and_writes_nothing() -> None:
    fields = {"Case": [{"name": "Order__c", "external_id": True}]}
    async with logged_in(custom_fields=fields) as crm:
        ids = [crm.org.add_record("Case", {"Order__c": "A-7"}) for _ in range(2)]
        for method, how in (("PATCH", {"json": {"Subject": "B"}}), ("GET", {}), ("DELETE", {})):
            answer = await crm(method, "/sobjects/Case/Order__c/A-7", **how)
            assert answer.status_code == 300
            assert answer.json() == [f"/services/data/v60.0/sobjects/Case/{record_id}" for record_id in ids]
        assert len(crm.org.effects) == 0


async def test_record_is_read_and_deleted_by_its_key(crm: LoggedIn) -> None:
    await crm("PATCH", f"{KEY}/k1", json={"Subject": "A"})
    assert (await crm("GET", f"{KEY}/K1")).json()["Subject"] == "A"
    assert (await crm("DELETE", f"{KEY}/k1")).status_code == 204
    assert first_error(await crm("GET", f"{KEY}/k1")) == (404, "NOT_FOUND")
    assert crm.happened() == ["insert", "delete"]


async def test_id_can_be_named_as_the_key(crm: LoggedIn) -> None:
    record_id = await crm.create(Subject="A")
    assert (await crm("PATCH", f"/sobjects/Case/Id/{record_id}", json={"Subject": "B"})).status_code == 204
    assert (await crm("GET", f"/sobjects/Case/Id/{record_id}")).json()["Subject"] == "B"


async def test_deleted_record_is_gone_and_its_key_is_free(crm: LoggedIn) -> None:
    record_id = (await crm("PATCH", f"{KEY}/k1", json={})).json()["id"]
    path = f"/sobjects/Case/{record_id}"
    assert (await crm("DELETE", path)).status_code == 204
    assert first_error(await crm("GET", path)) == (404, "NOT_FOUND")
    assert first_error(await crm("PATCH", path, json={})) == (404, "ENTITY_IS_DELETED")
    assert first_error(await crm("DELETE", path)) == (404, "ENTITY_IS_DELETED")
    assert (await crm("PATCH", f"{KEY}/k1", json={})).status_code == 201


async def test_patch_can_be_sent_as_a_post(crm: LoggedIn) -> None:
    record_id = await crm.create(Subject="A")
    answer = await crm("POST", f"/sobjects/Case/{record_id}?_HttpMethod=PATCH", json={"Subject": "B"})
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({"Foo": 1}, "INVALID_FIELD", None),
        ({"Id": NOBODY}, "INVALID_FIELD", ["Id"]),
        ({"CaseNumber": "1"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["CaseNumber"]),
        ({"Subject": "x" * 256}, "STRING_TOO_LONG", ["Subject"]),
        ({"Subject": 1}, "JSON_PARSER_ERROR", None),
        ({"Subject": {"a": 1}}, "JSON_PARSER_ERROR", None),
        ({"SuppliedEmail": "nonsense"}, "INVALID_EMAIL_ADDRESS", ["SuppliedEmail"]),
        ({"AccountId": "nonsense"}, "MALFORMED_ID", ["AccountId"]),
        ({"AccountId": 1}, "JSON_PARSER_ERROR", None),
        ({"AccountId": NOBODY}, "FIELD_INTEGRITY_EXCEPTION", ["AccountId"]),
        ({"AccountId": "001SW0000000999AAA"}, "INVALID_CROSS_REFERENCE_KEY", []),
        ({"Status": "Nonsense"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Status"]),
        ({"Origin": None}, "REQUIRED_FIELD_MISSING", ["Origin"]),
        ({"Subject": "forbidden"}, "FIELD_CUSTOM_VALIDATION_EXCEPTION", ["Subject"]),
        ({"Score__c": "1"}, "JSON_PARSER_ERROR", None),
        ({"Flag__c": "yes"}, "JSON_PARSER_ERROR", None),
        ({"Due__c": "20.1.2027"}, "JSON_PARSER_ERROR", None),
        ({"Due__c": "2027-13-01"}, "JSON_PARSER_ERROR", None),
        ({"At__c": "2027-01-01T00:00:00"}, "JSON_PARSER_ERROR", None),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_content_that_breaks_a_rule_is_refused_and_writes_nothing(
    method: str, body: dict[str, Any], code: str, fields: list[str] | None
) -> None:
    types = {"Score__c": "double", "Flag__c": "boolean", "Due__c": "date", "At__c": "datetime"}
    async with logged_in(
        custom_fields={"Case": [{"name": name, "type": kind} for name, kind in types.items()]},
        restricted_picklists=["Case.Status"],
        required_fields=["Case.Origin"],
        validation_rules=[
            {"object": "Case", "field": "Subject", "message": "no", "when": "in", "values": ["forbidden"]},
            {"object": "Task", "field": "Subject", "message": "only Cases are meant"},
        ],
    ) as crm:
        case = crm.org.add_record("Case", {"Origin": "Web"})
        path = "/sobjects/Case" if method == "POST" else f"/sobjects/Case/{case}"
        answer = await crm(method, path, json={"Origin": "Web", **body})
        assert first_error(answer) == (400, code)
        assert answer.json()[0].get("fields") == fields
        assert len(crm.org.effects) == 0


@pytest.mark.parametrize(
    ("when", "value", "refused"),
    [
        ({"when": "blank"}, None, True),
        ({"when": "blank"}, "x", False),
        ({"when": "not_in", "values": ["a", "b"]}, "c", True),
        ({"when": "not_in", "values": ["a", "b"]}, "a", False),
        ({"when": "in", "values": ["a"]}, "b", False),
    ],
)
async def test_validation_rule_looks_at_the_whole_record(when: dict[str, Any], value: str, refused: bool) -> None:
    rule = {"object": "Case", "field": "Subject", "message": "Say why.", **when}
    async with logged_in(validation_rules=[rule]) as crm:
        answer = await crm("POST", "/sobjects/Case", json={"Subject": value})
        assert (answer.status_code == 400) is refused
        if refused:
            assert answer.json()[0]["message"] == "Say why."


async def test_all_missing_fields_are_named(crm: LoggedIn) -> None:
    answer = await crm("POST", "/sobjects/Lead", json={"FirstName": "Ada"})
    assert answer.json() == [
        {
            "message": "Required fields are missing: [LastName, Company]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName", "Company"],
        }
    ]
    assert first_error(await crm("POST", "/sobjects/CaseComment", json={})) == (400, "REQUIRED_FIELD_MISSING")


async def test_comment_on_a_deleted_case_is_refused(crm: LoggedIn) -> None:
    case = await crm.create(Subject="A")
    await crm("DELETE", f"/sobjects/Case/{case}")
    answer = await crm("POST", "/sobjects/CaseComment", json={"ParentId": case})
    assert first_error(answer) == (400, "ENTITY_IS_DELETED")


async def test_unique_key_that_is_taken_is_refused_with_the_id_of_its_holder(crm: LoggedIn) -> None:
    holder = await crm.create(Seawall_Key__c="k1")
    answer = await crm("POST", "/sobjects/Case", json={"Seawall_Key__c": "K1"})
    assert first_error(answer) == (400, "DUPLICATE_VALUE")
    message = f"duplicate value found: Seawall_Key__c duplicates value on record with id: {holder[:15]}"
    assert answer.json()[0]["message"] == message
    other = await crm.create(Subject="B")
    assert first_error(await crm("PATCH", f"/sobjects/Case/{other}", json={"Seawall_Key__c": "k1"}))[1] == (
        "DUPLICATE_VALUE"
    )
    # Its own value is no duplicate, and no value is none either.
    assert (await crm("PATCH", f"/sobjects/Case/{holder}", json={"Seawall_Key__c": "k1"})).status_code == 204
    assert (await crm("PATCH", f"/sobjects/Case/{other}", json={"Seawall_Key__c": None})).status_code == 204


async def test_unique_key_may_tell_case_apart() -> None:
    field = {"name": "Code__c", "external_id": True, "unique": True, "case_sensitive": True}
    async with logged_in(custom_fields={"Case": [field]}) as crm:
        first = (await crm("PATCH", "/sobjects/Case/Code__c/abc", json={})).json()["id"]
        second = (await crm("PATCH", "/sobjects/Case/Code__c/ABC", json={})).json()["id"]
        assert first != second


@pytest.mark.parametrize("exists", [True, False])
async def test_upsert_refuses_its_key_in_the_body(crm: LoggedIn, exists: bool) -> None:
    if exists:
        crm.org.add_record("Case", {"Seawall_Key__c": "k1"})
    answer = await crm("PATCH", f"{KEY}/k1", json={"Seawall_Key__c": "k1"})
    assert first_error(answer) == (400, "INVALID_FIELD")
    assert "should not be specified in the sobject data" in answer.json()[0]["message"]


DUPLICATE = {"object": "Case", "fields": ["Subject", "SuppliedEmail"], "name": "Same_Case"}


async def test_duplicate_rule_refuses_creates_and_inserting_upserts() -> None:
    async with logged_in(duplicate_rules=[DUPLICATE, {"object": "Lead", "fields": ["Email"]}]) as crm:
        body = {"Subject": "Printer", "SuppliedEmail": "ada@example.com"}
        first = await crm.create(**body)
        again = {"Subject": "PRINTER", "SuppliedEmail": "ada@example.com"}
        for method, path in (("POST", "/sobjects/Case"), ("PATCH", f"{KEY}/new")):
            answer = await crm(method, path, json=again)
            assert first_error(answer) == (400, "DUPLICATES_DETECTED")
            result = answer.json()[0]["duplicateResult"]
            assert result["duplicateRule"] == "Same_Case"
            assert result["matchResults"][0]["matchRecords"][0]["record"]["Id"] == first
        assert crm.happened() == ["insert"]


async def test_duplicate_rule_lets_others_and_those_who_insist_pass() -> None:
    async with logged_in(duplicate_rules=[DUPLICATE]) as crm:
        body = {"Subject": "Printer", "SuppliedEmail": "ada@example.com"}
        await crm.create(**body)
        await crm.create(Subject="Printer", SuppliedEmail="bob@example.com")
        await crm.create(Subject="Printer")
        await crm.create(Subject="Printer")
        header = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
        assert (await crm("POST", "/sobjects/Case", json=body, headers=header)).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/sobjects/Case/{NOBODY}", 404, "NOT_FOUND"),
        ("PATCH", f"/sobjects/Case/{NOBODY}", 404, "NOT_FOUND"),
        ("DELETE", f"/sobjects/Case/{NOBODY}", 404, "NOT_FOUND"),
        ("GET", f"{KEY}/nothing", 404, "NOT_FOUND"),
        ("GET", "/sobjects/Case/nonsense", 404, "NOT_FOUND"),
        ("GET", "/sobjects/Case/Subject/A", 404, "NOT_FOUND"),
        ("PATCH", "/sobjects/Case/Foo__c/A", 404, "NOT_FOUND"),
        ("POST", "/sobjects/Foo", 404, "NOT_FOUND"),
        ("GET", "/nonsense", 404, "NOT_FOUND"),
        ("GET", f"/sobjects/Case/{NOBODY}/a/b", 404, "NOT_FOUND"),
        ("PUT", "/sobjects/Case", 405, "METHOD_NOT_ALLOWED"),
        ("POST", f"/sobjects/Case/{NOBODY}", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/query", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_what_is_not_there_is_refused(crm: LoggedIn, method: str, path: str, status: int, code: str) -> None:
    assert first_error(await crm(method, path, json={})) == (status, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_body_that_is_no_json_object_is_refused(crm: LoggedIn, body: bytes) -> None:
    assert first_error(await crm("POST", "/sobjects/Case", content=body)) == (400, "JSON_PARSER_ERROR")


async def test_unknown_field_of_a_read_is_refused(crm: LoggedIn) -> None:
    path = f"/sobjects/Case/{await crm.create()}"
    assert first_error(await crm("GET", path, params={"fields": "Id,Foo"})) == (400, "INVALID_FIELD")


async def test_update_of_what_was_changed_since_is_a_412() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with logged_in(simulator={"now": clock.now}) as crm:
        path = f"/sobjects/Case/{await crm.create(Subject='A')}"
        seen = {"If-Unmodified-Since": formatdate(clock.now(), usegmt=True)}
        assert (await crm("PATCH", path, json={"Subject": "B"}, headers=seen)).status_code == 204
        clock.advance(1)
        assert (await crm("PATCH", path, json={"Subject": "C"}, headers=seen)).status_code == 204
        clock.advance(1)
        answer = await crm("PATCH", path, json={"Subject": "D"}, headers=seen)
        assert answer.status_code == 412
        assert (await crm("GET", path, headers=seen)).status_code == 412
        assert crm.org.records.all("Case")[0]["Subject"] == "C"


async def test_changes_within_a_second_are_not_told_apart() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with logged_in(simulator={"now": clock.now}) as crm:
        path = f"/sobjects/Case/{await crm.create(Subject='A')}"
        seen = {"If-Unmodified-Since": formatdate(clock.now(), usegmt=True)}
        clock.advance(0.9)
        await crm("PATCH", path, json={"Subject": "someone else's"})
        assert (await crm("PATCH", path, json={"Subject": "B"}, headers=seen)).status_code == 204


async def test_read_of_what_was_not_changed_since_is_a_304() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with logged_in(simulator={"now": clock.now}) as crm:
        path = f"/sobjects/Case/{await crm.create(Subject='A')}"
        answer = await crm("GET", path, headers={"If-Modified-Since": formatdate(clock.now(), usegmt=True)})
        assert (answer.status_code, answer.content) == (304, b"")
        earlier = {"If-Modified-Since": formatdate(clock.now() - 1, usegmt=True)}
        assert (await crm("GET", path, headers=earlier)).status_code == 200


async def test_condition_that_cannot_be_read_is_refused_on_writes_and_ignored_on_reads(crm: LoggedIn) -> None:
    path = f"/sobjects/Case/{await crm.create(Subject='A')}"
    wrong = {"If-Unmodified-Since": "yesterday"}
    assert (await crm("PATCH", path, json={}, headers=wrong)).status_code == 400
    assert (await crm("POST", "/sobjects/Case", json={}, headers=wrong)).status_code == 400
    assert (await crm("GET", path, headers=wrong)).status_code == 200
    assert crm.happened() == ["insert"]


async def test_accounts_alone_have_entity_tags(crm: LoggedIn) -> None:
    assert "etag" not in (await crm("GET", f"/sobjects/Case/{await crm.create()}")).headers
    path = f"/sobjects/Account/{await crm.create('Account', Name='Acme')}"
    tag = (await crm("GET", path)).headers["etag"]
    assert (await crm("GET", path, headers={"If-None-Match": tag})).status_code == 304
    assert (await crm("PATCH", path, json={"Name": "B"}, headers={"If-None-Match": tag})).status_code == 412
    assert (await crm("PATCH", path, json={"Name": "B"}, headers={"If-Match": tag})).status_code == 204
    assert (await crm("PATCH", path, json={"Name": "C"}, headers={"If-Match": tag})).status_code == 412
    assert (await crm("GET", path)).headers["etag"] != tag


async def test_changes_by_others_are_not_in_the_effect_log(crm: LoggedIn) -> None:
    record_id = crm.org.add_record("Case", {"Subject": "A"})
    crm.org.change_record("Case", record_id, {"Subject": "B"})
    assert (await crm("GET", f"/sobjects/Case/{record_id}")).json()["Subject"] == "B"
    assert len(crm.org.effects) == 0


def test_custom_fields_are_checked_when_they_are_named() -> None:
    with pytest.raises(ValueError, match="ends in __c: write Key__c"):
        CustomField(name="Key")
    with pytest.raises(ValueError, match="external ids of type string and email only"):
        CustomField(name="Key__c", type="double", external_id=True)
    with pytest.raises(ValueError, match="CaseComment takes no custom fields"):
        build_schema({"CaseComment": [CustomField(name="Key__c")]}, case_statuses=("New",), restricted=(), required=())


async def test_custom_object_is_made_from_its_fields() -> None:
    fields = {"Shipment__c": [{"name": "Case__c", "type": "reference", "reference_to": "Case"}]}
    async with logged_in(custom_fields=fields) as crm:
        case = await crm.create(Subject="A")
        await crm.create("Shipment__c", Name="S-1", Case__c=case)
        assert (await crm.found("SELECT Name FROM Shipment__c WHERE Case__r.Subject = 'A'")) == [{"Name": "S-1"}]
