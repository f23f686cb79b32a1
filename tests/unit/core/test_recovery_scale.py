"""Ten thousand unknown operations after an outage (hard cases 38 and 40), counted at the target in virtual time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.toy import AddNote, Target, ToyAdapter
from support.virtual import toy_wall, virtual

from seawall import Applied, Seawall
from seawall.core.errors import GatewayError, ReplyTimeout
from seawall.core.ledger.records import Intent, Status, Verdict

COUNT = 10_000
LATENCY = 0.02


async def in_doubt(wall: Seawall, target: Target, count: int = COUNT) -> None:
    """Operations whose replies were lost and which landed."""
    now = wall.sources.clock.now()
    error = json.dumps(ReplyTimeout("no answer", code="timeout").at("toy", "add_note", 1).to_record())
    for first in range(0, count, 500):
        begun = await wall.ledger.begin([intent(number, now) for number in range(first, min(first + 500, count))])
        verdicts = [
            Verdict(one.operation.id, 1, Status.UNKNOWN, error=error, sent_at=now, last_sent_at=now, next_check_at=now)
            for one in begun
        ]
        await wall.ledger.finish(verdicts)
        for one in begun:
            target.apply(one.operation.key, "hello")
    by_key: dict[str, list[Any]] = {effect.key: [effect] for effect in target.effects}
    target.by_key = lambda key, at=None: by_key.get(key, [])  # type: ignore[method-assign]  # the same, but found sooner


def intent(number: int, now: float) -> Intent:
    request = AddNote(reference=f"lost {number}").model_dump_json()
    return Intent(
        id=f"op_{number:06d}",
        system="toy",
        action="add_note",
        key=f"lost {number}",
        identity=json.dumps({"reference": f"lost {number}"}),
        request=request,
        digest=hashlib.sha256(request.encode()).hexdigest(),
        principal="agent",
        adapter_version="toy 1",
        policy="{}",
        deadline_at=now,
    )


class Wire:
    """What arrives at the target, and when; every call takes a while."""

    def __init__(self, adapter: ToyAdapter) -> None:
        self.arrivals: list[float] = []
        self.probes = 0
        self.down = False
        self._send, self._probe = adapter.send, adapter.probe

    async def send(self, action: Any, attempt: Any) -> Any:
        await self._arrive()
        return await self._send(action, attempt)

    async def probe(self, action: Any, attempt: Any) -> Any:
        self.probes += 1
        await self._arrive()
        return await self._probe(action, attempt)

    async def _arrive(self) -> None:
        self.arrivals.append(asyncio.get_running_loop().time())
        await asyncio.sleep(LATENCY)
        if self.down:
            raise GatewayError("out of order", code="503")

    def on(self, adapter: ToyAdapter) -> Any:
        return patch.multiple(adapter, send=self.send, probe=self.probe)


def busiest_second(arrivals: list[float]) -> int:
    most = first = 0
    for last, at in enumerate(arrivals):
        while arrivals[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


async def foreground(wall: Seawall, references: Iterable[str], every: float) -> list[float]:
    loop, taken = asyncio.get_running_loop(), []

    async def call(reference: str) -> None:
        started = loop.time()
        assert isinstance(await wall.toy.add_note(AddNote(reference=reference)), Applied)
        taken.append(loop.time() - started)

    calls = []
    for reference in references:
        calls.append(asyncio.ensure_future(call(reference)))
        await asyncio.sleep(every)
    await asyncio.gather(*calls)
    return taken


@pytest.mark.case(40)
@virtual
async def test_ten_thousand_are_settled_as_fast_as_the_rate_limit_allows_and_no_faster(tmp_path: Path) -> None:
    rate = 100.0
    async with toy_wall(tmp_path, limits={"rate": rate, "burst": 10}, background=True) as (wall, target, adapter):
        wire = Wire(adapter)
        with wire.on(adapter):
            started = asyncio.get_running_loop().time()
            await in_doubt(wall, target)
            while (await wall.ledger.counts()).get(("toy", Status.UNKNOWN)):
                await asyncio.sleep(0.5)
            taken = wire.arrivals[-1] - started
        assert await wall.ledger.counts() == {("toy", Status.APPLIED): COUNT}
        assert len(wire.arrivals) == COUNT, "one look each"
        assert 0.9 <= COUNT / taken / rate <= 1.01
        assert busiest_second(wire.arrivals) <= rate + 10


@pytest.mark.case(40)
@virtual
async def test_calls_beside_ten_thousand_unknown_operations_take_no_longer(tmp_path: Path) -> None:
    references = [f"R-{number}" for number in range(3000)]
    async with toy_wall(tmp_path, limits={"rate": 100.0, "burst": 10}, background=True) as (wall, target, adapter):
        wire = Wire(adapter)
        with wire.on(adapter):
            before = await foreground(wall, references[:1000], 1 / 50)
            await in_doubt(wall, target)
            await asyncio.sleep(1.0)
            probed = wire.probes
            beside = await foreground(wall, references[1000:], 1 / 50)
            probed = wire.probes - probed
        assert (await wall.ledger.counts())["toy", Status.UNKNOWN] > 5000, "recovery was at it all the time"
        assert probed >= 0.85 * 50 * 40, "and made use of what the calls left over"
        assert statistics.quantiles(beside, n=100)[98] <= 1.1 * statistics.quantiles(before, n=100)[98]


@pytest.mark.case(38)
@virtual
async def test_during_an_outage_one_look_now_and_then_is_enough_and_nothing_is_taken_up_en_masse(
    tmp_path: Path,
) -> None:
    async with toy_wall(tmp_path, background=True, limits={"rate": 200.0}) as (wall, target, adapter):
        wire = Wire(adapter)
        wire.down = True
        with wire.on(adapter):
            await in_doubt(wall, target, 3000)
            await asyncio.sleep(600)
            assert len(wire.arrivals) <= 5 + 4 + 600 / 30
            touched = [operation for operation in await wall.ledger.find(limit=9999) if operation.epoch > 1]
            assert len(touched) <= 100, "what was taken up when it began, and one for each look since"
            wire.down = False
            back = asyncio.get_running_loop().time()
            while (await wall.ledger.counts()).get(("toy", Status.UNKNOWN)):
                await asyncio.sleep(0.5)
        assert asyncio.get_running_loop().time() - back < 31 + 3000 / (0.9 * 200.0)


@virtual
async def test_two_workers_share_what_is_due(tmp_path: Path) -> None:
    async with toy_wall(tmp_path, background=True) as (one, target, first):
        async with toy_wall(tmp_path, background=True, seed=2, target=target) as (_, _, second):
            wires = Wire(first), Wire(second)
            with wires[0].on(first), wires[1].on(second):
                await in_doubt(one, target, 1000)
                while (await one.ledger.counts()).get(("toy", Status.UNKNOWN)):
                    await asyncio.sleep(0.5)
        assert sum(wire.probes for wire in wires) == 1000
        assert min(wire.probes for wire in wires) > 400
