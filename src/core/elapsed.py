"""How long ago something happened, when neither clock can be trusted alone."""

from __future__ import annotations

from collections import OrderedDict

from .clock import Clock

_MOST = 65_536  # sightings kept; an operation that is forgotten is judged by the wall clock alone


class Elapsed:
    """Seconds since a time that the ledger remembers, by the more careful of two clocks.

    The ledger's times are wall times, because other processes read them; and a wall clock jumps when it is set. A
    jump forward would let a late-commit horizon pass at once. So the first time this process meets such a time it
    notes its monotonic clock as well, and from then on the shorter of the two counts. What jumped before this
    process saw the time cannot be known to it.

    Args:
        clock: Both clocks.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._met: OrderedDict[tuple[str, float], float] = OrderedDict()  # → the monotonic time of `at`, as it seemed

    def since(self, operation_id: str, at: float) -> float:
        """Seconds since `at`; below 0 for a time to come.

        Args:
            operation_id: Whose time it is.
            at: Seconds since the epoch, as recorded.
        """
        return min(self._by_both(operation_id, at))

    def at_most(self, operation_id: str, at: float) -> float:
        """The same by the clock that says more: for what must not have grown too old.

        Args:
            operation_id: Whose time it is.
            at: Seconds since the epoch, as recorded.
        """
        return max(self._by_both(operation_id, at))

    def _by_both(self, operation_id: str, at: float) -> tuple[float, float]:
        monotonic, by_wall = self._clock.monotonic(), self._clock.now() - at
        began = self._met.setdefault((operation_id, at), monotonic - by_wall)
        if len(self._met) > _MOST:
            self._met.popitem(last=False)
        return by_wall, monotonic - began
