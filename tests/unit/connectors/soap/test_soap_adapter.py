"""Declared actions on the wire: what is sent, when it may not be sent, what an answer proves."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.soap import (
    ACTIONS,
    CREATE_ORDER,
    KEY,
    NOTHING_FOUND,
    NOTIFY,
    ORDERS_WSDL,
    OTHER_KEY,
    REQUEST,
    URL,
    Notify,
    OrderCreated,
    attempt,
    created,
    envelope,
    fault,
    found_order,
    orders,
    write_wsdl,
    xml_reply,
)

from seawall.connectors.soap.wsdl import UNUSABLE
from seawall.core.adapter import Absent, CannotTell, Present, Secrets, Sent
from seawall.core.errors import (
    Ambiguous,
    BusinessRule,
    CommitUnknown,
    ConnectionLost,
    ContractBroken,
    GatewayError,
    IntegrationError,
    InvalidRequest,
    NotSent,
    ReplyTimeout,
    Throttled,
    UnreadableReply,
)

BIG = "x" * 400_000


class Target:
    """Answers by operation, in order; the last answer of an operation stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = next(
            name for name in ("createOrder", "findOrder", "notify", "login") if name in request.content.decode()
        )
        self.asked.append(name)
        queue = self.answers[name]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else xml_reply(answer)

    @property
    def texts(self) -> list[str]:
        return [request.content.decode() for request in self.requests]


async def send(adapter: Any, name: str = "create_order", **how: Any) -> Any:
    try:
        return await adapter.send(adapter.actions[name], attempt(**how))
    finally:
        await adapter.close()


async def error_of(adapter: Any, name: str = "create_order", **how: Any) -> IntegrationError:
    with pytest.raises(IntegrationError) as raised:
        await send(adapter, name, **how)
    return raised.value


async def probe(adapter: Any) -> Any:
    return await adapter.probe(adapter.actions["create_order"], attempt(maybe_applied=True))


async def test_a_request_goes_to_the_ports_address_and_its_answer_is_the_reply(wsdl: str) -> None:
    target = Target(createOrder=[created()])
    sent = await send(orders(wsdl, target))
    assert (sent.value, sent.record) == (OrderCreated(orderId=17), "17")
    assert set(sent.facts) == {"wsdl"}
    (request,) = target.requests
    assert (str(request.url), request.method) == (URL, "POST")
    assert request.headers["content-type"] == "text/xml; charset=utf-8"
    assert KEY in target.texts[0]


async def test_another_url_may_be_configured(wsdl: str) -> None:
    target = Target(createOrder=[created()])
    await send(orders(wsdl, target, url="https://erp.example.com/live"))
    assert str(target.requests[0].url) == "https://erp.example.com/live"


@pytest.mark.case(44)
async def test_an_element_that_was_added_turns_no_landed_write_into_an_error(wsdl: str) -> None:
    answer = created(rest="<o:state/><o:loyalty>gold</o:loyalty>")
    sent = await send(orders(wsdl, Target(createOrder=[answer])))
    assert sent.facts["not_in_wsdl"] == ["createOrderResponse.loyalty"]


@pytest.mark.case(44)
@pytest.mark.parametrize(
    "answer",
    [
        created(order_id=""),
        created(order_id="<o:orderId>many</o:orderId>"),
        created(order_id="<o:orderId xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='true'/>"),
        envelope("<o:findOrderResponse/>"),
    ],
)
async def test_an_answer_that_lacks_what_was_promised_is_in_doubt_and_not_sent_again(wsdl: str, answer: bytes) -> None:
    target = Target(createOrder=[answer])
    error = await error_of(orders(wsdl, target))
    assert isinstance(error, ContractBroken)
    assert error.effect == "maybe"
    assert target.asked == ["createOrder"]


