"""Every action of every connector as a tool: names, schemas, hints, order, and who is shown which."""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest
from support.agents import BOB, toy_agent
from support.toy import ADD, SetNote, Target, ToyAdapter
from support.virtual import sources, virtual

from seawall.agents import Dispatcher, Reach, Tool
from seawall.agents.hints import hints_of, reach_of
from seawall.agents.tools import Bound
from seawall.connectors import BUILT_IN, load_connector
from seawall.core.action import Action, EffectClass, NoDedupe
from seawall.core.adapter import Surroundings

jsonschema: Any = pytest.importorskip("jsonschema")
EVERY_VENDOR = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def every_action() -> list[tuple[str, Action]]:
    found = []
    for kind in sorted(BUILT_IN):
        adapter = load_connector(kind)
        for settings in adapter.examples.values():
            opened = adapter.open(adapter.settings_model.model_validate(settings), Surroundings("example"))
            found += [(kind, action) for action in opened.actions.values()]
    return found


EVERY = every_action()


def tool(kind: str, action: Action) -> Tool:
    return Bound(kind, action, f"{kind}__{action.name}").tool


def test_every_action_of_every_connector_is_a_tool_that_every_vendor_takes() -> None:
    for kind, action in EVERY:
        made = tool(kind, action)
        assert EVERY_VENDOR.fullmatch(made.name), made.name
        for schema in (made.input_schema, made.output_schema):
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
            assert "$ref" not in str(schema)
            assert "$defs" not in schema
        assert made.input_schema["additionalProperties"] is False
        assert action.description.rstrip(".") in made.description
        assert ("operation_get" in made.description) == action.writes
        assert all(isinstance(hint, bool) for hint in astuple(made.hints))


def test_description_that_is_too_long_for_some_vendors_is_shortened_and_keeps_the_rules() -> None:
    made = tool("toy", replace(ADD, description="Adds a note, " * 200))
    assert len(made.description) == 1024
    assert made.description.startswith("Adds a note, Adds a note, ")
    assert "… System: toy. Creates something new." in made.description
    assert made.description.endswith("and never make the change in another way.")
    reads = Action(
        name="get_note", description="Reads. " * 200, request=ADD.request, reply=ADD.reply, effect=EffectClass.READ
    )
    assert len(tool("toy", reads).description) == 1024


@pytest.mark.parametrize(
    ("effect", "hints", "reach"),
    [
        (EffectClass.READ, (True, False, True, True), Reach.READ),
        (EffectClass.CREATE, (False, False, True, True), Reach.WRITE),
        (EffectClass.SET, (False, True, True, True), Reach.DESTRUCTIVE),
        (EffectClass.CHANGE, (False, True, False, True), Reach.DESTRUCTIVE),
        (EffectClass.DELETE, (False, True, True, True), Reach.DESTRUCTIVE),
        (EffectClass.SEND, (False, True, False, True), Reach.DESTRUCTIVE),
        (EffectClass.OPAQUE, (False, True, False, True), Reach.DESTRUCTIVE),
    ],
)
def test_hints_follow_from_the_effect_class(effect: EffectClass, hints: tuple[bool, ...], reach: Reach) -> None:
    action = Action(name="do_it", description="Does.", request=ADD.request, reply=ADD.reply, effect=EffectClass.READ)
    if effect is not EffectClass.READ:
        versioned: dict[str, Any] = {"request": SetNote, "identity": ("note_id", "version"), "version": "version"}
        action = replace(ADD, effect=effect, **(versioned if effect is not EffectClass.CREATE else {}))
    assert astuple(hints_of(action)) == hints
    assert reach_of(action) is reach


def test_create_that_is_not_deduplicated_is_not_idempotent() -> None:
    assert not hints_of(replace(ADD, dedupe=NoDedupe(), probe=None)).idempotent


