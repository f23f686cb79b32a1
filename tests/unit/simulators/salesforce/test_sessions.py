"""Logins, sessions and the daily allocation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from support.clock import FakeClock
from support.org import LOGIN, TOKEN_PATH, LoggedIn, first_error, logged_in

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT = {"client_id": "seawall-client", "client_secret": "seawall-secret"}
PASSWORD = {"grant_type": "password", "username": "integration@example.com", "password": "correct-horse", **CLIENT}
SOAP = """<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>
<login xmlns="urn:partner.soap.sforce.com"><username>{name}</username><password>{password}</password></login>
</e:Body></e:Envelope>"""

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PUBLIC = (
    _KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
_OTHER_PUBLIC = (
    _OTHER_KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


async def token(crm: LoggedIn, form: dict[str, str], **how: Any) -> httpx.Response:
    return await crm.http.post(TOKEN_PATH, data=form, **how)


async def works(crm: LoggedIn, access_token: str) -> bool:
    answer = await crm("GET", "/limits", headers={"authorization": f"Bearer {access_token}"})
    return answer.status_code == 200


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        (LOGIN, {}),
        (PASSWORD, {}),
        ({"grant_type": "client_credentials"}, {"authorization": "Basic c2Vhd2FsbC1jbGllbnQ6c2Vhd2FsbC1zZWNyZXQ="}),
    ],
)
async def test_login_gives_a_session_that_works(crm: LoggedIn, form: dict[str, str], headers: dict[str, str]) -> None:
    answer = await token(crm, form, headers=headers)
    content = answer.json()
    assert (answer.status_code, content["token_type"]) == (200, "Bearer")
    assert content["instance_url"] == "http://org.test"
    assert int(content["issued_at"]) > 10**12
    assert answer.headers["cache-control"] == "no-store"
    assert await works(crm, content["access_token"])


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        ({}, "unsupported_grant_type", "grant type not supported"),
        ({**LOGIN, "client_id": "x"}, "invalid_client_id", "client identifier invalid"),
        ({**LOGIN, "client_secret": "x"}, "invalid_client", "invalid client credentials"),
        ({"grant_type": "client_credentials"}, "invalid_client_id", "client identifier invalid"),
        ({**PASSWORD, "password": "x"}, "invalid_grant", "authentication failure"),
        ({**PASSWORD, "username": "x"}, "invalid_grant", "authentication failure"),
        (
            {**CLIENT, "grant_type": "refresh_token", "refresh_token": "x"},
            "invalid_grant",
            "expired access/refresh token",
        ),
        ({"grant_type": JWT_BEARER, "assertion": "x.y.z"}, "invalid_grant", "invalid assertion"),
    ],
)
async def test_login_that_is_refused_says_why(
    crm: LoggedIn, form: dict[str, str], error: str, description: str
) -> None:
    del crm.http.headers["authorization"]
    answer = await token(crm, form)
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


@pytest.mark.parametrize("basic", ["Basic %%%", "Basic /w==", "Basic bm9ib2R5"])
async def test_basic_credentials_that_cannot_be_read_are_none(crm: LoggedIn, basic: str) -> None:
    answer = await token(crm, {"grant_type": "client_credentials"}, headers={"authorization": basic})
    assert answer.json()["error"] == "invalid_client_id"


@pytest.mark.parametrize(("given", "allowed"), [("secretTOKEN", True), ("secret", True), ("secretTOKE", False)])
async def test_security_token_may_follow_the_password(given: str, allowed: bool) -> None:
    users = [{"username": "ada@example.com", "password": "secret", "security_token": "TOKEN"}]
    async with logged_in(users=users) as crm:
        answer = await token(crm, {**PASSWORD, "username": "ada@example.com", "password": given})
        assert (answer.status_code == 200) is allowed


def assertion(key: Any = _KEY, **changes: Any) -> dict[str, str]:
    claims = {
        "iss": "signer",
        "sub": "ada@example.com",
        "aud": "https://login.salesforce.com",
        "exp": 1_800_000_180,
        **changes,
    }
    return {"grant_type": JWT_BEARER, "assertion": jwt.encode(claims, key, algorithm="RS256")}


SIGNER = {"client_id": "signer", "username": "ada@example.com", "public_keys": [_OTHER_PUBLIC, _PUBLIC]}
BOTH_CLIENTS = [CLIENT, SIGNER]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": "https://test.salesforce.com"},
        {"aud": "http://org.test"},
        {"aud": "https://acme.my.salesforce.com"},
        {"exp": "1800000180"},
    ],
)
async def test_signed_assertion_opens_a_session(changes: dict[str, Any]) -> None:
    async with logged_in(clients=BOTH_CLIENTS, simulator={"now": FakeClock(1_800_000_000).now}) as crm:
        assert await works(crm, (await token(crm, assertion(**changes))).json()["access_token"])


@pytest.mark.parametrize(
    ("given", "description"),
    [
        (assertion(exp=1_800_000_000), "assertion is expired"),
        (assertion(aud="https://example.com"), "audience is invalid"),
        (assertion(sub="bob@example.com"), "user hasn't approved this consumer"),
        (assertion(rsa.generate_private_key(public_exponent=65537, key_size=2048)), "invalid assertion"),
        (assertion(exp="soon"), "invalid assertion"),
        (assertion(iss="seawall-client"), "invalid assertion"),
        (assertion(iss="nobody"), "client identifier invalid"),
    ],
)
async def test_assertion_that_does_not_hold_is_refused(given: dict[str, str], description: str) -> None:
    async with logged_in(clients=BOTH_CLIENTS, simulator={"now": FakeClock(1_800_000_000).now}) as crm:
        answer = await token(crm, given)
        assert (answer.status_code, answer.json()["error_description"]) == (400, description)


def certificate_of(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(("key", "status"), [(_KEY, 200), (_OTHER_KEY, 400)])
async def test_assertion_is_checked_with_the_key_of_a_certificate(key: rsa.RSAPrivateKey, status: int) -> None:
    client = {**SIGNER, "public_keys": [certificate_of(key)]}
    async with logged_in(clients=[CLIENT, client], simulator={"now": FakeClock(1_800_000_000).now}) as crm:
        assert (await token(crm, assertion())).status_code == status


REFRESH = {**CLIENT, "grant_type": "refresh_token", "refresh_token": "r0"}


async def test_refresh_token_works_again_and_again() -> None:
    async with logged_in(refresh_tokens={"r0": "seawall-client"}) as crm:
        for _ in range(2):
            content = (await token(crm, REFRESH)).json()
            assert "refresh_token" not in content
            assert await works(crm, content["access_token"])


async def test_rotated_refresh_token_works_once(tmp_path: Path) -> None:
    org: dict[str, Any] = {
        "refresh_tokens": {"r0": "seawall-client"},
        "rotate_refresh_tokens": True,
        "simulator": {"data_path": tmp_path / "org.jsonl"},
    }
    async with logged_in(**org) as crm:
        following = (await token(crm, REFRESH)).json()["refresh_token"]
        assert (await token(crm, REFRESH)).json()["error"] == "invalid_grant"
    # What was spent stays spent over a restart, and what came of it stays good.
    async with logged_in(**org) as crm:
        assert (await token(crm, REFRESH)).json()["error"] == "invalid_grant"
        assert (await token(crm, {**REFRESH, "refresh_token": following})).status_code == 200


async def test_refresh_token_of_another_client_is_refused() -> None:
    async with logged_in(refresh_tokens={"r0": "somebody-else"}) as crm:
        assert (await token(crm, REFRESH)).json()["error"] == "invalid_grant"


async def test_session_ends_after_its_life() -> None:
    clock = FakeClock()
    async with logged_in(session_life=60, simulator={"now": clock.now}) as crm:
        clock.advance(59)
        assert (await crm("GET", "/limits")).status_code == 200
        clock.advance(1)
        assert first_error(await crm("GET", "/limits")) == (401, "INVALID_SESSION_ID")


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", "Basic eA==", "wrong"])
async def test_call_without_a_session_is_refused_and_writes_nothing(crm: LoggedIn, header: str) -> None:
    answer = await crm("POST", "/sobjects/Case", json={}, headers={"authorization": header})
    assert first_error(answer) == (401, "INVALID_SESSION_ID")
    assert len(crm.org.effects) == 0


async def test_session_can_be_revoked_by_its_client_and_by_the_org(crm: LoggedIn) -> None:
    access_token = crm.http.headers["authorization"].removeprefix("Bearer ")
    assert (await crm.http.post("/services/oauth2/revoke", data={"token": access_token})).status_code == 200
    assert not await works(crm, access_token)
    await crm.login()
    crm.org.org.sessions.end_all()
    assert first_error(await crm("GET", "/limits")) == (401, "INVALID_SESSION_ID")


async def test_one_session_ends_without_another(crm: LoggedIn) -> None:
    first = (await token(crm, LOGIN)).json()["access_token"]
    second = (await token(crm, LOGIN)).json()["access_token"]
    crm.org.org.sessions.end(first)
    assert not await works(crm, first)
    assert await works(crm, second)


async def test_exhausted_allocation_is_a_403_until_the_next_day() -> None:
    clock = FakeClock(86_400.0 * 20_000)
    async with logged_in(daily_limit=2, session_life=1e6, simulator={"now": clock.now}) as crm:
        answers = [await crm("GET", "/limits") for _ in range(2)]
        assert [a.headers["sforce-limit-info"] for a in answers] == ["api-usage=1/2", "api-usage=2/2"]
        assert answers[1].json() == {"DailyApiRequests": {"Max": 2, "Remaining": 0}}
        answer = await crm("POST", "/sobjects/Case", json={})
        assert first_error(answer) == (403, "REQUEST_LIMIT_EXCEEDED")
        assert "retry-after" not in answer.headers
        assert len(crm.org.effects) == 0
        clock.advance(86_400)
        assert (await crm("GET", "/limits")).headers["sforce-limit-info"] == "api-usage=1/2"


async def test_user_of_a_session_is_told(crm: LoggedIn) -> None:
    answer = await crm.http.get("/services/oauth2/userinfo")
    assert answer.json()["preferred_username"] == "integration@example.com"


async def soap(crm: LoggedIn, content: str, version: str = "59.0") -> httpx.Response:
    return await crm.http.post(f"/services/Soap/u/{version}", content=content.encode())


async def test_soap_login_gives_a_session_that_works(crm: LoggedIn) -> None:
    answer = await soap(crm, SOAP.format(name="integration@example.com", password="correct-horse"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    assert "<serverUrl>http://org.test/services/Soap/u/59.0/00D" in answer.text
    assert await works(crm, answer.text.partition("<sessionId>")[2].partition("</sessionId>")[0])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (SOAP.format(name="integration@example.com", password="wrong"), "INVALID_LOGIN"),
        (SOAP.format(name="nobody", password="correct-horse"), "INVALID_LOGIN"),
        ("<a/>", "UNKNOWN_EXCEPTION"),
        ("not xml", "INVALID_SOAP_HEADER"),
    ],
)
async def test_soap_login_that_is_refused_is_a_fault(crm: LoggedIn, content: str, code: str) -> None:
    answer = await soap(crm, content)
    assert answer.status_code == 500
    assert f"<faultcode>sf:{code}</faultcode>" in answer.text
    assert f"<sf:exceptionCode>{code}</sf:exceptionCode>" in answer.text
