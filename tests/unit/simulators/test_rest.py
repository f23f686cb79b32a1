"""The base of simulated JSON systems: what is applied, rolled back, locked, late, and written into the effect log."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from seawall.simulators import virtual_time
from seawall.simulators.faults import Fault, Plan, PlanError
from seawall.simulators.inprocess import InProcessTransport
from seawall.simulators.request import json_reply
from seawall.simulators.rest import Call, Refusal, RestSimulator, Route, Transaction
from seawall.simulators.wire import Reply


class Notes(RestSimulator):
    """Notes; `gone` is a note that cannot be made, after it was inserted."""

    system = "notes"
    routes = (
        Route("add", "POST", "/notes", "write"),
        Route("get", "GET", "/notes/{id}", "read"),
        Route("set", "PUT", "/notes/{id}", "write"),
        Route("drop", "DELETE", "/notes/{id}", "write"),
        Route("tell", "POST", "/notes/{id}/mails", "write"),
    )

    def respond(self, call: Call, tx: Transaction) -> Reply:
        if call.route.name == "add":
            note = self.next_id("Note")
            tx.insert("Note", note, call.json(), version=1)
            if call.json().get("text") == "gone":
                raise Refusal(422, "INVALID")
            return json_reply(201, {"id": note})
        (note,) = call.args
        if note not in tx.of("Note"):
            raise Refusal(404, "NOT_FOUND")
        match call.route.name:
            case "set" if call.json().get("silently"):
                tx.keep("Note", note, call.json())
            case "set":
                tx.update("Note", note, call.json(), version=2)
            case "drop":
                tx.delete("Note", note)
                return json_reply(200, {})
            case "tell":
                tx.invoke("mail", "m1", call.json())
        return json_reply(200, dict(tx.of("Note")[note]))


def plan(kind: str, point: str, operation: str | None = None, **params: Any) -> Plan:
    match = {} if operation is None else {"operation": operation}
    fault = Fault.model_validate(
        {"id": "f", "match": match, "point": point, "kind": kind, "params": params, "times": 1}
    )
    return Plan(faults=(fault,))


def asked(target: Notes, *calls: tuple[str, str, Any]) -> list[httpx.Response | Exception]:
    async def one(client: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response | Exception:
        try:
            return await client.request(method, path, json=body)
        except httpx.TransportError as error:
            return error

    async def all_of_them() -> list[httpx.Response | Exception]:
        async with httpx.AsyncClient(transport=InProcessTransport(target), base_url="http://notes") as client:
            answers = [await one(client, *call) for call in calls]
            await target.settle()
            return answers

    return virtual_time.run(all_of_them())


def statuses(answers: list[httpx.Response | Exception]) -> list[int]:
    return [answer.status_code for answer in answers if isinstance(answer, httpx.Response)]


def notes(plan: Plan | None = None) -> Notes:
    return Notes(plan, lambda: 0.0)


def kinds(target: Notes) -> list[tuple[str, str, str]]:
    return [(effect.kind, effect.object, effect.cause) for effect in target.effects]


def test_what_is_done_is_in_the_effect_log_with_what_the_request_set_alone() -> None:
    target = notes()
    answers = asked(
        target,
        ("POST", "/notes", {"text": "a"}),
        ("PUT", "/notes/1001", {"text": "b"}),
        ("POST", "/notes/1001/mails", {"to": "ada"}),
        ("DELETE", "/notes/1001", None),
    )
    assert statuses(answers) == [201, 200, 200, 200]
    assert [(one.kind, one.record_id, one.fields, one.changed) for one in target.effects] == [
        ("insert", "1001", {"text": "a"}, ("text",)),
        ("update", "1001", {"text": "b"}, ("text",)),
        ("invoke", "m1", {"to": "ada"}, ()),
        ("delete", "1001", {}, ()),
    ]


def test_what_a_system_keeps_for_itself_is_no_effect() -> None:
    target = notes()
    note = target.add_record("Note", {"text": "a"})
    assert statuses(asked(target, ("PUT", f"/notes/{note}", {"silently": True}))) == [200]
    assert (dict(target.records("Note")), list(target.effects)) == ({note: {"silently": True}}, [])


def test_a_refused_call_leaves_nothing() -> None:
    target = notes()
    (answer,) = asked(target, ("POST", "/notes", {"text": "gone"}))
    assert isinstance(answer, httpx.Response)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID")
    assert (list(target.records("Note")), list(target.effects)) == ([], [])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nothing", None, 404, "NO_ROUTE"),
        ("PATCH", "/notes/1", None, 404, "NO_ROUTE"),
        ("GET", "/notes/9", None, 404, "NOT_FOUND"),
        ("POST", "/notes", [1], 400, "MALFORMED"),
    ],
)
def test_what_cannot_be_done_is_refused(method: str, path: str, body: Any, status: int, code: str) -> None:
    (answer,) = asked(notes(), (method, path, body))
    assert isinstance(answer, httpx.Response)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_fault_before_the_commit_leaves_nothing_and_one_after_it_leaves_all() -> None:
    for point, expected in (("apply", 0), ("before_commit", 0), ("after_commit", 1)):

        async def lost(point: str = point) -> int:
            target = Notes(plan("reset", point), asyncio.get_running_loop().time)
            async with httpx.AsyncClient(transport=InProcessTransport(target), base_url="http://notes") as client:
                with pytest.raises(httpx.ReadError):
                    await client.post("/notes", json={"text": "a"})
            return len(target.effects)

        assert virtual_time.run(lost()) == expected


def test_a_late_commit_happens_after_the_client_has_gone_and_holds_its_lock_until_then() -> None:
    async def late() -> tuple[list[int], list[tuple[str, str, str]]]:
        loop = asyncio.get_running_loop()
        target = Notes(plan("late_commit", "later", "set", delay=5.0, reply="504", locks=True), loop.time)
        note = target.add_record("Note", {"text": "old"})
        async with httpx.AsyncClient(transport=InProcessTransport(target), base_url="http://notes") as client:
            seen = [(await client.put(f"/notes/{note}", json={"text": "new"})).status_code]
            seen.append((await client.put(f"/notes/{note}", json={"text": "newer"})).status_code)
            await target.settle()
            seen.append((await client.put(f"/notes/{note}", json={"text": "newest"})).status_code)
        return seen, kinds(target)

    seen, effects = virtual_time.run(late())
    assert seen == [504, 409, 200]
    assert effects == [("update", "Note", "late"), ("update", "Note", "request")]


@pytest.mark.parametrize(
    ("kind", "params", "status", "code"),
    [
        ("lock_error", {}, 409, "LOCKED"),
        ("throttle", {"status": 429}, 429, "THROTTLED"),
        ("session_expired", {}, 401, "TOKEN_EXPIRED"),
        ("status", {"status": 503}, 503, "UNAVAILABLE"),
    ],
)
def test_it_words_its_refusals(kind: str, params: dict[str, Any], status: int, code: str) -> None:
    async def refused() -> tuple[int, str, int]:
        target = Notes(plan(kind, "apply", **params), asyncio.get_running_loop().time)
        async with httpx.AsyncClient(transport=InProcessTransport(target), base_url="http://notes") as client:
            answer = await client.post("/notes", json={"text": "a"})
        return answer.status_code, answer.json()["code"], len(target.effects)

    assert virtual_time.run(refused()) == (status, code, 0)


def test_what_another_user_does_is_not_in_the_effect_log() -> None:
    target = notes()
    note = target.add_record("Note", {"text": "theirs"})
    assert dict(target.records("Note")) == {note: {"text": "theirs"}}
    target.change_record("Note", note, {"text": "theirs, too"})
    assert list(target.records("Note")) == [(note, {"text": "theirs, too"})]
    target.delete_record("Note", note)
    assert (list(target.records("Note")), list(target.effects)) == ([], [])


def test_a_plan_that_can_never_fire_here_is_refused() -> None:
    with pytest.raises(PlanError, match="no operation 'sett'"):
        notes(plan("hang", "apply", "sett"))
