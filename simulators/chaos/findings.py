"""The failures of a run, looked into: those that come to the same are told once."""

from __future__ import annotations

from collections.abc import Iterator

from .episode import play
from .failing import Found, investigate
from .scenario import Scenario
from .subjects import blamed
from .tally import Tally

_LOOKED_INTO = 3  # failures of each subject


class Findings:
    """Looks into failures for as long as it is let.

    Args:
        interrupted: Whether somebody wants an end of it already. Failures are then kept as they were found, for
            making them small takes a while.
    """

    def __init__(self, *, interrupted: bool = False) -> None:
        self.interrupted = interrupted

    def of(self, tally: Tally) -> Iterator[Found]:
        """The failures of a subject, shrunk, without those that come to the same."""
        seen: set[tuple[object, ...]] = set()
        for scenario in tally.failures:
            if len(seen) == _LOOKED_INTO:
                return
            found = self._looked_into(scenario)
            smallest = found.shrunk.scenario
            actions = sorted({call.action for call in smallest.calls})
            what = (found.invariant, *actions, *(fault.point for fault in smallest.plan.faults))
            if what not in seen:
                seen.add(what)
                yield found

    def _looked_into(self, scenario: Scenario) -> Found:
        with blamed(scenario.subject):
            if not self.interrupted:
                try:
                    return investigate(scenario)
                except KeyboardInterrupt:
                    self.interrupted = True
            return Found.as_it_is(play(scenario))
