"""Calls as OpenAI's two APIs return them: objects of its package, and the same as dicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from support.agents import toy_agent
from support.frameworks import Ask, Told
from support.frameworks.openai import completion, response
from support.toy import ADD as ADD_NOTE
from support.virtual import virtual

from seawall.agents import Dispatcher, OpenAIChatTools, OpenAIResponsesTools
from seawall.agents.frameworks.strict import is_strict

ADD, NOTE = "toy__add_note", {"reference": "R-1"}


async def over_chat(agent: Dispatcher, asks: list[Ask], *, plain: bool = False, **how: Any) -> list[Told]:
    given: Any = completion(asks)
    message = given["choices"][0]["message"] if plain else ChatCompletion.model_validate(given).choices[0].message
    results: list[Any] = list(await OpenAIChatTools(agent, **how).results(message))
    return [Told(one["tool_call_id"], str(one["content"]), None) for one in results]


async def over_responses(agent: Dispatcher, asks: list[Ask], *, plain: bool = False, **how: Any) -> list[Told]:
    given: Any = response(asks)
    response_: Any = given if plain else Response.model_validate(given)
    results: list[Any] = list(await OpenAIResponsesTools(agent, **how).results(response_))
    return [Told(str(one["call_id"]), str(one["output"]), None) for one in results]


both = pytest.mark.parametrize("over", [over_chat, over_responses])
each = pytest.mark.parametrize("plain", [False, True], ids=["objects", "dicts"])
Over = Callable[..., Any]


@both
@each
@virtual
async def test_malformed_arguments_and_unknown_tools_are_invalid_beside_a_call_that_is_made(
    tmp_path: Path, over: Over, plain: bool
) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        told = await over(
            agent,
            [
                Ask("c1", ADD, '{"reference": "R-1", "text": "hel'),
                Ask("c2", "toy__no_such", "{}"),
                Ask("c3", ADD, NOTE),
                Ask("c4", "operations_mine", ""),
            ],
            plain=plain,
        )
        assert [one.call_id for one in told] == ["c1", "c2", "c3", "c4"]
        assert [one.facts[0] for one in told] == ["invalid", "invalid", "succeeded", "succeeded"]
        assert "Unterminated string" in told[0].envelope["summary"]
        assert ADD in told[1].envelope["error"]["fields"][0]["allowed"]
        assert len(target.effects) == 1


@both
@virtual
async def test_calls_of_the_application_s_own_tools_are_left_to_it(tmp_path: Path, over: Over) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        told = await over(agent, [Ask("c1", "weather", "{}"), Ask("c2", ADD, NOTE)], others=["weather"])
        assert [one.call_id for one in told] == ["c2"]


@both
@virtual
async def test_answer_without_calls_is_answered_with_nothing(tmp_path: Path, over: Over) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        assert await over(agent, []) == []


@both
@virtual
async def test_call_without_an_id_is_refused_before_anything_is_sent(tmp_path: Path, over: Over) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        with pytest.raises(ValueError, match="cannot be answered"):
            await over(agent, [Ask("c1", ADD, NOTE), Ask("", ADD, {"reference": "R-2"})], plain=True)
        assert target.sends == 0


@both
@virtual
async def test_name_that_vendors_refuse_is_shown_as_another_and_restored(tmp_path: Path, over: Over) -> None:
    action = replace(ADD_NOTE, name="add_note_of_a_kind_that_" + "is_long_" * 8)
    async with toy_agent(tmp_path, action=action) as (agent, target, _):
        (name,) = (tool.name for tool in agent.tools if tool.meta.get("seawall/action") == f"toy.{action.name}")
        assert len(name) <= 64
        (told,) = await over(agent, [Ask("c1", name, NOTE)])
        assert told.facts == ("succeeded", "applied")
        assert len(target.effects) == 1


@virtual
async def test_strict_is_said_of_each_tool_and_only_where_its_schema_holds_the_rules(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        expected = {tool.name: is_strict(tool.input_schema) for tool in agent.tools}
        shown: Any = OpenAIChatTools(agent).tools
        chat = {tool["function"]["name"]: tool["function"]["strict"] for tool in shown}
        assert chat == {tool["name"]: tool["strict"] for tool in OpenAIResponsesTools(agent).tools} == expected
        assert set(expected.values()) == {True, False}


@virtual
async def test_schemas_that_are_handed_out_can_be_changed_without_changing_the_tools(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        ours: Any = OpenAIChatTools(agent)
        for tool in ours.tools:
            tool["function"]["parameters"].clear()
        assert all(tool["function"]["parameters"] for tool in ours.tools)


@virtual
async def test_call_that_is_marked_as_incomplete_is_not_made(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        cut = response([Ask("c1", ADD, NOTE)], status="incomplete")
        (output,) = await OpenAIResponsesTools(agent).results(Response.model_validate(cut))
        told = Told("c1", str(output["output"]), None)
        assert told.facts == ("invalid", "not_applied")
        assert "cut off" in told.envelope["summary"]
        assert target.sends == 0


@pytest.mark.parametrize("plain", [False, True])
@virtual
async def test_answer_for_a_program_names_it(tmp_path: Path, plain: bool) -> None:
    caller = {"type": "program", "caller_id": "prog_1"}
    async with toy_agent(tmp_path) as (agent, _, _):
        given = response([Ask("c1", ADD, NOTE)], caller=caller)
        response_: Any = given if plain else Response.model_validate(given)
        outputs: list[Any] = list(await OpenAIResponsesTools(agent).results(response_))
        assert [output["caller"] for output in outputs] == [caller]


@virtual
async def test_calls_of_other_kinds_are_nobody_s_of_ours(tmp_path: Path) -> None:
    custom = {"id": "c1", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    async with toy_agent(tmp_path) as (agent, _, _):
        assert await OpenAIChatTools(agent).results({"role": "assistant", "tool_calls": [custom]}) == []
        assert await OpenAIResponsesTools(agent).results({"output": [{"type": "message"}, {"type": "reasoning"}]}) == []
