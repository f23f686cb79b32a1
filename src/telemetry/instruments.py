"""The metrics: what each is, and by which labels it is counted. docs/telemetry.md has the same table."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from . import conventions as c


class Kind(StrEnum):
    """What a metric is."""

    HISTOGRAM = "histogram"
    COUNTER = "counter"
    GAUGE = "gauge"


class Instrument(NamedTuple):
    """One metric.

    Args:
        name: Its name.
        kind: What it is.
        unit: In UCUM.
        description: What it says.
        labels: The attributes that its values come with, in the order in which they are counted.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    labels: tuple[str, ...]


BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds of the buckets of our durations, in seconds."""

MCP_BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Those that the conventions of MCP prescribe."""

_H, _C, _G = Kind.HISTOGRAM, Kind.COUNTER, Kind.GAUGE
_S, _A = c.SYSTEM, c.ACTION

CALLS = Instrument(
    "seawall.call.duration", _H, "s", "Calls, by how they ended.", (_S, _A, c.OUTCOME, c.REPLAYED, c.ERROR_TYPE)
)
ATTEMPTS = Instrument(
    "seawall.attempt.duration", _H, "s", "Attempts on the wire, probes included.", (_S, c.PURPOSE, c.LANE, c.ERROR_TYPE)
)
MCP = Instrument(
    c.MCP_DURATION, _H, "s", "Requests of MCP clients.", (c.MCP_METHOD, c.TOOL_NAME, c.MCP_PROTOCOL, c.ERROR_TYPE)
)
OPERATIONS = Instrument(
    "seawall.operations", _C, "{verdict}", "Verdicts on operations: applied, rejected, unknown, parked.",
    (_S, _A, c.STATUS, c.BY),
)  # fmt: skip
REPLAYS = Instrument("seawall.replays", _C, "{call}", "Calls that were told an earlier result.", (_S, _A))
RETRIES = Instrument("seawall.retries", _C, "{retry}", "Attempts that were repeated after a pause.", (_S, c.ERROR_TYPE))
HELD_BACK = Instrument(
    "seawall.held_back", _C, "{attempt}", "Attempts that were not let through to the wire.",
    (_S, c.LANE, c.ERROR_TYPE),
)  # fmt: skip
BREAKER_MOVES = Instrument("seawall.breaker.moves", _C, "{move}", "Changes of a breaker's state.", (_S, c.STATE))
BREAKER = Instrument("seawall.breaker.state", _G, "1", "1 for the state that a breaker is in.", (_S, c.STATE))
IN_USE = Instrument("seawall.bulkhead.in_use", _G, "{call}", "Calls on the wire.", (_S, c.LANE))
WAITING = Instrument("seawall.bulkhead.waiting", _G, "{call}", "Calls that wait for a place.", (_S, c.LANE))
OPEN = Instrument("seawall.operations.open", _G, "{operation}", "Operations not settled.", (_S, c.STATUS))
OLDEST = Instrument("seawall.operations.oldest", _G, "s", "Age of the oldest one not settled.", (_S, c.STATUS))

ALL = (
    CALLS, ATTEMPTS, MCP, OPERATIONS, REPLAYS, RETRIES, HELD_BACK, BREAKER_MOVES, BREAKER, IN_USE, WAITING, OPEN,
    OLDEST,
)  # fmt: skip
