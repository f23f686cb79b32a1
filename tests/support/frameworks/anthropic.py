"""Anthropic's own client against a scripted API in this process."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from anthropic import AsyncAnthropic
from anthropic.types import ToolParam
from pydantic import TypeAdapter

from seawall.agents import AnthropicTools, Dispatcher

from . import Ask, Seen, Told


def message_of(calls: list[Ask], stop_reason: str | None = None) -> dict[str, Any]:
    """An answer of the Messages API that makes calls."""
    made = [{"type": "tool_use", "id": ask.call_id, "name": ask.name, "input": ask.arguments} for ask in calls]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [{"type": "text", "text": "Let me see."}, *made],
        "stop_reason": stop_reason or ("tool_use" if made else "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


async def drive_anthropic(agent: Dispatcher, *turns: list[Ask]) -> Seen:
    """A loop of an application over the Messages API."""
    requests: list[dict[str, Any]] = []
    answers = map(message_of, iter([*turns, []]))

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(json.loads(request.content))
        return httpx2.Response(200, json=next(answers))

    ours = AnthropicTools(agent)
    for tool in ours.tools:
        TypeAdapter(ToolParam).validate_python(tool)
    messages: list[Any] = [{"role": "user", "content": "Open a case."}]
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with AsyncAnthropic(
        api_key="no-key", base_url="http://model.test", http_client=http, max_retries=0
    ) as client:
        while True:
            done = await client.messages.create(model="scripted", max_tokens=1000, messages=messages, tools=ours.tools)
            results = await ours.results(done)
            if not results:
                break
            messages += [{"role": "assistant", "content": done.content}, {"role": "user", "content": results}]
    sent = [
        block for message in requests[-1]["messages"][1:] if message["role"] == "user" for block in message["content"]
    ]
    told = [
        Told(block["tool_use_id"], "\n\n".join(part["text"] for part in block["content"]), block["is_error"])
        for block in sent
    ]
    return Seen([{tool["name"]: tool["input_schema"] for tool in request["tools"]} for request in requests], told)
