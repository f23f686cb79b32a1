"""The episodes of a whole test run: their figures, and the few of them that a report shows."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

from .report import Shown, render
from .tally import Tally

_DRAWN = 12


class Collected:
    """Episodes as they come; only those that a report would show are kept."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.replayed = False
        """Whether a scenario was played that was given by a flag or a mark."""
        self._broken: list[Shown] = []
        self._sound: list[Shown] = []

    def add(self, shown: Shown) -> None:
        """Count an episode."""
        self.tallies.setdefault(shown.history.setting.name, Tally()).count(shown.history, shown.judgement)
        kept = self._broken if shown.judgement.broken else self._sound
        if len(kept) < _DRAWN:
            kept.append(shown)

    def merge(self, other: Collected) -> None:
        """Add what another process collected."""
        for name, tally in other.tallies.items():
            self.tallies.setdefault(name, Tally()).merge(tally)
        self.replayed |= other.replayed
        self._broken = (self._broken + other._broken)[:_DRAWN]
        self._sound = (self._sound + other._sound)[:_DRAWN]

    def packed(self) -> bytes:
        """As bytes, to be handed to the process that started this one."""
        return pickle.dumps((self.tallies, self.replayed, self._broken, self._sound))

    @classmethod
    def unpacked(cls, packed: bytes) -> Collected:
        """What `packed` gave, in the process that started the other one and trusts it as itself."""
        made = cls()
        made.tallies, made.replayed, made._broken, made._sound = pickle.loads(packed)  # noqa: S301
        return made

    @property
    def episodes(self) -> int:
        """How many there were."""
        return sum(tally.episodes for tally in self.tallies.values())

    def never_struck(self) -> Iterator[str]:
        """For each subject the faults that were planned and never struck, as a line."""
        for name, tally in self.tallies.items():
            if tally.idle:
                yield f"{name}: planned, and never struck: {', '.join(tally.idle)}"

    def write(self, path: Path) -> None:
        """Write the report; its folder is made if it is not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = (self._broken + self._sound)[:_DRAWN]
        path.write_text(render("Chaos report", self.tallies, shown), encoding="utf-8")
