"""Logging in: three flows, one login at a time, and never one inside a write that may have landed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.clock import FakeClock
from support.salesforce import (
    BY_ID,
    CASE_ID,
    CREATE,
    FIELD,
    KEY,
    ROOT,
    TOKEN_PATH,
    URL,
    adapter,
    again,
    attempt,
    case_record,
    saved,
    vendor_error,
)

from seawall.connectors._token_store import TokenStore
from seawall.connectors.salesforce import models
from seawall.connectors.salesforce.adapter import SalesforceAdapter
from seawall.core.adapter import Secrets
from seawall.core.errors import (
    ConnectFailed,
    ContractBroken,
    GatewayError,
    IntegrationError,
    InvalidRequest,
    NotSent,
    ReplyTimeout,
    Unauthenticated,
    UnreadableReply,
)

CASES = f"{ROOT}/sobjects/Case"
ROW = f"{CASES}/{FIELD}/{KEY}"
EXPIRED = httpx.Response(401, json=vendor_error("INVALID_SESSION_ID", "Session expired or invalid"))
CREATED = httpx.Response(201, json=saved())


def rotating(**more: Any) -> dict[str, Any]:
    return {"flow": "refresh_token", "client_id": "app", "refresh_token": "refresh-token-0", **more}


def form(route: respx.Route, number: int = -1) -> dict[str, str]:
    sent = parse_qs(route.calls[number].request.content.decode())
    return {name: values[0] for name, values in sent.items()}


def grants(*answers: dict[str, Any]) -> list[httpx.Response]:
    return [httpx.Response(200, json=answer) for answer in answers]


async def create(crm: SalesforceAdapter, **how: Any) -> Any:
    return await crm.send(crm.actions["create_case"], attempt(CREATE, **how))


async def test_client_credentials_are_posted_as_a_form(org: respx.MockRouter) -> None:
    org.post(CASES).mock(return_value=CREATED)
    crm = adapter(**BY_ID)
    await create(crm)
    await create(crm)
    await crm.close()
    assert org["login"].call_count == 1
    assert form(org["login"]) == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "canary-client-secret",
    }


async def test_a_jwt_is_signed_for_the_user_and_lives_three_minutes(org: respx.MockRouter) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    auth = {"flow": "jwt_bearer", "client_id": "app", "username": "ann@acme.example", "private_key": pem}
    clock = FakeClock()
    org.post(CASES).mock(return_value=CREATED)
    crm = adapter(clock, auth=auth, **BY_ID)
    await create(crm)
    await crm.close()
    sent = form(org["login"])
    assert sent["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        sent["assertion"],
        key.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
        options={"verify_exp": False},
    )
    assert claims == {
        "iss": "app",
        "sub": "ann@acme.example",
        "aud": "https://login.salesforce.com",
        "exp": int(clock.now()) + 180,
    }


async def test_a_private_key_that_is_none_is_named_and_nothing_is_sent(org: respx.MockRouter) -> None:
    auth = {"flow": "jwt_bearer", "client_id": "app", "username": "ann", "private_key": "canary-no-key"}
    crm = adapter(auth=auth)
    with pytest.raises(InvalidRequest, match=r"auth\.private_key") as raised:
        await create(crm)
    await crm.close()
    assert "canary" not in str(raised.value)
    assert not org["login"].called


async def test_a_refresh_token_that_works_once_is_replaced_by_the_next(org: respx.MockRouter) -> None:
    org["login"].mock(
        side_effect=grants(
            {"access_token": "session-1", "refresh_token": "refresh-token-1"},
            {"access_token": "session-2", "refresh_token": "refresh-token-2"},
        )
    )
    org.post(CASES).mock(side_effect=[EXPIRED, CREATED])
    crm = adapter(auth=rotating(client_secret="canary-client-secret"), **BY_ID)
    await create(crm)
    await crm.close()
    assert [form(org["login"], n)["refresh_token"] for n in range(2)] == ["refresh-token-0", "refresh-token-1"]
    assert form(org["login"])["client_secret"] == "canary-client-secret"


async def test_a_rotated_token_is_stored_before_its_session_is_used(org: respx.MockRouter, tmp_path: Path) -> None:
    path = tmp_path / "token"
    held: list[str | None] = []

    def created(request: httpx.Request) -> httpx.Response:
        held.append(TokenStore(path, "refresh-token-0").load())
        return CREATED

    org["login"].mock(side_effect=grants({"access_token": "session-1", "refresh_token": "refresh-token-1"}))
    org.post(CASES).mock(side_effect=created)
    crm = adapter(auth=rotating(token_store=path), **BY_ID)
    await create(crm)
    await crm.close()
    assert held == ["refresh-token-1"]


async def test_a_restart_goes_on_with_the_stored_token(org: respx.MockRouter, tmp_path: Path) -> None:
    TokenStore(tmp_path / "token", "refresh-token-0").save("refresh-token-7")
    org["login"].mock(side_effect=grants({"access_token": "session-1"}))
    org.post(CASES).mock(return_value=CREATED)
    crm = adapter(auth=rotating(token_store=tmp_path / "token"), **BY_ID)
    await create(crm)
    await crm.close()
    assert form(org["login"])["refresh_token"] == "refresh-token-7"


async def test_a_token_that_another_process_used_up_is_replaced_by_the_one_it_stored(
    org: respx.MockRouter, tmp_path: Path
) -> None:
    path = tmp_path / "token"

    def used_up(request: httpx.Request) -> httpx.Response:
        if b"refresh-token-0" in request.content:
            TokenStore(path, "refresh-token-0").save("refresh-token-1")
            return httpx.Response(400, json={"error": "invalid_grant", "error_description": "expired"})
        return httpx.Response(200, json={"access_token": "session-1"})

    org["login"].mock(side_effect=used_up)
    org.post(CASES).mock(return_value=CREATED)
    crm = adapter(auth=rotating(token_store=path), **BY_ID)
    await create(crm)
    await crm.close()
    assert form(org["login"])["refresh_token"] == "refresh-token-1"


async def test_a_refresh_token_that_nobody_replaced_is_refused_for_good(org: respx.MockRouter, tmp_path: Path) -> None:
    org["login"].respond(400, json={"error": "invalid_grant", "error_description": "expired access/refresh token"})
    crm = adapter(auth=rotating(token_store=tmp_path / "token"), **BY_ID)
    with pytest.raises(Unauthenticated, match="expired access/refresh token"):
        await create(crm)
    await crm.close()
    assert org["login"].call_count == 1


async def test_a_token_that_cannot_be_stored_holds_its_session_back_and_is_not_lost(
    org: respx.MockRouter, tmp_path: Path
) -> None:
    path = tmp_path / "missing" / "token"
    org["login"].mock(side_effect=grants({"access_token": "session-1", "refresh_token": "refresh-token-1"}))
    route = org.post(CASES).mock(return_value=CREATED)
    crm = adapter(auth=rotating(token_store=path), **BY_ID)
    with pytest.raises(NotSent) as raised:
        await create(crm)
    assert (raised.value.code, raised.value.transient) == ("token_store", True)
    assert not route.called
    path.parent.mkdir()
    await create(crm)
    await crm.close()
    assert org["login"].call_count == 1
    assert TokenStore(path, "refresh-token-0").load() == "refresh-token-1"


async def test_callers_that_come_together_share_one_login(org: respx.MockRouter) -> None:
    org.post(CASES).mock(return_value=CREATED)
    crm = adapter(**BY_ID)
    await asyncio.gather(*(create(crm) for _ in range(20)))
    await crm.close()
    assert org["login"].call_count == 1


async def test_a_shared_login_that_fails_charges_the_breaker_once(org: respx.MockRouter) -> None:
    org.post(TOKEN_PATH).mock(return_value=httpx.Response(503))
    crm = adapter(**BY_ID)
    calls = (crm.send(crm.actions["create_case"], attempt(CREATE)) for _ in range(20))
    failed = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in failed} == {GatewayError}
    assert sum(error.outage for error in failed if isinstance(error, IntegrationError)) == 1
    assert {error.effect for error in failed if isinstance(error, IntegrationError)} == {"none"}


async def test_sessions_that_expire_together_are_renewed_by_one_login(org: respx.MockRouter) -> None:
    def by_session(request: httpx.Request) -> httpx.Response:
        return EXPIRED if request.headers["Authorization"] == "Bearer session-1" else CREATED

    org.post(CASES).mock(side_effect=by_session)
    crm = adapter(**BY_ID)
    await asyncio.gather(*(create(crm) for _ in range(20)))
    await crm.close()
    assert org["login"].call_count == 2


async def test_a_caller_who_leaves_does_not_end_the_login_of_the_others(org: respx.MockRouter) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        entered.set()
        await go_on.wait()
        return httpx.Response(200, json={"access_token": "session-1"})

    org["login"].mock(side_effect=slow)
    org.post(CASES).mock(return_value=CREATED)
    crm = adapter(**BY_ID)
    leaver, stayer = asyncio.create_task(create(crm)), asyncio.create_task(create(crm))
    await entered.wait()
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    go_on.set()
    assert (await stayer).record == CASE_ID
    await crm.close()
    assert org["login"].call_count == 1


async def test_a_login_that_takes_too_long_sent_nothing_and_goes_on(org: respx.MockRouter) -> None:
    go_on = asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        await go_on.wait()
        return httpx.Response(200, json={"access_token": "session-1"})

    org["login"].mock(side_effect=slow)
    route = org.post(CASES).mock(return_value=CREATED)
    crm = adapter(**BY_ID)
    with pytest.raises(ReplyTimeout) as raised:
        await create(crm, timeout=0.05)
    assert (raised.value.effect, raised.value.transient) == ("none", True)
    assert not route.called
    go_on.set()
    await create(crm)
    await crm.close()
    assert org["login"].call_count == 1


async def test_closing_ends_a_login_that_still_runs(org: respx.MockRouter) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    org["login"].mock(side_effect=never)
    crm = adapter()
    with pytest.raises(ReplyTimeout):
        await create(crm, timeout=0.02)
    await crm.close()


@pytest.mark.parametrize(
    ("answer", "error", "transient"),
    [
        (httpx.Response(400, json={"error": "invalid_grant", "error_description": "no"}), Unauthenticated, False),
        (httpx.Response(401, json={"error": "invalid_client"}), Unauthenticated, False),
        (httpx.Response(400, json={"error": "unknown_error", "error_description": "retry"}), GatewayError, True),
        (httpx.Response(400, text="<html>"), GatewayError, True),
        (httpx.Response(503, json={"error": "server_error"}), GatewayError, True),
        (httpx.Response(302, text=""), GatewayError, True),
        (httpx.Response(200, text="<html>"), UnreadableReply, True),
        (httpx.Response(200, json={"token": "x"}), ContractBroken, False),
        (httpx.ConnectError("x"), ConnectFailed, True),
        (httpx.ReadTimeout("x"), ReplyTimeout, True),
    ],
)
async def test_a_login_that_fails_had_no_effect(
    org: respx.MockRouter, answer: Any, error: type[IntegrationError], transient: bool
) -> None:
    org["login"].mock(side_effect=[answer] * 2)
    route = org.post(CASES).mock(return_value=CREATED)
    crm = adapter(**BY_ID)
    raised = await asyncio.gather(create(crm), create(crm), return_exceptions=True)
    await crm.close()
    for one in raised:
        assert type(one) is error
        assert isinstance(one, IntegrationError)
        assert (one.effect, one.transient) == ("none", transient)
    assert raised[0] is not raised[1]
    assert not route.called
    assert org["login"].call_count == 1


@pytest.mark.case(29)
async def test_an_expired_session_is_renewed_once_and_the_refused_request_sent_again(org: respx.MockRouter) -> None:
    route = org.post(CASES).mock(side_effect=[EXPIRED, CREATED])
    crm = adapter(**BY_ID)
    assert (await create(crm)).record == CASE_ID
    await crm.close()
    assert [call.request.headers["Authorization"] for call in route.calls] == ["Bearer session-1", "Bearer session-2"]


@pytest.mark.case(29)
async def test_a_session_that_is_refused_twice_is_final(org: respx.MockRouter) -> None:
    route = org.post(CASES).mock(return_value=EXPIRED)
    crm = adapter(**BY_ID)
    with pytest.raises(Unauthenticated) as raised:
        await create(crm)
    await crm.close()
    assert not raised.value.transient
    assert (route.call_count, org["login"].call_count) == (2, 2)


async def test_a_renewed_session_that_worked_and_ended_again_may_be_renewed_later(org: respx.MockRouter) -> None:
    route = org.post(CASES)
    row = org.get(ROW).respond(json=case_record(**{FIELD: KEY}))
    crm = adapter(**BY_ID)

    async def ended_by_others(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"] == "Bearer session-1":
            await crm.probe(crm.actions["create_case"], again(CREATE))
        return EXPIRED

    route.mock(side_effect=ended_by_others)
    row.mock(side_effect=[EXPIRED, httpx.Response(200, json=case_record(**{FIELD: KEY}))])
    with pytest.raises(Unauthenticated) as raised:
        await create(crm)
    await crm.close()
    assert raised.value.transient
    assert (route.call_count, org["login"].call_count) == (2, 2)


async def test_a_401_that_is_no_expiry_is_final(org: respx.MockRouter) -> None:
    route = org.post(CASES).respond(401, json=vendor_error("INVALID_AUTH_HEADER"))
    crm = adapter(**BY_ID)
    with pytest.raises(Unauthenticated):
        await create(crm)
    await crm.close()
    assert (route.call_count, org["login"].call_count) == (1, 1)


async def test_once_a_write_may_have_landed_nothing_is_sent_again_inside_the_attempt(org: respx.MockRouter) -> None:
    route = org.post(CASES).mock(side_effect=[EXPIRED, CREATED])
    crm = adapter(**BY_ID)
    with pytest.raises(Unauthenticated) as raised:
        await create(crm, maybe_applied=True)
    assert raised.value.transient
    assert (route.call_count, org["login"].call_count) == (1, 1)
    await create(crm, maybe_applied=True)
    await crm.close()
    assert route.calls.last.request.headers["Authorization"] == "Bearer session-2"


async def test_a_probe_renews_the_session(org: respx.MockRouter) -> None:
    org.get(ROW).mock(side_effect=[EXPIRED, httpx.Response(200, json=case_record(**{FIELD: KEY}))])
    crm = adapter(**BY_ID)
    found: Any = await crm.probe(crm.actions["create_case"], again(CREATE))
    await crm.close()
    assert found.record == CASE_ID


@pytest.mark.parametrize(("follow", "host"), [(False, URL), (True, "https://na1.salesforce.example")])
async def test_the_instance_of_a_login_is_used_only_if_wanted(org: respx.MockRouter, follow: bool, host: str) -> None:
    answer = {"access_token": "session-1", "instance_url": "https://na1.salesforce.example/"}
    org["login"].mock(side_effect=grants(answer))
    with respx.mock() as anywhere:
        route = anywhere.get(f"{host}{CASES}/{CASE_ID}").respond(json=case_record())
        crm = adapter(use_instance_url=follow)
        await crm.send(crm.actions["get_case"], attempt(models.GetCase(case_id=CASE_ID)))
        await crm.close()
        assert route.called


async def test_everything_a_login_gives_is_a_secret(org: respx.MockRouter) -> None:
    org["login"].mock(side_effect=grants({"access_token": "canary-access", "refresh_token": "canary-refresh"}))
    org.post(CASES).mock(return_value=CREATED)
    secrets = Secrets()
    crm = adapter(secrets=secrets, auth=rotating(client_secret="canary-secret"), **BY_ID)
    await create(crm)
    await crm.close()
    text = "refresh-token-0 canary-access canary-refresh canary-secret"
    assert secrets.scrub(text) == " ".join(["[redacted]"] * 4)
