"""Tokens of v8: grants, lives, one-time refresh tokens, and refusals in the words of OAuth."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from support.clock import FakeClock
from support.instance import CREDENTIALS, Client, connected

APP = {"client_id": "5ea00000-0000-4000-8000-00000000c002", "client_secret": "seawall-secret"}
PERSON = {"grant_type": "password", "username": "integration", "password": "correct-horse", **APP}


async def granted(crm: Client, **form: Any) -> httpx.Response:
    return await crm.http.post("/Api/access_token", json=form)


async def status(crm: Client, token: str) -> int:
    return (await crm.v8("GET", "/current-user", headers={"authorization": f"Bearer {token}"})).status_code


async def test_credentials_of_a_client_bring_a_token_of_an_hour_and_no_refresh_token() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with connected(simulator={"now": clock.now}, login=False) as crm:
        answer = (await granted(crm, grant_type="client_credentials", **CREDENTIALS)).json()
        assert set(answer) == {"token_type", "expires_in", "access_token"}
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
        clock.advance(3599)
        assert await status(crm, answer["access_token"]) == 200
        clock.advance(1)
        assert await status(crm, answer["access_token"]) == 401


async def test_refresh_token_works_once_and_takes_its_access_token_along() -> None:
    clock = FakeClock(1_800_000_000.0)
    async with connected(simulator={"now": clock.now}, login=False) as crm:
        first = (await granted(crm, **PERSON)).json()
        again = {"grant_type": "refresh_token", **APP}
        second = (await granted(crm, **again, refresh_token=first["refresh_token"])).json()
        assert (await status(crm, first["access_token"]), await status(crm, second["access_token"])) == (401, 200)
        spent = await granted(crm, **again, refresh_token=first["refresh_token"])
        assert (spent.status_code, spent.json()["error"]) == (401, "invalid_request")
        clock.advance(2_678_400)
        late = await granted(crm, **again, refresh_token=second["refresh_token"])
        assert (late.status_code, late.json()["hint"]) == (401, "Token has expired")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"grant_type": "client_credentials", **CREDENTIALS, "client_secret": "x"}, (401, "invalid_client")),
        ({**PERSON, "client_id": "x"}, (401, "invalid_client")),
        ({**PERSON, "grant_type": "magic"}, (400, "unsupported_grant_type")),
        ({}, (400, "unsupported_grant_type")),
        ({**PERSON, "username": "nobody"}, (500, "unknown_error")),
        ({**PERSON, "password": "wrong"}, (500, "unknown_error")),
        ({"grant_type": "client_credentials", **APP}, (500, "unknown_error")),
    ],
)
async def test_grant_that_is_not_given(crm: Client, form: dict[str, str], expected: tuple[int, str]) -> None:
    answer = await granted(crm, **form)
    assert (answer.status_code, answer.json()["error"]) == expected


async def test_wrong_password_comes_back_in_the_answer(crm: Client) -> None:
    answer = await granted(crm, **{**PERSON, "password": "hunter2"})
    assert answer.json()["message"] == "The password is invalid: hunter2"


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic x", "Bearer"])
async def test_token_that_is_none_is_a_401_and_writes_nothing(crm: Client, header: str) -> None:
    crm.http.headers["authorization"] = header
    for answer in (await crm.create(name="A"), await crm.v8("GET", "/module/Cases")):
        assert (answer.status_code, answer.json()["error"]) == (401, "access_denied")
    assert len(crm.suite.effects) == 0


async def test_logout_ends_the_token(crm: Client) -> None:
    assert (await crm.v8("POST", "/logout")).status_code == 200
    assert (await crm.v8("GET", "/current-user")).status_code == 401


async def test_unknown_path_and_verb(crm: Client) -> None:
    assert (await crm.v8("GET", "/nonsense")).status_code == 404
    assert (await crm.v8("PUT", "/module")).status_code == 405
    assert (await crm.http.get("/Api/index.php/V8/current-user")).status_code == 200
