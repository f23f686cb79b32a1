"""The tools for the OpenAI Agents SDK. The only import of it."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

from agents import FunctionTool
from agents.tool import Tool as AgentsTool
from agents.tool_context import ToolContext

from ..dispatch import Dispatcher
from .calling import CUT_OFF, Calls, text_of
from .strict import is_strict


def openai_agents_tools(dispatcher: Dispatcher, *, trace_id: Callable[[], str] | None = None) -> list[AgentsTool]:
    """The tools of one principal, always in the same order, for an agent's `tools`.

    A call returns the text for the model, whose first line is the envelope as JSON. Nothing that a model wrote raises,
    so that no failure function of the SDK words a result anew. An approval of the SDK guards nothing here: what a
    principal may do is decided by the policy.

    Args:
        dispatcher: Whose tools they are.
        trace_id: Tells the trace that a call belongs to; each gets a trace of its own if None.
    """
    calls = Calls(dispatcher, trace_id)
    return [
        FunctionTool(
            name=tool.name,
            description=tool.description,
            # A copy, because the SDK changes it: where it is strict, and where it has no properties.
            params_json_schema=copy.deepcopy(tool.input_schema),
            strict_json_schema=is_strict(tool.input_schema),
            on_invoke_tool=_invoking(calls, tool.name),
        )
        for tool in dispatcher.tools
    ]


def _invoking(calls: Calls, name: str) -> Callable[[ToolContext[Any], str], Awaitable[str]]:
    async def invoke(context: ToolContext[Any], given: str) -> str:
        if context.tool_call is not None and context.tool_call.status == "incomplete":
            return text_of(calls.refuse(name, CUT_OFF))
        return text_of(await calls.make(name, given))

    return invoke
