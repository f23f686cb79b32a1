"""The spans of calls: which there are, how they hang together, and what none of them ever holds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from support.telemetry import Seen, seen_wall, told
from support.toy import AddNote, GetNote, variant
from support.virtual import make_all_due, virtual

from seawall import Applied, Partial, Rejected, Unknown
from seawall.core.redaction import Secrets
from seawall.telemetry import conventions as c

PLANTED, SECRET = "planted-4711-argument", "canary-4711-secret"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@virtual
async def test_write_whose_reply_was_lost_is_a_tree_of_call_attempt_and_probe(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["lost after"]) as seen:
        outcome = await seen.wall.call("toy.add_note", AddNote(reference="R"), principal="agent:ada")
        again = await seen.wall.call("toy.add_note", AddNote(reference="R"), principal="agent:ada")
    assert isinstance(outcome, Applied)
    assert isinstance(again, Applied)
    assert len(seen.target.effects) == 1
    call, replay = seen.named("execute_tool")
    (send,), (probe,) = seen.named("send"), seen.named("probe")
    assert call.parent is None
    assert [child.parent for child in (send, probe)] == [call.context, call.context]
    assert told(call) == {
        c.OPERATION_NAME: "execute_tool",
        c.TOOL_NAME: "toy.add_note",
        c.TOOL_TYPE: "extension",
        c.SYSTEM: "toy",
        c.ACTION: "add_note",
        c.EFFECT_CLASS: "create",
        c.PRINCIPAL: "agent:ada",
        c.OUTCOME: "applied",
        c.REPLAYED: False,
        c.EFFECT: "applied",
        c.OPERATION_ID: outcome.operation_id,
    }
    assert (told(send)[c.ERROR_TYPE], told(send)[c.EFFECT], told(send)[c.ATTEMPT_NUMBER]) == (
        "ReplyTimeout",
        "maybe",
        1,
    )
    assert (send.kind, send.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)
    assert (told(probe)[c.PURPOSE], told(probe)[c.LANE], c.ERROR_TYPE in told(probe)) == ("probe", "call", False)
    assert (told(replay)[c.REPLAYED], told(replay)[c.OPERATION_ID]) == (True, outcome.operation_id)
    assert len(seen.spans) == 4


@virtual
async def test_spans_take_the_time_that_calls_take(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["slow:2"]) as seen:
        await seen.wall.call("toy.add_note", AddNote(reference="R"))
    (call,), (send,) = seen.named("execute_tool"), seen.named("send")
    assert call.start_time is not None
    assert call.end_time is not None
    assert send.start_time is not None
    assert send.end_time is not None
    assert send.end_time - send.start_time == pytest.approx(2e9, rel=0.01)
    assert call.start_time <= send.start_time <= send.end_time <= call.end_time


@virtual
async def test_refusal_is_an_error_by_class_and_code_without_its_words(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["refused"]) as seen:
        assert isinstance(await seen.wall.call("toy.add_note", AddNote(reference="R")), Rejected)
    (call,) = seen.named("execute_tool")
    assert (told(call)[c.ERROR_TYPE], told(call)[c.ERROR_CODE], told(call)[c.OUTCOME]) == (
        "BusinessRule",
        "RULE",
        "rejected",
    )
    assert call.status.status_code is StatusCode.ERROR
    assert call.status.description is None


@virtual
async def test_retry_is_an_event_and_a_second_attempt(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["throttled", "ok"]) as seen:
        await seen.wall.call("toy.add_note", AddNote(reference="R"))
    (call,) = seen.named("execute_tool")
    (event,) = call.events
    assert event.name == c.RETRY_EVENT
    assert event.attributes is not None
    assert event.attributes[c.ERROR_TYPE] == "Throttled"
    assert [told(span)[c.ATTEMPT_NUMBER] for span in seen.named("send")] == [1, 2]


@virtual
async def test_attempt_that_the_breaker_holds_back_is_an_event_and_no_span(tmp_path: Path) -> None:
    async with seen_wall(tmp_path) as seen:
        seen.wall.systems["toy"].breaker.trip("test")
        await seen.wall.call("toy.add_note", AddNote(reference="R"))
    (call,) = seen.spans
    assert [event.name for event in call.events] == [c.HELD_BACK_EVENT]
    assert told(call)[c.ERROR_TYPE] == "CircuitOpen"


@virtual
async def test_names_that_are_not_configured_are_not_told(tmp_path: Path) -> None:
    async with seen_wall(tmp_path) as seen:
        for name in (f"toy.{PLANTED}", f"{PLANTED}.add_note"):
            assert isinstance(await seen.wall.call(name, {}), Rejected)
    for span in seen.spans:
        assert (span.name, told(span)[c.SYSTEM], told(span)[c.ACTION]) == ("execute_tool", "", "")


@virtual
async def test_call_that_is_cancelled_ends_its_span_as_failed(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["hang"]) as seen:
        task = asyncio.create_task(seen.wall.call("toy.add_note", AddNote(reference="R")))
        await seen.target.entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not get_current_span().get_span_context().is_valid
    (call,), (send,) = seen.named("execute_tool"), seen.named("send")
    assert (told(call)[c.OUTCOME], told(call)[c.ERROR_TYPE]) == ("failed", "CancelledError")
    assert told(send)[c.EFFECT] == "maybe"


@virtual
async def test_recovery_is_a_trace_of_its_own_linked_to_the_first_attempt(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["lost after"], retry={"attempts": 1}) as seen:
        outcome = await seen.wall.call("toy.add_note", AddNote(reference="R"), trace_id=TRACE)
        assert isinstance(outcome, Unknown)
        make_all_due(tmp_path)
        assert await seen.wall.recovery.run_once() == 1
    (look,) = seen.named("recover")
    (send,) = seen.named("send")
    assert look.parent is None
    assert look.context is not None
    assert send.context is not None
    assert f"{send.context.trace_id:032x}" == TRACE
    assert look.context.trace_id != send.context.trace_id
    (link,) = look.links
    assert (link.context.trace_id, link.context.span_id) == (send.context.trace_id, send.context.span_id)
    assert (told(look)[c.STATUS], told(look)[c.OPERATION_ID]) == ("applied", outcome.operation_id)
    probe = seen.named("probe")[-1]
    assert (probe.parent, told(probe)[c.LANE]) == (look.context, "recovery")


@virtual
async def test_call_continues_the_trace_around_it_and_the_ledger_keeps_it(tmp_path: Path) -> None:
    around = SpanContext(int(TRACE, 16), 7, is_remote=True, trace_flags=TraceFlags(1))
    async with seen_wall(tmp_path) as seen:
        token = attach(set_span_in_context(NonRecordingSpan(around)))
        try:
            outcome = await seen.wall.call("toy.add_note", AddNote(reference="R"))
            assert get_current_span().get_span_context() == around
        finally:
            detach(token)
        assert isinstance(outcome, Applied)
        row = await seen.wall.ledger.get(outcome.operation_id)
    (call,) = seen.named("execute_tool")
    assert call.parent == around
    assert row is not None
    assert row.trace_id == TRACE


@virtual
async def test_call_without_a_trace_is_kept_under_the_trace_of_its_span(tmp_path: Path) -> None:
    async with seen_wall(tmp_path) as seen:
        outcome = await seen.wall.call("toy.add_note", AddNote(reference="R"))
        assert isinstance(outcome, Applied)
        row = await seen.wall.ledger.get(outcome.operation_id)
    (call,) = seen.named("execute_tool")
    assert call.context is not None
    assert row is not None
    assert int(row.trace_id, 16) == call.context.trace_id
    assert c.TRACE_ID not in told(call)


@virtual
async def test_trace_of_another_kind_is_told_beside_the_one_that_stands_for_it(tmp_path: Path) -> None:
    async with seen_wall(tmp_path) as seen:
        for reference in "RS":
            await seen.wall.call("toy.add_note", AddNote(reference=reference), trace_id="ticket-17")
    first, second = seen.named("execute_tool")
    assert first.context is not None
    assert second.context is not None
    assert first.context.trace_id == second.context.trace_id
    assert told(first)[c.TRACE_ID] == "ticket-17"


@virtual
async def test_caller_who_does_not_record_is_followed(tmp_path: Path) -> None:
    around = SpanContext(int(TRACE, 16), 7, is_remote=True, trace_flags=TraceFlags(0))
    async with seen_wall(tmp_path) as seen:
        token = attach(set_span_in_context(NonRecordingSpan(around)))
        await seen.wall.call("toy.add_note", AddNote(reference="R"))
        detach(token)
        counted = await seen.numbers()
    assert seen.spans == []
    assert any(name == "seawall.call.duration" for name, _ in counted)


@pytest.mark.parametrize("sample", [0.0, 0.25, 1.0])
@virtual
async def test_sample_decides_as_the_sdk_does(tmp_path: Path, sample: float) -> None:
    sdk = TraceIdRatioBased(sample)
    traces = [f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}" for number in range(1, 21)]
    async with seen_wall(tmp_path, telemetry={"sample": sample}) as seen:
        for trace in traces:
            await seen.wall.call("toy.get_note", GetNote(note_id="n1"), trace_id=trace)
    recorded = {f"{span.context.trace_id:032x}" for span in seen.named("execute_tool") if span.context is not None}
    assert recorded == {
        trace
        for trace in traces
        if sdk.should_sample(None, int(trace, 16), "call").decision is Decision.RECORD_AND_SAMPLE
    }


def everything(seen: Seen) -> str:
    """Whatever a collector would be sent of the spans."""
    return "\n".join(span.to_json() for span in seen.spans)


@pytest.mark.parametrize("script", [["ok"], ["lost after"], ["refused"], ["bug"], ["no connection", "lost before"]])
@virtual
async def test_nothing_that_was_asked_or_answered_is_exported(tmp_path: Path, script: list[str]) -> None:
    secrets = Secrets()
    secrets.add(SECRET)
    async with seen_wall(tmp_path, script=script, secrets=secrets) as seen:
        seen.target.probe_script.append("secret")
        request = AddNote(reference=PLANTED, text=PLANTED, priority=SECRET)
        await seen.wall.call("toy.add_note", request, principal=f"agent:{SECRET}")
        await seen.wall.call("toy.add_note", {"reference": [PLANTED]}, principal="agent:ada", trace_id=SECRET)
        make_all_due(tmp_path)
        await seen.wall.recovery.run_once()
        shown = everything(seen) + repr(await seen.numbers())
    assert len(seen.spans) >= 3
    assert PLANTED not in shown
    assert "canary" not in shown
    assert c.TOOL_ARGUMENTS not in shown


@virtual
async def test_arguments_that_were_asked_for_come_without_secrets_and_cut(tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.add(SECRET)
    async with seen_wall(tmp_path, telemetry={"arguments": True}, secrets=secrets) as seen:
        await seen.wall.call("toy.add_note", AddNote(reference=PLANTED, text=SECRET))
        await seen.wall.call("toy.add_note", {"reference": "R", "text": "x" * 10_000})
    first, second = (str(told(span)[c.TOOL_ARGUMENTS]) for span in seen.named("execute_tool"))
    assert json.loads(first) == {"reference": PLANTED, "text": "[redacted]", "priority": "normal"}
    assert len(second) == 4096
    assert SECRET not in everything(seen)


@virtual
async def test_operation_that_a_batch_holds_is_told_by_the_batch(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, action=variant("marker")) as seen:
        notes = [{"reference": "R"}, {"reference": "S"}]
        outcome = await seen.wall.call("toy.add_notes", {"notes": notes})
    (call,) = seen.named("execute_tool")
    assert told(call)[c.OUTCOME] == "partial"
    assert isinstance(outcome, Partial)
    assert told(call)[c.OPERATION_ID] == outcome.batch_id