@pytest.mark.case(42)
@pytest.mark.case(43)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(200, html="<html>login</html>"), UnreadableReply),
        (httpx.Response(200, content=b""), UnreadableReply),
        (httpx.Response(202, content=b""), UnreadableReply),
        (xml_reply(created()[:200]), UnreadableReply),
        (httpx.Response(502, html="<html>bad gateway</html>"), GatewayError),
        (xml_reply(fault("e:Server"), 500), GatewayError),
        (httpx.ReadError("reset"), ConnectionLost),
        (httpx.ReadTimeout("slow"), ReplyTimeout),
    ],
)
async def test_what_leaves_it_open_is_said_to_be_open_and_sent_once(wsdl: str, answer: Any, expected: Any) -> None:
    target = Target(createOrder=[answer])
    error = await error_of(orders(wsdl, target))
    assert isinstance(error, expected)
    assert error.effect == "maybe"
    assert target.asked == ["createOrder"]


@pytest.mark.case(43)
async def test_a_client_fault_under_200_is_a_refusal(wsdl: str) -> None:
    error = await error_of(orders(wsdl, Target(createOrder=[fault("e:Client", "bad reference")])))
    assert isinstance(error, BusinessRule)
    assert error.effect == "none"


async def test_codes_of_the_action_come_before_those_of_the_system(wsdl: str) -> None:
    from seawall.core.adapter import Mapped

    target = Target(createOrder=[fault("e:Server", detail="<o:TooBusy/>")])
    error = await error_of(orders(wsdl, target, errors={"TooBusy": Mapped(BusinessRule)}))
    assert isinstance(error, Throttled)
    other = Target(createOrder=[fault("e:Server", detail="<o:Closed/>")])
    assert isinstance(await error_of(orders(wsdl, other, errors={"Closed": Mapped(BusinessRule)})), BusinessRule)


async def test_a_write_is_fenced_right_before_it_leaves_and_a_probe_is_not(wsdl: str) -> None:
    target = Target(createOrder=[created()], findOrder=[found_order()])
    error = await error_of(orders(wsdl, target), may_send=lambda: False)
    assert isinstance(error, NotSent)
    assert target.asked == []
    finding = await orders(wsdl, target).probe(CREATE_ORDER.action, attempt(may_send=lambda: False))
    assert isinstance(finding, Present)


async def test_a_refused_repetition_of_our_own_is_success(wsdl: str) -> None:
    target = Target(createOrder=[fault("e:Client", detail="<o:KeyTaken/>")], findOrder=[found_order()])
    sent = await send(orders(wsdl, target), number=2, maybe_applied=True)
    assert isinstance(sent, Sent)
    assert sent.facts["already_there"] is True
    assert target.asked == ["createOrder", "findOrder"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (NOTHING_FOUND, Ambiguous),
        (found_order(key=OTHER_KEY), Ambiguous),
        (found_order(reference="another"), ContractBroken),
        (httpx.Response(502, html="<html/>"), Ambiguous),
        (httpx.ReadTimeout("slow"), Ambiguous),
        (fault("e:Client", detail="<o:NoOrder/>"), Ambiguous),
    ],
)
async def test_a_refused_repetition_that_cannot_be_read_back_stays_open(wsdl: str, found: Any, expected: Any) -> None:
    target = Target(createOrder=[fault("e:Client", detail="<o:KeyTaken/>")], findOrder=[found])
    error = await error_of(orders(wsdl, target))
    assert type(error) is expected
    assert error.effect == "maybe"


async def test_a_probe_finds_what_is_there_and_compares_it(wsdl: str) -> None:
    assert await probe(orders(wsdl, Target(findOrder=[found_order()]))) == Present(OrderCreated(orderId=17))
    other = await probe(orders(wsdl, Target(findOrder=[found_order(reference="x")])))
    assert other.differs == ("reference",)


@pytest.mark.parametrize("answer", [NOTHING_FOUND, fault("e:Client", detail="<o:NoOrder/>")])
async def test_only_the_targets_own_word_is_an_absence(wsdl: str, answer: bytes) -> None:
    assert isinstance(await probe(orders(wsdl, Target(findOrder=[answer]))), Absent)


