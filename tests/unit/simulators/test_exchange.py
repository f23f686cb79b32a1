"""Every kind of fault on both sides of the commit: what the client sees, and what the effect log says happened.

In virtual time: a hang of half a minute takes none.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.org import LoggedIn, first_error, logged_in
from support.virtual import virtual

from seawall.simulators.kinds import KINDS

KEY = "/sobjects/Case/Seawall_Key__c/k1"
WRITE = {"match": {"lane": "write"}, "trigger": {"nth": 1}}


def fault(point: str, kind: str, **params: Any) -> dict[str, Any]:
    return {**WRITE, "point": point, "kind": kind, "params": params}


async def upsert(crm: LoggedIn, **how: Any) -> httpx.Response:
    return await crm("PATCH", KEY, json={"Subject": "A"}, **how)


async def seen(crm: LoggedIn) -> str:
    """What the client can tell of an upsert: a status with the form of its body, or the name of the exception."""
    try:
        answer = await upsert(crm, timeout=10)
    except httpx.TransportError as error:
        return type(error).__name__
    if answer.headers.get("content-type", "").startswith("text/html"):
        return f"{answer.status_code} html"
    try:
        answer.json()
    except ValueError:
        return f"{answer.status_code} {'garbage' if answer.content else 'empty'}"
    return f"{answer.status_code} json"


SAME_ON_BOTH_SIDES = [
    ("hang", {"seconds": 30}, "ReadTimeout"),
    ("hang", {"seconds": 2}, "RemoteProtocolError"),
    ("reset", {}, "ReadError"),
    ("status", {"status": 500}, "500 json"),
    ("status", {"status": 502, "body": "html"}, "502 html"),
    ("status", {"status": 503, "body": "empty"}, "503 empty"),
    ("status", {"status": 504, "body": "json"}, "504 json"),
]


@pytest.mark.parametrize(("kind", "params", "view"), SAME_ON_BOTH_SIDES)
@pytest.mark.parametrize(("point", "truth"), [("apply", []), ("after_commit", ["insert"]), ("respond", ["insert"])])
def test_same_view_before_and_after_the_commit_opposite_truth(
    point: str, truth: list[str], kind: str, params: dict[str, Any], view: str
) -> None:
    @virtual
    async def check() -> None:
        async with logged_in(fault(point, kind, **params)) as crm:
            assert await seen(crm) == view
            await crm.org.settle()
            assert crm.happened() == truth
            assert crm.org.faults.never_fired() == ()
            # It was this call only: the next one goes through.
            assert (await upsert(crm)).status_code == (200 if truth else 201)

    check()


@pytest.mark.parametrize(
    ("kind", "params", "view"),
    [
        ("html_200", {}, "200 html"),
        ("truncate", {"fraction": 0.5}, "RemoteProtocolError"),
        ("truncate", {"fraction": 0}, "RemoteProtocolError"),
        ("empty", {}, "201 empty"),
        ("garbage", {}, "201 garbage"),
        ("reset", {"bytes": 5}, "ReadError"),
        ("slow", {"seconds": 5}, "201 json"),
        ("slow", {"seconds": 15}, "ReadTimeout"),
    ],
)
@virtual
async def test_reply_spoilt_after_the_commit_leaves_the_effect(kind: str, params: dict[str, Any], view: str) -> None:
    async with logged_in(fault("after_commit", kind, **params)) as crm:
        assert await seen(crm) == view
        assert crm.happened() == ["insert"]


@pytest.mark.parametrize(("kind", "view"), [("truncate", "RemoteProtocolError"), ("garbage", "200 garbage")])
@virtual
async def test_answer_without_a_body_is_spoilt_too(kind: str, view: str) -> None:
    async with logged_in(fault("after_commit", kind), version="v40.0") as crm:
        crm.org.add_record("Case", {"Seawall_Key__c": "k1"})
        assert await seen(crm) == view
        assert crm.happened() == ["update"]


@virtual
async def test_slow_request_is_applied_although_its_client_has_left() -> None:
    async with logged_in(fault("apply", "slow", seconds=20)) as crm:
        assert await seen(crm) == "ReadTimeout"
        assert crm.happened() == []
        assert crm.org.outstanding == 1
        await crm.org.settle()
        assert crm.happened() == ["insert"]
        assert crm.org.effects[0].cause == "request"


@virtual
async def test_lock_error_writes_nothing_and_is_refused_in_the_vendors_words() -> None:
    async with logged_in({**WRITE, "point": "apply", "kind": "lock_error", "trigger": {"every": 1}}) as crm:
        case = crm.org.add_record("Case", {})
        for answer in (await upsert(crm), await crm("PATCH", f"/sobjects/Case/{case}", json={"Subject": "B"})):
            assert first_error(answer) == (400, "UNABLE_TO_LOCK_ROW")
        batch = {"records": [{"attributes": {"type": "Case"}}] * 2}
        items = (await crm("POST", "/composite/sobjects", json=batch)).json()
        assert [item["errors"][0]["statusCode"] for item in items] == ["UNABLE_TO_LOCK_ROW"] * 2
        flow = {"inputs": [{"caseId": case}]}
        run = await crm("POST", "/actions/custom/flow/Escalate_Case", json=flow)
        assert run.json()[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
        assert len(crm.org.effects) == 0


@pytest.mark.parametrize(
    ("params", "status", "retry_after"),
    [
        ({}, 403, None),
        ({"status": 429, "retry_after": 2}, 429, "2"),
        ({"status": 503, "retry_after": "soon"}, 503, "soon"),
    ],
)
@virtual
async def test_throttling_writes_nothing(params: dict[str, Any], status: int, retry_after: str | None) -> None:
    async with logged_in(fault("apply", "throttle", **params)) as crm:
        answer = await upsert(crm)
        assert first_error(answer) == (status, "REQUEST_LIMIT_EXCEEDED")
        assert answer.headers.get("retry-after") == retry_after
        assert crm.happened() == []


@virtual
async def test_expired_session_stays_expired_until_the_next_login() -> None:
    async with logged_in(fault("apply", "session_expired")) as crm:
        assert first_error(await upsert(crm)) == (401, "INVALID_SESSION_ID")
        assert first_error(await upsert(crm)) == (401, "INVALID_SESSION_ID")
        await crm.login()
        assert (await upsert(crm)).status_code == 201
        assert crm.happened() == ["insert"]


@pytest.mark.parametrize(("reply", "view"), [("hang", "ReadTimeout"), ("504", "504 html"), ("reset", "ReadError")])
@virtual
async def test_late_commit_is_applied_after_the_client_was_given_up(reply: str, view: str) -> None:
    async with logged_in(fault("later", "late_commit", delay=60, reply=reply)) as crm:
        assert await seen(crm) == view
        answer = await crm("GET", KEY)
        assert answer.status_code == 404
        assert crm.happened() == []
        await crm.org.settle()
        assert [(e.kind, e.cause, e.request_id) for e in crm.org.effects] == [("insert", "late", 2)]
        assert (await crm("GET", KEY)).json()["Subject"] == "A"


@virtual
async def test_late_commit_is_applied_although_the_client_cancelled() -> None:
    async with logged_in(fault("later", "late_commit", delay=60)) as crm:
        task = asyncio.create_task(upsert(crm, timeout=None))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert crm.org.outstanding == 1
        await crm.org.settle()
        assert crm.happened() == ["insert"]


@virtual
async def test_late_commit_that_breaks_a_rule_by_then_has_no_effect() -> None:
    async with logged_in(fault("later", "late_commit", delay=60, reply="504")) as crm:
        await crm("POST", "/sobjects/Case", json={"Seawall_Key__c": "k2"})
        crm.org.add_record("Case", {"Seawall_Key__c": "k2"})
        await crm.org.settle()
        assert crm.happened() == []


@pytest.mark.parametrize(("kind", "point"), [("late_commit", "later"), ("slow", "apply")])
@virtual
async def test_retry_that_meets_the_locked_original_is_refused_until_it_is_through(kind: str, point: str) -> None:
    async with logged_in(fault(point, kind, locks=True, **{"delay" if point == "later" else "seconds": 60})) as crm:
        assert await seen(crm) == "ReadTimeout"
        assert first_error(await upsert(crm)) == (400, "UNABLE_TO_LOCK_ROW")
        await crm.org.settle()
        assert (await upsert(crm)).status_code == 200
        assert crm.happened() == ["insert", "update"]


@virtual
async def test_lock_of_a_comment_under_way_holds_its_case() -> None:
    locked = fault("later", "late_commit", delay=60, reply="504", locks=True)
    async with logged_in(locked) as crm:
        case, other = crm.org.add_record("Case", {}), crm.org.add_record("Case", {})
        await crm("POST", "/sobjects/CaseComment", json={"ParentId": case, "CommentBody": "x"})
        assert first_error(await crm("PATCH", f"/sobjects/Case/{case}", json={})) == (400, "UNABLE_TO_LOCK_ROW")
        assert first_error(await crm("DELETE", f"/sobjects/Case/{case}")) == (400, "UNABLE_TO_LOCK_ROW")
        assert (await crm("PATCH", f"/sobjects/Case/{other}", json={})).status_code == 204
        await crm.org.settle()
        assert (await crm("PATCH", f"/sobjects/Case/{case}", json={})).status_code == 204


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", KEY), ("PATCH", "/sobjects/Case/nonsense"), ("POST", "/composite/sobjects")]
)
@virtual
async def test_call_that_names_no_row_locks_none(method: str, path: str) -> None:
    async with logged_in(fault("later", "late_commit", delay=60, reply="504", locks=True)) as crm:
        assert (await crm(method, path, content=b"not json")).status_code == 504
        assert (await upsert(crm)).status_code == 201
        await crm.org.settle()
        assert crm.happened() == ["insert"]


@virtual
async def test_update_under_way_locks_its_row_and_its_new_key() -> None:
    async with logged_in(fault("later", "late_commit", delay=60, reply="504", locks=True)) as crm:
        case = crm.org.add_record("Case", {"Subject": "A"})
        await crm("PATCH", f"/sobjects/Case/{case[:15]}", json={"Seawall_Key__c": "k1"})
        assert first_error(await crm("PATCH", f"/sobjects/Case/{case}", json={})) == (400, "UNABLE_TO_LOCK_ROW")
        assert first_error(await upsert(crm)) == (400, "UNABLE_TO_LOCK_ROW")
        await crm.org.settle()
        assert (await upsert(crm)).json()["id"] == case


@pytest.mark.parametrize(("answer", "status"), [("first", 201), ("second", 200)])
@virtual
async def test_duplicate_delivery_of_an_upsert_makes_one_record(answer: str, status: int) -> None:
    async with logged_in(fault("apply", "duplicate_delivery", answer=answer)) as crm:
        assert (await upsert(crm)).status_code == status
        assert [(e.kind, e.cause) for e in crm.org.effects] == [
            ("insert", "request"),
            ("update", "duplicate_delivery"),
        ]
        assert len({e.record_id for e in crm.org.effects}) == 1


@virtual
async def test_duplicate_delivery_of_a_plain_create_makes_two_records() -> None:
    async with logged_in(fault("apply", "duplicate_delivery")) as crm:
        second = await crm.create(Subject="A")
        assert [e.request_id for e in crm.org.effects] == [2, 2]
        assert crm.org.effects[1].record_id == second != crm.org.effects[0].record_id


@virtual
async def test_duplicate_delivery_of_a_create_with_a_unique_key_answers_with_the_existing_id() -> None:
    async with logged_in(fault("apply", "duplicate_delivery")) as crm:
        answer = await crm("POST", "/sobjects/Case", json={"Seawall_Key__c": "k1"})
        assert first_error(answer) == (400, "DUPLICATE_VALUE")
        assert crm.org.effects[0].record_id[:15] in answer.json()[0]["message"]
        assert crm.happened() == ["insert"]


@virtual
async def test_partial_batch_refuses_some_items_and_commits_the_others() -> None:
    async with logged_in(fault("apply", "partial_batch", k=2, code="UNABLE_TO_LOCK_ROW")) as crm:
        records = [{"attributes": {"type": "Case"}, "Subject": str(n)} for n in range(5)]
        items = (await crm("POST", "/composite/sobjects", json={"records": records})).json()
        written = [n for n, item in enumerate(items) if item["success"]]
        assert len(written) == 3
        assert [e.fields["Subject"] for e in crm.org.effects] == [str(n) for n in written]
        codes = {item["errors"][0]["statusCode"] for item in items if not item["success"]}
        assert codes == {"UNABLE_TO_LOCK_ROW"}


@virtual
async def test_cut_batch_commits_the_first_items_and_answers_nothing() -> None:
    async with logged_in(fault("apply", "cut_batch", k=2, seconds=0)) as crm:
        records = [{"attributes": {"type": "Case"}, "Subject": str(n)} for n in range(5)]
        with pytest.raises(httpx.TransportError):
            await crm("POST", "/composite/sobjects", json={"records": records})
        assert [e.fields["Subject"] for e in crm.org.effects] == ["0", "1"]


@virtual
async def test_partial_batch_that_must_be_whole_is_rolled_back() -> None:
    async with logged_in(fault("apply", "partial_batch", k=1, code="CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")) as crm:
        records = [{"attributes": {"type": "Case"}}] * 3
        body = {"allOrNone": True, "records": records}
        items = (await crm("POST", "/composite/sobjects", json=body)).json()
        assert sorted(item["errors"][0]["statusCode"] for item in items) == [
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        ]
        assert len(crm.org.effects) == 0


READ = {"match": {"lane": "read"}, "trigger": {"nth": 1}}


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("hang", "apply"),
        ("reset", "apply"),
        ("status", "apply"),
        ("throttle", "apply"),
        ("session_expired", "apply"),
        ("html_200", "respond"),
        ("truncate", "respond"),
        ("empty", "respond"),
        ("garbage", "respond"),
    ],
)
@virtual
async def test_reads_meet_faults_too(kind: str, point: str) -> None:
    async with logged_in({**READ, "point": point, "kind": kind}) as crm:
        try:
            answer = await crm.soql("SELECT Id FROM Case", timeout=10)
            spoilt = answer.status_code != 200 or answer.content[:1] != b"{"
        except httpx.TransportError:
            spoilt = True
        assert spoilt
        assert crm.org.faults.fired == {"f0": 1}


@virtual
async def test_login_meets_faults_of_the_auth_lane() -> None:
    faults = [
        {"match": {"operation": "token"}, "point": "apply", "kind": "throttle", "trigger": {"nth": 2}},
        {"match": {"lane": "auth"}, "point": "after_commit", "kind": "reset", "trigger": {"nth": 3}},
    ]
    async with logged_in(*faults) as crm:
        answer = await crm.http.post("/services/oauth2/token", data={})
        assert (answer.status_code, answer.json()["error_description"]) == (403, "login rate exceeded")
        with pytest.raises(httpx.ReadError):
            await crm.login()


@virtual
async def test_refused_login_does_not_use_up_a_fault() -> None:
    async with logged_in({**WRITE, "point": "apply", "kind": "reset"}) as crm:
        answer = await crm("PATCH", KEY, json={}, headers={"authorization": "Bearer wrong"})
        assert first_error(answer) == (401, "INVALID_SESSION_ID")
        assert crm.org.faults.never_fired() == ("f0",)


@pytest.mark.parametrize(
    ("kind", "params", "view"),
    [
        ("refused", {}, "ConnectError"),
        ("dns", {}, "ConnectError"),
        ("tls", {"problem": "wrong_host"}, "ConnectError"),
        ("connect_timeout", {}, "ConnectTimeout"),
        ("connect_timeout", {"seconds": 3}, "ConnectError"),
        ("pool_exhausted", {}, "PoolTimeout"),
        ("proxy_407", {}, "ProxyError"),
    ],
)
@virtual
async def test_without_a_connection_nothing_happens(kind: str, params: dict[str, Any], view: str) -> None:
    async with logged_in(fault("connect", kind, **params)) as crm:
        assert await seen(crm) == view
        await crm.org.settle()
        assert crm.happened() == []
        assert (await upsert(crm)).status_code == 201


@pytest.mark.parametrize(
    ("kind", "params", "took"),
    [("connect_timeout", {}, 10), ("connect_timeout", {"seconds": 3}, 3), ("pool_exhausted", {}, 10), ("dns", {}, 0)],
)
@virtual
async def test_failure_to_connect_takes_its_time(kind: str, params: dict[str, Any], took: float) -> None:
    async with logged_in(fault("connect", kind, **params)) as crm:
        began = asyncio.get_running_loop().time()
        await seen(crm)
        assert asyncio.get_running_loop().time() - began == took


@pytest.mark.parametrize(
    ("kind", "params", "view"),
    [("reset", {}, "WriteError"), ("hang", {}, "WriteTimeout"), ("hang", {"seconds": 3}, "WriteError")],
)
@virtual
async def test_request_that_is_lost_while_it_is_sent_has_no_effect(
    kind: str, params: dict[str, Any], view: str
) -> None:
    async with logged_in(fault("send", kind, **params)) as crm:
        assert await seen(crm) == view
        await crm.org.settle()
        assert crm.happened() == []


@pytest.mark.parametrize(
    ("kind", "params", "view"),
    [
        ("status", {"status": 502, "body": "html"}, "502 html"),
        ("status", {}, "503 json"),
        ("refusal", {"status": 413}, "413 html"),
        ("refusal", {"status": 408}, "408 html"),
        ("redirect_loop", {"status": 307}, "307 empty"),
    ],
)
@virtual
async def test_gateway_answers_in_the_systems_place(kind: str, params: dict[str, Any], view: str) -> None:
    async with logged_in(fault("admit", kind, **params)) as crm:
        assert await seen(crm) == view
        assert crm.happened() == []


@virtual
async def test_redirect_loop_leads_back_to_where_it_came_from() -> None:
    loop = {**WRITE, "point": "admit", "kind": "redirect_loop", "params": {"status": 307}, "trigger": {}}
    async with logged_in(loop) as crm:
        answer = await crm("PATCH", KEY, json={}, params={"a": "b"})
        assert answer.headers["location"] == f"/services/data/v60.0{KEY}?a=b"
        with pytest.raises(httpx.TooManyRedirects):
            await crm("PATCH", KEY, json={}, follow_redirects=True)


@pytest.mark.parametrize(("kind", "params", "view"), SAME_ON_BOTH_SIDES)
@virtual
async def test_work_that_is_rolled_back_before_the_commit_leaves_nothing(
    kind: str, params: dict[str, Any], view: str
) -> None:
    async with logged_in(fault("before_commit", kind, **params)) as crm:
        assert await seen(crm) == view
        assert crm.happened() == []
        assert (await crm("GET", KEY)).status_code == 404
        assert (await upsert(crm)).status_code == 201


@virtual
async def test_rows_are_locked_until_the_transaction_is_rolled_back() -> None:
    async with logged_in(fault("before_commit", "hang", seconds=30)) as crm:
        waiting = asyncio.create_task(upsert(crm, timeout=10))
        await asyncio.sleep(5)
        assert first_error(await upsert(crm)) == (400, "UNABLE_TO_LOCK_ROW")
        with pytest.raises(httpx.ReadTimeout):
            await waiting
        assert (await upsert(crm)).status_code == 201


@pytest.mark.parametrize(
    ("kind", "params", "view"),
    [("bad_length", {}, "201 garbage"), ("no_content", {}, "204 empty"), ("wrong_content_type", {}, "201 html")],
)
@virtual
async def test_reply_that_is_whole_and_wrong_leaves_the_effect(kind: str, params: dict[str, Any], view: str) -> None:
    async with logged_in(fault("after_commit", kind, **params)) as crm:
        assert await seen(crm) == view
        assert crm.happened() == ["insert"]


@virtual
async def test_body_of_a_bad_length_is_cut_where_its_header_says() -> None:
    async with logged_in(fault("respond", "bad_length", fraction=0.25)) as crm:
        cut = await upsert(crm)
        whole = await upsert(crm)
        assert int(cut.headers["content-length"]) == len(cut.content) == len(whole.content) // 4
        assert whole.content.startswith(cut.content)


@virtual
async def test_wrong_reply_is_the_one_to_the_call_before() -> None:
    async with logged_in({**WRITE, "point": "after_commit", "kind": "wrong_reply", "trigger": {"nth": 2}}) as crm:
        first = await crm("POST", "/sobjects/Case", json={"Subject": "A"})
        second = await crm("POST", "/sobjects/Case", json={"Subject": "B"})
        assert second.json() == first.json()
        assert [effect.fields["Subject"] for effect in crm.org.effects] == ["A", "B"]


@virtual
async def test_key_strikes_the_requests_that_hold_it() -> None:
    spoilt = {**WRITE, "point": "apply", "kind": "status", "trigger": {"key": "order-7"}}
    async with logged_in(spoilt) as crm:
        by_body = [await crm("PATCH", KEY, json={"Subject": f"order-{n}"}) for n in (6, 7, 7)]
        assert [answer.status_code for answer in by_body] == [201, 503, 503]
        assert (await crm("PATCH", "/sobjects/Case/Seawall_Key__c/order-7", json={})).status_code == 503
        assert crm.org.faults.fired == {"f0": 3}


WHERE = {
    "": "test_exchange.py",
    "json": "test_json_drift.py",
    "soap": "soap/test_soap_kinds.py",
    "wss": "soap/test_soap_kinds.py",
    "search": "hubspot/test_faults.py",
    "sql": "sql/test_seam.py",
}
"""The kinds of the client side are all tried, one by one, in chaos/test_client_faults.py."""


def test_every_kind_is_tested() -> None:
    untested = []
    for name, kind in KINDS.items():
        if kind.client_side:
            continue
        place = "" if "http" in kind.traits else kind.traits[0]
        text = (Path(__file__).parent / WHERE[place]).read_text(encoding="utf-8")
        if f'"{name}"' not in text:
            untested.append(name)
    assert untested == []


@virtual
async def test_same_seed_gives_the_same_day_twice() -> None:
    async def day(seed: int) -> list[str]:
        chances = [
            {**READ, "id": "r", "point": "apply", "kind": "reset", "trigger": {"probability": 0.3}},
            {**WRITE, "id": "w", "point": "after_commit", "kind": "reset", "trigger": {"probability": 0.3}},
        ]
        async with logged_in(*chances, simulator={"seed": seed}) as crm:
            return [await seen(crm) for _ in range(30)]

    assert await day(1) == await day(1)
    assert await day(1) != await day(2)
