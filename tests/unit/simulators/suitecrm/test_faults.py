"""Faults on both sides of the commit, on both APIs: what the client sees, and what the effect log says happened."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from support.instance import DATABASE_FAILURE, Client, connected
from support.virtual import virtual

from seawall.simulators.faults import Plan, PlanError
from seawall.simulators.suitecrm import OPERATIONS, SuiteCrmSimulator

ID = "11111111-2222-4333-8444-555555555555"
WRITE = {"match": {"lane": "write"}, "trigger": {"nth": 1}}


def fault(point: str, kind: str, **params: Any) -> dict[str, Any]:
    return {**WRITE, "point": point, "kind": kind, "params": params}


async def written(crm: Client, api: str, **how: Any) -> httpx.Response:
    """The answer to a creation with the client's own id, over one of the APIs."""
    crm.http.timeout = httpx.Timeout(10)
    if api == "v8":
        return await crm.create("Cases", ID, name="A")
    fields = {"id": ID, "new_with_id": True, "name": "A"}
    return await crm.send("set_entry", module_name="Cases", name_value_list=fields)


async def seen(crm: Client, api: str) -> str:
    """What the client can tell: a status with the form of its body, or the name of the exception."""
    try:
        answer = await written(crm, api)
    except httpx.TransportError as error:
        return type(error).__name__
    try:
        answer.json()
    except ValueError:
        return f"{answer.status_code} {'text' if answer.content else 'empty'}"
    return f"{answer.status_code} json"


@pytest.mark.parametrize("api", ["v4", "v8"])
@pytest.mark.parametrize(("point", "truth"), [("apply", []), ("after_commit", ["insert"])])
@pytest.mark.parametrize(
    ("kind", "params", "view"),
    [
        ("hang", {"seconds": 30}, "ReadTimeout"),
        ("reset", {}, "ReadError"),
        ("status", {"status": 500}, "500 text"),
        ("status", {"status": 502, "body": "html"}, "502 text"),
        ("status", {"status": 503}, "503 json"),
        ("status", {"status": 504, "body": "empty"}, "504 empty"),
    ],
)
def test_same_view_before_and_after_the_commit_opposite_truth(
    api: str, point: str, truth: list[str], kind: str, params: dict[str, Any], view: str
) -> None:
    @virtual
    async def check() -> None:
        async with connected(fault(point, kind, **params)) as crm:
            assert await seen(crm, api) == view
            assert crm.happened() == truth
            assert crm.suite.faults.never_fired() == ()

    check()


@pytest.mark.parametrize(
    ("kind", "v4_view", "v8_view"),
    [
        ("html_200", "200 text", "200 text"),
        ("truncate", "RemoteProtocolError", "RemoteProtocolError"),
        ("empty", "200 empty", "201 empty"),
        ("garbage", "200 text", "201 text"),
    ],
)
@pytest.mark.parametrize("api", ["v4", "v8"])
@virtual
async def test_reply_spoilt_after_the_commit_leaves_the_effect(api: str, kind: str, v4_view: str, v8_view: str) -> None:
    async with connected(fault("after_commit", kind)) as crm:
        assert await seen(crm, api) == {"v4": v4_view, "v8": v8_view}[api]
        assert crm.happened() == ["insert"]


@pytest.mark.parametrize("dies_with", [200, 500])
@pytest.mark.parametrize("api", ["v4", "v8"])
async def test_text_in_place_of_json_has_the_status_that_php_dies_with(api: str, dies_with: int) -> None:
    async with connected(fault("after_commit", "status", status=500), dies_with=dies_with) as crm:
        answer = await written(crm, api)
        assert answer.status_code == dies_with
        assert answer.text.startswith(DATABASE_FAILURE)
        assert crm.happened() == ["insert"]


@pytest.mark.parametrize(("api", "status"), [("v4", 500), ("v8", 400)])
@virtual
async def test_late_commit_lands_after_the_client_gave_up_and_not_beside_a_second_one(api: str, status: int) -> None:
    async with connected(fault("later", "late_commit", delay=60, seconds=30)) as crm:
        assert await seen(crm, api) == "ReadTimeout"
        row = crm.suite.records.row(crm.suite.suite.modules["Cases"], ID)
        assert (row, crm.suite.outstanding) == (None, 1)
        await crm.suite.settle()
        assert [(e.kind, e.cause) for e in crm.suite.effects] == [("insert", "late")]
        assert (await written(crm, api)).status_code == status
        assert crm.happened() == ["insert"]


@pytest.mark.parametrize("api", ["v4", "v8"])
@virtual
async def test_late_commit_that_comes_second_meets_the_primary_key(api: str) -> None:
    async with connected(fault("later", "late_commit", delay=60, reply="reset")) as crm:
        assert await seen(crm, api) == "ReadError"
        assert (await written(crm, api)).status_code in (200, 201)
        await crm.suite.settle()
        assert [e.cause for e in crm.suite.effects] == ["request"]


@pytest.mark.parametrize("api", ["v4", "v8"])
@virtual
async def test_retry_meets_the_original_still_running(api: str) -> None:
    async with connected(fault("later", "late_commit", delay=60, reply="504", locks=True)) as crm:
        assert await seen(crm, api) == "504 text"
        retry = await written(crm, api)
        assert (retry.status_code, retry.text[-len(DATABASE_FAILURE) :]) == (
            {"v4": 500, "v8": 400}[api],
            DATABASE_FAILURE,
        )
        await crm.suite.settle()
        assert [e.cause for e in crm.suite.effects] == ["late"]


@pytest.mark.parametrize(("api", "rows"), [("v4", 1), ("v8", 1)])
async def test_delivered_twice_with_an_id_is_one_row(api: str, rows: int) -> None:
    async with connected(fault("apply", "duplicate_delivery", answer="first")) as crm:
        assert (await written(crm, api)).status_code in (200, 201)
        assert len(crm.suite.records.all("Cases")) == rows