@virtual
async def test_results_fit_the_output_schema_of_their_tool(tmp_path: Path) -> None:
    script = ["ok", "refused", *["lost before"] * 20]
    async with toy_agent(tmp_path, script=script, action=replace(ADD, horizon=None)) as (agent, _, _):
        schema = next(tool.output_schema for tool in agent.tools if tool.name == "toy__add_note")
        requests: list[dict[str, Any]] = [{"reference": "1"}, {"reference": "2"}, {"reference": "3"}, {}]
        told = [(await agent.call("toy__add_note", request)).to_json() for request in [*requests, requests[0]]]
        for result in told:
            jsonschema.validate(result, schema)
        assert [result["status"] for result in told] == [
            "succeeded",
            "failed",
            "outcome_unknown",
            "invalid",
            "replayed",
        ]
        forged = {**told[2], "status": "succeeded"}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(forged, schema)


@virtual
async def test_list_is_always_the_same_and_holds_what_the_policy_grants(tmp_path: Path) -> None:
    policy = [
        {"name": "bob reads", "decision": "allow", "principals": [BOB], "effects": ["read"]},
        {"name": "ada", "decision": "allow", "principals": ["agent:ada"], "actions": ["toy.add_note*"]},
    ]
    async with toy_agent(tmp_path, policy=policy) as (agent, _, wall):
        own = ["operation_get", "operation_wait", "operation_cancel", "operations_mine"]
        assert [tool.name for tool in agent.tools] == ["toy__add_note", "toy__add_notes", *own]
        bob = Dispatcher(wall, BOB)
        assert [tool.name for tool in bob.tools] == ["toy__get_note", *own]
        assert Dispatcher(wall, BOB).tools == bob.tools
        nobody = Dispatcher(wall, "agent:nobody")
        assert [tool.name for tool in nobody.tools] == own


@virtual
async def test_list_holds_what_some_request_could_be_allowed_or_held_for(tmp_path: Path) -> None:
    policy: list[dict[str, Any]] = [
        {"name": "nobody deletes", "decision": "deny", "effects": ["delete"]},
        {"name": "some", "decision": "allow", "actions": ["toy.add_note"], "where": {"reference": {"is": "A-1"}}},
        {"name": "held", "decision": "require_approval", "effects": ["set", "delete"], "approval": {"role": "lead"}},
    ]
    async with toy_agent(tmp_path, policy=policy) as (agent, _, _):
        names = [tool.name for tool in agent.tools if tool.name.startswith("toy")]
        assert names == ["toy__add_note", "toy__set_note"]


@virtual
async def test_names_that_a_vendor_refuses_are_told_apart_by_a_digest(tmp_path: Path) -> None:
    given = sources()
    adapter = ToyAdapter(Target(given.clock))
    long = "a" * 80
    adapter._actions = {name: replace(ADD, name=name) for name in (long + "b", long + "c", "add_note")}
    async with toy_agent(tmp_path, adapter=adapter) as (agent, _, _):
        names = [tool.name for tool in agent.tools if tool.name.startswith("toy")]
        assert len(set(names)) == 3
        assert all(EVERY_VENDOR.fullmatch(name) for name in names)
        result = await agent.call(next(name for name in names if "aaa" in name), {"reference": "1"})
        assert result.status == "succeeded"


@virtual
async def test_many_actions_are_searched_described_and_called_by_class_of_effect(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, agents={"typed_tools": 4}) as (agent, target, _):
        names = [tool.name for tool in agent.tools]
        assert names[:5] == ["call_read", "call_write", "call_destructive", "actions_search", "actions_describe"]
        assert [astuple(tool.hints)[:3] for tool in agent.tools[:3]] == [
            (True, False, True),
            (False, False, False),
            (False, True, False),
        ]
        found = await agent.call("actions_search", {"query": "overwrite a note", "limit": 1})
        assert found.data["actions"][0]["action"] == "toy.set_note"
        assert found.data["actions"][0]["call_with"] == "call_destructive"
        told = await agent.call("actions_describe", {"action": "toy.add_note"})
        assert told.data["arguments"]["required"] == ["reference"]
        assert told.data["call_with"] == "call_write"
        done = await agent.call("call_write", {"action": "toy.add_note", "arguments": {"reference": "R-1"}})
        assert done.status == "succeeded"
        assert (await agent.call("toy__add_note", {"reference": "R-2"})).status == "invalid"
        assert len(target.effects) == 1


