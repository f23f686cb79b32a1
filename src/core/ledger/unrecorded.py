"""Verdicts that could not be recorded yet: each kept once, and tried again at its own pace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .records import Verdict

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds before a verdict that the database refused is tried again


@dataclass(slots=True)
class _Kept:
    verdict: Verdict
    refusals: int = 0  # by the database, of this verdict; a ledger that is away counts for none
    due_at: float = 0.0  # monotonic

    def refused(self, now: float) -> None:
        self.due_at = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self.refusals, 10))
        self.refusals += 1


class Unrecorded:
    """Looked up by operation and epoch, so that a thousand of them cost a thousand looks and not a million."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], list[_Kept]] = {}
        self._refusals: dict[tuple[str, int], int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._kept.values()))

    def __iter__(self) -> Iterator[Verdict]:
        return (one.verdict for kept in self._kept.values() for one in kept)

    def keep(self, verdicts: Iterable[Verdict], *, refused_at: float | None = None) -> None:
        """Keep verdicts, unless they are kept already.

        Args:
            verdicts: The verdicts.
            refused_at: Monotonic time at which the database refused just this one; None if the ledger was away.
        """
        for verdict in verdicts:
            place = verdict.operation_id, verdict.epoch
            kept = self._kept.setdefault(place, [])
            if any(one.verdict == verdict for one in kept):
                continue
            one = _Kept(verdict, self._refusals.pop(place, 0))
            if refused_at is not None:
                one.refused(refused_at)
            kept.append(one)

    def take(self, verdicts: Iterable[Verdict]) -> None:
        """They are being recorded: no longer keep them."""
        for verdict in verdicts:
            place = verdict.operation_id, verdict.epoch
            for one in self._kept.get(place, ()):
                if one.verdict == verdict:
                    self._kept[place].remove(one)
                    self._refusals[place] = one.refusals
                    break
            if not self._kept.get(place, True):
                del self._kept[place]

    def recorded(self, verdicts: Iterable[Verdict]) -> None:
        """They are durable: forget how often they were refused."""
        for verdict in verdicts:
            self._refusals.pop((verdict.operation_id, verdict.epoch), None)

    def due(self, now: float) -> list[Verdict]:
        """Those to try now (monotonic)."""
        return [one.verdict for kept in self._kept.values() for one in kept if one.due_at <= now]

    def next_due(self) -> float | None:
        """When the first of them is to be tried (monotonic); None if nothing is kept."""
        return min((one.due_at for kept in self._kept.values() for one in kept), default=None)

    def clear(self) -> None:
        """Forget them all."""
        self._kept.clear()
        self._refusals.clear()
