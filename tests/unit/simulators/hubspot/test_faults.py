"""HubSpot under faults on both sides of the commit: its own words for them, and what really happened.

In virtual time: a hang of half a minute takes none.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from support.portal import TOKEN, Client, connected, refusal
from support.virtual import virtual

from seawall.simulators.faults import Plan, PlanError
from seawall.simulators.hubspot import OPERATIONS, HubSpotSimulator

WRITE = {"match": {"lane": "write"}, "trigger": {"nth": 1}}
UPSERT = {"inputs": [{"id": "k1", "idProperty": "seawall_key", "properties": {"firstname": "A"}}]}
REFRESH = {
    "grant_type": "refresh_token",
    "refresh_token": "seawall-refresh",
    "client_id": "seawall-client",
    "client_secret": "seawall-secret",
}


def fault(point: str, kind: str, **params: Any) -> dict[str, Any]:
    return {**WRITE, "point": point, "kind": kind, "params": params}


async def upsert(hub: Client, **how: Any) -> httpx.Response:
    return await hub("POST", "contacts/batch/upsert", json=UPSERT, **how)


async def create(hub: Client, **how: Any) -> httpx.Response:
    return await hub("POST", "contacts", json={"properties": {"seawall_key": "k1", "firstname": "A"}}, **how)


async def view(hub: Client) -> str:
    """What the client can tell of a creation: a status with the form of its body, or the name of the exception."""
    try:
        answer = await create(hub, timeout=10)
    except httpx.TransportError as error:
        return type(error).__name__
    if answer.headers.get("content-type", "").startswith("text/html"):
        return f"{answer.status_code} html"
    try:
        answer.json()
    except ValueError:
        return f"{answer.status_code} {'garbage' if answer.content else 'empty'}"
    return f"{answer.status_code} json"


@pytest.mark.parametrize(("point", "truth"), [("apply", []), ("after_commit", ["insert"])])
@pytest.mark.parametrize(
    ("kind", "params", "seen"),
    [
        ("hang", {"seconds": 30}, "ReadTimeout"),
        ("hang", {"seconds": 2}, "RemoteProtocolError"),
        ("reset", {}, "ReadError"),
        ("status", {"status": 500}, "500 json"),
        ("status", {"status": 477, "retry_after": 3600}, "477 json"),
        ("status", {"status": 502, "body": "html"}, "502 html"),
        ("status", {"status": 504, "body": "html"}, "504 html"),
        ("status", {"status": 521, "body": "html"}, "521 html"),
        ("status", {"status": 524, "body": "html"}, "524 html"),
        ("status", {"status": 503, "body": "empty"}, "503 empty"),
    ],
)
@virtual
async def test_same_view_before_and_after_the_commit_opposite_truth(
    point: str, truth: list[str], kind: str, params: dict[str, Any], seen: str
) -> None:
    async with connected(fault(point, kind, **params)) as hub:
        assert await view(hub) == seen
        assert hub.happened() == truth
        assert (await hub.seen("contacts", "k1", idProperty="seawall_key") == 404) is not bool(truth)
        assert (await create(hub)).status_code == (400 if truth else 201)


@pytest.mark.parametrize(
    ("kind", "params", "seen"),
    [
        ("html_200", {}, "200 html"),
        ("truncate", {"fraction": 0.5}, "RemoteProtocolError"),
        ("empty", {}, "201 empty"),
        ("garbage", {}, "201 garbage"),
        ("reset", {"bytes": 5}, "ReadError"),
        ("slow", {"seconds": 15}, "ReadTimeout"),
    ],
)
@virtual
async def test_reply_spoilt_after_the_commit_leaves_the_effect(kind: str, params: dict[str, Any], seen: str) -> None:
    async with connected(fault("after_commit", kind, **params)) as hub:
        assert await view(hub) == seen
        assert hub.happened() == ["insert"]


@virtual
async def test_migration_says_when_to_come_again() -> None:
    async with connected(fault("apply", "status", status=477, retry_after=86_400)) as hub:
        answer = await create(hub)
        assert (answer.status_code, answer.headers["retry-after"]) == (477, "86400")


@virtual
async def test_lock_is_a_423_for_the_whole_call() -> None:
    async with connected({**WRITE, "point": "apply", "kind": "lock_error", "trigger": {"every": 1}}) as hub:
        for answer in (await create(hub), await upsert(hub)):
            assert answer.status_code == 423
        assert len(hub.portal.effects) == 0


@pytest.mark.parametrize("status", [403, 429, 503])
@virtual
async def test_throttling_is_a_429_that_writes_nothing(status: int) -> None:
    searching = {"match": {"operation": "search"}, "point": "apply", "kind": "throttle", "params": {"status": status}}
    async with connected(fault("apply", "throttle", status=status, retry_after=10), searching) as hub:
        answer = await create(hub)
        assert (answer.status_code, answer.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
        assert answer.headers["retry-after"] == "10"
        assert hub.happened() == []
        answer = await hub("POST", "contacts/search", json={})
        assert refusal(answer) == (429, "RATE_LIMITS")


@virtual
async def test_refusal_of_a_private_apps_token_passes_and_an_oauth_token_ends() -> None:
    expired = {**WRITE, "point": "apply", "kind": "session_expired", "trigger": {"first": 2}}
    async with connected(expired) as hub:
        assert refusal(await create(hub)) == (401, "INVALID_AUTHENTICATION")
        token = (await hub("POST", "/oauth/v1/token", data=REFRESH)).json()["access_token"]
        oauth = {"authorization": f"Bearer {token}"}
        assert refusal(await create(hub, headers=oauth)) == (401, "EXPIRED_AUTHENTICATION")
        assert refusal(await hub("GET", "contacts", headers=oauth)) == (401, "EXPIRED_AUTHENTICATION")
        assert hub.happened() == []
        assert (await create(hub, headers={"authorization": f"Bearer {TOKEN}"})).status_code == 201


@pytest.mark.parametrize(("reply", "seen"), [("hang", "ReadTimeout"), ("504", "504 html"), ("reset", "ReadError")])
@virtual
async def test_late_commit_is_applied_after_the_client_was_given_up(reply: str, seen: str) -> None:
    async with connected(fault("later", "late_commit", delay=60, reply=reply)) as hub:
        assert await view(hub) == seen
        assert await hub.seen("contacts", "k1", idProperty="seawall_key") == 404
        assert hub.portal.outstanding == 1
        await hub.portal.settle()
        assert [(e.kind, e.cause, e.request_id) for e in hub.portal.effects] == [("insert", "late", 1)]
        assert await hub.seen("contacts", "k1", idProperty="seawall_key") != 404


@virtual
async def test_late_commit_whose_unique_value_was_taken_meanwhile_has_no_effect() -> None:
    async with connected(fault("later", "late_commit", delay=60, reply="504")) as hub:
        assert (await create(hub)).status_code == 504
        assert (await create(hub)).status_code == 201
        await hub.portal.settle()
        assert [e.cause for e in hub.portal.effects] == ["request"]


@virtual
async def test_late_commit_of_a_record_without_a_unique_value_makes_a_second_one() -> None:
    async with connected(fault("later", "late_commit", delay=60, reply="504")) as hub:
        body = {"properties": {"name": "A"}}
        assert (await hub("POST", "companies", json=body)).status_code == 504
        assert (await hub("POST", "companies", json=body)).status_code == 201
        await hub.portal.settle()
        assert [e.cause for e in hub.portal.effects] == ["request", "late"]


LOCKED: list[tuple[str, str, Any]] = [
    ("POST", "contacts", {"properties": {"firstname": "A", "seawall_key": "k1"}}),
    ("PATCH", "contacts/6001", {"properties": {"lastname": "B", "seawall_key": "k1"}}),
    ("PATCH", "contacts/a@example.com?idProperty=email", {"properties": {"lastname": "B", "seawall_key": "k1"}}),
    ("POST", "contacts/batch/upsert", UPSERT),
]


@pytest.mark.parametrize(("method", "path", "body"), LOCKED)
@virtual
async def test_retry_that_meets_the_locked_original_is_refused_until_it_is_through(
    method: str, path: str, body: Any
) -> None:
    async with connected(fault("later", "late_commit", delay=60, reply="504", locks=True)) as hub:
        hub.portal.add_record("contacts", {"email": "a@example.com"})
        assert (await hub(method, path, json=body)).status_code == 504
        assert (await upsert(hub)).status_code == 423
        assert (await hub("POST", "contacts", json={"properties": {"email": "b@example.com"}})).status_code == 201
        await hub.portal.settle()
        assert (await upsert(hub)).status_code == 200
        assert hub.portal.effects[1].cause == "late"


@pytest.mark.parametrize("archiving", [("DELETE", "contacts/6001", None), ("POST", "contacts/batch/archive", "6001")])
@virtual
async def test_archival_under_way_holds_its_record(archiving: tuple[str, str, str | None]) -> None:
    method, path, record_id = archiving
    async with connected(fault("later", "late_commit", delay=60, reply="504", locks=True)) as hub:
        hub.portal.add_record("contacts", {"email": "a@example.com"})
        body = {"inputs": [{"id": record_id}]} if record_id else {}
        assert (await hub(method, path, json=body)).status_code == 504
        assert (await hub("PATCH", "contacts/6001", json={"properties": {"firstname": "B"}})).status_code == 423
        assert (await hub("DELETE", "contacts/6001")).status_code == 423
        await hub.portal.settle()
        assert hub.happened() == ["delete"]


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "contacts", b"not json"),
        ("POST", "contacts", b"[]"),
        ("POST", "contacts/batch/update", b'{"inputs": [1]}'),
        ("PATCH", "contacts/x?idProperty=nothing", b"{}"),
        ("POST", "foos", b"{}"),
    ],
)
@virtual
async def test_call_that_names_no_record_locks_none(method: str, path: str, content: bytes) -> None:
    async with connected(fault("later", "late_commit", delay=60, reply="504", locks=True)) as hub:
        assert (await hub(method, path, content=content)).status_code == 504
        assert (await create(hub)).status_code == 201
        await hub.portal.settle()
        assert hub.happened() == ["insert"]


@virtual
async def test_slow_request_is_applied_although_its_client_has_left() -> None:
    async with connected(fault("apply", "slow", seconds=20)) as hub:
        task = asyncio.create_task(create(hub, timeout=None))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert hub.happened() == []
        await hub.portal.settle()
        assert hub.happened() == ["insert"]


@pytest.mark.parametrize(("answer", "new"), [("first", True), ("second", False)])
@virtual
async def test_upsert_that_is_delivered_twice_makes_one_record(answer: str, new: bool) -> None:
    async with connected(fault("apply", "duplicate_delivery", answer=answer)) as hub:
        assert (await upsert(hub)).json()["results"][0]["new"] is new
        assert [(e.kind, e.cause) for e in hub.portal.effects] == [
            ("insert", "request"),
            ("update", "duplicate_delivery"),
        ]


@virtual
async def test_creation_that_is_delivered_twice_is_refused_the_second_time_or_made_twice() -> None:
    async with connected({**WRITE, "point": "apply", "kind": "duplicate_delivery", "trigger": {"first": 2}}) as hub:
        answer = await create(hub)
        assert refusal(answer) == (400, "VALIDATION_ERROR")
        assert f"{hub.portal.effects[0].record_id} already has that value" in answer.json()["message"]
        await hub.create("companies", name="A")
        assert hub.happened() == ["insert"]
        assert hub.happened("companies") == ["insert", "insert"]


@virtual
async def test_partial_batch_refuses_some_inputs_with_trace_ids_and_all_without() -> None:
    partial = {**WRITE, "point": "apply", "kind": "partial_batch", "params": {"k": 2, "code": "INTERNAL_ERROR"}}
    async with connected({**partial, "trigger": {"first": 2}}) as hub:
        items = [{"properties": {"firstname": f"N{n}"}, "objectWriteTraceId": f"t{n}"} for n in range(5)]
        answer = await hub("POST", "contacts/batch/create", json={"inputs": items})
        body = answer.json()
        assert (answer.status_code, body["numErrors"]) == (207, 2)
        assert {error["category"] for error in body["errors"]} == {"INTERNAL_ERROR"}
        written = {row["objectWriteTraceId"] for row in body["results"]}
        refused = {error["context"]["objectWriteTraceId"][0] for error in body["errors"]}
        assert written | refused == {f"t{n}" for n in range(5)}
        assert {e.fields["firstname"] for e in hub.portal.effects} == {f"N{name[1]}" for name in written}
        untraced = {"inputs": [{"properties": item["properties"]} for item in items]}
        assert refusal(await hub("POST", "contacts/batch/create", json=untraced)) == (400, "INTERNAL_ERROR")
        assert len(hub.portal.effects) == 3


@pytest.mark.parametrize(("code", "status"), [("UNABLE_TO_LOCK_ROW", 423), ("OTHER", 400)])
@virtual
async def test_partial_batch_refuses_an_archival_whole(code: str, status: int) -> None:
    async with connected(fault("apply", "partial_batch", code=code)) as hub:
        ids = [hub.portal.add_record("contacts", {"firstname": "A"}) for _ in range(2)]
        body = {"inputs": [{"id": record_id} for record_id in ids]}
        assert (await hub("POST", "contacts/batch/archive", json=body)).status_code == status
        assert len(hub.portal.effects) == 0


@pytest.mark.parametrize("operation", ["get", "search", "list", "batch_read", "associations"])
@virtual
async def test_reads_meet_faults_too(operation: str) -> None:
    calls = {
        "get": ("GET", "contacts/6001"),
        "search": ("POST", "contacts/search"),
        "list": ("GET", "contacts"),
        "batch_read": ("POST", "contacts/batch/read"),
        "associations": ("GET", "contacts/6001/associations/notes"),
    }
    broken = {"match": {"operation": operation}, "point": "respond", "kind": "html_200"}
    async with connected(broken) as hub:
        hub.portal.add_record("contacts", {"firstname": "A"})
        method, path = calls[operation]
        answer = await hub(method, path, json={"inputs": []})
        assert answer.headers["content-type"].startswith("text/html")
        assert hub.portal.faults.never_fired() == ()


@virtual
async def test_token_endpoint_meets_faults_of_the_auth_lane() -> None:
    broken = {"match": {"lane": "auth"}, "point": "after_commit", "kind": "reset", "trigger": {"nth": 1}}
    async with connected(broken, rotate_refresh_tokens=True) as hub:
        with pytest.raises(httpx.ReadError):
            await hub("POST", "/oauth/v1/token", data=REFRESH)
        assert (await hub("POST", "/oauth/v1/token", data=REFRESH)).json()["status"] == "BAD_REFRESH_TOKEN"


@virtual
async def test_refused_call_does_not_use_up_a_fault() -> None:
    async with connected(fault("apply", "reset")) as hub:
        assert (await create(hub, headers={"authorization": "Bearer wrong"})).status_code == 401
        assert hub.portal.faults.never_fired() == ("f0",)


def test_plan_for_an_operation_of_another_system_is_refused() -> None:
    plan = {"faults": [{"id": "x", "match": {"operation": "upsert"}, "point": "apply", "kind": "reset"}]}
    with pytest.raises(PlanError, match="hubspot has no operation 'upsert'"):
        HubSpotSimulator(plan=Plan.model_validate(plan))


def test_every_operation_has_a_lane() -> None:
    assert OPERATIONS["search"] == OPERATIONS["batch_read"] == "read"
    assert OPERATIONS["batch_upsert"] == OPERATIONS["associate_default"] == "write"
    assert OPERATIONS["token"] == "auth"


@virtual
async def test_work_that_is_rolled_back_before_the_commit_leaves_nothing() -> None:
    async with connected(fault("before_commit", "reset")) as hub:
        assert await view(hub) == "ReadError"
        assert hub.happened() == []
        assert (await create(hub)).status_code == 201


@pytest.mark.parametrize(("seconds", "behind"), [(30, 30), (2, 5)])
@virtual
async def test_search_lags_further_behind_than_it_always_does(seconds: float, behind: float) -> None:
    lag = {"match": {"operation": "search"}, "point": "visible", "kind": "search_lag", "params": {"seconds": seconds}}
    simulator = {"now": asyncio.get_running_loop().time}
    async with connected(lag, simulator=simulator, search_lag=5) as hub:
        contact = await hub.create(firstname="A")
        await hub("PATCH", f"contacts/{contact}", json={"properties": {"firstname": "B"}})
        await asyncio.sleep(behind - 0.1)
        assert await hub.found() == []
        await asyncio.sleep(0.2)
        assert await hub.found() == [contact]


@virtual
async def test_search_lag_strikes_only_the_searches_it_is_for() -> None:
    lag = {"point": "visible", "kind": "search_lag", "params": {"seconds": 60}, "trigger": {"nth": 2}}
    simulator = {"now": asyncio.get_running_loop().time}
    async with connected(lag, simulator=simulator, search_lag=5) as hub:
        contact = await hub.create(firstname="A")
        await hub.seen("contacts", contact)  # no search, and not counted as one
        await asyncio.sleep(10)
        assert [await hub.found() for _ in range(3)] == [[contact], [], [contact]]


@pytest.mark.parametrize(
    ("planned", "message"),
    [
        ({"match": {"operation": "get"}}, "search_lag at visible never befalls get; set match.operation to search"),
        ({"match": {"operation": "create"}}, "create is in the write lane and the fault is for read"),
    ],
)
def test_lag_of_what_is_never_behind_is_refused(planned: dict[str, Any], message: str) -> None:
    plan = Plan.model_validate({"faults": [{"id": "f0", "point": "visible", "kind": "search_lag", **planned}]})
    with pytest.raises(PlanError) as refused:
        HubSpotSimulator(plan=plan)
    assert message in str(refused.value)
