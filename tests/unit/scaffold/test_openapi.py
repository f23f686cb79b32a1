"""A package from an OpenAPI description: what is drafted, what is left out, and what is told."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from seawall.connectors._modules import load_module
from seawall.core.adapter import Action, Attempt, EffectClass, NativeKey, NoDedupe, Surroundings
from seawall.core.errors import (
    CommitUnknown,
    GatewayError,
    IntegrationError,
    InvalidRequest,
    PreconditionFailed,
    UnreadableReply,
)
from seawall.scaffold import Package, names
from seawall.scaffold.from_openapi import from_openapi
from seawall.simulators.faults import Plan
from seawall.simulators.virtual_time import LoopClock

DESK = Path(__file__).with_name("desk.yaml")


@pytest.fixture(scope="module")
def package() -> Package:
    return from_openapi(names("acme_desk"), DESK)


@pytest.fixture(scope="module")
def adapter(package: Package, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The drafted adapter's module, with its neighbours."""
    folder = tmp_path_factory.mktemp("new") / "desk"
    package.write(folder)
    return load_module(str(folder / "src" / "acme_desk" / "adapter.py"))


def neighbour(adapter: ModuleType, name: str) -> Any:
    return sys.modules[adapter.__name__.rpartition(".")[0] + f".{name}"]


def actions(adapter: ModuleType) -> Mapping[str, Action]:
    found: Mapping[str, Action] = adapter.ACTIONS
    return found


def test_each_guess_is_on_the_careful_side(adapter: ModuleType) -> None:
    found = {name: (one.effect, one.dedupe, one.version, one.resend) for name, one in actions(adapter).items()}
    opaque = (EffectClass.OPAQUE, NoDedupe(), None, "never")
    assert found == {
        "list_tickets": (EffectClass.READ, NoDedupe(), None, "never"),
        "get_tickets_ticket_id": (EffectClass.READ, NoDedupe(), None, "never"),
        "get_version": (EffectClass.READ, NoDedupe(), None, "never"),
        "create_ticket": (EffectClass.CREATE, NativeKey(3600.0), None, "same_key"),
        "replace_ticket": (EffectClass.SET, NoDedupe(), "if_match", "never"),
        "update_ticket": opaque,
        "delete_ticket": opaque,
        "import_": opaque,
        "add_person": (EffectClass.CREATE, NoDedupe(), None, "never"),
        "send_mail": (EffectClass.CREATE, NoDedupe(), None, "never"),
        "reindex": (EffectClass.CREATE, NoDedupe(), None, "never"),
    }
    assert actions(adapter)["replace_ticket"].identity == ("ticket_id", "if_match")
    assert all(one.probe is None and one.horizon is None for one in actions(adapter).values())


def test_what_is_left_out_is_listed_and_in_the_readme(package: Package) -> None:
    expected = [
        "GET /tickets: ids is left out, because it is not a plain value",
        "GET /files/{name}.txt: a parameter is only a part of a path's segment",
        "GET /export: it answers text/csv, and no JSON",
        "POST /upload: it takes multipart/form-data, and no JSON",
        "GET /session: it needs sid, and parameters in cookie are not sent",
        "GET /elsewhere: other.yaml#/A leads to another document",
        "GET /broken: it is not written as OpenAPI has it",
        "CreateTicketContact: of several alternatives none is drafted, it takes anything",
        "CreateTicketMaybe: its pattern is not drafted",
        "no test for send_mail: it is only accepted, and nothing proves that it is done",
        "no test for reindex: nothing in its request tells one from another",
    ]
    assert [one for one in expected if one not in package.skipped] == []
    assert [one for one in package.skipped if f"- {one}" not in package.files["README.md"]] == []
    assert 'url = "https://desk.example.com/v2"' in package.files["README.md"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"subject": "a", "kind": "bug", "author": {"name": "Ada"}}, ""),
        ({"subject": "", "kind": "bug", "author": {"name": "Ada"}}, "subject"),
        ({"subject": "a", "kind": "other", "author": {"name": "Ada"}}, "kind"),
        ({"subject": "a", "kind": "bug", "author": {"name": "Ada", "age": 151}}, "author.age"),
        ({"subject": "a", "kind": "bug", "author": {"name": "Ada"}, "price": 0}, "price"),
        ({"subject": "a", "kind": "bug", "author": {"name": "Ada"}, "tags": ["A"]}, "tags.0"),
        ({"subject": "a", "kind": "bug", "author": {"name": "Ada"}, "unknown": 1}, "unknown"),
        ({"subject": "a", "kind": "bug", "author": {"name": "Ada"}, "parent": {"id": 1}}, "parent.subject"),
    ],
)
def test_requests_hold_what_the_description_says(adapter: ModuleType, fields: dict[str, Any], wrong: str) -> None:
    model = actions(adapter)["create_ticket"].request
    if not wrong:
        assert model.model_validate(fields).model_dump(exclude_unset=True) == fields
        return
    with pytest.raises(ValidationError) as refused:
        model.model_validate(fields)
    assert wrong in [".".join(map(str, one["loc"])) for one in refused.value.errors()]


