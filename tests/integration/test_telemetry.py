"""`seawall serve` with a collector beside it: one trace from the agent to the CRM, and what watches the server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from mcp.types import RequestParamsMeta
from prometheus_client.parser import text_string_to_metric_families
from support.collector import collector
from support.mcp import CREATE, TOKENS, client, org, serving, told

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
META = RequestParamsMeta(traceparent=f"00-{TRACE}-{PARENT}-01")  # type: ignore[typeddict-unknown-key]
SCRAPER = "token-of-the-scraper-0123456789"
CASE = {"reference": "order-4711", "subject": "planted-4711 parcel"}

TELEMETRY = """
[telemetry]
enabled = true
endpoint = "{url}"
traceparent = {traceparent}
metrics_token = "{token}"
"""


def get(url: str, token: str | None = None) -> tuple[int, str]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: item.value.string_value or item.value.int_value for item in span.attributes}


async def test_trace_leads_from_the_agent_to_the_requests_at_the_crm(tmp_path: Path) -> None:
    with collector() as collected, org(tmp_path) as behind:
        settings = TELEMETRY.format(url=collected.url, traceparent="false", token=SCRAPER)
        (tmp_path / "seawall.toml").write_text((tmp_path / "seawall.toml").read_text() + settings)
        with serving(behind) as served:
            base = served.url.removesuffix("/mcp")
            assert get(f"{base}/healthz") == (200, '{"status": "alive"}')
            assert json.loads(get(f"{base}/readyz")[1]) == {"status": "ready"}
            assert get(f"{base}/metrics")[0] == get(f"{base}/metrics", TOKENS["ADA_TOKEN"])[0] == 401
            async with client(served.url) as agent:
                result = await agent.call_tool(CREATE, CASE, meta=META)
            assert told(result)["status"] == "succeeded"
            status, text = get(f"{base}/metrics", SCRAPER)
        assert behind.cases() == [CASE["subject"]]
    assert status == 200
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"seawall_call_duration_seconds", "seawall_operations", "mcp_server_operation_duration_seconds"} <= names
    ours = [span for span in collected.spans if span.trace_id.hex() == TRACE]
    by_name = {span.name: span for span in ours}
    message, call = by_name[f"tools/call {CREATE}"], by_name["call crm.create_case"]
    send = by_name["send crm.create_case"]
    posts = [span for span in ours if span.name == "POST"]
    assert message.parent_span_id.hex() == PARENT
    assert (call.parent_span_id, send.parent_span_id) == (message.span_id, call.span_id)
    assert {span.parent_span_id for span in posts} == {send.span_id}
    statuses = [attributes(span)["http.response.status_code"] for span in posts]
    assert set(statuses) <= {200, 201}
    shown = b"".join(collected.bodies)
    for secret in ("planted", "seawall-secret", *TOKENS.values(), SCRAPER, "Subject", "services/data"):
        assert secret.encode() not in shown
    assert secret_free(text)


def secret_free(text: str) -> bool:
    return not any(word in text for word in ("planted", "seawall-secret", SCRAPER))
