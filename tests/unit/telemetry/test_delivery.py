"""Where telemetry goes: a collector that takes it, one that is away, one that hangs, and none."""

from __future__ import annotations

import asyncio
import builtins
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.collector import collector
from support.toy import AddNote, Target, ToyAdapter
from support.virtual import sources

from seawall import Applied, Config, ConfigError, Seawall
from seawall.config import load_config
from seawall.core.redaction import Secrets
from seawall.telemetry import delivery

PLANTED, SECRET = "planted-4711-argument", "header-4711-secret-0123456789"


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Lines of `seawall` reach pytest, whatever was set up before."""
    logger = logging.getLogger("seawall")
    before = logger.propagate, logger.level
    logger.propagate = True
    logger.setLevel(logging.INFO)
    yield
    logger.propagate, level = before
    logger.setLevel(level)


def wall(folder: Path, **telemetry: Any) -> tuple[Seawall, Target]:
    target = Target(sources().clock)
    raw = {
        "ledger": {"path": str(folder / "ledger.db")},
        "systems": {"toy": {"connector": "toy"}},
        "policy": [{"name": "everything", "decision": "allow"}],
        "telemetry": {"enabled": True, **telemetry},
    }
    secrets = Secrets()
    config = load_config(raw, secrets)
    return Seawall(config, adapters={"toy": ToyAdapter(target)}, recovery=False, secrets=secrets), target


async def add(one: Seawall, reference: str = "R") -> None:
    assert isinstance(await one.call("toy.add_note", AddNote(reference=reference, text=PLANTED)), Applied)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_collector_is_sent_spans_and_metrics_and_nothing_that_was_asked(tmp_path: Path) -> None:
    with collector() as collected:
        one, _ = wall(tmp_path, endpoint=collected.url, headers={"x-key": SECRET}, service_name="crm-gateway")
        async with one:
            await add(one)
    assert [span.name for span in collected.spans] == ["execute_tool toy.add_note", "send toy.add_note"]
    call, send = collected.spans
    assert (send.trace_id, send.parent_span_id) == (call.trace_id, call.span_id)
    assert {"seawall.call.duration", "seawall.operations", "seawall.breaker.state"} <= collected.metric_names
    named = {item.key: item.value.string_value for item in collected.traces.resource_spans[0].resource.attributes}
    assert named["service.name"] == "crm-gateway"
    assert {told["x-key"] for told in collected.headers} == {SECRET}
    assert not [body for body in collected.bodies if PLANTED.encode() in body or SECRET.encode() in body]


async def test_metrics_are_sent_every_so_often(tmp_path: Path) -> None:
    with collector() as collected:
        one, _ = wall(tmp_path, endpoint=collected.url, interval=0.05)
        async with one:
            await add(one)
            for _ in range(100):
                if "seawall.operations.open" in collected.metric_names:
                    break
                await asyncio.sleep(0.05)
            assert "seawall.operations.open" in collected.metric_names


async def test_collector_that_is_away_is_said_once_and_holds_nothing_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    one, target = wall(tmp_path, endpoint=url)
    async with one:
        for number in range(5):
            await add(one, f"R{number}")
        leaves = time.monotonic()
    assert time.monotonic() - leaves < delivery.CLOSING + 2
    assert len(target.effects) == 5
    (said,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert said.name == "seawall.telemetry"
    assert url in said.getMessage()
    assert "calls go on" in said.getMessage()


async def test_collector_that_hangs_does_not_hold_up_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with collector() as collected:
        collected.hangs = 8.0
        one, _ = wall(tmp_path, endpoint=collected.url)
        async with one:
            await add(one)
            leaves = time.monotonic()
        took = time.monotonic() - leaves
    assert took < delivery.CLOSING + 2
    assert any("dropped" in record.getMessage() for record in caplog.records)


async def test_collector_that_refuses_is_said_once_and_again_when_it_takes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with collector() as collected:
        collected.status = 401
        one, _ = wall(tmp_path, endpoint=collected.url, interval=0.05)
        async with one:
            while not collected.bodies:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)
            collected.status = 200
            while not collected.metric_names:
                await asyncio.sleep(0.02)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert ["again" in line for line in said] == [False, True]


async def test_console_prints_on_stderr_and_leaves_stdout_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, _ = wall(tmp_path, exporter="console")
    async with one:
        await add(one)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "execute_tool toy.add_note" in printed.err
    assert "seawall.call.duration" in printed.err
    assert PLANTED not in printed.err


async def test_missing_extra_is_said_and_calls_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("opentelemetry.sdk") or (name == "telemetry" and args[3:] and args[3] == 1):
            raise ModuleNotFoundError("no", name="opentelemetry.sdk")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    one, target = wall(tmp_path)
    async with one:
        await add(one)
    assert len(target.effects) == 1
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert "pip install 'seawall[telemetry]'" in said


async def test_wall_without_telemetry_has_none(tmp_path: Path) -> None:
    one, _ = wall(tmp_path, enabled=False)
    async with one:
        await add(one)
        assert one.telemetry is None
        assert one.pipeline.observer is None


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"exporter": "jaeger"}, "telemetry.exporter"),
        ({"sample": 1.5}, "telemetry.sample"),
        ({"endpoint": "collector:4318"}, "telemetry.endpoint"),
        ({"metrics_open": True, "metrics_token": "0123456789-0123456789"}, "telemetry: "),
        ({"metrics_token": "short"}, "telemetry.metrics_token"),
        ({"exportr": "otlp"}, "telemetry.exportr"),
    ],
)
def test_settings_that_do_not_fit_name_the_place(settings: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config({"telemetry": settings}, Secrets())
    assert str(refused.value).startswith(where)
    assert "0123456789-0123456789" not in str(refused.value)


def test_secrets_of_telemetry_are_never_shown() -> None:
    secrets = Secrets()
    raw = {"telemetry": {"headers": {"authorization": SECRET}, "metrics_token": f"m-{SECRET}"}}
    config: Config = load_config(raw, secrets)
    assert SECRET not in repr(config)
    assert secrets.scrub(f"it is {SECRET}") == "it is [redacted]"