@pytest.mark.parametrize(
    "answer",
    [
        fault("e:Client", detail="<o:Other/>"),
        fault("e:Server", detail="<o:Other/>"),
        httpx.Response(404, html="<html>not found</html>"),
        httpx.Response(404, content=b""),
        httpx.Response(200, content=b""),
        envelope("<o:findOrderResponse><o:found/></o:findOrderResponse>"),
    ],
)
async def test_a_probe_that_fails_is_no_absence(wsdl: str, answer: Any) -> None:
    with pytest.raises(IntegrationError):
        await probe(orders(wsdl, Target(findOrder=[answer])))


async def test_a_probe_that_finds_another_key_cannot_tell(wsdl: str) -> None:
    assert isinstance(await probe(orders(wsdl, Target(findOrder=[found_order(key=OTHER_KEY)]))), CannotTell)


@pytest.mark.parametrize("answer", [httpx.Response(202), httpx.Response(200, content=b" "), xml_reply(envelope(""))])
async def test_an_operation_without_an_answer_is_accepted_and_not_proven(wsdl: str, answer: httpx.Response) -> None:
    target = Target(notify=[answer])
    error = await error_of(orders(wsdl, target), "notify", request=Notify(text="hello"))
    assert isinstance(error, CommitUnknown)
    assert (error.code, error.outage) == ("one_way", False)


async def test_an_operation_without_an_answer_is_done_where_acceptance_is_all_that_was_asked_for(wsdl: str) -> None:
    queue = {**ACTIONS, "notify": replace(NOTIFY, accepted_is_applied=True)}
    assert await send(
        orders(wsdl, Target(notify=[httpx.Response(202)]), actions=queue), "notify", request=Notify(text="x")
    )
    gateway = orders(wsdl, Target(notify=[httpx.Response(200, html="<html>login</html>")]), actions=queue)
    assert isinstance(await error_of(gateway, "notify", request=Notify(text="x")), UnreadableReply)
    refused = orders(wsdl, Target(notify=[fault("e:Client")]), actions=queue)
    assert isinstance(await error_of(refused, "notify", request=Notify(text="x")), BusinessRule)


async def test_basic_credentials_are_sent_and_kept_out_of_what_is_written_down(wsdl: str) -> None:
    secrets = Secrets()
    target = Target(createOrder=[fault("e:Client", "who is canary-password")])
    auth = {"how": "basic", "username": "ada", "password": "canary-password"}
    error = await error_of(orders(wsdl, target, auth=auth, secrets=secrets))
    pair = base64.b64encode(b"ada:canary-password").decode()
    assert target.requests[0].headers["authorization"] == f"Basic {pair}"
    assert "canary" not in str(error)
    assert pair not in secrets.scrub(pair)


@pytest.mark.parametrize("kind", ["text", "digest"])
async def test_a_username_token_has_a_nonce_of_its_own_in_each_request(wsdl: str, kind: str) -> None:
    target = Target(createOrder=[created()])
    auth = {"how": "username_token", "username": "ada", "password": "canary-password", "password_type": kind}
    adapter = orders(wsdl, target, auth=auth)
    for _ in range(2):
        await adapter.send(CREATE_ORDER.action, attempt())
    assert [("canary-password" in text) for text in target.texts] == [kind == "text"] * 2
    nonces = {text.split("Nonce", 1)[1].split("</", 1)[0] for text in target.texts}
    assert len(nonces) == 2


async def test_a_wsdl_is_read_once_for_all_that_come_together(tmp_path: Path) -> None:
    fetched = 0

    def answers(request: httpx.Request) -> httpx.Response:
        nonlocal fetched
        if request.method == "GET":
            fetched += 1
            return httpx.Response(200, content=ORDERS_WSDL.encode())
        return xml_reply(created())

    adapter = orders("https://orders.example.com/soap?wsdl", answers)
    await asyncio.gather(*(adapter.send(CREATE_ORDER.action, attempt()) for _ in range(5)))
    assert fetched == 1


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.Response(302, headers={"Location": "https://evil/"})])
async def test_a_wsdl_that_is_not_available_now_sends_nothing_and_is_asked_for_again(answer: httpx.Response) -> None:
    available = False

    def answers(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, content=ORDERS_WSDL.encode()) if available else answer
        return xml_reply(created())

    adapter = orders("https://orders.example.com/soap?wsdl", answers)
    with pytest.raises(GatewayError) as raised:
        await adapter.send(CREATE_ORDER.action, attempt())
    assert (raised.value.effect, raised.value.code, raised.value.transient) == ("none", "wsdl_unavailable", True)
    available = True
    assert isinstance(await adapter.send(CREATE_ORDER.action, attempt()), Sent)