@pytest.mark.parametrize(
    ("tool_name", "action", "right"),
    [
        ("call_read", "toy.add_note", "call_write"),
        ("call_read", "toy.delete_note", "call_destructive"),
        ("call_write", "toy.delete_note", "call_destructive"),
        ("call_write", "toy.set_note", "call_destructive"),
    ],
)
@virtual
async def test_dispatcher_refuses_what_reaches_further(tmp_path: Path, tool_name: str, action: str, right: str) -> None:
    async with toy_agent(tmp_path, agents={"typed_tools": 0}) as (agent, target, _):
        arguments = {"action": action, "arguments": {"reference": "1", "note_id": "n1"}}
        result = await agent.call(tool_name, arguments)
        assert (result.status, result.effect) == ("invalid", "not_applied")
        assert result.next is not None
        assert (result.next.tool, result.next.arguments) == (right, arguments)
        assert (target.sends, target.deletions) == (0, [])


@virtual
async def test_dispatcher_calls_what_reaches_less_far(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, agents={"typed_tools": 0}) as (agent, _, _):
        read = {"action": "toy.get_note", "arguments": {"note_id": "n1"}}
        assert (await agent.call("call_destructive", read)).status == "succeeded"
        assert agent.reach("call_destructive", read) is Reach.READ
        assert agent.reach("operation_get", {}) is None


@virtual
async def test_actions_that_are_not_permitted_are_neither_found_nor_described_nor_done(tmp_path: Path) -> None:
    reads = [{"name": "reads", "decision": "allow", "effects": ["read"]}]
    async with toy_agent(tmp_path, agents={"typed_tools": 0}, policy=reads) as (agent, target, _):
        assert [tool.name for tool in agent.tools][:2] == ["call_read", "actions_search"]
        found = await agent.call("actions_search", {"query": "note"})
        assert [one["action"] for one in found.data["actions"]] == ["toy.get_note"]
        assert (await agent.call("actions_describe", {"action": "toy.add_note"})).status == "invalid"
        arguments = {"action": "toy.add_note", "arguments": {"reference": "1"}}
        assert (await agent.call("call_destructive", arguments)).status == "denied"
        assert target.sends == 0


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("operation_get", {}, "operation_id"),
        ("operation_get", {"operation_id": 7}, "operation_id"),
        ("operations_mine", {"limit": 0}, "limit"),
        ("operations_mine", {"limit": True}, "limit"),
        ("operations_mine", {"limit": 101}, "limit"),
        ("operations_mine", {"status": "done"}, "status"),
        ("operation_wait", {"operation_id": "op_1", "seconds": float("nan")}, "seconds"),
        ("operation_wait", {"operation_id": "op_1", "minutes": 1}, "minutes"),
        ("actions_search", {"query": "x", "limit": "many"}, "limit"),
        ("actions_describe", {"action": "toy.none"}, "action"),
        ("call_read", {"action": "toy.get_note", "arguments": []}, "arguments"),
    ],
)
@virtual
async def test_arguments_of_our_own_tools_are_checked(
    tmp_path: Path, name: str, arguments: dict[str, Any], field: str
) -> None:
    async with toy_agent(tmp_path, agents={"typed_tools": 0}) as (agent, _, _):
        result = await agent.call(name, arguments)
        assert (result.status, result.effect) == ("invalid", "not_applied")
        assert result.error is not None
        assert result.error.fields[0]["field"] == field
