"""A scripted chat model of LangChain in a graph of LangGraph."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import PrivateAttr

from seawall.agents import Dispatcher, langchain_tools

from . import Ask, Seen, Told


class Scripted(BaseChatModel):
    """Answers with the next turn, and remembers the tools that it was bound to."""

    _turns: list[list[Ask]] = PrivateAttr()
    _bound: list[Any] = PrivateAttr(default_factory=list)
    _seen: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    def __init__(self, *turns: list[Ask]) -> None:
        super().__init__()
        self._turns = [*turns, []]

    @property
    def seen(self) -> list[dict[str, Any]]:
        """The tools at each turn."""
        return self._seen

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Runnable[Any, AIMessage]:
        self._bound = [convert_to_openai_tool(tool)["function"] for tool in tools]
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        self._seen.append({tool["name"]: tool["parameters"] for tool in self._bound})
        return ChatResult(generations=[ChatGeneration(message=calling(self._turns.pop(0)))])


def calling(asks: list[Ask]) -> AIMessage:
    """A message that makes calls."""
    calls = [
        {
            "id": ask.call_id,
            "name": ask.name,
            "args": ask.arguments if isinstance(ask.arguments, dict) else json.loads(ask.arguments),
            "type": "tool_call",
        }
        for ask in asks
    ]
    return AIMessage(content="" if asks else "done", tool_calls=calls)


async def drive_langchain(agent: Dispatcher, *turns: list[Ask]) -> Seen:
    """The usual graph of a model and a `ToolNode`."""
    tools = langchain_tools(agent)
    model = Scripted(*turns)
    bound = model.bind_tools(tools)

    async def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", think)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    done = await graph.compile().ainvoke({"messages": [HumanMessage("Open a case.")]})
    return Seen(model.seen, [told_of(message) for message in done["messages"] if isinstance(message, ToolMessage)])


def told_of(message: ToolMessage) -> Told:
    """What a message tells."""
    return Told(message.tool_call_id, str(message.content), message.status == "error")
