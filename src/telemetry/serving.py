"""Spans and durations of what MCP clients ask for, in the place of those that the SDK makes.

The SDK's own write the name that a client gave a tool, and the words of an error, into the trace: both may hold
anything. These know the tools that there are, and tell no words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from . import conventions as c

if TYPE_CHECKING:
    from .observer import Telemetry

in_tool: ContextVar[int] = ContextVar("seawall_in_tool", default=0)
"""The id of the span that stands for the tool that a client called; a call right inside it is not told as one more."""

_LONGEST_ID = 64
_propagator = TraceContextTextMapPropagator()


class Serving:
    """A middleware of the MCP server: one span for each message, in the trace that the client began.

    Args:
        telemetry: Where it is told.
        known: Whether there is a tool of that name for who asks.
        clock: For how long it takes.
    """

    def __init__(self, telemetry: Telemetry, known: Callable[[Any, str], bool], clock: Callable[[], float]) -> None:
        self._telemetry = telemetry
        self._known = known
        self._clock = clock

    async def __call__(self, ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        """One message."""
        method = ctx.method if ctx.method in c.MCP_METHODS else c.OTHER
        tool: str | None = None
        if method == c.TOOLS_CALL:
            named = (ctx.params or {}).get("name")
            tool = named if isinstance(named, str) and self._known(ctx, named) else c.OTHER
        spans, started = self._telemetry.spans, self._clock()
        meta = {name: value for name, value in (ctx.meta or {}).items() if isinstance(value, str)}
        begun = (
            None if spans is None else spans.begin(context=_propagator.extract(meta) if "traceparent" in meta else None)
        )
        token = in_tool.set(begun.context.span_id if begun is not None and tool is not None else 0)
        error: str | None = None
        try:
            result = await call_next(ctx)
        except BaseException as raised:
            code = getattr(getattr(raised, "error", None), "code", None)
            error = str(code) if isinstance(code, int) else type(raised).__name__
            raise
        else:
            if tool is not None and _is_error(result):
                error = c.TOOL_ERROR
            return result
        finally:
            in_tool.reset(token)
            seconds, protocol = self._clock() - started, str(ctx.protocol_version)
            self._telemetry.measures.mcp.add((method, tool, protocol, error), seconds)
            if begun is not None and spans is not None:
                attributes: dict[str, Any] = {c.MCP_METHOD: method, c.MCP_PROTOCOL: protocol}
                if ctx.request_id is not None:
                    attributes[c.JSONRPC_ID] = str(ctx.request_id)[:_LONGEST_ID]
                if tool is not None:
                    attributes |= {c.OPERATION_NAME: c.EXECUTE_TOOL, c.TOOL_NAME: tool}
                if error is not None:
                    attributes[c.ERROR_TYPE] = error
                    if error.lstrip("-").isdigit():
                        attributes[c.RPC_STATUS] = error
                name = method if tool in (None, c.OTHER) else f"{method} {tool}"
                spans.end(begun, name, SpanKind.SERVER, attributes, seconds, failed=error is not None)


def _is_error(result: Any) -> bool:
    """Whether a tool's result says that it failed, as a model or as the JSON that goes on the wire."""
    return bool(result.get("isError") if isinstance(result, dict) else getattr(result, "is_error", False))
