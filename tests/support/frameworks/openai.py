"""OpenAI's own client against a scripted API in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionFunctionToolParam
from openai.types.responses import FunctionToolParam
from pydantic import TypeAdapter

from seawall.agents import Dispatcher, OpenAIChatTools, OpenAIResponsesTools

from . import Ask, Seen, Told


def client_of(answers: Iterator[dict[str, Any]], requests: list[dict[str, Any]]) -> AsyncOpenAI:
    """The vendor's client, which gets the answers one after the other."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(json.loads(request.content))
        return httpx2.Response(200, json=next(answers))

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return AsyncOpenAI(api_key="no-key", base_url="http://model.test/v1", http_client=http, max_retries=0)


def completion(calls: list[Ask]) -> dict[str, Any]:
    """An answer of Chat Completions that makes calls."""
    made = [
        {"id": ask.call_id, "type": "function", "function": {"name": ask.name, "arguments": ask.written}}
        for ask in calls
    ]
    message = {"role": "assistant", "content": None if made else "done", "tool_calls": made or None}
    choice = {"index": 0, "finish_reason": "tool_calls" if made else "stop", "message": message}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "scripted", "choices": [choice]}


def response(calls: list[Ask], **item: Any) -> dict[str, Any]:
    """An answer of the Responses API that makes calls."""
    made = [
        {
            "id": f"fc_{ask.call_id}",
            "type": "function_call",
            "status": "completed",
            "call_id": ask.call_id,
            "name": ask.name,
            "arguments": ask.written,
            **item,
        }
        for ask in calls
    ]
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "scripted",
        "output": made,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


async def drive_chat(agent: Dispatcher, *turns: list[Ask]) -> Seen:
    """A loop of an application over Chat Completions."""
    requests: list[dict[str, Any]] = []
    ours = OpenAIChatTools(agent)
    for tool in ours.tools:
        TypeAdapter(ChatCompletionFunctionToolParam).validate_python(tool)
    messages: list[Any] = [{"role": "user", "content": "Open a case."}]
    async with client_of(map(completion, iter([*turns, []])), requests) as client:
        while True:
            done = await client.chat.completions.create(model="scripted", messages=messages, tools=ours.tools)
            message = done.choices[0].message
            results = await ours.results(message)
            if not results:
                break
            messages += [message, *results]
    sent = [message for message in requests[-1]["messages"] if message["role"] == "tool"]
    told = [Told(message["tool_call_id"], message["content"], None) for message in sent]
    return Seen([_chat_tools(request) for request in requests], told)


async def drive_responses(agent: Dispatcher, *turns: list[Ask]) -> Seen:
    """A loop of an application over the Responses API."""
    requests: list[dict[str, Any]] = []
    ours = OpenAIResponsesTools(agent)
    for tool in ours.tools:
        TypeAdapter(FunctionToolParam).validate_python(tool)
    items: list[Any] = [{"role": "user", "content": "Open a case."}]
    async with client_of(map(response, iter([*turns, []])), requests) as client:
        while True:
            done = await client.responses.create(model="scripted", input=items, tools=ours.tools)
            results = await ours.results(done)
            if not results:
                break
            items += [*done.output, *results]
    sent = [item for item in requests[-1]["input"] if item.get("type") == "function_call_output"]
    told = [Told(item["call_id"], item["output"], None) for item in sent]
    return Seen([{tool["name"]: tool["parameters"] for tool in request["tools"]} for request in requests], told)


def _chat_tools(request: dict[str, Any]) -> dict[str, Any]:
    return {tool["function"]["name"]: tool["function"]["parameters"] for tool in request["tools"]}
