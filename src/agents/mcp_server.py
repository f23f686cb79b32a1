"""The tools over MCP. The only import of the SDK, so that its next version changes one module."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as McpTool

from .dispatch import Dispatcher
from .hints import Reach
from .instructions import INSTRUCTIONS
from .tool import Tool

if TYPE_CHECKING:
    from ..wall import Seawall

_FRESH = 300_000  # milliseconds for which a list of tools holds; the policy does not change while the server runs
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")


@dataclass(frozen=True, slots=True)
class Grant:
    """Who calls, and how far at most.

    Args:
        principal: Who asks; the policy decides what that principal may do.
        scopes: How far its calls may reach beyond that.
    """

    principal: str
    scopes: frozenset[Reach] = frozenset(Reach)


class Desk:
    """The dispatchers of all who call one wall, each made once.

    Args:
        wall: The open wall.
    """

    def __init__(self, wall: Seawall) -> None:
        self._wall = wall
        self._made: dict[Grant, Dispatcher] = {}

    def of(self, grant: Grant) -> Dispatcher:
        """The dispatcher of a caller."""
        found = self._made.get(grant)
        if found is None:
            found = self._made[grant] = Dispatcher(self._wall, grant.principal, scopes=grant.scopes)
        return found


def make_server(desk: Desk, grant_of: Callable[[Any], Grant]) -> Server[Any]:
    """The MCP server, without a transport.

    Args:
        desk: The dispatchers.
        grant_of: Tells from the transport's request who calls.
    """

    async def list_tools(
        ctx: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        tools = [_as_mcp(tool) for tool in desk.of(grant_of(ctx.request)).tools]
        return ListToolsResult(tools=tools, ttl_ms=_FRESH, cache_scope="private")

    async def call_tool(ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> CallToolResult:
        async def waiting(seconds: float) -> None:
            await ctx.session.report_progress(seconds, message="Still running; result not known.")

        result = await desk.of(grant_of(ctx.request)).call(
            params.name, params.arguments, trace_id=_trace_id(ctx), waiting=waiting
        )
        return CallToolResult(
            content=[TextContent(type="text", text=text) for text in result.to_texts()],
            structured_content=result.to_json(),
            is_error=result.is_error,
        )

    return Server(
        "seawall",
        version=version("seawall"),
        title="Seawall",
        instructions=INSTRUCTIONS,
        get_tool_input_schema=lambda _name: None,  # no argument travels in a header
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def serve_stdio(wall: Seawall, principal: str) -> None:
    """Serve one agent over stdin and stdout, until stdin ends.

    Args:
        wall: The open wall.
        principal: Who asks.
    """
    grant = Grant(principal)
    server = make_server(Desk(wall), lambda _request: grant)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _as_mcp(tool: Tool) -> McpTool:
    hints = {f"{name}_hint": value for name, value in asdict(tool.hints).items()}
    return McpTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=ToolAnnotations(**hints),
        _meta=dict(tool.meta) or None,
    )


def _trace_id(ctx: ServerRequestContext[Any, Any]) -> str:
    """The trace id of W3C's `traceparent`, where the client sent one."""
    found = _TRACEPARENT.fullmatch(str((ctx.meta or {}).get("traceparent", "")))
    return "" if found is None else found[1]
