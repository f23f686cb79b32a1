"""Record locks: a write that is under way keeps its records from others.

Source: "Error handling": 423 is a lock of two seconds. The simulator refuses at once and lets go when the write is
over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from .errors import locked


class Locks:
    """Records and unique values that are held by writes under way."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def hold(self, names: Iterable[str]) -> Callable[[], None]:
        """Hold records; the answer lets them go again."""
        held = Counter(set(names))
        self._held.update(held)

        def release() -> None:
            self._held.subtract(held)
            self._held = +self._held

        return release

    def check(self, names: Iterable[str]) -> None:
        """Let a write pass that touches the records.

        Raises:
            HubSpotError: 423: one of them is held.
        """
        if self._held and any(name in self._held for name in names):
            raise locked()
