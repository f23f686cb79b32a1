"""From a scenario that breaks an invariant to the smallest one that still breaks it.

In this order: faults are pinned to the requests they struck, then calls, mishaps and faults are taken away, clients
and processes are merged, and what is left is made as plain as it can be, parameters included. Each step is kept only if
the same invariant still breaks. Source: delta debugging (Zeller and Hildebrandt, "Simplifying and isolating
failure-inducing input", 2002) for the taking away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..faults import Fault, Match, Trigger
from ..kinds import KINDS
from .entries import Wire
from .history import History
from .scenario import PlannedCall, Scenario

T = TypeVar("T")

Fails = Callable[[Scenario], bool]
"""Plays a scenario and tells whether it still breaks what it is about."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest scenario that was found.

    Args:
        scenario: The scenario.
        calls: How many calls the first one had.
        faults: How many times faults struck in the first one.
        runs: How many scenarios were played.
        notes: What does not matter, in words.
    """

    scenario: Scenario
    calls: int
    faults: int
    runs: int
    notes: tuple[str, ...] = ()


_FEW = 12  # pairs of a call and a fault
_HALVES = 5  # steps in which a number comes nearer to the kind's own


class OutOfBudget(Exception):
    """No more runs are allowed."""


def shrink(scenario: Scenario, history: History, fails: Fails, *, most_runs: int = 400) -> Shrunk:
    """Shrink a failing scenario.

    Args:
        scenario: It fails.
        history: What happened in it.
        fails: Whether a scenario breaks the same invariant.
        most_runs: How many scenarios may be played.
    """
    return _Shrinker(scenario, history, fails, most_runs).run()


class _Shrinker:
    def __init__(self, scenario: Scenario, history: History, fails: Fails, most_runs: int) -> None:
        self._first = scenario
        self._history = history
        self._fails = fails
        self._left = most_runs
        self._most = most_runs
        self.best = scenario
        self._neared: set[tuple[str, str]] = set()

    def run(self) -> Shrunk:
        notes: tuple[str, ...] = ()
        try:
            self._try(pinned(self._first, self._history))
            while True:
                before = self.best
                self._try(_with(self.best, people=None))
                self._fewer_calls()
                self._fewer_mishaps()
                self._fewer_faults()
                self._plainer()
                self._alone()
                if self.best == before:
                    break
            notes = tuple(self._what_does_not_matter())
        except OutOfBudget:
            notes = ("the budget of runs was used up: it may become smaller still",)
        struck = sum(1 for wire in self._history.of(Wire) if wire.fault)
        return Shrunk(self.best, len(self._first.calls), struck, self._most - self._left, notes)

    def _try(self, candidate: Scenario) -> bool:
        if candidate == self.best:
            return False
        if self._left <= 0:
            raise OutOfBudget
        self._left -= 1
        if not self._fails(candidate):
            return False
        self.best = candidate
        return True

    def _fewer_calls(self) -> None:
        self._fewer(self.best.calls, lambda kept: _with(self.best, calls=kept), least=1)

        # A fault is pinned to the n-th request of its name: without an earlier call it is an earlier one.
        for call in self.best.calls if len(self.best.calls) > 1 else ():
            fewer = tuple(other for other in self.best.calls if other is not call)
            sooner = tuple(_sooner(fault) for fault in self.best.plan.faults)
            self._try(_with_faults(_with(self.best, calls=fewer or self.best.calls), sooner))

    def _fewer_mishaps(self) -> None:
        self._fewer(self.best.mishaps, lambda kept: _with(self.best, mishaps=kept))

    def _fewer_faults(self) -> None:
        self._fewer(self.best.plan.faults, lambda kept: _with_faults(self.best, kept))

    def _fewer(self, items: Sequence[T], make: Callable[[tuple[T, ...]], Scenario], least: int = 0) -> None:
        """Take away as many items as possible: halves first, then ever smaller parts."""
        kept = tuple(items)
        size = max(1, len(kept) // 2)
        while kept:
            start = 0
            while start < len(kept) and len(kept) > least:
                fewer = kept[:start] + kept[start + size :]
                if len(fewer) >= least and self._try(make(fewer)):
                    kept = fewer
                else:
                    start += size
            if size == 1:
                return
            size //= 2

    def _plainer(self) -> None:
        self._try(_with(self.best, workers=1))
        self._try(_with(self.best, calls=tuple(_changed(call, client=1) for call in self.best.calls)))
        for index in range(len(self.best.calls)):
            for changes in _PLAIN_CALL:
                calls = list(self.best.calls)
                calls[index] = _changed(calls[index], **changes)
                self._try(_with(self.best, calls=tuple(calls)))
        for index in range(len(self.best.plan.faults)):
            self._plainer_parameters(index)

    def _plainer_parameters(self, index: int) -> None:
        """Parameters go back to the kind's own; a number that matters comes as near to it as still fails."""
        fault = self.best.plan.faults[index]
        if not fault.params or self._try_parameters(index, {}):
            return
        kind = KINDS[fault.kind]
        for name, value in fault.params.items():
            left = self.best.plan.faults[index].params
            fewer = {one: left[one] for one in left if one != name}
            if self._try_parameters(index, fewer) or name in kind.choices or (fault.id, name) in self._neared:
                continue
            self._neared.add((fault.id, name))
            self._nearer(index, name, kind.params[name], value)

    def _try_parameters(self, index: int, params: dict[str, Any]) -> bool:
        """Whether it still fails with other parameters; those that no plan may name are not tried."""
        fault = self.best.plan.faults[index]
        if KINDS[fault.kind].problem_with(fault.point, params) is not None:
            return False
        return self._try(_with_parameters(self.best, index, params))

    def _nearer(self, index: int, name: str, passes: Any, fails: Any) -> None:
        if not (_is_number(passes) and _is_number(fails)):
            return
        for _ in range(_HALVES):
            between = round((passes + fails) / 2, 2)
            between = int(between) if isinstance(fails, int) else between
            if between in (passes, fails):
                return
            left = self.best.plan.faults[index].params
            if self._try_parameters(index, {**left, name: between}):
                fails = between
            else:
                passes = between

    def _alone(self) -> None:
        """One call under one fault that strikes its first request: what is taken away step by step may miss it."""
        calls, faults = self.best.calls, self.best.plan.faults
        if not 1 < len(calls) * len(faults) <= _FEW:
            return
        for call in calls:
            for fault in faults:
                first = fault.model_copy(update={"trigger": Trigger(nth=1)})
                if self._try(_with_faults(_with(self.best, calls=(call,)), (first,))):
                    return

    def _what_does_not_matter(self) -> Iterator[str]:
        """Whether other kinds at the same point would do as well."""
        best = self.best
        for index, fault in enumerate(best.plan.faults):
            others = [name for name in _same_view(fault) if name != fault.kind]
            did = [name for name in others if self._still_fails_with(best, index, name)]
            if others and len(did) == len(others):
                yield f"{fault.point}/{fault.kind}: any kind at this point fails ({', '.join(others)} were tried)"
            elif did:
                yield f"{fault.point}/{fault.kind}: {', '.join(did)} fails as well"
        self.best = best

    def _still_fails_with(self, scenario: Scenario, index: int, kind: str) -> bool:
        faults = list(scenario.plan.faults)
        faults[index] = faults[index].model_copy(update={"kind": kind, "params": {}})
        if self._left <= 0:
            raise OutOfBudget
        self._left -= 1
        return self._fails(_with_faults(scenario, tuple(faults)))


