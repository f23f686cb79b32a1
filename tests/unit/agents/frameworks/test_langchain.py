"""Tools in LangGraph's graphs: interrupted, resumed, resumed twice; what a node gets and what it may not get at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from support.agents import toy_agent
from support.frameworks import CASE, CREATE, Ask, cases, crm_agent
from support.frameworks.langchain import calling, told_of
from support.toy import ADD as ADD_NOTE
from support.toy import AddNote
from support.virtual import virtual

from seawall.agents import Dispatcher, langchain_tools

ADD, NOTE = "toy__add_note", {"reference": "R-1"}
THREAD: RunnableConfig = {"configurable": {"thread_id": "t1"}}


def graph_of(agent: Dispatcher, **compiled: Any) -> Any:
    """A graph that carries out the calls of its last message."""
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode(langchain_tools(agent)))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(checkpointer=InMemorySaver(), **compiled)


def told(state: Any) -> list[ToolMessage]:
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


@virtual
async def test_message_holds_text_for_the_model_the_envelope_and_a_status(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, _, _):
        asks = [Ask("c1", ADD, NOTE), Ask("c2", ADD, {"text": "x"})]
        done, invalid = told(await graph_of(agent).ainvoke({"messages": [calling(asks)]}, THREAD))
        assert (done.name, done.status, done.artifact["status"]) == (ADD, "success", "succeeded")
        assert done.artifact["data"]["content"] == {"id": "n1", "text": "hello"}
        assert (invalid.status, invalid.artifact["status"]) == ("error", "invalid")
        assert invalid.artifact == told_of(invalid).envelope


@pytest.mark.case(26)
@virtual
async def test_node_that_acts_and_is_then_interrupted_acts_once(tmp_path: Path) -> None:
    async with crm_agent(tmp_path) as (agent, org):
        (create,) = (tool for tool in langchain_tools(agent) if tool.name == CREATE)
        results: list[str] = []

        async def act(state: MessagesState) -> dict[str, Any]:
            call = {"type": "tool_call", "id": "c1", "name": CREATE, "args": CASE}
            message = await create.ainvoke(call)
            results.append(message.artifact["status"])
            return {"messages": [message, AIMessage(interrupt("Is this the one?"))]}

        graph = StateGraph(MessagesState)
        graph.add_node("act", act)
        graph.add_edge(START, "act")
        resumable: Any = graph.compile(checkpointer=InMemorySaver())
        waiting = await resumable.ainvoke({"messages": []}, THREAD)
        assert "__interrupt__" in waiting
        done = await resumable.ainvoke(Command(resume="Yes."), THREAD)
        assert results == ["succeeded", "replayed"]
        assert done["messages"][-1].content == "Yes."
        assert cases(org) == ["Parcel lost"]


@pytest.mark.case(26)
@pytest.mark.case(49)
@virtual
async def test_approval_that_is_resumed_twice_at_once_and_again_later_acts_once(tmp_path: Path) -> None:
    async with crm_agent(tmp_path) as (agent, org):
        graph = graph_of(agent, interrupt_before=["tools"])
        await graph.ainvoke({"messages": [calling([Ask("c1", CREATE, CASE)])]}, THREAD)
        assert cases(org) == []
        held = (await graph.aget_state(THREAD)).config  # this very checkpoint, whatever was done after it
        first, second = await asyncio.gather(graph.ainvoke(None, held), graph.ainvoke(None, held))
        later = await graph.ainvoke(None, held)
        statuses = [told(state)[-1].artifact["status"] for state in (first, second, later)]
        assert sorted(statuses) == ["replayed", "replayed", "succeeded"]
        assert cases(org) == ["Parcel lost"]


@virtual
async def test_step_that_times_out_and_is_run_again_finds_what_it_began(tmp_path: Path) -> None:
    async with toy_agent(tmp_path, script=["slow:5"]) as (agent, target, _):
        graph = graph_of(agent)
        graph.step_timeout = 1
        calls = {"messages": [calling([Ask("c1", ADD, NOTE)])]}
        with pytest.raises(TimeoutError):
            await graph.ainvoke(calls, THREAD)
        assert target.effects == []
        graph.step_timeout = None
        done = told(await graph.ainvoke(None, THREAD))
        assert done[-1].artifact["status"] == "replayed"
        assert (len(target.effects), target.sends) == (1, 1)


class Configured(AddNote):
    """Add a note whose fields are called like LangChain's own arguments."""

    config: str
    run_manager: str
    tool_call_id: str
    self: str  # the name of a method's first argument


@virtual
async def test_fields_that_are_called_like_arguments_of_langchain_arrive_as_they_are(tmp_path: Path) -> None:
    fields = ("config", "run_manager", "tool_call_id", "self")
    action = replace(ADD_NOTE, request=Configured, identity=fields)
    async with toy_agent(tmp_path, action=action) as (agent, target, wall):
        given = {"reference": "R-1", **{field: f"{field} of the model" for field in fields}}
        (done,) = told(await graph_of(agent).ainvoke({"messages": [calling([Ask("c1", ADD, given)])]}, THREAD))
        assert done.artifact["status"] == "succeeded"
        adapter: Any = wall.systems["toy"].adapter
        request = adapter.attempts[-1].request
        assert {field: getattr(request, field) for field in given} == given


@virtual
async def test_tool_is_asynchronous_and_says_so(tmp_path: Path) -> None:
    async with toy_agent(tmp_path) as (agent, target, _):
        add = next(tool for tool in langchain_tools(agent) if tool.name == ADD)
        with pytest.raises(NotImplementedError, match="use ainvoke"):
            add.invoke(NOTE)
        assert target.sends == 0
        assert str(await add.ainvoke(NOTE)).startswith('{"status": "succeeded"')
        assert str(await add.ainvoke('{"reference": "R-1"')).startswith('{"status": "invalid"')
