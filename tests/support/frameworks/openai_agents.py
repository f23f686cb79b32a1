"""A scripted model of the OpenAI Agents SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agents import Agent, FunctionTool, Model, ModelResponse, RunConfig, Runner, Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from seawall.agents import Dispatcher, openai_agents_tools

from . import Ask, Seen, Told

QUIET = RunConfig(tracing_disabled=True)
"""The SDK would send each run to the vendor."""


class Scripted(Model):
    """Answers with the next turn, and remembers what it was given."""

    def __init__(self, *turns: list[Ask]) -> None:
        self.turns = [*turns, []]
        self.tools: list[dict[str, Any]] = []
        self.heard: list[Any] = []

    async def get_response(
        self,
        system_instructions: Any,
        input: Any,  # noqa: A002 -- the SDK's name
        model_settings: Any,
        tools: Any,
        *_: Any,
        **__: Any,
    ) -> ModelResponse:
        self.tools.append({tool.name: tool.params_json_schema for tool in tools if isinstance(tool, FunctionTool)})
        self.heard = list(input)
        output: list[Any] = [
            ResponseFunctionToolCall(
                type="function_call", call_id=ask.call_id, name=ask.name, arguments=ask.written, status="completed"
            )
            for ask in self.turns.pop(0)
        ]
        if not output:
            text = ResponseOutputText(type="output_text", text="done", annotations=[])
            output = [
                ResponseOutputMessage(id="m1", type="message", role="assistant", status="completed", content=[text])
            ]
        return ModelResponse(output=output, usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


async def drive_openai_agents(agent: Dispatcher, *turns: list[Ask]) -> Seen:
    """An agent of the SDK with our tools."""
    model = Scripted(*turns)
    runs = Agent(name="ada", model=model, tools=openai_agents_tools(agent))
    await Runner.run(runs, "Open a case.", run_config=QUIET)
    sent = [item for item in model.heard if item.get("type") == "function_call_output"]
    return Seen(model.tools, [Told(item["call_id"], item["output"], None) for item in sent])
