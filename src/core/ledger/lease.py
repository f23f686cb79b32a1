"""The lease as its holder sees it: what its last heartbeat still protects."""

from __future__ import annotations

from ..clock import Clock

_TRUSTED_SHARE = 0.8  # of the lease: within it our last heartbeat still protects what we are about to send


class Lease:
    """Our own view of our heartbeats, and of the operations that they protect.

    Args:
        clock: Both clocks.
        seconds: The lease.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.held: set[tuple[str, int]] = set()  # operations by id and epoch
        self.doubtful: set[tuple[str, int]] = set()  # those we held while our lease had lapsed
        self._clock = clock
        self._trusted = seconds * _TRUSTED_SHARE
        self._beat_at: float | None = None  # monotonic
        self._beat_now = 0.0  # the same moment by the wall clock

    @property
    def shown(self) -> bool:
        """Whether we ever showed life, and did not leave since."""
        return self._beat_at is not None

    def protects(self) -> bool:
        """Whether our last heartbeat is young enough.

        By both clocks: other processes judge by a wall clock, which jumps when it is set or the machine sleeps.
        """
        if self._beat_at is None:
            return False
        since = self._clock.monotonic() - self._beat_at, self._clock.now() - self._beat_now
        return max(since) < self._trusted

    def protects_all(self) -> bool:
        """Whether it also did so ever since we took each operation that we hold."""
        return not self.doubtful and self.protects()

    def protects_one(self, operation_id: str, epoch: int) -> bool:
        """Whether it did so for one operation that we hold; the doubts about others are none about this one."""
        one = (operation_id, epoch)
        return one in self.held and one not in self.doubtful and self.protects()

    def renew(self, started: float, now: float) -> None:
        """A heartbeat that began at that moment is durable.

        Args:
            started: Monotonic.
            now: The same by the wall clock.
        """
        if self._beat_at is not None and not self.protects():
            self.doubtful |= self.held
        self._beat_at, self._beat_now = started, now

    def drop(self, operation_id: str, epoch: int) -> None:
        """We hold it no more."""
        self.held.discard((operation_id, epoch))
        self.doubtful.discard((operation_id, epoch))

    def leave(self) -> None:
        """Nothing is protected from now on."""
        self._beat_at = None
