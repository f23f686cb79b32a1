"""What the adapter declares, what its settings take, and that it tells no secret."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from pydantic import ValidationError
from support.salesforce import (
    BY_ID,
    BY_MARK,
    CASE_ID,
    CLOSE,
    COMMENT,
    CREATE,
    CREDENTIALS,
    FIELD,
    FOLLOW_UP,
    MARKS,
    ROOT,
    TRIGGER,
    UPDATE,
    URL,
    adapter,
    again,
    attempt,
    case_record,
    saved,
    server_date,
    settings,
    vendor_error,
)

from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.connectors.salesforce.settings import SalesforceSettings
from seawall.core.adapter import Batch, ClientId, EffectClass, Marker, NaturalKey, NoDedupe, Secrets
from seawall.core.errors import IntegrationError

CANARY = "canary-client-secret"
CASES = f"{ROOT}/sobjects/Case"


@pytest.mark.parametrize(
    ("changes", "case", "task", "update"),
    [
        ({}, Marker("Subject"), Marker("Description"), NaturalKey),
        (BY_MARK, Marker(MARKS), Marker(MARKS), Marker),
        (BY_ID, ClientId(FIELD), ClientId(FIELD), NaturalKey),
        (BY_ID | BY_MARK, ClientId(FIELD), ClientId(FIELD), Marker),
    ],
    ids=["nothing", "markers", "external ids", "both"],
)
def test_the_dedupe_means_follow_from_the_fields_that_the_org_has(
    changes: dict[str, Any], case: Any, task: Any, update: type
) -> None:
    actions = adapter(**changes).actions
    assert actions["create_case"].dedupe == case
    assert actions["create_follow_up"].dedupe == task
    assert actions["add_case_comment"].dedupe == Marker("CommentBody")
    assert isinstance(actions["update_case"].dedupe, update)
    assert isinstance(actions["close_case"].dedupe, update)


def test_every_write_says_when_the_target_can_no_longer_commit_it() -> None:
    actions = adapter(late_commit_horizon=42).actions
    found = {action.name for action in actions.values() if action.writes and not action.batch and action.probe}
    assert found == {"create_case", "add_case_comment", "create_follow_up", "update_case", "close_case"}
    assert {actions[name].horizon for name in found} == {42.0}


def test_a_workflow_is_sent_and_never_repeated() -> None:
    action = adapter().actions["trigger_workflow"]
    assert (action.effect, action.dedupe, action.probe) == (EffectClass.SEND, NoDedupe(), None)
    assert action.identity == ("flow", "reference")
    assert action.resend == "never"


def test_a_batch_carries_what_one_call_takes() -> None:
    actions = adapter().actions
    assert actions["create_cases"].batch == Batch(
        of=actions["create_case"], items="cases", max_size=200, atomic="all_or_none"
    )


def test_changes_name_the_record_and_the_version() -> None:
    for name in ("update_case", "close_case"):
        action = adapter().actions[name]
        assert (action.identity, action.version, action.entity) == (("case_id", "version"), "version", "case_id")


def test_reads_change_nothing() -> None:
    actions = adapter().actions.values()
    assert {action.name for action in actions if not action.writes} == {"query", "get_case", "find_cases"}


@pytest.mark.parametrize(("given", "kept"), [("61.0", "61.0"), ("v61.0", "61.0"), ("v100.0", "100.0")])
def test_an_api_version_is_read_with_and_without_its_v(given: str, kept: str) -> None:
    assert settings(api_version=given).api_version == kept


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "acme.my.salesforce.com"},
        {"url": "https://user:pass@acme.my.salesforce.com"},
        {"url": "https://acme.my.salesforce.com/services"},
        {"api_version": "latest"},
        {"external_id_fields": {"Case": "Key__c) OR (Id != ''"}},
        {"external_id_fields": {"Account": "Key__c"}},
        {"auth": {"flow": "password", "client_id": "x"}},
        {"auth": {"flow": "client_credentials", "client_id": "x"}},
        {"late_commit_horizon": -1},
        {"ca_file": __file__},
        {"ca_file": "nowhere.pem"},
        {"tokens": "x"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_without_telling_secrets(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(**changes)
    shown = "".join(error["msg"] for error in raised.value.errors(include_input=False))
    assert CANARY not in shown


def test_a_slash_at_the_end_of_the_url_does_not_matter() -> None:
    assert settings(url=f"{URL}/").url == URL


def test_settings_show_no_secret() -> None:
    shown = repr(settings(proxy="http://user:canary-client-secret@proxy.example:3128"))
    assert CANARY not in shown


async def test_a_proxy_with_a_password_is_a_secret() -> None:
    secrets = Secrets()
    proxy = "http://user:canary-password@proxy.example:3128"
    crm = adapter(secrets=secrets, proxy=proxy)
    await crm.close()
    assert "canary" not in secrets.scrub(f"via {proxy}")


def leaky(request: httpx.Request) -> httpx.Response:
    session = request.headers["Authorization"].removeprefix("Bearer ")
    return httpx.Response(400, json=vendor_error("ODD", f"what is {session} or {CANARY}", fields=[CANARY]))


@pytest.mark.parametrize(
    "request_", [CREATE, COMMENT, FOLLOW_UP, UPDATE, CLOSE, TRIGGER], ids=lambda r: type(r).__name__
)
async def test_an_error_tells_no_secret_even_if_the_target_does(org: respx.MockRouter, request_: Any) -> None:
    org.route(path__startswith=f"{ROOT}/").mock(side_effect=leaky)
    crm = adapter(**BY_ID)
    action = next(action for action in crm.actions.values() if action.request is type(request_))
    with pytest.raises(IntegrationError) as raised:
        await crm.send(action, attempt(request_))
    await crm.close()
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value.to_record()) + repr(crm)
    assert CANARY not in told
    assert "session-1" not in told
    assert "[redacted]" in told


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"error": "invalid_grant", "error_description": f"bad {CANARY}"}),
        httpx.Response(400, text=f"<html>{CANARY}"),
        httpx.Response(200, json={"oops": CANARY}),
        httpx.Response(200, text=CANARY),
        httpx.ConnectError(f"cannot reach {CANARY}"),
    ],
)
async def test_a_failed_login_tells_no_secret(org: respx.MockRouter, answer: Any) -> None:
    org["login"].mock(side_effect=[answer])
    crm = adapter(**BY_ID)
    with pytest.raises(IntegrationError) as raised:
        await crm.send(crm.actions["create_case"], attempt(CREATE))
    await crm.close()
    assert CANARY not in "".join(traceback.format_exception(raised.value)) + repr(raised.value.to_record())


async def test_a_transport_of_the_callers_carries_the_requests() -> None:
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "session-1"})
        return httpx.Response(201, json=saved())

    from seawall.core.adapter import Surroundings

    crm = SalesforceAdapter.open(settings(**BY_ID), Surroundings("crm"), transport=httpx.MockTransport(handle))
    await crm.send(crm.actions["create_case"], attempt(CREATE))
    await crm.close()
    assert seen == ["POST /services/oauth2/token", f"POST {CASES}"]


async def test_an_attempt_shares_its_time_between_its_requests(org: respx.MockRouter) -> None:
    from support.clock import FakeClock

    clock = FakeClock()

    def slow(request: httpx.Request) -> httpx.Response:
        clock.advance(9.0)
        return httpx.Response(200, json=case_record(), headers=server_date())

    org.get(f"{CASES}/{CASE_ID}").mock(side_effect=slow)
    patch = org.patch(f"{CASES}/{CASE_ID}").respond(204)
    crm = adapter(clock)
    await crm.send(crm.actions["update_case"], attempt(UPDATE, timeout=10.0))
    await crm.close()
    assert patch.calls.last.request.extensions["timeout"]["read"] < 1.0


async def test_without_time_left_the_write_is_not_sent(org: respx.MockRouter) -> None:
    from support.clock import FakeClock

    clock = FakeClock()

    def slow(request: httpx.Request) -> httpx.Response:
        clock.advance(11.0)
        return httpx.Response(200, json=case_record(), headers=server_date())

    org.get(f"{CASES}/{CASE_ID}").mock(side_effect=slow)
    patch = org.patch(f"{CASES}/{CASE_ID}").respond(204)
    crm = adapter(clock)
    with pytest.raises(IntegrationError) as raised:
        await crm.send(crm.actions["update_case"], attempt(UPDATE, timeout=10.0))
    await crm.close()
    assert raised.value.effect == "none"
    assert not patch.called


def field(name: str, **changes: Any) -> dict[str, Any]:
    good = {"type": "string", "length": 255, "externalId": True, "unique": True, "filterable": True}
    return {"name": name, **good, **changes}


def plain(name: str, **changes: Any) -> dict[str, Any]:
    return field(name, **{"externalId": False, "unique": False, **changes})


async def check(org: respx.MockRouter, *fields: dict[str, Any], **changes: Any) -> list[str]:
    for sobject in ("Case", "Task"):
        org.get(f"{ROOT}/sobjects/{sobject}/describe").respond(json={"name": sobject, "fields": list(fields)})
    crm = adapter(**changes)
    try:
        return await crm.check()
    finally:
        await crm.close()


async def test_an_org_with_the_configured_fields_has_no_problems(org: respx.MockRouter) -> None:
    assert await check(org, field(FIELD), plain(MARKS), **BY_ID, **BY_MARK) == []


@pytest.mark.parametrize(
    ("fields", "changes", "says"),
    [
        ([], BY_ID, "does not exist"),
        ([field(FIELD, unique=False)], BY_ID, "is not unique"),
        ([field(FIELD, externalId=False)], BY_ID, "is no external id"),
        ([field(FIELD, length=10)], BY_ID, "takes 10 characters only: it needs 29"),
        ([field(FIELD, type="double")], BY_ID, "is of type double"),
        ([field(FIELD, createable=False)], BY_ID, "cannot be written"),
        ([], BY_MARK, "does not exist"),
        ([plain(MARKS, unique=True)], BY_MARK, "is unique"),
        ([plain(MARKS, filterable=False, type="textarea")], BY_MARK, "cannot be filtered"),
        ([plain(MARKS, length=80)], BY_MARK, "takes 80 characters only: it needs 255"),
    ],
)
async def test_a_field_that_does_not_do_is_named_with_what_to_mend(
    org: respx.MockRouter, fields: list[dict[str, Any]], changes: dict[str, Any], says: str
) -> None:
    problems = await check(org, *fields, **changes)
    name = FIELD if changes is BY_ID else MARKS
    assert any(problem.startswith(f"Case.{name} ") and says in problem for problem in problems)
    assert any(problem.startswith(f"Task.{name} ") and says in problem for problem in problems)


@pytest.mark.parametrize("answer", [[], {}, {"fields": None}])
async def test_a_description_without_fields_breaks_the_contract(org: respx.MockRouter, answer: Any) -> None:
    org.get(f"{ROOT}/sobjects/Case/describe").respond(json=answer)
    crm = adapter()
    with pytest.raises(IntegrationError, match="no fields"):
        await crm.check()
    await crm.close()


async def test_a_check_that_cannot_look_raises(org: respx.MockRouter) -> None:
    org.get(f"{ROOT}/sobjects/Case/describe").respond(500)
    crm = adapter()
    with pytest.raises(IntegrationError):
        await crm.check()
    await crm.close()


def test_every_action_of_a_salesforce_system_is_there() -> None:
    assert sorted(adapter().actions) == [
        "add_case_comment",
        "close_case",
        "create_case",
        "create_cases",
        "create_follow_up",
        "find_cases",
        "get_case",
        "query",
        "trigger_workflow",
        "update_case",
    ]


async def test_a_probe_of_an_unmapped_kind_of_failure_is_no_answer(org: respx.MockRouter) -> None:
    org.get(f"{CASES}/{CASE_ID}").mock(side_effect=httpx.ReadTimeout("x"))
    crm = adapter()
    with pytest.raises(IntegrationError):
        await crm.probe(crm.actions["close_case"], again(CLOSE))
    await crm.close()


def test_settings_come_from_a_configuration_as_text(tmp_path: Path) -> None:
    read = SalesforceSettings.model_validate({"url": URL, "auth": CREDENTIALS, "late_commit_horizon": "30"})
    assert read.late_commit_horizon == 30.0
