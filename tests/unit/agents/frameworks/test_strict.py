"""When strict mode can be asked for: judged by the two packages that make schemas strict, which find nothing to do."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from agents.strict_schema import ensure_strict_json_schema
from support.agents import toy_agent
from support.frameworks import crm_agent
from support.virtual import virtual

from seawall.agents import Tool
from seawall.agents.frameworks.strict import is_strict

TEXT = {"type": "string"}


def closed(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    needed = list(required) or list(properties)
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False, **more}


@pytest.mark.parametrize(
    "schema",
    [
        closed({"a": TEXT}),
        closed({}),
        closed({"a": {"type": ["string", "null"]}, "b": {"anyOf": [TEXT, {"type": "null"}]}}),
        closed({"a": {"type": "array", "items": closed({"b": {"type": "integer", "minimum": 1}})}}),
        closed({"a": {"type": "string", "enum": ["x"], "description": "…"}, "b": {**TEXT, "format": "date"}}),
        closed({"properties": TEXT, "default": TEXT}),
    ],
)
def test_schema_that_holds_the_rules_is_strict(schema: dict[str, Any]) -> None:
    assert is_strict(schema)
    assert ensure_strict_json_schema(copy.deepcopy(schema)) == schema


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": TEXT}, "required": ["a"]},
        closed({"a": TEXT, "b": TEXT}, "a"),
        closed({"a": {**TEXT, "default": "x"}}),
        closed({"a": {**TEXT, "maxLength": 5}}),
        closed({"a": {**TEXT, "pattern": "^(?!x)"}}),
        closed({"a": {**TEXT, "format": "decimal"}}),
        closed({"a": {"type": "object"}}),
        closed({"a": {"type": "array"}}),
        closed({"a": {"type": "array", "items": {}}}),
        closed({"a": {}}),
        closed({"a": {"enum": ["x"]}}),
        closed({"a": {"oneOf": [TEXT]}}),
        closed({"a": {"anyOf": [TEXT, {"type": "object", "properties": {}}]}}),
        closed({"a": TEXT}, anyOf=[TEXT]),
        closed({f"f{n}": TEXT for n in range(101)}),
        closed({"a": closed({"a": closed({"a": closed({"a": closed({"a": TEXT})})})})}),
    ],
)
def test_schema_that_breaks_a_rule_is_not(schema: dict[str, Any]) -> None:
    assert not is_strict(schema)


def split(tools: tuple[Tool, ...]) -> tuple[set[str], set[str]]:
    strict = {tool.name for tool in tools if is_strict(tool.input_schema)}
    return strict, {tool.name for tool in tools} - strict


@virtual
async def test_no_tool_that_takes_a_deliberate_repeat_is_strict_and_none_is_changed_to_be(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        strict, loose = split(agent.tools)
    assert {"toy__get_note", "operation_get", "operation_cancel"} <= strict
    assert {"toy__add_note", "toy__set_note", "operations_mine"} <= loose
    (tmp_path / "crm").mkdir()
    async with crm_agent(tmp_path / "crm") as (agent, _):
        for tool in agent.tools:
            if is_strict(tool.input_schema):
                assert ensure_strict_json_schema(copy.deepcopy(tool.input_schema)) == tool.input_schema
            if "distinct_from" in tool.input_schema["properties"]:
                assert not is_strict(tool.input_schema)
