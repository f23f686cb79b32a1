"""The tools for LangChain and LangGraph. The only import of langchain-core."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal, NoReturn

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from pydantic import PrivateAttr

from ..dispatch import Dispatcher
from ..tool import Tool
from .calling import Calls, text_of


def langchain_tools(dispatcher: Dispatcher, *, trace_id: Callable[[], str] | None = None) -> list[BaseTool]:
    """The tools of one principal, always in the same order, for `bind_tools`, `ToolNode` and agents.

    They are asynchronous. A tool call is answered with a `ToolMessage`: the text for the model as its content, the
    envelope as its artifact, and status `error` where the envelope is one. Nothing that a model wrote raises. A node
    that is run again, after an interrupt or a crash, calls again; that has no second effect.

    Args:
        dispatcher: Whose tools they are.
        trace_id: Tells the trace that a call belongs to; each gets a trace of its own if None.
    """
    calls = Calls(dispatcher, trace_id)
    return [LangChainTool(tool, calls) for tool in dispatcher.tools]


class LangChainTool(BaseTool):
    """One tool, whose arguments reach Seawall as the model gave them.

    Args:
        tool: The tool.
        calls: The way to call it.
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    _calls: Calls = PrivateAttr()

    def __init__(self, tool: Tool, calls: Calls) -> None:
        super().__init__(
            name=tool.name,
            description=tool.description,
            args_schema=copy.deepcopy(tool.input_schema),
            metadata=dict(tool.meta),
        )
        self._calls = calls

    def _to_args_and_kwargs(
        self, tool_input: str | dict[str, Any], tool_call_id: str | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # As one value: spread as keywords, a field called `config` or `run_manager` would be LangChain's own.
        return (), {"given": tool_input, "call_id": tool_call_id}

    async def _arun(self, given: Any, call_id: str | None) -> tuple[Any, dict[str, Any]]:
        result = await self._calls.make(self.name, given)
        text, envelope = text_of(result), result.to_json()
        if call_id is None:
            return text, envelope
        status: Literal["success", "error"] = "error" if result.is_error else "success"
        message = ToolMessage(text, name=self.name, tool_call_id=call_id, artifact=envelope, status=status)
        return message, envelope

    def _run(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise NotImplementedError(
            f"{self.name} is asynchronous: use ainvoke, on the event loop on which the wall was opened"
        )
