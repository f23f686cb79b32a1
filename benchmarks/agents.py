"""A thousand agents at one serving process: throughput, memory, latency, and a brown-out in the middle."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from seawall import Seawall

from . import agents_http, agents_serving, agents_waiting, brownout
from .agents_serving import AGENTS
from .agents_target import Target, target


class Found(NamedTuple):
    """What was measured.

    Args:
        rates: A second, and the simulator's share of a core.
        latency: Milliseconds.
        memory: KiB for each agent.
        brownout: See `brownout.measure`.
        lines: Goodput over time, a line of bars each.
    """

    rates: dict[str, float]
    latency: dict[str, float]
    memory: dict[str, float]
    brownout: dict[str, float]
    lines: list[str]


def measure(folder: Path, scale: float, told: Callable[[str], None] = lambda _: None) -> Found:
    """Measure everything.

    Args:
        folder: Where ledgers are put.
        scale: 1 for about two minutes and a half.
        told: What is measured next.
    """
    with target() as behind:
        return asyncio.run(_measure(folder, behind, scale, told))


async def _measure(folder: Path, behind: Target, scale: float, told: Callable[[str], None]) -> Found:
    waiting = AGENTS if scale >= 1 else AGENTS // 4
    async with Seawall(agents_serving.configured(folder, behind.url)) as wall:
        case = await agents_serving.a_case(wall)
    told("1,000 agents, reads")
    rates = await agents_serving.reads(folder, behind, scale)
    told("1,000 agents over HTTP")
    rates |= await agents_http.rates(folder, behind, case, AGENTS, scale)
    told("1,000 agents, ledgered writes")
    rates |= await agents_serving.writes(folder, behind, scale)
    told("50 agents, latency")
    latency = await agents_serving.latency(folder, behind, scale)
    told(f"{waiting:,} agents that wait")
    memory = await agents_waiting.measure(folder, behind, case, waiting)
    told("brown-out")
    dimmed, lines = await brownout.measure(folder, behind, scale)
    return Found(rates, latency, memory, dimmed, lines)


def ratios(found: Found) -> dict[str, tuple[float, float, bool]]:
    """Figure → what was measured, what it must be, and whether it is a bound from above."""
    rates, memory, dimmed = found.rates, found.memory, found.brownout
    bare, gated = rates["bare httpx, reads"], rates["bare httpx behind a semaphore, reads"]
    naive = "naive, exponential"
    return {
        "1,000 agents: reads through Seawall.call ÷ bare httpx": (rates["Seawall.call, reads"] / bare, 0.8, False),
        "1,000 agents: reads through Seawall.call ÷ bare httpx behind a semaphore": (
            rates["Seawall.call, reads"] / gated,
            0.8,
            False,
        ),
        "1,000 agents: ledgered writes ÷ bare POSTs": (
            rates["Seawall.call, ledgered writes"] / rates["bare httpx, POSTs"],
            0.8,
            False,
        ),
        "1,000 agents: writes that were done twice": (rates["writes that were done twice"], 0.0, True),
        "an agent that waits in Seawall.call ÷ in bare httpx (memory)": (
            memory["Seawall.call, KiB an agent"] / memory["bare httpx, KiB an agent"],
            2.0,
            True,
        ),
        "50 agents: read p99 ÷ bare httpx": (
            found.latency["Seawall.call, read p99"] / found.latency["bare httpx, read p99"],
            1.2,
            True,
        ),
        "brown-out: cases opened twice": (dimmed["Seawall: cases opened twice"], 0.0, True),
        "brown-out: goodput ÷ naive retry": (
            dimmed["Seawall: goodput in the brown-out (a second)"]
            / max(dimmed[f"{naive}: goodput in the brown-out (a second)"], 0.01),
            1.0,
            False,
        ),
        "brown-out: seconds until 90 % of the goodput is back": (dimmed["Seawall: recovery (s)"], 2.0, True),
        "brown-out: requests at the target ÷ operations": (
            dimmed["Seawall: requests at the target ÷ operations"],
            1.2,
            True,
        ),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=".") as _folder:
        _found = measure(
            Path(_folder), 0.2 if "--quick" in sys.argv else 1.0, lambda part: print(part, file=sys.stderr)
        )
    for _name, (_value, _limit, _at_most) in ratios(_found).items():
        print(f"{_value:10.2f} {'≤' if _at_most else '≥'} {_limit:<5g} {_name}")
    for _name, _value in (_found.rates | _found.latency | _found.memory | _found.brownout).items():
        print(f"{_value:12,.2f}  {_name}")
    print(*_found.lines, sep="\n")
