"""The tools for PydanticAI. The only import of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_ai.messages import ModelResponse, ToolCallPart, ToolReturn
from pydantic_ai.tools import RunContext, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool

from ..arguments import Unfit
from ..dispatch import Dispatcher
from ..instructions import INSTRUCTIONS
from .calling import CUT_OFF, Calls, read_arguments, text_of

_UNREAD = "(not a JSON object)"
"""The one field of arguments that could not be read, and no field of any tool."""


class PydanticAIToolset(AbstractToolset[Any]):
    """The tools of one principal.

    A call returns the text for the model; the envelope is the metadata of its part. It never raises for what a tool
    did or for what a model wrote, so that PydanticAI has nothing to retry. An approval of PydanticAI guards nothing
    here: what a principal may do is decided by the policy.

    Args:
        dispatcher: Whose tools they are.
        id: The toolset's id, where durable execution needs one.
        trace_id: Tells the trace that a call belongs to; each gets a trace of its own if None.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        id: str | None = None,  # noqa: A002 -- as in PydanticAI's own toolsets
        trace_id: Callable[[], str] | None = None,
    ) -> None:
        self._calls = Calls(dispatcher, trace_id)
        self._id = id

    @property
    def id(self) -> str | None:
        """The toolset's id."""
        return self._id

    async def get_instructions(self, ctx: RunContext[Any]) -> str:  # noqa: ARG002 -- PydanticAI's signature
        """What a model is told of the tools as a whole."""
        return INSTRUCTIONS

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """The tools, always in the same order."""
        return {
            tool.name: ToolsetTool(
                toolset=self,
                tool_def=ToolDefinition(
                    name=tool.name,
                    description=tool.description,
                    parameters_json_schema=copy.deepcopy(tool.input_schema),
                    metadata=dict(tool.meta),
                ),
                max_retries=ctx.max_retries,
                args_validator=_AsGiven(),
            )
            for tool in self._calls.dispatcher.tools
        }

    async def call_tool(
        self,
        name: str,
        tool_args: dict[str, Any],
        ctx: RunContext[Any],
        tool: ToolsetTool[Any],  # noqa: ARG002 -- PydanticAI's signature
    ) -> ToolReturn[str]:
        """Call a tool, unless its call is where the model had to stop.

        Args:
            name: The tool, which the application may have renamed or prefixed on its way here.
            tool_args: Its arguments.
            ctx: Asked only how the model ended: nothing of a run decides who calls.
            tool: Not asked: its name tells all.
        """
        if _cut_off(ctx):
            result = self._calls.refuse(name, CUT_OFF)
        else:
            result = await self._calls.make(name, tool_args.get(_UNREAD, tool_args))
        return ToolReturn(text_of(result), metadata=result.to_json())


def _cut_off(ctx: RunContext[Any]) -> bool:
    """Whether this call is the last of an answer that ended at its longest; it can be valid, and still incomplete."""
    answer = next((one for one in reversed(ctx.messages) if isinstance(one, ModelResponse)), None)
    if answer is None or answer.finish_reason != "length" or not answer.parts:
        return False
    last = answer.parts[-1]
    return isinstance(last, ToolCallPart) and last.tool_call_id == ctx.tool_call_id


class _AsGiven:
    """Lets all arguments through, because Seawall checks them and tells what to mend, without PydanticAI's retries."""

    def validate_json(
        self,
        input: str | bytes | bytearray,  # noqa: A002 -- pydantic's name
        **_options: Any,
    ) -> dict[str, Any]:
        try:
            return read_arguments(input if isinstance(input, str) else input.decode("utf-8", "replace"))
        except Unfit:
            return {_UNREAD: input}

    def validate_python(self, input: Any, **_options: Any) -> dict[str, Any]:  # noqa: A002 -- pydantic's name
        return dict(input) if isinstance(input, Mapping) else {_UNREAD: input}
