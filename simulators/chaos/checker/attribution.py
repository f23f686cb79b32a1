"""Whose an effect is: by the request that caused it, and the attempt or probe that made the request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ...effects import Effect
from ..entries import Answered, Attempted, Probed, Wire


class Senders:
    """Who made which request.

    Args:
        entries: A history's entries.
    """

    def __init__(self, entries: Iterable[object]) -> None:
        self._attempt: dict[tuple[str, int], int] = {}
        self._operations: dict[int, set[str]] = defaultdict(set)
        self._ended: dict[tuple[int, str], float] = {}
        for entry in entries:
            match entry:
                case Wire() if entry.number and entry.attempt:
                    self._attempt[entry.system, entry.number] = entry.attempt
                case Attempted() | Probed():
                    self._operations[entry.attempt] |= {entry.operation} - {""}
                case Answered():
                    self._ended[entry.attempt, entry.operation] = entry.at
                case _:
                    pass

    def of(self, system: str, effect: Effect) -> set[str] | None:
        """The operations for which the request of an effect was made: none for a read; None where nobody knows."""
        attempt = self._attempt.get((system, effect.request_id)) if effect.request_id else None
        return None if attempt is None else self._operations[attempt]

    def was_sending(self, attempts: Iterable[Attempted], at: float) -> bool:
        """Whether one of these attempts was on its way at a time."""
        return any(one.at <= at <= self._ended.get((one.attempt, one.operation), at) for one in attempts)