async def test_a_wsdl_that_hangs_ends_with_the_attempt_and_nothing_was_sent() -> None:
    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(60)
            raise AssertionError

    adapter = orders("https://orders.example.com/soap?wsdl", lambda _request: httpx.Response(500))
    adapter._wire.http._client._transport = Hanging()
    began = asyncio.get_running_loop().time()
    with pytest.raises(ReplyTimeout) as raised:
        await adapter.send(CREATE_ORDER.action, attempt(timeout=0.1))
    assert raised.value.effect == "none"
    assert asyncio.get_running_loop().time() - began < 1.0
    await adapter.close()


async def test_a_wsdl_that_changed_is_said_and_nothing_is_sent(wsdl: str) -> None:
    target = Target(createOrder=[created()])
    error = await error_of(orders(wsdl, target, wsdl_fingerprint="0" * 64))
    assert isinstance(error, InvalidRequest)
    assert (error.code, target.asked) == ("wsdl_changed", [])
    fingerprint = error.message.split("fingerprint is ")[1][:64]
    assert await send(orders(wsdl, target, wsdl_fingerprint=fingerprint))
    write_wsdl(Path(wsdl).parent, ORDERS_WSDL + "\n")
    assert (await error_of(orders(wsdl, target, wsdl_fingerprint=fingerprint))).code == "wsdl_changed"


async def test_a_wsdl_of_the_network_sends_credentials_to_its_own_host_only() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, content=ORDERS_WSDL.encode())

    error = await error_of(orders("https://elsewhere.example.net/wsdl", answers))
    assert (type(error), error.code) == (InvalidRequest, UNUSABLE)
    seen: list[httpx.Request] = []

    def watched(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=ORDERS_WSDL.encode()) if request.method == "GET" else xml_reply(created())

    auth = {"how": "basic", "username": "ada", "password": "canary-password"}
    await send(orders("https://elsewhere.example.net/wsdl", watched, url=URL, auth=auth))
    assert ["authorization" in request.headers for request in seen] == [False, True]


async def test_a_large_answer_is_read_in_a_thread_and_within_the_deadline(wsdl: str) -> None:
    answer = created(rest=f"<o:state>{BIG}</o:state>")
    assert await send(orders(wsdl, Target(createOrder=[answer])))


async def test_a_request_that_does_not_fit_the_wsdl_is_not_sent(wsdl: str) -> None:
    target = Target(createOrder=[created()])
    broken = {"create_order": replace(CREATE_ORDER, arguments=lambda _attempt: {"order": {"reference": "x"}})}
    error = await error_of(orders(wsdl, target, actions=broken))
    assert isinstance(error, InvalidRequest)
    assert target.asked == []


async def test_check_says_what_the_wsdl_lacks(wsdl: str) -> None:
    assert await orders(wsdl, Target()).check() == []
    lacking = {"create_order": replace(CREATE_ORDER, operation="makeOrder")}
    assert await orders(wsdl, Target(), actions=lacking).check() == [
        "The WSDL has no operation makeOrder, which create_order needs."
    ]
    (problem,) = await orders(wsdl, Target(), wsdl_fingerprint="0" * 64).check()
    assert "The WSDL changed" in problem


def test_a_look_and_a_declared_probe_come_together() -> None:
    with pytest.raises(TypeError, match="declare both"):
        replace(CREATE_ORDER, look=None, repeated=frozenset())
    with pytest.raises(TypeError, match="needs a `look`"):
        replace(NOTIFY, repeated=frozenset({"X"}))


def test_the_request_model_is_sent_by_its_xsd_names() -> None:
    assert NOTIFY.arguments(attempt(Notify(text="x"))) == {"text": "x"}
    assert REQUEST.reference == "order-17"
