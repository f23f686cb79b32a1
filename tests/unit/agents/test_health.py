"""What watches a server: health, readiness and metrics, without a network."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.toy import AddNote, Target, ToyAdapter
from support.virtual import sources

from seawall import Config, Seawall
from seawall.agents.health import Health

TOKEN = "token-of-the-scraper-4711"


@asynccontextmanager
async def server(folder: Path, **telemetry: Any) -> AsyncIterator[tuple[Health, Seawall, list[str]]]:
    """The door before an application, and the paths that got through to it."""
    through: list[str] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        through.append(scope.get("path", scope["type"]))

    config = Config.model_validate(
        {
            "ledger": {"path": str(folder / "ledger.db"), "busy_timeout": 0.1},
            "systems": {"toy": {"connector": "toy"}},
            "policy": [{"name": "everything", "decision": "allow"}],
            "telemetry": {"exporter": "none", **telemetry},
        }
    )
    target = Target(sources().clock)
    async with Seawall(config, adapters={"toy": ToyAdapter(target)}, recovery=False) as wall:
        yield Health(behind, wall), wall, through


async def get(health: Health, path: str, token: str | None = None, method: str = "GET") -> tuple[int, str]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    await health({"type": "http", "method": method, "path": path, "headers": headers}, None, send)  # type: ignore[arg-type]
    return (sent[0]["status"], sent[1]["body"].decode()) if sent else (0, "")


async def test_server_that_lives_and_can_work_says_so_to_anybody(tmp_path: Path) -> None:
    async with server(tmp_path) as (health, _, through):
        assert await get(health, "/healthz") == (200, '{"status": "alive"}')
        assert await get(health, "/readyz") == (200, '{"status": "ready"}')
        assert await get(health, "/readyz", method="POST") == (405, '{"error": "method_not_allowed"}')
        assert through == []
        await get(health, "/mcp")
        assert through == ["/mcp"]


async def test_ledger_that_cannot_be_written_is_not_ready_until_it_can(tmp_path: Path) -> None:
    async with server(tmp_path) as (health, wall, _):
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            status, body = await get(health, "/readyz")
            assert (status, json.loads(body)) == (503, {"status": "not ready", "reasons": ["ledger"]})
            assert str(tmp_path) not in body
            assert await get(health, "/healthz") == (200, '{"status": "alive"}')
        finally:
            other.execute("ROLLBACK")
            other.close()
        await asyncio.sleep(1.1)
        assert (await get(health, "/readyz"))[0] == 200
        assert wall.refusal is None


async def test_ledger_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    async with server(tmp_path) as (health, wall, _):
        await wall.ledger.close()
        assert (await get(health, "/readyz"))[0] == 503


async def test_asking_often_writes_once(tmp_path: Path) -> None:
    async with server(tmp_path) as (health, wall, _):
        asked: list[None] = []
        check = wall.ledger.check

        async def counted() -> None:
            asked.append(None)
            await check()

        wall.ledger.check = counted  # type: ignore[method-assign]
        assert {status for status, _ in await asyncio.gather(*(get(health, "/readyz") for _ in range(20)))} == {200}
        assert len(asked) == 1


async def test_wall_that_closes_is_not_ready(tmp_path: Path) -> None:
    async with server(tmp_path) as (health, wall, _):
        closing = asyncio.create_task(wall._calls.end(0.0))
        await asyncio.sleep(0)
        assert await get(health, "/readyz") == (503, '{"status": "not ready", "reasons": ["closing"]}')
        await closing


@pytest.mark.parametrize("shown", [None, "wrong-token-4711-wrong", TOKEN + "x"])
async def test_metrics_need_the_token(tmp_path: Path, shown: str | None) -> None:
    async with server(tmp_path, enabled=True, metrics_token=TOKEN) as (health, _, _):
        status, body = await get(health, "/metrics", shown)
        assert status == 401
        assert "toy" not in body
        assert TOKEN not in body


async def test_metrics_without_any_setting_are_closed(tmp_path: Path) -> None:
    async with server(tmp_path, enabled=True) as (health, _, _):
        status, body = await get(health, "/metrics", "anything-at-all-4711-4711")
        assert status == 401
        assert "telemetry.metrics_token" in body


async def test_metrics_of_a_wall_without_telemetry_are_not_there(tmp_path: Path) -> None:
    async with server(tmp_path, metrics_open=True) as (health, _, _):
        assert (await get(health, "/metrics"))[0] == 404


@pytest.mark.parametrize(("settings", "shown"), [({"metrics_token": TOKEN}, TOKEN), ({"metrics_open": True}, None)])
async def test_metrics_tell_what_was_called(tmp_path: Path, settings: dict[str, Any], shown: str | None) -> None:
    async with server(tmp_path, enabled=True, **settings) as (health, wall, _):
        await wall.call("toy.add_note", AddNote(reference="R"))
        status, body = await get(health, "/metrics", shown)
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(body)}
    (verdict,) = families["seawall_operations"].samples
    assert (verdict.labels["seawall_operation_status"], verdict.value) == ("applied", 1.0)
