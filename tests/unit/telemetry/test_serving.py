"""Calls over MCP: one span for each message, in the client's trace, and the call inside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import RequestParamsMeta
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from support.telemetry import labels, numbers, told
from support.toy import ADD, Target, ToyAdapter

from seawall import Config, Seawall
from seawall.agents.desk import Desk, Grant
from seawall.agents.mcp_server import make_server
from seawall.core.clock import Sources
from seawall.core.settings import TelemetrySettings
from seawall.telemetry import Telemetry
from seawall.telemetry import conventions as c

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
META = RequestParamsMeta(traceparent=f"00-{TRACE}-{PARENT}-01")  # type: ignore[typeddict-unknown-key]
NOTE = {"reference": "planted-4711", "text": "planted-4711"}


@asynccontextmanager
async def agent(
    folder: Path, **telemetry: Any
) -> AsyncIterator[tuple[Client, InMemorySpanExporter, Telemetry, Seawall]]:
    exporter, target = InMemorySpanExporter(), Target(Sources().clock)
    sees = Telemetry(TelemetrySettings(enabled=True, **telemetry), Sources(), processor=SimpleSpanProcessor(exporter))
    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db")},
            "systems": {"toy": {"connector": "toy"}},
            "policy": [{"name": "everything", "decision": "allow"}],
        }
    )
    async with Seawall(config, adapters={"toy": ToyAdapter(target, ADD)}, recovery=False, telemetry=sees) as wall:
        server = make_server(Desk(wall), lambda _: Grant("agent:ada"))
        async with Client(server) as client:
            yield client, exporter, sees, wall


def named(exporter: InMemorySpanExporter, start: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name.startswith(start)]


async def test_call_continues_the_clients_trace_as_its_child(tmp_path: Path) -> None:
    async with agent(tmp_path) as (client, exporter, _, wall):
        result = await client.call_tool("toy__add_note", NOTE, meta=META)
        envelope = result.structured_content
        assert envelope is not None
        row = await wall.ledger.get(envelope["operation_id"])
    (message,), (call,), (send,) = named(exporter, "tools/call"), named(exporter, "call"), named(exporter, "send")
    assert message.context is not None
    assert message.parent is not None
    assert (f"{message.parent.trace_id:032x}", f"{message.parent.span_id:016x}") == (TRACE, PARENT)
    assert (call.parent, send.parent) == (message.context, call.context)
    assert message.kind is SpanKind.SERVER
    assert message.name == "tools/call toy__add_note"
    assert told(message)[c.MCP_METHOD] == "tools/call"
    assert told(message)[c.TOOL_NAME] == "toy__add_note"
    assert told(message)[c.OPERATION_NAME] == "execute_tool"
    assert c.OPERATION_NAME not in told(call), "one tool is told once"
    assert row is not None
    assert row.trace_id == envelope["trace_id"] == TRACE


async def test_each_message_has_one_span_and_it_holds_nothing_that_was_asked(tmp_path: Path) -> None:
    async with agent(tmp_path) as (client, exporter, telemetry, _):
        await client.list_tools()
        await client.call_tool("toy__add_note", NOTE)
        found = numbers(await telemetry.collected())
    assert len(named(exporter, "tools/call")) == 1
    assert len(named(exporter, "tools/list")) == 1
    shown = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert "planted" not in shown
    counted = {dict(key[1])[c.MCP_METHOD]: value for key, value in found.items() if key[0] == c.MCP_DURATION}
    assert counted["tools/call"] == counted["tools/list"] == 1


async def test_call_without_a_trace_begins_one_that_the_envelope_names(tmp_path: Path) -> None:
    async with agent(tmp_path) as (client, exporter, _, _):
        envelope = (await client.call_tool("toy__add_note", NOTE)).structured_content
    (message,) = named(exporter, "tools/call")
    assert message.context is not None
    assert envelope is not None
    assert envelope["trace_id"] == f"{message.context.trace_id:032x}"


async def test_tool_that_fails_is_an_error_though_the_protocol_went_well(tmp_path: Path) -> None:
    async with agent(tmp_path) as (client, exporter, _, _):
        result = await client.call_tool("toy__add_note", {"reference": 7, "nonsense": "planted-4711"})
        assert result.is_error
    (message,) = named(exporter, "tools/call")
    assert told(message)[c.ERROR_TYPE] == "tool_error"
    assert "planted" not in message.to_json()


@pytest.mark.parametrize("name", ["planted-4711", "planted-" + "x" * 5000])
async def test_tool_that_there_is_not_is_not_told_by_its_name(tmp_path: Path, name: str) -> None:
    async with agent(tmp_path) as (client, exporter, telemetry, _):
        await client.call_tool(name, {})
        found = numbers(await telemetry.collected())
    (message,) = named(exporter, "tools/call")
    assert (message.name, told(message)[c.TOOL_NAME]) == ("tools/call", "_OTHER")
    assert "planted" not in repr(found) + message.to_json()


async def test_garbage_in_place_of_a_trace_begins_a_new_one(tmp_path: Path) -> None:
    garbage = RequestParamsMeta(traceparent="planted-4711")  # type: ignore[typeddict-unknown-key]
    async with agent(tmp_path) as (client, exporter, _, _):
        await client.call_tool("toy__add_note", NOTE, meta=garbage)
    (message,) = named(exporter, "tools/call")
    assert message.parent is None
    assert "planted" not in message.to_json()


async def test_metrics_alone_still_keep_the_clients_trace(tmp_path: Path) -> None:
    config = Config.model_validate(
        {
            "ledger": {"path": str(tmp_path / "ledger.db")},
            "systems": {"toy": {"connector": "toy"}},
            "policy": [{"name": "everything", "decision": "allow"}],
            "telemetry": {"enabled": True, "exporter": "none"},
        }
    )
    target = Target(Sources().clock)
    async with Seawall(config, adapters={"toy": ToyAdapter(target)}, recovery=False) as wall:
        assert wall.telemetry is not None
        async with Client(make_server(Desk(wall), lambda _: Grant("agent:ada"))) as client:
            envelope = (await client.call_tool("toy__add_note", NOTE, meta=META)).structured_content
        found = numbers(await wall.telemetry.collected())
    assert envelope is not None
    assert envelope["trace_id"] == TRACE
    add = {"system": "toy", "action": "add_note", "outcome": "applied"}
    assert found["seawall.call.duration", labels(**add, replayed=False)] == 1