_PLAIN_CALL: tuple[dict[str, Any], ...] = (
    {"gives_up_after": None},
    {"deadline": None},
    {"reworded": False},
    {"newer": False},
    {"again": 0},
    {"worker": 0},
    {"at": 0.0},
)


def pinned(scenario: Scenario, history: History) -> Scenario:
    """The scenario with each fault pinned to the very request that it struck, so that it can be taken away alone."""
    asked: Counter[tuple[str, str]] = Counter()
    by_id = {fault.id: fault for fault in scenario.plan.faults}
    faults: list[Fault] = []
    for wire in history.of(Wire):
        asked[wire.system, wire.request] += 1
        if wire.lane == "client":
            if wire.fault not in {fault.id for fault in faults}:
                faults.append(by_id[wire.fault])
        elif wire.fault in by_id:
            fault = by_id[wire.fault]
            faults.append(
                fault.model_copy(
                    update={
                        "id": f"{fault.id}-{len(faults) + 1}",
                        "match": Match(system=fault.match.system, operation=wire.request),
                        "trigger": Trigger(nth=asked[wire.system, wire.request]),
                        "times": 1,
                    }
                )
            )
    return _with_faults(scenario, tuple(faults))


def _sooner(fault: Fault) -> Fault:
    nth = fault.trigger.nth
    return fault if nth is None else fault.model_copy(update={"trigger": Trigger(nth=max(1, nth - 1))})


def _same_view(fault: Fault) -> list[str]:
    """Kinds that can take the place of a fault's own, by the point and the lanes."""
    own = KINDS[fault.kind]
    return [
        name
        for name in ("reset", "hang", "status", "truncate", "empty", "garbage", "html_200")
        if name in KINDS and fault.point in KINDS[name].points and set(own.lanes) <= set(KINDS[name].lanes)
    ]


def _with(scenario: Scenario, **changes: Any) -> Scenario:
    return scenario.model_copy(update=changes)


def _with_faults(scenario: Scenario, faults: tuple[Fault, ...]) -> Scenario:
    return _with(scenario, plan=scenario.plan.model_copy(update={"faults": faults}))


def _with_parameters(scenario: Scenario, index: int, params: dict[str, Any]) -> Scenario:
    faults = list(scenario.plan.faults)
    faults[index] = faults[index].model_copy(update={"params": params})
    return _with_faults(scenario, tuple(faults))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _changed(call: PlannedCall, **changes: Any) -> PlannedCall:
    return call.model_copy(update=changes)
