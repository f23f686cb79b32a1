"""The tools for OpenAI's two APIs, and for whoever offers the same. Works without the vendor's SDK."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..dispatch import Dispatcher
from ..result import Result
from .calling import CUT_OFF, Calls, called_by, part, parts, text_of
from .strict import is_strict

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionToolMessageParam
    from openai.types.responses import FunctionToolParam
    from openai.types.responses.response_input_param import FunctionCallOutput


class OpenAIChatTools:
    """The tools of one principal for Chat Completions.

    Args:
        dispatcher: Whose tools they are.
        others: Names of tools that the application answers itself; all other calls are answered here.
        trace_id: Tells the trace that a call belongs to; each gets a trace of its own if None.
    """

    def __init__(
        self, dispatcher: Dispatcher, *, others: Collection[str] = (), trace_id: Callable[[], str] | None = None
    ) -> None:
        self._calls = Calls(dispatcher, trace_id)
        self._others = frozenset(others)

    @property
    def tools(self) -> list[ChatCompletionFunctionToolParam]:
        """For `tools`, always in the same order; strict where the schema allows it."""
        return [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": copy.deepcopy(tool.input_schema),
                    "strict": is_strict(tool.input_schema),
                },
            }
            for tool in self._calls.dispatcher.tools
        ]

    async def results(self, message: Any) -> list[ChatCompletionToolMessageParam]:
        """Make the calls of a message, all at once, and answer each in their order.

        The same call twice has one effect, whatever its ids. Nothing that a model wrote raises here.

        Args:
            message: What the model answered: the SDK's `ChatCompletionMessage`, or the same as a dict.

        Returns:
            The messages to append after it; none where it calls nothing.

        Raises:
            ValueError: A call has no id, so that it cannot be answered; nothing was begun.
        """
        made = []
        for call in parts(message, "tool_calls"):
            function = part(call, "function")
            if function is not None and (name := str(part(function, "name"))) not in self._others:
                made.append((called_by(call, "id"), name, part(function, "arguments")))
        results = await asyncio.gather(*(self._calls.make(name, given) for _, name, given in made))
        return [
            {"role": "tool", "tool_call_id": call_id, "content": text_of(result)}
            for (call_id, _, _), result in zip(made, results, strict=True)
        ]


class OpenAIResponsesTools:
    """The tools of one principal for the Responses API.

    Args:
        dispatcher: Whose tools they are.
        others: Names of tools that the application answers itself; all other calls are answered here.
        trace_id: Tells the trace that a call belongs to; each gets a trace of its own if None.
    """

    def __init__(
        self, dispatcher: Dispatcher, *, others: Collection[str] = (), trace_id: Callable[[], str] | None = None
    ) -> None:
        self._calls = Calls(dispatcher, trace_id)
        self._others = frozenset(others)

    @property
    def tools(self) -> list[FunctionToolParam]:
        """For `tools`, always in the same order; strict where the schema allows it, and never by default."""
        return [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": copy.deepcopy(tool.input_schema),
                "strict": is_strict(tool.input_schema),
            }
            for tool in self._calls.dispatcher.tools
        ]

    async def results(self, response: Any) -> list[FunctionCallOutput]:
        """Make the calls of a response, all at once, and answer each in their order.

        The same call twice has one effect, whatever its ids. Nothing that a model wrote raises here.

        Args:
            response: What the model answered: the SDK's `Response`, or the same as a dict.

        Returns:
            The items for the next `input`; none where it calls nothing.

        Raises:
            ValueError: A call has no id, so that it cannot be answered; nothing was begun.
        """
        made = [
            (called_by(item, "call_id"), item)
            for item in parts(response, "output")
            if part(item, "type") == "function_call" and str(part(item, "name")) not in self._others
        ]
        results = await asyncio.gather(*(self._made(item) for _, item in made))
        outputs: list[FunctionCallOutput] = []
        for (call_id, item), result in zip(made, results, strict=True):
            output: FunctionCallOutput = {
                "type": "function_call_output",
                "call_id": call_id,
                "output": text_of(result),
            }
            if (caller := _caller(item)) is not None:
                output["caller"] = caller
            outputs.append(output)
        return outputs

    async def _made(self, item: Any) -> Result:
        name = str(part(item, "name"))
        if part(item, "status") == "incomplete":
            return self._calls.refuse(name, CUT_OFF)
        return await self._calls.make(name, part(item, "arguments"))


def _caller(item: Any) -> Any:
    """Whom the answer goes to, where that is a program and no model."""
    found = part(item, "caller")
    return found if found is None or isinstance(found, Mapping) else found.model_dump()
