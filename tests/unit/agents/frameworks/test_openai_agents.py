"""The tools in the OpenAI Agents SDK: no failure function of its own, schemas that it may change, and no approval."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, FunctionTool, Runner, RunState
from agents.tool_context import ToolContext
from openai.types.responses import ResponseFunctionToolCall
from support.agents import toy_agent
from support.frameworks import CASE, CREATE, Ask, Told, cases, crm_agent
from support.frameworks.openai_agents import QUIET, Scripted, drive_openai_agents
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


@pytest.mark.case(26)
@pytest.mark.case(49)
@virtual
async def test_approval_of_the_sdk_that_is_resumed_twice_at_once_and_again_later_acts_once(tmp_path: Path) -> None:
    async with crm_agent(tmp_path) as (agent, org):
        model = Scripted([Ask("c1", CREATE, CASE)], [], [])
        made: list[Any] = openai_agents_tools(agent)
        runs = Agent(name="ada", model=model, tools=[replace(tool, needs_approval=True) for tool in made])
        waiting = await Runner.run(runs, "Open a case.", run_config=QUIET)
        assert cases(org) == []
        held = waiting.to_state().to_string()

        async def resume() -> str:
            state = await RunState.from_string(runs, held)
            state.approve(state.get_interruptions()[0])
            done = await Runner.run(runs, state, run_config=QUIET)
            items: list[Any] = done.to_input_list()
            (output,) = (item for item in items if item.get("type") == "function_call_output")
            return str(Told("c1", str(output["output"]), None).envelope["status"])

        statuses = [*await asyncio.gather(resume(), resume()), await resume()]
        assert sorted(statuses) == ["replayed", "replayed", "succeeded"]
        assert cases(org) == ["Parcel lost"]


@virtual
async def test_timeout_of_the_sdk_ends_the_wait_and_the_same_call_finds_what_it_began(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["slow:5"]) as (agent, target, _):
        model = Scripted([Ask("c1", ADD, {"reference": "R-1"})], [Ask("c2", ADD, {"reference": "R-1"})])
        made: list[Any] = openai_agents_tools(agent)
        add = next(tool for tool in made if tool.name == ADD)
        add.timeout_seconds = 3.0
        await Runner.run(Agent(name="ada", model=model, tools=[add]), "Go on.", run_config=QUIET)
        timed_out, again = (item["output"] for item in model.heard if item.get("type") == "function_call_output")
        assert "timed out" in timed_out
        assert Told("c2", again, None).facts == ("replayed", "applied")
        assert (len(target.effects), target.sends) == (1, 1)
