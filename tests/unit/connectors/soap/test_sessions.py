"""Logging in by an operation: once for all, anew when the target says that the session ended, never when in doubt."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from support.soap import CREATE_ORDER, URL, attempt, created, envelope, fault, found_order, orders, xml_reply

from seawall.core.adapter import Present, Secrets, Sent
from seawall.core.errors import ContractBroken, GatewayError, IntegrationError, Refused, ReplyTimeout, Unauthenticated

AUTH = {
    "how": "session",
    "operation": "login",
    "arguments": {"user": "ada", "password": "canary-password"},
    "token": "session",
    "header": "SessionHeader",
    "header_field": "sessionId",
    "expired": ["SESSION_ENDED"],
}
ENDED = fault("e:Server", "please log in", "<o:f><o:code>SESSION_ENDED</o:code></o:f>")


class Sessions:
    """A target that numbers its sessions, and ends some of them."""

    def __init__(self, *ended: str, login: Any = None, url: str = "") -> None:
        self.ended = set(ended)
        self.logins = 0
        self.sent: list[str] = []
        self.urls: list[str] = []
        self.login = login
        self.url = url

    def __call__(self, request: httpx.Request) -> httpx.Response:
        text = request.content.decode()
        if "login" in text:
            self.logins += 1
            if self.login is not None:
                return xml_reply(*self.login) if isinstance(self.login, tuple) else self.login
            named = f"<o:url>{self.url}</o:url>" if self.url else ""
            return xml_reply(
                envelope(f"<o:loginResponse><o:session>session-{self.logins}</o:session>{named}</o:loginResponse>")
            )
        session = text.split("sessionId>", 1)[1].split("</", 1)[0]
        self.sent.append(session)
        self.urls.append(str(request.url))
        if session in self.ended:
            return xml_reply(ENDED, 500)
        return xml_reply(found_order() if "findOrder" in text else created())


async def test_callers_that_come_together_share_one_login(wsdl: str) -> None:
    target = Sessions()
    adapter = orders(wsdl, target, auth=AUTH)
    await asyncio.gather(*(adapter.send(CREATE_ORDER.action, attempt()) for _ in range(5)))
    assert (target.logins, target.sent) == (1, ["session-1"] * 5)


async def test_a_session_that_ended_is_renewed_and_the_refused_request_sent_once_more(wsdl: str) -> None:
    target = Sessions("session-1")
    assert isinstance(await orders(wsdl, target, auth=AUTH).send(CREATE_ORDER.action, attempt()), Sent)
    assert target.sent == ["session-1", "session-2"]


async def test_nothing_is_sent_again_inside_an_attempt_that_is_in_doubt(wsdl: str) -> None:
    target = Sessions("session-1")
    adapter = orders(wsdl, target, auth=AUTH)
    with pytest.raises(Unauthenticated) as raised:
        await adapter.send(CREATE_ORDER.action, attempt(maybe_applied=True))
    assert raised.value.transient
    assert target.sent == ["session-1"]
    assert isinstance(await adapter.send(CREATE_ORDER.action, attempt(maybe_applied=True)), Sent)


async def test_a_session_is_renewed_once(wsdl: str) -> None:
    target = Sessions("session-1", "session-2")
    with pytest.raises(Unauthenticated) as raised:
        await orders(wsdl, target, auth=AUTH).send(CREATE_ORDER.action, attempt())
    assert not raised.value.transient
    assert target.sent == ["session-1", "session-2"]


async def test_a_probe_renews_its_session(wsdl: str) -> None:
    target = Sessions("session-1")
    finding = await orders(wsdl, target, auth=AUTH).probe(CREATE_ORDER.action, attempt(maybe_applied=True))
    assert isinstance(finding, Present)


async def test_the_fence_is_asked_again_after_a_login(wsdl: str) -> None:
    target = Sessions("session-1")
    answers = iter([True])
    with pytest.raises(IntegrationError) as raised:
        await orders(wsdl, target, auth=AUTH).send(CREATE_ORDER.action, attempt(may_send=lambda: next(answers, False)))
    assert (raised.value.code, target.sent) == ("lost_lease", ["session-1"])


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ((fault("e:Client", "wrong canary-password"), 500), Refused),
        ((fault("e:Server", "down"), 500), GatewayError),
        (httpx.Response(502, html="<html/>"), GatewayError),
        ((envelope("<o:loginResponse><o:session/></o:loginResponse>"),), ContractBroken),
    ],
)
async def test_a_login_that_fails_has_sent_nothing(wsdl: str, login: Any, expected: Any) -> None:
    target = Sessions(login=login)
    with pytest.raises(expected) as raised:
        await orders(wsdl, target, auth=AUTH).send(CREATE_ORDER.action, attempt())
    assert raised.value.effect == "none"
    assert "canary" not in str(raised.value)
    assert target.sent == []


async def test_a_login_that_hangs_ends_with_the_attempt_and_nothing_was_sent(wsdl: str) -> None:
    adapter = orders(wsdl, Sessions(), auth=AUTH)

    async def forever() -> Any:
        await asyncio.sleep(60)

    adapter._wire.sessions._fetch = forever
    with pytest.raises(ReplyTimeout) as raised:
        await adapter.send(CREATE_ORDER.action, attempt(timeout=0.05))
    assert raised.value.effect == "none"
    await adapter.close()


async def test_the_session_is_kept_out_of_what_is_written_down(wsdl: str) -> None:
    secrets = Secrets()
    await orders(wsdl, Sessions(), auth=AUTH, secrets=secrets).send(CREATE_ORDER.action, attempt())
    assert "session-1" not in secrets.scrub("it was session-1")
    assert "canary-password" not in secrets.scrub("it was canary-password")


async def test_a_url_of_the_login_is_used_on_the_same_domain(wsdl: str) -> None:
    target = Sessions(url="https://na7.example.com/soap")
    adapter = orders(wsdl, target, auth={**AUTH, "url": "url"}, url=URL)
    await adapter.send(CREATE_ORDER.action, attempt())
    assert target.urls == ["https://na7.example.com/soap"]


@pytest.mark.parametrize(
    "url", ["https://evil.net/soap", "http://na7.example.com/", "https://example.com.evil.net/", "x"]
)
async def test_a_url_of_the_login_leads_credentials_nowhere_else(wsdl: str, url: str) -> None:
    target = Sessions(url=url)
    with pytest.raises(ContractBroken) as raised:
        await orders(wsdl, target, auth={**AUTH, "url": "url"}, url=URL).send(CREATE_ORDER.action, attempt())
    assert raised.value.effect == "none"
    assert target.urls == []


async def test_a_session_may_be_a_cookie(wsdl: str) -> None:
    seen: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        text = request.content.decode()
        if "login" in text:
            ok = xml_reply(envelope("<o:loginResponse><o:session>true</o:session></o:loginResponse>"))
            ok.headers["Set-Cookie"] = f"JSESSIONID=session-{len(seen) + 1}; Path=/; Secure; HttpOnly"
            return ok
        assert "SessionHeader" not in text
        seen.append(request.headers.get("cookie", ""))
        return xml_reply(ENDED, 500) if "session-1" in seen[-1] else xml_reply(created())

    auth = {name: value for name, value in AUTH.items() if name not in ("token", "header", "header_field")}
    assert isinstance(await orders(wsdl, answers, auth=auth).send(CREATE_ORDER.action, attempt()), Sent)
    assert seen == ["JSESSIONID=session-1", "JSESSIONID=session-2"]


async def test_a_login_whose_status_is_not_true_is_refused(wsdl: str) -> None:
    target = Sessions()
    with pytest.raises(Unauthenticated) as raised:
        await orders(wsdl, target, auth={**AUTH, "status": "session"}).send(CREATE_ORDER.action, attempt())
    assert (raised.value.effect, target.sent) == ("none", [])


async def test_check_logs_in(wsdl: str) -> None:
    target = Sessions(login=(fault("e:Client", "wrong password"), 500))
    with pytest.raises(Refused):
        await orders(wsdl, target, auth=AUTH).check()


def test_a_session_needs_a_token_and_its_header_or_neither(wsdl: str) -> None:
    with pytest.raises(ValueError, match="or neither"):
        orders(wsdl, Sessions(), auth={name: value for name, value in AUTH.items() if name != "token"})