async def test_delivered_twice_without_an_id_is_two_rows() -> None:
    async with connected(fault("apply", "duplicate_delivery")) as crm:
        second = await crm.set_entry(name="A")
        assert [(e.kind, e.cause) for e in crm.suite.effects] == [
            ("insert", "request"),
            ("insert", "duplicate_delivery"),
        ]
        assert crm.suite.effects[1].record_id == second


async def test_lock_that_is_waited_for_in_vain_is_a_database_failure_and_writes_nothing() -> None:
    async with connected({**WRITE, "point": "apply", "kind": "lock_error", "trigger": {"every": 1}}) as crm:
        v4, v8 = await written(crm, "v4"), await written(crm, "v8")
        assert (v4.status_code, v4.text) == (500, DATABASE_FAILURE)
        assert v8.text.endswith(DATABASE_FAILURE)
        assert len(crm.suite.effects) == 0


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_throttling_is_a_page_of_the_web_server_and_writes_nothing(status: int) -> None:
    async with connected(fault("apply", "throttle", status=status, retry_after=2)) as crm:
        answer = await written(crm, "v4")
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "2")
        assert answer.text.startswith("<!DOCTYPE html>")
        assert len(crm.suite.effects) == 0


@pytest.mark.parametrize(("api", "status"), [("v4", 200), ("v8", 401)])
async def test_session_that_was_ended_is_over_for_good(api: str, status: int) -> None:
    async with connected(fault("apply", "session_expired")) as crm:
        for _ in range(2):
            answer = await written(crm, api)
            assert answer.status_code == status
            assert api == "v8" or answer.json()["number"] == 11
        assert len(crm.suite.effects) == 0
        await crm.login()
        assert (await written(crm, api)).status_code in (200, 201)


@virtual
async def test_lock_of_a_slow_write_is_of_its_row_alone() -> None:
    slow = {**fault("apply", "slow", seconds=20, locks=True), "match": {"operation": "v8_update"}}
    async with connected(slow) as crm:
        first, second = await crm.set_entry(name="A"), await crm.set_entry(name="B")
        crm.http.timeout = httpx.Timeout(1)
        with pytest.raises(httpx.ReadTimeout):
            await crm.patch(first, name="C")
        blocked = await crm.send("set_entry", module_name="Cases", name_value_list={"id": first, "name": "D"})
        assert blocked.text == DATABASE_FAILURE
        assert await crm.set_entry(id=second, name="D") == second
        await crm.suite.settle()
        assert [row["name"] for row in crm.suite.records.all("Cases")] == ["C", "D"]
        assert await crm.set_entry(id=first, name="E") == first


@pytest.mark.parametrize(
    "fields",
    [{"id": ID, "name": "B"}, [{"name": "id", "value": ID}], {"0": {"name": "id", "value": ID}}],
)
@virtual
async def test_row_is_locked_however_its_id_is_given(fields: Any) -> None:
    slow = {**fault("apply", "slow", seconds=20, locks=True), "match": {"operation": "set_entry"}}
    async with connected(slow) as crm:
        await crm.create("Cases", ID, name="A")
        crm.http.timeout = httpx.Timeout(1)
        with pytest.raises(httpx.ReadTimeout):
            await crm.send("set_entry", module_name="Cases", name_value_list=fields)
        assert (await crm.patch(ID, name="C")).text.endswith(DATABASE_FAILURE)
        assert (await crm.v8("DELETE", f"/module/Cases/{ID}")).text.endswith(DATABASE_FAILURE)
        assert crm.happened() == ["insert"]
        await crm.suite.settle()
        assert (await crm.patch(ID, name="C")).status_code == 201


@pytest.mark.parametrize("body", [{"data": {"type": "Nonsense"}}, {"data": {"type": "Cases"}}])
@virtual
async def test_write_that_names_no_row_locks_none(body: Any) -> None:
    slow = {**fault("apply", "slow", seconds=20, locks=True), "match": {"operation": "v8_create"}}
    async with connected(slow) as crm:
        crm.http.timeout = httpx.Timeout(1)
        with pytest.raises(httpx.ReadTimeout):
            await crm.v8("POST", "/module", json=body)
        assert await crm.set_entry(name="A")
        await crm.suite.settle()


def test_plan_that_names_an_operation_that_is_not_there_is_refused() -> None:
    wrong = {"id": "f", "point": "apply", "kind": "hang", "match": {"operation": "set_entri"}}
    with pytest.raises(PlanError, match="did you mean 'set_entr"):
        SuiteCrmSimulator(plan=Plan.model_validate({"faults": [wrong]}))
    batch = {"id": "f", "point": "apply", "kind": "partial_batch", "match": {"operation": "set_entry"}}
    with pytest.raises(PlanError, match="has no items"):
        SuiteCrmSimulator(plan=Plan.model_validate({"faults": [batch]}))


def test_bundled_plans_can_befall_this_system() -> None:
    for name in ("calm", "harsh"):
        SuiteCrmSimulator(plan=Plan.bundled(name)).close()
    assert OPERATIONS["set_entry"] == OPERATIONS["v8_create"] == "write"


def test_rollback_is_refused_by_a_system_that_writes_statement_by_statement() -> None:
    plan = Plan.model_validate({"faults": [{"id": "f0", "point": "before_commit", "kind": "reset"}]})
    with pytest.raises(PlanError) as refused:
        SuiteCrmSimulator(plan=plan)
    assert str(refused.value) == (
        "fault 'f0' can never fire: suitecrm has no transactions that could be rolled back; "
        "set point to apply or after_commit"
    )
