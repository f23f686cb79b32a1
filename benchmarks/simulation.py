"""Virtual time: bare timers beside looptime, idle hours, and what a simulated connector does in a second."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import looptime

from seawall.simulators.chaos.entries import Attempted, Probed, Wire
from seawall.simulators.chaos.episode import Episode, play
from seawall.simulators.chaos.explore import asked_of, faults_of, schedules
from seawall.simulators.chaos.memory import in_memory
from seawall.simulators.chaos.naive import play_naively
from seawall.simulators.chaos.scenario import Scenario, drawn
from seawall.simulators.chaos.stage import Stage
from seawall.simulators.chaos.subjects import SUBJECTS, load_subject
from seawall.simulators.faults import Plan, Trigger
from seawall.simulators.virtual_time import VirtualLoop, run

_HOUR = 3600.0


class LoopTime(looptime.LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """looptime as it is."""


class HastyLoopTime(LoopTime):
    """looptime without the empty cycles before each leap, which it makes so that other tasks get their turn."""

    def __init__(self) -> None:
        super().__init__(noop_cycles=0)


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "ours": VirtualLoop,
    "looptime": LoopTime,
    "looptime, noop_cycles=0": HastyLoopTime,
}


async def in_turn(count: int) -> None:
    """One task that waits again and again."""
    for _ in range(count):
        await asyncio.sleep(1.0)


async def side_by_side(count: int) -> None:
    """A hundred tasks that wait for different times."""

    async def one(number: int) -> None:
        for turn in range(count // 100):
            await asyncio.sleep(1.0 + (number * 37 + turn * 11) % 100 / 100)

    await asyncio.gather(*(one(number) for number in range(100)))


def timers(scale: float) -> dict[str, float]:
    """Timers a second, the best of three rounds in turn, by loop."""
    best: dict[str, float] = {}
    for _ in range(3):
        for name, make in LOOPS.items():
            for kind, wait, count in (
                ("in turn", in_turn, int(10_000 * scale)),
                ("side by side", side_by_side, int(10_000 * scale)),
            ):
                rate = count / _seconds(make, lambda wait=wait, count=count: wait(count))  # type: ignore[misc]
                best[f"{name}, {kind}"] = max(best.get(f"{name}, {kind}", 0.0), rate)
    return best


def _seconds(make: Callable[[], asyncio.AbstractEventLoop], work: Callable[[], Coroutine[Any, Any, None]]) -> float:
    with asyncio.Runner(loop_factory=make) as runner:
        began = time.perf_counter()
        runner.run(work())
        return time.perf_counter() - began


def idle(folder: Path) -> dict[str, float]:
    """Milliseconds of a simulated hour in which nothing is asked, the best of three."""

    async def one_timer() -> None:
        await asyncio.sleep(_HOUR)

    return {
        "an hour, one timer": min(_seconds(VirtualLoop, one_timer) for _ in range(3)) * 1e3,
        "an hour, a worker with ledger and recovery": min(_idle_worker(folder, number) for number in range(3)) * 1e3,
    }


def _idle_worker(folder: Path, number: int) -> float:
    place = folder / f"idle-{number}"
    place.mkdir()

    async def main() -> float:
        async with Stage(load_subject("salesforce"), folder=place) as stage:
            await stage.start_worker()
            began = time.perf_counter()
            await asyncio.sleep(_HOUR)
            return time.perf_counter() - began

    return run(main())


def rates(scale: float) -> dict[str, float]:
    """What each connector does in a second on one core: ledger, simulator, recovery and judgement included.

    Replies are lost before and after the commit, and the processor's time counts, so that neighbours on the machine
    do not. The usual client beside it has neither ledger nor recovery: what it takes is connector, simulator and judge.
    """
    figures: dict[str, float] = {}
    for name in SUBJECTS:
        busy = [_busy(name, seed) for seed in range(int(5 * scale) or 1)]
        random = list(schedules(name, range(int(20 * scale) or 1)))
        play(busy[0])
        taken, played = _played(busy)
        figures[f"{name}, operations"] = sum(_operations(one) for one in played) / taken
        figures[f"{name}, attempts and probes"] = sum(len(_sent(one)) for one in played) / taken
        figures[f"{name}, requests on the wire"] = sum(len(one.history.of(Wire)) for one in played) / taken
        figures[f"{name}, random episodes"] = len(random) / _played(random)[0]
        taken, played = _played(busy, play_naively)
        figures[f"{name}, operations, usual client"] = sum(_operations(one) for one in played) / taken
    return figures


def _played(scenarios: list[Scenario], play: Callable[[Scenario], Episode] = play) -> tuple[float, list[Episode]]:
    gc.collect()
    gc.freeze()  # as the processes of a campaign do
    before = gc.get_threshold()
    gc.set_threshold(50_000)
    began = time.process_time()
    played = [play(one) for one in scenarios]
    taken = time.process_time() - began
    gc.unfreeze()
    gc.set_threshold(*before)
    return taken, played


def _operations(played: Episode) -> int:
    """Different writes, each item of a batch being one, and reads; a repetition is none."""
    setting = played.history.setting
    return len(setting.wanted) + len(setting.reads)


def _busy(name: str, seed: int) -> Scenario:
    """Forty operations of ten clients; each write's reply is lost with the chance of one in ten, at each point."""
    lost = [
        fault.model_copy(update={"trigger": Trigger(probability=0.1), "times": None, "params": {}})
        for fault in faults_of(load_subject(name))
        if fault.kind == "reset" and fault.point in ("apply", "before_commit", "after_commit")
    ]
    plan = Plan(seed=seed, faults=tuple(lost))
    return drawn(name, seed, plan, asked_of(load_subject(name)), operations=40, clients=10, mishaps=0)


def _sent(played: Episode) -> list[Attempted | Probed]:
    return [*played.history.of(Attempted), *played.history.of(Probed)]


def folder() -> str | None:
    """Where the simulated ledgers lie."""
    return in_memory()
