"""The tools in the OpenAI Agents SDK: no failure function of its own, schemas that it may change, and no approval."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from agents import FunctionTool
from agents.tool_context import ToolContext
from openai.types.responses import ResponseFunctionToolCall
from support.agents import toy_agent
from support.frameworks import Ask, Told
from support.frameworks.openai_agents import drive_openai_agents
from support.virtual import virtual

from seawall.agents import openai_agents_tools
from seawall.agents.frameworks.strict import is_strict

ADD = "toy__add_note"


@pytest.mark.parametrize("written", ['{"reference": "R-1", "text": "hel', "[1]", "null"])
@virtual
async def test_malformed_arguments_are_our_result_and_not_the_sdk_s_words(tmp_path: Path, written: str) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        seen = await drive_openai_agents(agent, [Ask("c1", ADD, written)])
        assert seen.told[0].facts == ("invalid", "not_applied")
        assert "must be a JSON object" in seen.told[0].envelope["summary"]
        assert target.sends == 0


@virtual
async def test_call_that_is_marked_as_incomplete_is_not_made(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        add: Any = next(tool for tool in openai_agents_tools(agent) if tool.name == ADD)
        written = '{"reference": "R-1"}'
        call = ResponseFunctionToolCall(
            type="function_call", call_id="c1", name=ADD, arguments=written, status="incomplete"
        )
        context = ToolContext(None, tool_name=ADD, tool_call_id="c1", tool_arguments=written, tool_call=call)
        told = Told("c1", await add.on_invoke_tool(context, written), None)
        assert told.facts == ("invalid", "not_applied")
        assert "cut off" in told.envelope["summary"]
        assert target.sends == 0


@virtual
async def test_sdk_changes_no_schema_of_ours_and_is_strict_only_where_that_holds(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        before = copy.deepcopy([tool.input_schema for tool in agent.tools])
        made: list[Any] = openai_agents_tools(agent)
        assert [tool.input_schema for tool in agent.tools] == before
        assert all(isinstance(tool, FunctionTool) for tool in made)
        assert [tool.strict_json_schema for tool in made] == [is_strict(schema) for schema in before]
        assert [tool.params_json_schema for tool in made] == before
        assert [tool.needs_approval for tool in made] == [False] * len(made)
