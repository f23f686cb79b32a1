"""The tools for Anthropic's Messages API. Works without the vendor's SDK."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from ..dispatch import Dispatcher
from ..result import Result
from .calling import CUT_OFF, Calls, called_by, part, parts

if TYPE_CHECKING:
    from anthropic.types import ToolParam, ToolResultBlockParam

_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})


class AnthropicTools:
    """The tools of one principal for the Messages API.

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
    def tools(self) -> list[ToolParam]:
        """For `tools`, always in the same order."""
        return [
            {"name": tool.name, "description": tool.description, "input_schema": copy.deepcopy(tool.input_schema)}
            for tool in self._calls.dispatcher.tools
        ]

    async def results(self, message: Any) -> list[ToolResultBlockParam]:
        """Make the calls of a message, all at once, and answer each in their order.

        The same call twice has one effect, whatever its ids. Nothing that a model wrote raises here. Where the model
        had to stop at its longest, its last call is not made: what is left of it can be valid, and cut off.

        Args:
            message: What the model answered: the SDK's `Message`, or the same as a dict.

        Returns:
            The blocks with which the next user message begins; none where it calls nothing.

        Raises:
            ValueError: A call has no id, so that it cannot be answered; nothing was begun.
        """
        content = parts(message, "content")
        cut = content[-1] if content and part(message, "stop_reason") in _CUT else None
        made = [
            (called_by(block, "id"), block)
            for block in content
            if not isinstance(block, str)
            and part(block, "type") == "tool_use"
            and str(part(block, "name")) not in self._others
        ]
        results = await asyncio.gather(*(self._made(block, whole=block is not cut) for _, block in made))
        blocks: list[ToolResultBlockParam] = []
        for (call_id, block), result in zip(made, results, strict=True):
            told: ToolResultBlockParam = {
                "type": "tool_result",
                "tool_use_id": call_id,
                "content": [{"type": "text", "text": text} for text in result.to_texts()],
                "is_error": result.is_error,
            }
            if (toolset := part(block, "toolset_name")) is not None:
                told["toolset_name"] = toolset
            blocks.append(told)
        return blocks

    async def _made(self, block: Any, *, whole: bool) -> Result:
        name = str(part(block, "name"))
        if not whole:
            return self._calls.refuse(name, CUT_OFF)
        return await self._calls.make(name, part(block, "input"))