async def sent(adapter: ModuleType, name: str, reply: httpx.Response, **fields: Any) -> tuple[httpx.Request, Any]:
    """What goes out, and what is made of an answer: what is acknowledged, or the error."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return reply

    settings = neighbour(adapter, "wire").AcmeDeskSettings(url="https://desk.example/v2/", token="s3cret")
    made = adapter.AcmeDeskAdapter.open(settings, Surroundings("desk"), transport=httpx.MockTransport(answer))
    action = actions(adapter)[name]
    try:
        result: Any = await made.send(action, Attempt("op", "sw-key", action.request.model_validate(fields)))
    except IntegrationError as error:
        result = error
    await made.close()
    return requests[0], result


TICKET = {"id": 7, "subject": "a", "version": "1", "kind": "a kind of tomorrow", "more": True}


async def test_a_request_goes_where_the_description_says(adapter: ModuleType) -> None:
    fields = {"subject": "a", "kind": "bug", "author": {"name": "Ada"}, "class_": "x", "due": "2026-01-31"}
    request, result = await sent(adapter, "create_ticket", httpx.Response(201, json=TICKET), **fields)
    assert (request.method, str(request.url)) == ("POST", "https://desk.example/v2/tickets")
    assert json.loads(request.content) == {
        "subject": "a",
        "kind": "bug",
        "author": {"name": "Ada"},
        "class": "x",
        "due": "2026-01-31",
    }
    assert request.headers["idempotency-key"] == "sw-key"
    assert request.headers["x-desk-key"] == "s3cret"
    assert (result.record, result.value.kind) == ("7", "a kind of tomorrow")


async def test_paths_queries_headers_and_whole_bodies_are_filled_in(adapter: ModuleType) -> None:
    page, listed = await sent(adapter, "list_tickets", httpx.Response(200, json=[TICKET]), page=2, open=True)
    assert (str(page.url), page.content) == ("https://desk.example/v2/tickets?page=2&open=true", b"")
    assert [one.id for one in listed.value.items] == [7]
    put, _ = await sent(
        adapter,
        "replace_ticket",
        httpx.Response(200, json=TICKET),
        ticket_id=7,
        if_match="v1",
        subject="a",
        kind="bug",
        author={"name": "Ada"},
    )
    assert (put.url.path, put.headers["if-match"]) == ("/v2/tickets/7", "v1")
    mail, _ = await sent(adapter, "send_mail", httpx.Response(200), ticket_id=7, body=[{"name": "Ada"}])
    assert (mail.url.path, json.loads(mail.content)) == ("/v2/tickets/7/mails", [{"name": "Ada"}])


@pytest.mark.parametrize(
    ("name", "reply", "kind"),
    [
        ("delete_ticket", httpx.Response(412, json={"title": "changed"}), PreconditionFailed),
        ("delete_ticket", httpx.Response(412, html="<h1>Precondition Failed</h1>"), GatewayError),
        ("delete_ticket", httpx.Response(412, json=["changed"]), GatewayError),
        ("delete_ticket", httpx.Response(408, json={}), GatewayError),
        ("delete_ticket", httpx.Response(503, json={"title": "down"}), GatewayError),
        ("delete_ticket", httpx.Response(200, html="<h1>Log in</h1>"), UnreadableReply),
        ("delete_ticket", httpx.Response(202), CommitUnknown),
    ],
)
async def test_only_an_answer_of_its_own_refuses_anything(
    adapter: ModuleType, name: str, reply: httpx.Response, kind: type[IntegrationError]
) -> None:
    _, result = await sent(adapter, name, reply, ticket_id=7)
    assert type(result) is kind
    assert result.effect == ("none" if kind is PreconditionFailed else "maybe")


def changed_by_others(subject: Any, to: str) -> tuple[bool, Any, Mapping[str, Any]]:
    """Whether others change what `replace_ticket` is about; the record afterwards, and what the sample writes."""
    target = subject.target(Plan(), LoopClock())
    sample = subject.samples(target)["replace_ticket"](7)
    (wanted,) = sample.wanted
    done = subject.change(target, sample, wanted.where["id"], to)
    return done, dict(target.records("/tickets"))[wanted.where["id"]], wanted.content


async def test_others_write_what_the_kit_asks_for(adapter: ModuleType) -> None:
    subject = importlib.import_module(f"{adapter.__name__.rpartition('.')[0]}.subject").AcmeDeskSubject()
    assert changed_by_others(subject, "beside")[:2] == (True, {"version": "2"})
    done, record, content = changed_by_others(subject, "alike")
    assert (done, record) == (True, {**content, "version": "2"})
    assert content["subject"] == "T00007"
    done, record, content = changed_by_others(subject, "over")
    assert done
    assert (record.keys(), record["version"]) == ({*content, "version"}, "2")
    assert record["subject"] != content["subject"]


def test_only_the_operations_that_are_wanted_are_drafted(tmp_path: Path) -> None:
    made = from_openapi(names("acme_desk"), DESK, only=["createTicket", "get_version"])
    text = made.files["src/acme_desk/operations.py"]
    assert [name for name in ("create_ticket", "get_version", "add_person") if f'"{name}": Operation(' in text] == [
        "create_ticket",
        "get_version",
    ]
    with pytest.raises(InvalidRequest, match=r"no operation dropTicket; there are: listTickets, createTicket"):
        from_openapi(names("acme_desk"), DESK, only=["dropTicket"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"swagger": "2.0", "paths": {}}', "it says Swagger 2.0: convert it first"),
        ('{"openapi": "3.2.0", "paths": {"/": {}}}', "it says 3.2.0"),
        ('{"openapi": "3.0.1"}', "describes no paths"),
        ('{"openapi": "3.0.1", "paths": {"/a": {"head": {}}}}', "nothing can be drafted from it: no operations"),
        (
            '{"openapi": "3.0.1", "paths": {"/a": {"post": {"requestBody": {"$ref": "b.yaml"}, "responses": {}}}}}',
            "nothing can be drafted from it: POST /a: b.yaml leads to another document",
        ),
        ('{"openapi": "3.0.1", "paths": {"/a": {"$ref": "b.yaml"}}}', "b.yaml leads to another document"),
        ("{", "is no JSON"),
        ("a: [", "is no YAML"),
        ("- 1", "describes no API"),
        ("\xff", "is no UTF-8 text"),
        (None, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "api.yaml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidRequest, match=says):
        from_openapi(names("acme_desk"), path)


def test_a_description_of_which_no_operation_can_be_drafted_is_refused(tmp_path: Path) -> None:
    schema = {"properties": {"a": {"$ref": "b.yaml"}}}
    answers = {"200": {"content": {"application/json": {"schema": schema}}}}
    path = tmp_path / "api.json"
    path.write_text(json.dumps({"openapi": "3.0.1", "paths": {"/a": {"post": {"responses": answers}}}}))
    with pytest.raises(InvalidRequest, match=r"from it: POST /a: b\.yaml leads to another document"):
        from_openapi(names("acme_desk"), path)


SMALL = {"openapi": "3.0.3", "paths": {"/a": {"post": {"operationId": "a", "responses": {"204": {}}}}}}


@pytest.mark.parametrize(
    ("scheme", "line", "told"),
    [
        ({"type": "http", "scheme": "Bearer"}, 'self._headers["Authorization"] = f"Bearer {token}"', ""),
        ({"type": "http", "scheme": "basic"}, 'self._headers["Authorization"] = f"Basic {token}"', "Base64 text"),
        ({"type": "oauth2"}, 'self._headers["Authorization"] = f"Bearer {token}"', "never renewed"),
        ({"type": "mutualTLS"}, 'self._headers["Authorization"] = f"Bearer {token}"', "nothing is drafted for it"),
    ],
)
def test_logging_in_is_drafted_as_far_as_a_token_goes(
    tmp_path: Path, scheme: dict[str, str], line: str, told: str
) -> None:
    path = tmp_path / "api.json"
    path.write_text(json.dumps({**SMALL, "components": {"securitySchemes": {"login": scheme}}}))
    made = from_openapi(names("acme_desk"), path)
    assert line in made.files["src/acme_desk/wire.py"]
    assert told in " ".join(made.skipped)
