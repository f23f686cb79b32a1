"""Sessions: one login for all, renewed once, and never a repetition inside a write that may have landed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx
from support.suitecrm import (
    CASE_ID,
    CREATE,
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
    numbered,
)

from seawall.connectors.suitecrm import models
from seawall.core.adapter import Secrets, Sent
from seawall.core.errors import (
    ContractBroken,
    GatewayError,
    IntegrationError,
    Throttled,
    Unauthenticated,
    UnreadableReply,
)

GET = models.GetCase(case_id=CASE_ID)
ENDED = numbered(11, "Invalid Session ID", "The session ID is invalid")
EXPIRED = httpx.Response(401, json={"error": "access_denied", "message": "The token has expired"})
PASSWORD = {"flow": "password", "client_id": "app", "client_secret": "canary-secret", "username": "u", "password": "pw"}


async def refused(error: type[IntegrationError], request: Any = GET, **changes: Any) -> IntegrationError:
    crm = adapter(**changes)
    action = crm.actions["get_case" if request is GET else "create_case"]
    with pytest.raises(error) as raised:
        await crm.send(action, attempt(request))
    await crm.close()
    return raised.value


async def test_v4_1_logs_in_with_the_md5_of_the_password(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=entries(case_record()))
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    await crm.send(crm.actions["get_case"], attempt(GET))
    await crm.close()
    digest = hashlib.md5(b"canary-password").hexdigest()
    assert rest.arguments("login") == [[{"user_name": "seawall", "password": digest}, "seawall", []]]
    assert rest.arguments("get_entry")[0][:3] == ["session-1", "Cases", CASE_ID]


async def test_v4_1_logs_in_with_the_password_where_another_directory_knows_it(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=entries(case_record()))
    suite.post(REST).mock(side_effect=rest)
    auth = {"flow": "login", "username": "seawall", "password": "canary-password", "encryption": "plain"}
    crm = adapter(auth=auth)
    await crm.send(crm.actions["get_case"], attempt(GET))
    await crm.close()
    user = {"user_name": "seawall", "password": "canary-password", "encryption": "PLAIN"}
    assert rest.arguments("login")[0][0] == user


@pytest.mark.parametrize(("auth", "grant"), [(V8["auth"], "client_credentials"), (PASSWORD, "password")])
async def test_v8_logs_in_by_oauth(suite: respx.MockRouter, auth: dict[str, Any], grant: str) -> None:
    suite.get(f"{ROOT}/module/Cases/{CASE_ID}").respond(json=document(case_record()))
    crm = adapter(api="v8", auth=auth)
    await crm.send(crm.actions["get_case"], attempt(GET))
    await crm.close()
    form = parse_qs(suite["login"].calls.last.request.content.decode())
    assert form["grant_type"] == [grant]
    assert ("username" in form) is (grant == "password")
    assert suite.calls.last.request.headers["Authorization"] == "Bearer token-1"


async def test_callers_that_come_together_share_one_login(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=entries(case_record()))
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    await asyncio.gather(*(crm.send(crm.actions["get_case"], attempt(GET)) for _ in range(20)))
    await crm.close()
    assert len(rest.arguments("login")) == 1


@pytest.mark.parametrize(
    ("number", "error", "transient"),
    [
        (10, Unauthenticated, False),
        (60, Throttled, True),
        (1008, Unauthenticated, False),
        (1009, Unauthenticated, False),
    ],
)
async def test_a_refused_login_of_v4_1_sends_nothing_else(
    suite: respx.MockRouter, number: int, error: type[IntegrationError], transient: bool
) -> None:
    rest = RestDouble(login=numbered(number, "Invalid Login"))
    suite.post(REST).mock(side_effect=rest)
    found = await refused(error, CREATE)
    assert (found.effect, found.code, found.transient) == ("none", str(number), transient)
    assert [method for method, _ in rest.calls] == ["login"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            httpx.Response(401, json={"error": "invalid_client", "message": "Client authentication failed"}),
            Unauthenticated,
        ),
        (httpx.Response(400, json={"error": "invalid_grant", "error_description": "no"}), Unauthenticated),
        (httpx.Response(400, json={"error": "server_error"}), GatewayError),
        (httpx.Response(503, text="<html>"), GatewayError),
        (httpx.Response(200, text="<html>"), UnreadableReply),
        (httpx.Response(200, json={"token_type": "Bearer"}), ContractBroken),
    ],
)
async def test_a_login_of_v8_that_fails_has_no_effect(
    suite: respx.MockRouter, answer: httpx.Response, error: type[IntegrationError]
) -> None:
    suite["login"].mock(return_value=answer)
    found = await refused(error, CREATE, **V8)
    assert found.effect == "none"
    assert len(suite.calls) == 1


async def test_a_session_that_ended_is_renewed_once_and_the_write_goes_out_under_the_new_one(
    suite: respx.MockRouter,
) -> None:
    rest = RestDouble(
        get_entry=[entries(case_record()), entries(created_case())], set_entry=[ENDED, {"id": OURS, "entry_list": {}}]
    )
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    await crm.send(crm.actions["get_case"], attempt(GET))
    sent = await crm.send(crm.actions["create_case"], attempt(CREATE))
    await crm.close()
    assert isinstance(sent, Sent)
    assert [arguments[0] for arguments in rest.arguments("set_entry")] == ["session-1", "session-2"]
    assert len(rest.arguments("login")) == 2


async def test_a_session_that_is_refused_again_and_again_is_not_renewed_again_and_again(
    suite: respx.MockRouter,
) -> None:
    rest = RestDouble(set_entry=ENDED)
    suite.post(REST).mock(side_effect=rest)
    found = await refused(Unauthenticated, CREATE)
    assert (found.effect, found.transient) == ("none", False)
    assert len(rest.arguments("login")) == 2
    assert len(rest.arguments("set_entry")) == 2


async def test_a_new_session_that_worked_and_ended_too_may_be_replaced_by_the_next_attempt(
    suite: respx.MockRouter,
) -> None:
    rest = RestDouble(get_entry=[ENDED, entries(case_record())], set_entry=ENDED)
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    with pytest.raises(Unauthenticated) as raised:
        await crm.send(crm.actions["add_note"], attempt(NOTE))
    await crm.close()
    assert (raised.value.effect, raised.value.transient) == ("none", True)
    assert len(rest.arguments("set_entry")) == 1


async def test_a_write_that_may_have_landed_is_sent_once_even_if_the_session_ended(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=entries(case_record()), set_entry=ENDED)
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    await crm.send(crm.actions["get_case"], attempt(GET))
    with pytest.raises(Unauthenticated) as raised:
        await crm.send(crm.actions["create_case"], again(CREATE))
    await crm.close()
    assert raised.value.transient
    assert len(rest.arguments("set_entry")) == 1


async def test_a_read_back_renews_the_session_even_where_a_write_may_not(suite: respx.MockRouter) -> None:
    rest = RestDouble(get_entry=[ENDED, entries(created_case())], set_entry={"id": OURS})
    suite.post(REST).mock(side_effect=rest)
    crm = adapter()
    sent = await crm.send(crm.actions["create_case"], again(CREATE))
    await crm.close()
    assert sent.record == OURS
    assert len(rest.arguments("set_entry")) == 1


async def test_a_token_that_expired_is_renewed_once(suite: respx.MockRouter) -> None:
    suite.get(f"{ROOT}/module/Cases/{CASE_ID}").mock(
        side_effect=[EXPIRED, httpx.Response(200, json=document(case_record()))]
    )
    crm = adapter(**V8)
    sent = await crm.send(crm.actions["get_case"], attempt(GET))
    await crm.close()
    assert sent.record == CASE_ID
    assert suite["login"].call_count == 2


async def test_sessions_and_what_passes_for_a_password_are_secrets(suite: respx.MockRouter) -> None:
    digest = hashlib.md5(b"canary-password").hexdigest()
    rest = RestDouble(get_entry=numbered(40, f"no {digest} session-1 canary-password"))
    suite.post(REST).mock(side_effect=rest)
    secrets = Secrets()
    crm = adapter(secrets=secrets)
    with pytest.raises(IntegrationError) as raised:
        await crm.send(crm.actions["get_case"], attempt(GET))
    await crm.close()
    shown = raised.value.message + json.dumps(raised.value.to_record())
    assert not any(secret in shown for secret in (digest, "session-1", "canary-password"))
