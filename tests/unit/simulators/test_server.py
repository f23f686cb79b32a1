"""Simulators on real sockets: loopback only, resets that are resets, and the same answers as in-process."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.org import LOGIN, TOKEN_PATH, LoggedIn, faults_of, first_error, logged_in

from seawall.simulators.faults import PlanError
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.salesforce import SalesforceSimulator
from seawall.simulators.server import Certificate, serve, serve_in_thread
from seawall.simulators.wire import Receive, Reply, Scope, Send, Wire

KEY = "/sobjects/Case/Seawall_Key__c/k1"
WRITE: dict[str, Any] = {"match": {"lane": "write"}, "trigger": {"nth": 1}}


async def client_of(org: SalesforceSimulator, url: str) -> LoggedIn:
    crm = LoggedIn(org, httpx.AsyncClient(base_url=url, timeout=5))
    await crm.login()
    return crm


async def view_of(crm: LoggedIn) -> str:
    try:
        answer = await crm("PATCH", KEY, json={"Subject": "A"}, timeout=0.2)
    except httpx.TransportError as error:
        return type(error).__name__
    return f"{answer.status_code} {answer.headers.get('content-type')} {answer.content!r}"


@pytest.mark.parametrize(
    ("point", "kind", "params"),
    [
        ("apply", "hang", {}),
        ("apply", "hang", {"seconds": 0.01}),
        ("apply", "reset", {}),
        ("apply", "status", {"status": 502, "body": "html"}),
        ("apply", "lock_error", {}),
        ("after_commit", "hang", {"seconds": 0.01}),
        ("after_commit", "reset", {}),
        ("after_commit", "reset", {"bytes": 5}),
        ("after_commit", "status", {"status": 503}),
        ("after_commit", "html_200", {}),
        ("after_commit", "truncate", {}),
        ("after_commit", "truncate", {"fraction": 0.0}),
        ("after_commit", "empty", {}),
        ("after_commit", "bad_length", {}),
        ("after_commit", "no_content", {}),
        ("after_commit", "wrong_content_type", {}),
        ("before_commit", "reset", {}),
        ("before_commit", "hang", {}),
        ("before_commit", "status", {"status": 500}),
        ("admit", "status", {"body": "html"}),
        ("admit", "refusal", {"status": 421}),
        ("admit", "redirect_loop", {}),
        ("after_commit", "garbage", {}),
        ("later", "late_commit", {"delay": 0.05, "reply": "504"}),
    ],
)
async def test_fault_looks_the_same_on_a_socket_as_in_process(point: str, kind: str, params: dict[str, Any]) -> None:
    faults = faults_of({**WRITE, "point": point, "kind": kind, "params": params})
    views, truths = [], []
    for on_socket in (True, False):
        org = SalesforceSimulator(plan=faults)
        async with serve(org) as url:
            transport = None if on_socket else InProcessTransport(org)
            async with httpx.AsyncClient(base_url=url, transport=transport) as http:
                crm = LoggedIn(org, http)
                await crm.login()
                views.append(await view_of(crm))
                await org.settle()
                truths.append([(effect.kind, effect.cause) for effect in org.effects])
    assert views[0] == views[1]
    assert truths[0] == truths[1]


@pytest.mark.parametrize(("kind", "view"), [("reset", "ReadError"), ("hang", "ReadTimeout")])
async def test_request_that_is_lost_while_it_is_sent_has_no_effect_on_a_socket(kind: str, view: str) -> None:
    org = SalesforceSimulator(plan=faults_of({**WRITE, "point": "send", "kind": kind}))
    async with serve(org) as url:
        crm = await client_of(org, url)
        assert await view_of(crm) == view
        await crm.http.aclose()
    assert crm.happened() == []


async def test_plan_with_a_fault_at_connect_is_refused_where_somebody_listens() -> None:
    org = SalesforceSimulator(plan=faults_of({**WRITE, "point": "connect", "kind": "refused"}))
    with pytest.raises(PlanError, match=r"fault 'f0' can never fire: refused happens before a server has the request"):
        async with serve(org):
            pass
    with pytest.raises(PlanError, match="reach the simulator through InProcessTransport"), serve_in_thread(org):
        pass


async def test_answers_are_the_same_on_a_socket_as_in_process() -> None:
    answers = []
    for on_socket in (True, False):
        org = SalesforceSimulator(now=lambda: 1_800_000_000.0)
        async with serve(org) as url:
            transport = None if on_socket else InProcessTransport(org)
            async with httpx.AsyncClient(
                base_url="http://127.0.0.1" if transport else url, transport=transport
            ) as http:
                crm = LoggedIn(org, http)
                await crm.login()
                found = [
                    await crm("POST", "/sobjects/Case", json={"Subject": "Zoë"}),
                    await crm.soql("SELECT Id, Subject FROM Case"),
                    await crm("GET", "/sobjects/Nothing/1"),
                    await crm("PUT", "/sobjects/Case"),
                    await crm("GET", "/sobjects/Case/Seawall_Key__c/a%2Fb%20c"),
                ]
                answers.append([(a.status_code, a.content, sorted(a.headers.items())) for a in found])
    assert answers[0] == answers[1]


async def test_late_commit_outlives_the_connection_of_its_client() -> None:
    org = SalesforceSimulator(
        plan=faults_of({**WRITE, "point": "later", "kind": "late_commit", "params": {"delay": 0.2, "reply": "reset"}})
    )
    async with serve(org) as url:
        crm = await client_of(org, url)
        assert await view_of(crm) == "ReadError"
        await crm.http.aclose()
        await org.settle()
    assert [effect.cause for effect in org.effects] == ["late"]


async def test_reset_sends_no_byte_of_a_reply() -> None:
    org = SalesforceSimulator(plan=faults_of({"point": "after_commit", "kind": "reset"}))
    async with serve(org) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /services/data HTTP/1.1\r\nhost: org\r\n\r\n")
        # A connection that is closed in order would be an empty read and no error.
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_server_goes_on_after_a_broken_connection() -> None:
    org = SalesforceSimulator(plan=faults_of({**WRITE, "point": "apply", "kind": "reset"}))
    async with serve(org) as url:
        crm = await client_of(org, url)
        assert await view_of(crm) == "ReadError"
        assert (await crm("PATCH", KEY, json={})).status_code == 201
        await crm.http.aclose()


async def test_hang_ends_with_the_server() -> None:
    org = SalesforceSimulator(plan=faults_of({**WRITE, "point": "apply", "kind": "hang"}))
    async with serve(org) as url:
        crm = await client_of(org, url)
        hanging = asyncio.create_task(crm("PATCH", KEY, json={}))
        while org.requests < 2:
            await asyncio.sleep(0.01)
    with pytest.raises(httpx.TransportError):
        await hanging
    await crm.http.aclose()


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "::1", "example.com"])
async def test_other_hosts_than_loopback_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"simulators listen on 127\.0\.0\.1 only"):
        async with serve(SalesforceSimulator(), host=host):
            pass


async def test_wanted_port_is_used_and_a_taken_one_is_an_error() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with serve(SalesforceSimulator(), port=port) as url:
        assert url == f"http://127.0.0.1:{port}"
        with pytest.raises(OSError, match="address already in use"):
            async with serve(SalesforceSimulator(), port=port):
                pass


def test_thread_serves_clients_that_block() -> None:
    org = SalesforceSimulator()
    with serve_in_thread(org) as url:
        answer = httpx.post(f"{url}{TOKEN_PATH}", data=LOGIN)
        assert answer.json()["instance_url"] == url
        assert answer.headers["date"].endswith("GMT")
    assert "simulator" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/services/data")


def test_thread_hands_on_why_it_cannot_start() -> None:
    with pytest.raises(ValueError, match="only"), serve_in_thread(SalesforceSimulator(), host="0.0.0.0"):
        pass


def test_tls_certificate_is_made_and_verified(tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path, names=("*.my.salesforce.com",))
    trusting = ssl.create_default_context(cafile=certificate.certfile)
    with serve_in_thread(SalesforceSimulator(), tls=certificate) as url:
        assert url.startswith("https://127.0.0.1:")
        assert httpx.get(f"{url}/services/data", verify=trusting).status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{url}/services/data")
    assert Path(certificate.keyfile).stat().st_mode & 0o077 == 0


def test_reset_works_under_tls_too(tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate.certfile)
    org = SalesforceSimulator(plan=faults_of({"point": "apply", "kind": "reset", "trigger": {"nth": 1}}))
    with serve_in_thread(org, tls=certificate) as url, httpx.Client(base_url=url, verify=trusting) as http:
        # Python's TLS sockets report the reset of a connection as its end.
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            http.get("/services/data")
        assert http.get("/services/data").status_code == 200


async def test_any_asgi_application_can_be_served() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        wire = Wire(scope, receive, send, lambda: 0.0)
        await wire.answer(Reply(200, await wire.request_body() or b""))

    async with serve(app) as url, httpx.AsyncClient() as http:
        answer = await http.post(url, content=b"x" * 200_000)
        assert len(answer.content) == 200_000
        assert answer.headers["date"] == "Thu, 01 Jan 1970 00:00:00 GMT"


async def test_request_that_its_client_cut_short_is_never_applied() -> None:
    org = SalesforceSimulator()
    async with serve(org) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"POST /services/data/v60.0/sobjects/Case HTTP/1.1\r\nhost: o\r\ncontent-length: 90\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient() as http:
            await http.get(f"{url}/services/data")
    assert org.requests == 1


async def test_flaw_of_a_simulator_is_logged_and_not_taken_for_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def flawed(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("a flaw")

    async with serve(flawed) as url, httpx.AsyncClient() as http:
        assert (await http.get(url)).status_code == 500
    assert "the simulator failed at GET /" in caplog.text
    async with httpx.AsyncClient(transport=InProcessTransport(flawed)) as http:
        with pytest.raises(LookupError, match="a flaw"):
            await http.get("http://org.test/")


async def test_fault_that_breaks_connections_needs_a_server_that_can() -> None:
    org = SalesforceSimulator(plan=faults_of({"point": "apply", "kind": "reset"}))
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "raw_path": b"/services/data",
        "query_string": b"",
        "headers": [],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        raise AssertionError("nothing is sent")

    with pytest.raises(RuntimeError, match="run the simulator with serve"):
        await org.asgi(scope, receive, send)


async def test_other_protocols_than_http_are_refused() -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is read or sent")

    with pytest.raises(RuntimeError, match="speaks HTTP only, not websocket"):
        await SalesforceSimulator().asgi({"type": "websocket"}, never, never)


async def test_settle_waits_from_another_loop_as_well() -> None:
    org = SalesforceSimulator(
        plan=faults_of({**WRITE, "point": "later", "kind": "late_commit", "params": {"delay": 0.1, "reply": "504"}})
    )
    with serve_in_thread(org) as url:
        crm = await client_of(org, url)
        assert (await crm("PATCH", KEY, json={})).status_code == 504
        await org.settle()
        assert len(org.effects) == 1
        await crm.http.aclose()


async def test_long_queries_are_taken_up_to_the_documented_length_of_a_uri() -> None:
    org = SalesforceSimulator()
    async with serve(org) as url:
        crm = await client_of(org, url)
        keys = ",".join(f"'{number:036d}'" for number in range(300))
        assert (await crm.soql(f"SELECT Id FROM Case WHERE Seawall_Key__c IN ({keys})")).status_code == 200
        answer = await crm.soql(f"SELECT Id FROM Case WHERE Seawall_Key__c IN ({keys},{keys})")
        assert first_error(answer) == (414, "URI_TOO_LONG")
        await crm.http.aclose()


async def test_refusals_do_not_depend_on_a_body_being_read() -> None:
    async with logged_in() as crm:
        answer = await crm("POST", "/sobjects/Nothing", content=b"not json")
        assert first_error(answer) == (404, "NOT_FOUND")
