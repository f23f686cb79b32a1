"""The tools over MCP. With `mcp_elicit` the only import of the SDK, so that its next version changes two modules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as McpTool
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter
from starlette.routing import Route

from .desk import Desk, Grant
from .instructions import INSTRUCTIONS
from .mcp_elicit import Elicitation
from .result import Result
from .tool import Tool

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ..wall import Seawall

_FRESH = 300_000  # milliseconds for which a list of tools holds; the policy does not change while the server runs
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")


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

    elicitation = Elicitation(desk, grant_of)

    async def call_tool(
        ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        async def waiting(seconds: float) -> None:
            await ctx.session.report_progress(seconds, message="Still running; result not known.")

        dispatcher, trace_id = desk.of(grant_of(ctx.request)), _trace_id(ctx)

        async def call(name: str, arguments: Mapping[str, Any] | None) -> Result:
            return await dispatcher.call(name, arguments, trace_id=trace_id, waiting=waiting)

        told = await elicitation.call(ctx, params, call)
        return _as_result(told) if isinstance(told, Result) else told

    server = Server[Any](
        "seawall",
        version=version("seawall"),
        title="Seawall",
        instructions=INSTRUCTIONS,
        get_tool_input_schema=lambda _name: None,  # no argument travels in a header
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    if (telemetry := desk.telemetry) is not None:
        from ..telemetry.serving import Serving  # only for those who want it

        # In the place of the SDK's own spans: those hold names and words as clients sent them.
        server.middleware[:] = [
            Serving(telemetry, lambda ctx, name: desk.knows(grant_of(ctx.request), name), desk.clock.monotonic)
        ]
    server.middleware.append(elicitation.boundary(desk.at_client.keys))
    return server


@dataclass(frozen=True, slots=True)
class Metadata:
    """The protected resource metadata (RFC 9728): which authorization server gives out tokens for us.

    Args:
        url: Where it says that it is.
        paths: The paths at which it is served.
        routes: They.
    """

    url: str
    paths: frozenset[str]
    routes: tuple[Route, ...]

    @classmethod
    def of(cls, resource: str, issuer: str, scopes: tuple[str, ...], path: str) -> Metadata:
        """The metadata of one resource.

        Args:
            resource: Its identifier.
            issuer: The authorization server.
            scopes: The scopes that it knows.
            path: Where MCP is served; a client that was told no place looks beside it, and at the root.
        """
        (route,) = create_protected_resource_routes(_url(resource), [_url(issuer)], list(scopes), "Seawall")
        root = "/.well-known/oauth-protected-resource"
        paths = frozenset({route.path, root, f"{root}{path}"})
        routes = tuple(Route(one, endpoint=route.endpoint, methods=["GET", "OPTIONS"]) for one in sorted(paths))
        return cls(str(build_resource_metadata_url(_url(resource))), paths, routes)


def http_app(
    server: Server[Any],
    path: str,
    *,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    metadata: Metadata | None = None,
) -> ASGIApp:
    """The server over streamable HTTP.

    Without sessions nothing of one caller can be taken over by another, and any process can answer.

    Args:
        server: The server.
        path: Where MCP is served.
        hosts: `Host` headers that are accepted; `:*` for any port.
        origins: `Origin` headers that are accepted, where one is sent.
        metadata: The protected resource metadata to serve beside it.
    """
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=list(hosts), allowed_origins=list(origins)
    )
    return server.streamable_http_app(
        streamable_http_path=path,
        stateless_http=True,
        transport_security=security,
        custom_starlette_routes=None if metadata is None else list(metadata.routes),
    )


async def serve_stdio(wall: Seawall, principal: str, person: str | None = None) -> None:
    """Serve one agent over stdin and stdout, until stdin ends.

    Args:
        wall: The open wall.
        principal: Who asks.
        person: Who of the people in the configuration sits at the client.
    """
    grant = Grant(principal, person=person)
    server = make_server(Desk(wall), lambda _request: grant)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _url(text: str) -> AnyHttpUrl:
    """A URL as it was written: identifiers are compared character by character."""
    return TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True)).validate_python(text)


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


def _as_result(result: Result) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=text) for text in result.to_texts()],
        structured_content=result.to_json(),
        is_error=result.is_error,
    )


def _trace_id(ctx: ServerRequestContext[Any, Any]) -> str:
    """The trace id of W3C's `traceparent`, where the client sent one."""
    found = _TRACEPARENT.fullmatch(str((ctx.meta or {}).get("traceparent", "")))
    return "" if found is None else found[1]
