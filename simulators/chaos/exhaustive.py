"""Every single fault that can befall a simulated system: request by point by kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..faults import Fault, Match, Trigger
from ..kinds import KINDS, Lane

_ALIASES = {"respond": "after_commit"}
"""Points that are another name for one that is tried anyway."""


def single_faults(
    lanes: Mapping[str, Lane], batches: Collection[str] = (), *, kinds: Collection[str] | None = None
) -> Iterator[Fault]:
    """Each fault once, with the kind's own parameters, at the first request of its name.

    Args:
        lanes: The system's requests and the lane of each.
        batches: Those that carry several items.
        kinds: The kinds that the system carries out; None for all that its lanes allow.
    """
    database = "commit" in lanes
    for name, kind in KINDS.items():
        if (kinds is not None and name not in kinds) or (kind.databases and not database):
            continue
        for request, lane in lanes.items():
            if lane not in kind.lanes or (kind.batches and request not in batches):
                continue
            for point in kind.points:
                if _ALIASES.get(point) in kind.points:
                    continue
                yield Fault(
                    id=f"{request}-{point}-{name}",
                    match=Match(operation=request),
                    point=point,
                    kind=name,
                    trigger=Trigger(nth=1),
                    times=1,
                )
