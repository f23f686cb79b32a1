"""Every name that leaves the process, and the versions of the conventions that they come from.

The GenAI and MCP conventions are in development and may change with each version: the names are pinned here, and a
newer version is a change of this module and of docs/telemetry.md.
"""

from __future__ import annotations

from typing import Final

GENAI_VERSION: Final = "0.1.0"
"""open-telemetry/semantic-conventions-genai: `gen_ai.*` and `mcp.*`; status: development."""

SEMCONV_VERSION: Final = "1.45.0"
"""open-telemetry/semantic-conventions, on which that version depends: `error.*`, `http.*`, `server.*`: stable."""

SCHEMA_URL: Final = f"https://opentelemetry.io/schemas/{SEMCONV_VERSION}"
SCOPE: Final = "seawall"

# Of the conventions
OPERATION_NAME: Final = "gen_ai.operation.name"
EXECUTE_TOOL: Final = "execute_tool"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
EXTENSION: Final = "extension"  # a tool that reaches from the agent's side to the outside
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"

MCP_METHOD: Final = "mcp.method.name"
MCP_PROTOCOL: Final = "mcp.protocol.version"
MCP_DURATION: Final = "mcp.server.operation.duration"
MCP_METHODS: Final = frozenset(
    {
        "completion/complete",
        "initialize",
        "logging/setLevel",
        "notifications/cancelled",
        "notifications/initialized",
        "notifications/progress",
        "ping",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/templates/list",
        "server/discover",
        "tools/call",
        "tools/list",
    }
)
"""Methods that are told by their name; any other is `OTHER`, because a client could make up as many as it likes."""
TOOLS_CALL: Final = "tools/call"
TOOL_ERROR: Final = "tool_error"
OTHER: Final = "_OTHER"
JSONRPC_ID: Final = "jsonrpc.request.id"
RPC_STATUS: Final = "rpc.response.status_code"

ERROR_TYPE: Final = "error.type"
HTTP_METHOD: Final = "http.request.method"
HTTP_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
HTTP_STATUS: Final = "http.response.status_code"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
OVERFLOW: Final = "otel.metric.overflow"

# Our own
SYSTEM: Final = "seawall.system"
ACTION: Final = "seawall.action"
EFFECT_CLASS: Final = "seawall.effect_class"
PRINCIPAL: Final = "seawall.principal"
OPERATION_ID: Final = "seawall.operation.id"
TRACE_ID: Final = "seawall.trace_id"
OUTCOME: Final = "seawall.outcome"
REPLAYED: Final = "seawall.replayed"
EFFECT: Final = "seawall.effect"
ERROR_CODE: Final = "seawall.error.code"
STATUS: Final = "seawall.operation.status"
BY: Final = "seawall.concluded.by"
ATTEMPT_NUMBER: Final = "seawall.attempt.number"
PURPOSE: Final = "seawall.attempt.purpose"
LANE: Final = "seawall.attempt.lane"
PAUSE: Final = "seawall.retry.pause"
STATE: Final = "seawall.breaker.state"

RETRY_EVENT: Final = "seawall.retry"
HELD_BACK_EVENT: Final = "seawall.held_back"

ATTRIBUTES: Final = {
    OPERATION_NAME: "`execute_tool` on the one span of a call that stands for the tool",
    TOOL_NAME: "`system.action`; on the span of MCP the tool's own name",
    TOOL_TYPE: "`extension`",
    TOOL_ARGUMENTS: "the request, only with `arguments = true`",
    MCP_METHOD: "the method, such as `tools/call`; `_OTHER` for one that MCP does not know",
    MCP_PROTOCOL: "the version of MCP",
    JSONRPC_ID: "the id of the request, cut to 64 characters",
    RPC_STATUS: "the error code of JSON-RPC",
    ERROR_TYPE: "the class of the error, such as `ReplyTimeout`; for MCP `tool_error` or the code",
    HTTP_METHOD: "the method of a request to a system; `_OTHER` for one that HTTP does not define",
    HTTP_STATUS: "the status of the answer",
    SERVER_ADDRESS: "the host that was called; never the path or the query",
    SERVER_PORT: "its port",
    SYSTEM: "the system; empty for one that is not configured",
    ACTION: "the action; empty for one that the system does not have",
    EFFECT_CLASS: "`read`, `create`, `set`, `change`, `delete`, `send` or `opaque`",
    PRINCIPAL: "who asks",
    OPERATION_ID: "the operation in the ledger, or the id of the batch",
    TRACE_ID: "the trace that the ledger keeps, where it is another than the span's",
    OUTCOME: "`applied`, `rejected`, `unknown`, `pending`, `partial`, or `failed` where no outcome came",
    REPLAYED: "true where an earlier result was told again",
    EFFECT: "`none`, `applied` or `maybe`",
    ERROR_CODE: "the code of the error, where it looks like one",
    STATUS: "what the operation is now: `applied`, `rejected`, `unknown` or `parked`",
    BY: "`call` or `recovery`",
    ATTEMPT_NUMBER: "1 for the first",
    PURPOSE: "`send` or `probe`",
    LANE: "`call` or `recovery`",
    PAUSE: "seconds until the next attempt",
    STATE: "the state of a breaker",
}
"""Every attribute of spans and metrics, and what it holds."""
