"""A scripted model of PydanticAI."""

from __future__ import annotations

from typing import Any

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from seawall.agents import Dispatcher, PydanticAIToolset

from . import Ask, Seen, Told


async def drive_pydantic_ai(agent: Dispatcher, *turns: list[Ask]) -> Seen:
    """An agent with our toolset, which may retry nothing."""
    script = [*turns, []]
    seen: list[dict[str, Any]] = []

    async def think(_messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append({tool.name: tool.parameters_json_schema for tool in info.function_tools})
        calls = script.pop(0)
        if not calls:
            return ModelResponse([TextPart("done")])
        return ModelResponse([ToolCallPart(ask.name, ask.arguments, ask.call_id) for ask in calls])

    runs = Agent(FunctionModel(think), toolsets=[PydanticAIToolset(agent)], retries=0)
    done = await runs.run("Open a case.")
    return Seen(seen, [Told(part.tool_call_id, part.model_response_str(), None) for part in returned(done)])


def returned(done: Any) -> list[ToolReturnPart]:
    """The results in the messages of a run."""
    requests = [message for message in done.all_messages() if isinstance(message, ModelRequest)]
    return [part for message in requests for part in message.parts if isinstance(part, ToolReturnPart)]
