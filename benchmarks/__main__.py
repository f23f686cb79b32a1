"""Run all benchmarks and print them as ratios: `make bench ARGS="[--json] [--quick]"`."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import agents, ledger, outage, policy, processes, recovery, shared_ledger, simulation, telemetry


class Target(NamedTuple):
    """A figure and what it must be."""

    name: str
    value: float
    limit: float
    at_most: bool = True

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


def import_times() -> dict[str, float]:
    """Milliseconds of an import in a process of its own, median of eleven, in turn."""
    times: dict[str, list[float]] = {"pass": [], "import pydantic, httpx": [], "import seawall": []}
    for _ in range(11):
        for statement, found in times.items():
            code = f"import time; s=time.perf_counter(); {statement}; print(time.perf_counter()-s)"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            found.append(float(done.stdout) * 1e3)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> int:
    """Measure, print, and say which targets were missed."""
    scale = 0.2 if "--quick" in sys.argv else 1.0
    console = Console(stderr="--json" in sys.argv)
    with (
        tempfile.TemporaryDirectory(dir=".") as folder,
        Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=Console(stderr=True)
        ) as progress,
    ):
        task = progress.add_task("call policy", total=None)
        calls = asyncio.run(policy.measure(scale))
        progress.update(task, description="rejection")
        open_calls = asyncio.run(policy.rejection(scale))
        crowd = asyncio.run(policy.together())
        progress.update(task, description="ledger")
        stored = asyncio.run(ledger.measure(Path(folder), scale))
        progress.update(task, description="telemetry")
        seen = asyncio.run(telemetry.measure(Path(folder), scale))
        progress.update(task, description="eight processes")
        many = processes.measure(Path(folder), int(400 * scale))
        progress.update(task, description="ledger on PostgreSQL")
        remote = shared_ledger.measure(scale)
        progress.update(task, description="recovery of unknown operations")
        recovered = asyncio.run(recovery.measure(Path(folder), int(10_000 * scale)))
        progress.update(task, description="outage")
        loads = outage.load(Path(folder), 60 * scale)
        late = asyncio.run(outage.overshoot(Path(folder), int(800 * scale)))
        progress.update(task, description="virtual time")
        timers = simulation.timers(scale)
        with tempfile.TemporaryDirectory(dir=simulation.folder()) as in_memory:
            hours = simulation.idle(Path(in_memory))
        progress.update(task, description="simulated connectors")
        simulated = simulation.rates(scale)
        progress.update(task, description="imports")
        imports = import_times()
        crowded = agents.measure(Path(folder), scale, lambda part: progress.update(task, description=part))
    ours = calls[next(name for name in calls if name.startswith("Seawall"))]
    by_hand = calls[next(name for name in calls if name.startswith("hand-wired"))]
    two_commits_rate = 1e6 / stored["floor"]
    targets = [
        Target("call policy ÷ hand-wired", ours / by_hand, 0.3),
        Target("call policy ÷ tenacity AsyncRetrying alone", ours / calls["tenacity AsyncRetrying, shared"], 1.0),
        Target("breaker alone, open (µs)", open_calls["breaker alone, open (None)"], 5.0),
        Target(
            "pybreaker's exception ÷ our value, breaker open",
            open_calls["pybreaker, open (an exception)"] / open_calls["breaker alone, open (None)"],
            5.0,
            at_most=False,
        ),
        Target("sixteen calls of 50 ms through one breaker (ms)", crowd["Seawall"], 60.0),
        Target("ledgered write ÷ two raw commits", stored["write"] / stored["floor"], 1.6),
        Target(
            "ledgered write with telemetry ÷ without", seen["ledgered write, telemetry"] / seen["ledgered write"], 1.4
        ),
        Target(
            "read over HTTP with telemetry ÷ without", seen["read over HTTP, telemetry"] / seen["read over HTTP"], 1.4
        ),
        Target("read without a wire, with telemetry ÷ without", seen["read, telemetry"] / seen["read"], 1.4),
        Target(
            "rate of 64 callers ÷ rate of the floor", stored["rate, 64 callers"] / two_commits_rate, 5.0, at_most=False
        ),
        Target(
            "rate of 8 processes ÷ 8 that write two raw commits each",
            many[f"{processes.PROCESSES} processes, ledgered"]
            / many[f"{processes.PROCESSES} processes, two raw commits"],
            1.0,
            at_most=False,
        ),
        Target(
            "PostgreSQL: rate of 64 callers ÷ two commits on one connection",
            remote["PostgreSQL ledger, 64 callers"] / remote["PostgreSQL, two commits on one connection"],
            5.0,
            at_most=False,
        ),
        Target(
            "PostgreSQL: rate of 8 processes ÷ two commits on 8 connections",
            remote[f"PostgreSQL ledger, {shared_ledger.PROCESSES} processes of 8 callers"]
            / remote[f"PostgreSQL, two commits on {shared_ledger.PROCESSES} connections"],
            1.0,
            at_most=False,
        ),
        Target("replay ÷ ledgered write", stored["replay"] / stored["write"], 0.15),
        Target(
            "recovery of 10,000 unknown operations ÷ rate limit",
            recovered["recovered a second ÷ rate limit"],
            0.9,
            at_most=False,
        ),
        Target("foreground p99 beside recovery ÷ without it", recovered["foreground p99, beside ÷ idle"], 1.1),
        Target("calls at a target that is down ÷ operations offered", loads["Seawall"], 1.2),
        Target("deadline overshoot p99 against a hung server (ms)", late["deadline overshoot p99"], 20.0),
        Target(
            "timers a second in virtual time ÷ looptime",
            timers["ours, in turn"] / timers["looptime, in turn"],
            1.0,
            at_most=False,
        ),
        Target("a simulated hour of an idle worker (ms)", hours["an hour, a worker with ledger and recovery"], 100.0),
        Target(
            "attempts and probes a second, simulated and under faults (salesforce)",
            simulated["salesforce, attempts and probes"],
            1000.0,
            at_most=False,
        ),
        Target(
            "import seawall ÷ import pydantic, httpx",
            imports["import seawall"] / imports["import pydantic, httpx"],
            1.3,
        ),
        *(Target(name, *ratio) for name, ratio in agents.ratios(crowded).items()),
    ]
    figures = {
        "µs": calls | open_calls | seen,
        "ms": crowd | imports | late | hours,
        "load": loads,
        "recovery": recovered,
        "ledger (µs; rate a second)": stored | many | remote,
        "virtual time (timers a second)": timers,
        "simulated connectors (a second on one core)": simulated,
        "1,000 agents (a second)": crowded.rates,
        "50 agents (ms)": crowded.latency,
        "agents that wait (KiB an agent)": crowded.memory,
        "brown-out": crowded.brownout,
    }
    if "--json" in sys.argv:
        print(json.dumps({"targets": {t.name: [t.value, t.limit, t.met] for t in targets}, "figures": figures}))
    else:
        _print(console, targets, figures)
        console.print("Goodput over time, half a second each:", *crowded.lines, sep="\n", highlight=False)
    return 0


def _print(console: Console, targets: list[Target], figures: dict[str, dict[str, float]]) -> None:
    table = Table("figure", "measured", "target", "", title="Ratios of one run")
    for target in targets:
        sign = "≤" if target.at_most else "≥"
        table.add_row(target.name, f"{target.value:.2f}", f"{sign} {target.limit:g}", "met" if target.met else "MISSED")
    console.print(table)
    for unit, found in figures.items():
        table = Table("", unit, title=None)
        for name, value in found.items():
            table.add_row(name, f"{value:,.2f}")
        console.print(table)
    console.print("Machines are shared and noisy: compare within one run only.")


if __name__ == "__main__":
    sys.exit(main())
