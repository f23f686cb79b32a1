"""Which parameters of a fault are worth trying beside its kind's own: a few of each kind, and draws from many."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from email.utils import formatdate
from typing import Any, Final

from ..faults import Fault
from ..kinds import KINDS, Point
from ..virtual_time import LoopClock

HORIZON: Final = 60.0
"""Seconds by which a late commit has landed, where an adapter declares no horizon."""
_MARGIN: Final = 1.0  # seconds before a horizon: what lands after it is what an adapter says never happens
_DATE: Final = formatdate(LoopClock().epoch + 45.0, usegmt=True)

_LATEST: Final = "the horizon"
"""Stands for the last moment at which a late commit may land."""

_CHOSEN: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "hang": ({"seconds": 2.0},),
    "reset": ({"bytes": 20},),
    "status": ({"status": 500}, {"status": 502, "body": "html"}, {"status": 504, "body": "empty"}),
    "slow": ({"seconds": 11.0}, {"seconds": 11.0, "locks": True}),
    "refusal": tuple({"status": status} for status in (400, 403, 404, 409, 412)),
    "redirect_loop": ({"status": 307},),
    "throttle": ({"status": 429, "retry_after": "7"}, {"status": 503, "retry_after": _DATE}),
    "soap_fault": ({"code": "Client"}, {"detail": "html"}),
    "truncate": ({"fraction": 0.0}, {"fraction": 0.95}),
    "bad_length": ({"fraction": 0.95},),
    "late_commit": (
        {"delay": 5.0, "reply": "reset", "locks": True},
        {"delay": 45.0, "reply": "reset"},
        {"delay": _LATEST, "reply": "504"},
    ),
    "duplicate_delivery": ({"answer": "first"},),
    "partial_batch": ({"k": 1}, {"fraction": 1.0}),
    "cut_batch": ({"k": 3},),
    "pause": ({"seconds": 5.0},),
    "short_deadline": ({"seconds": 3.0},),
    "two_workers": ({"seconds": 5.0},),
    "ledger_write_fails": ({"error": "locked"},),
    "clock_jump": ({"by": -3600.0},),
}
_ONLY_AT: Final[Mapping[str, tuple[Point, ...]]] = {"bytes": ("after_commit",), "locks": ("apply", "later")}
"""Parameters that make a difference there alone."""
_DELAYS: Final[Mapping[tuple[str, Point], str]] = {("slow", "apply"): "seconds", ("late_commit", "later"): "delay"}
"""Kind and point → the parameter that says how much later a change lands."""

_SECONDS: Final[Mapping[str, Sequence[float]]] = {
    "slow": (0.1, 5.0, 9.9, 10.1, 29.9, 30.1, 59.0),
    "search_lag": (1.0, 10.0, 20.0),
    "crash": (0.0, 5.0, 29.0, 31.0, 90.0),
    "pause": (1.0, 9.9, 29.0, 31.0, 65.0),
    "cancel": (0.1, 5.0, 9.9, 11.0),
    "short_deadline": (0.05, 3.0, 9.9, 10.1),
    "two_workers": (0.1, 2.0, 11.0, 31.0),
}
_ANY_SECONDS: Final = (0.5, 2.0, 9.9, 10.1, 29.9, 30.1, 60.0)
"""Around the deadlines of an attempt (10 s) and of a call (30 s), and around the ledger's lease (30 s)."""
_DRAWN: Final[Mapping[str, Sequence[Any]]] = {
    "bytes": (1, 20, 400),
    "fraction": (0.0, 0.1, 0.9, 0.99),
    "k": (1, 2, 3, 4),
    "by": (-3600.0, -30.0, 30.0, 86_400.0),
    "retry_after": ("0", "7", "120", _DATE, "soon"),
    "content_type": ("text/plain", "application/octet-stream"),
}


def chosen(kind: str, point: Point, *, horizon: float | None = None) -> Iterator[dict[str, Any]]:
    """A few other parameters of a kind that make another fault of it.

    Args:
        kind: The kind.
        point: Where it strikes.
        horizon: Seconds within which a late commit must land; `HORIZON` if None.
    """
    for params in _CHOSEN.get(kind, ()):
        made = {name: _latest(horizon) if value == _LATEST else value for name, value in params.items()}
        matters = all(point in _ONLY_AT.get(name, (point,)) for name in made)
        if matters and not beyond(kind, point, made, horizon) and KINDS[kind].problem_with(point, made) is None:
            yield made


def beyond(kind: str, point: Point, params: Mapping[str, Any], horizon: float | None) -> bool:
    """Whether a fault would let a change land after the horizon.

    Args:
        kind: The kind.
        point: Where it strikes; what is slow after the commit landed before.
        params: Its parameters; what is left out is the kind's own.
        horizon: Seconds within which a late commit must land; `HORIZON` if None.
    """
    delaying = _DELAYS.get((kind, point))
    return delaying is not None and bool({**KINDS[kind].params, **params}[delaying] > _latest(horizon))


def varied(
    fault: Fault,
    draw: random.Random,
    *,
    horizon: float | None = None,
    values: Mapping[str, Collection[object]] | None = None,
) -> Fault:
    """A fault with parameters that are drawn: half of the time each stays what it is.

    Args:
        fault: The fault.
        draw: The stream of draws.
        horizon: Seconds within which a late commit must land; `HORIZON` if None.
        values: Parameter → the values that the system knows of it; all of them where nothing is said.
    """
    kind, params = KINDS[fault.kind], dict(fault.params)
    for name in kind.params:
        keep = draw.random() < 0.5
        candidates = [one for one in _candidates(fault.kind, name, horizon) if _is_known(name, one, values)]
        if candidates and not keep:
            params[name] = draw.choice(candidates)
    if kind.problem_with(fault.point, params) is not None or beyond(fault.kind, fault.point, params, horizon):
        return fault
    return fault.model_copy(update={"params": params})


def _candidates(kind: str, name: str, horizon: float | None) -> Sequence[Any]:
    known = KINDS[kind]
    if name in known.choices:
        return known.choices[name]
    if name == "delay":
        latest = _latest(horizon)
        return [*(one for one in (0.1, 5.0, 11.0, 45.0) if one < latest), latest / 2, latest]
    if name == "seconds":
        return _SECONDS.get(kind, _ANY_SECONDS)
    if kind == "partial_batch" and name == "fraction":
        return (0.1, 0.9, 1.0)
    return _DRAWN.get(name, ())


def _is_known(name: str, value: object, values: Mapping[str, Collection[object]] | None) -> bool:
    return value in (values or {}).get(name, (value,))


def _latest(horizon: float | None) -> float:
    return max(0.0, (HORIZON if horizon is None else horizon) - _MARGIN)
