"""Requests over HTTP: spans inside the attempt, and `traceparent` only for those who asked for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.trace import SpanKind, StatusCode
from support.telemetry import seen_wall, told
from support.toy import AddNote
from support.virtual import virtual

from seawall import Unknown
from seawall.connectors._http import HttpClient
from seawall.telemetry import conventions as c

URL = "https://crm.example:8443/services/planted-4711?q=planted-4711"


async def called(folder: Path, answer: Any, telemetry: dict[str, Any]) -> tuple[Any, list[httpx.Request]]:
    """A write whose connector makes two requests, and the requests as they left."""
    sent: list[httpx.Request] = []

    def carry(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, text="planted-4711")

    http = HttpClient(transport=httpx.MockTransport(carry))
    async with seen_wall(folder, telemetry=telemetry, retry={"attempts": 1}) as seen:
        send = seen.adapter.send

        async def over_http(action: Any, attempt: Any) -> Any:
            await http.send("POST", URL, timeout=5, body={"text": "planted-4711"}, headers={"x-mine": "1"})
            await http.send("PATCH" if answer != 418 else "BREW", URL, timeout=5)
            return await send(action, attempt)

        seen.adapter.send = over_http  # type: ignore[method-assign]
        outcome = await seen.wall.call("toy.add_note", AddNote(reference="R"))
        if isinstance(answer, Exception):
            assert isinstance(outcome, Unknown)
    await http.close()
    return seen, sent


@virtual
async def test_requests_are_spans_inside_their_attempt_without_path_query_or_body(tmp_path: Path) -> None:
    seen, sent = await called(tmp_path, 200, {})
    (attempt,) = seen.named("send")
    (post,), (patch,) = seen.named("POST"), seen.named("PATCH")
    assert (post.parent, patch.parent) == (attempt.context, attempt.context)
    assert post.kind is SpanKind.CLIENT
    assert dict(told(post)) == {
        c.HTTP_METHOD: "POST",
        c.SERVER_ADDRESS: "crm.example",
        c.SERVER_PORT: 8443,
        c.HTTP_STATUS: 200,
    }
    assert "planted" not in post.to_json() + patch.to_json()
    assert not [request for request in sent if "traceparent" in request.headers]
    assert sent[0].headers["x-mine"] == "1"


@virtual
async def test_traceparent_is_sent_where_it_was_asked_for_and_names_the_request(tmp_path: Path) -> None:
    seen, sent = await called(tmp_path, 200, {"traceparent": True})
    spans = [*seen.named("POST"), *seen.named("PATCH")]
    expected = [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01" for span in spans]
    assert [request.headers["traceparent"] for request in sent] == expected
    assert len(expected) == 2


@virtual
async def test_traceparent_of_a_trace_that_is_not_recorded_says_so(tmp_path: Path) -> None:
    seen, sent = await called(tmp_path, 200, {"traceparent": True, "sample": 0.0})
    assert seen.spans == []
    assert all(request.headers["traceparent"].endswith("-00") for request in sent)
    assert len(sent) == 2


@virtual
async def test_status_of_an_error_is_the_class_of_the_error(tmp_path: Path) -> None:
    seen, _ = await called(tmp_path, 418, {})
    (post,), (other,) = seen.named("POST"), seen.named("HTTP")
    assert (told(post)[c.ERROR_TYPE], told(post)[c.HTTP_STATUS]) == ("418", 418)
    assert post.status.status_code is StatusCode.ERROR
    assert told(other)[c.HTTP_METHOD] == "_OTHER"


@pytest.mark.parametrize("error", [httpx.ReadTimeout("planted-4711"), httpx.ReadError("planted-4711")])
@virtual
async def test_request_that_fails_is_told_by_the_class_of_its_error(tmp_path: Path, error: Exception) -> None:
    seen, _ = await called(tmp_path, error, {})
    (post,) = seen.named("POST")
    assert told(post)[c.ERROR_TYPE] == type(error).__name__
    assert c.HTTP_STATUS not in told(post)
    assert "planted" not in post.to_json()
