"""The toolset in PydanticAI's agents: nothing to retry, the envelope as metadata, names as the application has them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, RunContext
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import AbstractToolset
from support.agents import toy_agent
from support.frameworks import CASE, CREATE, Ask, cases, crm_agent
from support.frameworks.pydantic_ai import drive_pydantic_ai, returned
from support.virtual import virtual

from seawall.agents import INSTRUCTIONS, Dispatcher, PydanticAIToolset

ADD, NOTE = "toy__add_note", {"reference": "R-1"}


@pytest.mark.parametrize("written", ['{"reference": "R-1", "text": "hel', "[1]", "null", '{"a": 1, "a": 2}'])
@virtual
async def test_malformed_arguments_are_a_result_and_no_retry(tmp_path: Path, written: str) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        seen = await drive_pydantic_ai(agent, [Ask("c1", ADD, written)], [Ask("c2", "operations_mine", written)])
        assert [told.facts for told in seen.told] == [("invalid", "not_applied")] * 2
        assert "must be a JSON object" in seen.told[0].envelope["summary"]
        assert target.sends == 0


@virtual
async def test_arguments_that_are_left_out_are_none(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        seen = await drive_pydantic_ai(agent, [Ask("c1", "operations_mine", ""), Ask("c2", "operations_mine", {})])
        assert [told.facts[0] for told in seen.told] == ["succeeded", "succeeded"]


async def results_of(toolset: AbstractToolset[Any], *calls: str) -> tuple[list[Any], list[ModelMessage]]:
    """The results of calls that PydanticAI's own test model makes up from the schemas."""
    done = await Agent(TestModel(call_tools=list(calls)), toolsets=[toolset], retries=0).run("Go on.")
    return returned(done), done.all_messages()


@virtual
async def test_test_model_calls_by_schema_and_the_envelope_is_the_metadata(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        results, messages = await results_of(PydanticAIToolset(agent, id="crm"), ADD, "operation_get")
        done, asked = results
        assert done.metadata["status"] == "succeeded"
        assert done.metadata["data"]["content"] == {"id": "n1", "text": target.effects[0].text}
        assert asked.metadata["effect"] == "not_applied"
        first = messages[0]
        assert isinstance(first, ModelRequest)
        assert first.instructions == INSTRUCTIONS


@virtual
async def test_prefix_of_the_application_is_taken_off_again(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        results, _ = await results_of(PydanticAIToolset(agent).prefixed("mine"), f"mine_{ADD}")
        assert results[0].metadata["status"] == "succeeded"
        assert len(target.effects) == 1


@virtual
async def test_last_call_of_an_answer_that_was_cut_off_is_not_made(tmp_path: Path) -> None:
    asked: list[ModelResponse] = [
        ModelResponse(
            [ToolCallPart(ADD, NOTE, "c1"), ToolCallPart(ADD, {"reference": "R-2", "text": "He says"}, "c2")],
            finish_reason="length",
        ),
        ModelResponse([TextPart("done")], finish_reason="stop"),
    ]

    async def think(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        return asked.pop(0)

    async with toy_agent(tmp_path) as (agent, target, _):
        done = await Agent(FunctionModel(think), toolsets=[PydanticAIToolset(agent)], retries=0).run("Go on.")
        whole, cut = returned(done)
        assert whole.metadata["status"] == "succeeded"
        assert (cut.metadata["status"], cut.metadata["effect"]) == ("invalid", "not_applied")
        assert "cut off" in cut.metadata["summary"]
        assert len(target.effects) == 1


@virtual
async def test_tools_of_a_run_are_those_of_whom_it_is_for(tmp_path: Path) -> None:
    ada_only = [{"name": "ada", "decision": "allow", "principals": ["agent:ada"]}]
    shown: list[set[str]] = []

    async def think(_messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        shown.append({tool.name for tool in info.function_tools})
        return ModelResponse([TextPart("done")])

    async with toy_agent(tmp_path, policy=ada_only) as (_, _, wall):
        runs = Agent(FunctionModel(think), deps_type=str)

        @runs.toolset
        def tools_of(ctx: RunContext[str]) -> PydanticAIToolset:
            return PydanticAIToolset(Dispatcher(wall, ctx.deps))

        await runs.run("Go on.", deps="agent:ada")
        await runs.run("Go on.", deps="agent:bob")
        assert [ADD in names for names in shown] == [True, False]


@pytest.mark.case(26)
@pytest.mark.case(49)
@virtual
async def test_approval_of_pydantic_ai_that_is_resumed_twice_at_once_and_again_later_acts_once(tmp_path: Path) -> None:
    async def think(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        return ModelResponse([ToolCallPart(CREATE, CASE, "c1") if len(messages) == 1 else TextPart("done")])

    async with crm_agent(tmp_path) as (agent, org):
        toolset = PydanticAIToolset(agent).approval_required()
        runs = Agent(FunctionModel(think), toolsets=[toolset], output_type=[str, DeferredToolRequests])
        waiting = await runs.run("Open a case.")
        assert isinstance(waiting.output, DeferredToolRequests)
        assert cases(org) == []
        held = waiting.all_messages_json()

        async def resume() -> str:
            history = ModelMessagesTypeAdapter.validate_json(held)
            approved = DeferredToolResults(approvals={"c1": True})
            done = await runs.run(message_history=history, deferred_tool_results=approved)
            return str(returned(done)[-1].metadata["status"])

        statuses = [*await asyncio.gather(resume(), resume()), await resume()]
        assert sorted(statuses) == ["replayed", "replayed", "succeeded"]
        assert cases(org) == ["Parcel lost"]
