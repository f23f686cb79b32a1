"""Row locks: a write that is under way keeps its row from others.

InnoDB lets a writer wait (``innodb_lock_wait_timeout``, 50 s) and then fails the statement; the simulator fails it at
once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from .errors import DatabaseFailure


class Locks:
    """Rows that are held by writes under way, by table and key."""

    def __init__(self) -> None:
        self._held: Counter[tuple[str, str]] = Counter()

    def hold(self, table: str, key: str) -> Callable[[], None]:
        """Hold a row, there or yet to come; the answer lets it go again."""
        self._held[table, key] += 1

        def release() -> None:
            self._held[table, key] -= 1
            self._held = +self._held

        return release

    def check(self, table: str, key: str) -> None:
        """Let a write pass that touches the row.

        Raises:
            DatabaseFailure: It is held.
        """
        if (table, key) in self._held:
            raise DatabaseFailure
