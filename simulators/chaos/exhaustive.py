"""Every single fault that can befall a simulated system: request by point by kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..faults import Fault, Match, Trigger
from ..kinds import KINDS, Lane, Point
from ..vocabulary import HTTP, SQL, Traits
from .parameters import beyond, chosen

_ALIASES = {"respond": "after_commit"}
"""Points that are another name for one that is tried anyway."""
_VARIANTS: Mapping[str, tuple[str, ...]] = {
    "json_drift": ("how",),
    "soap_drift": ("how",),
    "soap_fault": ("status",),
    "sql_error": ("error",),
}
"""Parameters that make another fault of a kind, so that each of their values is tried."""


def single_faults(
    lanes: Mapping[str, Lane],
    batches: Collection[str] = (),
    *,
    kinds: Collection[str] | None = None,
    traits: Traits | None = None,
    operations: Collection[str] | None = None,
    values: Mapping[str, Collection[object]] | None = None,
    more: bool = False,
    horizon: float | None = None,
) -> Iterator[Fault]:
    """Each fault once, with the kind's own parameters, at the first request of its name.

    Kinds that no client can see through are left out, and those of the client side, which befall actions; so is what
    would let a change land after the horizon.

    Args:
        lanes: The system's requests and the lane of each.
        batches: Those that carry several items.
        kinds: The kinds that the system carries out; None for all that its lanes and traits allow.
        traits: What the system is; a database where it has a `commit`, and a system behind HTTP otherwise, if None.
        operations: Only these requests; None for all.
        values: Parameter → the values that the system knows of it; all of them where nothing is said.
        more: Each also with the other parameters that are chosen for its kind.
        horizon: Seconds within which a late commit must land, for these; see `parameters.chosen`.
    """
    known = traits if traits is not None else SQL if "commit" in lanes else HTTP
    for name, kind in KINDS.items():
        if kind.deceives or kind.client_side or (kinds is not None and name not in kinds):
            continue
        for request, lane in lanes.items():
            if (kind.batches and request not in batches) or (operations is not None and request not in operations):
                continue
            for point in kind.points:
                if _ALIASES.get(point) in kind.points or lane not in kind.lanes_at(point):
                    continue
                if not kind.befalls(known, request, point):
                    continue
                for variant, params in [*_variants(name), *(_named(name, point, horizon) if more else ())]:
                    meant = {**kind.params, **params}
                    is_known = all(meant[param] in some for param, some in (values or {}).items() if param in meant)
                    if not is_known or beyond(name, point, params, horizon):
                        continue
                    if kind.problem_with(point, params) is None:
                        yield Fault(
                            id=f"{request}-{point}-{name}{variant}",
                            match=Match(operation=request),
                            point=point,
                            kind=name,
                            params=params,
                            trigger=Trigger(nth=1),
                            times=1,
                        )


def single_client_faults(
    actions: Mapping[str, bool],
    *,
    points: Collection[Point] | None = None,
    kinds: Collection[str] | None = None,
    more: bool = False,
) -> Iterator[Fault]:
    """Each fault of the client's own process once: action by step by kind, at the first call of the action.

    Args:
        actions: The actions, and whether each writes: what only reads has nothing to do with the ledger.
        points: Only these steps; None for all.
        kinds: The kinds that are carried out; None for all.
        more: Each also with the other parameters that are chosen for its kind.
    """
    for name, kind in KINDS.items():
        if not kind.client_side or (kinds is not None and name not in kinds):
            continue
        for action, writes in actions.items():
            for point in kind.points:
                journalled = point not in ("call", "before_send", "after_send")
                if (points is not None and point not in points) or (
                    not writes and (journalled or name == "two_workers")
                ):
                    continue
                for variant, params in [("", {}), *(_named(name, point, None) if more else ())]:
                    yield Fault(
                        id=f"{action}-{point}-{name}{variant}",
                        match=Match(operation=action),
                        point=point,
                        kind=name,
                        params=params,
                        trigger=Trigger(nth=1),
                        times=1,
                    )


def _variants(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The names and parameters of the faults that a kind stands for; first the one with its own parameters."""
    kind = KINDS[name]
    yield "", {}
    for param in _VARIANTS.get(name, ()):
        for value in kind.choices[param]:
            if value != kind.params[param]:
                yield f"-{value}", {param: value}


def _named(name: str, point: Point, horizon: float | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The other parameters that are chosen for a kind, each with what tells the fault from others of its kind."""
    for number, params in enumerate(chosen(name, point, horizon=horizon), 1):
        yield f"-{number}", params
