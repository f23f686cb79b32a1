"""The numbers, against sequences that are known."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint
from prometheus_client.parser import text_string_to_metric_families
from support.telemetry import labels, numbers, seen_wall
from support.toy import AddNote, GetNote, variant
from support.virtual import make_all_due, virtual

from seawall import Unknown
from seawall.core.clock import Sources
from seawall.core.errors import BulkheadFull, LedgerUnavailable
from seawall.core.events import HeldBack
from seawall.core.settings import TelemetrySettings
from seawall.telemetry import Telemetry
from seawall.telemetry.instruments import ALL, Kind
from seawall.telemetry.prometheus import exposition, name_of
from seawall.telemetry.sources import scope_of
from seawall.telemetry.tallies import MOST

CALLS, ATTEMPTS = "seawall.call.duration", "seawall.attempt.duration"


@virtual
async def test_known_sequence_gives_known_numbers(tmp_path: Path) -> None:
    script = ["ok", "throttled", "ok", "refused", "lost after"]
    async with seen_wall(tmp_path, script=script) as seen:
        for reference in ("A", "A", "B", "C", "D"):  # done, replayed, repeated, refused, found by a probe
            await seen.wall.call("toy.add_note", AddNote(reference=reference))
        await seen.wall.call("toy.get_note", GetNote(note_id="none"))
        found = await seen.numbers()
    add = {"system": "toy", "action": "add_note"}
    assert found[CALLS, labels(**add, outcome="applied", replayed=False)] == 3
    assert found[CALLS, labels(**add, outcome="applied", replayed=True)] == 1
    assert found[CALLS, labels(**add, outcome="rejected", replayed=False, error__type="BusinessRule")] == 1
    assert found["seawall.replays", labels(**add)] == 1
    assert found["seawall.retries", labels(system="toy", error__type="Throttled")] == 1
    sends = {"system": "toy", "attempt.purpose": "send", "attempt.lane": "call"}
    assert found[ATTEMPTS, labels(**sends, error__type="Throttled")] == 1
    assert found[ATTEMPTS, labels(**sends, error__type="ReplyTimeout")] == 1
    assert found[ATTEMPTS, labels(**{**sends, "attempt.purpose": "probe"})] == 1
    verdict = {**add, "concluded.by": "call"}
    assert found["seawall.operations", labels(**verdict, **{"operation.status": "applied"})] == 3
    assert found["seawall.operations", labels(**verdict, **{"operation.status": "rejected"})] == 1


@virtual
async def test_operation_is_counted_as_unknown_then_open_then_as_recovery_found_it(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["lost after"], retry={"attempts": 1}) as seen:
        assert isinstance(await seen.wall.call("toy.add_note", AddNote(reference="A")), Unknown)
        await seen.wall.sources.clock.sleep(60)
        before = await seen.numbers()
        make_all_due(tmp_path)
        await seen.wall.recovery.run_once()
        soon = await seen.numbers()
        await seen.wall.sources.clock.sleep(6)
        later = await seen.numbers()
    add = {"system": "toy", "action": "add_note"}
    unknown = labels(system="toy", **{"operation.status": "unknown"})
    assert before["seawall.operations", labels(**add, **{"operation.status": "unknown", "concluded.by": "call"})] == 1
    assert before["seawall.operations.open", unknown] == 1
    assert before["seawall.operations.oldest", unknown] == pytest.approx(60, abs=1)
    assert soon["seawall.operations", labels(**add, **{"operation.status": "applied", "concluded.by": "recovery"})] == 1
    assert soon["seawall.operations.open", unknown] == 1, "what the ledger said is told again for five seconds"
    assert later["seawall.operations.open", unknown] == 0
    assert later["seawall.operations.oldest", unknown] == 0


@virtual
async def test_operation_without_any_means_is_counted_as_parked(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["lost before"], action=variant("nothing")) as seen:
        await seen.wall.call("toy.add_note", AddNote(reference="A"))
        found = await seen.numbers()
    parked = {"system": "toy", "operation.status": "parked"}
    assert found["seawall.operations", labels(**parked, action="add_note", **{"concluded.by": "call"})] == 1
    assert found["seawall.operations.open", labels(**parked)] == 1


@virtual
async def test_breaker_and_bulkhead_are_shown_as_they_are(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["slow:5", "ok"], limits={"concurrency": 1}) as seen:
        calls = [
            asyncio.create_task(seen.wall.call("toy.add_note", AddNote(reference=reference))) for reference in "AB"
        ]
        await asyncio.sleep(1)
        during = await seen.numbers()
        await asyncio.gather(*calls)
        seen.wall.systems["toy"].breaker.trip("test")
        await seen.wall.call("toy.add_note", AddNote(reference="C"))
        after = await seen.numbers()
    lane = {"system": "toy", "attempt.lane": "call"}
    assert (during["seawall.bulkhead.in_use", labels(**lane)], during["seawall.bulkhead.waiting", labels(**lane)]) == (
        1,
        1,
    )
    assert after["seawall.bulkhead.in_use", labels(**lane)] == 0
    states = {
        state: after["seawall.breaker.state", labels(system="toy", **{"breaker.state": state})]
        for state in ("open", "closed")
    }
    assert states == {"open": 1, "closed": 0}
    assert after["seawall.breaker.moves", labels(system="toy", **{"breaker.state": "open"})] == 1
    assert after["seawall.held_back", labels(**lane, error__type="CircuitOpen")] == 1


@virtual
async def test_prometheus_text_is_what_its_own_parser_reads(tmp_path: Path) -> None:
    async with seen_wall(tmp_path, script=["ok", "lost after"]) as seen:
        for reference in ("A", "A", "B"):
            await seen.wall.call("toy.add_note", AddNote(reference=reference))
        text = exposition(await seen.telemetry.collected()).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = {
        (sample.name, sample.labels.get("seawall_replayed"), sample.labels.get("le")): sample.value
        for sample in families["seawall_call_duration_seconds"].samples
    }
    assert samples["seawall_call_duration_seconds_count", "false", None] == 2
    assert samples["seawall_call_duration_seconds_bucket", "false", "+Inf"] == 2
    assert samples["seawall_call_duration_seconds_count", "true", None] == 1
    assert families["seawall_replays"].samples[0].value == 1
    assert families["seawall_breaker_state"].type == "gauge"
    known = {name_of(one).removesuffix("_total") for one in ALL}
    assert set(families) <= known


@virtual
async def test_names_that_callers_make_up_grow_nothing(tmp_path: Path) -> None:
    async with seen_wall(tmp_path) as seen:
        for number in range(50):
            await seen.wall.call(f"toy.made_up_{number}", {}, principal=f"agent:{number}")
            await seen.wall.call(f"made_up_{number}.x", {}, principal=f"agent:{number}")
        found = await seen.numbers()
    (calls,) = [(key, value) for key, value in found.items() if key[0] == CALLS]
    assert calls == (
        (CALLS, labels(system="", action="", outcome="rejected", replayed=False, error__type="InvalidRequest")),
        100,
    )


def test_labels_beyond_the_bound_are_counted_together() -> None:
    telemetry = Telemetry(TelemetrySettings(enabled=True), Sources())
    for number in range(MOST + 10):
        telemetry.happened(HeldBack(f"system{number}", BulkheadFull("full"), recovery=False))
        telemetry.measures.calls.add((f"system{number}", "a", "applied", False, None), 0.1)
    found = numbers(telemetry.measures.collect(telemetry.resource, scope_of()))
    for name in ("seawall.held_back", CALLS):
        assert sum(1 for key in found if key[0] == name) == MOST + 1
        assert found[name, labels(otel__metric__overflow=True)] == 10
    assert b"otel_metric_overflow" in exposition(telemetry.measures.collect(telemetry.resource, scope_of()))


def test_durations_fall_into_the_buckets_whose_bounds_they_do_not_exceed() -> None:
    telemetry = Telemetry(TelemetrySettings(enabled=True), Sources())
    for seconds in (0.001, 0.0011, 400.0):
        telemetry.measures.calls.add(("s", "a", "applied", False, None), seconds)
    (metric,) = telemetry.measures.collect(telemetry.resource, scope_of()).resource_metrics[0].scope_metrics[0].metrics
    (point,) = metric.data.data_points
    assert isinstance(point, HistogramDataPoint)
    assert list(point.bucket_counts[:3]) == [1, 1, 0]
    assert point.bucket_counts[-1] == 1
    assert (point.count, point.min, point.max) == (3, 0.001, 400.0)
    assert point.sum == pytest.approx(400.0021)


@virtual
async def test_ledger_that_is_away_leaves_its_numbers_out(tmp_path: Path) -> None:
    async def away() -> None:
        raise LedgerUnavailable("away", code="away")

    async with seen_wall(tmp_path) as seen:
        seen.wall.ledger.unsettled = away  # type: ignore[method-assign,assignment]
        found = await seen.numbers()
    assert not any(name.startswith("seawall.operations.o") for name, _ in found)
    assert any(name == "seawall.breaker.state" for name, _ in found)


def test_kinds_of_instruments_are_all_used() -> None:
    assert {one.kind for one in ALL} == set(Kind)
    assert len({one.name for one in ALL}) == len(ALL)
